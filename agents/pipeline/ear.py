"""One speaker's ear: frames from the clock in, turns and understood texts out.

    push (clock, µs) -> gate -> fresh frames -> [ear task] VAD model (thread) -> TurnMachine -> actions
                                                                  Speculate, Interim, Commit -> speech service
                                                                  Started, texts, turns -> the owner's callbacks

While nobody listens, a frame costs an append to the pre-roll ring. Bounds: fresh frames FRESH (the oldest give way,
counted), one turn MAX_TURN_S (then it is committed), turns being understood MAX_PENDING (the newest is lost, told).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from media.frames import FRAME_S, Frame

from ..errors import SpeechError, SpeechOverloaded, SpeechUnavailable
from ..ports import Recognition, RecognitionPriority, Speech
from ..turns import Commit, Interim, Resumed, Speculate, Started, TurnMachine
from ..vad import WINDOW_S, LightGate, SharedVad

log = logging.getLogger(__name__)

BATCH = 2  # frames the model is woken for: 40 ms of delay at most, half the thread hops
FRESH = 100  # frames that may wait for the model: 2 s
PREROLL = 15  # frames kept from before speech was noticed
WARM_UP = 8  # of them, given to the model when the gate opens
MAX_PENDING = 4
RETRIES_S = (0.3, 0.7, 1.5, 2.0)  # pauses between tries to understand a turn: a restart of the service fits in


@dataclass(frozen=True, slots=True)
class Turn:
    """Something was said and is over. ``heard`` is None when the speech service failed to understand it."""

    start_s: float
    end_s: float
    heard: Recognition | None
    error: str = ""


class Listener(Protocol):
    """The owner of an ear. All calls come from the ear's task; none may block or raise."""

    def on_window(self, speech: bool, window_s: float) -> None: ...
    def on_started(self, at_s: float) -> None: ...
    def on_partial(self, text: str) -> None: ...
    def on_turn(self, turn: Turn) -> None: ...


@dataclass(slots=True)
class EarStats:
    frames: int = 0
    examined: int = 0  # frames the model saw
    dropped: int = 0  # fresh frames that gave way
    turns: int = 0
    speculated: int = 0
    wasted: int = 0  # attempts that speech overtook
    lost: int = 0  # turns nobody could understand


@dataclass(eq=False)
class Ear:
    """Lives in ``run``, a task of the owner; ``push`` is called on the same loop's thread."""

    speech: Speech
    vad: SharedVad
    machine: TurnMachine
    listener: Listener
    language: str
    prompt: str = ""
    gate: LightGate = field(default_factory=LightGate)
    stats: EarStats = field(default_factory=EarStats)
    listening: bool = False

    def __post_init__(self) -> None:
        self._preroll: deque[Frame] = deque(maxlen=PREROLL)
        self._fresh: deque[tuple[int, Frame]] = deque(maxlen=FRESH)
        self._ready = asyncio.Event()
        self._turn: list[Frame] = []
        self._attempt: asyncio.Task[Recognition | None] | None = None
        self._look: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None  # turns are told in the order they were said
        self._pending = 0
        self._next_frame = -1  # the frame that follows on what the model heard last
        self._now_s = 0.0
        self._closing = False

    # -- the clock's side

    @property
    def now_s(self) -> float:
        """Time on the caller's timeline: what has been pushed."""
        return self.stats.frames * FRAME_S

    @property
    def busy(self) -> bool:
        """Somebody speaks, or what was said is not understood yet."""
        return self.machine.speaking or self._pending > 0

    def push(self, frame: Frame) -> None:
        """One frame of 20 ms. Microseconds; the model runs elsewhere."""
        stats = self.stats
        stats.frames += 1
        if self.machine.speaking or (self.listening and self.gate.open_for(frame)):
            if self._next_frame != stats.frames - 1:
                # The gate has just opened: what came right before belongs to the word.
                self._fresh.clear()
                before = list(self._preroll)[-WARM_UP:]
                self._fresh.extend((stats.frames - len(before) + i, old) for i, old in enumerate(before))
            stats.dropped += len(self._fresh) == FRESH
            self._fresh.append((stats.frames, frame))
            self._next_frame = stats.frames
            if len(self._fresh) >= BATCH:
                self._ready.set()
        self._preroll.append(frame)

    def listen(self, on: bool) -> None:
        """Begin or cease to listen. Ceasing in the middle of a turn lets the turn end first."""
        self.listening = on

    # -- the ear's task

    async def run(self) -> None:
        """Until ``close`` or cancelled: then what was being understood is given up."""
        async with asyncio.TaskGroup() as tasks:
            stream = self.vad.stream()
            follows = -1
            while not self._closing:
                await self._ready.wait()
                self._ready.clear()
                frames = list(self._fresh)
                self._fresh.clear()
                if not frames:
                    continue
                if frames[0][0] != follows + 1 and not self.machine.speaking:
                    stream.reset()
                    self._turn = []
                follows = frames[-1][0]
                self.stats.examined += len(frames)
                probabilities = await stream.feed(b"".join(frame for _, frame in frames))
                self._hear([frame for _, frame in frames], follows * FRAME_S, probabilities, tasks)
            for action in self.machine.flush(self.now_s):
                self._act(action, tasks)

    def close(self) -> None:
        """End ``run`` by itself: an open turn is committed and understood first."""
        self._closing = True
        self._ready.set()

    def _hear(self, frames: list[Frame], end_s: float, probabilities: list[float], tasks: asyncio.TaskGroup) -> None:
        self._turn.extend(frames)
        if not self.machine.speaking:
            del self._turn[: -PREROLL - len(frames)]
        for index, probability in enumerate(probabilities):
            self._now_s = end_s - (len(probabilities) - 1 - index) * WINDOW_S
            for action in self.machine.window(probability, self._now_s):
                self._act(action, tasks)
            self.listener.on_window(self.machine.speaking and self.machine.silence_s == 0.0, WINDOW_S)

    def _act(self, action: object, tasks: asyncio.TaskGroup) -> None:
        match action:
            case Started(at_s):
                self.listener.on_started(at_s)
            case Speculate(turn):
                self.stats.speculated += 1
                self._attempt = tasks.create_task(self._speculate(turn, b"".join(self._turn), tasks), name="speculate")
            case Resumed():
                self.stats.wasted += 1
                self._drop_attempt()
            case Interim():
                if self._look is None or self._look.done():
                    self._look = tasks.create_task(self._interim(b"".join(self._turn)), name="interim")
            case Commit(turn, start_s, end_s):
                self._commit(turn, start_s, end_s, tasks)

    def _commit(self, turn: int, start_s: float, end_s: float, tasks: asyncio.TaskGroup) -> None:
        attempt, self._attempt = (self._attempt, None) if turn else (None, None)
        if not turn:
            self._drop_attempt()
        pcm, self._turn = b"".join(self._turn), []
        self.stats.turns += 1
        if self._pending >= MAX_PENDING:
            self.stats.lost += 1
            self.listener.on_turn(Turn(start_s, end_s, None, "too many turns wait to be understood"))
            return
        self._pending += 1
        work = self._understand(attempt, pcm, start_s, end_s, self._last)
        self._last = tasks.create_task(work, name="understand")

    async def _speculate(self, turn: int, pcm: bytes, tasks: asyncio.TaskGroup) -> Recognition | None:
        try:
            heard = await self._recognise(pcm, "speculative")
        except SpeechError:
            return None  # shed or gone: the turn is understood once it is over
        if heard.text:
            self.listener.on_partial(heard.text)
        for action in self.machine.understood(turn, heard.text, self._now_s):
            self._act(action, tasks)
        return heard

    async def _interim(self, pcm: bytes) -> None:
        try:
            heard = await self._recognise(pcm, "interim")
        except SpeechError:
            return  # shed or gone: the final one decides
        if heard.text and self.machine.speaking:
            self.listener.on_partial(heard.text)

    async def _understand(
        self,
        attempt: asyncio.Task[Recognition | None] | None,
        pcm: bytes,
        start_s: float,
        end_s: float,
        before: asyncio.Task[None] | None,
    ) -> None:
        heard, error = await attempt if attempt is not None else None, ""
        if heard is None:
            try:
                heard = await self._recognise_surely(pcm)
            except SpeechError as failed:
                error = str(failed)
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._pending -= 1
        if heard is None:
            self.stats.lost += 1
            log.warning("turn_lost", extra={"error": error})
        self.listener.on_turn(Turn(start_s, end_s, heard, error))

    async def _recognise_surely(self, pcm: bytes) -> Recognition:
        for pause_s in RETRIES_S:
            try:
                return await self._recognise(pcm, "final")
            except SpeechUnavailable as error:
                wait_s = error.retry_after_s if isinstance(error, SpeechOverloaded) else 0.0
                await asyncio.sleep(max(pause_s, wait_s))
        return await self._recognise(pcm, "final")

    async def _recognise(self, pcm: bytes, priority: RecognitionPriority) -> Recognition:
        return await self.speech.recognise(
            pcm, language=self.language, prompt=self.prompt, options=self.machine.options, priority=priority
        )

    def _drop_attempt(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
            self._attempt = None
