"""Contacts: the person behind a number (S21, S22, S48)."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from ..db import Database, Row, Tx, load_sql
from ..errors import NotFound
from .phones import normalise_phone, phone_spellings
from .shapes import public_contact

sql = load_sql("control.crm")

Scope = Literal["bot", "user"]


class Contacts:
    """What doors ask about people. Every method is the whole of one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def by_phone(self, organisation_id: UUID, phone: str | None) -> dict[str, Any] | None:
        """The contact with this number in any of its spellings, or None."""
        async with self._db.transaction() as tx:
            row = await contact_by_phone(tx, organisation_id, phone)
        return None if row is None else public_contact(row)

    async def get(self, organisation_id: UUID, contact_id: UUID) -> dict[str, Any]:
        """Raises ``NotFound``, also for a contact of another organisation."""
        row = await self._db.row(sql.contact, organisation_id=organisation_id, id=contact_id)
        if row is None:
            raise NotFound(f"no contact {contact_id}")
        return public_contact(row)

    async def upsert(
        self, organisation_id: UUID, *, phone: str | None, name: str | None = None, email: str | None = None,
        source: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """The contact with this number, made if there is none; *name* and *email* fill what was empty."""
        async with self._db.transaction() as tx:
            row = await upsert_contact(tx, organisation_id, phone=phone, name=name, email=email, source=source)
        return public_contact(row)

    async def search(self, organisation_id: UUID, text: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        rows = await self._db.fetch(sql.search_contacts, organisation_id=organisation_id, text=text, limit=limit)
        return [public_contact(row) for row in rows]

    async def memory(self, organisation_id: UUID, scope: Scope, owner: str, key: str) -> Any:
        """What a flow remembered under *key* for this bot or this person; None when nothing."""
        return await self._db.value(sql.memory, organisation_id=organisation_id, scope=scope, owner=owner, key=key)

    async def remember(self, organisation_id: UUID, scope: Scope, owner: str, key: str, value: Any) -> None:
        await self._db.run(
            sql.remember, organisation_id=organisation_id, scope=scope, owner=owner, key=key, value=value
        )


async def contact_by_phone(tx: Tx, organisation_id: UUID, phone: str | None) -> Row | None:
    phones = phone_spellings(phone)
    if not phones:
        return None
    return await tx.row(sql.contact_by_phone, organisation_id=organisation_id, phones=phones)


async def upsert_contact(
    tx: Tx, organisation_id: UUID, *, phone: str | None, name: str | None = None, email: str | None = None,
    source: str | None = None,
) -> Row:  # fmt: skip
    """See ``Contacts.upsert``; safe against two at once by the unique number."""
    first, _, last = (name or "").strip().partition(" ")
    known = {"name": name or None, "first_name": first or None, "last_name": last.strip() or None, "email": email}
    found = await contact_by_phone(tx, organisation_id, phone)
    if found is None:
        made = await tx.row(
            sql.insert_contact,
            organisation_id=organisation_id,
            customer_id=await next_customer_id(tx, organisation_id),
            phone=normalise_phone(phone),
            source=source,
            **known,
        )
        if made is not None:
            return made
        found = await contact_by_phone(tx, organisation_id, phone)
        assert found is not None
    if any(value and not found[column] for column, value in known.items()):
        return await tx.one(sql.learn_contact, organisation_id=organisation_id, id=found["id"], **known)
    return found


async def next_customer_id(tx: Tx, organisation_id: UUID) -> str:
    """S48: ``cust-001``."""
    number = await tx.value(sql.next_number, organisation_id=organisation_id, name="customer")
    return f"cust-{number:03d}"
