"""What is asked of a voice and what comes back: plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Expect:
    """One answer. Digits are collected until *max_digits*, ``#``, or *gap_s* without another one."""

    timeout_s: float = 8.0  # of silence; who has begun to speak is heard out
    max_digits: int | None = None  # None or 0: as many as come
    gap_s: float = 3.0
    options: tuple[str, ...] = ()  # answers that are hoped for: recognised better, and taken without a further pause
    language: str = ""  # the voice's own unless given


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer. Times are on the call's timeline; a timeout has an empty text."""

    text: str
    via: Literal["speech", "digits", "timeout"]
    confidence: float = 1.0
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a prompt: what of it was really heard, and for how long."""

    text: str
    heard_text: str
    heard_s: float
    interrupted: bool
