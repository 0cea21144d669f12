"""Conversion of sample rates by soxr: in one go, or as a stream that keeps its state between pieces."""

from __future__ import annotations

import numpy as np
import soxr

from .pcm import samples


class Resampler:
    """A mono stream from one rate to another. Piece by piece it gives exactly what one go would give."""

    def __init__(self, from_hz: int, to_hz: int, *, quality: str = "HQ") -> None:
        self.from_hz, self.to_hz = from_hz, to_hz
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality=quality)

    def feed(self, pcm: bytes, *, last: bool = False) -> bytes:
        """The next piece. What comes out trails behind by the filter's delay, until *last* flushes it."""
        if self.from_hz == self.to_hz:
            return pcm
        out: bytes = self._stream.resample_chunk(samples(pcm), last=last).astype("<i2", copy=False).tobytes()
        return out

    def flush(self) -> bytes:
        """What is still inside the filter. The stream is over after this."""
        return self.feed(b"", last=True)


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """All of *pcm* (mono) at another rate."""
    if from_hz == to_hz or not pcm:
        return pcm
    out: bytes = np.asarray(soxr.resample(samples(pcm), from_hz, to_hz)).astype("<i2", copy=False).tobytes()
    return out
