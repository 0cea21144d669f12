"""Rooms: where people meet. A LiveKit room as a leg of a call, its tokens and its server's API.

events.py   what a room tells (plain values)
tokens.py   who may do what in which room: LiveKit's JWT
api.py      ``RoomApi``: make and end rooms, see and remove participants
client.py   ``RoomLeg``: a room as a ``Leg``; the only file that names the LiveKit client SDK
server/     the embedded room server, a process of its own

This is the public door. ``RoomLeg`` and ``RoomApi`` are loaded when first asked for, so that importing this loads
neither the SDK nor an HTTP client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .events import (
    Disconnected,
    ParticipantJoined,
    ParticipantLeft,
    Reconnected,
    Reconnecting,
    RoomEvent,
    RoomMessage,
)
from .tokens import Grant, make_token, verify_token

if TYPE_CHECKING:
    from .api import RoomApi, RoomInfo, RoomParticipant
    from .client import RoomLeg

__all__ = [
    "Disconnected",
    "Grant",
    "ParticipantJoined",
    "ParticipantLeft",
    "Reconnected",
    "Reconnecting",
    "RoomApi",
    "RoomEvent",
    "RoomInfo",
    "RoomLeg",
    "RoomMessage",
    "RoomParticipant",
    "make_token",
    "verify_token",
]

_LAZY = {"RoomApi": "api", "RoomInfo": "api", "RoomParticipant": "api", "RoomLeg": "client"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
