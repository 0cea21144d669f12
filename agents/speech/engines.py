"""Recognise, synthesise, render: models loaded once in the background, a bounded queue before each.

recognise  -> Workers("stt") -> Whisper
synthesise -> sentences -> Kept, or Workers("tts") -> Kokoro -> Kept
render     -> the same in the background, kept on disk
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.agents import SpeechSettings

from .. import languages
from ..errors import AgentError, SpeechRefused, SpeechUnavailable
from ..ports import Recognition
from ..stt import Recogniser
from ..tts import Synthesiser, clauses, sentences, spoken
from .kept import Kept
from .work import Job, Priority, Workers

log = logging.getLogger(__name__)

LOADING_GRACE_S = 20.0  # a request that comes while the models load waits this long
MAX_RENDERING = 2000  # sentences that may wait to be rendered
PRIORITIES = {"final": Priority.FINAL, "speculative": Priority.SPECULATIVE, "interim": Priority.INTERIM}


@dataclass(slots=True)
class Part:
    """One of the two models and how far it is."""

    state: str = "loading"  # loading, ready, failed
    error: str = ""


class Engines:
    """The models. ``load`` is a task of the owner; requests wait for it, but not for ever."""

    def __init__(self, settings: SpeechSettings, state_dir: Path) -> None:
        self._settings, self._models = settings, state_dir / "models"
        self.kept = Kept(state_dir / "prompts")
        self.stt_work = Workers("stt", settings.stt_workers, settings.max_waiting)
        self.tts_work = Workers("tts", 1, settings.max_waiting)
        self.stt, self.tts = Part(), Part()
        self._recogniser: Recogniser | None = None
        self._synthesiser: Synthesiser | None = None
        self._stt_ready, self._tts_ready = asyncio.Event(), asyncio.Event()
        self._speaking: dict[str, Job] = {}  # by key: a sentence asked for twice is computed once
        self._rendering: set[asyncio.Task[None]] = set()
        self._render_queue = 0

    # -- life

    async def load(self) -> None:
        """Load both models, the voice first: a call begins with it. A model that fails leaves the other working."""
        await self._load(self.tts, self._load_voice, self._tts_ready)
        await self._load(self.stt, self._load_recogniser, self._stt_ready)
        await asyncio.to_thread(self.kept.trim)
        _give_back_memory()

    async def _load(self, part: Part, load: Any, ready: asyncio.Event) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await asyncio.to_thread(load)
        except (AgentError, OSError) as error:
            part.state, part.error = "failed", str(error)
            log.error("model_failed", extra={"model": load.__name__, "error": str(error)})
        else:
            part.state = "ready"
            took_s = round(asyncio.get_running_loop().time() - began, 2)
            log.info("model_loaded", extra={"model": load.__name__, "took_s": took_s})
        ready.set()

    def _load_voice(self) -> None:
        voice = self._settings.tts_voice
        if voice.endswith(".onnx"):
            from ..tts.piper import Piper

            self._synthesiser = Piper(Path(voice))
            return
        from ..tts.kokoro import Kokoro, installed_model

        self._synthesiser = Kokoro(installed_model(self._models), threads=self._settings.tts_threads)

    def _load_recogniser(self) -> None:
        from ..stt.whisper import Whisper, installed_model

        model = self._settings.stt_model or installed_model(self._models)
        self._recogniser = Whisper(model, workers=self._settings.stt_workers)

    async def close(self) -> None:
        for task in self._rendering:
            task.cancel()
        await asyncio.gather(*self._rendering, return_exceptions=True)
        self.stt_work.close()
        self.tts_work.close()

    # -- speech to text

    async def recognise(
        self, pcm: bytes, *, language: str, prompt: str, options: tuple[str, ...], priority: str
    ) -> Recognition:
        """Understand one turn (at most 30 s of 16 kHz s16le).

        Raises:
            SpeechUnavailable: the model is not there (yet), or the queue is full.
        """
        await self._wait(self._stt_ready, self.stt)
        recogniser = self._recogniser
        assert recogniser is not None

        def work() -> Recognition:
            return recogniser.recognise(pcm, language=language, prompt=prompt, options=options)

        return await self.stt_work.run(work, PRIORITIES[priority])

    async def transcribe_file(self, samples: Any, *, language: str, prompt: str) -> str:
        """A recording of any length; it waits behind every call."""
        await self._wait(self._stt_ready, self.stt)
        recogniser: Any = self._recogniser
        return await self.stt_work.run(
            lambda: str(recogniser.transcribe_file(samples, language=language, prompt=prompt)), Priority.BACKGROUND
        )

    # -- text to speech

    async def synthesise(self, text: str, *, voice: str, language: str) -> AsyncIterator[bytes]:
        """*text* as 16 kHz s16le, a sentence at a time. What is kept comes at once, even while the model loads.

        Raises:
            SpeechRefused: no such voice.
            SpeechUnavailable: as ``recognise``.
        """
        for sentence in _sentences(text, language):
            # What is kept comes whole; what must be made now comes clause by clause, so that the first is soon there.
            known = self.kept.has(self._key(sentence, voice, language))
            for piece in [sentence] if known else clauses(sentence):
                yield await self._sentence(piece, voice, language, Priority.FINAL, disk=False)

    def render(self, texts: list[str], *, voice: str, language: str) -> tuple[int, int]:
        """Keep *texts* on disk. How many sentences are there already, and how many are now being made.

        Raises:
            SpeechRefused: too many at once.
        """
        wanted = dict.fromkeys(sentence for text in texts for sentence in _sentences(text, language))
        missing = [s for s in wanted if not self.kept.on_disk(self._key(s, voice, language))]
        if self._render_queue + len(missing) > MAX_RENDERING:
            raise SpeechRefused(f"at most {MAX_RENDERING} sentences can wait to be rendered")
        if missing:
            self._render_queue += len(missing)
            task = asyncio.create_task(self._render(missing, voice, language), name="render")
            self._rendering.add(task)
            task.add_done_callback(self._rendering.discard)
        return len(wanted) - len(missing), len(missing)

    @property
    def rendering(self) -> int:
        """Sentences that still wait to be rendered."""
        return self._render_queue

    async def _render(self, missing: list[str], voice: str, language: str) -> None:
        left = len(missing)
        try:
            for sentence in missing:
                await self._sentence(sentence, voice, language, Priority.BACKGROUND, disk=True)
                self._render_queue -= 1
                left -= 1
        except (AgentError, RuntimeError) as error:
            log.warning("render_failed", extra={"error": str(error), "left": left})
        finally:
            self._render_queue -= left

    async def _sentence(self, sentence: str, voice: str, language: str, priority: Priority, *, disk: bool) -> bytes:
        voice = self._voice(voice, language)
        key = self._key(sentence, voice, language)
        pcm = self.kept.get(key)
        if pcm is None:
            await self._wait(self._tts_ready, self.tts)
            job = self._job(key, sentence, voice, language, priority)
            pcm = bytes(await asyncio.shield(job.answer))
            self.kept.put(key, pcm, disk=disk)
            return pcm
        if disk and not self.kept.on_disk(key):
            self.kept.put(key, pcm, disk=True)
        return pcm

    def _job(self, key: str, sentence: str, voice: str, language: str, priority: Priority) -> Job:
        job = self._speaking.get(key)
        if job is not None:
            self.tts_work.promote(job, priority)
            return job
        synthesiser = self._synthesiser
        assert synthesiser is not None
        if voice not in synthesiser.traits.voices:
            if synthesiser.traits.name == "kokoro":
                raise SpeechRefused(f"no voice {voice}; there are {', '.join(sorted(synthesiser.traits.voices))}")
            voice = next(iter(synthesiser.traits.voices))
        job = self.tts_work.submit(lambda: synthesiser.say(sentence, voice=voice, language=language), priority)
        self._speaking[key] = job
        job.answer.add_done_callback(lambda done: self._spoken(key, done))
        return job

    def _spoken(self, key: str, done: asyncio.Future[Any]) -> None:
        self._speaking.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; nobody may have waited

    def _voice(self, voice: str, language: str) -> str:
        if voice:
            return voice
        if languages.base(language) == languages.base(self._settings.language):
            return self._settings.tts_voice
        return languages.DEFAULT_VOICES.get(languages.base(language), self._settings.tts_voice)

    def _key(self, sentence: str, voice: str, language: str) -> str:
        return Kept.key(sentence, self._voice(voice, language), languages.base(language), ENGINE)

    async def _wait(self, ready: asyncio.Event, part: Part) -> None:
        try:
            async with asyncio.timeout(LOADING_GRACE_S):
                await ready.wait()
        except TimeoutError:
            raise SpeechUnavailable("the models are still loading") from None
        if part.state != "ready":
            raise SpeechUnavailable(part.error)


# Part of every rendered prompt's key: changed when the sound of the same sentence changes. The voice's name tells
# Kokoro from Piper, so a prompt is found before any model is loaded.
ENGINE = "1"


def _sentences(text: str, language: str) -> list[str]:
    """The same pieces whether a text comes whole or a sentence at a time: what is rendered must be found again."""
    return [said for sentence in sentences(text) for said in sentences(spoken(sentence, language))]


def _give_back_memory() -> None:
    """Loading leaves tens of megabytes in the allocator; glibc gives them back when asked."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        log.debug("malloc_trim_missing")
