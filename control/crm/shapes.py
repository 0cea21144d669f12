"""What clients and flows see of the CRM's rows: plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ..db import Row
from ..events import iso


def plain(value: Any) -> Any:
    """A column's value as JSON has it: ids and times as text, money as a number."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def public_record(row: Row) -> dict[str, Any]:
    """A row as a flow gets it: its own fields, and the custom ones beside them where no column has the name."""
    record = {name: plain(value) for name, value in row.items() if name not in ("organisation_id", "custom_fields")}
    custom = row.get("custom_fields")
    if isinstance(custom, Mapping):
        record = {**custom, **record}
    return record


def public_contact(row: Row) -> dict[str, Any]:
    """S22, S48, S88."""
    names = (
        "id", "customer_id", "name", "first_name", "last_name", "email", "phone", "tier", "ltv", "last_purchase",
        "customer_since", "last_contact", "status", "source", "notes", "owner_id", "tags", "custom_fields",
        "created_at",
    )  # fmt: skip
    return {name: plain(row[name]) for name in names}
