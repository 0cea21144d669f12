"""All rooms of this process: joining, limits, deletion, and the one pulse that runs while there is anybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from livekit.protocol import models

from .access import Grants, TokenVerifier
from .counters import Counters
from .errors import NotAllowed, NotFound, RoomFull, TooManyJoins
from .participant import Negotiation, Participant
from .room import Room
from .speakers import INTERVAL_S
from .transport.dtls import Certificate
from .transport.ice_lite import UdpMux

PULSE_S = 1.0
JOINS_PER_S = 30.0  # a join costs a DTLS handshake, about 5 ms of CPU
JOIN_BURST = 120.0
RETIRE_S = 0.5
MAX_ROOM_NAME = 256
MAX_ROOMS = 10_000

log = logging.getLogger(__name__)


class Registry:
    """Owns every room. Nothing here runs while there are no participants."""

    def __init__(
        self, *, mux: UdpMux, certificate: Certificate, verifier: TokenVerifier, counters: Counters,
        empty_timeout_s: float, max_participants: int, joins_per_s: float = JOINS_PER_S,
    ) -> None:  # fmt: skip
        self.mux = mux
        self.certificate = certificate
        self.counters = counters
        self.rooms: dict[str, Room] = {}
        self._verifier = verifier
        self._empty_timeout_s = empty_timeout_s
        self._max_participants = max_participants
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._next_pulse_s = 0.0
        self._retiring: dict[Negotiation, asyncio.TimerHandle] = {}
        self._joins_per_s = joins_per_s
        self._tokens, self._tokens_at_s = JOIN_BURST, self._loop.time()

    # -- rooms

    def create(self, name: str, *, empty_timeout_s: float = 0, max_participants: int = 0, metadata: str = "") -> Room:
        """The room *name*, made when it is not there; given limits replace those of one that is."""
        if not name or len(name) > MAX_ROOM_NAME:
            raise NotAllowed("a room needs a name of at most 256 characters")
        room = self.rooms.get(name)
        if room is None:
            if len(self.rooms) >= MAX_ROOMS:
                raise RoomFull("this server has its maximum of rooms")
            room = self.rooms[name] = Room(
                self, name, empty_timeout_s=empty_timeout_s or self._empty_timeout_s,
                max_participants=max_participants or self._max_participants, counters=self.counters,
            )  # fmt: skip
            log.info("room_started", extra={"room": name, "sid": room.sid})
        else:
            room.empty_timeout_s = empty_timeout_s or room.empty_timeout_s
            room.max_participants = max_participants or room.max_participants
            room.watch_emptiness()
        if metadata and metadata != room.metadata:
            room.set_metadata(metadata)
        return room

    def room(self, name: str) -> Room:
        try:
            return self.rooms[name]
        except KeyError:
            raise NotFound("requested room does not exist") from None

    def delete(self, name: str, reason: models.DisconnectReason = models.DisconnectReason.ROOM_DELETED) -> None:
        """Close a room; its participants are told why and cannot resume.

        Raises:
            NotFound: there is no such room.
        """
        room = self.room(name)
        del self.rooms[name]
        room.close(reason)
        log.info("room_finished", extra={"room": name, "sid": room.sid})

    def close_empty(self, room: Room) -> None:
        if not room.participants and self.rooms.get(room.name) is room:
            self.delete(room.name, models.DisconnectReason.ROOM_CLOSED)

    def close(self, reason: models.DisconnectReason = models.DisconnectReason.SERVER_SHUTDOWN) -> None:
        for name in list(self.rooms):
            self.delete(name, reason)
        for negotiation in list(self._retiring):
            self._retire(negotiation)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- joining

    def may_join(self, grants: Grants) -> None:
        """Raises NotAllowed when the token is not for joining a room, NotFound never: a join makes the room."""
        if not grants.room_join:
            raise NotAllowed("the token does not grant joining a room")
        if not grants.room or not grants.identity:
            raise NotAllowed("the token names no room or no identity")

    def admit(self, grants: Grants) -> Room:
        """The room to join, within its limits and the rate of this process.

        Raises:
            TooManyJoins, RoomFull, NotAllowed.
        """
        self.may_join(grants)
        now_s = self._loop.time()
        self._tokens = min(JOIN_BURST, self._tokens + (now_s - self._tokens_at_s) * self._joins_per_s)
        self._tokens_at_s = now_s
        if self._tokens < 1:
            self.counters["join_rate_refused"] += 1
            raise TooManyJoins("too many joins at once")
        self._tokens -= 1
        room = self.create(grants.room)
        if grants.identity not in room.participants and len(room.participants) >= room.max_participants:
            self.counters["room_full_refused"] += 1
            raise RoomFull("the room has its maximum of participants")
        return room

    def find_to_resume(self, grants: Grants, sid: str) -> Participant | None:
        room = self.rooms.get(grants.room)
        participant = room.participants.get(grants.identity) if room else None
        return participant if participant is not None and participant.sid == sid else None

    def refreshed_token(self, participant: Participant) -> str:
        return self._verifier.refresh(
            participant.grants, name=participant.name, metadata=participant.metadata, attributes=participant.attributes
        )

    def later(self, work: Callable[..., Any], *arguments: Any) -> None:
        """Do *work* after the packet under way: what ends a participant must not run inside its packet path."""
        self._loop.call_soon(work, *arguments)

    def retire(self, negotiation: Negotiation) -> None:
        """Close the transport of a participant that was sent away, once its ``leave`` had time to arrive."""
        self._retiring[negotiation] = self._loop.call_later(RETIRE_S, self._retire, negotiation)

    def _retire(self, negotiation: Negotiation) -> None:
        self._retiring.pop(negotiation).cancel()
        negotiation.close()

    # -- time

    def wake(self) -> None:
        """Start the pulse; it stops by itself when the last participant has gone."""
        if self._timer is None:
            self._next_pulse_s = self._loop.time() + PULSE_S
            self._timer = self._loop.call_later(INTERVAL_S, self._pulse)

    def _pulse(self) -> None:
        self._timer = None
        now_s = self._loop.time()
        slow = now_s >= self._next_pulse_s
        if slow:
            self._next_pulse_s = now_s + PULSE_S
        busy = audio = False
        for room in list(self.rooms.values()):
            try:
                if slow:
                    room.pulse(now_s)
                if room.has_audio():
                    room.speakers(now_s)
                    audio = True
            except Exception:  # one room's trouble must not stop the others' clock
                self.counters["pulse_errors"] += 1
                log.exception("pulse_error", extra={"room": room.name})
            busy = busy or bool(room.participants)
        if busy:
            self._timer = self._loop.call_later(INTERVAL_S if audio else PULSE_S, self._pulse)
