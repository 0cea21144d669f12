"""The one audio format inside the house: a frame is 20 ms of 16 kHz mono signed 16-bit little-endian PCM.

A frame is plain ``bytes``: immutable, so that a leg, a recorder and a transcriber may hold the same one, and cheap to
hand on. Silence is one object, so ``frame is SILENCE`` tells for nothing that nobody spoke.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Frame: TypeAlias = bytes

RATE_HZ: Final = 16_000
FRAME_MS: Final = 20
FRAME_S: Final = FRAME_MS / 1000
FRAMES_PER_S: Final = 1000 // FRAME_MS
FRAME_SAMPLES: Final = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES: Final = FRAME_SAMPLES * 2

SILENCE: Final[Frame] = bytes(FRAME_BYTES)


def split(pcm: bytes) -> list[Frame]:
    """Cut 16 kHz PCM into frames; the last one is filled up with silence."""
    frames = [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm), FRAME_BYTES)]
    if frames and len(frames[-1]) < FRAME_BYTES:
        frames[-1] = frames[-1].ljust(FRAME_BYTES, b"\0")
    return frames


def seconds(pcm: bytes) -> float:
    """How long 16 kHz PCM plays, in seconds."""
    return len(pcm) / 2 / RATE_HZ


class Framer:
    """Cuts a stream of 16 kHz PCM in pieces of any size into frames; what doesn't fill one waits for more."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, pcm: bytes) -> list[Frame]:
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        return [pcm[at : at + FRAME_BYTES] for at in range(0, whole, FRAME_BYTES)]

    def flush(self) -> list[Frame]:
        """The last frame, filled up with silence, if anything is left."""
        rest, self._rest = self._rest, b""
        return split(rest)
