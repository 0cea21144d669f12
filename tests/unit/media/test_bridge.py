"""The bridge: both ways, swapped far ends, taps, and the line of time that recorder and taps share."""

from __future__ import annotations

import asyncio

import pytest

from media import Leg
from media.bridge import Bridge
from media.clock import MediaClock
from media.frames import FRAME_S, SILENCE, Frame
from media.ring import FrameRing
from tests.fakes.legs import ListLeg, frame


class Tape:
    def __init__(self) -> None:
        self.left: list[Frame] = []
        self.right: list[Frame] = []

    def write(self, left: Frame, right: Frame) -> None:
        self.left.append(left)
        self.right.append(right)

    def skip(self, frames: int) -> None:
        self.left += [SILENCE] * frames
        self.right += [SILENCE] * frames


def test_each_hears_the_other_and_the_tape_has_both() -> None:
    caller, far, tape = ListLeg("caller", [frame(1), None, frame(3)]), ListLeg("bot", [None, frame(12)]), Tape()
    assert isinstance(caller, Leg)
    bridge = Bridge(caller, tape, far=far)
    heard, said = [], []
    bridge.tap_heard(heard.append)
    untap = bridge.tap_said(said.append)
    bridge.tick(0)
    bridge.tick(1)
    untap()
    bridge.tick(2)
    assert far.heard == tape.left == heard == [frame(1), SILENCE, frame(3)]
    assert caller.heard == tape.right == [SILENCE, frame(12), SILENCE]
    assert said == [SILENCE, frame(12)]
    assert bridge.stats.caller_silent == 1
    assert bridge.stats.far_silent == 2


def test_the_far_end_is_swapped_without_closing_it() -> None:
    bot, room = ListLeg("bot", [frame(1)] * 9), ListLeg("room", [frame(2)] * 9)
    caller = ListLeg("caller")
    bridge = Bridge(caller)
    bridge.tick(0)
    assert bridge.connect(bot) is None
    bridge.tick(1)
    assert bridge.connect(room) is bot
    bridge.tick(2)
    assert bridge.connect(None) is room
    bridge.tick(3)
    assert caller.heard == [SILENCE, frame(1), frame(2), SILENCE]
    assert not bot.closed
    assert not room.closed


def test_ticks_the_clock_skipped_are_silence_on_the_line() -> None:
    caller, tape = ListLeg("caller", [frame(1), frame(2)]), Tape()
    bridge = Bridge(caller, tape)
    bridge.tick(10)
    bridge.tick(14)
    assert tape.left == [frame(1), SILENCE, SILENCE, SILENCE, frame(2)]
    assert bridge.elapsed_s == pytest.approx(5 * FRAME_S)


def test_the_caller_comes_back_by_another_leg() -> None:
    first, second, far = ListLeg("a", [frame(1)]), ListLeg("b", [frame(2)]), ListLeg("far")
    bridge = Bridge(first, far=far)
    bridge.tick(0)
    assert bridge.replace_caller(second) is first
    bridge.tick(1)
    assert far.heard == [frame(1), frame(2)]


@pytest.mark.virtual_time
async def test_on_the_clock_a_failing_tap_ends_this_bridge_only() -> None:
    clock, faults = MediaClock(), []
    good, bad = Bridge(ListLeg("good")), Bridge(ListLeg("bad"))

    def tap(_: Frame) -> None:
        raise RuntimeError("tap")

    bad.tap_heard(tap)
    good.start(clock)
    bad.start(clock, faults.append)
    await asyncio.sleep(1 + FRAME_S / 2)
    good.stop()
    good.stop()
    assert good.elapsed_s == pytest.approx(1)
    assert len(faults) == 1
    assert not clock.running


async def test_a_ring_keeps_the_latest() -> None:
    ring = FrameRing(3)
    for number in range(5):
        ring.put(frame(number))
    assert (len(ring), ring.dropped) == (3, 2)
    assert await ring.get() == frame(2)
    assert ring.take() == frame(3)
    assert ring.take_all() == [frame(4)]
    assert ring.take() is None
    waiting = asyncio.create_task(ring.get())
    await asyncio.sleep(0)
    ring.put(frame(9))
    assert await waiting == frame(9)
    waiting = asyncio.create_task(ring.get())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    ring.put(frame(10))
    assert ring.clear() == 1
    with pytest.raises(ValueError, match="at least one"):
        FrameRing(0)
