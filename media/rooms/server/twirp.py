"""LiveKit's RoomService by Twirp, in protobuf and JSON: what ``livekit-api`` calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models
from livekit.protocol import room as api

from .access import Grants
from .errors import BadRequest, NotAllowed, NotFound, NotImplementedHere
from .forwarding import UpTrack
from .participant import Participant
from .registry import Registry
from .transport.sctp import LOSSY, MAX_MESSAGE_BYTES, RELIABLE


@dataclass(frozen=True, slots=True)
class _Method:
    request: type[Message]
    run: Callable[[RoomService, Any], Message]
    permission: str  # create, list or admin (of the room that the request names)


class RoomService:
    """One method per rpc; all are synchronous, for everything they touch is in this process."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def call(self, service: str, method: str, body: bytes, *, as_json: bool, grants: Grants) -> bytes:
        """Run one rpc.

        Raises:
            NotImplementedHere, BadRequest, NotAllowed, NotFound.
        """
        found = METHODS.get(method) if service == "RoomService" else None
        if found is None:
            raise NotImplementedHere(f"livekit.{service}/{method} is not served here")
        request = found.request()
        try:
            if as_json:
                json_format.Parse(body or b"{}", request, ignore_unknown_fields=True)
            else:
                request.ParseFromString(body)
        except (DecodeError, json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
            raise BadRequest("the request body cannot be read") from error
        _check(found.permission, grants, str(getattr(request, "room", "")))
        answer = found.run(self, request)
        return json_format.MessageToJson(answer, indent=None).encode() if as_json else answer.SerializeToString()

    def create_room(self, request: api.CreateRoomRequest) -> models.Room:
        if not request.name:
            raise BadRequest("a room needs a name")
        room = self._registry.create(
            request.name,
            empty_timeout_s=request.empty_timeout,
            max_participants=request.max_participants,
            metadata=request.metadata,
        )
        return room.info()

    def list_rooms(self, request: api.ListRoomsRequest) -> api.ListRoomsResponse:
        wanted = set(request.names)
        rooms = [room.info() for name, room in self._registry.rooms.items() if not wanted or name in wanted]
        return api.ListRoomsResponse(rooms=rooms)

    def delete_room(self, request: api.DeleteRoomRequest) -> api.DeleteRoomResponse:
        self._registry.delete(request.room)
        return api.DeleteRoomResponse()

    def list_participants(self, request: api.ListParticipantsRequest) -> api.ListParticipantsResponse:
        room = self._registry.rooms.get(request.room)
        return api.ListParticipantsResponse(participants=[p.info() for p in room.participants.values()] if room else [])

    def get_participant(self, request: api.RoomParticipantIdentity) -> models.ParticipantInfo:
        return self._participant(request.room, request.identity).info()

    def remove_participant(self, request: api.RoomParticipantIdentity) -> api.RemoveParticipantResponse:
        participant = self._participant(request.room, request.identity)
        participant.room.remove(participant, models.DisconnectReason.PARTICIPANT_REMOVED)
        return api.RemoveParticipantResponse()

    def mute_published_track(self, request: api.MuteRoomTrackRequest) -> api.MuteRoomTrackResponse:
        participant = self._participant(request.room, request.identity)
        track = participant.set_muted(request.track_sid, request.muted, by_server=True)
        if track is None:
            raise NotFound("track not found")
        return api.MuteRoomTrackResponse(track=track.info)

    def update_participant(self, request: api.UpdateParticipantRequest) -> models.ParticipantInfo:
        participant = self._participant(request.room, request.identity)
        if not participant.set_about(name=request.name, metadata=request.metadata, attributes=request.attributes):
            raise BadRequest("name, metadata or attributes are too long")
        if request.HasField("permission"):
            participant.set_permission(participant.permission.changed_by(request.permission))
        return participant.info()

    def update_subscriptions(self, request: api.UpdateSubscriptionsRequest) -> api.UpdateSubscriptionsResponse:
        participant = self._participant(request.room, request.identity)
        wanted = {*request.track_sids, *(sid for entry in request.participant_tracks for sid in entry.track_sids)}
        tracks: list[UpTrack] = [
            t for other in participant.room.others(participant) for t in other.live_tracks() if t.sid in wanted
        ]
        for track in tracks:
            (participant.subscribe if request.subscribe else participant.unsubscribe)(track)
        return api.UpdateSubscriptionsResponse()

    def send_data(self, request: api.SendDataRequest) -> api.SendDataResponse:
        room = self._registry.room(request.room)
        if len(request.data) > MAX_MESSAGE_BYTES - 1024:
            raise BadRequest("the data is too big for one packet")
        user = models.UserPacket(payload=request.data, destination_sids=request.destination_sids)
        if request.HasField("topic"):
            user.topic = request.topic
        packet = models.DataPacket(kind=request.kind, user=user, destination_identities=request.destination_identities)
        room.data.deliver(packet, LOSSY if request.kind == models.DataPacket.Kind.LOSSY else RELIABLE)
        return api.SendDataResponse()

    def update_room_metadata(self, request: api.UpdateRoomMetadataRequest) -> models.Room:
        room = self._registry.room(request.room)
        room.set_metadata(request.metadata)
        return room.info()

    def _participant(self, room: str, identity: str) -> Participant:
        participant = self._registry.room(room).participants.get(identity)
        if participant is None:
            raise NotFound("participant does not exist")
        return participant


def _check(permission: str, grants: Grants, room: str) -> None:
    allowed = {
        "create": grants.room_create,
        "list": grants.room_list,
        "admin": grants.room_admin and bool(room) and grants.room == room,
    }[permission]
    if not allowed:
        raise NotAllowed("the token does not grant this")


METHODS: Final[dict[str, _Method]] = {
    "CreateRoom": _Method(api.CreateRoomRequest, RoomService.create_room, "create"),
    "ListRooms": _Method(api.ListRoomsRequest, RoomService.list_rooms, "list"),
    "DeleteRoom": _Method(api.DeleteRoomRequest, RoomService.delete_room, "create"),
    "ListParticipants": _Method(api.ListParticipantsRequest, RoomService.list_participants, "admin"),
    "GetParticipant": _Method(api.RoomParticipantIdentity, RoomService.get_participant, "admin"),
    "RemoveParticipant": _Method(api.RoomParticipantIdentity, RoomService.remove_participant, "admin"),
    "MutePublishedTrack": _Method(api.MuteRoomTrackRequest, RoomService.mute_published_track, "admin"),
    "UpdateParticipant": _Method(api.UpdateParticipantRequest, RoomService.update_participant, "admin"),
    "UpdateSubscriptions": _Method(api.UpdateSubscriptionsRequest, RoomService.update_subscriptions, "admin"),
    "SendData": _Method(api.SendDataRequest, RoomService.send_data, "admin"),
    "UpdateRoomMetadata": _Method(api.UpdateRoomMetadataRequest, RoomService.update_room_metadata, "admin"),
}
