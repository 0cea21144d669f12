"""``RoomLeg`` and ``RoomApi`` against the embedded room server, as a process of its own, by unmodified SDKs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from media.bridge import Bridge
from media.clock import MediaClock
from media.errors import RoomNotFound, RoomRefused, RoomUnreachable
from media.frames import FRAMES_PER_S, SILENCE, Frame, split
from media.rooms import (
    Disconnected,
    Grant,
    ParticipantJoined,
    ParticipantLeft,
    Reconnecting,
    RoomApi,
    RoomEvent,
    RoomLeg,
    RoomMessage,
    make_token,
)
from media.tones import strength, tone

KEY, SECRET = "testkey", "a secret that is long enough for HS256"
PATIENCE_S = 20.0  # two shared cores


@dataclass
class Server:
    url: str
    process: asyncio.subprocess.Process

    def token(self, identity: str, name: str = "", *, room: str = "attendance-1", ttl_s: float = 60.0) -> str:
        return make_token(KEY, SECRET, Grant(room, identity, name), ttl_s=ttl_s)


async def start_server(folder: Path, port: int = 0) -> Server:
    settings = {"api_key": KEY, "api_secret": SECRET, "bind_ip": "127.0.0.1", "port": port, "udp_port": 0}
    path = folder / "rooms.json"
    await asyncio.to_thread(path.write_text, json.dumps(settings))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "media.rooms.server.process",
        "--settings",
        str(path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        ready = json.loads(await process.stdout.readline())
    assert ready["ready"] is True
    return Server(ready["url"], process)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = await start_server(tmp_path)
    yield server
    if server.process.returncode is None:
        server.process.terminate()
    async with asyncio.timeout(PATIENCE_S):
        await server.process.communicate()


class Person:
    """Somebody in the room: says a tone, keeps what is heard, from all and from each."""

    def __init__(self, hz: float) -> None:
        self.events: list[RoomEvent] = []
        self.by_speaker: dict[tuple[str, str], list[Frame]] = {}
        self.heard: list[Frame] = []
        self.name = "mouth and ear"
        self._tone = split(tone(hz, 1.0))
        self._at = 0
        self.leg = RoomLeg(emit=self.events.append, on_frame=self._on_frame)
        self.bridge = Bridge(self, far=self.leg)

    def pull(self) -> Frame | None:
        self._at += 1
        return self._tone[self._at % len(self._tone)]

    def push(self, frame: Frame) -> None:
        self.heard.append(frame)

    async def close(self) -> None:
        await self.leg.close()

    def _on_frame(self, identity: str, name: str, frame: Frame) -> None:
        self.by_speaker.setdefault((identity, name), []).append(frame)

    def hears(self, hz: float) -> bool:
        """Within the last second, at a third of the loudness that was spoken at least."""
        pcm = b"".join(self.heard[-FRAMES_PER_S:])
        return len(self.heard) > FRAMES_PER_S and strength(pcm, hz) > 0.033


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture
async def people(server: Server) -> AsyncIterator[Callable[..., Person]]:
    clock, made = MediaClock(), list[Person]()

    def make(hz: float) -> Person:
        person = Person(hz)
        person.bridge.start(clock)
        made.append(person)
        return person

    yield make
    clock.close()
    for person in made:
        await person.close()


async def test_two_hear_each_other_and_each_is_known_by_name(server: Server, people: Callable[..., Person]) -> None:
    caller, ana = people(440), people(1000)
    await caller.leg.join(server.url, server.token("caller", "Maria"))
    await ana.leg.join(server.url, server.token("ana", "Ana Souza"))
    await until(lambda: caller.hears(1000) and ana.hears(440))
    assert not caller.hears(440), "nobody hears themselves"
    assert caller.leg.identity == "caller"
    assert caller.leg.participants == caller.leg.speakers == {"ana": "Ana Souza"}
    assert set(ana.by_speaker) == {("caller", "Maria")}
    assert strength(b"".join(ana.by_speaker["caller", "Maria"][-FRAMES_PER_S:]), 440) > 0.033
    assert ParticipantJoined("ana", "Ana Souza") in caller.events
    assert ana.events == [ParticipantJoined("caller", "Maria")]
    assert caller.leg.stats.malformed == 0


async def test_three_are_mixed_and_tapped_apart(server: Server, people: Callable[..., Person]) -> None:
    caller, ana, boss = people(440), people(1000), people(1700)
    for person, identity in ((caller, "caller"), (ana, "ana"), (boss, "boss")):
        await person.leg.join(server.url, server.token(identity))
    await until(lambda: caller.hears(1000) and caller.hears(1700) and ana.hears(440) and ana.hears(1700))
    await until(lambda: len(caller.by_speaker) == 2)
    from_ana = b"".join(caller.by_speaker["ana", ""][-FRAMES_PER_S:])
    assert strength(from_ana, 1000) > 0.033
    assert strength(from_ana, 1700) < 0.01
    await boss.leg.close()
    await until(lambda: any(isinstance(event, ParticipantLeft) for event in caller.events))
    await until(lambda: caller.hears(1000) and not caller.hears(1700))
    assert set(caller.leg.speakers) == {"ana"}


async def test_data_packets_go_to_all_or_to_one(server: Server, people: Callable[..., Person]) -> None:
    caller, ana, boss = people(440), people(1000), people(1700)
    for person, identity in ((caller, "caller"), (ana, "ana"), (boss, "boss")):
        await person.leg.join(server.url, server.token(identity))
    await until(lambda: len(caller.leg.speakers) == 2)
    await caller.leg.send_data(b"to all", topic="note")
    await caller.leg.send_data(b"to one", topic="note", to=("ana",))
    await until(lambda: RoomMessage("caller", "note", b"to one") in ana.events)
    await until(lambda: RoomMessage("caller", "note", b"to all") in boss.events)
    async with RoomApi(server.url, KEY, SECRET) as api:
        await api.send_data("attendance-1", b"from the server", topic="system")
    await until(lambda: any(isinstance(e, RoomMessage) and e.payload == b"from the server" for e in boss.events))
    assert RoomMessage("caller", "note", b"to one") not in boss.events


async def test_muted_is_not_heard(server: Server, people: Callable[..., Person]) -> None:
    caller, ana = people(440), people(1000)
    await caller.leg.join(server.url, server.token("caller"))
    await ana.leg.join(server.url, server.token("ana"))
    await until(lambda: ana.hears(440))
    caller.leg.mute(True)
    await until(lambda: ana.heard[-FRAMES_PER_S // 2 :] == [SILENCE] * (FRAMES_PER_S // 2))
    caller.leg.mute(False)
    await until(lambda: ana.hears(440))


async def test_the_api_shows_and_removes_and_ends(server: Server, people: Callable[..., Person]) -> None:
    caller, ana = people(440), people(1000)
    async with RoomApi(server.url, KEY, SECRET) as api:
        made = await api.create_room("attendance-1", metadata='{"session":"s"}', empty_timeout_s=60)
        assert (made.name, made.metadata) == ("attendance-1", '{"session":"s"}')
        await caller.leg.join(server.url, server.token("caller", "Maria"))
        await ana.leg.join(server.url, server.token("ana", "Ana"))
        found = {each.identity: each.name for each in await api.list_participants("attendance-1")}
        assert found == {"caller": "Maria", "ana": "Ana"}
        assert [room.name for room in await api.list_rooms("attendance-1", "other")] == ["attendance-1"]
        await api.update_metadata("attendance-1", "changed")
        assert (await api.list_rooms("attendance-1"))[0].metadata == "changed"
        assert await api.remove_participant("attendance-1", "ana")
        async with asyncio.timeout(PATIENCE_S):
            await ana.leg.gone.wait()
        assert Disconnected("participant_removed") in ana.events
        assert await api.delete_room("attendance-1")
        async with asyncio.timeout(PATIENCE_S):
            await caller.leg.gone.wait()
        assert Disconnected("room_deleted") in caller.events
        assert not caller.leg.is_connected
        assert not await api.delete_room("attendance-1")
        assert not await api.remove_participant("attendance-1", "ana")
        with pytest.raises(RoomNotFound):
            await api.update_metadata("attendance-1", "nobody")


async def test_a_leg_that_left_may_join_again_and_nobody_is_left_behind(
    server: Server, people: Callable[..., Person]
) -> None:
    caller, ana = people(440), people(1000)
    await ana.leg.join(server.url, server.token("ana"))
    for _ in range(2):
        await caller.leg.join(server.url, server.token("caller"))
        await until(lambda: ana.hears(440))
        await caller.leg.close()
        await caller.leg.close()
        await until(lambda: not ana.leg.participants)
        assert caller.pull() is not None
        assert caller.leg.pull() is None
        ana.heard.clear()
    async with RoomApi(server.url, KEY, SECRET) as api:
        assert [each.identity for each in await api.list_participants("attendance-1")] == ["ana"]


async def test_a_joiner_that_is_cancelled_leaves_no_ghost(server: Server) -> None:
    leg = RoomLeg()
    joining = asyncio.create_task(leg.join(server.url, server.token("ghost")))
    await asyncio.sleep(0.05)
    joining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await joining
    async with RoomApi(server.url, KEY, SECRET) as api:
        async with asyncio.timeout(PATIENCE_S):
            while any(room.participants for room in await api.list_rooms()):
                await asyncio.sleep(0.05)
    await leg.close()


async def test_a_wrong_token_is_refused_and_a_wrong_key_too(server: Server) -> None:
    leg = RoomLeg()
    with pytest.raises(RoomRefused):
        await leg.join(server.url, make_token(KEY, SECRET[::-1], Grant("r", "intruder")))
    with pytest.raises(RoomRefused):
        await leg.join(server.url, server.token("late", ttl_s=-3600))
    async with RoomApi(server.url, KEY, SECRET[::-1]) as api:
        with pytest.raises(RoomRefused):
            await api.list_rooms()
    with pytest.raises(RoomUnreachable):
        await leg.send_data(b"nobody")
    await leg.close()


async def test_nobody_listens(unused_tcp_port: int) -> None:
    leg = RoomLeg()
    with pytest.raises(RoomUnreachable):
        await leg.join(f"ws://127.0.0.1:{unused_tcp_port}", make_token(KEY, SECRET, Grant("r", "x")), timeout_s=3)
    async with RoomApi(f"http://127.0.0.1:{unused_tcp_port}", KEY, SECRET) as api:
        with pytest.raises(RoomUnreachable):
            await api.list_rooms()


async def test_a_room_server_that_is_killed_and_comes_back_is_joined_again(
    server: Server, people: Callable[..., Person], tmp_path: Path
) -> None:
    caller, ana, boss = people(440), people(1000), people(1700)
    await caller.leg.join(server.url, server.token("caller"))
    await ana.leg.join(server.url, server.token("ana"))
    await until(lambda: caller.hears(1000) and ana.hears(440))
    server.process.kill()
    await server.process.communicate()
    await until(lambda: Reconnecting() in caller.events)
    again = await start_server(tmp_path, port=int(server.url.rpartition(":")[2]))
    try:
        for person in (caller, ana):
            person.heard.clear()
        await boss.leg.join(again.url, server.token("boss"))
        async with asyncio.timeout(3 * PATIENCE_S):
            while not (caller.hears(1000) and caller.hears(1700) and ana.hears(440) and ana.hears(1700)):
                for person, identity in ((caller, "caller"), (ana, "ana")):
                    if person.leg.gone.is_set():  # the SDK gave up before the server was back: its owner joins again
                        await person.leg.join(again.url, server.token(identity))
                await asyncio.sleep(0.1)
        assert set(caller.leg.speakers) == {"ana", "boss"}
        for person in (caller, ana, boss):
            await person.close()
    finally:
        again.process.terminate()
        await again.process.communicate()
