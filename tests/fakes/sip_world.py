"""A gateway with real workers in the test's own process, and a media process reduced to an echo.

async with World() as world:                     # answers every call and echoes it
    call = await phone.dial(world.uri("100"))
    event = await world.next(Answered)
"""

from __future__ import annotations

import array
import asyncio
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from config.sip import SipSettings
from media.frames import FRAME_S, RATE_HZ
from media.pcm_link import PcmListener, SocketLeg
from sip import events
from sip.events import Told
from sip.gateway import Gateway

Kind = TypeVar("Kind", bound=Told)
TOKEN = "shown-by-the-worker"


def tone(hz: float, seconds: float, amplitude: int = 8000) -> bytes:
    """A sine as 16 kHz s16le."""
    step = 2 * math.pi * hz / RATE_HZ
    return array.array("h", (int(amplitude * math.sin(step * n)) for n in range(int(RATE_HZ * seconds)))).tobytes()


def strength(pcm: bytes, hz: float) -> float:
    """Share of the energy of *pcm* that lies at *hz*: 1.0 for a pure tone, near 0 for anything else."""
    import numpy

    samples = numpy.frombuffer(pcm, dtype="<i2").astype(float)
    window = RATE_HZ // 10  # a lost packet turns the phase: it may cost its own window, not the whole
    turn = numpy.exp(-2j * math.pi * hz / RATE_HZ * numpy.arange(window))
    found, total = 0.0, float(numpy.sum(samples**2))
    for at in range(0, len(samples) - window + 1, window):
        found += 2 * abs(complex(numpy.sum(samples[at : at + window] * turn))) ** 2 / window
    return min(1.0, found / total) if total else 0.0


class EchoMedia:
    """A media process: takes callers and sends each what it said, or a tone of its own."""

    def __init__(self, path: Path, *, say: bytes | None = None) -> None:
        self.listener = PcmListener(str(path))
        self.legs: dict[str, SocketLeg] = {}
        self.heard: dict[str, bytearray] = {}
        self.path = str(path)
        self._say = say
        self._ticking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self.listener.open()
        self._ticking = asyncio.create_task(self._tick(), name="echo-media")

    async def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
            self._ticking = None
            await self.listener.close()

    def expect(self, call: str) -> None:
        def claimed(done: asyncio.Future[SocketLeg]) -> None:
            if not done.cancelled():
                self.legs[call] = done.result()
                self.heard.setdefault(call, bytearray())

        self.listener.expect(call, TOKEN).add_done_callback(claimed)

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        started, ticks = loop.time(), 0
        while True:
            for call, leg in list(self.legs.items()):
                frame = leg.pull()
                if frame is not None:
                    self.heard[call] += frame
                if self._say is not None:
                    at = ticks * 640 % len(self._say)
                    leg.push(self._say[at : at + 640].ljust(640, b"\0"))
                elif frame is not None:
                    leg.push(frame)
                if not leg.is_open:
                    del self.legs[call]
            ticks += 1
            await asyncio.sleep(max(0.0, started + ticks * FRAME_S - loop.time()))


class World:
    """*decide(world, incoming)* is control; the default answers with the echo."""

    def __init__(
        self,
        *,
        decide: Callable[[World, events.Incoming], None] | None = None,
        say: bytes | None = None,
        **settings: object,
    ) -> None:
        given = {"port": 0, "workers_min": 1, "spare_slots": 1, "rtp_ports": (22000, 25999), **settings}
        self.settings = SipSettings.model_validate(given)
        self.events: list[Told] = []
        self.gateway = Gateway(self.settings, self._heard)
        self._decide = decide or World.answer
        self._folder = tempfile.TemporaryDirectory()
        self.media = EchoMedia(Path(self._folder.name) / "pcm", say=say)
        self._taken = 0
        self._pulse = asyncio.Event()

    async def __aenter__(self) -> World:
        await self.media.open()
        await self.gateway.start()
        self.gateway.online = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.gateway.stop()
        await self.media.close()
        self._folder.cleanup()

    def uri(self, user: str, transport: str = "") -> str:
        end = f";transport={transport}" if transport else ""
        return f"sip:{user}@127.0.0.1:{self.gateway.edge.port}{end}"

    def answer(self, incoming: events.Incoming) -> None:
        self.media.expect(incoming.call)
        self.gateway.command(events.Answer(incoming.call, self.media.path, TOKEN))

    async def next(self, kind: type[Kind], timeout_s: float = 10.0, call: str = "") -> Kind:
        """The next event of *kind* not taken yet, passing over others."""
        async with asyncio.timeout(timeout_s):
            while True:
                while self._taken < len(self.events):
                    event = self.events[self._taken]
                    self._taken += 1
                    if isinstance(event, kind) and (not call or getattr(event, "call", "") == call):
                        return event
                self._pulse.clear()
                await self._pulse.wait()

    async def hears(self, call: str, hz: float, timeout_s: float = 15.0) -> None:
        """Until the last second that came from *call* is a tone of *hz*."""
        async with asyncio.timeout(timeout_s):
            while strength(bytes(self.media.heard.get(call, b""))[-32000:], hz) < 0.8:
                await asyncio.sleep(0.2)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [event for event in self.events if isinstance(event, kind)]

    def _heard(self, event: Told) -> None:
        self.events.append(event)
        self._pulse.set()
        if isinstance(event, events.Incoming):
            self._decide(self, event)
