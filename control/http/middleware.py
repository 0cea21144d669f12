"""What happens around every handler.

request id ─► count ─► security headers ─► errors ─► origin ─► session ─► CSRF ─► access ─► parse ─► handler
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from aiohttp import web

from ..auth.sessions import CSRF_COOKIE, CSRF_HEADER, SESSION_COOKIE
from ..errors import ControlError, Forbidden
from .deps import DEPS
from .errors import from_domain, from_http, refusal, status_of
from .origin import is_https, same_origin
from .route import Access, Asked, Route, read_body, read_query

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ID: web.RequestKey[str] = web.RequestKey("id", str)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


# -- outermost: id, count, headers ------------------------------------------------------------------------------------


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request an id, count it, log it, and put the security headers on whatever is answered."""
    given = request.headers.get("X-Request-ID", "")
    identity = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request[ID] = identity
    deps = request.app[DEPS]
    started_s = time.monotonic()
    response = await _with_errors(request, handler)
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "unmatched"
    seconds = time.monotonic() - started_s
    if response.status != 101:  # a WebSocket lives as long as it lives
        deps.metrics.request(request.method, route, response.status, seconds)
    log.debug(
        "request",
        extra={"request_id": identity, "method": request.method, "route": route, "status": response.status,
               "seconds": round(seconds, 4)},
    )  # fmt: skip
    return response


async def _with_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ControlError as error:
        if status_of(error) >= 500:
            log.warning("request_failed", extra={"request_id": request[ID], "code": error.code, "path": request.path})
        return from_domain(error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return from_http(error)
    except Exception:
        log.exception("request_crashed", extra={"request_id": request[ID], "path": request.path})
        return refusal(500, "internal", f"something went wrong here; its number is {request[ID]}")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Sent with every answer, streamed ones too (``on_response_prepare``)."""
    headers = response.headers
    if ID in request:
        headers["X-Request-ID"] = request[ID]
    headers.setdefault("Content-Security-Policy", request.app[DEPS].content_security_policy)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "microphone=(self), camera=(self), display-capture=(self), geolocation=()"
    headers.setdefault("Cache-Control", "no-store")
    headers["Server"] = "attendance"
    if is_https(request):
        headers["Strict-Transport-Security"] = "max-age=31536000"


# -- around a declared route ------------------------------------------------------------------------------------------


def serve(route: Route) -> Handler:
    """*route*'s handler as aiohttp wants it: who asks, may they, what do they ask, and the answer as JSON."""

    async def handle(request: web.Request) -> web.StreamResponse:
        deps = request.app[DEPS]
        if request.method not in SAFE_METHODS and not same_origin(request):
            raise Forbidden("this request comes from another site", code="cross_site")
        asked = Asked(request, deps, None)
        if route.access is not Access.PUBLIC:
            asked.session = session = await deps.sessions.authenticate(request.cookies.get(SESSION_COOKIE, ""))
            if request.method not in SAFE_METHODS:
                _check_csrf(request, session.csrf)
            if session.must_change_password and route.access is not Access.SESSION:
                raise Forbidden("change the one-time password first", code="password_change_required")
            if route.access.role is not None:
                session.actor.require(route.access.role)
        if route.body is not None:
            asked.body_ = await read_body(request, route.body)
        if route.query is not None:
            asked.query_ = read_query(request, route.query)
        answer = await route.handler(asked)
        return answer if isinstance(answer, web.StreamResponse) else reply(answer, route.status)

    handle.__name__ = route.handler.__name__
    handle.__doc__ = route.handler.__doc__
    return handle


def _check_csrf(request: web.Request, expected: str) -> None:
    """Double submit, bound to the session: the header must hold what only a page of ours can read from the cookie."""
    header = request.headers.get(CSRF_HEADER, "")
    cookie = request.cookies.get(CSRF_COOKIE, "")
    same = hmac.compare_digest(header.encode(), expected.encode())
    if not (same and hmac.compare_digest(cookie.encode(), expected.encode())):
        raise Forbidden(f"the {CSRF_HEADER} header is missing or wrong", code="csrf")


def reply(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status, dumps=dumps)


def dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is no JSON value")
