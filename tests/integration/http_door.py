"""The HTTP door on a real socket and a real database, and browsers that sign in to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientResponse, CookieJar
from aiohttp.test_utils import TestClient, TestServer

from config.control import HttpSettings
from control.auth import Actor, Role
from control.auth.limiter import SignInLimiter
from control.auth.passwords import Passwords
from control.auth.sessions import Sessions
from control.auth.users import add_user
from control.bus import Bus
from control.db import Database
from control.http import build_app
from control.hub import Hub
from control.metrics import Metrics
from control.ports import NoCalls, RoomGrant
from control.queues import Queues, ensure_organisation

PASSWORD = "uma senha comprida"


@dataclass
class Browser:
    """A person's browser: cookies, and the CSRF header on what changes something."""

    client: TestClient[Any, Any]
    csrf: str = ""
    me: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> Actor:
        user, organisation = self.me["user"], self.me["organisation"]
        return Actor(UUID(organisation["id"]), UUID(user["id"]), user["attendant_id"], user["name"], user["role"])

    async def sign_in(self, email: str, password: str = PASSWORD) -> ClientResponse:
        response = await self.client.post("/api/auth/sign-in", json={"email": email, "password": password})
        if response.status == 200:
            self.me = await response.json()
            self.csrf = self.me["csrf"]
        return response

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> ClientResponse:
        headers = {"X-CSRF-Token": self.csrf, **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        return await self.client.request(method, path, headers=headers, **more)

    async def get(self, path: str, **more: Any) -> ClientResponse:
        return await self.ask("GET", path, **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> ClientResponse:
        return await self.ask("POST", path, {} if body is None else body, **more)


class OneCall(NoCalls):
    """A desk with a live call for whoever asks; notes what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def join(self, actor: Actor, session_id: UUID) -> RoomGrant | None:
        self.told.append(f"join {session_id}")
        return RoomGrant("ws://127.0.0.1:7880", "token", f"attendance-{session_id}")

    async def hold(self, actor: Actor, call_id: UUID) -> None:
        self.told.append(f"hold {call_id}")

    async def resume(self, actor: Actor, call_id: UUID) -> None:
        self.told.append(f"resume {call_id}")

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        self.told.append(f"hang_up {call_id}")

    async def finish(self, actor: Actor, session_id: UUID) -> None:
        self.told.append(f"finish {session_id}")


@dataclass
class Door:
    db: Database
    bus: Bus
    hub: Hub
    sessions: Sessions
    passwords: Passwords
    server: TestServer
    recordings_dir: Path
    console_dir: Path
    stack: AsyncExitStack

    async def organisation(self, name: str = "Loja") -> UUID:
        return await ensure_organisation(self.db, name)

    async def browser(self) -> Browser:
        client: TestClient[Any, Any] = TestClient(TestServer(self.server.app), cookie_jar=CookieJar(unsafe=True))
        client._server = self.server
        self.stack.push_async_callback(client.session.close)
        return Browser(client)

    async def person(
        self, email: str = "ana@loja.example", *, role: Role = Role.ATTENDANT, organisation: str = "Loja"
    ) -> Browser:
        """A new user, signed in."""
        where = await self.organisation(organisation)
        await add_user(self.db, self.passwords, where, email=email, name=email.title(), role=role, password=PASSWORD)
        browser = await self.browser()
        response = await browser.sign_in(email)
        assert response.status == 200, await response.text()
        return browser


async def open_door(db: Database, tmp_path: Path, *, desk: Any = None, **settings: Any) -> AsyncIterator[Door]:
    async with AsyncExitStack() as stack:
        passwords = Passwords(time_cost=1, memory_kib=64)
        stack.callback(passwords.close)
        sessions = Sessions(db, passwords, SignInLimiter(3, 60.0))
        bus = Bus(db)
        await bus.start()
        stack.push_async_callback(bus.close)
        hub = Hub(db, bus, sessions, set_status=Queues(db).set_presence)
        await hub.start()
        stack.push_async_callback(hub.close)
        recordings, console = tmp_path / "recordings", tmp_path / "dist"
        recordings.mkdir()
        console.mkdir()
        app = build_app(
            db=db,
            bus=bus,
            hub=hub,
            desk=desk or NoCalls(),
            settings=HttpSettings(**settings),
            sessions=sessions,
            metrics=Metrics(),
            recordings_dir=recordings,
            rooms_url="ws://127.0.0.1:7880",
            console_dir=console,
        )
        server = TestServer(app)
        await server.start_server()
        stack.push_async_callback(server.close)
        yield Door(db, bus, hub, sessions, passwords, server, recordings, console, stack)


@pytest.fixture
async def door(database: Database, tmp_path: Path) -> AsyncIterator[Door]:
    async for opened in open_door(database, tmp_path):
        yield opened
