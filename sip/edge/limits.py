"""Rates per source: a token bucket for each address, in a bounded table.

Time is an argument. The table holds the latest ``MAX_SOURCES`` sources; the one not heard of for longest gives way, so
a flood from invented addresses costs memory for that many and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MAX_SOURCES: Final = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_s: float


class RateLimit:
    """*per_second* sustained for each source, *burst* at once."""

    def __init__(self, per_second: float, burst: float | None = None) -> None:
        self._rate = per_second
        self._burst = max(1.0, per_second if burst is None else burst)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self.refused = 0
        self.forgotten = 0

    def allow(self, source: str, now_s: float) -> bool:
        bucket = self._buckets.get(source)
        if bucket is None:
            if len(self._buckets) >= MAX_SOURCES:
                self._buckets.popitem(last=False)
                self.forgotten += 1
            bucket = self._buckets[source] = _Bucket(self._burst, now_s)
        else:
            self._buckets.move_to_end(source)
            bucket.tokens = min(self._burst, bucket.tokens + (now_s - bucket.at_s) * self._rate)
            bucket.at_s = now_s
        if bucket.tokens < 1.0:
            self.refused += 1
            return False
        bucket.tokens -= 1.0
        return True
