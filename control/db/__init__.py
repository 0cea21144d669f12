"""PostgreSQL: the pool and its transactions, named SQL, migrations, the embedded server. asyncpg is named only here."""

from __future__ import annotations

from .embedded import EmbeddedFailed, EmbeddedPostgres
from .migrations import MigrationFailed, migrate
from .pool import (
    CHANNEL,
    Database,
    DataRefused,
    ForeignKeyViolation,
    Listening,
    Row,
    Tx,
    UniqueViolation,
)
from .sql import Queries, Query, load_sql, query

__all__ = [
    "CHANNEL",
    "DataRefused",
    "Database",
    "EmbeddedFailed",
    "EmbeddedPostgres",
    "ForeignKeyViolation",
    "Listening",
    "MigrationFailed",
    "Queries",
    "Query",
    "Row",
    "Tx",
    "UniqueViolation",
    "load_sql",
    "migrate",
    "query",
]
