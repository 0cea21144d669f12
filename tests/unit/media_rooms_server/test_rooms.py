"""Rooms and participants over time: joining, limits, leaving, coming back, permissions, data."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import jwt
import pytest
from livekit.protocol import models, rtc

from media.rooms.server.access import TokenVerifier
from media.rooms.server.connection import MAX_WAITING, Connection
from media.rooms.server.counters import Counters
from media.rooms.server.errors import BadToken, NotAllowed, RoomFull, TooManyJoins
from media.rooms.server.registry import JOIN_BURST
from media.rooms.server.room import JOIN_TIMEOUT_S, RESUME_GRACE_S
from media.rooms.server.signalling import handle
from media.rooms.server.transport.sctp import LOSSY, RELIABLE

from .kit import SECRET, Listener, enter, grants, house, publish

Reason = models.DisconnectReason


def signed(**claims: Any) -> str:
    now = int(time.time())
    return jwt.encode({"iss": "key", "sub": "ana", "exp": now + 60, **claims}, SECRET, algorithm="HS256")


def test_grants_of_a_token_and_what_is_left_out() -> None:
    verifier = TokenVerifier("key", SECRET)
    plain = verifier.verify(signed(video={"room": "r", "roomJoin": True}))
    permission = plain.permission
    assert (plain.identity, plain.room, plain.room_join, plain.room_admin) == ("ana", "r", True, False)
    assert (permission.can_publish, permission.can_subscribe, permission.can_publish_data) == (True, True, True)
    assert (permission.can_update_metadata, permission.hidden) == (False, False)
    limited = verifier.verify(signed(kind="agent", video={"canPublish": False, "canSubscribe": False, "hidden": True}))
    permission = limited.permission
    assert (permission.can_publish, permission.can_subscribe, permission.can_publish_data) == (False, False, False)
    assert permission.hidden
    assert limited.kind == models.ParticipantInfo.Kind.AGENT
    sources = verifier.verify(signed(video={"canPublishSources": ["microphone"]})).permission
    assert sources.may_publish(models.TrackSource.MICROPHONE)
    assert not sources.may_publish(models.TrackSource.CAMERA)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        signed(iss="another"),
        signed(exp=1),
        signed(nbf=int(time.time()) + 600),
        signed(video="x"),
        signed(video={"canPublishSources": 5}),
        signed(attributes="x"),
        jwt.encode({"iss": "key", "sub": "ana"}, SECRET, algorithm="HS256"),
        jwt.encode({"iss": "key", "exp": int(time.time()) + 60}, SECRET * 2, algorithm="HS512"),
        jwt.encode({"iss": "key", "exp": int(time.time()) + 60}, "", algorithm="none"),
    ],
)
def test_a_token_with_anything_wrong_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        TokenVerifier("key", SECRET).verify(token)


def test_a_server_without_a_secret_does_not_start() -> None:
    with pytest.raises(ValueError, match="secret"):
        TokenVerifier("key", "")


async def test_a_refreshed_token_joins_again() -> None:
    verifier = TokenVerifier("key", SECRET)
    grants = verifier.verify(
        signed(exp=int(time.time()) + 1, video={"room": "r", "roomJoin": True, "canPublish": False})
    )
    later = verifier.verify(verifier.refresh(grants, name="Ana", metadata="m", attributes={"a": "b"}))
    assert (later.identity, later.room, later.name, later.attributes) == ("ana", "r", "Ana", {"a": "b"})
    assert not later.permission.can_publish
    assert later.claims["exp"] > time.time() + 500


@pytest.mark.virtual_time
async def test_an_empty_room_closes_after_its_time_and_one_with_members_does_not() -> None:
    async with house(empty_timeout_s=30) as registry:
        room = registry.create("r")
        await asyncio.sleep(29)
        ana, _ = enter(room, "ana")
        ana.state = models.ParticipantInfo.State.ACTIVE
        await asyncio.sleep(300)
        assert "r" in registry.rooms
        room.remove(ana, Reason.CLIENT_INITIATED)
        await asyncio.sleep(29)
        assert "r" in registry.rooms
        await asyncio.sleep(2)
        assert "r" not in registry.rooms


@pytest.mark.virtual_time
async def test_nothing_ticks_once_everybody_is_gone() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        publish(ana)
        await asyncio.sleep(5)
        assert registry._timer is not None
        room.remove(ana, Reason.CLIENT_INITIATED)
        await asyncio.sleep(5)
        assert registry._timer is None
        enter(room, "bob")
        await asyncio.sleep(5)
        assert registry._timer is not None


@pytest.mark.virtual_time
async def test_who_does_not_come_back_in_time_is_removed() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, connection = enter(room, "ana")
        bob, told = enter(room, "bob")
        ana.state = bob.state = models.ParticipantInfo.State.ACTIVE
        assert ana.detach(connection)  # type: ignore[arg-type]
        await asyncio.sleep(RESUME_GRACE_S - 2)
        assert "ana" in room.participants
        again = Listener()
        ana.attach(again)  # type: ignore[arg-type]
        await asyncio.sleep(RESUME_GRACE_S * 3)
        assert "ana" in room.participants, "it came back in time"
        assert not ana.detach(connection), "the old socket's late end changes nothing"  # type: ignore[arg-type]
        ana.detach(again)  # type: ignore[arg-type]
        await asyncio.sleep(RESUME_GRACE_S + 2)
        assert "ana" not in room.participants
        gone = told.last("update").participants[0]
        assert (gone.identity, gone.state, gone.disconnect_reason) == ("ana", 3, Reason.CONNECTION_TIMEOUT)


@pytest.mark.virtual_time
async def test_who_never_gets_media_up_is_removed() -> None:
    async with house() as registry:
        room = registry.create("r")
        _, told = enter(room, "ana")
        await asyncio.sleep(JOIN_TIMEOUT_S + 2)
        assert room.participants == {}
        assert told.left == (Reason.JOIN_FAILURE, rtc.LeaveRequest.Action.DISCONNECT)


async def test_the_newer_of_an_identity_stays_whatever_the_older_still_does() -> None:
    async with house() as registry:
        room = registry.create("r")
        older, told = enter(room, "ana")
        newer, _ = enter(room, "ana")
        assert told.left == (Reason.DUPLICATE_IDENTITY, rtc.LeaveRequest.Action.DISCONNECT)
        room.remove(older, Reason.CLIENT_INITIATED)
        assert room.participants == {"ana": newer}
        assert registry.find_to_resume(grants("ana"), older.sid) is None
        assert registry.find_to_resume(grants("ana"), newer.sid) is newer


@pytest.mark.virtual_time
async def test_limits_of_rooms_and_of_the_rate_of_joins() -> None:
    async with house(max_participants=1, joins_per_s=2) as registry:
        room = registry.admit(grants("ana"))
        enter(room, "ana")
        registry.admit(grants("ana"))  # the same identity takes its own place
        with pytest.raises(RoomFull):
            registry.admit(grants("bob"))
        for n in range(int(JOIN_BURST) - 3):
            registry.admit(grants("x", room=f"r{n}"))
        with pytest.raises(TooManyJoins):
            registry.admit(grants("x", room="late"))
        await asyncio.sleep(0.6)
        registry.admit(grants("x", room="late"))
        for room_name, identity in (("", "a"), ("r", ""), ("r" * 300, "a")):
            await asyncio.sleep(1)
            with pytest.raises(NotAllowed):
                registry.admit(grants(identity, room=room_name))


async def test_a_hidden_participant_is_seen_by_itself_only() -> None:
    async with house() as registry:
        room = registry.create("r")
        _, told = enter(room, "ana")
        ghost, ghost_told = enter(room, "ghost", hidden=True)
        ghost.changed()
        room.remove(ghost, Reason.CLIENT_INITIATED)
        assert "ghost" not in {p.identity for update in told.all("update") for p in update.participants}
        assert ghost_told.last("update").participants[0].identity == "ghost"
        assert room.info().num_participants == 1


async def test_a_track_goes_to_those_its_publisher_and_their_permissions_let() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        bob, _ = enter(room, "bob")
        deaf, _ = enter(room, "deaf", can_subscribe=False)
        sid = publish(ana)
        assert (set(bob.downs), set(deaf.downs)) == ({sid}, set())
        only = rtc.SubscriptionPermission(all_participants=False)
        handle(ana, rtc.SignalRequest(subscription_permission=only))
        assert not bob.downs
        only.track_permissions.add(participant_identity="bob", all_tracks=True)
        handle(ana, rtc.SignalRequest(subscription_permission=only))
        assert set(bob.downs) == {sid}
        handle(bob, rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=False)))
        assert not bob.downs
        assert ana.tracks[sid].downs == ()
        handle(deaf, rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True)))
        assert not deaf.downs
        ana.set_permission(grants("x", can_publish=False).permission)
        assert not ana.tracks


async def test_requests_past_a_participants_rights_and_limits_change_nothing() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, told = enter(room, "ana", can_update_metadata=False)
        update = rtc.UpdateParticipantMetadata(metadata="x", request_id=7)
        handle(ana, rtc.SignalRequest(update_metadata=update))
        answer = told.last("request_response")
        assert (answer.request_id, answer.reason) == (7, rtc.RequestResponse.NOT_ALLOWED)
        bob, told = enter(room, "bob", can_update_metadata=True)
        handle(bob, rtc.SignalRequest(update_metadata=rtc.UpdateParticipantMetadata(metadata="x" * 70_000)))
        assert told.last("request_response").reason == rtc.RequestResponse.LIMIT_EXCEEDED
        assert (ana.metadata, bob.metadata) == ("", "")
        for n in range(200):
            handle(bob, rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid=str(n), type=models.TrackType.AUDIO)))
        assert len(told.all("track_published")) == 64
        assert told.last("request_response").reason == rtc.RequestResponse.LIMIT_EXCEEDED
        before = len(told.got)
        handle(bob, rtc.SignalRequest(mute=rtc.MuteTrackRequest(sid="TR_none", muted=True)))
        handle(bob, rtc.SignalRequest())
        handle(bob, rtc.SignalRequest(trickle=rtc.TrickleRequest(candidateInit="{not json")))
        assert len(told.got) == before


class Channel:
    """Stands in for a subscriber's data channels."""

    def __init__(self, *, takes: bool = True) -> None:
        self.got: list[tuple[str, models.DataPacket]] = []
        self.takes = takes

    def __call__(self, label: str, raw: bytes) -> bool:
        self.got.append((label, models.DataPacket.FromString(raw)))
        return self.takes


async def test_data_is_stamped_filtered_and_never_repeated() -> None:
    async with house() as registry:
        room = registry.create("r")
        heard: dict[str, Channel] = {}
        members = {}
        for name in ("ana", "bob", "eve"):
            members[name], _ = enter(room, name, can_publish_data=name != "eve")
            heard[name] = Channel()
            members[name].negotiation.subscriber.peer.send_message = heard[name]  # type: ignore[method-assign]
        ana = members["ana"]
        packet = models.DataPacket(user=models.UserPacket(payload=b"hi"), participant_identity="a lie", sequence=5)
        ana.on_message(RELIABLE, packet.SerializeToString())
        ana.on_message(RELIABLE, packet.SerializeToString())
        label, got = heard["bob"].got[0]
        assert (label, got.user.payload, got.participant_identity, got.participant_sid) == (
            RELIABLE, b"hi", "ana", ana.sid,
        )  # fmt: skip
        assert [len(heard[name].got) for name in ("ana", "bob", "eve")] == [0, 1, 1]
        packet = models.DataPacket(user=models.UserPacket(payload=b"you"), destination_identities=["eve"])
        ana.on_message(LOSSY, packet.SerializeToString())
        assert [len(heard[name].got) for name in ("ana", "bob", "eve")] == [0, 1, 2]
        members["eve"].on_message(RELIABLE, packet.SerializeToString())
        ana.on_message("another channel", packet.SerializeToString())
        ana.on_message(RELIABLE, b"\xff\xff")
        counters = registry.counters
        names = ("data_forbidden", "data_unknown_channel", "data_malformed", "data_repeated")
        assert [counters[name] for name in names] == [1, 1, 1, 1]
        assert [len(heard[name].got) for name in ("ana", "bob", "eve")] == [0, 1, 2]


async def test_who_cannot_take_a_reliable_message_has_to_start_over() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        bob, told = enter(room, "bob")
        bob.negotiation.subscriber.peer.send_message = Channel(takes=False)  # type: ignore[method-assign]
        ana.on_message(RELIABLE, models.DataPacket(user=models.UserPacket(payload=b"x")).SerializeToString())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told.left == (Reason.STATE_MISMATCH, rtc.LeaveRequest.Action.RECONNECT)
        assert set(room.participants) == {"ana"}


class Socket:
    """A WebSocket whose far end reads only when it is let."""

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.sent: list[bytes] = []
        self.closed = False

    async def send_bytes(self, data: bytes) -> None:
        await self.reads.wait()
        self.sent.append(data)

    async def close(self, **_: object) -> None:
        self.closed = True


async def test_a_client_that_does_not_read_is_given_up() -> None:
    counters, socket = Counters(), Socket()
    connection = Connection(socket, counters)  # type: ignore[arg-type]
    writer = asyncio.create_task(connection.write())
    await asyncio.sleep(0)
    for _ in range(MAX_WAITING * 2):
        connection.send(rtc.SignalResponse(pong=1))
    assert connection.finished
    assert counters["signal_overflow"] == 1
    socket.reads.set()
    await asyncio.wait_for(writer, 5)
    assert socket.closed


async def test_a_leave_is_the_last_that_is_sent() -> None:
    socket = Socket()
    socket.reads.set()
    connection = Connection(socket, Counters())  # type: ignore[arg-type]
    connection.send(rtc.SignalResponse(pong=1))
    connection.finish(Reason.ROOM_DELETED)
    connection.send(rtc.SignalResponse(pong=2))
    await asyncio.wait_for(connection.write(), 5)
    sent = [rtc.SignalResponse.FromString(raw) for raw in socket.sent]
    assert [r.WhichOneof("message") for r in sent] == ["pong", "leave"]
    assert sent[1].leave.reason == Reason.ROOM_DELETED
    assert socket.closed
