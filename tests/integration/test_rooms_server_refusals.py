"""Bad tokens, bad requests and garbage at the rooms server: a refusal or a drop with a counter, never a crash."""

from __future__ import annotations

import asyncio
import base64
import gzip
import random
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from livekit import rtc
from livekit.protocol import models
from livekit.protocol import rtc as proto

from tests.interop.rooms.harness import (
    ServerProcess,
    audio_of,
    hears,
    joined,
    server_process,
    speaking,
    token,
    until,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("rooms"), max_participants=2) as running:
        yield running


@pytest.fixture
def room(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def join_request(join: proto.JoinRequest, *, packed: bool = True) -> str:
    kind = proto.WrappedJoinRequest.Compression
    raw = join.SerializeToString()
    wrapped = proto.WrappedJoinRequest(
        compression=kind.GZIP if packed else kind.NONE, join_request=gzip.compress(raw) if packed else raw
    )
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode().rstrip("=")


async def first_message(socket: aiohttp.ClientWebSocketResponse) -> proto.SignalResponse:
    message = await asyncio.wait_for(socket.receive(), 5)
    return proto.SignalResponse.FromString(message.data)


@pytest.mark.parametrize(
    ("access", "status"),
    [
        ("", 401),
        ("garbage", 401),
        (token("r", "a", secret="another secret, just as long as the right one"), 401),
        (token("r", "a", expires_in_s=-60), 401),
        (token("r", "a", canPublishSources=["no such source"]), 401),
        (token("r", "a", roomJoin=False), 403),
        (token("", "a"), 403),
        (token("r", ""), 403),
    ],
    ids=["none", "garbage", "forged", "expired", "source", "no-join", "no-room", "no-identity"],
)
async def test_a_bad_token_is_refused_with_its_status(server: ServerProcess, access: str, status: int) -> None:
    """The same on the WebSocket and on the route that clients ask why."""
    async with aiohttp.ClientSession() as http:
        for path in ("/rtc", "/rtc/v1"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(server.http + path, params={"access_token": access})
            # v1 without its join request is refused for that when the token is fine
            assert caught.value.status in ({status, 400} if path == "/rtc/v1" and status == 403 else {status})
            async with http.get(server.http + path + "/validate", params={"access_token": access}) as answer:
                assert answer.status == status
                assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def test_the_sdk_is_told_that_its_token_is_no_good(server: ServerProcess, room: str) -> None:
    bad = token(room, "a", secret="another secret, just as long as the right one")
    with pytest.raises(rtc.ConnectError, match=r"401|(?i:unauthorized|token)"):
        async with joined(server, bad):
            pass


@pytest.mark.parametrize(
    "request_text", ["", "%%%", "AAAA", base64.urlsafe_b64encode(b"\xff" * 40).decode(), "A" * 6000], ids=range(5)
)
async def test_a_join_request_that_cannot_be_read_is_400(server: ServerProcess, room: str, request_text: str) -> None:
    async with aiohttp.ClientSession() as http:
        params = {"access_token": token(room, "a"), "join_request": request_text}
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(server.http + "/rtc/v1", params=params)
        assert caught.value.status == 400


async def test_a_compressed_bomb_is_not_unpacked(server: ServerProcess, room: str) -> None:
    bomb = proto.WrappedJoinRequest(
        compression=proto.WrappedJoinRequest.Compression.GZIP, join_request=gzip.compress(bytes(3_000_000))
    )
    text = base64.urlsafe_b64encode(bomb.SerializeToString()).decode()
    async with aiohttp.ClientSession() as http:
        params = {"access_token": token(room, "a"), "join_request": text}
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.ws_connect(server.http + "/rtc/v1", params=params)
        assert caught.value.status == 400


@pytest.mark.parametrize("sdp", ["", "nonsense", "v=0\r\nm=audio nine x\r\n", "v=0\r\n" + "m=audio 9 x 0\r\n" * 2000])
async def test_an_offer_nobody_can_answer_ends_its_participant_only(server: ServerProcess, room: str, sdp: str) -> None:
    async with aiohttp.ClientSession() as http, joined(server, token(room, "bystander")):
        url, params = server.http + "/rtc", {"access_token": token(room, "a")}
        async with http.ws_connect(url, params=params) as ws:
            assert (await first_message(ws)).WhichOneof("message") == "join"
            offer = proto.SignalRequest(offer=proto.SessionDescription(type="offer", sdp=sdp))
            await ws.send_bytes(offer.SerializeToString())
            while (answer := await first_message(ws)).WhichOneof("message") != "leave":
                pass
            assert answer.leave.reason == models.DisconnectReason.MEDIA_FAILURE
        assert (await server.stats())["rooms"][room] == 1


async def test_frames_that_are_no_requests_close_the_socket(server: ServerProcess, room: str) -> None:
    async with aiohttp.ClientSession() as http:
        for garbage in (b"\xff\xff\xff\xff", "no json", '{"ping": '):
            params = {"access_token": token(room, "a")}
            async with http.ws_connect(server.http + "/rtc", params=params) as ws:
                await first_message(ws)
                await (ws.send_bytes(garbage) if isinstance(garbage, bytes) else ws.send_str(garbage))
                async for _ in ws:
                    pass
                assert ws.close_code == 1007


async def test_json_framing_is_spoken_with_who_speaks_it(server: ServerProcess, room: str) -> None:
    params = {"access_token": token(room, "a")}
    async with aiohttp.ClientSession() as http, http.ws_connect(server.http + "/rtc", params=params) as ws:
        await first_message(ws)
        await ws.send_str('{"pingReq": {"timestamp": "1234"}}')
        while True:
            message = await asyncio.wait_for(ws.receive(), 5)
            if message.type is aiohttp.WSMsgType.TEXT and "pongResp" in message.data:
                break
        assert '"lastPingTimestamp": "1234"' in message.data


async def test_a_track_that_the_token_forbids_is_refused(server: ServerProcess, room: str) -> None:
    """By source: the microphone is allowed, the camera is not."""
    access = token(room, "a", canPublishSources=["microphone"])
    source = models.TrackSource
    params = {"access_token": access}
    async with aiohttp.ClientSession() as http, http.ws_connect(server.http + "/rtc", params=params) as ws:
        for cid, wanted in (("cam", source.CAMERA), ("mic", source.MICROPHONE)):
            request = proto.AddTrackRequest(cid=cid, type=models.TrackType.AUDIO, source=wanted)
            await ws.send_bytes(proto.SignalRequest(add_track=request).SerializeToString())
        answers = []
        while len(answers) < 2:
            answer = await first_message(ws)
            if answer.WhichOneof("message") in ("request_response", "track_published"):
                answers.append(answer)
    assert answers[0].request_response.reason == proto.RequestResponse.NOT_ALLOWED
    assert answers[0].request_response.add_track.cid == "cam"
    assert answers[1].track_published.cid == "mic"


async def test_a_resume_of_a_session_that_is_gone_is_sent_to_join_anew(server: ServerProcess, room: str) -> None:
    """v0 and v1: the first message is ``leave`` with the action to reconnect."""
    again = join_request(proto.JoinRequest(reconnect=True, participant_sid="PA_gone"))
    async with aiohttp.ClientSession() as http:
        for path, query in (("/rtc", {"reconnect": "1", "sid": "PA_gone"}), ("/rtc/v1", {"join_request": again})):
            params = {"access_token": token(room, "a"), **query}
            async with http.ws_connect(server.http + path, params=params) as ws:
                leave = (await first_message(ws)).leave
                assert leave.action == proto.LeaveRequest.Action.RECONNECT
                assert leave.reason == models.DisconnectReason.STATE_MISMATCH


async def test_a_full_room_takes_nobody_more(server: ServerProcess, room: str) -> None:
    async with joined(server, token(room, "a")), joined(server, token(room, "b")), aiohttp.ClientSession() as http:
        async with http.ws_connect(server.http + "/rtc", params={"access_token": token(room, "c")}) as ws:
            assert (await first_message(ws)).leave.reason == models.DisconnectReason.JOIN_FAILURE
        assert (await server.stats())["rooms"][room] == 2


async def test_garbage_on_the_media_port_disturbs_no_call(server: ServerProcess, room: str) -> None:
    """Random datagrams, truncated STUN, RTP and DTLS of strangers: counted, and the tone goes on."""
    dice = random.Random(3)
    async with joined(server, token(room, "a")) as a, joined(server, token(room, "b")) as b, speaking(a, 440):
        track = await until(lambda: audio_of(b, "a"))
        await hears(track, 440)
        before = (await server.stats())["counters"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for n in range(2000):
                first = (0, 1, 22, 64, 128, 200)[n % 6]
                packet = bytes([first]) + dice.randbytes(dice.randrange(0, 400))
                stranger.sendto(packet, ("127.0.0.1", server.udp_port))
            stranger.sendto(b"", ("127.0.0.1", server.udp_port))
        assert await hears(track, 440) > 0.85
        after = (await server.stats())["counters"]
        assert after["udp_unknown"] + after["stun_refused"] - before.get("udp_unknown", 0) >= 1000
        assert "packet_path_errors" not in after


async def test_a_participant_that_vanishes_without_a_word_is_away_not_gone(server: ServerProcess, room: str) -> None:
    """Its socket breaks off: it may resume with its sid, and until then the others still see it."""
    async with joined(server, token(room, "b")) as b, aiohttp.ClientSession() as http:
        async with http.ws_connect(server.http + "/rtc", params={"access_token": token(room, "a")}) as ws:
            sid = (await first_message(ws)).join.participant.sid
            await until(lambda: "a" in b.remote_participants)
        params = {"access_token": token(room, "a"), "reconnect": "1", "sid": sid}
        async with http.ws_connect(server.http + "/rtc", params=params) as ws:
            assert (await first_message(ws)).WhichOneof("message") == "reconnect"
            assert b.remote_participants["a"].sid == sid
            await ws.send_bytes(proto.SignalRequest(leave=proto.LeaveRequest()).SerializeToString())
            await until(lambda: "a" not in b.remote_participants)


@pytest.mark.parametrize("how", ["SIGTERM", "stdin"])
async def test_a_stopping_server_says_so_and_ends(tmp_path: Path, how: str) -> None:
    with server_process(tmp_path) as server:
        room = rtc.Room()
        reasons: list[object] = []
        room.on("disconnected", reasons.append)
        await room.connect(server.url, token("r", "a"))
        if how == "stdin":
            assert server.process.stdin is not None
            server.process.stdin.close()
        else:
            server.process.send_signal(signal.SIGTERM)
        await until(lambda: server.process.poll() is not None)
        assert server.process.returncode == 0
        await until(lambda: reasons)
        assert reasons == [rtc.DisconnectReason.SERVER_SHUTDOWN]
        assert "Traceback" not in server.log.read_text()
        await room.disconnect()
