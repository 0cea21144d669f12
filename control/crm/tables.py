"""Which tables and columns the dialect may name, and how a value of a flow becomes a column's value.

A name that is not here never reaches SQL: an unknown column is a custom field (``custom_fields``, bound as a value),
an unknown table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID

from ..errors import Invalid
from .phones import normalise_phone

Kind = Literal["text", "phone", "uuid", "number", "integer", "date", "time", "list", "json_list"]

SQL_TYPE: Mapping[Kind, str] = {
    "text": "text", "phone": "text", "uuid": "uuid", "number": "numeric", "integer": "int8", "date": "date",
    "time": "timestamptz", "list": "text[]", "json_list": "jsonb",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """``read_only`` columns are for filters and results; ``also`` are other names of a column."""

    name: str
    columns: Mapping[str, Kind]
    read_only: frozenset[str] = frozenset({"id", "created_at", "updated_at"})
    also: Mapping[str, str] = field(default_factory=dict)

    def column(self, name: str) -> str | None:
        """The column called *name* (any case), None: a custom field."""
        spelt = name.lower()
        spelt = self.also.get(spelt, spelt)
        return spelt if spelt in self.columns else None


_COMMON: Mapping[str, Kind] = {"id": "uuid", "created_at": "time", "updated_at": "time"}

CONTACTS = Table(
    "crm_contacts",
    {
        **_COMMON, "customer_id": "text", "name": "text", "first_name": "text", "last_name": "text", "email": "text",
        "phone": "phone", "tier": "text", "ltv": "number", "last_purchase": "date", "customer_since": "date",
        "last_contact": "time", "status": "text", "source": "text", "notes": "text", "attendant_id": "text",
        "owner_id": "uuid", "tags": "list",
    },
    also={"lifetime_value": "ltv", "telefone": "phone", "nome": "name"},
)  # fmt: skip
LEADS = Table(
    "crm_leads",
    {
        **_COMMON, "name": "text", "phone": "phone", "email": "text", "source": "text", "status": "text",
        "attendant_id": "text", "notes": "text", "campaign_id": "text",
    },
)  # fmt: skip
DEALS = Table(
    "crm_deals",
    {
        **_COMMON, "name": "text", "value": "number", "stage": "text", "contact_id": "uuid", "owner_id": "uuid",
    },
)  # fmt: skip

TABLES: Mapping[str, Table] = {
    "customers": CONTACTS,
    "crm_contacts": CONTACTS,
    "contacts": CONTACTS,
    "clientes": CONTACTS,
    "leads": LEADS,
    "crm_leads": LEADS,
    "deals": DEALS,
    "crm_deals": DEALS,
}


def table(name: str) -> Table:
    """Raises ``Invalid`` with the names there are."""
    try:
        return TABLES[name.strip().lower()]
    except KeyError:
        raise Invalid(f"there is no table {name!r}; there are {', '.join(TABLES)}", field="table") from None


def coerce(kind: Kind, value: Any, name: str) -> Any:
    """*value* as the driver wants it for a column of *kind*; None stays None.

    Raises:
        Invalid: it cannot be read as that.
    """
    if value is None or (value == "" and kind not in ("text", "list", "json_list")):
        return None
    try:
        return _COERCE[kind](value)
    except (ValueError, TypeError, InvalidOperation, OverflowError) as error:
        raise Invalid(f"{name}: {value!r} is no {kind}", field=name) from error


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, dict | list | tuple):
        raise TypeError
    return str(value).replace("\x00", "")


def _number(value: Any) -> Decimal:
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    return number


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    text = str(value).strip()
    if len(text) == 10 and text[2] == text[5] == "/":
        return datetime.strptime(text, "%d/%m/%Y").replace(tzinfo=UTC).date()
    return datetime.fromisoformat(text).date()


def _time(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _list(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [_text(each) for each in value]
    return [piece.strip() for piece in str(value).split(",") if piece.strip()]


_COERCE: Mapping[Kind, Any] = {
    "text": _text,
    "phone": lambda value: normalise_phone(_text(value)),
    "uuid": lambda value: value if isinstance(value, UUID) else UUID(str(value)),
    "number": _number,
    "integer": lambda value: int(_number(value)),
    "date": _date,
    "time": _time,
    "list": _list,
    "json_list": _list,
}
