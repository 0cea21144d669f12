"""sipp as the caller, with scenarios of our own: what a strict far end sees."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from sip import events
from tests.fakes.sip_world import World, tone

from .programs import sipp, write_dtmf_pcap


async def went_well(world: World, scenario: str, folder: Path, *extra: str, calls: int = 1) -> None:
    status, errors = await sipp(scenario, world.gateway.edge.port, folder, *extra, calls=calls)
    assert status == 0, errors[-2000:]


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_calls_are_answered_and_hear_their_echo(tmp_path: Path, transport: str) -> None:
    async with World() as world:
        await went_well(world, "answered.xml", tmp_path, "-t", transport, calls=2)
        ended = [await world.next(events.Ended) for _ in range(2)]
        assert {event.cause for event in ended} == {"caller_hung_up"}
        for heard in world.media.heard.values():
            assert max(abs(value) for value in memoryview(heard).cast("h")) > 1000


async def test_digits_of_a_capture(tmp_path: Path) -> None:
    write_dtmf_pcap(tmp_path / "dtmf.pcap", "159#")
    async with World() as world:
        await went_well(world, "digits.xml", tmp_path)
        assert "".join(event.digit for event in world.of(events.Digit)) == "159#"


async def test_hold_in_the_three_ways_there_are(tmp_path: Path) -> None:
    async with World() as world:
        await went_well(world, "hold.xml", tmp_path)
        await world.next(events.Ended)
        seen = [event.type for event in world.events if isinstance(event, (events.Held, events.Resumed))]
        assert seen == ["held", "resumed"] * 3


async def test_we_hang_up(tmp_path: Path) -> None:
    async with World() as world:
        running = asyncio.create_task(went_well(world, "hung_up_by_us.xml", tmp_path))
        acked = await world.next(events.Acked)
        world.gateway.command(events.HangUp(acked.call))
        await running
        assert (await world.next(events.Ended)).cause == "we_hung_up"


async def test_sipp_hears_what_we_say_and_sends_it_back(tmp_path: Path) -> None:
    async with World(say=tone(1000, 1.0)) as world:
        running = asyncio.create_task(went_well(world, "hung_up_by_us.xml", tmp_path, "-rtp_echo"))
        acked = await world.next(events.Acked)
        await world.hears(acked.call, 1000)
        world.gateway.command(events.HangUp(acked.call))
        await running


async def test_a_worker_dies_and_its_caller_gets_a_bye(tmp_path: Path) -> None:
    async with World() as world:
        running = asyncio.create_task(went_well(world, "hung_up_by_us.xml", tmp_path))
        await world.next(events.Acked)
        os.kill(world.gateway.pool.pids[0], signal.SIGKILL)
        await running
        assert (await world.next(events.Ended)).cause == "worker_lost"


async def test_cancel_while_it_rings(tmp_path: Path) -> None:
    async with World(decide=lambda world, incoming: None) as world:
        await went_well(world, "cancelled.xml", tmp_path)
        assert (await world.next(events.Ended)).cause == "cancelled"


async def test_busy(tmp_path: Path) -> None:
    def refuse(world: World, incoming: events.Incoming) -> None:
        world.gateway.command(events.Reject(incoming.call, 486, "Busy Here"))

    async with World(decide=refuse) as world:
        await went_well(world, "refused_486.xml", tmp_path)


async def test_without_control_503_with_retry_after(tmp_path: Path) -> None:
    async with World() as world:
        world.gateway.online = False
        await went_well(world, "refused_503.xml", tmp_path)
        assert not world.of(events.Incoming)


@pytest.mark.parametrize("scenario", ["unknown_method.xml", "bad_length.xml", "too_many_hops.xml"])
async def test_bad_requests_get_the_right_status(tmp_path: Path, scenario: str) -> None:
    async with World() as world:
        await went_well(world, scenario, tmp_path)
        assert not world.of(events.Incoming)


async def test_an_answer_that_is_never_acknowledged_can_be_ended(tmp_path: Path) -> None:
    async with World() as world:
        await went_well(world, "never_acked.xml", tmp_path)
        await world.next(events.Ended)
        assert not world.gateway.calls


async def test_options_within_a_call(tmp_path: Path) -> None:
    async with World() as world:
        await went_well(world, "options_in_call.xml", tmp_path)
