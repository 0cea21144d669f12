"""What every synthesiser's samples go through: silence off both ends, an even level, the house's rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

HOUSE_RATE_HZ = 16_000
THRESHOLD = 0.005  # of full scale; below it is silence
LEAD_S = 0.02
TAIL_S = 0.2  # the pause between two sentences


def telephone(samples: npt.NDArray[np.float32], rate_hz: int) -> bytes:
    """*samples* (-1..1) as 16 kHz s16le with LEAD_S of silence before and TAIL_S after; empty if all is silent."""
    import soxr

    loud = np.flatnonzero(np.abs(samples) > THRESHOLD)
    if not len(loud):
        return b""
    begin = max(0, int(loud[0]) - int(LEAD_S * rate_hz))
    cut = samples[begin : int(loud[-1]) + int(TAIL_S * rate_hz)]
    missing = int(loud[-1]) + int(TAIL_S * rate_hz) - len(samples)
    if missing > 0:
        cut = np.concatenate([cut, np.zeros(missing, np.float32)])
    if rate_hz != HOUSE_RATE_HZ:
        cut = soxr.resample(cut, rate_hz, HOUSE_RATE_HZ, quality="HQ")
    return bytes((np.clip(cut, -1.0, 1.0) * 32_000).astype("<i2").tobytes())
