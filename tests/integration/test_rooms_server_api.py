"""The server API (RoomService by Twirp) with the unmodified ``livekit-api``, and who may call it."""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp
import pytest
from livekit import api, rtc

from tests.interop.rooms.harness import KEY, SECRET, ServerProcess, joined, server_process, speaking, token, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("rooms"), empty_timeout_s=300) as running:
        yield running


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


async def test_rooms_are_made_listed_and_deleted(server: ServerProcess, room: str) -> None:
    async with api.LiveKitAPI(server.http, KEY, SECRET) as service:
        made = await service.room.create_room(
            api.CreateRoomRequest(name=room, empty_timeout=60, max_participants=7, metadata="about")
        )
        assert (made.name, made.empty_timeout, made.max_participants, made.metadata) == (room, 60, 7, "about")
        again = await service.room.create_room(api.CreateRoomRequest(name=room))
        assert again.sid == made.sid
        listed = await service.room.list_rooms(api.ListRoomsRequest(names=[room]))
        assert [r.sid for r in listed.rooms] == [made.sid]
        await service.room.delete_room(api.DeleteRoomRequest(room=room))
        assert not (await service.room.list_rooms(api.ListRoomsRequest(names=[room]))).rooms
        with pytest.raises(api.TwirpError) as caught:
            await service.room.delete_room(api.DeleteRoomRequest(room=room))
        assert (caught.value.code, caught.value.status) == ("not_found", 404)


async def test_participants_are_listed_changed_and_removed(server: ServerProcess, room: str) -> None:
    async with (
        api.LiveKitAPI(server.http, KEY, SECRET) as service,
        joined(server, token(room, "a")) as a,
        joined(server, token(room, "b")) as b,
        speaking(a, 440),
    ):
        listed = await service.room.list_participants(api.ListParticipantsRequest(room=room))
        assert {p.identity for p in listed.participants} == {"a", "b"}
        one = await service.room.get_participant(api.RoomParticipantIdentity(room=room, identity="a"))
        assert one.sid == a.local_participant.sid
        assert [t.source for t in one.tracks] == [api.TrackSource.MICROPHONE]

        await service.room.update_participant(
            api.UpdateParticipantRequest(room=room, identity="a", metadata="new", attributes={"k": "v"}, name="Ana")
        )
        seen = b.remote_participants["a"]
        await until(lambda: (seen.metadata, seen.attributes, seen.name) == ("new", {"k": "v"}, "Ana"))

        gone: list[object] = []
        a.on("disconnected", gone.append)
        await service.room.remove_participant(api.RoomParticipantIdentity(room=room, identity="a"))
        await until(lambda: gone == [rtc.DisconnectReason.PARTICIPANT_REMOVED])
        await until(lambda: not b.remote_participants)
        with pytest.raises(api.TwirpError) as caught:
            await service.room.get_participant(api.RoomParticipantIdentity(room=room, identity="a"))
        assert caught.value.code == "not_found"


async def test_a_permission_taken_away_ends_what_it_allowed(server: ServerProcess, room: str) -> None:
    async with (
        api.LiveKitAPI(server.http, KEY, SECRET) as service,
        joined(server, token(room, "a")) as a,
        joined(server, token(room, "b")) as b,
        speaking(a, 440),
    ):
        await until(lambda: b.remote_participants["a"].track_publications)
        permission = api.ParticipantPermission(can_subscribe=True, can_publish=False, can_publish_data=True)
        await service.room.update_participant(
            api.UpdateParticipantRequest(room=room, identity="a", permission=permission)
        )
        await until(lambda: not b.remote_participants["a"].track_publications, what="the track went on")


async def test_data_and_metadata_from_the_server_reach_the_room(server: ServerProcess, room: str) -> None:
    async with (
        api.LiveKitAPI(server.http, KEY, SECRET) as service,
        joined(server, token(room, "a")) as a,
        joined(server, token(room, "b"), single=True) as b,
    ):
        got: dict[str, list[rtc.DataPacket]] = {"a": [], "b": []}
        a.on("data_received", got["a"].append)
        b.on("data_received", got["b"].append)
        reliable = api.DataPacket.Kind.RELIABLE
        await service.room.send_data(api.SendDataRequest(room=room, data=b"to all", kind=reliable, topic="t"))
        await service.room.send_data(
            api.SendDataRequest(room=room, data=b"to b", kind=reliable, destination_identities=["b"])
        )
        await until(lambda: [p.data for p in got["a"]] == [b"to all"])
        await until(lambda: [p.data for p in got["b"]] == [b"to all", b"to b"])
        assert (got["a"][0].participant, got["a"][0].topic) == (None, "t")
        await service.room.update_room_metadata(api.UpdateRoomMetadataRequest(room=room, metadata="wrap-up"))
        await until(lambda: a.metadata == "wrap-up" and b.metadata == "wrap-up")


@pytest.mark.parametrize(
    ("method", "grants", "status"),
    [
        ("CreateRoom", {}, 403),
        ("CreateRoom", {"roomCreate": True}, 200),
        ("DeleteRoom", {"roomAdmin": True}, 403),
        ("ListRooms", {"roomList": True}, 200),
        ("ListParticipants", {"roomAdmin": True, "room": "another"}, 403),
        ("ListParticipants", {"roomAdmin": True}, 200),
        ("NoSuchMethod", {"roomAdmin": True}, 501),
    ],
)
async def test_each_method_wants_its_grant(
    server: ServerProcess, method: str, grants: dict[str, object], status: int
) -> None:
    wanted = {"room": "granted", "roomJoin": False, **grants}
    access = token(str(wanted.pop("room")), "service", **wanted)
    body = {"room": "granted", "name": "granted"}
    async with aiohttp.ClientSession() as http:
        url = f"{server.http}/twirp/livekit.RoomService/{method}"
        async with http.post(url, json=body, headers={"Authorization": f"Bearer {access}"}) as answer:
            assert answer.status == status, await answer.text()
            if status != 200:
                assert set(await answer.json()) == {"code", "msg"}
