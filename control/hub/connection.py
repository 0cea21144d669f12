"""One WebSocket: first what it missed, then what happens.

    subscribe ─► replay (since, last] from the log ─► events after last ─► …
                     nothing between: the subscription was there before the log was read

The subscription is bounded. A client that does not keep up is closed with ``TOO_SLOW`` and comes back with the last
number it saw; nothing it missed is lost, because the log has it. ``connected`` names the newest number there is: a new
page starts from it, one that comes back is sent everything up to it next. ``reset`` comes instead of that when the log
does not reach back so far: read everything anew, and go on from its number.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from ..auth.sessions import Session
from ..bus import Bus, Overflowed, Subscription, replay
from ..db import Database
from ..errors import ControlError, DatabaseUnavailable
from ..events import Event, iso

log = logging.getLogger(__name__)

TOO_SLOW: Final = 4008  # it did not read what it was sent: connect again with ?since=
TOO_MANY: Final = 4029  # it sent more than anybody types
SESSION_ENDED: Final = 4001  # signed out, or the password was changed: sign in again
MAX_SAID_BYTES: Final = 16_384
SAID_PER_S: Final = 20.0
SAID_BURST: Final = 60

Says = Callable[["Connection", dict[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class HubStats:
    connected: int = 0  # ever
    sent: int = 0
    replayed: int = 0
    resets: int = 0
    slow: int = 0  # closed because they did not keep up
    noisy: int = 0  # closed because they said too much


class Connection:
    """Owned by the request's task: it lives as long as ``run``, which alone closes the socket.

    tell:    replay ─► what happens ─► socket       ends when the client does not keep up
    listen:  socket ─► what the client says         ends when the client hangs up
    ask_to_close: from anybody, at any time
    """

    def __init__(
        self,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        session: Session,
        stats: HubStats,
        *,
        send_s: float,
    ) -> None:
        self.session = session
        self.actor = session.actor
        self.stats = stats
        self.over = asyncio.Event()  # the socket is closed
        self._ws = ws
        self._transport = transport
        self._send_s = send_s
        self._last = 0  # newest number this client was sent
        self._allowance = float(SAID_BURST)
        self._said_s = time.monotonic()
        self._close_with: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    async def run(self, db: Database, bus: Bus, since: int | None, limit: int, says: Says) -> None:
        """Serve until either side closes. *since* None: a new page, which reads everything by REST."""
        who = self.actor.user_id
        try:
            with bus.subscribe(self.actor.organisation_id, limit=limit) as heard:
                tell = asyncio.create_task(self._tell(db, heard, since), name=f"hub tell {who}")
                listen = asyncio.create_task(self._listen(says), name=f"hub listen {who}")
                try:
                    until: set[asyncio.Future[Any]] = {tell, listen, self._close_with}
                    await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    tell.cancel()
                    listen.cancel()
                    results = await asyncio.gather(tell, listen, return_exceptions=True)
            for error in results:
                if isinstance(error, Exception) and not isinstance(error, ConnectionError):
                    log.error("hub_connection_failed", extra={"user_id": str(who)}, exc_info=error)
                    self.ask_to_close(WSCloseCode.INTERNAL_ERROR, "something went wrong here; connect again")
            await self._close()
        finally:
            self._close_with.cancel()
            self.over.set()

    def ask_to_close(self, code: int, reason: str) -> None:
        """Let ``run`` end and tell the client why. The first reason counts."""
        if not self._close_with.done():
            self._close_with.set_result((code, reason))

    async def _close(self) -> None:
        """Say why and hang up; a client that does not even take that is cut off."""
        code, reason = self._close_with.result() if self._close_with.done() else (WSCloseCode.OK, "")
        try:
            async with asyncio.timeout(self._send_s):
                await self._ws.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self.abort()

    def abort(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def send(self, message: dict[str, Any]) -> None:
        await self._send_text(json.dumps(message, ensure_ascii=False, separators=(",", ":")))

    # -- what it is told ----------------------------------------------------------------------------------------------

    async def _tell(self, db: Database, heard: Subscription, since: int | None) -> None:
        """First what was missed, then what happens. Returns when the connection is to be closed."""
        try:
            await self._begin(db, since)
            async for event in heard:
                if event.seq is not None:
                    if event.seq <= self._last:
                        continue  # was in the replay
                    self._last = event.seq
                if event.visible_to(self.actor.user_id):
                    await self._send_text(_text(event))
            self.ask_to_close(WSCloseCode.GOING_AWAY, "the server stops; connect again")
        except (Overflowed, TimeoutError):
            self.stats.slow += 1
            log.warning("hub_client_slow", extra={"user_id": str(self.actor.user_id), "last": self._last})
            self.ask_to_close(TOO_SLOW, "too slow; connect again with since")
        except DatabaseUnavailable:
            self.ask_to_close(WSCloseCode.TRY_AGAIN_LATER, "the database does not answer; connect again")

    async def _begin(self, db: Database, since: int | None) -> None:
        async with db.transaction() as tx:
            missed, last = await replay(
                tx, self.actor.organisation_id, -1 if since is None else since, user_id=self.actor.user_id
            )
        if missed and missed[-1].seq is not None:
            last = max(last, missed[-1].seq)  # the log was read after its newest number was
        self._last = last
        await self.send(
            {
                "type": "connected",
                "seq": last,
                "timestamp": iso(datetime.now(UTC)),
                "attendant_id": self.actor.attendant_code,
                "message": "connected",
            }
        )
        if missed is None and since is not None:
            self.stats.resets += 1
            await self.send({"type": "reset", "seq": last, "timestamp": iso(datetime.now(UTC))})
        for event in missed or ():
            self.stats.replayed += 1
            await self._send_text(_text(event))

    async def _send_text(self, text: str) -> None:
        """Raises ``TimeoutError`` when the client does not read, ``ConnectionError`` when it is gone."""
        async with asyncio.timeout(self._send_s):
            await self._ws.send_str(text)
        self.stats.sent += 1

    # -- what it says -------------------------------------------------------------------------------------------------

    async def _listen(self, says: Says) -> None:
        async for message in self._ws:
            if message.type is not WSMsgType.TEXT:
                continue
            if not self._may_say():
                self.stats.noisy += 1
                self.ask_to_close(TOO_MANY, "too many messages")
                return
            try:
                value = json.loads(message.data)
                if not isinstance(value, dict):
                    raise ValueError("not an object")
                await says(self, value)
            except (ValueError, RecursionError):
                await self._refuse("malformed", "a message is a JSON object with a type")
            except ControlError as error:
                await self._refuse(error.code, error.message)

    def _may_say(self) -> bool:
        now_s = time.monotonic()
        self._allowance = min(SAID_BURST, self._allowance + (now_s - self._said_s) * SAID_PER_S)
        self._said_s = now_s
        self._allowance -= 1
        return self._allowance >= 0

    async def _refuse(self, code: str, message: str) -> None:
        await self.send({"type": "error", "error": {"code": code, "message": message}})


class _Same:
    """An event by identity, so that it is encoded once for all who hear it."""

    __slots__ = ("event",)

    def __init__(self, event: Event) -> None:
        self.event = event

    def __hash__(self) -> int:
        return id(self.event)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.event is other.event


@lru_cache(maxsize=64)
def _encoded(same: _Same) -> str:
    return json.dumps(same.event.message(), ensure_ascii=False, separators=(",", ":"))


def _text(event: Event) -> str:
    """The event as a client gets it; the same text now and in a replay."""
    return _encoded(_Same(event))
