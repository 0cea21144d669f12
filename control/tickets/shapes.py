"""What clients and flows see of a ticket. *row* has the assignee's name and the wrap-up code's label beside it."""

from __future__ import annotations

from typing import Any

from ..crm import public_record
from ..db import Row


def display(number: int) -> str:
    """S84: ``#TIC-001``."""
    return f"#TIC-{number:03d}"


def public_ticket(row: Row) -> dict[str, Any]:
    record = public_record({name: value for name, value in row.items() if name != "custom_fields"})
    number = record.pop("ticket_number")
    return {**record, "number": number, "display": display(number), "custom_fields": dict(row["custom_fields"])}
