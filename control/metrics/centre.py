"""The contact centre in figures, read from the database when somebody looks at ``/metrics``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from ..db import Database, Row, load_sql
from . import Metrics

sql = load_sql("control.metrics")

FIGURES = {
    "waiting": ("attendance_queue_waiting", "Conversations that wait for a person."),
    "longest_wait_s": ("attendance_queue_longest_wait_seconds", "How long the first in line has waited."),
    "in_hands": ("attendance_conversations_in_hands", "Conversations that attendants have."),
    "calls": ("attendance_calls_live", "Calls that are up."),
    "offers": ("attendance_offers_live", "Conversations that ring at an attendant."),
    "online": ("attendance_attendants_online", "Attendants at work."),
}


class CentreFigures:
    """``refresh`` before the text is made; while the database is away the last figures are left out, not repeated."""

    def __init__(self, db: Database, metrics: Metrics) -> None:
        self._db = db
        self._rows: list[Row] = []
        for column, (name, about) in FIGURES.items():
            metrics.watch("gauge", name, about, partial(self._samples, column))

    async def refresh(self) -> None:
        """Raises ``DatabaseUnavailable``."""
        self._rows = []
        async with self._db.transaction(wait_s=1.0) as tx:
            self._rows = await tx.fetch(sql.centre)

    def _samples(self, column: str) -> Iterator[tuple[Mapping[str, str], float]]:
        for row in self._rows:
            yield {"organisation": str(row["organisation_id"])}, float(row[column])
