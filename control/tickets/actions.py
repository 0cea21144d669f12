"""Actions on tickets: check and lock, write, tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .. import events
from ..conversations import lock_conversation
from ..crm import upsert_contact
from ..db import Database, Row, Tx, load_sql
from ..errors import Invalid, NotFound
from .shapes import public_ticket
from .wrap_up import WrapUp

if TYPE_CHECKING:
    from ..auth import Actor

sql = load_sql("control.tickets")

Shapes = list[dict[str, Any]]

STATUSES = ("open", "in_progress", "pending", "resolved", "closed")
PRIORITIES = ("low", "normal", "high", "urgent")  # S66: their places are the numbers of a conversation's priority
CATEGORIES = ("sales", "support", "billing", "technical")


class Tickets:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def create(
        self, organisation_id: UUID, session_id: UUID, *, subject: str | None = None, description: str | None = None,
        priority: str | None = None, category: str | None = None, tags: list[str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """An open ticket of this conversation, with its number."""
        _check(priority=priority, category=category)
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            return await _insert(
                tx, conversation, status="open", subject=subject, description=description, priority=priority,
                category=category, tags=tags,
            )  # fmt: skip

    async def get(self, organisation_id: UUID, ticket_id: UUID) -> dict[str, Any]:
        async with self._db.transaction() as tx:
            return await _read(tx, organisation_id, ticket_id)

    async def list(
        self, organisation_id: UUID, *, status: str | None = None, priority: str | None = None,
        category: str | None = None, assigned_to: UUID | None = None, session_id: UUID | None = None,
        limit: int = 100, offset: int = 0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Newest number first."""
        _check(status=status, priority=priority, category=category)
        rows = await self._db.fetch(
            sql.tickets, organisation_id=organisation_id, status=status, priority=priority, category=category,
            assigned_to=assigned_to, session_id=session_id, limit=max(1, min(limit, 500)), offset=max(0, offset),
        )  # fmt: skip
        return [public_ticket(row) for row in rows]

    async def of_conversation(self, organisation_id: UUID, session_id: UUID) -> dict[str, Any] | None:
        """The conversation's newest ticket."""
        found = await self.list(organisation_id, session_id=session_id, limit=1)
        return found[0] if found else None

    async def change(self, organisation_id: UUID, ticket_id: UUID, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set status, priority, category, subject, description, tags, assigned_to (id or code, D7).

        Raises:
            Invalid: an unknown field or value.
            NotFound: no such ticket, or no such attendant.
        """
        known = {"status", "priority", "category", "subject", "description", "tags", "assigned_to"}
        if unknown := values.keys() - known:
            raise Invalid(f"a ticket has no field {sorted(unknown)[0]!r} to set", field=sorted(unknown)[0])
        _check(status=values.get("status"), priority=values.get("priority"), category=values.get("category"))
        async with self._db.transaction() as tx:
            attendant = await _attendant(tx, organisation_id, values.get("assigned_to"))
            changed = await tx.value(
                sql.change,
                organisation_id=organisation_id,
                id=ticket_id,
                assigned_to=attendant["id"] if attendant else None,
                attendant_id=attendant["attendant_code"] if attendant else None,
                **{name: values.get(name) for name in known - {"assigned_to"}},
            )
            if changed is None:
                raise NotFound(f"no ticket {ticket_id}")
            return await _tell(tx, organisation_id, ticket_id)

    async def delete(self, organisation_id: UUID, ticket_id: UUID) -> None:
        """Its number is not given again."""
        if await self._db.row(sql.delete, organisation_id=organisation_id, id=ticket_id) is None:
            raise NotFound(f"no ticket {ticket_id}")

    async def wrap_up_codes(self, organisation_id: UUID) -> Shapes:
        rows = await self._db.fetch(sql.wrap_up_codes, organisation_id=organisation_id)
        return [WrapUp(row["code"], row["label"], row["requires_notes"]).public() for row in rows]


async def resolve_ticket(tx: Tx, actor: Actor, conversation: Row, wrap_up: WrapUp, notes: str | None) -> dict[str, Any]:
    """The locked conversation is being resolved: resolve its open ticket, or make one that is resolved (S25, D5).

    Who wrote to us and has no contact yet becomes one, so that the ticket has its customer.
    """
    organisation_id = actor.organisation_id
    contact_id = conversation["contact_id"]
    if contact_id is None and conversation["customer_phone"]:
        contact = await upsert_contact(
            tx, organisation_id, phone=conversation["customer_phone"], name=conversation["customer_name"],
            email=conversation["customer_email"], source=conversation["channel"],
        )  # fmt: skip
        contact_id = contact["id"]
        await tx.run(sql.set_contact, organisation_id=organisation_id, id=conversation["id"], contact_id=contact_id)
    ticket = await tx.row(sql.open_ticket, organisation_id=organisation_id, session_id=conversation["id"])
    if ticket is None or ticket["status"] == "closed":
        return await _insert(
            tx, {**conversation, "contact_id": contact_id}, status="resolved", actor=actor, wrap_up_code=wrap_up.code,
            notes=notes, subject=_subject(conversation, wrap_up.label),
        )  # fmt: skip
    await tx.run(
        sql.resolve,
        organisation_id=organisation_id,
        id=ticket["id"],
        wrap_up_code=wrap_up.code,
        notes=notes,
        assigned_to=actor.user_id,
        attendant_id=actor.attendant_code or None,
        customer_id=contact_id,
    )
    return await _tell(tx, organisation_id, ticket["id"])


async def reopen_ticket(tx: Tx, actor: Actor, session_id: UUID) -> dict[str, Any] | None:
    """The conversation is open again, so is its ticket (D5). None: it had none, or it is closed for good."""
    ticket = await tx.row(sql.open_ticket, organisation_id=actor.organisation_id, session_id=session_id)
    if ticket is None or ticket["status"] != "resolved":
        return None
    await tx.run(
        sql.reopen,
        organisation_id=actor.organisation_id,
        id=ticket["id"],
        assigned_to=actor.user_id,
        attendant_id=actor.attendant_code or None,
    )
    return await _tell(tx, actor.organisation_id, ticket["id"])


async def _insert(
    tx: Tx, conversation: Mapping[str, Any], *, status: str, subject: str | None = None, description: str | None = None,
    priority: str | None = None, category: str | None = None, tags: list[str] | None = None,
    actor: Actor | None = None, wrap_up_code: str | None = None, notes: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    organisation_id = conversation["organisation_id"]
    assignee = actor.user_id if actor else conversation["assigned_to"]
    code = actor.attendant_code if actor else None
    if code is None and assignee is not None:
        code = await tx.value(
            "SELECT attendant_code FROM users WHERE organisation_id = $1 AND id = $2", organisation_id, assignee
        )
    number = await tx.value(sql.next_number, organisation_id=organisation_id)
    ticket_id = await tx.value(
        sql.insert,
        organisation_id=organisation_id,
        session_id=conversation["id"],
        ticket_number=number,
        subject=subject or _subject(conversation, None),
        description=description,
        status=status,
        priority=priority or PRIORITIES[conversation["priority"]],
        category=category,
        assigned_to=assignee,
        attendant_id=code or None,
        channel=conversation["channel"],
        customer_id=conversation["contact_id"],
        contact_phone=conversation["customer_phone"],
        contact_email=conversation["customer_email"],
        wrap_up_code=wrap_up_code,
        notes=notes,
        tags=list(tags or conversation["tags"]),
    )
    return await _tell(tx, organisation_id, ticket_id)


async def _read(tx: Tx, organisation_id: UUID, ticket_id: UUID) -> dict[str, Any]:
    row = await tx.row(sql.ticket, organisation_id=organisation_id, id=ticket_id)
    if row is None:
        raise NotFound(f"no ticket {ticket_id}")
    return public_ticket(row)


async def _tell(tx: Tx, organisation_id: UUID, ticket_id: UUID) -> dict[str, Any]:
    ticket = await _read(tx, organisation_id, ticket_id)
    data = {"session_id": ticket["session_id"], "ticket": ticket}
    tx.tell(events.Event(organisation_id, events.TICKET_UPDATE, data))
    return ticket


async def _attendant(tx: Tx, organisation_id: UUID, attendant: Any) -> Row | None:
    if attendant is None:
        return None
    row = await tx.row(sql.attendant, organisation_id=organisation_id, attendant=str(attendant))
    if row is None:
        raise NotFound(f"no attendant {attendant}")
    return row


def _subject(conversation: Mapping[str, Any], label: str | None) -> str:
    """What a ticket is called when nobody names it: why the customer was handed over, else who they are."""
    reason = conversation["context_data"].get("transfer_reason")
    who = conversation["customer_name"] or conversation["customer_phone"] or "cliente"
    return str(reason or (f"{label}: {who}" if label else f"Atendimento de {who}"))[:200]


def _check(**values: Any) -> None:
    allowed = {"status": STATUSES, "priority": PRIORITIES, "category": CATEGORIES}
    for name, value in values.items():
        if value is not None and value not in allowed[name]:
            raise Invalid(f"{name} is one of {', '.join(allowed[name])}", field=name)
