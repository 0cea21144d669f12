"""The SIP process as it is started: settings file, ready line, link to control, its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from media.link import Link, listen
from sip.phone import Phone


@asynccontextmanager
async def started(tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    settings = {
        "sip": {"port": 0, "workers_min": 1, "spare_slots": 0, "rtp_ports": [26000, 27999]},
        "link": f"unix://{tmp_path}/link",
        "link_token": "t0ken",
        "state_dir": str(tmp_path),
    }
    (tmp_path / "sip.json").write_text(json.dumps(settings))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sip.process", "--settings", str(tmp_path / "sip.json"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
    assert ready["ready"] is True
    try:
        yield process, ready["sip"]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Control:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.link: Link | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await listen(f"unix://{self._path}/link", token="t0ken", on_link=self._serve)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        if self.link is not None:
            await self.link.close()
            self.link = None
        await asyncio.sleep(0)

    async def next(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                message = await self.messages.get()
                if message["type"] == kind:
                    return message

    async def _serve(self, link: Link) -> None:
        self.link = link
        async for message in link:
            self.messages.put_nowait(message)


async def test_calls_survive_control_and_are_refused_without_it(tmp_path: Path) -> None:
    control = Control(tmp_path)
    async with started(tmp_path) as (_, uri), Phone() as phone:
        refused = await phone.dial(uri.replace("sip:", "sip:1@"))
        assert (await refused.wait_ended()).code == 503
        await control.open()
        await control.next("capacity")
        call = await phone.dial(uri.replace("sip:", "sip:1@"))
        incoming = await control.next("incoming")
        assert control.link is not None
        from media.pcm_link import PcmListener

        async with PcmListener(str(tmp_path / "pcm")) as listener:
            waiting = listener.expect(incoming["call"], "x")
            control.link.send(
                {"type": "answer", "call": incoming["call"], "media_socket": str(tmp_path / "pcm"), "token": "x"}
            )
            await waiting
            await call.wait_answered()
            await control.next("acked")
            await control.close()
            await call.digits("1234567")  # about 2 s: the process has long noticed when the last is pressed
            await call.wait_quiet(2.5)
            assert not call.ended.done()
            await control.open()
            while (await control.next("digit"))["digit"] != "7":  # told late, not lost
                pass
            assert control.link.peer["calls"] == [incoming["call"]]
            await call.hang_up()
            assert (await control.next("ended"))["cause"] == "caller_hung_up"
        await control.close()


@pytest.mark.parametrize("how", ["sigterm", "stdin"])
async def test_it_stops_in_order(tmp_path: Path, how: str) -> None:
    async with started(tmp_path) as (process, _):
        if how == "sigterm":
            process.send_signal(signal.SIGTERM)
        else:
            assert process.stdin is not None
            process.stdin.close()
        assert await asyncio.wait_for(process.wait(), 5) == 0


async def test_nothing_survives_its_kill(tmp_path: Path) -> None:
    async with started(tmp_path) as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        os.kill(process.pid, signal.SIGKILL)
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, 5)
        assert not alive
