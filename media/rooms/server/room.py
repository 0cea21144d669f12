"""A room: its participants, and what each is told of the others."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from livekit.protocol import models, rtc

from .counters import Counters
from .data import DataRelay
from .ids import new_sid
from .negotiation import codecs
from .participant import Participant, State
from .quality import quality_of
from .speakers import INTERVAL_S as SPEAKERS_INTERVAL_S

if TYPE_CHECKING:
    from .registry import Registry

DEPARTURE_TIMEOUT_S = 20
RESUME_GRACE_S = 15.0  # a participant whose signalling broke off may come back within this
JOIN_TIMEOUT_S = 60.0  # one whose media never came up is removed after this
TOKEN_REFRESH_S = 300.0
MAX_BITRATE_BPS = 6_000_000  # told to video publishers

log = logging.getLogger(__name__)


class Room:
    """Members by identity; the newest of an identity is the member."""

    def __init__(
        self, house: Registry, name: str, *, empty_timeout_s: float, max_participants: int, counters: Counters
    ) -> None:
        self.house = house
        self.name = name
        self.sid = new_sid("RM")
        self.metadata = ""
        self.empty_timeout_s = empty_timeout_s
        self.max_participants = max_participants
        self.participants: dict[str, Participant] = {}
        self.data = DataRelay(self, counters)
        self.closed = False
        self._created_s = time.time()
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.TimerHandle | None = None
        self._speaking: dict[str, float] = {}  # participant sid to level told last
        self._speakers_at_s = self._loop.time()
        self.watch_emptiness()

    def info(self) -> models.Room:
        seen = [p for p in self.participants.values() if not p.permission.hidden]
        return models.Room(
            sid=self.sid,
            name=self.name,
            metadata=self.metadata,
            creation_time=int(self._created_s),
            creation_time_ms=int(self._created_s * 1000),
            empty_timeout=int(self.empty_timeout_s),
            departure_timeout=DEPARTURE_TIMEOUT_S,
            max_participants=self.max_participants,
            num_participants=len(seen),
            num_publishers=sum(bool(p.tracks) for p in seen),
            enabled_codecs=codecs.publish_codecs(),
        )

    def by_sid(self, sid: str) -> Participant | None:
        return next((p for p in self.participants.values() if p.sid == sid), None)

    def others(self, participant: Participant) -> list[Participant]:
        return [other for other in self.participants.values() if other is not participant]

    def visible_to(self, participant: Participant) -> list[models.ParticipantInfo]:
        return [other.info() for other in self.others(participant) if not other.permission.hidden]

    def add(self, participant: Participant) -> None:
        """Take a new member in; an older one of the same identity is sent away."""
        older = self.participants.get(participant.identity)
        if older is not None:
            self.remove(older, models.DisconnectReason.DUPLICATE_IDENTITY)
        self.participants[participant.identity] = participant
        participant.state = State.JOINED
        self.watch_emptiness()
        log.info("participant_joined", extra={"room": self.name, "participant": participant.sid})

    def remove(self, participant: Participant, reason: models.DisconnectReason, may_return: bool = False) -> None:
        """End *participant*, with a ``leave`` that says why; the others see it go."""
        if participant.closed:
            return
        if self.participants.get(participant.identity) is participant:
            del self.participants[participant.identity]
        participant.close(reason, may_return=may_return)
        participant.state = State.DISCONNECTED
        self._speaking.pop(participant.sid, None)
        gone = participant.info()
        gone.disconnect_reason = reason
        if not participant.permission.hidden:
            self._tell(rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[gone])))
        log.info("participant_left", extra={"room": self.name, "participant": participant.sid, "reason": reason})
        self.watch_emptiness()

    def tell_of(self, participant: Participant) -> None:
        """A participant changed: tell it and, unless it is hidden, the others."""
        update = rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=[participant.info()]))
        if participant.permission.hidden:
            if participant.connection is not None:
                participant.connection.send(update)
        else:
            self._tell(update)

    def set_metadata(self, metadata: str) -> None:
        self.metadata = metadata
        self._tell(rtc.SignalResponse(room_update=rtc.RoomUpdate(room=self.info())))

    def close(self, reason: models.DisconnectReason) -> None:
        """Everybody out. Called by the registry only."""
        self.closed = True
        self._cancel_closing()
        for participant in list(self.participants.values()):
            self.remove(participant, reason)
        self._cancel_closing()

    # -- time

    def watch_emptiness(self) -> None:
        """Arm the end of an empty room, disarm that of one with members."""
        self._cancel_closing()
        if not self.participants and not self.closed:
            self._closing = self._loop.call_later(self.empty_timeout_s, self.house.close_empty, self)

    def pulse(self, now_s: float) -> None:
        """Once a second while there are members: reports, layers, qualities, those who did not come back."""
        for participant in list(self.participants.values()):
            if participant.away_since_s is not None and now_s - participant.away_since_s > RESUME_GRACE_S:
                self.remove(participant, models.DisconnectReason.CONNECTION_TIMEOUT)
                continue
            if participant.state == State.JOINED and now_s - participant.joined_s > JOIN_TIMEOUT_S:
                self.remove(participant, models.DisconnectReason.JOIN_FAILURE)
                continue
            for track in participant.tracks.values():
                track.report(time.monotonic(), MAX_BITRATE_BPS)
            for down in participant.downs.values():
                down.review(time.monotonic())
            if now_s - participant.refreshed_s > TOKEN_REFRESH_S:
                participant.refreshed_s = now_s
                participant.send(refresh_token=self.house.refreshed_token(participant))
            self._tell_quality(participant)

    def speakers(self, now_s: float) -> None:
        """Every 0.4 s while somebody publishes audio: tell who speaks, and once of each who has stopped."""
        window_s, self._speakers_at_s = max(SPEAKERS_INTERVAL_S, now_s - self._speakers_at_s), now_s
        changed: list[models.SpeakerInfo] = []
        for participant in self.participants.values():
            levels = [t.levels.close(window_s) for t in participant.tracks.values() if t.kind == "audio"]
            level, told = max(levels, default=0.0), self._speaking.get(participant.sid, 0.0)
            if level != told:
                self._speaking[participant.sid] = level
                changed.append(models.SpeakerInfo(sid=participant.sid, level=level, active=level > 0))
        if changed:
            self._tell(rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=changed)))

    def has_audio(self) -> bool:
        return any(t.kind == "audio" for p in self.participants.values() for t in p.tracks.values())

    def _tell_quality(self, participant: Participant) -> None:
        quality = quality_of(participant)
        if quality != participant.quality:
            participant.quality = quality
            entry = rtc.ConnectionQualityInfo(participant_sid=participant.sid, quality=quality)
            self._tell(rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=[entry])))

    def _tell(self, response: rtc.SignalResponse) -> None:
        for participant in self.participants.values():
            if participant.connection is not None:
                participant.connection.send(response)

    def _cancel_closing(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
