"""The application: routes, what is around them, what they share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from config.control import HttpSettings

from ..auth.sessions import SESSION_COOKIE, Sessions
from ..bus import Bus
from ..db import Database
from ..errors import Forbidden
from ..metrics import Metrics
from ..metrics.centre import CentreFigures
from ..ports import CallDesk
from ..queues import Queues
from .console import page
from .deps import DEPS, Check, Deps, HubDoor
from .middleware import add_headers, around, serve
from .origin import same_origin
from .routes import ROUTES

CONSOLE_DIR = Path(__file__).parents[1] / "console" / "dist"  # built by the package's build hook
SOCKETS = ("/api/attendance/ws", "/ws/attendant")


def build_app(
    *,
    db: Database,
    bus: Bus,
    hub: HubDoor,
    desk: CallDesk,
    settings: HttpSettings,
    sessions: Sessions,
    metrics: Metrics,
    recordings_dir: Path,
    queues: Queues | None = None,
    rooms_url: str = "",
    ready_checks: Mapping[str, Check] | None = None,
    console_dir: Path = CONSOLE_DIR,
) -> web.Application:
    """The whole HTTP door. Everything it uses is the caller's to open and to close.

    *queues*: with the settings that were given; without, with the defaults. *rooms_url* is what browsers connect to for
    media; it goes into the Content-Security-Policy. *recordings_dir* holds the files that recordings are registered
    under. *ready_checks* join the database in ``/health/ready``.
    """
    deps = Deps(
        db=db,
        bus=bus,
        hub=hub,
        desk=desk,
        queues=queues or Queues(db),
        settings=settings,
        sessions=sessions,
        metrics=metrics,
        figures=CentreFigures(db, metrics),
        recordings_dir=recordings_dir,
        console_dir=console_dir,
        rooms_url=rooms_url,
        ready_checks=ready_checks or {},
    )
    app = web.Application(middlewares=[around], client_max_size=settings.max_body_bytes)
    app[DEPS] = deps
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(_say_goodbye)
    for route in ROUTES:
        # HEAD is answered by the GET handler; aiohttp leaves the body out.
        methods = ("GET", "HEAD") if route.method == "GET" else (route.method,)
        handler = serve(route)
        for method in methods:
            app.router.add_route(method, route.path, handler)
    for path in SOCKETS:
        app.router.add_get(path, socket, allow_head=False)
    app.router.add_get("/{path:.*}", page)
    _watch(metrics, deps)
    return app


async def _say_goodbye(app: web.Application) -> None:
    """Before the server waits for its connections to end: the live ones end when they are told."""
    await app[DEPS].hub.close()


async def socket(request: web.Request) -> web.StreamResponse:
    """The live connection. A browser sends cookies with a WebSocket from any page, so where it comes from counts."""
    deps = request.app[DEPS]
    if not same_origin(request):
        raise Forbidden("this connection comes from another site", code="cross_site")
    session = await deps.sessions.authenticate(request.cookies.get(SESSION_COOKIE, ""))
    if session.must_change_password:
        raise Forbidden("change the one-time password first", code="password_change_required")
    return await deps.hub.serve(request, session)


def _watch(metrics: Metrics, deps: Deps) -> None:
    deps.hub.watch(metrics)
    limiter, stats = deps.sessions.limiter, deps.bus.stats
    metrics.watch("counter", "attendance_sign_in_limited", "Sign-ins refused for their rate.", lambda: limiter.refused)
    metrics.watch("counter", "attendance_sign_in_forgotten", "Rate counts given up.", lambda: limiter.forgotten)
    metrics.watch("counter", "attendance_bus_delivered", "Events delivered.", lambda: stats.delivered)
    metrics.watch("counter", "attendance_bus_read_back", "Events read from the log.", lambda: stats.read_back)
    metrics.watch("counter", "attendance_bus_overflowed", "Slow subscriptions given up.", lambda: stats.overflowed)
