"""What one door of the control plane asks of another, as protocols; ``control/app.py`` supplies who answers.

Doors never import each other: ``http`` knows ``CallDesk``, ``telephony`` implements it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from .errors import NotFound

if TYPE_CHECKING:
    from .auth import Actor


@dataclass(frozen=True, slots=True)
class RoomGrant:
    """A way into a room: what a browser needs to join it, and nothing else."""

    url: str  # ws:// or wss:// of the media server
    token: str  # LiveKit access token of this person for this room
    room: str

    def public(self) -> dict[str, str]:
        return {"url": self.url, "token": self.token, "room": self.room}


class CallDesk(Protocol):
    """What an attendant does to a live call.

    Every method scopes by ``actor.organisation_id`` and raises ``NotFound`` for what is not there, ``Conflict`` for
    what the call's state refuses, ``Forbidden`` when the call is somebody else's.
    """

    async def join(self, actor: Actor, session_id: UUID) -> RoomGrant | None:
        """Let the attendant into the call of this conversation (again, after a reload). None: no live call."""
        ...

    async def hold(self, actor: Actor, call_id: UUID) -> None: ...

    async def resume(self, actor: Actor, call_id: UUID) -> None: ...

    async def hang_up(self, actor: Actor, call_id: UUID) -> None: ...

    async def finish(self, actor: Actor, session_id: UUID) -> None:
        """The conversation is resolved: end its live call, if there is one."""
        ...


class NoCalls:
    """A ``CallDesk`` for a control plane without telephony: there is never a live call."""

    async def join(self, actor: Actor, session_id: UUID) -> RoomGrant | None:
        return None

    async def hold(self, actor: Actor, call_id: UUID) -> None:
        raise _no_call(call_id)

    async def resume(self, actor: Actor, call_id: UUID) -> None:
        raise _no_call(call_id)

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        raise _no_call(call_id)

    async def finish(self, actor: Actor, session_id: UUID) -> None:
        return None


def _no_call(call_id: UUID) -> NotFound:
    return NotFound(f"no call {call_id}")
