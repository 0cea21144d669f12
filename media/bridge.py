"""A caller and whoever talks with it: bot, room, music, one after the other.

        heard ─────────┬──► taps (transcription of the caller)
caller ─────► Bridge ──┼──► recorder (caller left, everybody else right)
       ◄─────          ├──► taps (transcription of the far end)
        said ◄─────────┴─── far  (Voice | RoomLeg | Player), swapped by ``connect``
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from .clock import MediaClock
from .frames import FRAME_S, SILENCE, Frame
from .leg import Leg
from .stats import BridgeStats

Tap: TypeAlias = Callable[[Frame], None]


class FrameSink(Protocol):
    """What a bridge needs of a recorder."""

    def write(self, left: Frame, right: Frame) -> None: ...

    def skip(self, frames: int) -> None: ...


class Bridge:
    """Moves 20 ms both ways at every tick. Owns none of its legs: who opened a leg closes it.

    A silent side is heard as silence, so taps and recorder get exactly one frame each tick, and ``elapsed_s`` is the
    time on the call's own line: the recording's second *t* is the taps' second *t*. Ticks the clock had to skip are
    silence on that line too.
    """

    def __init__(self, caller: Leg, recorder: FrameSink | None = None, *, far: Leg | None = None) -> None:
        self.caller = caller
        self.recorder = recorder
        self.stats = BridgeStats()
        self._far = far
        self._heard_taps: tuple[Tap, ...] = ()
        self._said_taps: tuple[Tap, ...] = ()
        self._clock: MediaClock | None = None
        self._next: int | None = None

    @property
    def far(self) -> Leg | None:
        return self._far

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first tick, on the line that the recording and the taps share."""
        return (self.stats.ticks + self.stats.gaps) * FRAME_S

    def start(self, clock: MediaClock, on_fault: Callable[[Exception], None] | None = None) -> None:
        """Run on *clock*. *on_fault* hears of an exception out of a leg or tap; the bridge is off the clock then."""
        self.stop()
        self._clock = clock
        clock.add(self.tick, on_fault)

    def stop(self) -> None:
        """Leave the clock. Can be started again; the time between isn't on the call's line."""
        if self._clock is not None:
            self._clock.remove(self.tick)
            self._clock = None
        self._next = None

    def connect(self, far: Leg | None) -> Leg | None:
        """Talk with *far* from the next tick on; None: nobody. Returns who it was before, which stays open."""
        before, self._far = self._far, far
        return before

    def replace_caller(self, caller: Leg) -> Leg:
        """The same caller by another leg (its SIP worker attached again). Returns the old leg, which stays open."""
        before, self.caller = self.caller, caller
        return before

    def tap_heard(self, tap: Tap) -> Callable[[], None]:
        """Give *tap* every frame heard from the caller. Returns a function that takes it off."""
        self._heard_taps = (*self._heard_taps, tap)

        def untap() -> None:
            self._heard_taps = tuple(each for each in self._heard_taps if each is not tap)

        return untap

    def tap_said(self, tap: Tap) -> Callable[[], None]:
        """Give *tap* every frame said to the caller. Returns a function that takes it off."""
        self._said_taps = (*self._said_taps, tap)

        def untap() -> None:
            self._said_taps = tuple(each for each in self._said_taps if each is not tap)

        return untap

    def tick(self, number: int) -> None:
        """Move one frame each way. *number* is the clock's; a hole in the numbers is time the clock skipped."""
        stats, recorder, far = self.stats, self.recorder, self._far
        if self._next is not None and number != self._next:
            stats.gaps += number - self._next
            if recorder is not None:
                recorder.skip(number - self._next)
        self._next = number + 1
        stats.ticks += 1
        heard = self.caller.pull()
        if heard is None:
            heard = SILENCE
            stats.caller_silent += 1
        said = far.pull() if far is not None else None
        if said is None:
            said = SILENCE
            stats.far_silent += 1
        self.caller.push(said)
        if far is not None:
            far.push(heard)
        if recorder is not None:
            recorder.write(heard, said)
        for tap in self._heard_taps:
            tap(heard)
        for tap in self._said_taps:
            tap(said)
