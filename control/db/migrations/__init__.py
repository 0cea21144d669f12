"""Migrations: numbered SQL files, each run once, in order, in a transaction of its own, under one advisory lock.

``0001_pre_ground.sql``: a number without gaps, ``pre`` or ``post``, what it does. *pre* only adds and is run before the
new code starts; *post* takes away what no running replica uses any more and may be left for later (``phase="pre"``).
A file that has been run is never changed: its checksum is kept, and a difference stops the start.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from ...errors import Blame, ControlError
from ..pool import Database

log = logging.getLogger(__name__)

LOCK = 0x41_74_74_65_6E_64  # "Attend": one number for every replica
_FILE = re.compile(r"(\d{4})_(pre|post)_(\w+)\.sql")
Phase = Literal["all", "pre"]


class MigrationFailed(ControlError):
    """The database does not fit this program; a person must look."""

    code, blame = "migration_failed", Blame.SERVER


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    phase: str  # pre or post
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


async def migrate(db: Database, *, phase: Phase = "all", migrations: Sequence[Migration] | None = None) -> list[str]:
    """Bring the database up to this program's schema; the names of what was run (empty: it was up to date).

    Raises:
        MigrationFailed: a file that was run has changed since, or the database is of a newer program.
    """
    known = list(migrations) if migrations is not None else load()
    async with db.transaction() as tx:
        await tx.run("SELECT pg_advisory_xact_lock($1)", LOCK)
        await tx.run(
            "CREATE TABLE IF NOT EXISTS schema_migrations ("
            " number int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,"
            " applied_at timestamptz NOT NULL DEFAULT now())"
        )
    ran: list[str] = []
    for migration in known:
        if phase == "pre" and migration.phase == "post":
            break  # what follows may lean on it
        if await _apply(db, migration):
            ran.append(migration.name)
            log.info("migration_applied", extra={"number": migration.number, "migration": migration.name})
    newest = await db.value("SELECT max(number) FROM schema_migrations") or 0
    if known and newest > known[-1].number:
        raise MigrationFailed(
            f"the database has schema {newest}, this program knows {known[-1].number}: start the newer program"
        )
    return ran


async def _apply(db: Database, migration: Migration) -> bool:
    async with db.transaction() as tx:
        await tx.run("SELECT pg_advisory_xact_lock($1)", LOCK)  # another replica may be at it: wait, then look
        row = await tx.row("SELECT checksum FROM schema_migrations WHERE number = $1", migration.number)
        if row is not None:
            if row["checksum"] != migration.checksum:
                raise MigrationFailed(f"migration {migration.number} ({migration.name}) has changed since it was run")
            return False
        await tx.run(migration.text)
        await tx.run(
            "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
            migration.number,
            migration.name,
            migration.checksum,
        )
        return True


def load() -> list[Migration]:
    """This program's migrations in order.

    Raises:
        MigrationFailed: a number is missing or given twice.
    """
    found: list[Migration] = []
    for file in resources.files(__package__).iterdir():
        match = _FILE.fullmatch(file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], match[3], file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationFailed(f"migrations are not numbered 1, 2, 3…: {[m.number for m in found]}")
    return found
