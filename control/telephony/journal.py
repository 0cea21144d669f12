"""A call's writes, in order, without anybody waiting for them.

What was said must reach the database in the order it was said, and must not hold up the conversation while PostgreSQL
restarts. One journal a call; one writer at a time. Bounded: past LIMIT the newest write is refused, counted and logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from control.errors import ControlError, DatabaseUnavailable

LIMIT = 2000
AGAIN_S = 1.0
GIVE_UP_S = 120.0  # a write that found no database this long is lost, and said so

Write = Callable[[], Awaitable[Any]]
log = logging.getLogger(__name__)


class Journal:
    """Made with the call; ``drain`` at its end. Not usable afterwards."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._writes: deque[Write] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None
        self.refused = 0
        self.lost = 0

    def post(self, write: Write) -> None:
        """Have *write* done after all those before it."""
        if len(self._writes) >= LIMIT:
            self.refused += 1
            log.error("journal_full", extra={"call": self._call, "refused": self.refused})
            return
        self._writes.append(write)
        self._idle.clear()
        self._work.set()
        if self._writer is None:
            self._writer = asyncio.create_task(self._run(), name=f"{self._call}/journal")

    async def drain(self) -> None:
        """Wait until everything posted was written or given up, then stop."""
        await self._idle.wait()
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    async def _run(self) -> None:
        while True:
            await self._work.wait()
            while self._writes:
                await self._write(self._writes[0])
                self._writes.popleft()
            self._work.clear()
            self._idle.set()

    async def _write(self, write: Write) -> None:
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            try:
                await write()
            except DatabaseUnavailable as error:
                if time.monotonic() > deadline:
                    self.lost += 1
                    log.error("write_lost", extra={"call": self._call, "error": str(error)})
                    return
                await asyncio.sleep(AGAIN_S)
            except ControlError as error:
                log.warning("write_refused", extra={"call": self._call, "code": error.code, "error": error.message})
                return
            except Exception:
                self.lost += 1
                log.exception("write_failed", extra={"call": self._call})
                return
            else:
                return
