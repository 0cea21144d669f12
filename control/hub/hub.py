"""Who is connected, and what they may say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any
from uuid import UUID

from aiohttp import WSCloseCode, web

from ..auth import Actor
from ..auth.sessions import Session, Sessions
from ..bus import Bus
from ..db import Database
from ..errors import DatabaseUnavailable, Invalid, TooMany
from ..events import TYPING, Event
from ..metrics import Metrics
from .connection import MAX_SAID_BYTES, SESSION_ENDED, Connection, HubStats
from .presence import Attendance

log = logging.getLogger(__name__)

PER_USER = 8  # sockets of one person: tabs, and those of a network change that are not yet known to be dead
CLOSE_S = 2.0
SetStatus = Callable[[Actor, str], Awaitable[Any]]


class Hub:
    """Every WebSocket of this process. ``start`` and ``close`` it; between, ``serve`` takes one request each.

    *limit* bounds what waits for one client; *send_s* is how long a client may take to read before it is cut off;
    *check_s* how often sessions are looked at again.
    """

    def __init__(
        self,
        db: Database,
        bus: Bus,
        sessions: Sessions,
        *,
        set_status: SetStatus,
        attendance: Attendance | None = None,
        limit: int = 512,
        send_s: float = 10.0,
        check_s: float = 30.0,
    ) -> None:
        self._db = db
        self._bus = bus
        self._sessions = sessions
        self._set_status = set_status
        self._attendance = attendance
        self._limit = limit
        self._send_s = send_s
        self._check_s = check_s
        self._connections: set[Connection] = set()
        self._check: asyncio.Task[None] | None = None
        self.stats = HubStats()

    @property
    def connected(self) -> int:
        return len(self._connections)

    def watch(self, metrics: Metrics) -> None:
        """Show what is counted here."""
        stats = self.stats
        metrics.watch("gauge", "attendance_hub_connections", "WebSockets open.", lambda: self.connected)
        metrics.watch("counter", "attendance_hub_connected", "WebSockets ever opened.", lambda: stats.connected)
        metrics.watch("counter", "attendance_hub_sent", "Messages sent to clients.", lambda: stats.sent)
        metrics.watch("counter", "attendance_hub_replayed", "Events told again after a break.", lambda: stats.replayed)
        metrics.watch("counter", "attendance_hub_resets", "Clients that had to start anew.", lambda: stats.resets)
        metrics.watch("counter", "attendance_hub_slow", "Clients closed: they did not keep up.", lambda: stats.slow)
        metrics.watch("counter", "attendance_hub_noisy", "Clients closed: they said too much.", lambda: stats.noisy)

    async def start(self) -> None:
        self._check = asyncio.create_task(self._check_sessions(), name="hub sessions")
        if self._attendance is not None:
            await self._attendance.start()

    async def close(self) -> None:
        """Tell every client to come back later; who does not answer within ``CLOSE_S`` is cut off. May be repeated."""
        if self._check is not None:
            self._check.cancel()
            with suppress(asyncio.CancelledError):
                await self._check
            self._check = None
        connections = list(self._connections)
        for connection in connections:
            connection.ask_to_close(WSCloseCode.GOING_AWAY, "the server stops; connect again")
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*(connection.over.wait() for connection in connections))
        for connection in self._connections:
            connection.abort()
        if self._attendance is not None:
            await self._attendance.close()

    async def serve(self, request: web.Request, session: Session) -> web.StreamResponse:
        """Take over *request*: upgrade it and serve it until either side closes.

        Raises:
            Invalid: ``since`` is no number.
            TooMany: this person has too many sockets open.
        """
        since = _since(request)
        if sum(other.actor.user_id == session.actor.user_id for other in self._connections) >= PER_USER:
            raise TooMany("too many connections of one person", retry_after_s=5, code="too_many_connections")
        ws = web.WebSocketResponse(heartbeat=20.0, max_msg_size=MAX_SAID_BYTES, compress=False)
        await ws.prepare(request)
        connection = Connection(ws, request.transport, session, self.stats, send_s=self._send_s)
        self._connections.add(connection)
        self.stats.connected += 1
        try:
            if self._attendance is not None:
                with suppress(DatabaseUnavailable):  # told by the connection itself
                    await self._attendance.came(session.actor)
            await connection.run(self._db, self._bus, since, self._limit, self._said)
        finally:
            self._connections.discard(connection)
            if self._attendance is not None and not self._is_here(session.actor):
                self._attendance.left(session.actor)
        return ws

    def end_sessions(self, session_ids: Collection[UUID]) -> None:
        """Close the sockets of sessions that were ended; they close by themselves, nobody waits for them."""
        for connection in self._connections:
            if connection.session.id in session_ids:
                connection.ask_to_close(SESSION_ENDED, "signed out")

    def _is_here(self, actor: Actor) -> bool:
        return any(other.actor.user_id == actor.user_id for other in self._connections)

    async def _check_sessions(self) -> None:
        """Another replica may have ended a session, or time has."""
        while True:
            await asyncio.sleep(self._check_s)
            mine = {connection.session.id for connection in self._connections}
            if mine:
                with suppress(DatabaseUnavailable):
                    self.end_sessions(mine - await self._sessions.alive(mine))

    # -- what clients say ---------------------------------------------------------------------------------------------

    async def _said(self, connection: Connection, message: dict[str, Any]) -> None:
        actor = connection.actor
        match message.get("type"):
            case "ping":
                await connection.send({"type": "pong"})
            case "status_update":
                await self._set_status(actor, str(message.get("status", "")))
            case "typing":
                self._publish_typing(actor, _id(message))
            case "read":
                log.debug("read", extra={"user_id": str(actor.user_id), "session_id": str(_id(message))})
            case other:
                raise Invalid(f"nothing is called {other!r} here", code="unknown_type", field="type")

    def _publish_typing(self, actor: Actor, session_id: UUID) -> None:
        data = {"session_id": str(session_id), "user_id": str(actor.user_id), "user_name": actor.name}
        self._bus.publish(Event(actor.organisation_id, TYPING, data))


def _id(message: dict[str, Any]) -> UUID:
    try:
        return UUID(str(message.get("session_id")))
    except ValueError:
        raise Invalid("session_id is missing or no UUID", field="session_id") from None


def _since(request: web.Request) -> int | None:
    given = request.query.get("since", "")
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise Invalid("since is the number of the last event", field="since")
    return int(given)
