"""The embedded rooms server between an unmodified browser client and the unmodified Python SDK."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit import api, rtc

from .browser import attendant, happened, join, page_hears
from .harness import (
    KEY,
    SECRET,
    ServerProcess,
    audio_of,
    free_port,
    hears,
    joined,
    server_process,
    speaking,
    token,
    until,
)

DISCONNECTED_ROOM_DELETED = 5
DISCONNECTED_DUPLICATE = 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with server_process(tmp_path_factory.mktemp("rooms")) as running:
        yield running


def room_of(folder: Path) -> str:
    """A room of its own for each test: named after the test's folder."""
    return folder.name


ONE_OR_TWO = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


@ONE_OR_TWO
async def test_browser_and_python_hear_each_other_and_exchange_data(
    server: ServerProcess, tmp_path: Path, single: bool
) -> None:
    """Each side's tone arrives at the other; data goes both ways; a deleted room ends the browser's call."""
    async with (
        attendant(tmp_path, 440) as page,
        joined(server, token(room_of(tmp_path), "caller")) as caller,
    ):
        data: list[rtc.DataPacket] = []
        caller.on("data_received", data.append)
        async with speaking(caller, 660):
            await join(page, server, token(room_of(tmp_path), "ana"), single=single)
            await page.evaluate("() => call.speak()")
            await page_hears(page, "caller", 660)
            track = await until(lambda: audio_of(caller, "ana"))
            assert await hears(track, 440) > 0.85

            await page.evaluate("() => call.say('from the browser', { reliable: true, topic: 'chat' })")
            await until(lambda: data, what="no data from the browser")
            assert (data[0].data, data[0].topic) == (b"from the browser", "chat")
            assert data[0].participant is not None
            assert data[0].participant.identity == "ana"
            await caller.local_participant.publish_data("from python", reliable=True, topic="chat")
            await page.wait_for_function("() => call.data.length > 0")
            assert (await page.evaluate("() => call.data[0]"))[:2] == ["caller", "from python"]
            await happened(page, "speaks", "caller")

            async with api.LiveKitAPI(server.http, KEY, SECRET) as service:
                await service.room.delete_room(api.DeleteRoomRequest(room=room_of(tmp_path)))
            await happened(page, "disconnected", DISCONNECTED_ROOM_DELETED)


@ONE_OR_TWO
async def test_after_a_reload_the_browser_is_back_in_the_call(
    server: ServerProcess, tmp_path: Path, single: bool
) -> None:
    """The page is reloaded in mid-call and joins again with the same identity: both directions work again."""
    async with (
        attendant(tmp_path, 440) as page,
        joined(server, token(room_of(tmp_path), "caller")) as caller,
        speaking(caller, 660),
    ):
        await join(page, server, token(room_of(tmp_path), "ana"), single=single)
        await page.evaluate("() => call.speak()")
        first = await until(lambda: audio_of(caller, "ana"))
        await page.reload()
        await join(page, server, token(room_of(tmp_path), "ana"), single=single)
        await page.evaluate("() => call.speak()")
        await page_hears(page, "caller", 660)
        again = await until(lambda: (t := audio_of(caller, "ana")) and t.sid != first.sid and t)
        assert await hears(again, 440) > 0.85
        assert list(caller.remote_participants) == ["ana"]


@ONE_OR_TWO
async def test_signalling_that_breaks_off_is_resumed(server: ServerProcess, tmp_path: Path, single: bool) -> None:
    """The WebSocket is cut: the client resumes as the same participant and the sound goes on."""
    async with (
        attendant(tmp_path, 440) as page,
        joined(server, token(room_of(tmp_path), "caller")) as caller,
        speaking(caller, 660),
    ):
        await join(page, server, token(room_of(tmp_path), "ana"), single=single)
        await page.evaluate("() => call.speak()")
        await page_hears(page, "caller", 660)
        before = (await server.stats())["counters"].get("resumes", 0)
        sid = await page.evaluate("() => call.room.localParticipant.sid")
        await page.evaluate("() => call.room.simulateScenario('signal-reconnect')")
        await happened(page, "reconnected")
        assert await page.evaluate("() => call.room.localParticipant.sid") == sid
        await page_hears(page, "caller", 660)
        track = await until(lambda: audio_of(caller, "ana"))
        assert await hears(track, 440) > 0.85
        assert (await server.stats())["counters"]["resumes"] > before


async def test_full_reconnect_brings_the_call_back(server: ServerProcess, tmp_path: Path) -> None:
    """The client gives its session up and joins anew: it is told nothing twice and hears again."""
    async with (
        attendant(tmp_path, 440) as page,
        joined(server, token(room_of(tmp_path), "caller")) as caller,
        speaking(caller, 660),
    ):
        await join(page, server, token(room_of(tmp_path), "ana"), single=True)
        await page.evaluate("() => call.speak()")
        await page_hears(page, "caller", 660)
        await page.evaluate("() => call.room.simulateScenario('full-reconnect')")
        await happened(page, "reconnected")
        await page_hears(page, "caller", 660)
        track = await until(lambda: audio_of(caller, "ana"))
        assert await hears(track, 440) > 0.85


async def test_a_server_that_was_killed_and_started_again_has_its_call_back(tmp_path: Path) -> None:
    """``kill -9`` in mid-call, and a new process on the same ports: both clients find each other again, with sound."""
    ports = {"port": free_port(), "udp_port": free_port(socket.SOCK_DGRAM)}
    async with attendant(tmp_path, 440) as page:
        with server_process(tmp_path, **ports) as server:
            caller = rtc.Room()
            await caller.connect(server.url, token("call", "caller"))
            async with speaking(caller, 660):
                await join(page, server, token("call", "ana"), single=True)
                await page.evaluate("() => call.speak()")
                await page_hears(page, "caller", 660)
                server.process.kill()
                server.process.wait()
                with server_process(tmp_path, **ports):
                    await happened(page, "reconnected", seconds=30)
                    track = await until(lambda: audio_of(caller, "ana"), seconds=30)
                    assert await hears(track, 440) > 0.85
                    await page_hears(page, "caller", 660)
                    await caller.disconnect()


@pytest.mark.parametrize("simulcast", [False, True], ids=["one-layer", "simulcast"])
async def test_a_camera_arrives_undecoded_in_python(server: ServerProcess, tmp_path: Path, simulcast: bool) -> None:
    """VP8 from the browser's camera is forwarded: the Python side decodes frames of the published size."""
    async with (
        attendant(tmp_path, 440) as page,
        joined(server, token(room_of(tmp_path), "caller")) as caller,
    ):
        tracks: list[rtc.Track] = []
        caller.on("track_subscribed", lambda track, *_: tracks.append(track))
        await join(page, server, token(room_of(tmp_path), "ana"), single=True)
        await page.evaluate("(simulcast) => call.show({ simulcast, videoCodec: 'vp8' })", simulcast)
        await until(lambda: tracks, what="no video track")
        stream = rtc.VideoStream(tracks[0])
        widths: list[int] = []
        try:
            async for event in stream:
                widths.append(event.frame.width)
                if len(widths) >= 20 and widths[-1] >= 640:
                    break
                assert len(widths) < 1500, widths[-5:]
        finally:
            await stream.aclose()
