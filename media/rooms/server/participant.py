"""One participant: who it is, what it may do, what it publishes and what it is subscribed to."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from .access import Grants, Permission
from .connection import Connection
from .counters import Counters
from .forwarding import DownTrack, UpTrack
from .ids import new_sid
from .negotiation.dual import DualNegotiation
from .negotiation.line import Line
from .negotiation.single import SingleNegotiation

if TYPE_CHECKING:
    from .room import Room

MAX_TRACKS = 64  # announced or published per participant
MAX_METADATA_BYTES = 64_000
MAX_NAME_CHARS = 256
State = models.ParticipantInfo.State
Negotiation = DualNegotiation | SingleNegotiation

log = logging.getLogger(__name__)


class Participant:
    """A member of *room*. Keyed by ``sid``: the identity may come back as a newer participant."""

    def __init__(
        self, room: Room, grants: Grants, connection: Connection, *, single: bool, auto_subscribe: bool,
        client: models.ClientInfo, counters: Counters,
    ) -> None:  # fmt: skip
        self.room = room
        self.grants = grants
        self.sid = new_sid("PA")
        self.identity = grants.identity
        self.name = grants.name
        self.metadata = grants.metadata
        self.attributes = dict(grants.attributes)
        self.permission: Permission = grants.permission
        self.client = client
        self.state: models.ParticipantInfo.State = State.JOINING
        self.connection: Connection | None = connection
        self.auto_subscribe = auto_subscribe
        self.tracks: dict[str, UpTrack] = {}  # published, by sid
        self.downs: dict[str, DownTrack] = {}  # subscribed, by track sid
        self.wanted: set[str] = set()  # track sids asked for, whether they flow yet or not
        self.last_reliable = 0  # sequence of the last reliable data packet taken
        self.quality = models.ConnectionQuality.EXCELLENT
        self.allowed: dict[str, frozenset[str]] | None = None  # who may subscribe: identity to tracks (empty: all)
        self.closed = False
        self._pending: list[UpTrack] = []
        self._counters = counters
        self._joined_at_s = time.time()
        self._version = 0
        loop = asyncio.get_running_loop()
        self.joined_s = loop.time()
        self.away_since_s: float | None = None
        self.refreshed_s = self.joined_s
        house = room.house
        kind = SingleNegotiation if single else DualNegotiation
        self.negotiation: Negotiation = kind(self, house.mux, house.certificate, counters)

    # -- what others see

    def info(self) -> models.ParticipantInfo:
        tracks = [track.info for track in self.tracks.values() if track.live]
        return models.ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            name=self.name,
            state=self.state,
            metadata=self.metadata,
            attributes=self.attributes,
            joined_at=int(self._joined_at_s),
            joined_at_ms=int(self._joined_at_s * 1000),
            version=self._version,
            permission=self.permission.to_proto(),
            is_publisher=bool(tracks),
            kind=self.grants.kind,  # type: ignore[arg-type]
            client_protocol=self.client.client_protocol,
            tracks=tracks,
        )

    def changed(self) -> None:
        """Tell everybody, this participant too."""
        self._version += 1
        self.room.tell_of(self)

    def send(self, **response: Any) -> None:
        """Queue one SignalResponse field; while the client is away it is lost, a resume repeats what matters."""
        if self.connection is not None:
            self.connection.send(rtc.SignalResponse(**response))

    def set_about(
        self, *, name: str | None = None, metadata: str | None = None, attributes: Mapping[str, str] | None = None
    ) -> bool:
        """Change what others see; empty attribute values delete. False, and nothing changed, past the limits."""
        merged = self.attributes | dict(attributes or {})
        size = sum(len(key.encode()) + len(value.encode()) for key, value in merged.items())
        too_big = len((metadata or "").encode()) > MAX_METADATA_BYTES or size > MAX_METADATA_BYTES
        if too_big or len(name or "") > MAX_NAME_CHARS:
            return False
        self.name = name or self.name
        self.metadata = metadata or self.metadata
        self.attributes = {key: value for key, value in merged.items() if value}
        self.changed()
        return True

    def set_permission(self, permission: Permission) -> None:
        """Permissions changed in mid-call: what is no longer allowed ends now."""
        self.permission = permission
        for track in list(self.tracks.values()):
            if not permission.may_publish(track.info.source):
                self.unpublish(track)
        self._pending = [track for track in self._pending if permission.may_publish(track.info.source)]
        self.changed()
        for other in self.room.others(self):
            for track in other.live_tracks():
                if not permission.can_subscribe:
                    self.unsubscribe(track)
                elif self.auto_subscribe:
                    self.subscribe(track)

    # -- publishing

    def add_track(self, request: rtc.AddTrackRequest) -> rtc.RequestResponse.Reason:
        """Announce a track; its media comes with the next offer. OK, or why not."""
        if not self.permission.may_publish(request.source):
            return rtc.RequestResponse.NOT_ALLOWED
        if len(self._pending) + len(self.tracks) >= MAX_TRACKS:
            return rtc.RequestResponse.LIMIT_EXCEEDED
        if request.type not in (models.TrackType.AUDIO, models.TrackType.VIDEO) or request.sid:
            return rtc.RequestResponse.UNSUPPORTED_TYPE
        known = next((t for t in self._pending if t.cid == request.cid), None)
        if known is None:
            known = self._new_track(request)
            self._pending.append(known)
        self.send(track_published=rtc.TrackPublishedResponse(cid=request.cid, track=known.info))
        return rtc.RequestResponse.OK

    def _new_track(self, request: rtc.AddTrackRequest) -> UpTrack:
        stereo = request.stereo or models.AudioTrackFeature.TF_STEREO in request.audio_features
        info = models.TrackInfo(
            sid=new_sid("TR"), type=request.type, name=request.name[:MAX_NAME_CHARS], muted=request.muted,
            width=request.width, height=request.height, source=request.source, stereo=stereo,
            disable_dtx=request.disable_dtx, disable_red=True, encryption=request.encryption, stream=request.stream,
            layers=request.layers, audio_features=request.audio_features, simulcast=len(request.layers) > 1,
        )  # fmt: skip
        wanted = request.simulcast_codecs[0].codec if request.simulcast_codecs else ""
        return UpTrack(info, request.cid, self.sid, wanted, self._counters)

    def is_pending(self, track_id: str) -> bool:
        return bool(track_id) and any(track.cid == track_id for track in self._pending)

    def take_pending(self, track_id: str, stream_id: str, kind: str) -> UpTrack | None:
        """The announced track that a section is for: by msid, else the first of its kind."""
        candidates = [track for track in self._pending if track.kind == kind]
        found = next((t for t in candidates if t.cid in (track_id, stream_id)), candidates[0] if candidates else None)
        if found is not None:
            self._pending.remove(found)
        return found

    def published(self, new: list[UpTrack], gone: list[UpTrack]) -> None:
        """What an offer brought and took."""
        for track in gone:
            self._forget(track)
        for track in new:
            self.tracks[track.sid] = track
            log.info("track_published", extra={"room": self.room.name, "participant": self.sid, "track": track.sid})
        if new or gone:
            self.changed()
        for track in new:
            for other in self.room.others(self):
                if other.auto_subscribe:
                    other.subscribe(track)

    def unpublish(self, track: UpTrack) -> None:
        """End a published track from this side; the client is told to stop sending it."""
        self.negotiation.publisher.router.unpublish(track)
        self._forget(track)
        self.send(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=track.sid))
        self.changed()

    def _forget(self, track: UpTrack) -> None:
        self.tracks.pop(track.sid, None)
        for other in self.room.others(self):
            other.unsubscribe(track)
        track.peer = None

    def set_muted(self, track_sid: str, muted: bool, *, by_server: bool = False) -> UpTrack | None:
        track = self.tracks.get(track_sid) or next((t for t in self._pending if t.sid == track_sid), None)
        if track is None:
            return None
        if track.info.muted != muted:
            track.info.muted = muted
            if by_server:
                self.send(mute=rtc.MuteTrackRequest(sid=track_sid, muted=muted))
            self.changed()
        return track

    def live_tracks(self) -> list[UpTrack]:
        return [track for track in self.tracks.values() if track.live]

    def lets_subscribe(self, identity: str, track: UpTrack) -> bool:
        if self.allowed is None:
            return True
        tracks = self.allowed.get(identity)
        return tracks is not None and (not tracks or track.sid in tracks)

    # -- subscribing

    def subscribe(self, track: UpTrack) -> None:
        """Receive *track*, if this participant may and its publisher lets it."""
        publisher = self.room.by_sid(track.publisher_sid)
        if self.closed or not track.live or track.sid in self.wanted or publisher is None:
            return
        if not self.permission.can_subscribe or not publisher.lets_subscribe(self.identity, track):
            return
        self.wanted.add(track.sid)
        self.negotiation.subscribe(track)

    def unsubscribe(self, track: UpTrack) -> None:
        if track.sid in self.wanted:
            self.wanted.discard(track.sid)
            self.negotiation.unsubscribe(track)

    def subscribed(self, down: DownTrack) -> None:
        """The negotiation has a place for *down*: from now on its publisher's packets are copied."""
        track = down.track
        self.downs[track.sid] = down
        first = not track.downs
        track.downs = (*track.downs, down)
        publisher = self.room.by_sid(track.publisher_sid)
        if first and publisher is not None:
            publisher.send(track_subscribed=rtc.TrackSubscribed(track_sid=track.sid))

    def unsubscribed(self, down: DownTrack) -> None:
        self.downs.pop(down.track.sid, None)
        down.track.downs = tuple(other for other in down.track.downs if other is not down)

    def subscription_failed(self, track: UpTrack) -> None:
        self.wanted.discard(track.sid)
        self.send(
            subscription_response=rtc.SubscriptionResponse(
                track_sid=track.sid, err=models.SubscriptionError.SE_CODEC_UNSUPPORTED
            )
        )

    # -- lines and data

    def on_line_connected(self, line: Line) -> None:
        if line is self.negotiation.primary and self.state == State.JOINED:
            self.state = State.ACTIVE
            log.info("participant_active", extra={"room": self.room.name, "participant": self.sid})
            self.changed()

    def on_line_closed(self, line: Line, reason: str) -> None:
        """DTLS broke under a live client: only a full reconnect helps. A goodbye of the client is followed by leave."""
        log.info("line_closed", extra={"participant": self.sid, "reason": reason})
        if not self.closed and reason != "close_notify":
            self.room.house.later(self.room.remove, self, models.DisconnectReason.MEDIA_FAILURE, True)

    def on_message(self, label: str, message: bytes) -> None:
        self.room.data.relay(self, label, message)

    def attach(self, connection: Connection) -> None:
        """A resume: *connection* takes the place of the one that was lost."""
        if self.connection is not None:
            self.connection.finish()
        self.connection = connection
        self.away_since_s = None

    def detach(self, connection: Connection) -> bool:
        """*connection* has ended. True when it was the current one, so that the participant is now away."""
        if self.connection is not connection:
            return False
        self.connection = None
        self.away_since_s = asyncio.get_running_loop().time()
        return True

    def close(self, reason: models.DisconnectReason, *, may_return: bool = False) -> None:
        """End everything of this participant; the client gets a ``leave`` with *reason*. Called by the room only."""
        if self.closed:
            return
        self.closed = True
        for down in list(self.downs.values()):
            self.unsubscribed(down)
        for track in list(self.tracks.values()):
            self._forget(track)
        self.wanted.clear()
        self._pending.clear()
        if self.connection is not None:
            action = rtc.LeaveRequest.Action.RECONNECT if may_return else rtc.LeaveRequest.Action.DISCONNECT
            self.connection.finish(reason, action)
            self.connection = None
        if reason == models.DisconnectReason.CLIENT_INITIATED:
            self.negotiation.close()
        else:  # the client must read why before it sees its channels close
            self.room.house.retire(self.negotiation)
