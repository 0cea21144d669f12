"""What the voice pipeline needs from outside, as protocols: tests give fakes, the product gives ``agents.speech``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol

RecognitionPriority = Literal["final", "speculative", "interim"]


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was understood. ``confidence`` is 0..1; an empty ``text`` means that nobody said anything."""

    text: str
    confidence: float


class Speech(Protocol):
    """Speech to text and text to speech, wherever they run. Audio is 16 kHz mono s16le."""

    async def recognise(
        self,
        pcm: bytes,
        *,
        language: str,
        prompt: str = "",
        options: tuple[str, ...] = (),
        priority: RecognitionPriority = "final",
    ) -> Recognition:
        """Understand at most 30 s of speech.

        Raises:
            SpeechUnavailable: not reachable, or shed because more important work waits.
        """
        ...

    def synthesise(self, text: str, *, voice: str = "", language: str = "") -> AsyncIterator[bytes]:
        """Speak *text*, in pieces of any even size as they are made.

        Raises:
            SpeechUnavailable: nothing came in time.
        """
        ...
