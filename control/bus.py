"""Delivery of events inside the process, after commit, in the order of their numbers, each exactly once.

Three things wake the bus: our own commits (the event is at hand), ``NOTIFY`` of any replica (only its number is), and
a LISTEN connection that came back. Whatever arrives out of turn is read from the log, so replicas, a lost
notification and a commit whose task was cancelled all end in the same place::

    Tx.tell ─ COMMIT ─► committed(events) ─┐ next number? deliver
    NOTIFY org:seq ────────────────────────┤ else read the log (last, …]
    LISTEN lost and found again ───────────┘

Passing events (``publish``) reach only this process: they are words being spoken now, gone in a moment anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from .db import CHANNEL, Database, Listening, Tx, load_sql
from .errors import DatabaseUnavailable
from .events import Event

log = logging.getLogger(__name__)
sql = load_sql("control.db")
PAGE = 500
TRIM_EVERY_S = 3600.0


class Overflowed(Exception):
    """The subscriber was too slow: its queue was full and has been dropped. It reads the log from its last number."""


@dataclass(slots=True)
class BusStats:
    delivered: int = 0  # events handed to subscribers, counted once each
    read_back: int = 0  # of these, read from the log because they came out of turn or from a replica
    overflowed: int = 0  # subscriptions that were given up because nobody emptied them


class Subscription:
    """What one listener gets. Bounded: when *limit* events wait, all are dropped and ``get`` raises ``Overflowed``."""

    def __init__(self, bus: Bus, organisation_id: UUID | None, limit: int) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(limit + 1)
        self._limit = limit
        self.organisation_id = organisation_id
        self.overflowed = False

    async def get(self) -> Event:
        """The next event.

        Raises:
            Overflowed: see the class.
            StopAsyncIteration: the subscription or the bus was closed.
        """
        if self.overflowed:
            raise Overflowed
        event = await self._queue.get()
        if event is not None:
            return event
        if self.overflowed:
            raise Overflowed
        self._queue.put_nowait(None)
        raise StopAsyncIteration

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            try:
                yield await self.get()
            except StopAsyncIteration:
                return

    def drain(self) -> int:
        """Throw away what waits, for a listener that only wants to be woken; how many that were."""
        count = 0
        while not self.overflowed and not self._queue.empty():
            if self._queue.get_nowait() is None:
                self._queue.put_nowait(None)
                break
            count += 1
        return count

    def close(self) -> None:
        self._bus._subscriptions.discard(self)
        self._end()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _offer(self, event: Event) -> None:
        if self.organisation_id is not None and event.organisation_id != self.organisation_id:
            return
        if self._queue.qsize() < self._limit:
            self._queue.put_nowait(event)
            return
        self.overflowed = True
        self._bus.stats.overflowed += 1
        self._bus._subscriptions.discard(self)
        self._end()

    def _end(self) -> None:
        if self.overflowed:
            while not self._queue.empty():
                self._queue.get_nowait()
        if not self._queue.full():
            self._queue.put_nowait(None)


class Bus:
    """One per process. ``start`` it after the database is open; what was told before a ``subscribe`` is unheard."""

    def __init__(self, db: Database, *, keep_s: float = 7 * 86_400) -> None:
        """*keep_s*: how long the log remembers; a client that was away longer reads everything anew."""
        self._db = db
        self._keep_s = keep_s
        self._subscriptions: set[Subscription] = set()
        self._last: dict[UUID, int] = {}  # newest number delivered, per organisation
        self._wanted: dict[UUID, int] = {}  # newest number known to exist but not delivered
        self._work = asyncio.Event()
        self._trim_at = 0.0
        self._task: asyncio.Task[None] | None = None
        self._unhook: Callable[[], None] = lambda: None
        self.stats = BusStats()

    async def start(self) -> None:
        """Listen. Raises ``DatabaseUnavailable`` when PostgreSQL does not answer."""
        listening = await self._db.listen(CHANNEL, self._notified)
        for row in await self._db.fetch(sql.all_counters):
            self._last.setdefault(row["organisation_id"], row["value"])
        self._unhook = self._db.on_commit(self._committed)
        self._work.set()  # a first look, and the first trim of the log, at once and not after an hour
        self._task = asyncio.create_task(self._run(listening), name="bus")

    async def close(self) -> None:
        self._unhook()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for subscription in list(self._subscriptions):
            subscription.close()

    def subscribe(self, organisation_id: UUID | None = None, *, limit: int = 1024) -> Subscription:
        """Hear the events of one organisation, or of all (None)."""
        subscription = Subscription(self, organisation_id, limit)
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, event: Event) -> None:
        """Deliver a passing event now, in this process. It gets no number and is not kept."""
        self._deliver(event)

    def last(self, organisation_id: UUID) -> int:
        """The number of the newest event delivered to subscribers of *organisation_id*."""
        return self._last.get(organisation_id, 0)

    def _committed(self, events: Sequence[Event]) -> None:
        for event in events:
            assert event.seq is not None
            if event.seq == self._last.get(event.organisation_id, 0) + 1:
                self._deliver_next(event)
            else:
                self._want(event.organisation_id, event.seq)

    def _notified(self, payload: str) -> None:
        organisation, _, seq = payload.partition(":")
        self._want(UUID(organisation), int(seq))

    def _want(self, organisation_id: UUID, seq: int) -> None:
        if seq > self._last.get(organisation_id, 0):
            self._wanted[organisation_id] = max(seq, self._wanted.get(organisation_id, 0))
            self._work.set()

    def _deliver_next(self, event: Event) -> None:
        assert event.seq is not None
        self._last[event.organisation_id] = event.seq
        self._deliver(event)

    def _deliver(self, event: Event) -> None:
        self.stats.delivered += 1
        for subscription in list(self._subscriptions):
            subscription._offer(event)

    async def _run(self, listening: Listening) -> None:
        current: Listening | None = listening
        try:
            while True:
                if current is None:
                    current = await self._listen_again()
                await self._until_work_or(current.lost)
                if current.lost.is_set():
                    log.warning("bus_listen_lost")
                    await current.close()
                    current = None
                    continue
                self._work.clear()
                try:
                    await self._catch_up()
                    await self._trim()
                except DatabaseUnavailable:
                    self._work.set()
                    await asyncio.sleep(0.5)
        finally:
            if current is not None:
                await current.close()

    async def _listen_again(self) -> Listening:
        pause_s = 0.1
        while True:
            try:
                listening = await self._db.listen(CHANNEL, self._notified)
                for row in await self._db.fetch(sql.all_counters):  # what was told while nobody listened
                    self._want(row["organisation_id"], row["value"])
                log.info("bus_listen_restored")
                return listening
            except DatabaseUnavailable:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 2.0)

    async def _until_work_or(self, lost: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait(), name="bus wait") for event in (self._work, lost)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=TRIM_EVERY_S)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _trim(self) -> None:
        """The log is bounded by age; every replica may do it."""
        now = asyncio.get_running_loop().time()
        if now >= self._trim_at:
            self._trim_at = now + TRIM_EVERY_S
            forgotten = await trim_events(self._db, older_than_s=self._keep_s)
            if forgotten:
                log.info("events_forgotten", extra={"count": forgotten})

    async def _catch_up(self) -> None:
        for organisation_id in list(self._wanted):
            while self._wanted.get(organisation_id, 0) > self._last.get(organisation_id, 0):
                after = self._last.get(organisation_id, 0)
                async with self._db.transaction() as tx:
                    events = await events_since(tx, organisation_id, after, limit=PAGE)
                if not events:  # trimmed away: nobody can be told any more
                    self._last[organisation_id] = max(after, self._wanted[organisation_id])
                for event in events:
                    # A commit of our own may have delivered some of them while the log was read.
                    if event.seq is not None and event.seq > self._last.get(organisation_id, 0):
                        self.stats.read_back += 1
                        self._deliver_next(event)
            self._wanted.pop(organisation_id, None)


async def events_since(
    tx: Tx, organisation_id: UUID, seq: int, *, user_id: UUID | None = None, limit: int = 10_000
) -> list[Event]:
    """The events after *seq* that *user_id* may see (None: all of them), oldest first, at most *limit*."""
    rows = await tx.fetch(sql.events_since, organisation_id=organisation_id, seq=seq, user_id=user_id, limit=limit)
    return [Event(organisation_id, row["type"], row["data"], row["audience"], row["seq"], row["at"]) for row in rows]


async def replay(
    tx: Tx, organisation_id: UUID, seq: int, *, user_id: UUID | None = None, limit: int = 10_000
) -> tuple[list[Event] | None, int]:
    """What a client that last saw *seq* has missed, and the newest number there is.

    None instead of the events: *seq* is older than the log, was never given, or more than *limit* events were missed;
    the client must read everything anew (``reset``).
    """
    bounds = await tx.one(sql.first_and_last, organisation_id=organisation_id)
    last = int(bounds["last"])
    if seq > last or seq < 0 or (seq < last and (bounds["first"] is None or seq < bounds["first"] - 1)):
        return None, last
    if last - seq > limit:
        return None, last
    return await events_since(tx, organisation_id, seq, user_id=user_id, limit=limit), last


async def trim_events(db: Database, *, older_than_s: float) -> int:
    """Forget events older than this; a client that was away longer is told to start anew. How many were forgotten."""
    return await db.run(sql.trim_events, older_than_s=older_than_s)
