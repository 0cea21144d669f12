"""What happened when, in the demonstration: printed as it happens, and the measured result."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Recording:
    path: str = ""
    seconds: float = 0.0
    channels: int = 0
    both_channels_non_silent: bool = False


@dataclass(slots=True)
class Result:
    """What ``attendance demo --json`` prints. Times are seconds since the INVITE."""

    answered_s: float | None = None
    first_bot_audio_s: float | None = None
    recognised: list[str] = field(default_factory=list)
    queued_s: float | None = None
    offered_s: float | None = None
    accepted_s: float | None = None
    caller_heard_attendant: bool = False
    attendant_heard_caller: bool = False
    transcript_lines: int = 0
    recording: Recording = field(default_factory=Recording)
    ticket: str = ""
    conversation_state: str = ""
    second_call_greeting: str = ""
    failures: list[str] = field(default_factory=list)

    def public(self) -> dict[str, Any]:
        return {"ok": not self.failures, **asdict(self)}


class Timeline:
    """Prints one line a step to standard error, with the time since ``begin``."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.result = Result()

    def begin(self) -> None:
        self._began = time.monotonic()

    @property
    def now_s(self) -> float:
        return round(time.monotonic() - self._began, 2)

    def step(self, what: str) -> float:
        """Tell that *what* happened now; when that was."""
        at = self.now_s
        print(f"{at:8.2f} s  {what}", file=sys.stderr, flush=True)
        return at

    def check(self, held: bool, what: str) -> None:
        """A step that must hold; one that does not makes the demonstration fail."""
        if not held:
            self.result.failures.append(what)
            print(f"{self.now_s:8.2f} s  FAILED: {what}", file=sys.stderr, flush=True)
