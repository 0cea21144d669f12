"""The dual-channel recorder, on a real disk."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from media.errors import NotARecording, RecordingUnwritable
from media.frames import FRAMES_PER_S, RATE_HZ, SILENCE, split
from media.recording import DualRecorder, inspect, repair
from media.recording.wav import HEADER_BYTES, header
from media.tones import strength, tone


def channels(path: Path) -> tuple[bytes, bytes]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, RATE_HZ, 2)
        pcm = file.readframes(file.getnframes())
    left = b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 4))
    right = b"".join(pcm[at + 2 : at + 4] for at in range(0, len(pcm), 4))
    return left, right


CALLER, OTHER = split(tone(440, 3.0, dbfs=-6)), split(tone(1000, 3.0, dbfs=-20))


@pytest.mark.never_blocks
async def test_the_caller_is_left_everybody_else_right(tmp_path: Path) -> None:
    recorder = await DualRecorder.open(tmp_path / "call.wav")
    for left, right in zip(CALLER, OTHER, strict=True):
        recorder.write(left, right)
    assert recorder.seconds == pytest.approx(3)
    info = await recorder.close()
    assert await recorder.close() is info
    recorder.write(SILENCE, SILENCE)  # too late: nothing happens
    left, right = await asyncio.to_thread(channels, info.path)
    assert (left, right) == (b"".join(CALLER), b"".join(OTHER))
    assert (info.seconds, info.channels, info.lost_s, info.paused_s) == (3.0, 2, 0.0, 0.0)
    assert info.peak == pytest.approx((0.501, 0.1), rel=0.02)
    assert info.rms == pytest.approx((0.354, 0.0707), rel=0.02)
    assert info.levels[1].dbov == pytest.approx(-23, abs=0.2)
    found = await asyncio.to_thread(inspect, info.path)
    assert (found.seconds, found.size, found.channels, found.rate_hz) == (3.0, info.size, 2, RATE_HZ)
    assert found.peak == pytest.approx(info.peak)
    assert found.rms == pytest.approx(info.rms, rel=1e-4)
    mode = await asyncio.to_thread(os.stat, info.path)
    assert mode.st_mode & 0o077 == 0


async def test_pause_and_skipped_ticks_keep_the_line_of_time(tmp_path: Path) -> None:
    recorder = await DualRecorder.open(tmp_path / "call.wav", flush_s=0.1)
    for number, (left, right) in enumerate(zip(CALLER, OTHER, strict=True)):
        if number == 50:
            recorder.pause()
            assert recorder.is_paused
        if number == 100:
            recorder.resume()
            recorder.skip(25)
        recorder.write(left, right)
    info = await recorder.close()
    assert info.seconds == pytest.approx(3.5)
    assert info.paused_s == pytest.approx(1.0)
    left, right = channels(info.path)
    second = 2 * RATE_HZ
    assert left[:second] == b"".join(CALLER[:50])
    assert not any(left[second : 2 * second + second // 2])
    assert not any(right[second : 2 * second + second // 2])
    assert right[2 * second + second // 2 :] == b"".join(OTHER[100:])


async def test_the_file_plays_after_every_batch(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as writer:
        recorder = await DualRecorder.open(tmp_path / "call.wav", writer=writer)
        assert inspect(recorder.path).seconds == 0
        for number in range(3):
            for left, right in zip(CALLER[:50], OTHER[:50], strict=True):
                recorder.write(left, right)
            await asyncio.wrap_future(writer.submit(int))  # behind the batch
            assert len(channels(recorder.path)[0]) == 2 * RATE_HZ * (number + 1)
        await recorder.close()


KILLED = """
import asyncio, sys
from media.frames import split
from media.recording import DualRecorder
from media.tones import tone

async def main():
    recorder = await DualRecorder.open(sys.argv[1])
    frames = split(tone(440, 60, dbfs=-6))
    for number, frame in enumerate(frames):
        recorder.write(frame, frame)
        if number == 170:
            print("running", flush=True)
        await asyncio.sleep(0.001)

asyncio.run(main())
"""


def test_a_killed_process_leaves_a_recording_that_plays(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    path = tmp_path / "call.wav"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, cwd=pytestconfig.rootpath
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    while inspect(path).seconds < 3:  # its writer is a thread of its own
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    info = repair(path)
    assert info.seconds >= 3
    assert info.rms == pytest.approx((0.354, 0.354), rel=0.02)
    left, _ = channels(path)
    assert strength(left[: 2 * RATE_HZ], 440) == pytest.approx(0.501, rel=0.02)


def test_a_header_that_is_behind_is_seen_through_and_repaired(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    samples = b"\x00\x10\x00\x20" * RATE_HZ
    for declared in (0, 4 * 100, len(samples), len(samples) + 4000, 0xFFFFFFFF - 36):
        path.write_bytes(header(declared) + samples + b"\x01\x02\x03")
        info = inspect(path)
        assert info.seconds == pytest.approx(1, abs=1e-4), declared
        assert info.peak == pytest.approx((0x1000 / 32768, 0x2000 / 32768))
        repaired = repair(path)
        assert repaired.size == HEADER_BYTES + len(samples)
        assert path.read_bytes() == header(len(samples)) + samples
        assert repair(path) == repaired


def test_chunks_behind_the_samples_are_no_samples(tmp_path: Path) -> None:
    path = tmp_path / "foreign.wav"
    path.write_bytes(header(400) + bytes(400) + b"LIST\x04\x00\x00\x00INFO")
    assert inspect(path).seconds == pytest.approx(100 / RATE_HZ)
    before = path.read_bytes()
    repair(path)
    assert path.read_bytes() == before


def test_no_truncation_of_a_header_is_taken_for_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    for size in range(HEADER_BYTES):
        path.write_bytes(header(4000)[:size])
        with pytest.raises(NotARecording):
            inspect(path)
    path.write_bytes(header(0).replace(b"\x10\x00\x64", b"\x08\x00\x64").replace(b"\x01\x00\x02", b"\x03\x00\x02"))
    with pytest.raises(NotARecording, match="not 16-bit PCM"):
        inspect(path)


async def test_an_existing_file_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    recorder = await DualRecorder.open(tmp_path / "call.wav")
    with pytest.raises(RecordingUnwritable, match="exists"):
        await DualRecorder.open(tmp_path / "call.wav")
    with pytest.raises(RecordingUnwritable, match="No such"):
        await DualRecorder.open(tmp_path / "missing" / "call.wav")
    info = await recorder.close()
    assert info.seconds == 0
    assert info.levels[0].dbov == -127


async def test_a_disk_that_refuses_for_a_while_costs_silence_not_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as writer:
        recorder = await DualRecorder.open(tmp_path / "call.wav", writer=writer)
        real = os.pwrite

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        for second in range(3):
            monkeypatch.setattr(os, "pwrite", full if second == 1 else real)
            for at in range(second * 50, second * 50 + 50):
                recorder.write(CALLER[at], OTHER[at])
            await asyncio.wrap_future(writer.submit(int))
        info = await recorder.close()
    assert info.seconds == 3
    assert info.lost_s == 1
    left, _ = channels(info.path)
    second = 2 * RATE_HZ
    assert left == b"".join(CALLER[:50]) + bytes(second) + b"".join(CALLER[100:])
    assert inspect(info.path).rms == pytest.approx(info.rms, rel=1e-4)


async def test_a_disk_that_is_full_to_the_end_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = await DualRecorder.open(tmp_path / "call.wav")
    recorder.write(SILENCE, SILENCE)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RecordingUnwritable, match="No space"):
        await recorder.close()


async def test_a_disk_that_hangs_costs_no_memory_without_end(tmp_path: Path) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as writer:
        recorder = await DualRecorder.open(tmp_path / "call.wav", writer=writer)
        writer.submit(release.wait)
        for _ in range(40 * FRAMES_PER_S):
            recorder.write(CALLER[0], OTHER[0])
        assert recorder.stats.lost == 10 * FRAMES_PER_S
        release.set()
        info = await recorder.close()
    assert info.seconds == 40
    assert info.lost_s == 10


async def test_a_closer_that_is_cancelled_still_gets_the_file_finished(tmp_path: Path) -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as writer:
        recorder = await DualRecorder.open(tmp_path / "call.wav", writer=writer)
        recorder.write(CALLER[1], OTHER[1])
        writer.submit(release.wait)
        closing = asyncio.create_task(recorder.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        release.set()
        info = await recorder.close()
    assert info.seconds == pytest.approx(0.02)
