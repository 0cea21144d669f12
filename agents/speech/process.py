"""The speech process: ``python -m agents.speech.process --settings FILE``.

FILE is JSON: the fields of SpeechSettings, the key in clear, and ``state_dir``. When the doors are open it prints
``{"ready": true, "url": "http://..."}``; the models load after that, and ``/health`` tells how far they are (rendered
prompts are served meanwhile). It stops on SIGTERM, SIGINT, or when the parent's end of stdin closes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.agents import SpeechSettings
from config.logs import setup_logging

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

# C libraries read these when they are loaded, below: idle threads must sleep, and one request is one core's work.
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "KMP_BLOCKTIME": "0"}
STOP_GRACE_S = 3.0


async def serve(settings: SpeechSettings, state_dir: Path, stop: asyncio.Event) -> None:
    """Run until *stop* is set. Models are loaded by a task of this scope; requests in work get STOP_GRACE_S."""
    from aiohttp import web

    from .app import build
    from .engines import Engines

    engines = Engines(settings, state_dir)
    runner = web.AppRunner(
        build(settings, engines), handler_cancellation=True, access_log=None, shutdown_timeout=STOP_GRACE_S
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.bind_ip, settings.port)
        await site.start()
        print(json.dumps({"ready": True, "url": _url(runner, settings.bind_ip)}), flush=True)
        async with asyncio.TaskGroup() as tasks:
            loading = tasks.create_task(engines.load(), name="load-models")
            await stop.wait()
            loading.cancel()
    finally:
        await runner.cleanup()
        await engines.close()


def _url(runner: web.AppRunner, bind_ip: str) -> str:
    host = f"[{bind_ip}]" if ":" in bind_ip else bind_ip
    return f"http://{host}:{runner.addresses[0][1]}"


def read_settings(path: Path) -> tuple[SpeechSettings, Path]:
    """The section and the state directory out of the settings file."""
    given: dict[str, Any] = json.loads(path.read_text("utf-8"))
    state_dir = Path(given.pop("state_dir"))
    return SpeechSettings(**given), state_dir


async def _run(settings: SpeechSettings, state_dir: Path) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watching = _watch_parent(loop, stop)
    try:
        await serve(settings, state_dir, stop)
    finally:
        if watching:
            loop.remove_reader(0)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> bool:
    """Stop when stdin closes, if stdin is a pipe of the parent's (not a terminal, a file or /dev/null)."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False

    def readable() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, readable)
    return True


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m agents.speech.process", description="The speech service.")
    parser.add_argument("--settings", type=Path, required=True)
    settings, state_dir = read_settings(parser.parse_args(argv).settings)
    for name, value in THREADS.items():
        os.putenv(name, value)
    setup_logging("speech")
    asyncio.run(_run(settings, state_dir))
    return 0


if __name__ == "__main__":
    sys.exit(main())
