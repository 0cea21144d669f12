"""What clients see of conversations: queue item, timeline entry, call, recording. Plain JSON values, made only here."""

from __future__ import annotations

from typing import Any

from ..db import Row
from ..events import iso, iso_or_none


def text_id(value: Any) -> str | None:
    return None if value is None else str(value)


def public_item(row: Row) -> dict[str, Any]:
    """S46 and what the queue screen adds. *row* is one of ``conversation_items``."""
    return {
        "session_id": str(row["id"]),
        "user_id": text_id(row["contact_id"]),
        "bot_id": text_id(row["bot_id"]),
        "channel": row["channel"],
        "user_name": row["customer_name"] or row["customer_phone"] or "",
        "user_email": row["customer_email"],
        "user_phone": row["customer_phone"],
        "last_message": row["last_message"] or "",
        "last_message_time": iso_or_none(row["last_message_at"]),
        "waiting_time_seconds": max(0, int(row["waited_s"] or 0)),
        "priority": row["priority"],
        "status": row["status"],
        "assigned_to": text_id(row["assigned_to"]),
        "assigned_to_name": row["assigned_to_name"],
        "attendant_id": row["attendant_id"],
        "queue_id": text_id(row["queue_id"]),
        "queue_name": row["queue_name"],
        "contact_id": text_id(row["contact_id"]),
        "waiting_since": iso_or_none(row["waiting_since"]),
        "enqueued_at": iso_or_none(row["enqueued_at"]),
        "accepted_at": iso_or_none(row["accepted_at"]),
        "resolved_at": iso_or_none(row["resolved_at"]),
        "created_at": iso(row["created_at"]),
        "needs_human": bool(row["context_data"].get("needs_human", False)),
        "reason": row["context_data"].get("transfer_reason"),
        "tags": list(row["tags"]),
        "call": None if row["call_id"] is None else public_call({**row, "id": row["call_id"]}, str(row["id"])),
    }


def public_call(row: Row, session_id: str | None = None) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "session_id": session_id or str(row["conversation_id"]),
        "state": row["state"],
        "direction": row["direction"],
        "from": row["from_number"],
        "to": row["to_number"],
        "started_at": iso(row["started_at"]),
        "answered_at": iso_or_none(row["answered_at"]),
        "ended_at": iso_or_none(row["ended_at"]),
        "cause": row["cause"],
    }


def public_entry(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "seq": row["seq"],
        "at": iso(row["at"]),
        "kind": row["kind"],
        "author": row["author"],
        "author_name": row["author_name"],
        "text": row["text"],
        "via": row["via"],
        "start_s": row["start_s"],
        "end_s": row["end_s"],
        "interrupted": row["interrupted"],
        "data": row["data"],
    }


def public_recording(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "session_id": str(row["conversation_id"]),
        "call_id": str(row["call_id"]),
        "seconds": row["seconds"],
        "channels": row["channels"],
        "size": row["size"],
        "url": f"/api/recordings/{row['id']}",
        "created_at": iso(row["created_at"]),
    }
