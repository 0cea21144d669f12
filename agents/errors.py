"""Errors of the agents.

AgentError
├── VoiceClosed            the call is over; nothing can be said or heard any more
├── SpeechError
│   ├── SpeechUnavailable  not reachable, loading or too slow: play a fallback, try again
│   │   └── SpeechOverloaded   it refused on purpose (503); ``retry_after_s`` says when to come back
│   └── SpeechRefused      it will never take this request: wrong key, unknown voice, too long
└── ModelMissing           a model or voice is not on this machine; the message says what brings it

Each class has ``code`` (stable, for logs and tables), ``blame`` (us, provider, caller or setup) and ``retry``
(now, later or never).
"""

from __future__ import annotations

from typing import ClassVar


class AgentError(Exception):
    code: ClassVar[str] = "agent_error"
    blame: ClassVar[str] = "us"
    retry: ClassVar[str] = "never"


class VoiceClosed(AgentError):
    """The voice was closed (the call ended) while something was being said or heard."""

    code, blame, retry = "voice_closed", "caller", "never"


class SpeechError(AgentError):
    code, blame, retry = "speech_error", "provider", "later"


class SpeechUnavailable(SpeechError):
    """The speech service did not answer in time, is loading its models, or is gone."""

    code, retry = "speech_unavailable", "later"


class SpeechOverloaded(SpeechUnavailable):
    """The speech service has more work than it can do in time."""

    code, retry = "speech_overloaded", "later"

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SpeechRefused(SpeechError):
    """The request itself is wrong; sending it again changes nothing."""

    code, blame, retry = "speech_refused", "us", "never"


class ModelMissing(AgentError):
    """A model or voice file is missing or broken."""

    code, blame, retry = "model_missing", "setup", "never"
