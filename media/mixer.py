"""Any number of legs in one conversation: each hears all the others, and never itself.

Who is audible to whom is a property of the leg that speaks, which is all a supervisor needs: one who listens in is
audible to nobody, one who whispers to the attendant alone, one who barges in to everybody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from .clock import MediaClock
from .frames import FRAME_SAMPLES, SILENCE, Frame
from .leg import Leg
from .pcm import samples, saturate

MAX_LEGS: Final = 32


@dataclass(slots=True)
class _Member:
    leg: Leg
    audible_to: frozenset[str] | None  # names of legs; None: everybody


class Mixer:
    """Sums in 32 bits and saturates once, so a listener hears the same whatever the order of the speakers.

    Owns none of its legs. Frames of one speaker alone are handed on as they are, silence costs nothing.
    """

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}
        self._clock: MediaClock | None = None

    def __len__(self) -> int:
        return len(self._members)

    def add(self, leg: Leg, *, audible_to: Collection[str] | None = None) -> None:
        """Let *leg* in, or change to whom it is audible.

        Raises:
            ValueError: another leg has this name, or the mixer is full.
        """
        known = self._members.get(leg.name)
        if known is not None and known.leg is not leg:
            raise ValueError(f"another leg is called {leg.name}")
        if known is None and len(self._members) >= MAX_LEGS:
            raise ValueError(f"a mixer takes {MAX_LEGS} legs")
        self._members[leg.name] = _Member(leg, None if audible_to is None else frozenset(audible_to))

    def remove(self, leg: Leg) -> None:
        """Leave *leg* out from the next tick on; it stays open. Unknown: nothing happens."""
        self._members.pop(leg.name, None)

    def start(self, clock: MediaClock) -> None:
        self.stop()
        self._clock = clock
        clock.add(self.tick)

    def stop(self) -> None:
        if self._clock is not None:
            self._clock.remove(self.tick)
            self._clock = None

    def tick(self, _number: int) -> None:
        """Take one frame from everybody, give everybody theirs."""
        members = list(self._members.values())
        spoken = [(member, frame) for member in members if (frame := member.leg.pull()) is not None]
        spoken = [(member, frame) for member, frame in spoken if frame is not SILENCE]
        if len(spoken) < 2:
            self._one_speaks(members, spoken)
            return
        public = np.zeros(FRAME_SAMPLES, np.int32)
        for member, frame in spoken:
            if member.audible_to is None:
                public += samples(frame)
        own = {member.leg.name: frame for member, frame in spoken if member.audible_to is None}
        private = [(member, frame) for member, frame in spoken if member.audible_to is not None]
        for listener in members:
            name = listener.leg.name
            mine = own.get(name)
            total = public if mine is None else public - samples(mine)
            for member, frame in private:
                if member is not listener and name in (member.audible_to or ()):
                    total = total + samples(frame)
            listener.leg.push(saturate(total).tobytes())

    @staticmethod
    def _one_speaks(members: list[_Member], spoken: list[tuple[_Member, Frame]]) -> None:
        speaker, frame = spoken[0] if spoken else (None, SILENCE)
        for listener in members:
            hears = (
                speaker is not None
                and speaker is not listener
                and (speaker.audible_to is None or listener.leg.name in speaker.audible_to)
            )
            listener.leg.push(frame if hears else SILENCE)
