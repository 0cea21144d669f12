"""The queue and who serves it (S60, S63–S65; shapes of contracts, section 3)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from ...conversations import Conversations
from ...errors import Invalid, NotFound
from ...tickets import Tickets
from ..route import Asked, Body, Route

Status = Literal["waiting", "assigned", "active", "pending", "resolved", "abandoned", "bot", "open", "all"]  # D4
Attendant = Field(min_length=1, max_length=64)  # a UUID or a code, att-001 (D7)


class QueueQuery(Body):
    status: (
        Literal["waiting", "assigned", "active", "pending", "resolved", "abandoned", "bot", "open", "all"] | None
    ) = None
    channel: str | None = Field(None, max_length=30)
    assigned_to: str | None = Field(None, max_length=64)  # UUID, code, or "me"
    queue_id: UUID | None = None
    limit: int = Field(200, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=1_000_000)


class PresenceBody(Body):
    status: Literal["online", "busy", "away", "offline"]


class AssignBody(Body):
    session_id: UUID
    attendant_id: str = Attendant


class TransferBody(Body):
    """To an attendant or to a queue."""

    session_id: UUID
    from_attendant_id: str | None = Field(None, max_length=64)
    to_attendant_id: str | None = Field(None, min_length=1, max_length=64)
    to_queue_id: str | None = Field(None, min_length=1, max_length=100)  # a queue's id or name
    reason: str | None = Field(None, max_length=500)

    @model_validator(mode="after")
    def _one_target(self) -> TransferBody:
        if (self.to_attendant_id is None) == (self.to_queue_id is None):
            raise ValueError("name to_attendant_id or to_queue_id, one of them")
        return self


class ResolveBody(Body):
    wrap_up_code: str = Field(min_length=1, max_length=50)
    notes: str | None = Field(None, max_length=10_000)


class InsightsQuery(Body):
    queue: UUID | None = None
    channel: str | None = Field(None, max_length=30)
    attendant: str | None = Field(None, max_length=64)
    from_: AwareDatetime | None = Field(None, alias="from")
    to: AwareDatetime | None = None


async def queue(asked: Asked) -> dict[str, Any]:
    """Conversations: those in the queue and in hands unless a status is named."""
    query = asked.query(QueueQuery)
    items = await Conversations(asked.deps.db).list(
        asked.actor.organisation_id,
        status=query.status,
        channel=query.channel,
        assigned_to=await _user_id(asked, query.assigned_to),
        queue_id=query.queue_id,
        limit=query.limit,
        offset=query.offset,
    )
    return {"items": items}


async def attendants(asked: Asked) -> dict[str, Any]:
    """Attendants with their status and load."""
    items = await asked.deps.queues.attendants(asked.actor.organisation_id)
    return {"count": len(items), "items": items}


async def queues(asked: Asked) -> dict[str, Any]:
    """The queues there are."""
    return {"items": await asked.deps.queues.queues(asked.actor.organisation_id)}


async def presence(asked: Asked) -> dict[str, Any]:
    """Set one's own status: online, busy, away, offline."""
    return {"status": await asked.deps.queues.set_presence(asked.actor, asked.body(PresenceBody).status)}


async def assign(asked: Asked) -> dict[str, Any]:
    """Give a conversation to an attendant."""
    body = asked.body(AssignBody)
    return await asked.deps.queues.assign(asked.actor, body.session_id, body.attendant_id)


async def transfer(asked: Asked) -> dict[str, Any]:
    """Hand a conversation on, to an attendant or a queue."""
    body = asked.body(TransferBody)
    return await asked.deps.queues.transfer(
        asked.actor,
        body.session_id,
        to_attendant=body.to_attendant_id,
        to_queue=body.to_queue_id,
        reason=body.reason,
    )


async def resolve(asked: Asked) -> dict[str, Any]:
    """Done: the ticket is resolved, a live call ends, the bot answers the customer's next message."""
    body, session_id = asked.body(ResolveBody), asked.id("session_id")
    resolved = await asked.deps.queues.resolve(asked.actor, session_id, body.wrap_up_code, body.notes)
    await asked.deps.desk.finish(asked.actor, session_id)
    return resolved


async def reopen(asked: Asked) -> dict[str, Any]:
    """A resolved conversation goes on, in the hands of the one who asks."""
    return {"item": await asked.deps.queues.reopen(asked.actor, asked.id("session_id"))}


async def insights(asked: Asked) -> dict[str, Any]:
    """The organisation's figures, of the last 24 hours unless told (D8, D10)."""
    query = asked.query(InsightsQuery)
    since: datetime | None = query.from_
    if since is not None and query.to is not None and query.to <= since:
        raise Invalid("to lies before from", field="to")
    return await asked.deps.queues.insights(
        asked.actor.organisation_id,
        queue_id=query.queue,
        channel=query.channel,
        attendant=query.attendant,
        since=since,
        until=query.to,
    )


async def session_insights(asked: Asked) -> dict[str, Any]:
    """One conversation's figures (D8)."""
    organisation_id, session_id = asked.actor.organisation_id, asked.id("session_id")
    whole = await Conversations(asked.deps.db).get(organisation_id, session_id)
    ticket = await Tickets(asked.deps.db).of_conversation(organisation_id, session_id)
    item, said = whole["item"], [entry for entry in whole["timeline"] if entry["kind"] == "message"]
    return {
        "session_id": item["session_id"],
        "message_count": len(said),
        "priority": item["priority"],
        "status": item["status"],
        "waiting_time_seconds": item["waiting_time_seconds"],
        "ticket": None if ticket is None else ticket["display"],
        "key_topics": item["tags"],
    }


async def _user_id(asked: Asked, who: str | None) -> UUID | None:
    """The user that *who* (an id, a code, ``me``) means here.

    Raises:
        NotFound: nobody of this organisation.
    """
    if who is None:
        return None
    if who == "me":
        return asked.actor.user_id
    for row in await asked.deps.queues.attendants(asked.actor.organisation_id):
        if who in (row["user_id"], row["attendant_id"]):
            return UUID(row["user_id"])
    raise NotFound(f"no attendant {who}", code="attendant_not_found")


ROUTES = (
    Route("GET", "/api/attendance/queue", queue, query=QueueQuery),
    Route("GET", "/api/attendance/attendants", attendants),
    Route("GET", "/api/attendance/queues", queues),
    Route("PUT", "/api/attendance/presence", presence, body=PresenceBody),
    Route("POST", "/api/attendance/assign", assign, body=AssignBody),
    Route("POST", "/api/attendance/transfer", transfer, body=TransferBody),
    Route("POST", "/api/attendance/resolve/{session_id}", resolve, body=ResolveBody),
    Route("POST", "/api/attendance/reopen/{session_id}", reopen),
    Route("GET", "/api/attendance/insights", insights, query=InsightsQuery),
    Route("GET", "/api/attendance/insights/{session_id}", session_insights),
)
