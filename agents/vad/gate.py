"""The light gate: WebRTC's detector on 20 ms frames. It lets through too much, and costs next to nothing."""

from __future__ import annotations

from typing import Any

from media.frames import FRAME_S, RATE_HZ, SILENCE, Frame

HOLD_S = 0.64  # stays open this long after the last voiced frame: longer than any pause that ends a turn
OPENS_AFTER = 2  # voiced frames in a row; a single one is a click


class LightGate:
    """One caller's gate. ``open_for`` is called for every frame, on the clock."""

    def __init__(self, aggressiveness: int = 1) -> None:
        import webrtcvad

        self._vad: Any = webrtcvad.Vad(aggressiveness)
        self._row = 0
        self._hold = 0

    def open_for(self, frame: Frame) -> bool:
        """Whether the model should look at this frame."""
        if frame is not SILENCE and self._vad.is_speech(frame, RATE_HZ):
            self._row += 1
            if self._row >= OPENS_AFTER:
                self._hold = int(HOLD_S / FRAME_S)
        else:
            self._row = 0
        if self._hold:
            self._hold -= 1
            return True
        return False
