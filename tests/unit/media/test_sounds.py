"""Tones, hold music, players and the mixer, heard by Goertzel's filter."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from media import player, tones
from media.clock import MediaClock
from media.errors import NotARecording
from media.frames import FRAME_BYTES, FRAME_S, FRAMES_PER_S, RATE_HZ, SILENCE, split
from media.mixer import MAX_LEGS, Mixer
from media.pcm import level_dbov, samples
from media.player import MAX_QUEUED, Player
from tests.fakes.legs import ListLeg, frame


def test_ringback_is_one_second_in_five_at_425_hz() -> None:
    frames = tones.ringback()
    assert len(frames) == 5 * FRAMES_PER_S
    on, off = b"".join(frames[:50]), b"".join(frames[50:])
    assert tones.loudest(on, (350, 400, 425, 440, 480)) == 425
    assert tones.strength(on, 425) == pytest.approx(0.1, rel=0.02)
    assert not any(off)
    assert len(tones.busy()) == 25
    assert tones.loudest(b"".join(tones.beep()), (425, 1000, 2000)) == 1000


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_every_digit_is_heard_once(noise: float) -> None:
    keys = "1234567890*#ABCD1155"
    pcm = tones.dtmf(keys)
    hiss = np.random.default_rng(1).normal(0, noise * 32768 / 3, len(pcm) // 2)
    assert tones.detect_dtmf((samples(pcm) + hiss).astype("<i2").tobytes()) == keys
    with pytest.raises(ValueError, match="not a key"):
        tones.dtmf("12 4")


def test_music_and_single_tones_are_no_digits() -> None:
    assert tones.detect_dtmf(b"".join(tones.hold_music())) == ""
    assert tones.detect_dtmf(tones.tone(697, 1.0)) == ""
    assert tones.detect_dtmf(bytes(32000)) == ""


def test_hold_music_is_soft_whole_frames_without_clipping_or_a_click_at_the_seam() -> None:
    frames = tones.hold_music()
    pcm = b"".join(frames)
    x = samples(pcm).astype(np.int32)
    assert {len(each) for each in frames} == {FRAME_BYTES}
    assert len(frames) * FRAME_S == pytest.approx(tones.HOLD_MUSIC_S)
    assert level_dbov(pcm) == pytest.approx(-21, abs=0.2)
    assert np.abs(x).max() < 0.6 * 32768
    steps = np.abs(np.diff(np.concatenate([x, x[:1]])))
    assert steps[-1] <= steps[:-1].max()
    # Never silent for long: nobody should think that the line is dead.
    assert min(level_dbov(pcm[at : at + RATE_HZ]) for at in range(0, len(pcm) - RATE_HZ, RATE_HZ)) > -40
    assert tones.hold_music() is frames  # made once


def test_hold_music_loops_without_a_gap() -> None:
    music, frames = player.hold_music(), tones.hold_music()
    heard = [music.pull() for _ in range(2 * len(frames) + 3)]
    assert heard == [*frames, *frames, *frames[:3]]
    assert not music.finished.is_set()


async def test_pieces_are_played_in_a_row_then_nothing() -> None:
    leg = Player("prompt", [frame(1), frame(2)])
    leg.add([frame(3)])
    leg.add([])
    leg.push(SILENCE)
    assert [leg.pull() for _ in range(4)] == [frame(1), frame(2), frame(3), None]
    assert leg.finished.is_set()
    leg.add([frame(4)])
    assert not leg.finished.is_set()
    await leg.close()
    assert leg.finished.is_set()
    assert leg.pull() is None
    assert all(leg.add([frame(5)]) for _ in range(MAX_QUEUED))
    assert not leg.add([frame(6)])
    assert leg.refused == 1


def test_empty_looping_player_ends() -> None:
    assert Player("nothing", loop=True).pull() is None
    assert player.ringback().pull() == tones.ringback()[0]
    assert player.busy().pull() == tones.busy()[0]


async def test_a_stereo_wav_of_another_rate_is_played_as_frames(tmp_path: Path) -> None:
    path = tmp_path / "prompt.wav"
    left = samples(tones.tone(440, 1.0))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)  # so it lasts 2 s and sounds an octave lower
        file.writeframes(np.column_stack([left, left]).astype("<i2").tobytes())
    frames = await player.load_wav(path)
    assert len(frames) == 2 * FRAMES_PER_S
    assert tones.loudest(b"".join(frames), (110, 220, 440, 880)) == 220
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(bytes(100))
    with pytest.raises(NotARecording, match="8 bits"):
        await player.load_wav(path)
    await asyncio.to_thread(path.write_bytes, b"nothing of the kind")
    with pytest.raises(NotARecording, match="not a WAV"):
        await player.load_wav(path)


def heard_tones(leg: ListLeg) -> set[int]:
    pcm = b"".join(leg.heard)
    return {hz for hz in (300, 500, 700, 900) if tones.strength(pcm, hz) > 0.05}


@pytest.mark.virtual_time
async def test_each_hears_all_the_others_and_a_whisper_only_whom_it_is_meant_for() -> None:
    clock, mixer = MediaClock(), Mixer()
    caller = ListLeg("caller", split(tones.tone(300, 1.0)))
    attendant = ListLeg("attendant", split(tones.tone(500, 1.0)))
    supervisor = ListLeg("supervisor", split(tones.tone(700, 1.0)))
    listener = ListLeg("listener", split(tones.tone(900, 1.0)))
    mixer.add(caller)
    mixer.add(attendant)
    mixer.add(supervisor, audible_to={"attendant"})
    mixer.add(listener, audible_to=())
    mixer.start(clock)
    await asyncio.sleep(1 + FRAME_S / 2)
    mixer.stop()
    assert heard_tones(caller) == {500}
    assert heard_tones(attendant) == {300, 700}
    assert heard_tones(supervisor) == {300, 500}
    assert heard_tones(listener) == {300, 500, 700} - {700}
    assert {len(leg.heard) for leg in (caller, attendant, supervisor, listener)} == {50}


def test_one_speaker_is_handed_on_untouched_and_nobody_hears_themselves() -> None:
    mixer = Mixer()
    a, b, c = ListLeg("a", [frame(1), None]), ListLeg("b"), ListLeg("c", [SILENCE])
    for leg in (a, b, c):
        mixer.add(leg)
    mixer.tick(0)
    mixer.tick(1)
    assert a.heard == [SILENCE, SILENCE]
    assert b.heard == c.heard == [frame(1), SILENCE]
    mixer.remove(b)
    mixer.remove(b)
    assert len(mixer) == 2


def test_mixing_saturates_once() -> None:
    mixer = Mixer()
    legs = [ListLeg(str(number), [frame(value)]) for number, value in enumerate((30000, 30000, -30000))]
    for leg in legs:
        mixer.add(leg)
    mixer.tick(0)
    assert [leg.heard for leg in legs] == [[frame(0)], [frame(0)], [frame(32767)]]


def test_a_mixer_has_its_limits() -> None:
    mixer = Mixer()
    first = ListLeg("0")
    mixer.add(first)
    with pytest.raises(ValueError, match="another leg"):
        mixer.add(ListLeg("0"))
    for number in range(1, MAX_LEGS):
        mixer.add(ListLeg(str(number)))
    mixer.add(first, audible_to={"1"})
    with pytest.raises(ValueError, match="takes"):
        mixer.add(ListLeg("more"))
