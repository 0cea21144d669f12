"""``@pytest.mark.virtual_time``: the test's event loop jumps to its next timer whenever nothing is ready.

A test may then wait for minutes without spending them. Sockets and executors are real: what has arrived is served
before the clock moves, and it stands still while a job is in an executor. Only the loop's clock is virtual
(``loop.time``, ``asyncio.sleep``, ``asyncio.timeout``, ``call_later``); ``time.monotonic`` is not, so code under such a
test takes its time from the loop. A loop that waits for nothing at all fails the test instead of hanging it.

Every loop of the test process is made by the policy installed here; without the marker it behaves as always.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Generator
from typing import Any

import pytest

STUCK_AFTER_S = 10.0  # real seconds that a virtual loop may wait for the outside world alone


class Stuck(RuntimeError):
    """No timer, no job in an executor, and nothing arrived for a long (real) time."""


class _JumpingSelector(selectors.DefaultSelector):  # type: ignore[misc, valid-type, unused-ignore]
    """Instead of waiting for the loop's next timer, moves the loop's clock there."""

    loop: TestLoop | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        loop = self.loop
        if loop is None or not loop.is_virtual:
            return super().select(timeout)
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if loop.jobs:
            return super().select(1.0)  # the job's end wakes it
        if timeout is None:
            ready = super().select(STUCK_AFTER_S)
            if not ready:
                raise Stuck("the loop has no timer and nothing arrives: the test would wait for ever")
            return ready
        loop.advance(timeout)
        return []


class TestLoop(asyncio.SelectorEventLoop):
    """A plain selector loop whose clock can be taken off the wall."""

    __test__ = False  # not a test class

    def __init__(self, *, is_virtual: bool = False) -> None:
        selector = _JumpingSelector()
        self.is_virtual = False
        self.jobs = 0  # in executors
        self._now = 0.0
        super().__init__(selector)
        self._now = super().time()
        self.is_virtual = is_virtual
        selector.loop = self

    def time(self) -> float:
        return self._now if self.is_virtual else super().time()

    def advance(self, by_s: float) -> None:
        self._now += by_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = super().run_in_executor(executor, func, *args)
        self.jobs += 1
        future.add_done_callback(self._job_done)
        return future

    def _job_done(self, _: asyncio.Future[Any]) -> None:
        self.jobs -= 1


class TestPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes ``TestLoop``; the next one is virtual if ``next_is_virtual``."""

    __test__ = False

    next_is_virtual = False

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return TestLoop(is_virtual=self.next_is_virtual)


_policy = TestPolicy()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: run the test on a loop that jumps to its next timer")
    asyncio.set_event_loop_policy(_policy)


def pytest_unconfigure() -> None:
    asyncio.set_event_loop_policy(None)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """The test's own runner (not one shared by a module or session) makes its loop while this fixture is set up."""
    own = fixturedef.argname.endswith("_scoped_runner") and fixturedef.scope == "function"
    _policy.next_is_virtual = own and request.node.get_closest_marker("virtual_time") is not None
    try:
        return (yield)
    finally:
        _policy.next_is_virtual = False
