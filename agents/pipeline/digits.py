"""Digits that the caller types: collected by number, by ``#`` or by a gap, typed ahead of the question or after it."""

from __future__ import annotations

import asyncio
from collections import deque

from ..errors import VoiceClosed

VALID = frozenset("0123456789*#ABCD")
MOST = 64  # typed ahead; the oldest give way: a caller who leans on a key


class Digits:
    def __init__(self) -> None:
        self._typed: deque[str] = deque(maxlen=MOST)
        self._more = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def __bool__(self) -> bool:
        return bool(self._typed)

    def add(self, digit: str) -> bool:
        """False for what is no digit."""
        if digit not in VALID:
            return False
        self.dropped += len(self._typed) == MOST
        self._typed.append(digit)
        self._more.set()
        return True

    def close(self) -> None:
        self._closed = True
        self._more.set()

    async def first(self) -> None:
        """Until there is at least one digit.

        Raises:
            VoiceClosed: there never will be.
        """
        while not self._typed:
            if self._closed:
                raise VoiceClosed("the call is over")
            self._more.clear()
            await self._more.wait()

    async def collect(self, max_digits: int | None, gap_s: float) -> str:
        """Digits up to *max_digits* (None or 0: no bound but MOST), a ``#`` (left out), or *gap_s* without one.

        Cancelled: the digits read so far are gone.
        """
        read: list[str] = []
        most = max_digits or MOST
        while len(read) < most:
            try:
                async with asyncio.timeout(gap_s if read else None):
                    await self.first()
            except TimeoutError:
                break
            digit = self._typed.popleft()
            if digit == "#":
                break
            read.append(digit)
        return "".join(read)
