"""FIND, CREATE, UPDATE, DELETE of the dialect on the CRM's tables (D12): names from a fixed list, values always bound.

A filter is plain data, so that whoever parsed it need not be known here::

    ("phone", "=", "+5511999990001")
    ("and", ("tier", "=", "premium"), ("or", ("city", "like", "São%"), ("not", ("ltv", "<", 1000))))
    ("status", "in", ("new", "contacted"))        None as value of = and <>: IS [NOT] NULL
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ..db import Database, DataRefused, ForeignKeyViolation, Row, Tx, UniqueViolation
from ..errors import Conflict, Invalid
from .contacts import next_customer_id
from .phones import phone_spellings
from .shapes import public_record
from .tables import CONTACTS, SQL_TYPE, Table, coerce, table

Where = tuple[Any, ...]
MAX_ROWS = 1000
MAX_DEPTH = 30

_OPS: Mapping[str, str] = {"=": "=", "<>": "IS DISTINCT FROM", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Records:
    """The tables of one database for flows. Each method is one transaction; each takes the organisation first."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(
        self, organisation_id: UUID, name: str, where: Where | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Matching rows, oldest first, at most *limit* (and never more than 1000).

        Raises:
            Invalid: unknown table, or a filter that cannot be read.
        """
        async with self._db.transaction() as tx:
            return await find(tx, organisation_id, table(name), where, limit)

    async def create(self, organisation_id: UUID, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """The new row. Raises ``Invalid``, or ``Conflict`` when a unique value (a contact's phone) is taken."""
        async with self._db.transaction() as tx:
            return await create(tx, organisation_id, table(name), values)

    async def update(self, organisation_id: UUID, name: str, where: Where, values: Mapping[str, Any]) -> int:
        """How many rows were changed."""
        async with self._db.transaction() as tx:
            return await update(tx, organisation_id, table(name), where, values)

    async def delete(self, organisation_id: UUID, name: str, where: Where) -> int:
        """How many rows are gone. Raises ``Conflict`` when something still points at one of them."""
        async with self._db.transaction() as tx:
            return await delete(tx, organisation_id, table(name), where)

    async def save(self, organisation_id: UUID, name: str, id: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Update the row with this id, or insert one when *id* is None or nobody has it."""
        async with self._db.transaction() as tx:
            if id is not None:
                where: Where = ("id", "=", id)
                if await update(tx, organisation_id, table(name), where, values):
                    return (await find(tx, organisation_id, table(name), where, 1))[0]
            return await create(tx, organisation_id, table(name), values)


async def find(
    tx: Tx, organisation_id: UUID, target: Table, where: Where | None, limit: int | None
) -> list[dict[str, Any]]:
    statement = _Statement(target, organisation_id)
    condition = statement.condition(where)
    count = statement.bind(max(0, min(limit if limit is not None else MAX_ROWS, MAX_ROWS)), "int8")
    rows = await _run(
        tx, f"SELECT * FROM {target.name} WHERE {condition} ORDER BY created_at, id LIMIT {count}",  # noqa: S608 - names are ours
        statement.values,
    )  # fmt: skip
    return [public_record(row) for row in rows]


async def create(
    tx: Tx, organisation_id: UUID, target: Table, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """*extra*: columns the flow may not set but the domain does (a ticket's number)."""
    statement = _Statement(target, organisation_id)
    columns, custom = statement.split(values)
    if target is CONTACTS and "customer_id" not in columns:
        columns["customer_id"] = statement.bind(await next_customer_id(tx, organisation_id), "text")
    for name, value in (extra or {}).items():
        columns[name] = statement.bind(value)
    if custom:
        columns["custom_fields"] = statement.bind(custom, "jsonb")
    names, places = ", ".join(["organisation_id", *columns]), ", ".join(["$1", *columns.values()])
    rows = await _run(
        tx, f"INSERT INTO {target.name} ({names}) VALUES ({places}) RETURNING *", statement.values  # noqa: S608 - names are ours
    )  # fmt: skip
    return public_record(rows[0])


async def update(tx: Tx, organisation_id: UUID, target: Table, where: Where, values: Mapping[str, Any]) -> int:
    statement = _Statement(target, organisation_id)
    columns, custom = statement.split(values)
    if not columns and not custom:
        raise Invalid("there is nothing to change", field="values")
    changes = [f"{name} = {place}" for name, place in columns.items()]
    if custom:
        changes.append(f"custom_fields = custom_fields || {statement.bind(custom, 'jsonb')}")
    condition = statement.condition(where)
    rows = await _run(
        tx, f"UPDATE {target.name} SET {', '.join(changes)}, updated_at = now() WHERE {condition} RETURNING id",  # noqa: S608 - names are ours
        statement.values,
    )  # fmt: skip
    return len(rows)


async def delete(tx: Tx, organisation_id: UUID, target: Table, where: Where) -> int:
    statement = _Statement(target, organisation_id)
    condition = statement.condition(where)
    rows = await _run(tx, f"DELETE FROM {target.name} WHERE {condition} RETURNING id", statement.values)  # noqa: S608 - names are ours
    return len(rows)


async def _run(tx: Tx, text: str, values: Sequence[Any]) -> list[Row]:
    try:
        async with tx.savepoint():
            return await tx.fetch(text, *values)
    except UniqueViolation as error:
        raise Conflict("there is one with this value already", code="duplicate") from error
    except ForeignKeyViolation as error:
        raise Conflict("it points at something that is not there, or is pointed at", code="reference") from error
    except DataRefused as error:
        raise Invalid(f"a value does not fit: {error}") from error


class _Statement:
    """Collects values; what it returns as text is made of whitelisted names and ``$n`` only."""

    def __init__(self, target: Table, organisation_id: UUID) -> None:
        self._table = target
        self.values: list[Any] = [organisation_id]

    def bind(self, value: Any, sql_type: str | None = None) -> str:
        self.values.append(value)
        place = f"${len(self.values)}"
        return f"{place}::{sql_type}" if sql_type else place

    def split(self, values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
        """Columns with their places, and what goes into ``custom_fields``."""
        columns: dict[str, str] = {}
        custom: dict[str, Any] = {}
        for name, value in values.items():
            column = self._table.column(name)
            if column is None:
                custom[str(name)] = value
            elif column in self._table.read_only:
                raise Invalid(f"{name} cannot be set", field=name)
            else:
                kind = self._table.columns[column]
                columns[column] = self.bind(coerce(kind, value, name), SQL_TYPE[kind])
        return columns, custom

    def condition(self, where: Where | None) -> str:
        mine = "organisation_id = $1"
        return mine if where is None else f"{mine} AND ({self._test(where, 0)})"

    def _test(self, where: Where, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise Invalid("the filter is nested too deeply", field="filter")
        match where:
            case ("and" | "or" as word, *parts) if parts and all(isinstance(part, tuple) for part in parts):
                return f" {word.upper()} ".join(f"({self._test(part, depth + 1)})" for part in parts)
            case ("not", tuple() as part):
                return f"NOT coalesce(({self._test(part, depth + 1)}), false)"
            case (str() as name, str() as op, value):
                return self._compare(name, op.lower(), value)
        raise Invalid(f"cannot read the filter {where!r}", field="filter")

    def _compare(self, name: str, op: str, value: Any) -> str:
        column = self._table.column(name)
        if column is None:
            return self._compare_custom(name, op, value)
        kind = self._table.columns[column]
        if value is None and op in ("=", "<>"):
            return f"{column} IS {'NOT ' if op == '<>' else ''}NULL"
        if op == "like":
            return f"{column}::text ILIKE {self.bind(str(value), 'text')}"
        if kind == "phone" and op in ("=", "<>", "in"):
            wanted = [each for one in (value if op == "in" else (value,)) for each in phone_spellings(str(one))]
            test = f"{column} = ANY({self.bind(wanted, 'text[]')})"
            return f"({test}) IS NOT TRUE" if op == "<>" else test
        if op == "in":
            wanted = [coerce(kind, each, name) for each in value]
            return f"{column} = ANY({self.bind(wanted, SQL_TYPE[kind] + '[]')})"
        if op not in _OPS:
            raise Invalid(f"unknown comparison {op!r}", field="filter")
        if kind == "list" and op in ("=", "<>"):  # tags = 'vip': holds it
            test = f"{self.bind(str(value), 'text')} = ANY({column})"
            return f"NOT ({test})" if op == "<>" else test
        if kind == "text" and op in ("=", "<>"):
            return f"lower({column}) {_OPS[op]} lower({self.bind(coerce(kind, value, name), 'text')})"
        return f"{column} {_OPS[op]} {self.bind(coerce(kind, value, name), SQL_TYPE[kind])}"

    def _compare_custom(self, name: str, op: str, value: Any) -> str:
        key = self.bind(name, "text")
        if value is None and op in ("=", "<>"):
            return f"(custom_fields ->> {key}) IS {'NOT ' if op == '<>' else ''}NULL"
        if op == "like":
            return f"(custom_fields ->> {key}) ILIKE {self.bind(str(value), 'text')}"
        if op == "in":
            wanted = [coerce("text", each, name) for each in value]
            return f"(custom_fields ->> {key}) = ANY({self.bind(wanted, 'text[]')})"
        if op not in _OPS:
            raise Invalid(f"unknown comparison {op!r}", field="filter")
        if isinstance(value, int | float) and not isinstance(value, bool):
            # A stored number compares as a number; whatever else is stored under the name does not match.
            number = self.bind(coerce("number", value, name), "numeric")
            otherwise = "true" if op == "<>" else "false"
            return (
                f"CASE WHEN jsonb_typeof(custom_fields -> {key}) = 'number'"
                f" THEN (custom_fields ->> {key})::numeric {_OPS[op]} {number} ELSE {otherwise} END"
            )
        text = self.bind(coerce("text", value, name), "text")
        return f"lower(custom_fields ->> {key}) {_OPS[op]} lower({text})"
