"""What a synthesiser is and what it can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TtsTraits:
    name: str
    version: str  # part of a rendered prompt's cache key: another engine, another sound
    voices: frozenset[str]
    languages: frozenset[str]  # ISO 639-1
    streams: bool = False  # gives audio before a sentence is done


class Synthesiser(Protocol):
    """Called from worker threads, one at a time; blocks until the sentence is done."""

    traits: TtsTraits

    def say(self, sentence: str, *, voice: str, language: str) -> bytes:
        """One sentence of plain words as 16 kHz mono s16le, silence at both ends trimmed."""
        ...
