"""A real PostgreSQL for the tests that need one: the embedded server once a session, a database of its own each test.

``database`` is an open ``Database`` with the schema; ``database_dsn`` its address, for a second pool or a foreign
client; ``postgres_server`` the server. Tests that stop the server start their own (``EmbeddedPostgres(tmp_path)``).
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from control.db import Database, EmbeddedPostgres, migrate

TEMPLATE = "attendance_template"


@dataclass(frozen=True)
class Server:
    postgres: EmbeddedPostgres

    def dsn(self, database: str) -> str:
        return self.postgres.dsn(database)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The session's server; not durable (fsync off), because nothing of it outlives the session."""
    state = Path(tempfile.mkdtemp(prefix="attendance-test-postgres-"))
    state.chmod(0o755)  # started by root, the server runs as somebody else
    postgres = EmbeddedPostgres(state, fsync=False)
    postgres.start()
    server = Server(postgres)
    try:
        _outside_any_loop(lambda: _make_template(server))
        yield server
    finally:
        postgres.stop()
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
async def database_dsn(postgres_server: Server) -> AsyncIterator[str]:
    name = f"t_{uuid.uuid4().hex}"
    admin = await Database.open(postgres_server.dsn("postgres"), 1)
    try:
        await _outside_transaction(admin, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield postgres_server.dsn(name)
        await _outside_transaction(admin, f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """An empty database with the whole schema, this test's own."""
    db = await Database.open(database_dsn, 10)
    yield db
    await db.close()


async def _make_template(server: Server) -> None:
    admin = await Database.open(server.dsn("postgres"), 1)
    await _outside_transaction(admin, f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    db = await Database.open(server.dsn(TEMPLATE), 1)
    await migrate(db)
    await db.close()


async def _outside_transaction(db: Database, statement: str) -> None:
    """CREATE and DROP DATABASE refuse to run in a transaction."""
    async with db._pool.acquire() as connection:
        await connection.execute(statement)


def _outside_any_loop(make: Callable[[], Awaitable[None]]) -> None:
    """Run *make()* on a loop of its own in a thread: the session's fixture must not touch the loops of the tests."""
    failures: list[BaseException] = []

    async def main() -> None:
        await make()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="make template")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
