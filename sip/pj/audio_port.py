"""20 ms frames out of and into pjsua2's conference bridge.

A port is a ``pjmedia_port`` of our own whose two functions are Python's, called by the null device's clock thread 50
times a second and call: whatever they do delays RTP. pjsua2's own ``AudioMediaPort`` comes to Python by a SWIG
director, which for every callback builds a frame object and a vector and looks up a method by name; that cost more than
moving the audio did. Here a frame is read and written where the bridge keeps it.

The layouts are those of pjmedia's public headers (``port.h``, ``format.h``, ``frame.h``); ``check_layout`` proves at
start that this build agrees.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from threading import get_ident
from typing import Any, Final, Generic, TypeVar

import pjsua2 as pj

from media.frames import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ, SILENCE
from media.pcm_link import WorkerEnd

SIGNATURE: Final = int.from_bytes(b"AtPt", "big")
POOL_BYTES: Final = 4000
_AUDIO: Final = pj.PJMEDIA_FRAME_TYPE_AUDIO


class _Str(ctypes.Structure):
    _fields_ = (("ptr", ctypes.c_char_p), ("length", ctypes.c_ssize_t))


class _Frame(ctypes.Structure):
    """``pjmedia_frame``."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("buf", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


_Move = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
_End = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


class _Port(ctypes.Structure):
    """``pjmedia_port``. ``info`` is filled in by pjmedia itself."""

    _fields_ = (
        ("name", _Str),
        ("signature", ctypes.c_uint32),
        ("direction", ctypes.c_int),
        ("format", ctypes.c_uint32 * 9),
        ("data", ctypes.c_void_p),
        ("number", ctypes.c_long),
        ("group_lock", ctypes.c_void_p),
        ("get_clock_source", ctypes.c_void_p),
        ("put_frame", _Move),
        ("get_frame", _Move),
        ("on_destroy", _End),
    )


# Calls let go of Python's lock: the clock's thread may wait for it while it holds the bridge's.
_lib = ctypes.CDLL(sys.modules[pj.Endpoint.__module__]._pjsua2.__file__)
_lib.pjmedia_port_info_init.argtypes = (
    ctypes.c_void_p, ctypes.POINTER(_Str), *[ctypes.c_uint] * 5
)  # fmt: skip
_lib.pjmedia_port_put_frame.argtypes = _lib.pjmedia_port_get_frame.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
_lib.pjsua_pool_create.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_size_t)
_lib.pjsua_pool_create.restype = ctypes.c_void_p
_lib.pjsua_conf_add_port.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
_lib.pjsua_conf_connect.argtypes = _lib.pjsua_conf_disconnect.argtypes = (ctypes.c_int, ctypes.c_int)


def _check(status: int, what: str) -> None:
    if status:
        raise RuntimeError(f"pjmedia: {what} failed with status {status}")


_settled: set[int] = set()


def _settle() -> None:
    """Give the clock's thread a Python thread state of its own, once.

    It is no thread of Python's, so every callback would build a state and destroy it after: two thirds of what a
    callback costs. One Ensure more than Release keeps the state. The thread lives as long as the process
    (``sndAutoCloseTime`` is off), so nothing piles up.
    """
    _settled.add(get_ident())
    ctypes.pythonapi.PyGILState_Ensure()


class FramePort:
    """A port of the bridge. Subclasses say what is done with a frame heard and which frame is said next.

    Lives as long as the process once it is in the bridge (see ``Shelf``).
    """

    def __init__(self, name: str) -> None:
        self._name = _Str(name.encode(), len(name))
        self._port = _Port()
        _check(
            _lib.pjmedia_port_info_init(
                ctypes.addressof(self._port), self._name, SIGNATURE, RATE_HZ, 1, 16, FRAME_SAMPLES
            ),
            "a port's description",
        )
        self._port.put_frame, self._port.get_frame = _Move(self._put), _Move(self._get)
        self._port.on_destroy = _End(lambda port: 0)
        self._slot = -1

    def join(self) -> None:
        """Take a place in the conference bridge.  Raises RuntimeError when it has none left."""
        slot = ctypes.c_int(-1)
        pool = _lib.pjsua_pool_create(b"port", POOL_BYTES, POOL_BYTES)
        _check(_lib.pjsua_conf_add_port(pool, ctypes.addressof(self._port), slot), "a place in the bridge")
        self._slot = slot.value

    def connect(self, audio: pj.AudioMedia, *, speaks: bool = True) -> None:
        """Hear *audio* and, if it *speaks*, be heard by it. Doing it again does nothing."""
        there = audio.getPortId()
        _check(_lib.pjsua_conf_connect(there, self._slot), "to listen")
        if speaks:
            _check(_lib.pjsua_conf_connect(self._slot, there), "to speak")

    def hush(self, audio: pj.AudioMedia) -> None:
        """Be heard by *audio* no longer."""
        _lib.pjsua_conf_disconnect(self._slot, audio.getPortId())

    def heard(self, frame: bytes) -> None:
        """Take 20 ms from the far end. On the clock's thread: short, and never raises."""

    def said(self) -> bytes | None:
        """Give the next 20 ms for the far end; None is silence. On the clock's thread: short, and never raises."""
        return None

    def _put(self, _port: int, at: int) -> int:
        if get_ident() not in _settled:
            _settle()
        frame = _Frame.from_address(at)
        whole = frame.type == _AUDIO and frame.size == FRAME_BYTES
        self.heard(ctypes.string_at(frame.buf, FRAME_BYTES) if whole else SILENCE)
        return 0

    def _get(self, _port: int, at: int) -> int:
        if get_ident() not in _settled:
            _settle()
        frame = _Frame.from_address(at)
        ctypes.memmove(frame.buf, self.said() or SILENCE, FRAME_BYTES)
        frame.type, frame.size = _AUDIO, FRAME_BYTES
        return 0


class _Probe(FramePort):
    """Remembers what it heard, and says it."""

    frame = b""

    def heard(self, frame: bytes) -> None:
        self.frame = frame

    def said(self) -> bytes | None:
        return self.frame


def check_layout() -> None:
    """Prove that pjmedia and we mean the same by a port and a frame. Raises RuntimeError where this build differs."""
    probe = _Probe("probe")
    pattern = bytes(range(256)) * 2 + bytes(FRAME_BYTES - 512)
    given = ctypes.create_string_buffer(pattern, FRAME_BYTES)
    taken = ctypes.create_string_buffer(FRAME_BYTES)
    frames = [_Frame(_AUDIO, ctypes.addressof(buffer), FRAME_BYTES) for buffer in (given, taken)]
    port: Any = probe._port
    _settled.add(get_ident())  # a thread of Python's own has its state
    statuses = [
        _lib.pjmedia_port_put_frame(ctypes.addressof(port), ctypes.addressof(frames[0])),
        _lib.pjmedia_port_get_frame(ctypes.addressof(port), ctypes.addressof(frames[1])),
    ]
    described = port.signature == SIGNATURE and RATE_HZ in list(port.format)
    if any(statuses) or not described or probe.frame != pattern or taken.raw != pattern:
        raise RuntimeError("this build of pjsua2 lays out its ports or frames differently")


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
        port = self._make(f"port-{self._made}")
        port.join()
        return port

    def give_back(self, port: Port) -> None:
        self._free.append(port)
