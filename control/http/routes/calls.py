"""What rings, and live calls: accept, take, enter the room, hold, hang up (S13, S23)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ...conversations import Conversations
from ...errors import NotFound
from ..route import Asked, Route


async def offers(asked: Asked) -> dict[str, Any]:
    """What rings at the one who is signed in, now."""
    return {"items": await asked.deps.queues.offers(asked.actor)}


async def accept(asked: Asked) -> dict[str, Any]:
    """Take what rings; with a live call, the way into its room."""
    return await _taken(asked, await asked.deps.queues.accept(asked.actor, asked.id("offer_id")))


async def decline(asked: Asked) -> dict[str, Any]:
    """Not now: the next attendant is asked."""
    await asked.deps.queues.decline(asked.actor, asked.id("offer_id"))
    return {"success": True}


async def take(asked: Asked) -> dict[str, Any]:
    """Take a waiting conversation from the list."""
    return await _taken(asked, await asked.deps.queues.take(asked.actor, asked.id("session_id")))


async def room(asked: Asked) -> dict[str, str]:
    """The way into the call's room again, after a reload."""
    call = await _call(asked)
    grant = await asked.deps.desk.join(asked.actor, UUID(call["session_id"]))
    if grant is None:
        raise NotFound("the call is over", code="call_over")
    return grant.public()


async def hold(asked: Asked) -> dict[str, Any]:
    """Music for the caller."""
    await asked.deps.desk.hold(asked.actor, UUID((await _call(asked))["id"]))
    return {"call": await _call(asked)}


async def resume(asked: Asked) -> dict[str, Any]:
    """Back to the caller."""
    await asked.deps.desk.resume(asked.actor, UUID((await _call(asked))["id"]))
    return {"call": await _call(asked)}


async def hang_up(asked: Asked) -> dict[str, Any]:
    """End the call; the conversation stays in hands until it is resolved."""
    await asked.deps.desk.hang_up(asked.actor, UUID((await _call(asked))["id"]))
    return {"call": await _call(asked)}


async def _call(asked: Asked) -> dict[str, Any]:
    """The call in the path, of this organisation. Raises ``NotFound``."""
    return await Conversations(asked.deps.db).call(asked.actor.organisation_id, asked.id("call_id"))


async def _taken(asked: Asked, item: dict[str, Any]) -> dict[str, Any]:
    """The conversation is in hands already: a call that ends in this moment is no reason to refuse."""
    session_id = UUID(item["session_id"])
    try:
        grant = await asked.deps.desk.join(asked.actor, session_id)
    except NotFound:
        grant = None
    item = await Conversations(asked.deps.db).item(asked.actor.organisation_id, session_id)
    return {"item": item, "call": item["call"], "room": None if grant is None else grant.public()}


ROUTES = (
    Route("GET", "/api/offers", offers),
    Route("POST", "/api/offers/{offer_id}/accept", accept),
    Route("POST", "/api/offers/{offer_id}/decline", decline),
    Route("POST", "/api/attendance/take/{session_id}", take),
    Route("POST", "/api/calls/{call_id}/room", room),
    Route("POST", "/api/calls/{call_id}/hold", hold),
    Route("POST", "/api/calls/{call_id}/resume", resume),
    Route("POST", "/api/calls/{call_id}/hangup", hang_up),
)
