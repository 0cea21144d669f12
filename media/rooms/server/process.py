"""Composition root of the rooms process: ``python -m media.rooms.server.process --settings FILE``.

FILE holds a ``RoomsSettings`` dump as JSON, with the secret. One line of JSON on stdout says where it listens; logs go
to stderr. SIGTERM, SIGINT or the end of stdin (the parent is gone) stop it: participants are told, sockets closed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from config.media import RoomsSettings

from .access import TokenVerifier
from .counters import Counters
from .http import Door
from .registry import Registry
from .transport.dtls import Certificate
from .transport.ice_lite import UdpMux

STOP_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoomsServer:
    """A running server. ``url`` is what clients connect to."""

    url: str
    port: int
    udp_port: int
    registry: Registry
    counters: Counters


@asynccontextmanager
async def open_rooms_server(settings: RoomsSettings) -> AsyncIterator[RoomsServer]:
    """Serve rooms until the block ends; then every participant gets ``leave`` and all sockets are closed.

    Raises:
        OSError: a port is taken or the address is not ours.
        ValueError: no API key or secret.
    """
    counters = Counters()
    verifier = TokenVerifier(settings.api_key, settings.api_secret.reveal())
    mux = UdpMux(counters, announced_ip=settings.announced_ip)
    mux.open(settings.bind_ip, settings.udp_port)
    runner: web.AppRunner | None = None
    try:
        registry = Registry(
            mux=mux, certificate=Certificate(), verifier=verifier, counters=counters,
            empty_timeout_s=settings.empty_timeout_s, max_participants=settings.max_participants,
        )  # fmt: skip
        door = Door(registry, verifier, counters)
        runner = web.AppRunner(door.application(), access_log=None, shutdown_timeout=STOP_TIMEOUT_S)
        await runner.setup()
        site = web.TCPSite(runner, settings.bind_ip, settings.port)
        await site.start()
        port = runner.addresses[0][1]
        host = settings.bind_ip
        if host in ("0.0.0.0", "::", ""):  # noqa: S104  every address of ours: named by one that clients can use
            host = settings.announced_ip or "127.0.0.1"
        url = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
        try:
            yield RoomsServer(url=url, port=port, udp_port=mux.port, registry=registry, counters=counters)
        finally:
            registry.close()
            await asyncio.sleep(0)  # let the writers take the last ``leave``
    finally:
        if runner is not None:
            await runner.cleanup()
        mux.close()


async def _stopped() -> None:
    """Return on SIGTERM, SIGINT or when stdin ends."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def stdin_ready() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    watched = True
    try:
        loop.add_reader(sys.stdin.fileno(), stdin_ready)
    except (OSError, ValueError):  # a file or /dev/null cannot be watched, and never ends by a parent's death
        watched = False
    try:
        await stop.wait()
    finally:
        if watched:
            loop.remove_reader(sys.stdin.fileno())


async def run(settings: RoomsSettings) -> None:
    async with open_rooms_server(settings) as server:
        print(json.dumps({"ready": True, "url": server.url, "udp_port": server.udp_port}), flush=True)
        await _stopped()


class _JsonLines(logging.Formatter):
    """One JSON object a line; the values of ``extra`` under their own names."""

    _known = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {"message", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        extra = {key: value for key, value in vars(record).items() if key not in self._known}
        line = {"time": record.created, "level": record.levelname, "logger": record.name, "event": record.getMessage()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps({**line, **extra}, default=str, ensure_ascii=False)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON file with a RoomsSettings dump")
    arguments = parser.parse_args(argv)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for noisy in ("aiortc", "aioice"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    settings = RoomsSettings.model_validate_json(Path(arguments.settings).read_bytes())
    try:
        asyncio.run(run(settings))
    except OSError as error:
        log.error("rooms_cannot_listen", extra={"error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
