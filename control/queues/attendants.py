"""Attendants as clients see them, and their presence (S63, S64)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from .. import events
from ..conversations import offer_settled
from ..db import Row, Tx, load_sql
from ..errors import Invalid, NotFound
from ..events import iso_or_none

sql = load_sql("control.queues")

PRESENCE = ("online", "busy", "away", "offline")


def public_attendant(row: Row) -> dict[str, Any]:
    return {
        "attendant_id": row["attendant_code"],
        "attendant_name": row["name"],
        "user_id": str(row["id"]),
        "channel": ";".join(row["channels"]),
        "preferences": row["preferences"],
        "department": row["department"],
        "status": row["status"],
        "status_reason": row["reason"],
        "since": iso_or_none(row["since"]),
        "active_conversations": row["active_conversations"],
        "total_handled_today": row["handled"],
        "avg_response_time_seconds": None if row["response_s"] is None else round(float(row["response_s"]), 1),
    }


async def find_attendant(tx: Tx, organisation_id: UUID, attendant: str | UUID) -> Row:
    """By id or code (D7). Raises ``NotFound``."""
    row = await tx.row(sql.attendant, organisation_id=organisation_id, attendant=str(attendant))
    if row is None:
        raise NotFound(f"no attendant {attendant}", code="attendant_not_found")
    return row


async def tell_attendant(tx: Tx, organisation_id: UUID, user_id: UUID) -> dict[str, Any]:
    """Tell everyone how the attendant's row looks now; returns it."""
    rows = await tx.fetch(sql.attendants, organisation_id=organisation_id, user_id=user_id)
    if not rows:
        return {}
    shape = public_attendant(rows[0])
    tx.tell(events.Event(organisation_id, events.ATTENDANT_UPDATE, {"attendant": shape}))
    return shape


async def write_presence(tx: Tx, organisation_id: UUID, user_id: UUID, status: str, reason: str | None = None) -> str:
    """Set it, and tell if it changed. Who is no longer online stops being rung at, and the customer moves on."""
    if status not in PRESENCE:
        raise Invalid(f"a status is one of {', '.join(PRESENCE)}", field="status")
    if status != "online":  # offers before presence: the order of locks everywhere
        for offer in await tx.fetch(sql.withdraw_from, organisation_id=organisation_id, user_id=user_id):
            offer_settled(tx, organisation_id, offer["id"], offer["conversation_id"], "withdrawn")
    was = await tx.one(sql.lock_presence, organisation_id=organisation_id, user_id=user_id)
    if was["status"] != status or was["reason"] != reason:
        await tx.run(sql.set_presence, organisation_id=organisation_id, user_id=user_id, status=status, reason=reason)
        await tell_attendant(tx, organisation_id, user_id)
    return status
