"""Listening: the one place where an application becomes an address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

CLOSE_S = 2.0  # for requests that are under way when we stop


@asynccontextmanager
async def listening(app: web.Application, bind_ip: str, port: int) -> AsyncIterator[str]:
    """Serve *app* within the block; its address.

    Raises:
        OSError: somebody else has the port.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, bind_ip, port).start()
        yield f"http://{bind_ip}:{port}"
    finally:
        await runner.cleanup()
