"""Signing in and out."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from ...auth.sessions import COOKIE_S, CSRF_COOKIE, SESSION_COOKIE
from ..middleware import reply
from ..origin import client_address, is_https
from ..route import Access, Asked, Body, Route


class SignInBody(Body):
    email: str = Field(min_length=1, max_length=254)
    password: str = Field(min_length=1, max_length=1024)

    model_config = Body.model_config | {"str_strip_whitespace": False}


class PasswordBody(Body):
    current: str = Field(min_length=1, max_length=1024)
    new: str = Field(min_length=1, max_length=1024)

    model_config = Body.model_config | {"str_strip_whitespace": False}


async def sign_in(asked: Asked) -> web.StreamResponse:
    """Sign in: sets the session's cookie and the CSRF cookie."""
    body = asked.body(SignInBody)
    request, sessions = asked.request, asked.deps.sessions
    token, session = await sessions.sign_in(
        body.email,
        body.password,
        address=client_address(request),
        agent=request.headers.get("User-Agent", ""),
    )
    response = reply(session.public())
    secure = is_https(request)
    for name, value, hidden in ((SESSION_COOKIE, token, True), (CSRF_COOKIE, session.csrf, False)):
        response.set_cookie(name, value, max_age=COOKIE_S, httponly=hidden, secure=secure, samesite="Lax")
    return response


async def sign_out(asked: Asked) -> web.StreamResponse:
    """Sign out: ends the session and its live connection."""
    assert asked.session is not None
    await asked.deps.sessions.sign_out(asked.session)
    asked.deps.hub.end_sessions((asked.session.id,))
    response = reply({"success": True})
    for name in (SESSION_COOKIE, CSRF_COOKIE):
        response.del_cookie(name, httponly=name == SESSION_COOKIE, secure=is_https(asked.request), samesite="Lax")
    return response


async def me(asked: Asked) -> dict[str, Any]:
    """Who is signed in."""
    assert asked.session is not None
    return asked.session.public()


async def change_password(asked: Asked) -> dict[str, Any]:
    """Change one's own password; ends all other sessions."""
    body = asked.body(PasswordBody)
    assert asked.session is not None
    ended = await asked.deps.sessions.change_password(
        asked.session, body.current, body.new, address=client_address(asked.request)
    )
    asked.deps.hub.end_sessions(ended)
    return {"success": True}


ROUTES = (
    Route("POST", "/api/auth/sign-in", sign_in, Access.PUBLIC, body=SignInBody),
    Route("POST", "/api/auth/sign-out", sign_out, Access.SESSION),
    Route("GET", "/api/auth/me", me, Access.SESSION),
    Route("POST", "/api/auth/password", change_password, Access.SESSION, body=PasswordBody),
)
