"""The media clock, on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from media.clock import MAX_CATCH_UP, MediaClock
from media.frames import FRAME_S
from tests.plugins.virtual_time import TestLoop

pytestmark = pytest.mark.virtual_time


def stall(seconds: float) -> None:
    """The process got no CPU: time passes and nothing runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TestLoop)
    loop.advance(seconds)


async def test_fifty_ticks_a_second_in_a_row() -> None:
    clock, numbers = MediaClock(), []
    clock.add(numbers.append)
    await asyncio.sleep(10 + FRAME_S / 2)
    clock.close()
    assert len(numbers) == 500
    assert numbers == list(range(numbers[0], numbers[0] + 500))
    assert clock.stats.late == 0


async def test_nobody_registered_means_no_timer() -> None:
    loop = asyncio.get_running_loop()
    clock = MediaClock()
    clock.add(print)
    clock.remove(print)
    clock.remove(print)
    assert not clock.running
    assert len(clock) == 0
    timers = [timer for timer in loop._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
    assert not timers


async def test_late_ticks_are_made_up_at_once() -> None:
    clock, numbers = MediaClock(), []
    clock.add(numbers.append)
    await asyncio.sleep(FRAME_S * 1.5)
    stall(FRAME_S * 3)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert numbers == [0, 1, 2, 3]
    assert clock.stats.late == 1
    assert clock.stats.skipped == 0
    clock.close()


async def test_what_lies_too_far_back_is_skipped_and_shows_in_the_numbers() -> None:
    clock, numbers = MediaClock(), []
    clock.add(numbers.append)
    await asyncio.sleep(FRAME_S * 1.5)
    stall(FRAME_S * 50)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert numbers == [0, *range(51 - MAX_CATCH_UP, 51)]
    assert clock.stats.skipped == 50 - MAX_CATCH_UP
    await asyncio.sleep(FRAME_S)
    assert numbers[-1] == 51  # back in step, never behind for good
    clock.close()


async def test_a_ticker_that_raises_is_taken_off_and_told() -> None:
    clock, good, faults = MediaClock(), [], []

    def bad(number: int) -> None:
        raise ValueError(number)

    clock.add(bad, faults.append)
    clock.add(good.append)
    await asyncio.sleep(FRAME_S * 5.5)
    clock.close()
    assert len(good) == 5
    assert [type(fault) for fault in faults] == [ValueError]
    assert clock.stats.faults == 1


async def test_a_ticker_may_remove_itself_and_others_and_add_new_ones() -> None:
    clock, seen = MediaClock(), []

    def first(number: int) -> None:
        seen.append("first")
        clock.remove(first)
        clock.remove(second)
        clock.add(third)

    def second(number: int) -> None:
        seen.append("second")

    def third(number: int) -> None:
        seen.append("third")

    clock.add(first)
    clock.add(second)
    await asyncio.sleep(FRAME_S * 3.5)
    clock.close()
    assert seen == ["first", "third", "third"]


async def test_numbers_go_on_after_an_idle_time() -> None:
    clock, numbers = MediaClock(), []
    clock.add(numbers.append)
    await asyncio.sleep(FRAME_S * 2.5)
    clock.close()
    await asyncio.sleep(100)
    clock.add(numbers.append)
    await asyncio.sleep(FRAME_S * 2.5)
    clock.close()
    assert numbers == [0, 1, 2, 3]
    assert clock.stats.skipped == 0
