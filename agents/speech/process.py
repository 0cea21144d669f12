"""The speech process: ``python -m agents.speech.process --settings FILE``.

FILE is JSON: the fields of SpeechSettings, the key in clear, and ``state_dir``. When the doors are open it prints
``{"ready": true, "url": "http://..."}``; the models load after that, and ``/health`` tells how far they are (rendered
prompts are served meanwhile). It stops on SIGTERM, SIGINT, or when the parent's end of stdin closes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.agents import SpeechSettings
from media.process import Lifetime, read_settings, serve_process

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

# C libraries read these when they are loaded, below: idle threads must sleep, and one request is one core's work.
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_NUM_THREADS": "1", "KMP_BLOCKTIME": "0"}
STOP_GRACE_S = 3.0


async def serve(settings: SpeechSettings, state_dir: Path, lifetime: Lifetime) -> None:
    """Run until *lifetime* ends. Models are loaded by a task of this scope; requests in work get STOP_GRACE_S."""
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
        lifetime.ready(url=_url(runner, settings.bind_ip))
        async with asyncio.TaskGroup() as tasks:
            loading = tasks.create_task(engines.load(), name="load-models")
            await lifetime.until_stopped()
            loading.cancel()
    finally:
        await runner.cleanup()
        await engines.close()


def _url(runner: web.AppRunner, bind_ip: str) -> str:
    host = f"[{bind_ip}]" if ":" in bind_ip else bind_ip
    return f"http://{host}:{runner.addresses[0][1]}"


async def _serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    given = dict(settings)
    state_dir = Path(given.pop("state_dir"))
    await serve(SpeechSettings.model_validate(given), state_dir, lifetime)


def main(argv: list[str] | None = None) -> int:
    settings = read_settings(argv)
    for name, value in THREADS.items():
        os.putenv(name, value)
    return serve_process("speech", settings, _serve)


if __name__ == "__main__":
    sys.exit(main())
