"""Composition root of the rooms process: ``python -m media.rooms.server.process --settings FILE``.

FILE holds a ``RoomsSettings`` dump as JSON, with the secret. One line of JSON on stdout says where it listens; logs go
to stderr. SIGTERM, SIGINT or the end of stdin (the parent is gone) stop it: participants are told, sockets closed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from config.media import RoomsSettings

from ...process import Lifetime, read_settings, serve_process
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


async def serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    async with open_rooms_server(RoomsSettings.model_validate(settings)) as server:
        lifetime.ready(url=server.url, udp_port=server.udp_port)
        await lifetime.until_stopped()


def main(argv: list[str] | None = None) -> int:
    return serve_process("rooms", read_settings(argv), serve)


if __name__ == "__main__":
    sys.exit(main())
