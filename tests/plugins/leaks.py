"""Every async test fails if it leaves something behind, and a marked one if it blocks the loop.

- Tasks still running, threads still alive and exceptions that nobody looked at fail the test that left them.
  Daemon threads and the workers of executors may stay: their owners outlive a test.
- ``@pytest.mark.never_blocks``: calls that are known to block (sleep, opening and syncing files, resolving names,
  connecting) fail the test when made on the loop's thread.
"""

from __future__ import annotations

import asyncio
import builtins
import gc
import os
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

SETTLE_TURNS = 20  # turns of the loop that a cancelled task gets to end
EXECUTOR_NAMES = ("asyncio_", "ThreadPoolExecutor-")
READS_SOURCE = ("linecache", "tokenize", "importlib", "inspect")  # a traceback being formatted is no fault of the test


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "never_blocks: fail the test if it makes a blocking call on the loop's thread")


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> None:
    """Set up before the test's own fixtures, so checked after they are gone; sync tests pay nothing."""
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("_watch_for_leaks")
        if request.node.get_closest_marker("never_blocks"):
            request.getfixturevalue("_watch_for_blocking")


@pytest_asyncio.fixture
async def _watch_for_leaks() -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    strays: list[str] = []

    def on_exception(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        strays.append(f"{context['message']}: {context.get('exception')!r}")

    loop.set_exception_handler(on_exception)
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    yield
    for _ in range(SETTLE_TURNS):
        left = {task for task in asyncio.all_tasks() - tasks if task is not asyncio.current_task()}
        if not left:
            break
        await asyncio.sleep(0)
    gc.collect(1)  # a task that failed unseen says so when it is collected
    await asyncio.sleep(0)
    names = sorted(f"{task.get_name()} ({task.get_coro()})" for task in left)
    alive = sorted(thread.name for thread in set(threading.enumerate()) - threads if _is_leak(thread))
    assert not names, f"tasks left running: {', '.join(names)}"
    assert not alive, f"threads left alive: {', '.join(alive)}"
    assert not strays, f"nobody looked at: {'; '.join(strays)}"


def _is_leak(thread: threading.Thread) -> bool:
    return thread.is_alive() and not thread.daemon and not thread.name.startswith(EXECUTOR_NAMES)


BLOCKING: tuple[tuple[Any, str], ...] = (
    (time, "sleep"),
    (builtins, "open"),
    (os, "fsync"),
    (os, "fdatasync"),
    (socket, "getaddrinfo"),
    (socket, "gethostbyname"),
    (socket, "create_connection"),
)


@pytest_asyncio.fixture
async def _watch_for_blocking(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    caught: list[str] = []
    home = threading.get_ident()

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == home and asyncio._get_running_loop() is not None:
                caller = sys._getframe(1)
                if not caller.f_globals.get("__name__", "").startswith(READS_SOURCE):
                    caught.append(f"{name} at {caller.f_code.co_filename}:{caller.f_lineno}")
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for owner, attribute in BLOCKING:
            patch.setattr(owner, attribute, watched(attribute, getattr(owner, attribute)))
        yield
    assert not caught, f"the loop was blocked by: {', '.join(caught)}"
