"""A conversation whole: who, what was said, its calls and recordings (S23, S60)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import Field

from ...conversations import Conversations
from ...errors import NotFound
from ...tickets import Tickets
from ..files import below
from ..route import Asked, Body, Route


class NoteBody(Body):
    text: str = Field(min_length=1, max_length=10_000)


class AfterQuery(Body):
    after_seq: int = Field(0, ge=0, le=2**31 - 1)


async def conversation(asked: Asked) -> dict[str, Any]:
    """A conversation: item, contact, timeline, call, ticket, recordings, context."""
    return await _whole(asked, asked.id("session_id"), asked.query(AfterQuery).after_seq)


async def debug_session(asked: Asked) -> dict[str, Any]:
    """The session as it is stored, for finding faults: state and context (S60, S76)."""
    whole = await _whole(asked, asked.id("session_id"), 0)
    return {
        "session_id": whole["item"]["session_id"],
        "needs_human": bool(whole["context"].get("needs_human", False)),
        "context_data": whole["context"],
        **{key: whole[key] for key in ("item", "call", "ticket", "contact")},
        "messages": len(whole["timeline"]),
    }


async def add_note(asked: Asked) -> dict[str, Any]:
    """Write a note that only people of the organisation see."""
    text = asked.body(NoteBody).text
    entry = await Conversations(asked.deps.db).add_note(asked.actor, asked.id("session_id"), text)
    return {"entry": entry}


async def recording(asked: Asked) -> web.StreamResponse:
    """The audio of a recording (WAV); ranges are served."""
    about, path = await Conversations(asked.deps.db).recording(asked.actor.organisation_id, asked.id("recording_id"))
    file = await asyncio.to_thread(below, asked.deps.recordings_dir, path)
    if file is None:
        raise NotFound("the recording's file is gone", code="recording_gone")
    name = f"{about['session_id']}.wav"
    return web.FileResponse(
        file,
        headers={
            "Content-Type": "audio/wav",
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "private, max-age=3600",
        },
    )


async def _whole(asked: Asked, session_id: UUID, after_seq: int) -> dict[str, Any]:
    organisation_id = asked.actor.organisation_id
    whole = await Conversations(asked.deps.db).get(organisation_id, session_id, after_seq=after_seq)
    whole["ticket"] = await Tickets(asked.deps.db).of_conversation(organisation_id, session_id)
    return whole


ROUTES = (
    Route("GET", "/api/conversations/{session_id}", conversation, query=AfterQuery),
    Route("POST", "/api/conversations/{session_id}/notes", add_note, body=NoteBody),
    Route("GET", "/api/recordings/{recording_id}", recording),
    Route("GET", "/api/session/{session_id}", debug_session),
)
