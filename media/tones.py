"""Sounds made by arithmetic: hold music, call progress tones, a beep, DTMF; and Goertzel's filter to hear tones.

Everything is made once and kept as frames, shared by all who play it. The first call of ``hold_music`` costs some
tenths of a second: call it once in a thread when the process starts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .frames import FRAME_BYTES, FRAMES_PER_S, RATE_HZ, Frame, split
from .pcm import FULL_SCALE, samples, saturate

Wave: TypeAlias = NDArray[np.float64]  # full scale is 1

RINGBACK_HZ: Final = 425.0  # Brazil, as of ITU-T E.180: 1 s on, 4 s off
PROGRESS_DBFS: Final = -20.0

DTMF_LOW: Final = (697.0, 770.0, 852.0, 941.0)  # ITU-T Q.23
DTMF_HIGH: Final = (1209.0, 1336.0, 1477.0, 1633.0)
DTMF_KEYS: Final = ("123A", "456B", "789C", "*0#D")


def tone(hz: float | Sequence[float], seconds: float, *, dbfs: float = PROGRESS_DBFS) -> bytes:
    """A sine, or a sum of equally loud ones, as 16 kHz PCM; 5 ms of fade at both ends, so that nothing clicks."""
    each = (hz,) if isinstance(hz, int | float) else tuple(hz)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = sum((np.sin(2 * np.pi * one * t) for one in each), np.zeros(len(t)))
    fade = min(len(t) // 2, RATE_HZ // 200)
    if fade:
        ramp = np.linspace(0, 1, fade)
        wave[:fade] *= ramp
        wave[-fade:] *= ramp[::-1]
    return _pcm(wave * 10 ** (dbfs / 20))


def cadence(hz: float, on_s: float, off_s: float, *, dbfs: float = PROGRESS_DBFS) -> tuple[Frame, ...]:
    """One period of an interrupted tone, to be looped."""
    return tuple(split(tone(hz, on_s, dbfs=dbfs) + bytes(2 * round(off_s * RATE_HZ))))


@cache
def ringback() -> tuple[Frame, ...]:
    """What a caller in Brazil hears while it rings: 425 Hz, 1 s on, 4 s off. Loops."""
    return cadence(RINGBACK_HZ, 1.0, 4.0)


@cache
def busy() -> tuple[Frame, ...]:
    """Brazil's busy tone: 425 Hz, 0.25 s on, 0.25 s off. Loops."""
    return cadence(RINGBACK_HZ, 0.25, 0.25)


@cache
def beep() -> tuple[Frame, ...]:
    """A short beep: record now, or a supervisor came in."""
    return tuple(split(tone(1000.0, 0.2, dbfs=-18.0)))


def dtmf(digits: str, *, on_s: float = 0.1, off_s: float = 0.1, dbfs: float = -10.0) -> bytes:
    """Digits as PCM (ITU-T Q.23).

    Raises:
        ValueError: a character that is no key.
    """
    out = []
    for digit in digits.upper():
        low, high = _dtmf_pair(digit)
        out.append(tone((low, high), on_s, dbfs=dbfs) + bytes(2 * round(off_s * RATE_HZ)))
    return b"".join(out)


def _dtmf_pair(digit: str) -> tuple[float, float]:
    for row, low in zip(DTMF_KEYS, DTMF_LOW, strict=True):
        if digit in row and len(digit) == 1:
            return low, DTMF_HIGH[row.index(digit)]
    raise ValueError(f"{digit!r} is not a key of a telephone")


def strength(pcm: bytes, hz: float, *, rate_hz: int = RATE_HZ) -> float:
    """Amplitude of the sine of *hz* within *pcm*, as a part of full scale: Goertzel's filter over a Hann window.

    A window keeps a loud neighbour out; bins are ``2 * rate_hz / samples`` wide.
    """
    x = samples(pcm).astype(np.float64) / FULL_SCALE
    if not len(x):
        return 0.0
    window = np.hanning(len(x))
    turn = np.exp(-2j * np.pi * hz / rate_hz * np.arange(len(x)))
    return float(2 * abs(np.dot(x * window, turn)) / window.sum())


def loudest(pcm: bytes, candidates_hz: Sequence[float]) -> float:
    """Which of *candidates_hz* is strongest."""
    return max(candidates_hz, key=lambda hz: strength(pcm, hz))


def detect_dtmf(pcm: bytes, *, least: float = 0.01) -> str:
    """The digits within 16 kHz PCM, each heard for 40 ms or more (ITU-T Q.24); for tests and in-band callers.

    *least* is the amplitude, of full scale, that both tones of a digit must have.
    """
    digits, last = [], ""
    step = FRAME_BYTES * 2  # 40 ms, so that neighbouring rows are two bins apart
    for at in range(0, len(pcm) - step + 1, FRAME_BYTES):
        heard = _digit_in(pcm[at : at + step], least)
        if heard and heard != last:
            digits.append(heard)
        last = heard
    return "".join(digits)


def _digit_in(pcm: bytes, least: float) -> str:
    lows = [strength(pcm, hz) for hz in DTMF_LOW]
    highs = [strength(pcm, hz) for hz in DTMF_HIGH]
    row, column = lows.index(max(lows)), highs.index(max(highs))
    low, high = lows[row], highs[column]
    if min(low, high) < least or not 0.25 < low / high < 4:  # twist of at most 12 dB
        return ""
    # A digit is two tones and hardly anything else: speech is not.
    x = samples(pcm).astype(np.float64) / FULL_SCALE
    tones_power, power = (low**2 + high**2) / 2, float(np.dot(x, x)) / len(x)
    return DTMF_KEYS[row][column] if tones_power > 0.6 * power else ""


# ── hold music ────────────────────────────────────────────────────────────────────────────────────────────────────────

_BEAT_S: Final = 0.64  # a slow four-four; eight bars are 20.48 s, a whole number of frames
_BARS: Final = (
    # bass note, chord (MIDI numbers), melody as (beat, note)
    (48, (60, 64, 67, 71), ((0, 76), (1.5, 79), (3, 74))),
    (45, (60, 64, 67, 69), ((0, 72), (2, 76), (3, 71))),
    (50, (57, 60, 65, 69), ((0, 74), (1.5, 77), (3, 72))),
    (43, (59, 62, 65, 67), ((0, 71), (2, 74), (3, 67))),
    (52, (59, 62, 67, 71), ((0, 74), (1.5, 71), (3, 76))),
    (45, (60, 64, 67, 72), ((0, 76), (1, 74), (2, 72))),
    (50, (60, 65, 69, 72), ((0, 69), (1.5, 74), (3, 77))),
    (43, (59, 65, 67, 74), ((0, 74), (2, 71), (3.5, 74))),
)
_MUSIC_DBFS: Final = -21.0  # mean power: quieter than speech, so that nobody is startled
HOLD_MUSIC_S: Final = len(_BARS) * 4 * _BEAT_S


@cache
def hold_music() -> tuple[Frame, ...]:
    """An unhurried loop of 20.48 s, composed for this program: a soft broken chord, a bass, a sparse melody.

    Tails of its last notes ring into its beginning, so the seam can't be heard.
    """
    loop = np.zeros(round(HOLD_MUSIC_S * RATE_HZ))
    for bar, (bass, chord, melody) in enumerate(_BARS):
        start = bar * 4
        _add(loop, start, _pluck(bass, 2.4, brightness=0.35), 0.50)
        _add(loop, start + 2, _pluck(bass + 7, 1.6, brightness=0.30), 0.28)
        for eighth, which in enumerate((0, 1, 2, 3, 2, 1, 2, 1)):
            _add(loop, start + eighth / 2, _pluck(chord[which], 1.5, brightness=0.25), 0.22)
        for beat, note in melody:
            _add(loop, start + beat, _pluck(note, 2.2, brightness=0.18), 0.34)
    loop *= 10 ** (_MUSIC_DBFS / 20) / math.sqrt(float(np.mean(loop**2)))
    frames = tuple(split(_pcm(loop)))
    assert len(frames) == round(HOLD_MUSIC_S * FRAMES_PER_S)
    return frames


def _pluck(midi: int, decay_s: float, *, brightness: float) -> Wave:
    """A struck string: five partials, the higher the softer and the sooner gone."""
    hz = 440 * 2 ** ((midi - 69) / 12)
    t = np.arange(round(decay_s * 1.6 * RATE_HZ)) / RATE_HZ
    wave = np.zeros(len(t))
    for partial in range(1, 6):
        if partial * hz > 3400:  # what a telephone doesn't carry
            break
        wave += brightness ** (partial - 1) * np.sin(2 * np.pi * partial * hz * t) * np.exp(-3 * partial * t / decay_s)
    attack = RATE_HZ // 125
    wave[:attack] *= np.linspace(0, 1, attack)
    wave[-attack:] *= np.linspace(1, 0, attack)
    return wave


def _add(loop: Wave, beat: float, note: Wave, loudness: float) -> None:
    """Lay *note* onto the loop at *beat*; what rings over its end rings on at its beginning."""
    at = round(beat * _BEAT_S * RATE_HZ) % len(loop)
    head = min(len(note), len(loop) - at)
    loop[at : at + head] += loudness * note[:head]
    loop[: len(note) - head] += loudness * note[head:]


def _pcm(wave: Wave) -> bytes:
    return saturate(np.rint(wave * (FULL_SCALE - 1))).tobytes()
