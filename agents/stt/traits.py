"""What a recogniser is and what it can do; adapters make up the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..ports import Recognition


@dataclass(frozen=True, slots=True)
class SttTraits:
    name: str
    languages: frozenset[str]  # ISO 639-1
    max_audio_s: float  # longest piece it takes at once
    streams: bool = False  # understands while audio still arrives


class Recogniser(Protocol):
    """Called from worker threads, several at once; blocks until done."""

    traits: SttTraits

    def recognise(
        self, pcm: bytes, *, language: str, prompt: str = "", options: tuple[str, ...] = ()
    ) -> Recognition: ...
