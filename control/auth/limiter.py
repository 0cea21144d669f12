"""How often somebody may be wrong before they have to wait.

An attempt is counted before the password is looked at and taken back when it was right, so that a burst of parallel
guesses counts in full. Three keys are counted: the address with the account (a person who mistypes), the address alone
(one machine that tries many accounts) and the account alone (many machines that try one); the last two are lenient, so
that neither an office behind one address nor the victim of guessing is locked out by five mistakes of another.

State is in this process and bounded; each replica counts for itself.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import TooMany

MAX_WAIT_S = 3600.0
ADDRESS_FACTOR = 4
ACCOUNT_FACTOR = 10


@dataclass(slots=True)
class _Count:
    failures: int = 0
    last_s: float = 0.0
    blocked_until_s: float = 0.0


class SignInLimiter:
    """*attempts* failures in a row, then *wait_s* seconds, doubled with each further failure up to an hour.

    At most *capacity* keys are kept; past it the one that has been quiet longest is forgotten and counted.
    """

    def __init__(
        self,
        attempts: int = 5,
        wait_s: float = 60.0,
        *,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._attempts = attempts
        self._wait_s = wait_s
        self._capacity = capacity
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self.refused = 0
        self.forgotten = 0

    def attempt(self, address: str, account: str) -> None:
        """Count one attempt.

        Raises:
            TooMany: it has to wait; ``retry_after_s`` says how long. The attempt is not counted.
        """
        now_s = self._clock()
        keys = self._keys(address, account)
        wait_s = max(self._get(key, now_s).blocked_until_s for key, _ in keys) - now_s
        if wait_s > 0:
            self.refused += 1
            raise TooMany(
                "too many attempts; wait before the next", code="too_many_attempts", retry_after_s=math.ceil(wait_s)
            )
        for key, allowed in keys:
            count = self._get(key, now_s)
            count.failures += 1
            count.last_s = now_s
            beyond = count.failures - allowed
            if beyond >= 0:
                count.blocked_until_s = now_s + min(self._wait_s * 2.0 ** min(beyond, 20), MAX_WAIT_S)

    def succeeded(self, address: str, account: str) -> None:
        """The attempt was right: the pair starts anew, and the shared counts lose what this attempt added."""
        pair, *shared = self._keys(address, account)
        self._counts.pop(pair[0], None)
        for key, allowed in shared:
            count = self._counts.get(key)
            if count is not None:
                count.failures -= 1
                if count.failures < allowed:
                    count.blocked_until_s = 0.0

    def _keys(self, address: str, account: str) -> tuple[tuple[str, int], ...]:
        account = account.lower()
        return (
            (f"{address} {account}", self._attempts),
            (f"{address} ", self._attempts * ADDRESS_FACTOR),
            (f" {account}", self._attempts * ACCOUNT_FACTOR),
        )

    def _get(self, key: str, now_s: float) -> _Count:
        count = self._counts.get(key)
        if count is None or now_s - max(count.last_s, count.blocked_until_s) > MAX_WAIT_S:
            count = self._counts[key] = _Count(last_s=now_s)
        self._counts.move_to_end(key)
        if len(self._counts) > self._capacity:
            self._counts.popitem(last=False)
            self.forgotten += 1
        return count
