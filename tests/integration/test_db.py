"""The ground against a real PostgreSQL: transactions, numbers of events, migrations."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from control.bus import Bus, Overflowed, replay, trim_events
from control.db import Database, MigrationFailed, migrate
from control.db.migrations import load
from control.events import Event


async def organisation(db: Database, name: str = "Acme") -> UUID:
    return await db.value("INSERT INTO organisations (name) VALUES ($1) RETURNING id", name)


async def tell(db: Database, organisation_id: UUID, *texts: str, audience: UUID | None = None) -> None:
    async with db.transaction() as tx:
        for text in texts:
            tx.tell(Event(organisation_id, "queue_update", {"text": text}, audience))


async def test_migrations_run_twice_change_nothing(database: Database) -> None:
    assert await migrate(database) == []


async def test_two_replicas_migrate_one_empty_database_at_once(database: Database) -> None:
    await database.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    first, second = await asyncio.gather(migrate(database), migrate(database))
    assert sorted(first + second) == sorted(migration.name for migration in load())


async def test_a_changed_migration_and_a_newer_database_stop_the_start(database: Database) -> None:
    known = load()
    with pytest.raises(MigrationFailed, match="has changed"):
        await migrate(database, migrations=[replace(known[0], text="SELECT 1"), *known[1:]])
    await database.run("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, 'later', 'x')")
    with pytest.raises(MigrationFailed, match="newer program"):
        await migrate(database)


async def test_post_migrations_wait_for_their_phase(database: Database) -> None:
    known = load()
    later = replace(known[0], number=len(known) + 1, phase="post", name="later", text="CREATE TABLE later ()")
    assert await migrate(database, phase="pre", migrations=[*known, later]) == []
    assert await migrate(database, migrations=[*known, later]) == ["later"]


async def test_numbers_of_events_have_no_gaps_and_a_rollback_takes_none(database: Database) -> None:
    acme = await organisation(database)

    async def one(number: int) -> None:
        async with database.transaction() as tx:
            tx.tell(Event(acme, "queue_update", {"n": number}))
            tx.tell(Event(acme, "queue_update", {"n": number}))
            await tx.value("SELECT pg_sleep(0.001 * random())")
            if number % 5 == 0:
                raise ValueError(number)

    await asyncio.gather(*(one(n) for n in range(50)), return_exceptions=True)
    async with database.transaction() as tx:
        events, last = await replay(tx, acme, 0)
    assert events is not None
    assert [event.seq for event in events] == list(range(1, 81))
    assert last == 80
    # Two events of one transaction stand side by side.
    assert all(a.data == b.data for a, b in zip(events[::2], events[1::2], strict=True))


async def test_the_bus_delivers_every_commit_once_and_in_order(database: Database) -> None:
    acme, other = await organisation(database), await organisation(database, "Other")
    bus = Bus(database)
    await bus.start()
    with bus.subscribe(acme) as mine, bus.subscribe() as all_of_them:
        await asyncio.gather(*(tell(database, acme, str(n), "again") for n in range(40)), tell(database, other, "x"))
        got = [await mine.get() for _ in range(80)]
        assert [event.seq for event in got] == list(range(1, 81))
        assert {(await all_of_them.get()).organisation_id for _ in range(81)} == {acme, other}
    await bus.close()


async def test_a_replica_hears_the_commits_of_another(database: Database, database_dsn: str) -> None:
    acme = await organisation(database)
    await tell(database, acme, "before anyone listened")
    elsewhere = await Database.open(database_dsn, 2)
    bus = Bus(elsewhere)
    await bus.start()
    with bus.subscribe(acme) as events:
        await tell(database, acme, "one", "two")
        got = [await events.get(), await events.get()]
    assert [(event.seq, event.data["text"]) for event in got] == [(2, "one"), (3, "two")]
    assert got[0].message() == {
        "type": "queue_update", "seq": 2, "timestamp": got[0].message()["timestamp"], "text": "one"
    }  # fmt: skip
    await bus.close()
    await elsewhere.close()


async def test_a_slow_subscriber_is_told_and_harms_nobody(database: Database) -> None:
    acme = await organisation(database)
    bus = Bus(database)
    await bus.start()
    with bus.subscribe(acme, limit=3) as slow, bus.subscribe(acme) as quick:
        for n in range(5):
            await tell(database, acme, str(n))
        assert [(await quick.get()).seq for _ in range(5)] == [1, 2, 3, 4, 5]
        with pytest.raises(Overflowed):
            await slow.get()
    assert bus.stats.overflowed == 1
    await bus.close()


async def test_replay_gives_exactly_what_was_missed_and_only_what_the_user_may_see(database: Database) -> None:
    acme, me, you = await organisation(database), UUID(int=1), UUID(int=2)
    await tell(database, acme, "1")
    await tell(database, acme, "2 for me", audience=me)
    await tell(database, acme, "3 for you", audience=you)
    async with database.transaction() as tx:
        events, last = await replay(tx, acme, 1, user_id=me)
        assert events is not None
        assert ([event.seq for event in events], last) == ([2], 3)
        assert await replay(tx, acme, 3) == ([], 3)
        assert await replay(tx, acme, 4) == (None, 3), "a number that was never given"
    await database.run("UPDATE events SET at = at - interval '1 day' WHERE seq = 1")
    assert await trim_events(database, older_than_s=3600) == 1
    async with database.transaction() as tx:
        assert await replay(tx, acme, 0) == (None, 3), "older than the log"
        events, _ = await replay(tx, acme, 1)
        assert events is not None
        assert len(events) == 2


async def test_the_log_forgets_what_is_older_than_it_is_to_be_kept(database: Database) -> None:
    acme = await organisation(database)
    await tell(database, acme, "old", "new")
    await database.run("UPDATE events SET at = at - interval '1 day' WHERE seq = 1")
    bus = Bus(database, keep_s=3600)
    await bus.start()
    with bus.subscribe(acme) as events:
        await tell(database, acme, "third")
        assert (await events.get()).seq == 3
        async with asyncio.timeout(10):
            while await database.value("SELECT min(seq) FROM events") == 1:
                await asyncio.sleep(0.01)
    await bus.close()


async def test_what_is_told_is_delivered_after_commit_or_never(database: Database) -> None:
    acme = await organisation(database)
    heard: list[str] = []
    database.on_commit(lambda events: heard.extend(event.data["text"] for event in events))

    async def undone() -> None:
        async with database.transaction() as tx:
            tx.tell(Event(acme, "queue_update", {"text": "no"}))
            tx.after_commit(lambda: heard.append("never"))
            raise ValueError("undone")

    with pytest.raises(ValueError, match="undone"):
        await undone()
    async with database.transaction() as tx:
        tx.tell(Event(acme, "queue_update", {"text": "yes"}))
        tx.after_commit(lambda: heard.append("after"))
        assert heard == []
    assert heard == ["yes", "after"]
