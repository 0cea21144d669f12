"""What every process of the product does around its work: settings from a file, logs, a ready line, an orderly end."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from config.logs import LogSettings, setup_logging

log = logging.getLogger(__name__)


def read_settings(argv: list[str] | None) -> dict[str, Any]:
    """The object in the file that ``--settings`` names; its ``logs`` section is for ``serve_process``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True, type=Path)
    settings = json.loads(parser.parse_args(argv).settings.read_text())
    assert isinstance(settings, dict)
    return settings


class Lifetime:
    """From the ready line to SIGTERM, SIGINT or the end of standard input (our parent is gone)."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        if _is_pipe(0):
            loop.add_reader(0, self._parent_spoke)

    def _parent_spoke(self) -> None:
        if not os.read(0, 4096):
            asyncio.get_running_loop().remove_reader(0)
            self.stop.set()

    def ready(self, **about: Any) -> None:
        """Tell the supervisor that we serve, and where."""
        print(json.dumps({"ready": True, **about}), flush=True)

    async def until_stopped(self, *running: asyncio.Task[Any]) -> None:
        """Wait for the end. A task of *running* that ends first is a fault and raised.

        Raises:
            RuntimeError: one of the tasks ended although nobody asked it to.
        """
        stopped = asyncio.create_task(self.stop.wait(), name="stop asked")
        try:
            done, _ = await asyncio.wait({stopped, *running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        for task in done - {stopped}:
            task.result()
            raise RuntimeError(f"{task.get_name()} ended by itself")


def serve_process(
    name: str, settings: dict[str, Any], serve: Callable[[dict[str, Any], Lifetime], Awaitable[None]]
) -> int:
    """Run *serve* on a fresh loop with logs as JSON lines on standard error; the process's exit code."""
    setup_logging(name, LogSettings.model_validate(settings.pop("logs", {})))

    async def run() -> None:
        await serve(settings, Lifetime())

    try:
        asyncio.run(run())
    except OSError as error:  # a port is taken, an address is not ours
        log.error("process_cannot_serve", extra={"root": name, "error": str(error)})
        return 1
    except Exception:
        log.exception("process_failed", extra={"root": name})
        return 1
    return 0


def _is_pipe(descriptor: int) -> bool:
    """A pipe or a socket ends with the process at its other end; a terminal, a file or /dev/null says nothing."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
