"""Load by real phones: N callers with two-way audio, for any gateway address; and the SIP gateway measured alone.

    python -m tests.bench.sip_load 100 --sipp              # gateway and an echoing sink: CPU per call, set-up times
    async with Callers(100) as callers:
        result = await callers.run("sip:100@127.0.0.1:5060", seconds=60, per_second=10)

The phones are processes of four calls each; what they cost is the load generator's and is left out of the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from media.frames import FRAME_S
from media.link import Link, listen
from media.pcm_link import PcmListener, SocketLeg
from sip.errors import PhoneError
from sip.phone import Phone, PhoneCall
from tests.bench.usage import cpu_s, pss_mb, tree
from tests.fakes.sip_world import tone

PER_PHONE: Final = 4  # pjsua2's compiled limit
LOUD_SHARE: Final = 0.5  # of the frames looked at: a call that heard less than this heard no answer


@dataclass(slots=True)
class LoadResult:
    offered: int = 0
    answered: int = 0
    both_ways: int = 0  # answered, and heard sound for at least half of the time
    refused: dict[int, int] = field(default_factory=dict)  # SIP status -> calls
    lost: int = 0  # ended before they should have
    setup_ms: list[float] = field(default_factory=list)  # INVITE sent to 200 received

    def setup(self, percent: int) -> float:
        if len(self.setup_ms) < 2:
            return self.setup_ms[0] if self.setup_ms else 0.0
        return statistics.quantiles(self.setup_ms, n=100, method="inclusive")[percent - 1]


class Callers:
    """Phones for *calls* calls at once. The processes are started in small groups, so as not to swamp the machine."""

    def __init__(self, calls: int, *, sound: bytes | None = None) -> None:
        self._wanted = calls
        self._sound = sound or tone(440, 1.0)
        self._stack = AsyncExitStack()
        self.phones: list[Phone] = []

    @property
    def pids(self) -> list[int]:
        return [phone.pid for phone in self.phones]

    async def __aenter__(self) -> Callers:
        for _ in range(-(-self._wanted // PER_PHONE)):
            self.phones.append(await self._stack.enter_async_context(Phone()))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def run(
        self,
        uri: str,
        *,
        seconds: float,
        per_second: float = 10.0,
        on_full: Callable[[], None] | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> LoadResult:
        """Place all calls at *per_second*, keep all up for *seconds*, end them.

        *on_full* and *on_end* are called around the time in which all are up: take CPU times there.
        """
        result = LoadResult(offered=self._wanted)
        calls: list[PhoneCall] = []
        for number in range(self._wanted):
            phone = self.phones[number // PER_PHONE]
            call = await phone.dial(uri, caller=f"+55119{number:08d}", listen=False)
            await call.play(self._sound, again=True)
            calls.append(call)
            await asyncio.sleep(1 / per_second)
        up = [call for call in calls if await self._answered(call, result)]
        if on_full is not None:
            on_full()
        await asyncio.sleep(seconds)
        if on_end is not None:
            on_end()
        for call in up:
            if call.ended.done():
                result.lost += 1
                continue
            ended = await call.hang_up(timeout_s=40)
            result.both_ways += ended.loud >= LOUD_SHARE * ended.frames / 25
        return result

    async def _answered(self, call: PhoneCall, result: LoadResult) -> bool:
        try:
            await call.wait_answered(20)
        except PhoneError:
            code = call.ended.result().code if call.ended.done() else 0
            result.refused[code] = result.refused.get(code, 0) + 1
            return False
        result.answered += 1
        result.setup_ms.append(1000 * (call.times.since_invite(call.times.answered) or 0.0))
        return True


async def sipp_calls(
    uri_port: int,
    folder: Path,
    *,
    calls: int,
    seconds: float,
    per_second: float,
    on_full: Callable[[], None],
    on_end: Callable[[], None],
    sound: bytes | None = None,
) -> LoadResult:
    """The same load by sipp, whose calls cost a tenth of a phone's: for as many as the machine can carry.

    *on_full* and *on_end* enclose the time in which all calls are up. What the callers hear is not looked at.
    *sound*: what each caller sends, in a loop (16 kHz s16le); a tone unless given.
    """
    program = shutil.which("sipp")
    if program is None:
        raise PhoneError("sipp is not installed; install it with: apt-get install -y sip-tester")
    (folder / "sound.wav").write_bytes(a_law(sound or tone(440, 1.0)))
    ramp = calls / per_second
    process = await asyncio.create_subprocess_exec(
        program, f"127.0.0.1:{uri_port}", "-sf", str(Path(__file__).with_name("sip_load.xml")), "-i", "127.0.0.1",
        "-mi", "127.0.0.1", "-mp", "40000", "-m", str(calls), "-l", str(calls), "-r", f"{per_second:g}", "-nostdin",
        "-d", str(int(1000 * (seconds + ramp + 4))), "-trace_rtt", "-rtt_freq", "1", "-timeout", "300",
        cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.sleep(ramp + 2)
        on_full()
        await asyncio.sleep(seconds)
        on_end()
        await asyncio.wait_for(process.wait(), ramp + 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    times = _response_times(folder)
    return LoadResult(offered=calls, answered=len(times), setup_ms=times)


def _response_times(folder: Path) -> list[float]:
    """Milliseconds from INVITE to 200, as sipp wrote them."""
    lines = [line for file in folder.glob("*_rtt.csv") for line in file.read_text().splitlines()[1:]]
    return [float(line.split(";")[1]) for line in lines]


def a_law(pcm: bytes) -> bytes:
    """16 kHz s16le as bare 8 kHz A-law (G.711): every second sample, good enough for a tone."""
    coded = bytearray()
    for sample in memoryview(pcm).cast("h")[::2]:
        sign, size = (0x80, sample) if sample >= 0 else (0, -sample - 1)
        size = min(size, 32635)
        exponent = max(0, size.bit_length() - 8)
        mantissa = (size >> (4 if exponent == 0 else exponent + 3)) & 0x0F
        coded.append((sign | exponent << 4 | mantissa) ^ 0x55)
    return bytes(coded)


@asynccontextmanager
async def gateway(folder: Path, **settings: object) -> AsyncIterator[tuple[str, int, int]]:
    """The SIP process and an echoing sink as control and media. Gives the SIP URI and both process numbers."""
    given = {
        "sip": {"port": 0, "rtp_ports": [28000, 31999], "invites_per_second": 500, **settings},
        "link": f"unix://{folder}/link",
        "link_token": "bench",
        "state_dir": str(folder),
    }
    (folder / "sip.json").write_text(json.dumps(given))
    started = []
    try:
        for command in (
            ["tests.bench.sip_load", "--sink", str(folder)],
            ["sip.process", "--settings", str(folder / "sip.json")],
        ):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )
            started.append(process)
            assert process.stdout is not None
            ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        await asyncio.sleep(1)  # the link is up within its first back-off
        yield ready["sip"].replace("sip:", "sip:100@"), started[1].pid, started[0].pid
    finally:
        for process in started:
            if process.returncode is None:
                process.terminate()
        for process in started:
            await process.wait()


async def sink(folder: Path) -> None:
    """Control and media process in one: answers every call and sends back what it hears."""
    legs: dict[str, SocketLeg] = {}
    async with PcmListener(str(folder / "pcm")) as listener:

        async def serve(link: Link) -> None:
            async for message in link:
                if message["type"] == "incoming":
                    call = message["call"]
                    listener.expect(call, "x").add_done_callback(
                        lambda done, call=call: legs.update({call: done.result()})
                    )
                    link.send({"type": "answer", "call": call, "media_socket": listener.path, "token": "x"})

        server = await listen(f"unix://{folder}/link", token="bench", on_link=serve)
        print(json.dumps({"ready": True}), flush=True)
        loop = asyncio.get_running_loop()
        started, ticks = loop.time(), 0
        async with server:
            while True:
                for call, leg in list(legs.items()):
                    frame = leg.pull()
                    if frame is not None:
                        leg.push(frame)
                    elif not leg.is_open:
                        del legs[call]
                ticks += 1
                await asyncio.sleep(max(0.0, started + ticks * FRAME_S - loop.time()))


async def measure(calls: int, seconds: float, per_second: float, *, by_sipp: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        async with (
            gateway(Path(name)) as (uri, sip_pid, sink_pid),
            Callers(0 if by_sipp else calls) as callers,
        ):
            used: dict[str, float] = {}
            memory: dict[str, float] = {}

            def take(when: str) -> None:
                used[f"sip_{when}"] = cpu_s(tree(sip_pid))
                used[f"sink_{when}"] = cpu_s(tree(sink_pid))
                if when == "full":
                    memory.update(pss_mb(tree(sip_pid)))

            around = {"on_full": lambda: take("full"), "on_end": lambda: take("end")}
            if by_sipp:
                port = int(uri.rsplit(":", 1)[1])
                result = await sipp_calls(
                    port, Path(name), calls=calls, seconds=seconds, per_second=per_second, **around
                )
            else:
                result = await callers.run(uri, seconds=seconds, per_second=per_second, **around)
            sip = used["sip_end"] - used["sip_full"]
            echo = used["sink_end"] - used["sink_full"]
            figures = asdict(result)
            figures.pop("setup_ms")
            return {
                **figures,
                "setup_p50_ms": round(result.setup(50), 1),
                "setup_p95_ms": round(result.setup(95), 1),
                "sip_core_pct_per_call": round(100 * sip / seconds / calls, 3),
                "sink_core_pct_per_call": round(100 * echo / seconds / calls, 3),
                "sip_pss_mb": round(sum(memory.values()), 1),
                "load_average": os.getloadavg()[0],
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=int, nargs="?", default=100)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long all calls are up")
    parser.add_argument("--per-second", type=float, default=10.0, help="calls placed a second")
    parser.add_argument("--sipp", action="store_true", help="sipp places the calls instead of phones")
    parser.add_argument("--sink", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.sink:
        asyncio.run(sink(Path(given.sink)))
    else:
        print(
            json.dumps(asyncio.run(measure(given.calls, given.seconds, given.per_second, by_sipp=given.sipp)), indent=1)
        )


if __name__ == "__main__":
    main()
