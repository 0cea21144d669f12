"""What is known of one incoming RTP stream: loss, jitter, duplicates, what to ask for again (RFC 3550 A.3, A.8)."""

from __future__ import annotations

from typing import Final

from . import rtcp

MAX_GAP: Final = 64  # a jump further than this is a new start, not a loss to repair
MAX_MISSING: Final = 256
NACK_EVERY_S: Final = 0.06
NACK_TRIES: Final = 4
DUPLICATE: Final = -1


class Reception:
    """Counts one SSRC. ``take`` is on the packet path."""

    __slots__ = (
        "_base", "_cycles", "_expected_prior", "_jitter", "_received", "_received_prior", "_seen", "_sr_at_s",
        "_sr_middle", "_transit", "fraction_lost", "highest", "last_s", "missing", "next_nack_s",
    )  # fmt: skip

    def __init__(self) -> None:
        self.highest = -1
        self._base = self._cycles = self._received = self._received_prior = self._expected_prior = 0
        self._jitter = self._transit = 0.0
        self._seen = bytearray(1024)
        self._sr_middle, self._sr_at_s = 0, 0.0
        self.fraction_lost = 0  # of 256, in the last report interval
        self.last_s = 0.0
        self.missing: dict[int, int] = {}  # sequence number to times asked for
        self.next_nack_s = 0.0

    def take(self, seq: int, now_s: float) -> int:
        """Note one packet: how many are newly missing before it, 0 for in order or late, −1 for a duplicate."""
        slot, mark = seq & 1023, (seq >> 10) + 1
        if self._seen[slot] == mark:
            return DUPLICATE
        self._seen[slot] = mark
        self._received += 1
        self.last_s = now_s
        if self.highest < 0:
            self.highest = self._base = seq
            return 0
        ahead = (seq - self.highest) & 0xFFFF
        if ahead == 1:
            if seq == 0:
                self._cycles += 65536
            self.highest = seq
            return 0
        if ahead < 0x8000:
            if seq < self.highest:
                self._cycles += 65536
            gap, self.highest = ahead - 1, seq
            if gap > MAX_GAP:
                self.missing.clear()
                return 0
            for back in range(gap, 0, -1):
                if len(self.missing) < MAX_MISSING:
                    self.missing[(seq - back) & 0xFFFF] = 0
            return gap
        self.missing.pop(seq, None)
        return 0

    def to_nack(self, now_s: float) -> list[int]:
        """What to ask for now; each number at most ``NACK_TRIES`` times, ``NACK_EVERY_S`` apart."""
        self.next_nack_s = now_s + NACK_EVERY_S
        wanted = list(self.missing)[: rtcp.MAX_LOST]
        for seq in wanted:
            tries = self.missing[seq] + 1
            if tries >= NACK_TRIES or (self.highest - seq) & 0xFFFF > 1000:
                del self.missing[seq]
            else:
                self.missing[seq] = tries
        return wanted

    def arrival(self, timestamp: int, now_s: float, clock_hz: int) -> None:
        """Interarrival jitter (RFC 3550 A.8), in timestamp units."""
        transit = now_s * clock_hz - timestamp
        change = abs(transit - self._transit)
        self._transit = transit
        if change < clock_hz * 10:  # a new timestamp base is no jitter
            self._jitter += (change - self._jitter) / 16

    def sender_report(self, ntp: int, now_s: float) -> None:
        self._sr_middle, self._sr_at_s = (ntp >> 16) & 0xFFFFFFFF, now_s

    def report(self, ssrc: int, now_s: float) -> bytes | None:
        """A receiver report of the interval since the last one; None while nothing has come."""
        if self.highest < 0:
            return None
        extended = self._cycles + self.highest
        expected = extended - self._base + 1
        lost = expected - self._received
        expected_here, received_here = expected - self._expected_prior, self._received - self._received_prior
        self._expected_prior, self._received_prior = expected, self._received
        lost_here = expected_here - received_here
        self.fraction_lost = min(255, 256 * lost_here // expected_here) if expected_here > 0 and lost_here > 0 else 0
        delay = int((now_s - self._sr_at_s) * 65536) & 0xFFFFFFFF if self._sr_middle else 0
        return rtcp.receiver_report(
            ssrc, fraction_lost=self.fraction_lost, lost=lost, highest=extended, jitter=int(self._jitter),
            last_sr=self._sr_middle, delay=delay,
        )  # fmt: skip
