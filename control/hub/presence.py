"""An attendant whose last window is gone is offline after a grace; one who comes back is what they were before.

A reload, a lost network for some seconds or a replica that is replaced changes nothing. The rows of ``hub_presence``
say who is here, for all replicas; every replica looks for rows that nobody touches any more, so attendants of one that
died do not stay "online" with calls offered to an empty chair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from ..auth import Actor
from ..db import Database, Row, load_sql
from ..errors import ControlError, DatabaseUnavailable

log = logging.getLogger(__name__)
sql = load_sql("control.hub")

OFFLINE = "offline"
SetStatus = Callable[[Actor, str], Awaitable[Any]]


class Attendance:
    """Who is at the console. *grace_s*: how long a place stays kept after its last window was closed."""

    def __init__(self, db: Database, set_status: SetStatus, *, grace_s: float = 20.0) -> None:
        self._db = db
        self._set_status = set_status
        self._grace_s = grace_s
        self._id = uuid4()
        self._here: dict[UUID, Actor] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="hub presence")

    async def close(self) -> None:
        """Stop looking. Our rows grow old by themselves: a restart within the grace goes unnoticed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def came(self, actor: Actor) -> None:
        """A window was opened. Raises ``DatabaseUnavailable``."""
        self._here[actor.user_id] = actor
        await self._db.run(sql.came, organisation_id=actor.organisation_id, user_id=actor.user_id, hub_id=self._id)
        await self._restore(actor)

    def left(self, actor: Actor) -> None:
        """The last window in this process was closed."""
        self._here.pop(actor.user_id, None)

    async def look(self) -> None:
        """Touch the rows of who is here, and find who is not any more. Raises ``DatabaseUnavailable``."""
        if self._here:
            await self._db.run(sql.touch, hub_id=self._id, user_ids=list(self._here))
        await self._db.run(sql.forget_old)
        # The rows stay locked meanwhile, so that one who comes back right now waits and then finds what they were.
        gone: dict[UUID, Actor] = {}
        async with self._db.transaction() as tx:
            for row in await tx.fetch(sql.gone, grace_s=self._grace_s):
                actor = _actor(row)
                where = {"user_id": row["user_id"], "hub_id": row["hub_id"]}
                if actor.user_id in gone or row["status"] == OFFLINE:
                    await tx.run(sql.forget_gone, **where)
                    continue
                gone[actor.user_id] = actor
                await self._set_status(actor, OFFLINE)
                await tx.run(sql.mark_gone, **where, status=row["status"])
                log.info("attendant_gone", extra={"user_id": str(actor.user_id), "was": row["status"]})
        for actor in gone.values():
            if await self._db.value(sql.is_here, user_id=actor.user_id, grace_s=self._grace_s):
                await self._restore(actor)  # came to another replica in that moment

    async def _restore(self, actor: Actor) -> None:
        before = await self._db.value(sql.take_status_before, user_id=actor.user_id)
        if before is not None and before != OFFLINE:
            with suppress(ControlError):
                await self._set_status(actor, before)
                log.info("attendant_back", extra={"user_id": str(actor.user_id), "status": before})

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._grace_s / 4)
            try:
                await self.look()
            except DatabaseUnavailable:
                continue
            except Exception:
                log.exception("presence_check_failed")


def _actor(row: Row) -> Actor:
    return Actor(row["organisation_id"], row["user_id"], row["attendant_code"] or "", row["name"], row["role"])
