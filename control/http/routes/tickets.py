"""Tickets and wrap-up codes (S84, S86, D5)."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from ...tickets import Tickets
from ..route import Access, Asked, Body, Route

Status = Literal["open", "in_progress", "pending", "resolved", "closed"]
Priority = Literal["low", "normal", "high", "urgent"]
Category = Literal["sales", "support", "billing", "technical"]


class TicketsQuery(Body):
    status: Status | None = None
    priority: Priority | None = None
    category: Category | None = None
    session_id: UUID | None = None
    limit: int = Field(100, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)


class TicketBody(Body):
    session_id: UUID
    subject: str | None = Field(None, min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    priority: Priority | None = None
    category: Category | None = None
    tags: list[str] | None = Field(None, max_length=50)


class TicketChangeBody(Body):
    status: Status | None = None
    subject: str | None = Field(None, min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    priority: Priority | None = None
    category: Category | None = None
    assigned_to: str | None = Field(None, min_length=1, max_length=50)  # an attendant's id or code (D7)
    tags: list[str] | None = Field(None, max_length=50)


async def list_tickets(asked: Asked) -> dict[str, Any]:
    """Tickets, newest first."""
    query = asked.query(TicketsQuery)
    items = await Tickets(asked.deps.db).list(asked.actor.organisation_id, **query.model_dump())
    return {"items": items}


async def get_ticket(asked: Asked) -> dict[str, Any]:
    """One ticket."""
    return await Tickets(asked.deps.db).get(asked.actor.organisation_id, asked.id("ticket_id"))


async def create_ticket(asked: Asked) -> dict[str, Any]:
    """Open a ticket of a conversation."""
    body = asked.body(TicketBody).model_dump()
    session_id = body.pop("session_id")
    return await Tickets(asked.deps.db).create(asked.actor.organisation_id, session_id, **body)


async def change_ticket(asked: Asked) -> dict[str, Any]:
    """Change the fields that are sent."""
    values = asked.body(TicketChangeBody).model_dump(exclude_unset=True)
    return await Tickets(asked.deps.db).change(asked.actor.organisation_id, asked.id("ticket_id"), values)


async def delete_ticket(asked: Asked) -> dict[str, Any]:
    """Delete a ticket; its number is not given again."""
    await Tickets(asked.deps.db).delete(asked.actor.organisation_id, asked.id("ticket_id"))
    return {"success": True}


async def wrap_up_codes(asked: Asked) -> dict[str, Any]:
    """The codes a conversation can be resolved with."""
    return {"items": await Tickets(asked.deps.db).wrap_up_codes(asked.actor.organisation_id)}


ROUTES = (
    Route("GET", "/api/attendance/tickets", list_tickets, query=TicketsQuery),
    Route("POST", "/api/attendance/tickets", create_ticket, body=TicketBody, status=201),
    Route("GET", "/api/attendance/tickets/{ticket_id}", get_ticket),
    Route("PUT", "/api/attendance/tickets/{ticket_id}", change_ticket, body=TicketChangeBody),
    Route("DELETE", "/api/attendance/tickets/{ticket_id}", delete_ticket, Access.SUPERVISOR),
    Route("GET", "/api/wrap-up-codes", wrap_up_codes),
)
