"""What the control plane tells: one type for every event, and the names and payloads a client may rely on.

An event that is *sequenced* is written to the organisation's log in the transaction that made it true, under a number
without gaps (``control.db`` allocates it last, just before commit); so a client that names the last number it saw gets
exactly what it missed. A *passing* event (``partial``, ``typing``) goes to whoever listens now and is kept nowhere.

| type                | payload beside ``type, seq, timestamp``                                     | told by       |
|---------------------|-----------------------------------------------------------------------------|---------------|
| new_conversation    | session_id, channel, customer{name, phone}, message, queue…, item (S24)     | queues        |
| queue_update        | session_id, item                                                            | queues        |
| offer               | offer_id, session_id, expires_at, item; only to that attendant              | queues        |
| offer_settled       | offer_id, session_id, outcome: accepted, declined, expired, withdrawn       | queues        |
| new_message         | session_id, entry                                                           | conversations |
| call_update         | session_id, call                                                            | conversations |
| recording_ready     | session_id, recording                                                       | conversations |
| conversation_closed | session_id                                                                  | conversations |
| ticket_update       | session_id, ticket                                                          | tickets       |
| attendant_update    | attendant                                                                   | queues        |
| queue_overflow      | session_id, queue_id, waited_s: max_wait_seconds has passed (D13)           | queues        |
| partial (passing)   | session_id, speaker, speaker_name, text                                     | telephony     |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

NEW_CONVERSATION = "new_conversation"
QUEUE_UPDATE = "queue_update"
OFFER = "offer"
OFFER_SETTLED = "offer_settled"
NEW_MESSAGE = "new_message"
CALL_UPDATE = "call_update"
RECORDING_READY = "recording_ready"
CONVERSATION_CLOSED = "conversation_closed"
TICKET_UPDATE = "ticket_update"
ATTENDANT_UPDATE = "attendant_update"
QUEUE_OVERFLOW = "queue_overflow"
PARTIAL = "partial"
TYPING = "typing"


@dataclass(frozen=True, slots=True)
class Event:
    """``data`` is plain JSON (strings, no UUIDs or datetimes): what is delivered now equals what is replayed."""

    organisation_id: UUID
    type: str
    data: Mapping[str, Any]
    audience: UUID | None = None  # a user's id: nobody else may see it; None: every member of the organisation
    seq: int | None = None  # given at commit; None for a passing event
    at: datetime | None = None

    def visible_to(self, user_id: UUID) -> bool:
        return self.audience is None or self.audience == user_id

    def message(self) -> dict[str, Any]:
        """The flat object a WebSocket client gets. A passing event has no ``seq``."""
        head: dict[str, Any] = {"type": self.type}
        if self.seq is not None:
            head["seq"] = self.seq
        head["timestamp"] = iso(self.at or datetime.now(UTC))
        return {**head, **self.data}


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and ``Z`` (S57)."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def partial(organisation_id: UUID, session_id: UUID, *, speaker: str, speaker_name: str, text: str) -> Event:
    """Words being spoken right now; passing. *speaker* is an entry's author: customer, bot, attendant."""
    data = {"session_id": str(session_id), "speaker": speaker, "speaker_name": speaker_name, "text": text}
    return Event(organisation_id, PARTIAL, data)
