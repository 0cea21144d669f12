"""What one speaker of a human call says, as text: partial texts while it is said, a final one for every turn."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from config.agents import VoiceSettings
from media.frames import Frame

from ..events import Final as FinalText
from ..events import Partial, SpeechLost, SpeechStarted, VoiceEvent
from ..ports import Speech
from ..turns import TurnEnd, TurnMachine
from ..vad import SharedVad
from ..vad.model import process_pool
from .ear import Ear, Turn

log = logging.getLogger(__name__)

# Nobody waits for an answer here: a phrase may breathe.
PAUSE_S: Final = 0.6
SPECULATE_S: Final = 0.4
MAX_PHRASE_S: Final = 15.0  # a monologue is written down in pieces
FLUSH_S: Final = 5.0


class Transcriber:
    """A tap on one speaker. ``push`` belongs to the clock and costs microseconds while it is quiet."""

    def __init__(
        self,
        speech: Speech,
        settings: VoiceSettings,
        *,
        language: str,
        speaker: str,
        emit: Callable[[VoiceEvent], None],
        vad: SharedVad | None = None,
        at_s: float = 0.0,
    ) -> None:
        """*at_s*: where on the call's timeline the first pushed frame lies."""
        self.speaker = speaker
        self._emit, self._at_s = emit, at_s
        machine = TurnMachine(
            TurnEnd(PAUSE_S, language),
            speculate_s=SPECULATE_S,
            interim_s=settings.partial_every_s,
            max_turn_s=min(MAX_PHRASE_S, settings.max_turn_s),
        )
        self._ear = Ear(speech, vad or process_pool(), machine, self, language)
        self._ear.listen(True)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._ear.run(), name=f"transcribe/{self.speaker}")
            self._task.add_done_callback(self._deaf)

    def push(self, frame: Frame) -> None:
        self._ear.push(frame)

    async def close(self) -> None:
        """Understand what was being said, for FLUSH_S at most, and end.  Cancelled: it ends at once."""
        if self._task is None:
            return
        self._ear.close()
        try:
            await asyncio.wait([self._task], timeout=FLUSH_S)
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    def on_window(self, speech: bool, window_s: float) -> None:
        """Nothing here can be interrupted."""

    def on_started(self, at_s: float) -> None:
        self._tell(SpeechStarted(self._at_s + at_s))

    def on_partial(self, text: str) -> None:
        self._tell(Partial(text))

    def on_turn(self, turn: Turn) -> None:
        start_s, end_s = self._at_s + turn.start_s, self._at_s + turn.end_s
        if turn.heard is None:
            self._tell(SpeechLost(start_s, end_s, turn.error))
        elif turn.heard.text:
            self._tell(FinalText(turn.heard.text, start_s, end_s, turn.heard.confidence))

    def _deaf(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("ear_failed", extra={"speaker": self.speaker, "error": repr(task.exception())})

    def _tell(self, event: VoiceEvent) -> None:
        try:
            self._emit(event)
        except Exception:
            log.exception("event_handler_failed", extra={"speaker": self.speaker, "event": type(event).__name__})
