"""G.711 against its own table of the standard's definition, levels, mixing, sample rates."""

from __future__ import annotations

import random
import warnings

import pytest

from media import pcm
from media.frames import FRAME_BYTES, RATE_HZ, Framer, split
from media.resample import Resampler, resample
from media.tones import strength, tone

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop  # an oracle that Python 3.11 and 3.12 have


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little", signed=True) for value in values)


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_g711_is_what_the_standard_library_makes_of_it(law: str) -> None:
    decode, encode = getattr(pcm, f"{law}_decode"), getattr(pcm, f"{law}_encode")
    every = bytes(range(256))
    assert decode(every) == getattr(audioop, f"{law}2lin")(every, 2)
    assert [i for i in range(256) if encode(decode(every))[i] != i] in ([], [0x7F])  # µ-law has two zeroes
    values = words(*range(-32768, 32768))
    ours, theirs = decode(encode(values)), getattr(audioop, f"lin2{law}")(values, 2)
    worst = abs(pcm.samples(ours).astype(int) - pcm.samples(decode(theirs)).astype(int)).max()
    assert worst <= 1024  # the widest step: where a value lies on a border, either side is right
    errors = [abs(pcm.samples(each).astype(int) - pcm.samples(values)).mean() for each in (ours, decode(theirs))]
    assert errors[0] <= errors[1] * 1.001


def test_level() -> None:
    assert pcm.level_dbov(b"") == pcm.level_dbov(bytes(640)) == -127
    assert pcm.level_dbov(words(-32768, -32768)) == pytest.approx(0, abs=0.01)
    assert pcm.level_dbov(tone(440, 1.0, dbfs=-20)) == pytest.approx(-23, abs=0.1)  # a sine's power is half


def test_gain_and_mix_saturate() -> None:
    assert pcm.gain(words(1000, -1000), 6.0206) == words(2000, -2000)
    assert pcm.gain(words(30000, -30000), 6) == words(32767, -32768)
    assert pcm.mix([words(1, 2), words(10, 20), words(-5, 5)]) == words(6, 27)
    assert pcm.mix([words(30000), words(30000)]) == words(32767)
    assert pcm.mix([words(-30000), words(-30000)]) == words(-32768)
    assert pcm.mix([words(7)]) == words(7)
    assert pcm.mix([]) == b""


@pytest.mark.parametrize("hz", [8000, 24000, 48000])
def test_a_tone_keeps_its_pitch_loudness_and_length_through_resampling(hz: int) -> None:
    there = resample(tone(440, 1.0), RATE_HZ, hz)
    assert len(there) / 2 == pytest.approx(hz, abs=2)
    assert strength(there, 440, rate_hz=hz) == pytest.approx(0.1, rel=0.02)
    back = resample(there, hz, RATE_HZ)
    assert strength(back, 440) == pytest.approx(0.1, rel=0.02)


def test_a_stream_in_odd_pieces_equals_one_go() -> None:
    source, rng = tone([440, 1300], 0.5), random.Random(3)
    stream, out, at = Resampler(RATE_HZ, 8000), b"", 0
    while at < len(source):
        size = 2 * rng.randrange(1, 700)
        out += stream.feed(source[at : at + size])
        at += size
    out += stream.flush()
    whole = resample(source, RATE_HZ, 8000)
    assert len(out) == len(whole)
    assert max(abs(a - b) for a, b in zip(pcm.samples(out).tolist(), pcm.samples(whole).tolist(), strict=True)) <= 2


def test_the_same_rate_passes_through() -> None:
    assert Resampler(RATE_HZ, RATE_HZ).feed(b"ab") == b"ab"
    assert resample(b"", 8000, RATE_HZ) == b""


def test_framer_cuts_any_pieces_and_loses_nothing() -> None:
    source = bytes(range(256)) * 11
    framer, frames = Framer(), []
    for at in range(0, len(source), 100):
        frames += framer.feed(source[at : at + 100])
    assert all(len(frame) == FRAME_BYTES for frame in frames)
    frames += framer.flush()
    assert frames == split(source)
    assert b"".join(frames)[: len(source)] == source
    assert framer.flush() == []
