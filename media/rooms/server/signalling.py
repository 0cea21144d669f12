"""Signal requests to actions: what a client may say on its WebSocket, and what happens then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Final

from livekit.protocol import models, rtc

from .errors import BadSdp
from .forwarding import RANK
from .participant import Participant

PING_INTERVAL_S: Final = 5
PING_TIMEOUT_S: Final = 15
Reason = rtc.RequestResponse

log = logging.getLogger(__name__)


def handle(participant: Participant, request: rtc.SignalRequest) -> None:
    """Do what *request* asks. A description nobody can answer ends the participant; unknown requests are ignored."""
    kind = request.WhichOneof("message")
    action = _ACTIONS.get(kind or "")
    if action is None:
        participant.room.house.counters["signal_ignored"] += 1
        return
    try:
        action(participant, getattr(request, kind or ""))
    except BadSdp as error:
        participant.room.house.counters["sdp_refused"] += 1
        log.warning("sdp_refused", extra={"participant": participant.sid, "error": str(error)})
        participant.room.remove(participant, models.DisconnectReason.MEDIA_FAILURE)


def _offer(participant: Participant, value: rtc.SessionDescription) -> None:
    participant.negotiation.on_offer(value)


def _answer(participant: Participant, value: rtc.SessionDescription) -> None:
    participant.negotiation.on_answer(value)


def _trickle(participant: Participant, value: rtc.TrickleRequest) -> None:
    """Nothing to do: an ICE-lite server learns the client's address from its checks."""


def _add_track(participant: Participant, value: rtc.AddTrackRequest) -> None:
    reason = participant.add_track(value)
    if reason != Reason.OK:
        participant.send(request_response=rtc.RequestResponse(reason=reason, add_track=value))


def _mute(participant: Participant, value: rtc.MuteTrackRequest) -> None:
    participant.set_muted(value.sid, value.muted)


def _subscription(participant: Participant, value: rtc.UpdateSubscription) -> None:
    sids = {*value.track_sids, *(sid for entry in value.participant_tracks for sid in entry.track_sids)}
    for other in participant.room.others(participant):
        for track in other.live_tracks():
            if track.sid in sids:
                (participant.subscribe if value.subscribe else participant.unsubscribe)(track)


def _track_setting(participant: Participant, value: rtc.UpdateTrackSettings) -> None:
    rank = {models.VideoQuality.LOW: 0, models.VideoQuality.MEDIUM: 1}.get(value.quality, 2)
    for sid in value.track_sids:
        down = participant.downs.get(sid)
        if down is None:
            continue
        down.paused = value.disabled
        if value.width and down.track.kind == "video":
            rank = _rank_for(down.track.info, value.width, value.height)
        down.allowed_rank = rank
        down.review(time.monotonic())


def _rank_for(info: models.TrackInfo, width: int, height: int) -> int:
    """The lowest layer that fills *width* × *height*; the client says what it shows."""
    for layer in sorted(info.layers, key=lambda layer: layer.width):
        if layer.width >= width and layer.height >= height:
            return {models.VideoQuality.LOW: RANK["q"], models.VideoQuality.MEDIUM: RANK["h"]}.get(layer.quality, 2)
    return RANK["f"]


def _leave(participant: Participant, value: rtc.LeaveRequest) -> None:
    participant.room.remove(participant, models.DisconnectReason.CLIENT_INITIATED)


def _subscription_permission(participant: Participant, value: rtc.SubscriptionPermission) -> None:
    participant.allowed = None
    if not value.all_participants:
        participant.allowed = {
            entry.participant_identity: frozenset() if entry.all_tracks else frozenset(entry.track_sids)
            for entry in value.track_permissions
        }
    for other in participant.room.others(participant):
        for track in participant.live_tracks():
            if not participant.lets_subscribe(other.identity, track):
                other.unsubscribe(track)
            elif other.auto_subscribe:
                other.subscribe(track)


def _sync_state(participant: Participant, value: rtc.SyncState) -> None:
    participant.negotiation.resumed()


def _ping(participant: Participant, value: int) -> None:
    participant.send(pong=int(time.time() * 1000))


def _ping_req(participant: Participant, value: rtc.Ping) -> None:
    participant.send(pong_resp=rtc.Pong(last_ping_timestamp=value.timestamp, timestamp=int(time.time() * 1000)))


def _update_metadata(participant: Participant, value: rtc.UpdateParticipantMetadata) -> None:
    if not participant.permission.can_update_metadata:
        reason = Reason.NOT_ALLOWED
    elif not participant.set_about(name=value.name, metadata=value.metadata, attributes=value.attributes):
        reason = Reason.LIMIT_EXCEEDED
    else:
        reason = Reason.OK
    participant.send(
        request_response=rtc.RequestResponse(request_id=value.request_id, reason=reason, update_metadata=value)
    )


def _update_audio_track(participant: Participant, value: rtc.UpdateLocalAudioTrack) -> None:
    track = participant.tracks.get(value.track_sid)
    if track is not None:
        del track.info.audio_features[:]
        track.info.audio_features.extend(value.features)
        participant.changed()


def _update_video_track(participant: Participant, value: rtc.UpdateLocalVideoTrack) -> None:
    track = participant.tracks.get(value.track_sid)
    if track is not None:
        track.info.width, track.info.height = value.width, value.height
        participant.changed()


_ACTIONS: Final[dict[str, Callable[[Participant, Any], None]]] = {
    "offer": _offer,
    "answer": _answer,
    "trickle": _trickle,
    "add_track": _add_track,
    "mute": _mute,
    "subscription": _subscription,
    "track_setting": _track_setting,
    "leave": _leave,
    "subscription_permission": _subscription_permission,
    "sync_state": _sync_state,
    "ping": _ping,
    "ping_req": _ping_req,
    "update_metadata": _update_metadata,
    "update_audio_track": _update_audio_track,
    "update_video_track": _update_video_track,
}
