"""What a voice tells while a call lasts. Times are seconds on the call's timeline (0 = the first frame pushed)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody began to speak."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Partial:
    """What has been understood so far of a turn that goes on; replaced by the next Partial or the Final."""

    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """One turn, understood. ``confidence`` is 0..1, the recogniser's own estimate."""

    text: str
    start_s: float
    end_s: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A prompt was cut off after *heard_s* seconds, by speech or by a digit."""

    by: str  # "speech" or "digit"
    heard_s: float


@dataclass(frozen=True, slots=True)
class SpeechLost:
    """A turn was heard but could not be understood because the speech service failed."""

    start_s: float
    end_s: float
    reason: str


VoiceEvent = SpeechStarted | Partial | Final | Interrupted | SpeechLost
