"""Our port of pjmedia's conference bridge, moved by pjmedia's own functions."""

from __future__ import annotations

import ctypes

import pytest

from media.frames import FRAME_BYTES, SILENCE
from sip.pj import audio_port
from sip.pj.audio_port import FramePort, check_layout

AUDIO, NOTHING = 1, 0


class Recorded(FramePort):
    def __init__(self) -> None:
        super().__init__("recorded")
        self.got: list[bytes] = []
        self.next: bytes | None = None

    def heard(self, frame: bytes) -> None:
        self.got.append(frame)

    def said(self) -> bytes | None:
        return self.next


def move(port: FramePort, function: str, kind: int, data: bytes) -> tuple[int, int, bytes]:
    """Let pjmedia put or get a frame. Gives its type, size and bytes afterwards."""
    buffer = ctypes.create_string_buffer(data, FRAME_BYTES)
    frame = audio_port._Frame(kind, ctypes.addressof(buffer), len(data))
    move_frame = getattr(audio_port._lib, function)
    assert move_frame(ctypes.addressof(port._port), ctypes.addressof(frame)) == 0
    return frame.type, frame.size, buffer.raw


def test_a_frame_goes_through_pjmedia_to_the_port_and_back() -> None:
    port, frame = Recorded(), bytes(range(64)) * 10
    move(port, "pjmedia_port_put_frame", AUDIO, frame)
    assert port.got == [frame]
    port.next = frame[::-1]
    assert move(port, "pjmedia_port_get_frame", NOTHING, b"") == (AUDIO, FRAME_BYTES, frame[::-1])


def test_no_audio_and_nothing_to_say_are_silence() -> None:
    port = Recorded()
    move(port, "pjmedia_port_put_frame", NOTHING, b"")
    move(port, "pjmedia_port_put_frame", AUDIO, b"short")
    assert port.got[0] is SILENCE
    assert port.got[1] is SILENCE
    assert move(port, "pjmedia_port_get_frame", NOTHING, b"x" * FRAME_BYTES) == (AUDIO, FRAME_BYTES, SILENCE)


def test_a_build_with_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_layout()

    class Shifted(audio_port._Port):
        pass

    Shifted.put_frame, Shifted.get_frame = audio_port._Port.get_frame, audio_port._Port.put_frame
    monkeypatch.setattr(audio_port, "_Port", Shifted)
    with pytest.raises(RuntimeError, match="differently"):
        check_layout()
