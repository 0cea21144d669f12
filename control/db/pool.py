"""The pool and the transaction: check, write, tell after commit.

A transaction that cannot begin because PostgreSQL is away (restarting, failing over) waits up to ``wait_s`` seconds and
then raises ``DatabaseUnavailable``. One that breaks in the middle raises it at once: nothing of it was written, and the
caller may ask again. Only a break *during* COMMIT leaves a doubt, which ``CommitUncertain`` says.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from ..errors import CommitUncertain, Conflict, DatabaseUnavailable
from ..events import Event
from .sql import Query, load_sql

log = logging.getLogger(__name__)
sql = load_sql("control.db")

Row = Mapping[str, Any]
CHANNEL = "attendance_events"

# What says "the server is away", never "the statement is wrong".
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.ConnectionDoesNotExistError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.InternalClientError,  # a connection that was cut between two messages says this, once
    ConnectionError,
    OSError,
)
# Of these, the ones the server says while it shuts down: the connection may still look open for a moment.
GOING = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.InternalClientError,
)
UniqueViolation = asyncpg.UniqueViolationError
ForeignKeyViolation = asyncpg.ForeignKeyViolationError
DataRefused = asyncpg.DataError


class Tx:
    """One transaction. Values are bound by name for a ``Query``, by position (``$1``) for a plain string."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._told: list[Event] = []
        self._after: list[Callable[[], None]] = []

    async def fetch(self, statement: Query | str, /, *args: object, **values: object) -> list[Row]:
        """Every row."""
        text, arguments = _bind(statement, args, values)
        rows: list[Row] = await self._connection.fetch(text, *arguments)
        return rows

    async def row(self, statement: Query | str, /, *args: object, **values: object) -> Row | None:
        """The first row, or None."""
        text, arguments = _bind(statement, args, values)
        row: Row | None = await self._connection.fetchrow(text, *arguments)
        return row

    async def one(self, statement: Query | str, /, *args: object, **values: object) -> Row:
        """The row that must be there.

        Raises:
            LookupError: there is none; a caller that expects this uses ``row``.
        """
        found = await self.row(statement, *args, **values)
        if found is None:
            raise LookupError(statement.name if isinstance(statement, Query) else statement)
        return found

    async def value(self, statement: Query | str, /, *args: object, **values: object) -> Any:
        """The first column of the first row, or None."""
        text, arguments = _bind(statement, args, values)
        return await self._connection.fetchval(text, *arguments)

    async def run(self, statement: Query | str, /, *args: object, **values: object) -> int:
        """Run it; how many rows it touched (0 for statements that touch none)."""
        text, arguments = _bind(statement, args, values)
        status: str = await self._connection.execute(text, *arguments)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    @contextlib.asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What fails inside is undone, and the transaction goes on."""
        async with self._connection.transaction():
            yield

    def tell(self, event: Event) -> None:
        """Put *event* into the organisation's log with the next number; it is delivered after commit, or never."""
        self._told.append(event)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call *callback* (it must not block) when the transaction has been committed, in the order given."""
        self._after.append(callback)

    async def _write_told(self) -> list[Event]:
        """Allocate the numbers: the last thing before COMMIT, because it holds the organisation's counter row."""
        numbered: list[Event] = []
        by_organisation: dict[Any, list[Event]] = {}
        for event in self._told:
            by_organisation.setdefault(event.organisation_id, []).append(event)
        for organisation_id in sorted(by_organisation):  # one order for all, so that two transactions never deadlock
            events = by_organisation[organisation_id]
            rows = await self.fetch(
                sql.append_events,
                organisation_id=organisation_id,
                count=len(events),
                types=[event.type for event in events],
                audiences=[event.audience for event in events],
                bodies=[json.dumps(event.data, ensure_ascii=False) for event in events],
                channel=CHANNEL,
            )
            numbered += [replace(event, seq=row["seq"], at=row["at"]) for event, row in zip(events, rows, strict=True)]
        return numbered


class Database:
    """A pool of connections to one PostgreSQL. ``open`` it once in the composition root, ``close`` it last."""

    def __init__(self, pool: Any, dsn: str, wait_s: float) -> None:
        self._pool = pool
        self._dsn = dsn
        self._wait_s = wait_s
        self._on_commit: list[Callable[[Sequence[Event]], None]] = []

    @classmethod
    async def open(cls, dsn: str, pool_size: int = 10, *, wait_s: float = 10.0) -> Database:
        """Connect.

        *wait_s*: how long a transaction may wait for PostgreSQL to come back, in seconds.

        Raises:
            DatabaseUnavailable: nobody answers within *wait_s*.
        """
        pool = asyncpg.create_pool(
            dsn,
            min_size=0,  # nothing that connects behind our back: who needs a connection waits for it, and hears why not
            max_size=pool_size,
            timeout=wait_s,
            max_inactive_connection_lifetime=300.0,
            init=_prepare,
            reset=_leave,
            server_settings={"application_name": "attendance", "timezone": "UTC"},
        )
        await pool
        db = cls(pool, dsn, wait_s)
        try:
            await db.value("SELECT 1")
        except BaseException:
            pool.terminate()
            raise
        return db

    async def close(self) -> None:
        """Wait up to 5 s for running transactions, then cut them."""
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except (TimeoutError, *AWAY):
            self._pool.terminate()

    def on_commit(self, callback: Callable[[Sequence[Event]], None]) -> Callable[[], None]:
        """Hand every committed, numbered event to *callback* (it must not block). Returns what takes it off again."""
        self._on_commit.append(callback)
        return lambda: self._on_commit.remove(callback)

    @contextlib.asynccontextmanager
    async def transaction(self, *, wait_s: float | None = None) -> AsyncIterator[Tx]:
        """Begin; commit at the end of the block, roll back when it raises.

        Raises:
            DatabaseUnavailable: PostgreSQL was away longer than *wait_s* seconds, or went away in the middle.
            CommitUncertain: it went away during COMMIT.
            Conflict: two transactions stood in each other's way and this one gave in (``code`` is ``busy``).
        """
        connection, transaction = await self._begin(self._wait_s if wait_s is None else wait_s)
        tx = Tx(connection)
        try:
            try:
                yield tx
                numbered = await tx._write_told() if tx._told else []
            except BaseException as error:
                with contextlib.suppress(*AWAY, asyncpg.InterfaceError):
                    await transaction.__aexit__(type(error), error, error.__traceback__)
                raise
            await _commit(transaction)
        except DatabaseUnavailable:
            raise
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError) as error:
            raise Conflict("somebody else is changing the same thing; try again", code="busy") from error
        except (asyncpg.InterfaceError, *AWAY) as error:
            if not (isinstance(error, GOING) or _is_gone(connection)):
                raise  # the caller's own OSError, or a mistake in using the connection
            raise DatabaseUnavailable("PostgreSQL went away in the middle; nothing was written") from error
        finally:
            await self._give_back(connection)
        self._committed(tx, numbered)

    async def fetch(self, statement: Query | str, /, *args: object, **values: object) -> list[Row]:
        """``Tx.fetch`` in a transaction of its own; likewise ``row``, ``one``, ``value``, ``run``."""
        async with self.transaction() as tx:
            return await tx.fetch(statement, *args, **values)

    async def row(self, statement: Query | str, /, *args: object, **values: object) -> Row | None:
        async with self.transaction() as tx:
            return await tx.row(statement, *args, **values)

    async def one(self, statement: Query | str, /, *args: object, **values: object) -> Row:
        async with self.transaction() as tx:
            return await tx.one(statement, *args, **values)

    async def value(self, statement: Query | str, /, *args: object, **values: object) -> Any:
        async with self.transaction() as tx:
            return await tx.value(statement, *args, **values)

    async def run(self, statement: Query | str, /, *args: object, **values: object) -> int:
        async with self.transaction() as tx:
            return await tx.run(statement, *args, **values)

    async def answers(self, *, within_s: float = 2.0) -> bool:
        """Whether PostgreSQL answers right now: readiness, not liveness."""
        try:
            async with asyncio.timeout(within_s):
                return bool(await self.value("SELECT true"))
        except (TimeoutError, DatabaseUnavailable):
            return False

    async def listen(self, channel: str, on_payload: Callable[[str], None]) -> Listening:
        """One LISTEN on a connection of its own (the pool's are shared).

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer; the owner tries again when it sees fit.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                connection = await asyncpg.connect(self._dsn, server_settings={"application_name": "attendance listen"})
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _: lost.set())
                await connection.add_listener(channel, lambda *args: on_payload(str(args[3])))
        except (TimeoutError, *AWAY) as error:
            raise DatabaseUnavailable(f"PostgreSQL does not answer: {error}") from error
        return Listening(connection, lost)

    async def _begin(self, wait_s: float) -> tuple[Any, Any]:
        deadline = time.monotonic() + wait_s
        pause_s = 0.02
        while True:
            connection = None
            try:
                connection = await self._pool.acquire(timeout=max(deadline - time.monotonic(), 0.05))
                transaction = connection.transaction()
                await transaction.__aenter__()
                return connection, transaction
            except (TimeoutError, asyncpg.InterfaceError, *AWAY) as error:
                if connection is not None:  # it could not even begin: never use it again
                    with contextlib.suppress(asyncpg.InterfaceError):
                        connection.terminate()
                    await self._give_back(connection)
                if isinstance(error, asyncpg.InterfaceError) and connection is None:
                    raise DatabaseUnavailable("the pool is closed") from error
                if time.monotonic() + pause_s > deadline:
                    log.warning("database_away", extra={"waited_s": wait_s, "error": repr(error)})
                    raise DatabaseUnavailable(f"PostgreSQL did not answer within {wait_s:g} s") from error
            except BaseException:
                if connection is not None:
                    await self._give_back(connection)
                raise
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.5)

    async def _give_back(self, connection: Any) -> None:
        with contextlib.suppress(*AWAY, asyncpg.InterfaceError):
            await self._pool.release(connection)

    def _committed(self, tx: Tx, events: list[Event]) -> None:
        if events:
            for deliver in list(self._on_commit):
                deliver(events)
        for callback in tx._after:
            callback()


class Listening:
    """A live LISTEN. ``lost`` is set when its connection has gone; ``close`` gives it up."""

    def __init__(self, connection: Any, lost: asyncio.Event) -> None:
        self._connection = connection
        self.lost = lost

    async def close(self) -> None:
        with contextlib.suppress(*AWAY, asyncpg.InterfaceError, TimeoutError):
            await self._connection.close(timeout=2)


def _is_gone(connection: Any) -> bool:
    """Whether the server has left: the pool takes a connection that was cut out of its owner's hands."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


async def _commit(transaction: Any) -> None:
    try:
        await transaction.__aexit__(None, None, None)
    except (asyncpg.InterfaceError, *AWAY) as error:
        raise CommitUncertain("PostgreSQL went away during COMMIT; read before trying again") from error


async def _prepare(connection: Any) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=_to_json, decoder=json.loads, schema="pg_catalog")


async def _leave(connection: Any) -> None:
    """Before the next one gets it. Nothing is ever set on a session, so there is only a cut-off transaction to end: the
    usual clean-up would be one more round trip each time."""
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def _to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _bind(statement: Query | str, args: tuple[object, ...], values: dict[str, object]) -> tuple[str, Sequence[object]]:
    if isinstance(statement, str):
        if values:
            raise TypeError("a plain statement takes its values by position")
        return statement, args
    if args:
        raise TypeError(f"{statement.name} takes its values by name")
    return statement.text, statement.arguments(values)
