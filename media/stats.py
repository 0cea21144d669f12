"""What the media core counts. Plain numbers that only grow (``worst_…`` and ``depth`` apart), read by the metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counters:
    """Base: a bag of numbers that reads as a dict."""

    def as_dict(self) -> dict[str, int | float]:
        return asdict(self)


@dataclass(slots=True)
class ClockStats(Counters):
    ticks: int = 0
    late: int = 0  # wake-ups more than half a frame behind
    skipped: int = 0  # ticks given up because too many were due at once
    faults: int = 0  # tickers taken off because they raised
    worst_late_s: float = 0.0
    busy_s: float = 0.0  # time spent inside tickers


@dataclass(slots=True)
class LegStats(Counters):
    """Frames of one leg. ``in`` is heard from it, ``out`` is said to it."""

    frames_in: int = 0
    frames_out: int = 0
    underruns: int = 0  # ticks at which nothing had arrived
    dropped_in: int = 0  # arrived, but given up: too many waited
    dropped_out: int = 0  # the far end was too slow
    lost_in: int = 0  # the sender's own drops, seen as holes in its timestamps
    malformed: int = 0
    depth: int = 0  # frames waiting when last looked


@dataclass(slots=True)
class BridgeStats(Counters):
    ticks: int = 0
    gaps: int = 0  # ticks the clock skipped
    caller_silent: int = 0  # ticks at which the caller's leg had nothing
    far_silent: int = 0
