"""What a room tells whoever is in it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """Somebody is in the room; also told of those who were there first."""

    identity: str
    name: str
    kind: str = "standard"  # standard, sip, agent, ingress, egress
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    identity: str
    name: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RoomMessage:
    """A data packet. ``identity`` is empty when the server sent it."""

    identity: str
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The connection is interrupted and being mended; nothing is heard meanwhile."""


@dataclass(frozen=True, slots=True)
class Reconnected:
    pass


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Out of the room for good: removed, the room was closed, or the server is gone. ``reason`` is LiveKit's, lower
    case (``participant_removed``, ``room_deleted``, ``duplicate_identity``, ``signal_close``...)."""

    reason: str


RoomEvent: TypeAlias = ParticipantJoined | ParticipantLeft | RoomMessage | Reconnecting | Reconnected | Disconnected
