"""What the media core costs: CPU of a process that bridges, records and moves PCM for many calls.

    python -m tests.bench.media_core --sessions 100 --seconds 10

Each session is what a media process runs for a call that a bot or a person serves: a ``SocketLeg``, a ``Bridge`` on the
shared ``MediaClock``, a far leg that always speaks, two taps, a ``DualRecorder`` on disk. The SIP workers are one other
process, whose CPU isn't counted. Prints one JSON object; ``cpu_percent`` is of one core, all threads included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from pathlib import Path

from media.bridge import Bridge
from media.clock import MediaClock
from media.frames import FRAME_S, Frame, split
from media.pcm_link import PcmListener, SocketLeg, WorkerEnd
from media.player import Player
from media.recording import DualRecorder
from media.tones import tone


def workers(path: str, sessions: int, stop: multiprocessing.synchronize.Event) -> None:  # type: ignore[name-defined]
    """The other process: every call sends and takes a frame each 20 ms."""
    ends = [WorkerEnd.connect(path, str(number), "secret") for number in range(sessions)]
    frames = split(tone(440, 2.0))
    due, number = time.monotonic(), 0
    while not stop.is_set():
        frame = frames[number % len(frames)]
        for end in ends:
            end.send(frame)
            end.recv()
        number += 1
        due += FRAME_S
        time.sleep(max(0.0, due - time.monotonic()))
    for end in ends:
        end.close()


async def run(sessions: int, seconds: float, folder: Path, record: bool) -> dict[str, float]:
    path = str(folder / "pcm.sock")
    clock, heard = MediaClock(), 0

    def tap(_: Frame) -> None:
        nonlocal heard
        heard += 1

    async with PcmListener(path) as listener:
        expected = [listener.expect(str(number), "secret") for number in range(sessions)]
        stop = multiprocessing.get_context("spawn").Event()
        process = multiprocessing.get_context("spawn").Process(target=workers, args=(path, sessions, stop), daemon=True)
        process.start()
        legs: list[SocketLeg] = list(await asyncio.gather(*expected))
        voice, bridges, recorders = split(tone(1000, 2.0)), [], []
        for number, leg in enumerate(legs):
            recorder = await DualRecorder.open(folder / f"{number}.wav") if record else None
            bridge = Bridge(leg, recorder, far=Player("voice", voice, loop=True))
            bridge.tap_heard(tap)
            bridge.tap_said(tap)
            bridge.start(clock)
            bridges.append(bridge)
            recorders.append(recorder)
        await asyncio.sleep(1.0)
        cpu, wall, ticks, system = time.process_time(), time.monotonic(), clock.stats.ticks, os.times().system
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - cpu, time.monotonic() - wall
        ticks, system = clock.stats.ticks - ticks, os.times().system - system
        clock.close()
        for recorder in recorders:
            if recorder is not None:
                await recorder.close()
        stop.set()
        await asyncio.to_thread(process.join)
        frames_in = sum(leg.stats.frames_in for leg in legs)
        underruns = sum(leg.stats.underruns for leg in legs)
    return {
        "sessions": sessions,
        "cpu_percent": round(100 * cpu / wall, 2),
        "system_percent": round(100 * system / wall, 2),
        "cpu_percent_per_session": round(100 * cpu / wall / sessions, 3),
        "us_per_session_tick": round(1e6 * cpu / max(1, ticks) / sessions, 1),
        "ticks": ticks,
        "late": clock.stats.late,
        "skipped": clock.stats.skipped,
        "tick_busy_percent": round(100 * clock.stats.busy_s / (clock.stats.ticks * FRAME_S), 2),
        "underrun_percent": round(100 * underruns / max(1, frames_in + underruns), 2),
        "taps": heard,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sessions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--no-recording", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(run(asked.sessions, asked.seconds, Path(folder), not asked.no_recording))))


if __name__ == "__main__":
    main()
