"""The dispatcher: brings who waits longest to whom the router chooses, one offer at a time.

    told (somebody waits, is online, declined…) ─┐
    an offer or a wait runs out ─────────────────┴─► step: expire ─► overflow ─► offer, queue by queue

Several may run at once (a replica each): in one organisation they take turns, and what they may not do twice is
forbidden by the unique indexes on live offers. An offer that nobody takes in ``ring_s`` seconds expires:
the attendant becomes ``away`` (reason ``missed_offer``) until they say otherwise, the caller keeps the place and the
next attendant is asked. One who declines stays online and is not asked for that conversation for ``ring_s`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from uuid import UUID

from config.control import QueueSettings

from .. import events
from ..bus import Bus, Overflowed, Subscription
from ..conversations import offer_settled
from ..db import Database, Row, Tx, load_sql
from ..errors import DatabaseUnavailable
from .actions import free_attendants, offer_shape
from .attendants import write_presence
from .routing import choose

log = logging.getLogger(__name__)
sql = load_sql("control.queues")

IDLE_S = 30.0  # looked at least this often, whatever was told
WAKING = frozenset(
    {
        events.NEW_CONVERSATION, events.QUEUE_UPDATE, events.OFFER_SETTLED, events.ATTENDANT_UPDATE,
        events.CONVERSATION_CLOSED,
    }
)  # fmt: skip


@dataclass(slots=True)
class DispatcherStats:
    offered: int = 0
    expired: int = 0
    overflowed: int = 0
    failed: int = 0  # steps that raised; the next one tries again


class Dispatcher:
    """``run`` it as one task of its owner; cancel to stop. ``step`` is one look, for tests."""

    def __init__(self, db: Database, bus: Bus, settings: QueueSettings | None = None) -> None:
        self._db = db
        self._bus = bus
        self._settings = settings or QueueSettings()
        self.stats = DispatcherStats()

    async def run(self) -> None:
        """Look, then sleep until something is told or runs out. Ends only by cancellation."""
        subscription = self._bus.subscribe()
        try:
            while True:
                try:
                    due_s = await self.step()
                except DatabaseUnavailable:
                    due_s = 1.0
                except Exception:
                    self.stats.failed += 1
                    log.exception("dispatch_failed")
                    due_s = 1.0
                subscription = await self._wait(subscription, due_s)
        finally:
            subscription.close()

    async def step(self) -> float:
        """Do all there is to do now; in how many seconds something runs out."""
        while await self._expire():
            pass
        while await self._overflow():
            pass
        for row in await self._db.fetch(sql.queues_with_waiting):
            await self._serve(row["organisation_id"], row["queue_id"])
        due = await self._db.value(sql.next_due, cool_down_s=self._settings.ring_s)
        return min(max(float(due), 0.0), IDLE_S) if due is not None else IDLE_S

    async def _wait(self, subscription: Subscription, due_s: float) -> Subscription:
        """Until an event that may matter, or *due_s* seconds. What else was told meanwhile is one look, not many."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(due_s + 0.01):
                try:
                    while (await subscription.get()).type not in WAKING:
                        pass
                except Overflowed:
                    subscription.close()
                    return self._bus.subscribe()
                except StopAsyncIteration:  # the bus is closed: only the clock is left
                    await asyncio.sleep(due_s)
        subscription.drain()
        return subscription

    async def _expire(self) -> int:
        """Settle what nobody took; how many offers that were."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch(sql.expired_offers)
            for offer in rows:
                where = {"organisation_id": offer["organisation_id"], "id": offer["id"]}
                await tx.run(sql.settle_offer, **where, outcome="expired")
                offer_settled(tx, offer["organisation_id"], offer["id"], offer["conversation_id"], "expired")
            for offer in sorted(rows, key=lambda row: row["user_id"]):
                await write_presence(tx, offer["organisation_id"], offer["user_id"], "away", "missed_offer")
        self.stats.expired += len(rows)
        return len(rows)

    async def _overflow(self) -> int:
        """Tell who has waited longer than the queue allows, once each: the door they came by knows what to do (D13)."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch(sql.overflowing)
            for row in rows:
                await tx.run(sql.set_overflowed, organisation_id=row["organisation_id"], id=row["id"])
                data = {
                    "session_id": str(row["id"]),
                    "queue_id": str(row["queue_id"]),
                    "waited_s": round(float(row["waited_s"]), 1),
                }
                tx.tell(events.Event(row["organisation_id"], events.QUEUE_OVERFLOW, data))
        self.stats.overflowed += len(rows)
        return len(rows)

    async def _serve(self, organisation_id: UUID, queue_id: UUID) -> None:
        """Offer from one queue until nobody waits whom somebody could take."""
        passed: list[UUID] = []
        channels_without: list[str] = []
        while True:
            async with self._db.transaction() as tx:
                await tx.run(sql.one_at_a_time, organisation_id=organisation_id)
                conversation = await tx.row(
                    sql.next_waiting, queue_id=queue_id, passed=passed, channels_without=channels_without
                )
                if conversation is None:
                    return
                offered, anybody = await self._offer(tx, organisation_id, conversation)
            passed.append(conversation["id"])
            if offered:
                self.stats.offered += 1
            elif not anybody:
                channels_without.append(conversation["channel"])

    async def _offer(self, tx: Tx, organisation_id: UUID, conversation: Row) -> tuple[bool, bool]:
        """Ring at one attendant. (whether it rings, whether anybody serves this channel at all now)"""
        cool_down_s = self._settings.ring_s
        where = (tx, organisation_id, conversation["queue_id"], conversation["id"])
        topic = conversation["context_data"].get("topic")
        ask = {"channel": conversation["channel"], "topic": topic, "wanted": conversation["wanted_user"]}
        free = await free_attendants(*where, cool_down_s=cool_down_s, just_asked=False)
        while (chosen := choose(free, **ask)) is not None:
            free = [candidate for candidate in free if candidate.user_id != chosen.user_id]
            if await tx.row(sql.lock_presence_if_free, user_id=chosen.user_id) is None:
                continue  # just left, or another dispatcher is at them
            # Under the lock, look again: they may have taken something by hand meanwhile.
            still = await free_attendants(*where, user_id=chosen.user_id, cool_down_s=cool_down_s, just_asked=False)
            if choose(still, **ask) is None:
                continue
            offer = await tx.row(
                sql.make_offer, organisation_id=organisation_id, conversation_id=conversation["id"],
                user_id=chosen.user_id, ring_s=self._settings.ring_s,
            )  # fmt: skip
            if offer is None:
                continue
            await tx.run(sql.offered, organisation_id=organisation_id, user_id=chosen.user_id)
            data = await offer_shape(tx, offer)
            tx.tell(events.Event(organisation_id, events.OFFER, data, audience=chosen.user_id))
            return True, True
        anybody = choose(await free_attendants(*where), channel=conversation["channel"]) is not None
        return False, anybody
