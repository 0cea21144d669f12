"""Health, metrics and the description of the API."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import suppress
from typing import Any

from aiohttp import web

from ...errors import DatabaseUnavailable, Forbidden
from ...metrics import CONTENT_TYPE
from .. import openapi
from ..middleware import reply
from ..origin import is_this_machine
from ..route import Access, Asked, Route

CHECK_S = 3.0  # a part that has not answered by then is not ready


async def live(asked: Asked) -> dict[str, Any]:
    """Liveness: this process answers. It says nothing about what it needs; a restart would not help those."""
    return {"status": "alive"}


async def ready(asked: Asked) -> web.StreamResponse:
    """Readiness: everything needed to serve answers too. 503 while it doesn't, with what is missing."""
    checks = {"database": lambda: asked.deps.db.answers(within_s=CHECK_S), **asked.deps.ready_checks}

    async def passed(check: Any) -> bool:
        try:
            async with asyncio.timeout(CHECK_S + 1):
                return bool(await check())
        except Exception:
            return False

    results = dict(zip(checks, await asyncio.gather(*(passed(check) for check in checks.values())), strict=True))
    good = all(results.values())
    response = reply({"status": "ready" if good else "not_ready", "checks": results}, 200 if good else 503)
    if not good:
        response.headers["Retry-After"] = "2"
    return response


async def metrics(asked: Asked) -> web.StreamResponse:
    """Prometheus text, for this machine or for who shows the metrics token."""
    token = asked.deps.settings.metrics_token.reveal()
    shown = asked.request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (hmac.compare_digest(shown.encode(), token.encode()) if token else is_this_machine(asked.request)):
        raise Forbidden("metrics are for this machine, or for who shows the metrics token")
    with suppress(DatabaseUnavailable):
        await asked.deps.figures.refresh()
    return web.Response(body=asked.deps.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


async def description(asked: Asked) -> dict[str, Any]:
    """This description."""
    from . import ROUTES

    return openapi.describe(ROUTES)


ROUTES = (
    Route("GET", "/health/live", live, Access.PUBLIC),
    Route("GET", "/health/ready", ready, Access.PUBLIC),
    Route("GET", "/metrics", metrics, Access.PUBLIC),
    Route("GET", "/api/openapi.json", description, Access.PUBLIC),
)
