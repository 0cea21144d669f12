"""What the rooms tests share: a server process, tokens, tones, and ears that know one tone from another."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import numpy as np
import psutil
from livekit import rtc

ROOT = Path(__file__).resolve().parents[3]
KEY = "devkey"
SECRET = "a secret of the tests, long enough for HS256"
RATE_HZ = 48_000
FRAME = RATE_HZ // 50


def token(room: str, identity: str, *, expires_in_s: float = 3600, secret: str = SECRET, **video: Any) -> str:
    """A token of *identity* for *room*; *video* adds or replaces grants, keys that LiveKit's JWT knows."""
    about = {name: video.pop(name) for name in ("name", "metadata", "attributes", "kind") if name in video}
    claims = {
        "iss": KEY,
        "sub": identity,
        "nbf": int(time.time()) - 5,
        "exp": int(time.time() + expires_in_s),
        "video": {"room": room, "roomJoin": True, **video},
        **about,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


@dataclass(frozen=True)
class ServerProcess:
    url: str
    udp_port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def http(self) -> str:
        return self.url.replace("ws", "http", 1)

    async def stats(self) -> dict[str, Any]:
        """What ``/stats`` says: counters, rooms, connections."""
        headers = {"Authorization": f"Bearer {token('', 'tests', roomList=True)}"}
        async with aiohttp.ClientSession() as http, http.get(self.http + "/stats", headers=headers) as answer:
            assert answer.status == 200
            return dict(await answer.json())

    def cpu_s(self) -> float:
        """Processor seconds it has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


@contextmanager
def server_process(folder: Path, **settings: Any) -> Iterator[ServerProcess]:
    """The rooms process as the supervisor starts it, on free ports."""
    path, log = folder / "rooms.json", folder / "rooms.log"
    base = {"api_key": KEY, "api_secret": SECRET, "bind_ip": "127.0.0.1", "port": 0, "udp_port": 0}
    path.write_text(json.dumps(base | settings))
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "media.rooms.server.process", "--settings", str(path)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()  # ends, empty, when the process does
            assert line, log.read_text()
            ready = json.loads(line)
            assert ready["ready"] is True
            yield ServerProcess(ready["url"], ready["udp_port"], process, log)
        finally:
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@asynccontextmanager
async def joined(
    server: ServerProcess, access: str, *, single: bool = False, auto_subscribe: bool = True
) -> AsyncIterator[rtc.Room]:
    """A Python participant, in the room until the block ends."""
    room = rtc.Room()
    options = rtc.RoomOptions(auto_subscribe=auto_subscribe, single_peer_connection=single)
    await asyncio.wait_for(room.connect(server.url, access, options), 15)
    try:
        yield room
    finally:
        await asyncio.wait_for(room.disconnect(), 10)


async def until(condition: Callable[[], Any], *, seconds: float = 10.0, what: str = "") -> Any:
    """Wait until *condition* holds, looking every 20 ms; its value. Fails with *what* when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what or "the condition never held"
        await asyncio.sleep(0.02)
    return value


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port of loopback that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tone(hz: float, *, seconds: float, amplitude: float = 0.4) -> np.ndarray:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * 32767 * np.sin(2 * np.pi * hz * t)).astype(np.int16)


def share_at(pcm: np.ndarray, hz: float, rate_hz: int = RATE_HZ) -> float:
    """The share (0 to 1) of the sound's energy within 12 Hz of *hz*."""
    samples = pcm.astype(np.float64) / 32768
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    total = spectrum.sum()
    if total < 1e-3:
        return 0.0
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return float(spectrum[np.abs(frequencies - hz) <= 12].sum() / total)


class Mouth:
    """Publishes a tone until it is closed."""

    def __init__(self, hz: float) -> None:
        self._hz = hz
        self._source = rtc.AudioSource(RATE_HZ, 1)
        self._task: asyncio.Task[None] | None = None
        self.publication: rtc.LocalTrackPublication | None = None

    async def open(self, room: rtc.Room, name: str = "tone") -> rtc.LocalTrackPublication:
        track = rtc.LocalAudioTrack.create_audio_track(name, self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        self.publication = await asyncio.wait_for(room.local_participant.publish_track(track, options), 15)
        self._task = asyncio.create_task(self._speak(), name="mouth")
        return self.publication

    async def _speak(self) -> None:
        sound, at = tone(self._hz, seconds=1.0), 0  # whole periods, so that it loops without a click
        while True:
            frame = sound[at : at + FRAME]
            at = (at + FRAME) % len(sound)
            await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE_HZ, 1, FRAME))

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._source.aclose()


@asynccontextmanager
async def speaking(room: rtc.Room, hz: float) -> AsyncIterator[Mouth]:
    mouth = Mouth(hz)
    await mouth.open(room)
    try:
        yield mouth
    finally:
        await mouth.close()


async def hears(track: rtc.Track, hz: float, *, seconds: float = 12.0) -> float:
    """Listen until half a second is the tone *hz*; returns the share of energy there. Fails after *seconds*."""
    stream = rtc.AudioStream(track, sample_rate=RATE_HZ, num_channels=1)
    kept, best = np.zeros(0, np.int16), 0.0
    try:
        async with asyncio.timeout(seconds):
            async for event in stream:
                kept = np.concatenate([kept, np.frombuffer(event.frame.data, np.int16)])[-RATE_HZ // 2 :]
                if len(kept) == RATE_HZ // 2:
                    best = max(best, share_at(kept, hz))
                    if best > 0.85:
                        return best
    except TimeoutError:
        pass
    finally:
        await stream.aclose()
    raise AssertionError(f"no tone of {hz} Hz was heard: at best {best:.2f} of the energy")


def audio_of(room: rtc.Room, identity: str) -> rtc.Track | None:
    """The subscribed audio track of *identity*, once there is one."""
    participant = room.remote_participants.get(identity)
    for publication in participant.track_publications.values() if participant else ():
        if publication.track is not None and publication.kind == rtc.TrackKind.KIND_AUDIO:
            return publication.track
    return None
