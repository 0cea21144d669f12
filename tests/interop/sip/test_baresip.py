"""baresip as the caller: another user agent, its own media stack; what is said is checked by its frequency."""

from __future__ import annotations

from pathlib import Path

from sip import events
from tests.fakes.sip_world import World

from .programs import baresip


async def test_we_hear_the_sine_that_baresip_says(tmp_path: Path) -> None:
    async with World() as world, baresip(tmp_path, hz=440) as caller:
        await caller.command("dial", world.uri("100"))
        acked = await world.next(events.Acked)
        await world.hears(acked.call, 440)
        await caller.command("hangup")
        assert (await world.next(events.Ended)).cause == "caller_hung_up"


async def test_baresip_is_hung_up_on(tmp_path: Path) -> None:
    async with World() as world, baresip(tmp_path, hz=440) as caller:
        await caller.command("dial", world.uri("100"))
        acked = await world.next(events.Acked)
        world.gateway.command(events.HangUp(acked.call))
        assert (await world.next(events.Ended)).cause == "we_hung_up"
