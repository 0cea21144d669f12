"""One 20 ms tick for all sessions of a process.

Ticks fall at ``t0 + n * 20 ms`` of the loop's clock, so that lateness never accumulates. A tick that comes late is
made up at once, at most ``MAX_CATCH_UP`` of them; what lies further back is skipped, and every ticker learns it from
the tick's number, which counts skipped ticks too. With nobody registered there is no timer: idle costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeAlias

from .frames import FRAME_S
from .stats import ClockStats

MAX_CATCH_UP: Final = 5
LATE_S: Final = FRAME_S / 2  # from here on a tick counts as late

Ticker: TypeAlias = Callable[[int], None]
OnFault: TypeAlias = Callable[[Exception], None]

log = logging.getLogger(__name__)


class MediaClock:
    """Calls every registered ticker once each 20 ms with the number of the tick.

    A ticker must not block. One that raises is taken off, logged, and its ``on_fault`` is told: the other calls of the
    process go on. Belongs to the loop it is first used on; not thread-safe.
    """

    def __init__(self) -> None:
        self.stats = ClockStats()
        self._tickers: dict[Ticker, OnFault | None] = {}
        self._order: tuple[Ticker, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._t0 = 0.0
        self._due = 0  # number of the next tick
        self._ticking = False

    def __len__(self) -> int:
        return len(self._tickers)

    @property
    def running(self) -> bool:
        return bool(self._tickers)

    @property
    def tick_number(self) -> int:
        """The number of the next tick."""
        return self._due

    def add(self, ticker: Ticker, on_fault: OnFault | None = None) -> None:
        """Call *ticker* from the next tick on. Adding it again only replaces *on_fault*."""
        self._tickers[ticker] = on_fault
        self._order = tuple(self._tickers)
        if self._timer is None and not self._ticking:
            self._start()

    def remove(self, ticker: Ticker) -> None:
        """Stop calling *ticker*, at once even from within a tick. Unknown: nothing happens."""
        if self._tickers.pop(ticker, self) is self:
            return
        self._order = tuple(self._tickers)
        if not self._tickers and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Drop all tickers and stop."""
        for ticker in self._order:
            self.remove(ticker)

    def _start(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        # Numbers go on where they stopped; only the origin moves.
        self._t0 = loop.time() + FRAME_S - self._due * FRAME_S
        self._timer = loop.call_at(loop.time() + FRAME_S, self._wake)

    def _wake(self) -> None:
        loop, stats = self._loop, self.stats
        assert loop is not None
        self._timer, self._ticking = None, True
        began = loop.time()
        behind = began - (self._t0 + self._due * FRAME_S)
        ticks = 1 + max(0, int(behind / FRAME_S))
        stats.late += behind > LATE_S
        stats.worst_late_s = max(stats.worst_late_s, behind)
        if ticks > MAX_CATCH_UP:
            stats.skipped += ticks - MAX_CATCH_UP
            self._due += ticks - MAX_CATCH_UP
            ticks = MAX_CATCH_UP
        for _ in range(ticks):
            number, self._due = self._due, self._due + 1
            for ticker in self._order:
                if ticker in self._tickers:  # one ticker may remove another
                    try:
                        ticker(number)
                    except Exception as error:
                        self._fault(ticker, error)
        stats.ticks += ticks
        stats.busy_s += loop.time() - began
        self._ticking = False
        if self._tickers:
            self._timer = loop.call_at(self._t0 + self._due * FRAME_S, self._wake)

    def _fault(self, ticker: Ticker, error: Exception) -> None:
        log.error("media_ticker_failed", exc_info=error)
        self.stats.faults += 1
        on_fault = self._tickers.get(ticker)
        self.remove(ticker)
        if on_fault is not None:
            on_fault(error)
