"""Pieces of actions: each works inside the caller's transaction, on a conversation the caller has locked, and tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from .. import events
from ..db import Row, Tx, load_sql
from ..errors import Conflict, Invalid
from .shapes import public_call, public_entry, public_item
from .states import ConversationEvent, Status, next_status

sql = load_sql("control.conversations")

MAX_TEXT = 20_000  # characters of one entry
MAX_CONTEXT_BYTES = 1_000_000  # session-variable-limit


async def item_of(tx: Tx, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
    """The queue item as it stands in this transaction."""
    return public_item(await tx.one(sql.item, organisation_id=organisation_id, id=session_id))


async def queue_update(tx: Tx, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
    """Tell everyone how the conversation's item looks now; returns it."""
    item = await item_of(tx, organisation_id, session_id)
    tx.tell(events.Event(organisation_id, events.QUEUE_UPDATE, {"session_id": str(session_id), "item": item}))
    return item


async def settle_offers(tx: Tx, organisation_id: UUID, session_id: UUID, *, taker: UUID | None = None) -> None:
    """The conversation no longer waits: whoever it rings at stops ringing (*taker*'s own offer counts as accepted)."""
    for row in await tx.fetch(
        sql.settle_offers, organisation_id=organisation_id, conversation_id=session_id, taker=taker
    ):
        offer_settled(tx, organisation_id, row["id"], session_id, row["outcome"])


def offer_settled(tx: Tx, organisation_id: UUID, offer_id: UUID, session_id: UUID, outcome: str) -> None:
    data = {"offer_id": str(offer_id), "session_id": str(session_id), "outcome": outcome}
    tx.tell(events.Event(organisation_id, events.OFFER_SETTLED, data))


def conversation_closed(tx: Tx, organisation_id: UUID, session_id: UUID) -> None:
    tx.tell(events.Event(organisation_id, events.CONVERSATION_CLOSED, {"session_id": str(session_id)}))


async def move(tx: Tx, conversation: Row, event: ConversationEvent) -> Status:
    """What *event* makes of the locked *conversation*; the caller writes the row, with all that goes with it.

    Raises:
        Conflict: the table refuses it; ``state`` is the current one (D4).
    """
    return next_status(conversation["status"], event)


async def merge_context(tx: Tx, conversation: Row, values: Mapping[str, Any]) -> Row:
    """Set keys of the context (S57). Raises ``Invalid`` when it would outgrow its bound or a value is not JSON."""
    from json import dumps

    try:
        size = len(dumps({**conversation["context_data"], **values}, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError) as error:
        raise Invalid(f"a value of the session cannot be kept: {error}", field="context") from error
    if size > MAX_CONTEXT_BYTES:
        raise Invalid(f"the session's variables are limited to {MAX_CONTEXT_BYTES} bytes", field="context")
    return await tx.one(
        sql.merge_context,
        organisation_id=conversation["organisation_id"],
        id=conversation["id"],
        values=dict(values),
    )


async def write_entry(
    tx: Tx,
    organisation_id: UUID,
    session_id: UUID,
    *,
    kind: str = "message",
    author: str,
    text: str,
    via: str = "text",
    author_name: str | None = None,
    author_user_id: UUID | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    interrupted: bool = False,
    data: Mapping[str, Any] | None = None,
    dedup_key: str | None = None,
) -> dict[str, Any]:
    """Append to the timeline and tell it; the entry as clients see it.

    ``start_s`` and ``end_s`` are seconds on the call's timeline, which is the recording's. With a ``dedup_key`` that
    was written before, that entry is returned and nothing is written or told.
    """
    if dedup_key is not None:
        known = await tx.row(sql.entry_by_dedup, organisation_id=organisation_id, dedup_key=dedup_key)
        if known is not None:
            return public_entry(known)
    row = await tx.row(
        sql.add_entry,
        organisation_id=organisation_id,
        conversation_id=session_id,
        kind=kind,
        author=author,
        author_user_id=author_user_id,
        author_name=author_name,
        text=text.replace("\x00", "")[:MAX_TEXT],
        via=via,
        start_s=start_s,
        end_s=end_s,
        interrupted=interrupted,
        data=dict(data or {}),
        dedup_key=dedup_key,
    )
    if row is None:
        raise Conflict("the conversation is gone")
    entry = public_entry(row)
    tx.tell(events.Event(organisation_id, events.NEW_MESSAGE, {"session_id": str(session_id), "entry": entry}))
    return entry


async def note_event(
    tx: Tx, organisation_id: UUID, session_id: UUID, text: str, code: str, **data: Any
) -> dict[str, Any]:
    """An entry of kind ``event``: *text* is what people read (pt-BR), *code* what programs read (``data.code``)."""
    return await write_entry(
        tx, organisation_id, session_id, kind="event", author="system", via="system", text=text,
        data={"code": code, **data},
    )  # fmt: skip


def call_update(tx: Tx, call: Row) -> dict[str, Any]:
    shape = public_call(call)
    tx.tell(
        events.Event(call["organisation_id"], events.CALL_UPDATE, {"session_id": shape["session_id"], "call": shape})
    )
    return shape
