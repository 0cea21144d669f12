"""What a call writes into the product's memory, and reads from it: telephony's one door to the domains.

Every method is short and whole (one domain action). What only has to be written, in order, goes through the call's
journal and is not waited for; what a flow or a queue needs an answer from is awaited.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial as bind
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from agents.dialect import FlowError, effects, filters
from control import events
from control.auth import Actor, Role
from control.bus import Bus
from control.conversations import Conversations
from control.crm import Contacts, Records
from control.errors import ControlError, DatabaseUnavailable, Forbidden, NotFound
from control.queues import Queues
from media.recording import RecordingInfo, repair

from . import wire

if TYPE_CHECKING:
    from .call import LiveCall

T = TypeVar("T")
BOT = "Atendimento automático"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handover:
    """The conversation is in a queue, for a person."""

    queue: str
    reason: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a flow gets for TRANSFER TO HUMAN, and the handover when there was one."""

    value: dict[str, Any]
    handover: Handover | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a waiting conversation stands."""

    position: int
    estimated_wait_s: float
    max_wait_s: float
    attendants_online: int


@dataclass(frozen=True, slots=True)
class Known:
    """A call that is up although this process did not answer it: control was restarted meanwhile."""

    session_id: UUID
    status: str  # the conversation's
    caller: str
    caller_name: str
    called: str


class Ledger:
    """The domains as a call needs them, for one organisation."""

    def __init__(
        self, organisation_id: UUID, conversations: Conversations, contacts: Contacts, records: Records,
        queues: Queues, bus: Bus, recordings_dir: Path,
    ) -> None:  # fmt: skip
        self._organisation = organisation_id
        self._conversations, self._contacts, self._records = conversations, contacts, records
        self._queues, self._bus, self._recordings_dir = queues, bus, recordings_dir

    # --- the call --------------------------------------------------------------------------------------------------

    async def open(self, call: LiveCall) -> UUID:
        """The call's conversation and row."""
        incoming = call.incoming
        opened = await self._conversations.open_call(
            self._organisation, UUID(call.id), phone=incoming.caller or None, name=incoming.caller_name or None,
            to=incoming.called, trunk=incoming.trunk, answered=True, context={"headers": incoming.headers},
        )  # fmt: skip
        return opened.session_id

    async def known(self, call_id: str) -> Known | None:
        """What is written of the live call *call_id*; None when there is none, or it has ended."""
        try:
            call = await self._conversations.call(self._organisation, UUID(call_id))
            item = await self._conversations.item(self._organisation, UUID(call["session_id"]))
        except (ValueError, NotFound):
            return None
        if call["state"] == "ended":
            return None
        return Known(
            UUID(call["session_id"]), item["status"], call["from"] or "", item["user_name"] or "", call["to"] or ""
        )

    async def end_lost_calls(self, live: Iterable[str]) -> None:
        """End the rows of calls that nobody carries any more: all but *live*."""
        lost = await self._conversations.end_lost_calls(keep=frozenset(UUID(call) for call in live))
        if lost:
            log.warning("calls_lost", extra={"calls": [str(call) for call in lost]})

    def advance(self, call: LiveCall, state: str) -> None:
        call.journal.post(lambda: self._conversations.advance_call(self._organisation, UUID(call.id), state))

    async def finish(self, call: LiveCall, cause: str) -> None:
        """The last write: returns when everything that was said of this call is written."""
        if call.session_id is not None:
            call.journal.post(lambda: self._conversations.end_call(self._organisation, UUID(call.id), cause))
        await call.journal.drain()

    async def save_recordings(self, call: LiveCall, parts: list[str]) -> None:
        """Register every part that holds sound; one that a killed process left is repaired first."""
        if call.session_id is None:
            return
        for part in parts:
            path = Path(part)
            info = await asyncio.to_thread(_readable, path)
            if info is None or info.seconds < 0.1:
                log.warning("recording_lost", extra={"call": call.id, "path": part})
                continue
            relative = str(path.relative_to(self._recordings_dir))
            call.journal.post(
                bind(
                    self._conversations.add_recording, self._organisation, UUID(call.id), path=relative,
                    seconds=info.seconds, channels=info.channels, size=info.size,
                )
            )  # fmt: skip

    # --- what was said ---------------------------------------------------------------------------------------------

    def said(self, call: LiveCall, words: str, said: Mapping[str, Any]) -> None:
        """The bot's words, as far as they were heard."""
        self._entry(
            call, author="bot", author_name=BOT, text=words, via="voice", start_s=said.get("start_s"),
            end_s=said.get("end_s"), interrupted=bool(said.get("interrupted")),
        )  # fmt: skip

    def heard(self, call: LiveCall, heard: Mapping[str, Any]) -> None:
        """The caller's answer to the bot."""
        via = "dtmf" if heard["via"] == "digits" else "voice"
        self._entry(
            call, author="customer", author_name=call.incoming.caller_name or None, text=heard["text"], via=via,
            start_s=heard.get("start_s"), end_s=heard.get("end_s"),
        )  # fmt: skip

    def person_said(self, call: LiveCall, heard: wire.Heard) -> None:
        """A finished phrase of the caller or of somebody in the room."""
        author, name, user = self._speaker(call, heard.speaker, heard.name)
        self._entry(
            call, author=author, author_name=name, author_user_id=user, text=heard.text, via="voice",
            start_s=heard.start_s, end_s=heard.end_s,
        )  # fmt: skip

    def partial(self, call: LiveCall, heard: wire.PartialHeard) -> None:
        """Words being said now: shown, never written."""
        if call.session_id is None:
            return
        author, name, _ = self._speaker(call, heard.speaker, heard.name)
        self._bus.publish(
            events.partial(
                self._organisation, call.session_id, speaker=author, speaker_name=name or "", text=heard.text
            )
        )

    def _speaker(self, call: LiveCall, speaker: str, name: str) -> tuple[str, str | None, UUID | None]:
        if speaker.startswith("attendant-"):
            return "attendant", name, UUID(speaker.removeprefix("attendant-"))
        return "customer", name or call.incoming.caller_name or None, None

    def _entry(self, call: LiveCall, **entry: Any) -> None:
        session_id = call.session_id
        if session_id is None or not entry["text"]:
            return
        call.journal.post(lambda: self._conversations.add_entry(self._organisation, session_id, **entry))

    # --- what a flow asks for --------------------------------------------------------------------------------------

    async def session_variables(self, call: LiveCall) -> dict[str, Any]:
        """``session`` as flows read it (S57)."""
        assert call.session_id is not None
        context = await self._conversations.context(self._organisation, call.session_id)
        return {
            **context, "id": str(call.session_id), "phone": call.incoming.caller, "channel": "voice",
            "call_type": "voice", "user_name": call.incoming.caller_name, "needs_human": False,
        }  # fmt: skip

    async def set_session(self, call: LiveCall, key: str, value: Any) -> None:
        assert call.session_id is not None
        await self._flow(self._conversations.set_context(self._organisation, call.session_id, {key: value}))

    async def find(
        self, call: LiveCall, table: str, where: filters.Filter | None, limit: int | None
    ) -> list[dict[str, Any]]:
        return await self._flow(self._records.find(self._organisation, table, _where(where), limit))

    async def create(self, call: LiveCall, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return await self._flow(self._records.create(self._organisation, table, values))

    async def update(self, call: LiveCall, table: str, where: filters.Filter, values: Mapping[str, Any]) -> int:
        return await self._flow(self._records.update(self._organisation, table, _where(where) or (), values))

    async def delete(self, call: LiveCall, table: str, where: filters.Filter) -> int:
        return await self._flow(self._records.delete(self._organisation, table, _where(where) or ()))

    async def save(self, call: LiveCall, table: str, id: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        return await self._flow(self._records.save(self._organisation, table, id, values))

    async def memory(self, call: LiveCall, scope: Any, key: str) -> Any:
        owner = call.incoming.caller if scope == "user" else "start"
        return await self._flow(self._contacts.memory(self._organisation, scope, owner, key))

    async def remember(self, call: LiveCall, scope: Any, key: str, value: Any) -> None:
        owner = call.incoming.caller if scope == "user" else "start"
        await self._flow(self._contacts.remember(self._organisation, scope, owner, key, value))

    def notify(self, call: LiveCall, to: Any, message: str) -> None:
        self._entry(call, kind="event", author="system", text=message, via="system", data={"to": to})

    async def _flow(self, work: Awaitable[T]) -> T:
        """A domain's refusal becomes the flow's error, with the words of the domain."""
        try:
            return await work
        except ControlError as error:
            blame = "service" if isinstance(error, DatabaseUnavailable) else "author"
            raise FlowError(error.code, error.message, blame=blame) from error  # type: ignore[arg-type]

    # --- queue -----------------------------------------------------------------------------------------------------

    async def transfer(self, call: LiveCall, wanted: effects.TransferToHuman) -> Transferred:
        """Put the conversation into the queue that *wanted* means (S56); the caller becomes a known contact."""
        assert call.session_id is not None
        if call.incoming.caller:
            contact = await self._flow(
                self._contacts.upsert(
                    self._organisation,
                    phone=call.incoming.caller,
                    name=call.incoming.caller_name or None,
                    source="voice",
                )
            )
            await self._flow(
                self._conversations.set_customer(self._organisation, call.session_id, contact_id=UUID(contact["id"]))
            )
        try:
            entered = await self._queues.enter(
                self._organisation, call.session_id, target=wanted.target, attendant=wanted.name,
                department=wanted.department, priority=wanted.priority, reason=wanted.reason,
                context=wanted.context if isinstance(wanted.context, dict) else None,
            )  # fmt: skip
        except ControlError as error:
            status = error.code if error.code == "attendant_not_found" else "error"
            return Transferred({"success": False, "status": status, "message": error.message}, None)
        place = entered.place
        log.info(
            "conversation_enqueued", extra={"call": call.id, "queue": place.queue_name, "position": place.position}
        )
        value = {
            "success": True,
            "status": "queued" if place.attendants_online else "no_attendants",
            "queue_position": place.position,
            "assigned_to_name": entered.wanted_name,
            "estimated_wait_seconds": place.estimated_wait_s,
            "message": "",
        }
        return Transferred(value, Handover(place.queue_name, wanted.reason or ""))

    async def place(self, call: LiveCall) -> Place | None:
        """Where the caller stands in the queue; None when the conversation is not waiting any more.

        While the database is away: the last thing known is not, so the caller only hears music.
        """
        assert call.session_id is not None
        try:
            place = await self._queues.position(self._organisation, call.session_id)
        except DatabaseUnavailable:
            return Place(0, 0.0, float("inf"), 1)
        if place is None:
            return None
        return Place(place.position, place.estimated_wait_s, place.max_wait_s, place.attendants_online)

    def requeue(self, call: LiveCall) -> None:
        """The attendant vanished: back to the queue, at the old place."""
        assert call.session_id is not None
        session_id = call.session_id
        self.advance(call, "queued")
        call.journal.post(lambda: self._queues.requeue(self._organisation, session_id, reason="attendant_gone"))

    def ask_callback(self, call: LiveCall, why: str) -> None:
        """The caller leaves the line but keeps the place: somebody calls back (D13)."""
        assert call.session_id is not None
        session_id = call.session_id
        call.journal.post(lambda: self._queues.request_callback(self._organisation, session_id, why))

    async def check_serves(self, actor: Actor, session_id: UUID) -> None:
        """Raises ``NotFound`` or ``Forbidden`` unless *actor* serves this conversation or supervises."""
        item = await self._conversations.item(actor.organisation_id, session_id)
        if item.get("assigned_to") != str(actor.user_id) and not actor.may(Role.SUPERVISOR):
            raise Forbidden("this conversation is with somebody else")


def _readable(path: Path) -> RecordingInfo | None:
    try:
        return repair(path)
    except Exception as error:
        log.error("recording_unreadable", extra={"path": str(path), "error": str(error)})
        return None


def _where(where: filters.Filter | None) -> tuple[Any, ...] | None:
    """A filter of the dialect as the plain data that ``crm.records`` takes."""
    match where:
        case None:
            return None
        case filters.Comparison():
            return (where.field, where.op, where.value)
        case filters.All():
            return ("and", *(_where(part) for part in where.parts))
        case filters.Either():
            return ("or", *(_where(part) for part in where.parts))
        case filters.Negated():
            return ("not", _where(where.part))
