"""Both ends of the PCM link, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media.errors import LinkNotClaimed, LinkRefused
from media.frames import FRAME_BYTES
from media.pcm_link import DRAIN_EVERY, MAX_QUEUED, PcmListener, SocketLeg, WorkerEnd


def frame(number: int) -> bytes:
    return number.to_bytes(2, "little") * (FRAME_BYTES // 2)


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[PcmListener]:
    async with PcmListener(str(tmp_path / "pcm.sock")) as listener:
        yield listener


async def attach(listener: PcmListener, call: str = "c1") -> tuple[SocketLeg, WorkerEnd]:
    waiting = listener.expect(call, "secret")
    worker = WorkerEnd.connect(listener.path, call, "secret")
    return await waiting, worker


async def test_frames_pass_both_ways_in_order(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(3):
        assert worker.send(frame(number))
        leg.push(frame(100 + number))
    assert [leg.pull() for _ in range(4)] == [frame(0), frame(1), frame(2), None]
    assert [worker.recv() for _ in range(4)] == [frame(100), frame(101), frame(102), None]
    assert (leg.stats.frames_in, leg.stats.frames_out, leg.stats.underruns) == (3, 3, 1)
    worker.close()


async def test_a_wrong_token_is_refused_and_the_right_one_still_gets_in(listener: PcmListener) -> None:
    waiting = listener.expect("c1", "secret")
    impostor = WorkerEnd.connect(listener.path, "c1", "guess")
    stranger = WorkerEnd.connect(listener.path, "c2", "secret")
    worker = WorkerEnd.connect(listener.path, "c1", "secret")
    leg = await waiting
    assert listener.stats.refused == 2
    assert impostor.recv() is None
    assert impostor.closed
    assert stranger.recv() is None
    assert stranger.closed
    worker.send(frame(1))
    assert leg.pull() == frame(1)
    worker.close()


async def test_a_hello_that_is_not_one_is_refused(listener: PcmListener) -> None:
    waiting = listener.expect("c1", "secret")
    for hello in (b"\xff\xfe", b"[]", b'{"v":2,"call":"c1","token":"secret"}', b'{"v":1}', b"A" * 3000):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, listener.path)
        await loop.sock_sendall(sock, hello)
        assert await loop.sock_recv(sock, 10) == b""
        sock.close()
    assert listener.stats.refused == 5
    assert not waiting.done()


async def test_the_worker_leaving_is_noticed_without_anybody_pulling(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    told: list[str] = []
    leg.on_gone(lambda: told.append("gone"))
    worker.close()
    await asyncio.wait_for(leg.gone.wait(), 5)
    assert told == ["gone"]
    assert leg.pull() is None
    leg.push(frame(1))  # nothing happens


async def test_the_media_process_leaving_is_noticed_and_what_it_said_before_is_played(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    leg.push(frame(7))
    await leg.close()
    await leg.close()
    assert worker.recv() == frame(7)
    assert worker.recv() is None
    assert worker.closed
    assert not worker.send(frame(1))


async def test_flush_drops_what_the_worker_has_not_played(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(4):
        leg.push(frame(number))
    leg.flush()
    leg.push(frame(9))
    assert worker.recv() == frame(9)
    assert worker.recv() is None
    assert worker.stats.flushed == 4
    worker.close()


async def test_a_flush_reaches_a_worker_that_is_busy_playing(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(8):
        leg.push(frame(number))
    worker.recv()
    leg.flush()
    heard = [worker.recv() for _ in range(DRAIN_EVERY)]
    assert heard[-1] is None
    assert worker.stats.flushed > 0
    worker.close()


async def test_a_stalled_worker_costs_frames_not_memory_and_plays_the_latest(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(500):
        leg.push(frame(number))
    leg.flush()  # does not fit now; owed
    assert leg.stats.dropped_out > 400
    heard = [got for got in iter(worker.recv, None)]
    assert len(heard) == MAX_QUEUED
    assert worker.stats.dropped_in == leg.stats.frames_out - MAX_QUEUED
    leg.push(frame(1000))
    assert worker.recv() == frame(1000)
    worker.close()


async def test_a_stalled_media_process_catches_up_to_a_short_delay(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(15):
        worker.send(frame(number))
    heard = []
    for number in range(15, 40):  # steady from here on
        heard.append(leg.pull())
        worker.send(frame(number))
    assert leg.stats.dropped_in > 0
    assert heard[-1] in {frame(number) for number in range(36, 40)}  # at most 80 ms old
    assert leg.stats.lost_in == 0  # given up here is not lost there
    worker.close()


async def test_a_standing_queue_is_shortened(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for number in range(6):
        worker.send(frame(number))
    last = None
    for number in range(6, 506):
        last = leg.pull() or last
        worker.send(frame(number))
    assert last is not None
    assert 505 - int.from_bytes(last[:2], "little") <= 3
    assert leg.stats.underruns == 0
    worker.close()


async def test_frames_the_worker_had_to_drop_are_counted_as_lost(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    while worker.send(frame(1)):
        pass
    assert worker.stats.dropped_out == 1
    while leg.pull():
        pass
    worker.send(frame(2))
    assert leg.pull() == frame(2)
    assert leg.stats.lost_in + leg.stats.dropped_in >= 1
    worker.close()


async def test_malformed_packets_are_counted_and_skipped(listener: PcmListener) -> None:
    leg, worker = await attach(listener)
    for packet in (b"A", b"A" + bytes(643), b"A" + bytes(645), b"X" + bytes(644)):
        worker._sock.send(packet)
    worker.send(frame(3))
    assert [leg.pull() for _ in range(5)] == [None] * 4 + [frame(3)]
    assert leg.stats.malformed == 4
    worker.close()


async def test_nobody_comes(listener: PcmListener) -> None:
    with pytest.raises(LinkNotClaimed):
        await listener.claim("c1", "secret", timeout_s=0.01)
    late = WorkerEnd.connect(listener.path, "c1", "secret")
    while not late.closed:  # the listener closes it as soon as the loop runs
        await asyncio.sleep(0)
        late.recv()
    assert listener.stats.refused == 1


async def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(LinkRefused):
        WorkerEnd.connect(str(tmp_path / "nobody"), "c1", "secret")


async def test_an_expectation_taken_back_lets_nobody_in(listener: PcmListener) -> None:
    first = listener.expect("c1", "secret")
    second = listener.expect("c1", "other")
    assert first.cancelled()
    worker = WorkerEnd.connect(listener.path, "c1", "other")
    leg = await second
    assert leg.call == "c1"
    listener.expect("c3", "x")
    listener.forget("c3")
    worker.close()
    await asyncio.wait_for(leg.gone.wait(), 5)


async def test_closing_the_listener_ends_every_call(tmp_path: Path) -> None:
    listener = PcmListener(str(tmp_path / "pcm.sock"))
    await listener.open()
    leg, worker = await attach(listener)
    pending = listener.expect("c2", "x")
    await listener.close()
    assert not leg.is_open
    assert pending.cancelled()
    assert worker.recv() is None
    assert worker.closed
    with pytest.raises(LinkRefused):
        WorkerEnd.connect(listener.path, "c2", "x")
