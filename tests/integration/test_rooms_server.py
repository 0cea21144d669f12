"""The rooms server with the unmodified Python SDK: sound, data, what participants see of each other, how they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from livekit import api, rtc

from tests.interop.rooms.harness import (
    KEY,
    SECRET,
    ServerProcess,
    audio_of,
    hears,
    joined,
    server_process,
    speaking,
    token,
    until,
)

ONE_OR_TWO = pytest.mark.parametrize("single", [False, True], ids=["v0", "v1"])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("rooms")) as running:
        yield running


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    """A room of its own for each test."""
    return str(request.node.name)


@ONE_OR_TWO
async def test_two_participants_hear_each_other(server: ServerProcess, room: str, single: bool) -> None:
    async with (
        joined(server, token(room, "a"), single=single) as a,
        joined(server, token(room, "b"), single=single) as b,
        speaking(a, 440),
        speaking(b, 660),
    ):
        from_a = await until(lambda: audio_of(b, "a"), what="b was not subscribed")
        from_b = await until(lambda: audio_of(a, "b"), what="a was not subscribed")
        assert await hears(from_a, 440) > 0.85
        assert await hears(from_b, 660) > 0.85


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False)], ids=["v0-v1", "v1-v0"])
async def test_who_joins_later_hears_what_is_already_there(
    server: ServerProcess, room: str, first: bool, second: bool
) -> None:
    """Old and new signalling meet in one room; the later participant is subscribed to what was published before."""
    async with (
        joined(server, token(room, "a"), single=first) as a,
        speaking(a, 440),
        joined(server, token(room, "b"), single=second) as b,
        speaking(b, 660),
    ):
        assert await hears(await until(lambda: audio_of(b, "a")), 440) > 0.85
        assert await hears(await until(lambda: audio_of(a, "b")), 660) > 0.85


@ONE_OR_TWO
async def test_three_tracks_come_and_go_one_after_the_other(server: ServerProcess, room: str, single: bool) -> None:
    """A section that has carried a track carries the next one: each tone is heard, the one before is gone."""
    async with (
        joined(server, token(room, "a"), single=single) as a,
        joined(server, token(room, "b"), single=single) as b,
    ):
        for hz in (440, 660, 880):
            async with speaking(a, hz) as mouth:
                track = await until(lambda: audio_of(b, "a"), what=f"no track for {hz} Hz")
                assert await hears(track, hz) > 0.85
                assert mouth.publication is not None
                await a.local_participant.unpublish_track(mouth.publication.sid)
            await until(lambda: audio_of(b, "a") is None, what="the track did not go")


@ONE_OR_TWO
@pytest.mark.parametrize("reliable", [True, False], ids=["reliable", "lossy"])
async def test_data_reaches_the_others_and_only_those_it_names(
    server: ServerProcess, room: str, single: bool, reliable: bool
) -> None:
    async with (
        joined(server, token(room, "a"), single=single) as a,
        joined(server, token(room, "b"), single=single) as b,
        joined(server, token(room, "c"), single=single) as c,
    ):
        got: dict[str, list[rtc.DataPacket]] = {"a": [], "b": [], "c": []}
        for name, participant in (("a", a), ("b", b), ("c", c)):
            participant.on("data_received", got[name].append)
        await until(lambda: len(a.remote_participants) == 2)

        def say(text: str, to: list[str]) -> asyncio.Future[None]:
            publish = a.local_participant.publish_data
            return asyncio.ensure_future(publish(text, reliable=reliable, destination_identities=to, topic="t"))

        if reliable:
            await say("to all", [])
        else:  # what is lost before the channels are open is lost: say it until it is heard
            while not got["b"] or not got["c"]:
                await say("to all", [])
                await asyncio.sleep(0.05)
        await say("to c", ["c"])
        await until(lambda: any(p.data == b"to c" for p in got["c"]))
        await until(lambda: got["b"])
        assert {p.data for p in got["b"]} == {b"to all"}
        assert {p.data for p in got["c"]} == {b"to all", b"to c"}
        assert got["a"] == []
        sender = got["b"][0].participant
        assert sender is not None
        assert (sender.identity, got["b"][0].topic) == ("a", "t")


async def test_reliable_messages_arrive_whole_and_in_order(server: ServerProcess, room: str) -> None:
    """Three hundred messages up to 14 kB, while a tone goes on."""
    async with joined(server, token(room, "a")) as a, joined(server, token(room, "b")) as b, speaking(a, 440):
        got: list[bytes] = []
        b.on("data_received", lambda packet: got.append(packet.data))
        sent = [f"{n:05d}".encode() + bytes(n * 47 % 14_000) for n in range(300)]
        for message in sent:
            await a.local_participant.publish_data(message, reliable=True)
        await until(lambda: len(got) >= len(sent), seconds=30)
        assert got == sent
        assert await hears(await until(lambda: audio_of(b, "a")), 440) > 0.85


async def test_changes_of_a_participant_are_seen_by_the_others(server: ServerProcess, room: str) -> None:
    may = token(room, "a", name="Ana", metadata="m0", attributes={"queue": "sales"}, canUpdateOwnMetadata=True)
    async with joined(server, may) as a, joined(server, token(room, "b")) as b:
        seen = await until(lambda: b.remote_participants.get("a"))
        assert (seen.name, seen.metadata, seen.attributes) == ("Ana", "m0", {"queue": "sales"})
        await a.local_participant.set_metadata("m1")
        await a.local_participant.set_name("Ana Lima")
        await a.local_participant.set_attributes({"queue": "", "state": "talking"})
        await until(lambda: seen.attributes == {"state": "talking"}, what="attributes")
        assert (seen.name, seen.metadata) == ("Ana Lima", "m1")


async def test_mute_is_told_and_stops_the_sound(server: ServerProcess, room: str) -> None:
    """By the participant itself, then by the server API; after unmuting the same track is heard again."""
    async with (
        joined(server, token(room, "a")) as a,
        joined(server, token(room, "b")) as b,
        speaking(a, 440) as mouth,
        api.LiveKitAPI(server.http, KEY, SECRET) as service,
    ):
        track = await until(lambda: audio_of(b, "a"))
        await hears(track, 440)
        told: list[str] = []
        b.on("track_muted", lambda *_: told.append("muted"))
        b.on("track_unmuted", lambda *_: told.append("unmuted"))
        assert mouth.publication is not None
        local = mouth.publication.track
        assert isinstance(local, rtc.LocalAudioTrack)
        local.mute()
        await until(lambda: told == ["muted"])
        local.unmute()
        await until(lambda: told == ["muted", "unmuted"])
        assert await hears(track, 440) > 0.85
        request = api.MuteRoomTrackRequest(room=room, identity="a", track_sid=mouth.publication.sid, muted=True)
        answer = await service.room.mute_published_track(request)
        assert answer.track.muted
        await until(lambda: told[2:] == ["muted"])


async def test_who_speaks_is_told(server: ServerProcess, room: str) -> None:
    async with joined(server, token(room, "a")) as a, joined(server, token(room, "b")) as b:
        speakers: list[list[str]] = []
        b.on("active_speakers_changed", lambda who: speakers.append([p.identity for p in who]))
        async with speaking(a, 440):
            await until(lambda: ["a"] in speakers, what="nobody was said to speak")
        await until(lambda: speakers[-1] == [], what="the speaker was never said to have stopped")


async def test_leaving_is_told_to_the_others(server: ServerProcess, room: str) -> None:
    async with joined(server, token(room, "a")) as a:
        left: list[str] = []
        a.on("participant_disconnected", lambda p: left.append(p.identity))
        async with joined(server, token(room, "b")):
            await until(lambda: "b" in a.remote_participants)
        await until(lambda: left == ["b"])


async def test_a_second_participant_of_the_same_identity_takes_the_place_of_the_first(
    server: ServerProcess, room: str
) -> None:
    async with joined(server, token(room, "watch")) as watch, joined(server, token(room, "a")) as older:
        reasons: list[object] = []
        older.on("disconnected", reasons.append)
        async with joined(server, token(room, "a")) as newer, speaking(newer, 440):
            await until(lambda: reasons, what="the older one was not told")
            assert reasons == [rtc.DisconnectReason.DUPLICATE_IDENTITY]
            assert await hears(await until(lambda: audio_of(watch, "a")), 440) > 0.85
            assert watch.remote_participants["a"].sid == newer.local_participant.sid


async def test_a_deleted_room_disconnects_everybody(server: ServerProcess, room: str) -> None:
    async with (
        joined(server, token(room, "a")) as a,
        joined(server, token(room, "b"), single=True) as b,
        api.LiveKitAPI(server.http, KEY, SECRET) as service,
    ):
        reasons: list[object] = []
        a.on("disconnected", reasons.append)
        b.on("disconnected", reasons.append)
        await service.room.delete_room(api.DeleteRoomRequest(room=room))
        await until(lambda: len(reasons) == 2)
        assert reasons == [rtc.DisconnectReason.ROOM_DELETED] * 2
        assert room not in (await server.stats())["rooms"]


async def test_permissions_of_the_token_hold(server: ServerProcess, room: str) -> None:
    """Who may not publish cannot; who may not subscribe hears nothing; the hidden one is not seen but hears."""
    async with (
        joined(server, token(room, "speaker")) as speaker,
        joined(server, token(room, "mute", canPublish=False)) as mute,
        joined(server, token(room, "deaf", canSubscribe=False)) as deaf,
        joined(server, token(room, "ghost", hidden=True, canPublish=False)) as ghost,
        speaking(speaker, 440),
    ):
        assert await hears(await until(lambda: audio_of(ghost, "speaker")), 440) > 0.85
        assert set(speaker.remote_participants) == {"mute", "deaf"}
        assert audio_of(deaf, "speaker") is None
        got: list[rtc.DataPacket] = []
        speaker.on("data_received", got.append)
        await mute.local_participant.publish_data("forbidden", reliable=True)
        await until_counter(server, "data_forbidden")
        assert got == []


@ONE_OR_TWO
async def test_nothing_is_left_over_when_participants_have_gone(server: ServerProcess, room: str, single: bool) -> None:
    """Twelve come and go, some of them speaking: every transport of theirs is closed."""
    async with asyncio.TaskGroup() as visits:
        for n in range(12):
            visits.create_task(visit(server, token(room, f"p{n}"), single=single, speaks=n % 3 == 0))
    for _ in range(100):
        stats = await server.stats()
        if stats["transports"] == stats["connections"] == 0:
            break
        await asyncio.sleep(0.05)
    assert (stats["transports"], stats["connections"]) == (0, 0)


async def visit(server: ServerProcess, access: str, *, single: bool, speaks: bool) -> None:
    async with joined(server, access, single=single) as room:
        if speaks:
            async with speaking(room, 440):
                await asyncio.sleep(0.2)  # some packets; whoever comes last may be alone


async def until_counter(server: ServerProcess, name: str) -> None:
    for _ in range(200):
        if (await server.stats())["counters"].get(name):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} was never counted")
