"""Who speaks, from the audio-level header extension (RFC 6464), never by decoding."""

from __future__ import annotations

from typing import Final

INTERVAL_S: Final = 0.4
ACTIVE_DBOV: Final = 35  # louder than −35 dBov counts as speech
ACTIVE_SHARE: Final = 0.4  # of the window
PACKET_S: Final = 0.02
SMOOTHING: Final = 0.5
SILENT: Final = 127


class LevelWindow:
    """The levels of one track since the last look. ``observe`` is on the packet path."""

    __slots__ = ("_active", "_loudest", "_smoothed")

    def __init__(self) -> None:
        self._active, self._loudest, self._smoothed = 0, SILENT, 0.0

    def observe(self, dbov: int) -> None:
        """One packet's level, in −dBov (0 is the loudest, 127 silence)."""
        if dbov <= ACTIVE_DBOV:
            self._active += 1
            if dbov < self._loudest:
                self._loudest = dbov

    def close(self, window_s: float) -> float:
        """End the window: the smoothed level from 0 to 1, 0 when the track was silent for most of it."""
        speaking = self._active * PACKET_S >= ACTIVE_SHARE * window_s
        level = 10 ** (-self._loudest / 20) if speaking else 0.0
        self._smoothed += (level - self._smoothed) * SMOOTHING
        self._active, self._loudest = 0, SILENT
        if not speaking and self._smoothed < 10 ** (-ACTIVE_DBOV / 20):
            self._smoothed = 0.0
        return round(self._smoothed, 3)
