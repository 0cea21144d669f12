"""20 ms frames out of and into pjsua2's conference bridge.

Both callbacks run on the null device's clock thread, 50 times a second and call: whatever they do delays RTP. Copying
a vector byte by byte through SWIG costs over 100 microseconds, so frames are read and written by address; that relies
on libstdc++ keeping a vector's begin and end in its first two words, which ``check_layout`` proves at start.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import get_ident
from typing import Generic, TypeVar

import pjsua2 as pj

from media.frames import FRAME_BYTES, FRAME_MS, RATE_HZ, SILENCE
from media.pcm_link import WorkerEnd

_Words = ctypes.c_void_p * 2
_BUF_AT = 8  # offset of ``buf`` in pj::MediaFrame: after the frame type and its padding


def _span(vector: pj.ByteVector) -> tuple[int, int]:
    begin, end = _Words.from_address(int(vector.this))
    return begin or 0, end or 0


def check_layout() -> None:
    """Prove that bytes can be read and written by address. Raises RuntimeError where this build differs."""
    pattern = bytes(range(256)) * 2
    vector = pj.ByteVector(pattern)
    begin, end = _span(vector)
    frame = pj.MediaFrame()
    frame.buf = vector
    inside, inside_end = _Words.from_address(int(frame.this) + _BUF_AT)
    readable = end - begin == len(pattern) and ctypes.string_at(begin, end - begin) == bytes(vector)
    if (
        not readable
        or (inside, inside_end) != _span(frame.buf)
        or ctypes.string_at(inside or 0, len(pattern)) != pattern
    ):
        raise RuntimeError("this build of pjsua2 lays out its vectors differently")


_settled: set[int] = set()


def _settle() -> None:
    """Give the clock's thread a Python thread state of its own, once.

    It is no thread of Python's, so SWIG's PyGILState_Ensure would build a state for each callback and destroy it after:
    two thirds of what a callback costs. One Ensure more than Release keeps the state. The thread lives as long as the
    process (``sndAutoCloseTime`` is off), so nothing piles up.
    """
    _settled.add(get_ident())
    ctypes.pythonapi.PyGILState_Ensure()


class FramePort(pj.AudioMediaPort):  # type: ignore[misc]
    """A port of the bridge. Subclasses say what is done with a frame heard and which frame is said next."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._silence = pj.ByteVector(SILENCE)
        self._out = pj.ByteVector(SILENCE)
        self._out_at = _span(self._out)[0]
        wanted = pj.MediaFormatAudio()
        wanted.type = pj.PJMEDIA_TYPE_AUDIO
        wanted.clockRate, wanted.channelCount, wanted.bitsPerSample = RATE_HZ, 1, 16
        wanted.frameTimeUsec = FRAME_MS * 1000
        self.createPort(name, wanted)

    def heard(self, frame: bytes) -> None:
        """Take 20 ms from the far end. On the clock's thread: short, and never raises."""

    def said(self) -> bytes | None:
        """Give the next 20 ms for the far end; None is silence. On the clock's thread: short, and never raises."""
        return None

    def onFrameReceived(self, frame: pj.MediaFrame) -> None:
        if get_ident() not in _settled:
            _settle()
        begin, end = _Words.from_address(int(frame.this) + _BUF_AT)  # half of what ``frame.buf`` costs
        self.heard(ctypes.string_at(begin, FRAME_BYTES) if begin and end and end - begin == FRAME_BYTES else SILENCE)

    def onFrameRequested(self, frame: pj.MediaFrame) -> None:
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        data = self.said()
        if data is None:
            frame.buf = self._silence
        else:
            ctypes.memmove(self._out_at, data, FRAME_BYTES)
            frame.buf = self._out
        frame.size = FRAME_BYTES


class PcmPort(FramePort):
    """A caller's audio, to and from a media process; ``link`` is None while it has no caller."""

    def __init__(self, name: str) -> None:
        self.link: WorkerEnd | None = None
        super().__init__(name)

    def heard(self, frame: bytes) -> None:
        link = self.link
        if link is not None:
            link.send(frame)

    def said(self) -> bytes | None:
        link = self.link
        return link.recv() if link is not None else None


Port = TypeVar("Port", bound=FramePort)


class Shelf(Generic[Port]):
    """Ports are made once and used again. Destroying one races with the clock: its callback may come when Python has
    already emptied the object. There are never more than calls at once."""

    def __init__(self, make: Callable[[str], Port]) -> None:
        self._make = make
        self._free: list[Port] = []
        self._made = 0

    def take(self) -> Port:
        if self._free:
            return self._free.pop()
        self._made += 1
        return self._make(f"port-{self._made}")

    def give_back(self, port: Port) -> None:
        self._free.append(port)
