"""What doors do with conversations. Each method is one transaction: check and lock, write, tell after commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .. import events
from ..crm import contact_by_phone, normalise_phone, public_contact
from ..db import Database, Row, Tx, UniqueViolation, load_sql
from ..errors import Conflict, Invalid, NotFound
from .access import lock_call, lock_conversation
from .shapes import public_call, public_entry, public_item, public_recording
from .states import CallState, ConversationEvent, Status, next_call_state
from .writing import (
    call_update,
    conversation_closed,
    item_of,
    merge_context,
    move,
    note_event,
    queue_update,
    settle_offers,
    write_entry,
)

if TYPE_CHECKING:
    from ..auth import Actor

sql = load_sql("control.conversations")

MAX_TIMELINE = 5000  # entries in one answer
STATUSES = frozenset({*Status, "all", "open"})


@dataclass(frozen=True, slots=True)
class Opened:
    """A new conversation: what a flow starts with."""

    session_id: UUID
    context: dict[str, Any]
    contact: dict[str, Any] | None  # who has this number, if anybody
    earlier: int  # conversations of this person before
    item: dict[str, Any]


class Conversations:
    def __init__(self, db: Database) -> None:
        self._db = db

    # -- opening -----------------------------------------------------------------------------------------------------

    async def open(
        self, organisation_id: UUID, *, channel: str, phone: str | None = None, name: str | None = None,
        email: str | None = None, context: Mapping[str, Any] | None = None,
    ) -> Opened:  # fmt: skip
        """A conversation with the bot. It knows the contact with this number and how often they were here."""
        async with self._db.transaction() as tx:
            return await _open(tx, organisation_id, channel, phone, name, email, context or {})

    async def open_call(
        self, organisation_id: UUID, call_id: UUID, *, phone: str | None, name: str | None = None,
        to: str | None = None, channel: str = "voice", direction: str = "inbound", trunk: str | None = None,
        media: str = "sip", answered: bool = False, context: Mapping[str, Any] | None = None,
    ) -> Opened:  # fmt: skip
        """A new conversation with its call (state ``bot``): every call is one of its own, but knows the history.

        Raises:
            Conflict: a call of this id is known already (code ``duplicate``).
        """
        try:
            async with self._db.transaction() as tx:
                extra = {"call_type": "voice", **(context or {})}
                opened = await _open(tx, organisation_id, channel, phone, name, None, extra)
                await tx.one(
                    sql.start_call,
                    id=call_id,
                    organisation_id=organisation_id,
                    conversation_id=opened.session_id,
                    direction=direction,
                    media=media,
                    trunk=trunk,
                    from_number=normalise_phone(phone) if direction == "inbound" else to,
                    to_number=to if direction == "inbound" else normalise_phone(phone),
                    answered=answered,
                )
                item = await queue_update(tx, organisation_id, opened.session_id)
                return Opened(opened.session_id, opened.context, opened.contact, opened.earlier, item)
        except UniqueViolation as error:
            raise Conflict(f"there is a call {call_id} already", code="duplicate") from error

    # -- calls -------------------------------------------------------------------------------------------------------

    async def answer_call(self, organisation_id: UUID, call_id: UUID) -> dict[str, Any]:
        """The call was answered now (by the bot); its state stays."""
        async with self._db.transaction() as tx:
            await lock_call(tx, organisation_id, call_id)
            return call_update(tx, await tx.one(sql.answer_call, organisation_id=organisation_id, id=call_id))

    async def advance_call(self, organisation_id: UUID, call_id: UUID, state: CallState | str) -> dict[str, Any]:
        """Bring the call into *state*; being there already is fine and tells nothing.

        Raises:
            Conflict: it cannot get there from where it is (``state`` says where).
        """
        towards = CallState(state)
        if towards is CallState.ENDED:
            raise Invalid("a call ends with a cause: end_call", field="state")
        async with self._db.transaction() as tx:
            _, call = await lock_call(tx, organisation_id, call_id)
            if call["state"] == towards:
                return public_call(call)
            reached = next_call_state(call["state"], towards)
            row = await tx.one(sql.advance_call, organisation_id=organisation_id, id=call_id, state=reached)
            shape = call_update(tx, row)
            await queue_update(tx, organisation_id, row["conversation_id"])
            return shape

    async def end_call(self, organisation_id: UUID, call_id: UUID, cause: str) -> dict[str, Any]:
        """The call is over because of *cause*. Ending an ended call changes nothing.

        A conversation that still was with the bot is finished; one that waited for a person is abandoned (the caller
        hung up in the queue), unless a callback was asked for, which keeps its place; one in a person's hands stays
        there until it is resolved.
        """
        async with self._db.transaction() as tx:
            conversation, call = await lock_call(tx, organisation_id, call_id)
            if call["state"] == CallState.ENDED:
                return public_call(call)
            row = await tx.one(sql.end_call, organisation_id=organisation_id, id=call_id, cause=cause)
            shape = call_update(tx, row)
            session_id = conversation["id"]
            await note_event(
                tx, organisation_id, session_id, "Ligação encerrada", "call_ended", cause=cause, call_id=str(call_id)
            )
            keeps_place = bool(conversation["context_data"].get("callback_requested"))
            if conversation["status"] in (Status.WAITING, Status.ASSIGNED) and not keeps_place:
                await _abandon(tx, conversation)
            elif conversation["status"] == Status.BOT:
                await _finish(tx, conversation)
            else:
                await queue_update(tx, organisation_id, session_id)
            return shape

    async def call(self, organisation_id: UUID, call_id: UUID) -> dict[str, Any]:
        row = await self._db.row(sql.call, organisation_id=organisation_id, id=call_id)
        if row is None:
            raise NotFound(f"no call {call_id}")
        return public_call(row)

    async def end_lost_calls(self, *, media: str = "sip", keep: frozenset[UUID] = frozenset()) -> list[UUID]:
        """After a restart of the control plane: end every call that no call host carries any more (all but *keep*)."""
        lost = [row for row in await self._db.fetch(sql.live_calls, media=media) if row["id"] not in keep]
        for row in lost:
            await self.end_call(row["organisation_id"], row["id"], "control_restarted")
        return [row["id"] for row in lost]

    # -- writing -----------------------------------------------------------------------------------------------------

    async def add_entry(self, organisation_id: UUID, session_id: UUID, **entry: Any) -> dict[str, Any]:
        """Append to the timeline; the keywords are ``write_entry``'s. Raises ``NotFound``."""
        async with self._db.transaction() as tx:
            await lock_conversation(tx, organisation_id, session_id)
            return await write_entry(tx, organisation_id, session_id, **entry)

    async def add_note(self, actor: Actor, session_id: UUID, text: str) -> dict[str, Any]:
        """A private note: only people of the organisation see it."""
        if not text.strip():
            raise Invalid("a note says something", field="text")
        return await self.add_entry(
            actor.organisation_id, session_id, kind="note", author="attendant", text=text.strip(), via="text",
            author_name=actor.name, author_user_id=actor.user_id,
        )  # fmt: skip

    async def set_context(self, organisation_id: UUID, session_id: UUID, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set keys of the session's context; the whole context. ``needs_human`` false gives it to the bot (S58)."""
        async with self._db.transaction() as tx:
            conversation = await lock_conversation(tx, organisation_id, session_id)
            changed = await merge_context(tx, conversation, values)
            back = values.get("needs_human") is False and conversation["status"] in (
                Status.WAITING, Status.ASSIGNED, Status.ACTIVE, Status.PENDING,
            )  # fmt: skip
            if back:
                await move(tx, conversation, ConversationEvent.TO_BOT)
                await settle_offers(tx, organisation_id, session_id)
                changed = await tx.one(sql.set_to_bot, organisation_id=organisation_id, id=session_id)
                await queue_update(tx, organisation_id, session_id)
            return dict(changed["context_data"])

    async def set_customer(
        self, organisation_id: UUID, session_id: UUID, *, name: str | None = None, email: str | None = None,
        phone: str | None = None, contact_id: UUID | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """What was learnt of who this is; None leaves a field as it was. The item."""
        async with self._db.transaction() as tx:
            await lock_conversation(tx, organisation_id, session_id)
            await tx.one(
                sql.set_customer, organisation_id=organisation_id, id=session_id, name=name, email=email,
                phone=normalise_phone(phone), contact_id=contact_id,
            )  # fmt: skip
            return await queue_update(tx, organisation_id, session_id)

    async def add_recording(
        self, organisation_id: UUID, call_id: UUID, *, path: str, seconds: float, channels: int, size: int
    ) -> dict[str, Any]:
        """A recording is complete under *path*, below the recordings' directory. The same path again updates it."""
        async with self._db.transaction() as tx:
            conversation, _ = await lock_call(tx, organisation_id, call_id)
            row = await tx.one(
                sql.add_recording, organisation_id=organisation_id, conversation_id=conversation["id"],
                call_id=call_id, path=path, seconds=seconds, channels=channels, size=size,
            )  # fmt: skip
            shape = public_recording(row)
            tx.tell(
                events.Event(
                    organisation_id,
                    events.RECORDING_READY,
                    {"session_id": str(conversation["id"]), "recording": shape},
                )
            )
            return shape

    async def abandon(self, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
        """The customer left the queue. Raises ``Conflict`` when somebody has them, or nobody was asked."""
        async with self._db.transaction() as tx:
            return await _abandon(tx, await lock_conversation(tx, organisation_id, session_id))

    async def finish(self, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
        """The bot needed nobody. Raises ``Conflict`` when the conversation is not the bot's."""
        async with self._db.transaction() as tx:
            return await _finish(tx, await lock_conversation(tx, organisation_id, session_id))

    # -- reading -----------------------------------------------------------------------------------------------------

    async def get(self, organisation_id: UUID, session_id: UUID, *, after_seq: int = 0) -> dict[str, Any]:
        """``{item, contact, timeline, call, recordings, context}``; tickets are added by whoever knows them."""
        async with self._db.transaction() as tx:
            row = await _item_row(tx, organisation_id, session_id)
            item = public_item(row)
            timeline = await tx.fetch(
                sql.timeline, organisation_id=organisation_id, conversation_id=session_id, after=after_seq,
                limit=MAX_TIMELINE,
            )  # fmt: skip
            recordings = await tx.fetch(sql.recordings_of, organisation_id=organisation_id, conversation_id=session_id)
            contact = None
            if row["contact_id"] is not None:
                contact = await tx.row(
                    "SELECT * FROM crm_contacts WHERE organisation_id = $1 AND id = $2",
                    organisation_id,
                    row["contact_id"],
                )
            return {
                "item": item,
                "contact": None if contact is None else public_contact(contact),
                "timeline": [public_entry(entry) for entry in timeline],
                "call": item["call"],
                "recordings": [public_recording(recording) for recording in recordings],
                "context": row["context_data"],
            }

    async def item(self, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
        async with self._db.transaction() as tx:
            return public_item(await _item_row(tx, organisation_id, session_id))

    async def context(self, organisation_id: UUID, session_id: UUID) -> dict[str, Any]:
        async with self._db.transaction() as tx:
            return dict((await _item_row(tx, organisation_id, session_id))["context_data"])

    async def list(
        self, organisation_id: UUID, *, status: str | None = None, channel: str | None = None,
        assigned_to: UUID | None = None, queue_id: UUID | None = None, limit: int = 200, offset: int = 0,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Queue items: waiting ones first, in the order they will be offered. *status*: D4's, ``bot``, ``all``, or
        None and ``open`` for what is in the queue or in somebody's hands."""
        wanted = status or "open"
        if wanted not in STATUSES:
            raise Invalid(f"there is no status {wanted!r}", field="status")
        rows = await self._db.fetch(
            sql.items, organisation_id=organisation_id, status=wanted, channel=channel, assigned_to=assigned_to,
            queue_id=queue_id, limit=max(1, min(limit, 1000)), offset=max(0, offset),
        )  # fmt: skip
        return [public_item(row) for row in rows]

    async def recording(self, organisation_id: UUID, recording_id: UUID) -> tuple[dict[str, Any], str]:
        """The recording and its path below the recordings' directory."""
        row = await self._db.row(sql.recording, organisation_id=organisation_id, id=recording_id)
        if row is None:
            raise NotFound(f"no recording {recording_id}")
        return public_recording(row), row["path"]


async def _item_row(tx: Tx, organisation_id: UUID, session_id: UUID) -> Row:
    row = await tx.row(sql.item, organisation_id=organisation_id, id=session_id)
    if row is None:
        raise NotFound(f"no conversation {session_id}")
    return row


async def _open(
    tx: Tx, organisation_id: UUID, channel: str, phone: str | None, name: str | None, email: str | None,
    context: Mapping[str, Any],
) -> Opened:  # fmt: skip
    number = normalise_phone(phone)
    contact = await contact_by_phone(tx, organisation_id, number)
    row = await tx.one(
        sql.open,
        organisation_id=organisation_id,
        contact_id=contact["id"] if contact else None,
        channel=channel,
        context_data={"needs_human": False, **context},
        priority=1,
        customer_name=(contact["name"] if contact else None) or (name or "").strip() or None,
        customer_phone=number,
        customer_email=(contact["email"] if contact else None) or email,
    )
    before = await tx.one(
        sql.history, organisation_id=organisation_id, id=row["id"], contact_id=row["contact_id"], phone=number
    )
    return Opened(
        row["id"],
        dict(row["context_data"]),
        public_contact(contact) if contact else None,
        before["conversations"],
        await item_of(tx, organisation_id, row["id"]),
    )


async def _abandon(tx: Tx, conversation: Row) -> dict[str, Any]:
    """The customer of the locked *conversation* left the queue. Raises ``Conflict``."""
    await move(tx, conversation, ConversationEvent.ABANDON)
    organisation_id, session_id = conversation["organisation_id"], conversation["id"]
    await tx.one(sql.set_abandoned, organisation_id=organisation_id, id=session_id)
    await settle_offers(tx, organisation_id, session_id)
    await note_event(tx, organisation_id, session_id, "O cliente desistiu antes de ser atendido", "abandoned")
    item = await queue_update(tx, organisation_id, session_id)
    conversation_closed(tx, organisation_id, session_id)
    return item


async def _finish(tx: Tx, conversation: Row) -> dict[str, Any]:
    await move(tx, conversation, ConversationEvent.FINISH)
    organisation_id, session_id = conversation["organisation_id"], conversation["id"]
    await tx.one(sql.set_finished, organisation_id=organisation_id, id=session_id)
    item = await queue_update(tx, organisation_id, session_id)
    conversation_closed(tx, organisation_id, session_id)
    return item
