"""The machine that runs a compiled flow: one instruction after another, and a yield for each effect.

A program is a flat list of instructions. One does its work and gives the place of the next; when an effect is wanted
it leaves it in ``effect`` and gives the complement of the next place. All state is in plain data (place, variables,
frames), not in the Python stack: subroutines nest without recursion and a flow can be stopped at any effect.

    place ──► code[place](machine) ──► next place
                     └──► ~next, effect ──► yield ──► answer ──► taker(machine, answer) ──► next
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from config.agents import DialectSettings

from . import effects
from .errors import FlowError, LimitReached
from .values import Meter, Value

CALLS_MAX: Final = 200  # subroutines within subroutines
BREATH: Final = 20_000  # instructions between two Breathe effects: a few milliseconds
BREATHS_MAX: Final = 500  # in a row: 10 million instructions without a word
_REST: Final = 2_000_000  # bytes made between two breaths

Instruction: TypeAlias = Callable[["Machine"], int]
Getter: TypeAlias = Callable[["Machine"], Value]


@dataclass(slots=True)
class Frame:
    """What a call leaves behind to come back to."""

    place: int  # of the call
    locals: dict[str, Value]
    resumes: bool
    into: str  # the caller's local that takes the result


@dataclass(slots=True, eq=False)
class Machine:
    """One run of one flow."""

    code: tuple[Instruction, ...]
    lines: tuple[int, ...]  # of each instruction
    after: tuple[int, ...]  # for each instruction, where its statement ends: ON ERROR RESUME NEXT
    flow: str
    settings: DialectSettings
    now: Callable[[], datetime]
    globals: dict[str, Value] = field(default_factory=dict)
    locals: dict[str, Value] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    resumes: bool = False  # ON ERROR RESUME NEXT is in force
    effect: effects.Effect | None = None
    taker: Callable[[Machine, Any], None] | None = None
    result: Value = None
    prompt: str = ""  # what was said last: repeated after silence
    made: int = 0  # bytes charged so far
    rest_at: int = 0  # bytes charged at which a loop breathes before it goes on
    breaths: int = 0  # one after another, with no other effect between

    def run(self, variables: Mapping[str, Value]) -> Generator[effects.Effect, Any, Value]:
        """Run to the end.

        Raises:
            FlowError: a statement failed and the flow doesn't resume; flow and line are filled in.
        """
        self.globals.update((name.lower(), value) for name, value in variables.items())
        place, code = 0, self.code
        try:
            Meter.made = self.made
            while True:
                try:
                    for _ in range(BREATH):
                        at = place
                        place = code[at](self)
                        if place < 0:
                            if self.effect is None:
                                return self.result
                            answer = yield from self._ask(self.effect)
                            self.breaths = 0
                            if self.taker:
                                self.taker(self, answer)
                            place = ~place
                    yield from self._ask(effects.Breathe(line=self.lines[place]))
                    self._tire(self.lines[place])
                except FlowError as error:
                    place = self._recover(at, error)
        finally:
            self.effect = self.taker = None

    def _ask(self, effect: effects.Effect) -> Generator[effects.Effect, Any, Any]:
        """Yield, and keep this run's account of memory apart from those that run meanwhile."""
        self.made = Meter.made
        try:
            return (yield effect)
        finally:
            Meter.made = self.made

    def session(self) -> dict[str, Value]:
        """The ``session`` record; made if the host gave none."""
        found = self.globals.get("session")
        if not isinstance(found, dict):
            found = self.globals["session"] = {}
        return found

    # ---- what instructions use

    def call(self, place: int, entry: int, values: dict[str, Value], into: str) -> int:
        if len(self.frames) >= CALLS_MAX:
            raise LimitReached(
                "too_many_calls",
                f"há mais de {CALLS_MAX} chamadas umas dentro das outras.",
                "Um SUB ou FUNCTION está chamando a si mesmo sem parar.",
            )
        self.frames.append(Frame(place, self.locals, self.resumes, into))
        self.locals, self.resumes = values, False
        return entry

    def give_back(self, value: Value) -> int:
        """RETURN: back to the caller, or the end of the flow."""
        if not self.frames:
            self.result, self.effect = value, None
            return -1
        frame = self.frames.pop()
        self.locals, self.resumes = frame.locals, frame.resumes
        self.locals[frame.into] = value
        return frame.place + 1

    def turn(self, counter: str, line: int, top: int) -> int:
        """One more turn of a loop, back to *top*. A turn that made big values takes a breath first.

        Raises:
            LimitReached: too many; it names the loop's line.
        """
        turns = self.locals.get(counter, 0) + 1
        if turns > self.settings.loop_max_iterations:
            raise LimitReached(
                "endless_loop",
                f"a repetição da linha {line} passou de {self.settings.loop_max_iterations} voltas.",
                "Verifique a condição de saída dela.",
                line=line,
            )
        self.locals[counter] = turns
        if Meter.made < self.rest_at:
            return top
        self.rest_at = Meter.made + _REST
        self.effect, self.taker = effects.Breathe(line=line), None
        return ~top

    def _tire(self, line: int) -> None:
        """Count a breath; a flow that only computes is stopped at last, whatever its loops allow."""
        self.breaths += 1
        if self.breaths > BREATHS_MAX:
            raise LimitReached(
                "endless_loop",
                f"o fluxo fez mais de {BREATH * BREATHS_MAX} passos sem falar nem ouvir.",
                "Verifique as repetições perto desta linha.",
                line=line,
            )

    def _recover(self, place: int, error: FlowError) -> int:
        """Where the flow goes on after *error*; raises it when nowhere."""
        error.flow = error.flow or self.flow
        error.line = error.line or self.lines[place]
        self.effect = self.taker = None
        if not isinstance(error, LimitReached):
            self.globals["error"] = {"code": error.code, "message": error.what, "line": error.line}
            while True:
                if self.resumes:
                    return self.after[place]
                if not self.frames:
                    break
                frame = self.frames.pop()
                self.locals, self.resumes, place = frame.locals, frame.resumes, frame.place
                self.locals[frame.into] = None
        raise error
