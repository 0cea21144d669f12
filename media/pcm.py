"""Arithmetic on 16-bit PCM: G.711, gain, level, mixing. Bytes in, bytes out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]

FULL_SCALE: Final = 32768
MIN_DBOV: Final = -127.0  # RFC 6464 §3: digital silence
_DB_AT_ONE: Final = -20 * math.log10(FULL_SCALE)  # level of a sine of amplitude 1, near enough


def samples(pcm: bytes) -> Samples:
    """A read-only view of *pcm* as numbers."""
    return np.frombuffer(pcm, dtype="<i2")


def level_dbov(pcm: bytes) -> float:
    """Loudness relative to the overload point: 0 is a full-scale square wave, -127 silence (RFC 6464 §3)."""
    if not pcm:
        return MIN_DBOV
    x = samples(pcm).astype(np.float32)
    power = float(np.dot(x, x)) / len(x)
    return max(MIN_DBOV, 10 * math.log10(power) + _DB_AT_ONE) if power > 0 else MIN_DBOV


def gain(pcm: bytes, db: float) -> bytes:
    """*pcm* louder by *db*; what doesn't fit saturates."""
    x = samples(pcm).astype(np.float32) * np.float32(10 ** (db / 20))
    return saturate(np.rint(x)).tobytes()


def saturate(x: NDArray[np.generic]) -> Samples:
    """Numbers of any kind as 16-bit samples; what doesn't fit is full scale."""
    clipped: Samples = np.clip(x, -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    return clipped


def mix(parts: Iterable[bytes]) -> bytes:
    """The sum of equally long parts; what doesn't fit saturates. One part comes back as it is, none as nothing."""
    parts = list(parts)
    if len(parts) < 2:
        return parts[0] if parts else b""
    total = samples(parts[0]).astype(np.int32)
    for part in parts[1:]:
        total += samples(part)
    return saturate(total).tobytes()


def ulaw_decode(data: bytes) -> bytes:
    """G.711 µ-law (PCMU) to PCM at the same rate."""
    return _ulaw_to_pcm()[np.frombuffer(data, np.uint8)].tobytes()


def ulaw_encode(pcm: bytes) -> bytes:
    """PCM to G.711 µ-law (PCMU) at the same rate."""
    return bytes(_pcm_to_ulaw()[np.frombuffer(pcm, "<u2")])


def alaw_decode(data: bytes) -> bytes:
    """G.711 A-law (PCMA) to PCM at the same rate."""
    return _alaw_to_pcm()[np.frombuffer(data, np.uint8)].tobytes()


def alaw_encode(pcm: bytes) -> bytes:
    """PCM to G.711 A-law (PCMA) at the same rate."""
    return bytes(_pcm_to_alaw()[np.frombuffer(pcm, "<u2")])


# Tables instead of arithmetic a sample: one for each direction, made when first needed.


@cache
def _ulaw_to_pcm() -> Samples:
    """G.711 table 2: sign, three bits of segment, four of step, all inverted; 14 bits, so shifted up by two."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    segment, step = (code >> 4) & 7, code & 15
    size = (((step << 3) + 0x84) << segment) - 0x84
    return np.where(code & 0x80, -size, size).astype("<i2")


@cache
def _alaw_to_pcm() -> Samples:
    """G.711 table 1: even bits inverted; 13 bits, so shifted up by three."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment, step = (code >> 4) & 7, code & 15
    linear = (step << 4) + 8
    size = np.where(segment == 0, linear, (linear + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, size, -size).astype("<i2")


@cache
def _pcm_to_ulaw() -> NDArray[np.uint8]:
    x = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    size = np.minimum(np.abs(x), 32635) + 0x84
    segment = np.clip(np.floor(np.log2(size)).astype(np.int32) - 7, 0, 7)
    step = (size >> (segment + 3)) & 15
    codes: NDArray[np.uint8] = (~(np.where(x < 0, 0x80, 0) | segment << 4 | step) & 0xFF).astype(np.uint8)
    return codes


@cache
def _pcm_to_alaw() -> NDArray[np.uint8]:
    x = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    size = np.where(x < 0, ~x, x) >> 3  # 12 bits; the complement mirrors the steps exactly
    segment = np.clip(np.floor(np.log2(np.maximum(size, 1))).astype(np.int32) - 4, 0, 7)
    step = np.where(segment == 0, size >> 1, size >> segment) & 15
    codes: NDArray[np.uint8] = ((np.where(x < 0, 0, 0x80) | segment << 4 | step) ^ 0x55).astype(np.uint8)
    return codes
