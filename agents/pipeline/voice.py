"""The bot's end of a call: says prompts, hears answers, yields when it is spoken over.

    say:  sentences -> speech service -> Mouth -> pull (clock)
    ask:  push (clock) -> Ear -> turns ─┐
                        digit -> Digits ┴-> the first of them, or silence until the time is up

Speech over a prompt pauses it at once. Words, or a second of speech, make it an interruption and ``say`` returns; what
turns out to be a cough lets the prompt go on. What was said over a prompt is the answer to the next ``ask``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable
from typing import Final

from config.agents import VoiceSettings
from media.frames import Frame

from ..errors import SpeechUnavailable, VoiceClosed
from ..events import Final as FinalText
from ..events import Interrupted, Partial, SpeechLost, SpeechStarted, VoiceEvent
from ..ports import Speech
from ..tts.text import sentences
from ..turns import BargeIn, TurnEnd, TurnMachine
from ..vad import WINDOW_S, SharedVad
from ..vad.model import process_pool
from ..words import matched
from .answers import Expect, Heard, Said
from .digits import Digits
from .ear import Ear, Turn
from .mouth import Mouth

log = logging.getLogger(__name__)

PATIENCE_S: Final = 2.5  # a prompt whose first sound fails is tried again for so long
RETRY_S: Final = 0.25
FIRST_AUDIO_S: Final = 5.0
FALSE_ALARM_S: Final = 1.5  # a paused prompt goes on when no words came within this
LEFT_OVER_S: Final = 0.1  # speech that began before this much of a prompt belongs to what was before it
KEPT_TURNS: Final = 4
NOISE_S: Final = 1.0  # a sound over a prompt that is shorter than this,
NOISE_CONFIDENCE: Final = 0.25  # and understood with less confidence than this, was no word


class Voice:
    """A leg. ``push`` and ``pull`` are for the media clock, the rest for the dialog; all on one loop's thread.

    ``say`` and ``ask`` are for one caller at a time. After ``close`` both raise ``VoiceClosed``.
    """

    def __init__(
        self,
        speech: Speech,
        settings: VoiceSettings,
        *,
        language: str,
        voice: str,
        emit: Callable[[VoiceEvent], None],
        name: str = "bot",
        vad: SharedVad | None = None,
    ) -> None:
        self.name = name
        self._speech, self._language, self._voice, self._emit = speech, language, voice, emit
        machine = TurnMachine(
            TurnEnd(settings.commit_silence_ms / 1000, language),
            speculate_s=settings.speculate_silence_ms / 1000,
            interim_s=settings.partial_every_s,
            max_turn_s=settings.max_turn_s,
        )
        self._ear = Ear(speech, vad or process_pool(), machine, self, language)
        self._mouth, self._digits = Mouth(), Digits()
        self._barge_in = BargeIn(settings.barge_in_ms / 1000)
        self._turns: deque[Turn] = deque(maxlen=KEPT_TURNS)  # unanswered for; the oldest gives way
        self._news = asyncio.Event()
        self._talking = asyncio.Lock()
        self._cut: asyncio.Future[str] | None = None  # the prompt that plays; its result is what cut it
        self._interruptible = False
        self._prompt_s = 0.0  # when the prompt that plays began
        self._left_over = False  # the speech that goes on began before the prompt
        self._false_alarm: asyncio.TimerHandle | None = None
        self._suspect = False  # speech has paused the prompt, and nobody knows yet whether it was words
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    # -- the clock's side

    def push(self, frame: Frame) -> None:
        self._ear.push(frame)

    def pull(self) -> Frame | None:
        return self._mouth.pull()

    # -- life

    async def start(self) -> None:
        """Open the ears. Prompts can be said before that."""
        if self._task is None and not self._closed:
            self._task = asyncio.create_task(self._ear.run(), name=f"{self.name}/ear")
            self._task.add_done_callback(self._deaf)

    async def close(self) -> None:
        """The call is over: whoever says or asks something gets ``VoiceClosed``. May be called twice."""
        self._closed = True
        self._stop_false_alarm()
        if self._cut is not None and not self._cut.done():
            self._cut.set_exception(VoiceClosed("the call ended during a prompt"))
        self._digits.close()
        self._mouth.stop()
        self._news.set()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    # -- the dialog's side

    async def say(self, text: str, *, interruptible: bool = True, expect: Expect | None = None) -> Said:
        """Speak *text*; return when it was heard, or cut off by speech or a digit. *expect*: the question it asks, so
        that an answer over the prompt is understood as well as one after it.  Cancelled: the prompt stops.

        Raises:
            SpeechUnavailable: the speech service gave no sound within PATIENCE_S, or broke off.
            SpeechRefused: it has no such voice.
            VoiceClosed: the call ended.
        """
        async with self._talking:
            self._check_open()
            self._turns.clear()
            if interruptible and self._digits:
                return Said(text, "", 0.0, interrupted=True)
            return await self._say(text, interruptible, expect or Expect())

    async def ask(self, expect: Expect) -> Heard:
        """One answer: digits, speech, or a timeout after *timeout_s* of silence.  Cancelled: nothing is lost but time.

        Raises:
            SpeechUnavailable: somebody spoke, and the speech service could not be reached to understand it.
            VoiceClosed: the call ended.
        """
        loop = asyncio.get_running_loop()
        deadline_s, began_s = loop.time() + expect.timeout_s, self._ear.now_s
        self._listen_for(expect)
        try:
            while True:
                self._check_open()
                if self._digits:
                    return await self._typed(expect)
                while self._turns:
                    answer = _answer(self._turns.popleft())
                    if answer is not None:
                        return answer
                left_s = deadline_s - loop.time()
                if left_s <= 0 and not self._ear.busy:
                    return Heard("", "timeout", 0.0, began_s, self._ear.now_s)
                self._news.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left_s if left_s > 0 else None):
                        await self._news.wait()
        finally:
            self._ear.listen(False)

    def digit(self, digit: str) -> None:
        """A key was pressed (DTMF). It cuts off a prompt that may be interrupted, and waits for ``ask``."""
        if self._digits.add(digit):
            self._news.set()
            if self._interruptible:
                self._interrupt("digit")

    # -- saying

    async def _say(self, text: str, interruptible: bool, expect: Expect) -> Said:
        self._cut = cut = asyncio.get_running_loop().create_future()
        self._interruptible, self._prompt_s = interruptible, self._ear.now_s
        self._left_over = self._ear.machine.speaking
        self._barge_in.reset()
        self._suspect = False
        self._mouth.begin()
        if interruptible:
            self._listen_for(expect)
        producing = asyncio.create_task(self._produce(text), name=f"{self.name}/say")
        try:
            await asyncio.wait([producing, cut], return_when=asyncio.FIRST_COMPLETED)
            interrupted = cut.done()
            if interrupted:
                by = cut.result()
                self._tell(Interrupted(by, self._mouth.heard_s))
            else:
                producing.result()
            return Said(text, self._mouth.heard_text() if interrupted else text, self._mouth.heard_s, interrupted)
        finally:
            self._cut, self._interruptible = None, False
            self._stop_false_alarm()
            self._mouth.stop()
            self._ear.listen(False)
            producing.cancel()
            await asyncio.wait([producing])
            if not producing.cancelled():
                producing.exception()

    async def _produce(self, text: str) -> None:
        for sentence in sentences(text):
            self._mouth.sentence(sentence)
            async with contextlib.aclosing(self._sound(sentence)) as sound:
                async for pcm in sound:
                    await self._mouth.feed(pcm)
        self._mouth.end()
        await self._mouth.drained()

    async def _sound(self, sentence: str) -> AsyncGenerator[bytes, None]:
        """One sentence; tried again while nothing of it has come and patience lasts."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + PATIENCE_S
        while True:
            stream = self._speech.synthesise(sentence, voice=self._voice, language=self._language)
            try:
                async with asyncio.timeout(FIRST_AUDIO_S):
                    first = await anext(stream, b"")
            except TimeoutError:
                raise SpeechUnavailable(f"no sound within {FIRST_AUDIO_S} s") from None
            except SpeechUnavailable:
                if loop.time() + RETRY_S >= give_up_s:
                    raise
                await asyncio.sleep(RETRY_S)
                continue
            if first:
                yield first
            async for pcm in stream:
                yield pcm
            return

    def _interrupt(self, by: str) -> None:
        self._stop_false_alarm()
        if self._cut is not None and not self._cut.done():
            self._mouth.paused = True
            self._cut.set_result(by)

    def _pause(self) -> None:
        self._mouth.paused = self._suspect = True
        self._stop_false_alarm()
        self._false_alarm = asyncio.get_running_loop().call_later(FALSE_ALARM_S, self._no_words_came)

    def _no_words_came(self) -> None:
        """In all that time: go on, unless somebody still speaks. Words that come later interrupt it after all."""
        if self._ear.machine.speaking:
            self._pause()
        else:
            self._resume()

    def _resume(self) -> None:
        self._stop_false_alarm()
        self._barge_in.reset()
        self._mouth.paused = False

    def _stop_false_alarm(self) -> None:
        if self._false_alarm is not None:
            self._false_alarm.cancel()
            self._false_alarm = None

    # -- hearing: called by the ear

    def on_window(self, speech: bool, window_s: float) -> None:
        if self._cut is None or not self._interruptible:
            return
        self._barge_in.heard(speech, window_s)
        if self._barge_in.sure:
            self._interrupt("speech")
        elif self._barge_in.pauses and not self._left_over and not self._mouth.paused:
            self._pause()

    def on_started(self, at_s: float) -> None:
        self._left_over = self._cut is not None and at_s < self._prompt_s + LEFT_OVER_S
        self._barge_in.heard(True, WINDOW_S)  # the window before, which made it a start
        self._tell(SpeechStarted(at_s))

    def on_partial(self, text: str) -> None:
        self._tell(Partial(text))

    def on_turn(self, turn: Turn) -> None:
        if turn.heard is None:
            self._tell(SpeechLost(turn.start_s, turn.end_s, turn.error))
        elif turn.heard.text:
            self._tell(FinalText(turn.heard.text, turn.start_s, turn.end_s, turn.heard.confidence))
        if self._suspect and self._cut is not None and not self._cut.done():
            self._suspect = False
            if turn.heard is not None and _is_noise(turn, self._ear.machine.options):
                self._resume()
                return
            self._interrupt("speech")
        if not self._left_over or self._cut is None or self._cut.done():
            self._turns.append(turn)
        self._news.set()

    # -- the rest

    def _listen_for(self, expect: Expect) -> None:
        language = expect.language or self._language
        machine = self._ear.machine
        machine.options = expect.options
        if machine.end.language != language:
            machine.end = TurnEnd(machine.end.usual_s, language)
        self._ear.language = language
        self._ear.listen(True)

    async def _typed(self, expect: Expect) -> Heard:
        began_s = self._ear.now_s
        digits = await self._digits.collect(expect.max_digits, expect.gap_s)
        return Heard(digits, "digits", 1.0, began_s, self._ear.now_s)

    def _deaf(self, task: asyncio.Task[None]) -> None:
        """The ear ended. If by a fault, the call goes on with digits alone."""
        if not task.cancelled() and task.exception() is not None:
            log.error("ear_failed", extra={"voice": self.name, "error": repr(task.exception())})

    def _tell(self, event: VoiceEvent) -> None:
        try:
            self._emit(event)
        except Exception:
            log.exception("event_handler_failed", extra={"voice": self.name, "event": type(event).__name__})

    def _check_open(self) -> None:
        if self._closed:
            raise VoiceClosed("the call is over")


def _is_noise(turn: Turn, options: tuple[str, ...]) -> bool:
    """A hum over a prompt becomes a few unlikely words; the answer that the prompt asks for is no such thing."""
    heard = turn.heard
    if heard is None or not heard.text:
        return True
    short = turn.end_s - turn.start_s < NOISE_S and heard.confidence < NOISE_CONFIDENCE
    return short and matched(heard.text, options) is None


def _answer(turn: Turn) -> Heard | None:
    """The turn as an answer; None for a noise."""
    if turn.heard is None:
        raise SpeechUnavailable(turn.error)
    if not turn.heard.text:
        return None
    return Heard(turn.heard.text, "speech", turn.heard.confidence, turn.start_s, turn.end_s)
