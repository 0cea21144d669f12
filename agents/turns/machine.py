"""One speaker's turns, window by window: when to start recognising on approval, when to give up, when it is over.

    idle ──Started──► speaking ──(a short silence)──► Speculate ──(speech)──► Resumed
                          ▲                               │
                          └───────────────────────────────┤ enough silence for what was understood, or too long
                                                          ▼
                                                        Commit ──► idle

Knows no audio, no clock and no recogniser: probabilities come in, actions come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from .ends import TurnEnd
from .starts import SpeechStart

GOES_ON = 0.35  # a lower bar than for a start: the end of a word is soft


class Started(NamedTuple):
    """Speech began at *at_s*."""

    at_s: float


class Speculate(NamedTuple):
    """A pause: understand what there is, it may be all. *turn* numbers the attempt."""

    turn: int


class Resumed(NamedTuple):
    """The speaker went on: the attempt *turn* is worthless."""

    turn: int


class Interim(NamedTuple):
    """Speech goes on; a look at what there is so far would be welcome."""


class Commit(NamedTuple):
    """The turn is over. *turn* is the attempt that covers it, or 0 when there was none."""

    turn: int
    start_s: float
    end_s: float


Action = Started | Speculate | Resumed | Interim | Commit


@dataclass(slots=True)
class TurnMachine:
    """Times are seconds on the caller's timeline: the end of the window that is given."""

    end: TurnEnd = field(default_factory=TurnEnd)
    speculate_s: float = 0.096
    interim_s: float = 0.0  # 0: no interim looks
    max_turn_s: float = 28.0
    window_s: float = 0.032
    options: tuple[str, ...] = ()
    speaking: bool = False
    silence_s: float = 0.0
    _start: SpeechStart = field(default_factory=SpeechStart)
    _start_s: float = 0.0
    _last_speech_s: float = 0.0
    _looked_s: float = 0.0
    _attempt: int = 0
    _open: bool = False  # an attempt covers everything that was said
    _text: str | None = None  # what the open attempt understood; None: not known yet

    def window(self, probability: float, at_s: float) -> list[Action]:
        """One window that ended at *at_s*."""
        if not self.speaking:
            return self._idle(probability, at_s)
        if probability > GOES_ON:
            return self._voiced(at_s)
        self.silence_s += self.window_s
        if not self._open and self.silence_s + 1e-9 >= self.speculate_s:
            self._open, self._attempt, self._text = True, self._attempt + 1, None
            return [Speculate(self._attempt), *self._over(at_s)]
        return self._over(at_s)

    def understood(self, turn: int, text: str, at_s: float) -> list[Action]:
        """The attempt *turn* gave *text* (empty: no words). An attempt that is no longer open counts for nothing."""
        if not (self.speaking and self._open and turn == self._attempt):
            return []
        self._text = text
        return self._over(at_s)

    def flush(self, at_s: float) -> list[Action]:
        """No more windows will come (the call ends, or the gate has closed): an open turn is over."""
        return [self._commit()] if self.speaking else []

    def _idle(self, probability: float, at_s: float) -> list[Action]:
        if not self._start.heard(probability):
            return []
        self._start.reset()
        self.speaking, self.silence_s, self._open = True, 0.0, False
        self._start_s = max(0.0, at_s - self._start.windows * self.window_s)
        self._last_speech_s, self._looked_s = at_s, at_s
        return [Started(self._start_s)]

    def _voiced(self, at_s: float) -> list[Action]:
        actions: list[Action] = []
        if self._open:
            self._open = False
            actions.append(Resumed(self._attempt))
        self.silence_s, self._last_speech_s = 0.0, at_s
        if self.interim_s and at_s - self._looked_s >= self.interim_s:
            self._looked_s = at_s
            actions.append(Interim())
        return actions + self._over(at_s)

    def _over(self, at_s: float) -> list[Action]:
        if at_s - self._start_s >= self.max_turn_s:
            return [self._commit()]
        if self._open and self.silence_s + 1e-9 >= self.end.silence_s(self._text, self.options):
            return [self._commit()]
        return []

    def _commit(self) -> Commit:
        commit = Commit(self._attempt if self._open else 0, self._start_s, self._last_speech_s)
        self.speaking, self._open = False, False
        self._start.reset()
        return commit
