"""A speech service and a voice detector that do what a test tells them, without a model."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import numpy as np

from agents.errors import SpeechUnavailable
from agents.ports import Recognition, RecognitionPriority
from agents.vad import VadStream
from media.frames import FRAME_BYTES, FRAMES_PER_S, Frame


class ScriptedSpeech:
    """Understands what it was told to; speaks *frames_per_letter* frames of tone a letter."""

    def __init__(self, *, decode_s: float = 0.2, frames_per_letter: int = 2) -> None:
        self.decode_s, self.frames_per_letter = decode_s, frames_per_letter
        self.will_hear: deque[Recognition | Exception] = deque()
        self.asked: list[tuple[float, RecognitionPriority, tuple[str, ...]]] = []  # seconds of sound, priority, options
        self.spoken: list[str] = []
        self.down = False
        self.first_sound_s = 0.0
        self.cancelled = 0

    def hears(self, *texts: str, confidence: float = 0.9) -> None:
        self.will_hear.extend(Recognition(text, confidence) for text in texts)

    async def recognise(
        self,
        pcm: bytes,
        *,
        language: str,
        prompt: str = "",
        options: tuple[str, ...] = (),
        priority: RecognitionPriority = "final",
    ) -> Recognition:
        self.asked.append((len(pcm) / 2 / 16_000, priority, options))
        try:
            await asyncio.sleep(self.decode_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.down:
            raise SpeechUnavailable("down")
        answer = self.will_hear[0] if len(self.will_hear) == 1 else self.will_hear.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def synthesise(self, text: str, *, voice: str = "", language: str = "") -> AsyncIterator[bytes]:
        if self.down:
            raise SpeechUnavailable("down")
        await asyncio.sleep(self.first_sound_s)
        self.spoken.append(text)
        for letter in text:
            yield bytes([ord(letter) & 0x7F, 1]) * (FRAME_BYTES // 2) * self.frames_per_letter


class LevelVad:
    """Takes what is loud for speech: exact and instant."""

    def stream(self) -> VadStream:
        return _LevelStream()


class _LevelStream:
    def __init__(self) -> None:
        self._rest = b""

    def reset(self) -> None:
        self._rest = b""

    async def feed(self, pcm: bytes) -> list[float]:
        pcm = self._rest + pcm
        whole = len(pcm) // 1024
        self._rest = pcm[whole * 1024 :]
        windows = np.frombuffer(pcm[: whole * 1024], "<i2").astype(np.float32).reshape(-1, 512)
        return [1.0 if level > 500 else 0.0 for level in np.abs(windows).mean(axis=1)]


def vowel(seconds: float) -> list[Frame]:
    """Something that even the light gate takes for a voice: a pulse train of 120 Hz with two formants."""
    t = np.arange(int(seconds * 16_000)) / 16_000
    harmonics = range(1, 25)
    weight = [
        np.exp(-(((h * 120 - 700) / 300) ** 2)) + 0.6 * np.exp(-(((h * 120 - 1200) / 300) ** 2)) for h in harmonics
    ]
    wave = sum(w * np.sin(2 * np.pi * 120 * h * t) for w, h in zip(weight, harmonics, strict=True))
    pcm = (np.asarray(wave) * 6000).clip(-32000, 32000).astype("<i2").tobytes()
    count = round(seconds * FRAMES_PER_S)
    return [pcm[i * FRAME_BYTES : (i + 1) * FRAME_BYTES] for i in range(count)]


def _formants(hz: float) -> float:
    return float(np.exp(-(((hz - 700) / 300) ** 2)) + 0.6 * np.exp(-(((hz - 1200) / 300) ** 2)))
