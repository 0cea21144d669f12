"""baresip as the caller: another user agent, its own media stack; what is said is checked by its frequency."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sip import events
from tests.fakes.sip_world import World, strength, tone

from .programs import baresip


async def hears(world: World, call: str, hz: float) -> None:
    """Until the last second that came from *call* is a tone of *hz*."""
    heard = world.media.heard
    async with asyncio.timeout(15):
        while strength(bytes(heard.get(call, b""))[-32000:], hz) < 0.8:
            await asyncio.sleep(0.2)


async def test_we_hear_the_sine_that_baresip_says(tmp_path: Path) -> None:
    async with World() as world, baresip(tmp_path, hz=440) as caller:
        await caller.command("dial", world.uri("100"))
        acked = await world.next(events.Acked)
        await hears(world, acked.call, 440)
        await caller.command("hangup")
        assert (await world.next(events.Ended)).cause == "caller_hung_up"


async def test_baresip_hears_what_we_say_and_sends_it_back(tmp_path: Path) -> None:
    async with World(say=tone(1000, 1.0)) as world, baresip(tmp_path) as caller:
        await caller.command("dial", world.uri("100"))
        acked = await world.next(events.Acked)
        await hears(world, acked.call, 1000)
        await caller.command("hangup")
        assert (await world.next(events.Ended)).cause == "caller_hung_up"


async def test_baresip_is_hung_up_on(tmp_path: Path) -> None:
    async with World() as world, baresip(tmp_path, hz=440) as caller:
        await caller.command("dial", world.uri("100"))
        acked = await world.next(events.Acked)
        world.gateway.command(events.HangUp(acked.call))
        assert (await world.next(events.Ended)).cause == "we_hung_up"
