"""The room server's API (Twirp over HTTP, as every LiveKit server has it), through ``livekit-api``."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, TypeVar

import aiohttp
from livekit import api

from ..errors import RoomError, RoomFailed, RoomNotFound, RoomRefused, RoomUnreachable

TIMEOUT_S: Final = 10.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoomInfo:
    name: str
    sid: str
    participants: int
    metadata: str


@dataclass(frozen=True, slots=True)
class RoomParticipant:
    identity: str
    name: str
    sid: str
    is_publisher: bool
    metadata: str


class RoomApi:
    """Make and end rooms, see and remove who is in them. ``async with`` it, or ``close`` it.

    Every method raises ``RoomUnreachable`` (no answer in time), ``RoomRefused`` (our key), ``RoomNotFound`` or
    ``RoomFailed`` (the server's own failure), and nothing else. None is tried again here.
    """

    def __init__(self, url: str, api_key: str, api_secret: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """*url* may be ws(s):// or http(s)://. Needs a running loop."""
        self.url = url
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s))
        self._api = api.LiveKitAPI(url, api_key, api_secret, session=self._session, failover=False)

    async def __aenter__(self) -> RoomApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._session.close()

    async def create_room(
        self, name: str, *, metadata: str = "", empty_timeout_s: float = 300.0, max_participants: int = 0
    ) -> RoomInfo:
        """Make the room, or find it as it is. It ends by itself when nobody is in it for *empty_timeout_s*."""
        request = api.CreateRoomRequest(
            name=name,
            metadata=metadata,
            empty_timeout=round(empty_timeout_s),
            departure_timeout=round(empty_timeout_s),
            max_participants=max_participants,
        )
        return _room(await self._ask(self._api.room.create_room(request)))

    async def delete_room(self, name: str) -> bool:
        """End the room; everybody is put out. False: there was none."""
        try:
            await self._ask(self._api.room.delete_room(api.DeleteRoomRequest(room=name)))
        except RoomNotFound:
            return False
        return True

    async def list_rooms(self, *names: str) -> list[RoomInfo]:
        """All rooms, or those of *names* that exist."""
        found = await self._ask(self._api.room.list_rooms(api.ListRoomsRequest(names=list(names))))
        return [_room(room) for room in found.rooms]

    async def list_participants(self, room: str) -> list[RoomParticipant]:
        found = await self._ask(self._api.room.list_participants(api.ListParticipantsRequest(room=room)))
        return [
            RoomParticipant(each.identity, each.name, each.sid, each.is_publisher, each.metadata)
            for each in found.participants
        ]

    async def remove_participant(self, room: str, identity: str) -> bool:
        """Put *identity* out. False: it wasn't in."""
        request = api.RoomParticipantIdentity(room=room, identity=identity)
        try:
            await self._ask(self._api.room.remove_participant(request))
        except RoomNotFound:
            return False
        return True

    async def send_data(
        self, room: str, payload: bytes, *, topic: str = "", to: tuple[str, ...] = (), reliable: bool = True
    ) -> None:
        """A data packet to everybody in the room, or to the identities in *to*."""
        kind = api.DataPacket.Kind.RELIABLE if reliable else api.DataPacket.Kind.LOSSY
        request = api.SendDataRequest(
            room=room, data=payload, kind=kind, topic=topic or None, destination_identities=list(to)
        )
        await self._ask(self._api.room.send_data(request))

    async def update_metadata(self, room: str, metadata: str) -> None:
        request = api.UpdateRoomMetadataRequest(room=room, metadata=metadata)
        await self._ask(self._api.room.update_room_metadata(request))

    async def _ask(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except api.TwirpError as error:
            raise _translated(error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RoomUnreachable(f"the room server at {self.url} does not answer: {error!r}") from error


def _translated(error: api.TwirpError) -> RoomError:
    text = f"the room server said {error.code}: {error.message}"
    if error.code == "not_found" or error.status == 404:
        return RoomNotFound(text)
    if error.code in ("unauthenticated", "permission_denied") or error.status in (401, 403):
        return RoomRefused(text)
    return RoomFailed(text)


def _room(room: api.Room) -> RoomInfo:
    return RoomInfo(room.name, room.sid, room.num_participants, room.metadata)
