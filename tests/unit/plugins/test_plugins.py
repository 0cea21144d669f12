"""The test plugins do what they promise: shown by running small test files under them."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def run(pytester: pytest.Pytester, pytestconfig: pytest.Config):  # type: ignore[no-untyped-def]
    pytester.makeini(f"[pytest]\nasyncio_mode = auto\npythonpath = {pytestconfig.rootpath}\n")
    pytester.makeconftest('pytest_plugins = ["tests.plugins.virtual_time", "tests.plugins.leaks"]')

    def run(source: str) -> pytest.RunResult:
        pytester.makepyfile("import asyncio, threading, time, pytest\n" + source)
        return pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")

    return run


@pytest.mark.virtual_time
async def test_an_hour_passes_at_once_and_in_order() -> None:
    began, order = time.monotonic(), []
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        order.append((seconds, round(loop.time() - start, 6)))

    await asyncio.gather(after(3600), after(1), after(60))
    assert order == [(1, 1), (60, 60), (3600, 3600)]
    assert time.monotonic() - began < 60


@pytest.mark.virtual_time
async def test_what_has_arrived_is_served_before_the_clock_moves() -> None:
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        start = loop.time()
        loop.call_later(5, there.send, b"late")
        assert await loop.sock_recv(here, 10) == b"late"
        assert loop.time() - start == pytest.approx(5)
        there.send(b"now")
        async with asyncio.timeout(1):
            assert await loop.sock_recv(here, 10) == b"now"
        assert loop.time() - start == pytest.approx(5)


@pytest.mark.virtual_time
async def test_the_clock_stands_while_a_job_is_in_an_executor() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(0.001):  # of virtual time
        await asyncio.to_thread(time.sleep, 0.05)
    assert loop.time() == start


async def test_without_the_marker_time_is_real() -> None:
    loop = asyncio.get_running_loop()
    assert abs(loop.time() - time.monotonic()) < 1


def test_a_virtual_loop_that_waits_for_nothing_fails(run) -> None:  # type: ignore[no-untyped-def]
    result = run(
        """
import tests.plugins.virtual_time as plugin
plugin.STUCK_AFTER_S = 0.1
@pytest.mark.virtual_time
async def test_stuck():
    await asyncio.get_running_loop().create_future()
"""
    )
    assert result.parseoutcomes().get("failed") == 1
    result.stdout.fnmatch_lines(["*wait for ever*"])


def test_only_the_marked_test_is_virtual_even_with_a_session_loop_beside_it(run) -> None:  # type: ignore[no-untyped-def]
    result = run(
        """
import pytest_asyncio
@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared():
    yield asyncio.get_running_loop().is_virtual

@pytest.mark.virtual_time
async def test_one(shared):
    assert not shared
    assert asyncio.get_running_loop().is_virtual

async def test_two(shared):
    assert not asyncio.get_running_loop().is_virtual

def test_sync(shared):
    assert not shared
"""
    )
    result.assert_outcomes(passed=3)


def test_leaks_fail_the_test_that_left_them_and_tidy_tests_pass(run) -> None:  # type: ignore[no-untyped-def]
    result = run(
        """
kept = []

async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(60), name="stray"))

async def test_thread():
    stop = threading.Event()
    kept.append(stop)
    threading.Thread(target=stop.wait, args=(2,), name="stray-thread").start()

async def test_exception():
    async def fail():
        raise ValueError("unseen")
    asyncio.get_running_loop().create_task(fail())
    await asyncio.sleep(0.01)

async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)

async def test_tidy():
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.to_thread(int)
    await asyncio.sleep(0)
    task.cancel()

def test_sync():
    pass
"""
    )
    outcome = result.parseoutcomes()
    assert (outcome["passed"], outcome["errors"]) == (6, 4)
    result.stdout.fnmatch_lines_random(
        ["*tasks left running: stray*", "*threads left alive: stray-thread*", "*unseen*", "*division by zero*"]
    )


def test_a_marked_test_fails_when_it_blocks_the_loop(run) -> None:  # type: ignore[no-untyped-def]
    result = run(
        """
pytestmark = pytest.mark.never_blocks

async def test_sleeps():
    time.sleep(0.001)

async def test_opens():
    open(__file__).close()

async def test_hands_it_to_a_thread():
    await asyncio.to_thread(time.sleep, 0.001)
"""
    )
    outcome = result.parseoutcomes()
    assert (outcome["passed"], outcome["errors"]) == (3, 2)
    result.stdout.fnmatch_lines_random(["*the loop was blocked by: sleep*", "*the loop was blocked by: open*"])
