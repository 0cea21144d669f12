"""What attendants do to live calls: the telephony side of ``control.ports.CallDesk``.

Only whoever serves the conversation may enter its call or touch it; a supervisor may touch it too.
"""

from __future__ import annotations

import logging
from uuid import UUID

from control.auth import Actor
from control.errors import Conflict, NotFound
from control.ports import RoomGrant

from .call import LiveCall
from .centre import CallCentre
from .ledger import Ledger

log = logging.getLogger(__name__)


class TelephonyDesk:
    """Implements ``CallDesk`` on a ``CallCentre``."""

    def __init__(self, centre: CallCentre, ledger: Ledger) -> None:
        self._centre, self._ledger = centre, ledger

    async def join(self, actor: Actor, session_id: UUID) -> RoomGrant | None:
        """Let the attendant into the conversation's call; the first time, take the caller out of the queue.

        Raises:
            NotFound, Forbidden: not this organisation's, or served by somebody else.
        """
        await self._ledger.check_serves(actor, session_id)
        call = self._centre.of_session(session_id)
        if call is None or call.ended.is_set():
            return None
        _, token = self._centre.room_grant(call.id, f"attendant-{actor.user_id}", actor.name)
        if not call.accepted.is_set():
            self._ledger.advance(call, "connecting")
            call.happened("accepted", actor)
        log.info("attendant_joins", extra={"call": call.id, "user": str(actor.user_id)})
        return RoomGrant(self._centre.settings.rooms_public_url, token, self._centre.room_name(call.id))

    async def hold(self, actor: Actor, call_id: UUID) -> None:
        (await self._talking(actor, call_id)).happened("hold")

    async def resume(self, actor: Actor, call_id: UUID) -> None:
        (await self._talking(actor, call_id)).happened("resume")

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        (await self._talking(actor, call_id)).happened("finish", "attendant_hung_up")

    async def finish(self, actor: Actor, session_id: UUID) -> None:
        call = self._centre.of_session(session_id)
        if call is not None:
            call.happened("finish", "resolved")

    async def _talking(self, actor: Actor, call_id: UUID) -> LiveCall:
        call = self._centre.of_id(call_id)
        if call is None or call.session_id is None:
            raise NotFound(f"no live call {call_id}")
        await self._ledger.check_serves(actor, call.session_id)
        if not call.accepted.is_set():
            raise Conflict("the call is not with an attendant yet", state="queued")
        return call
