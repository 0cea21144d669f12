"""What control and a media process say to each other about a session, as plain values (see ``media.link``).

Control commands; the media process replies to those that carry ``rid`` with ``Reply`` and tells events of its own.
One dataclass a message: what is not declared here cannot be sent.

    control --> media   Open Say Ask Play Talk Join Leave Hold Resume Digit Close
    media --> control   Reply Attached LegLost Heard PartialHeard RoomChanged RoomLost Faulted
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from media.link import Message


@dataclass(frozen=True, slots=True)
class Wire:
    """Base of every message; ``TYPE`` is its name on the link."""

    TYPE: ClassVar[str] = ""
    session: str

    def encode(self) -> Message:
        return {"type": self.TYPE, **asdict(self)}


# --- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open(Wire):
    """Make a session and expect the SIP worker's audio under *token*. Reply: ``{}``."""

    TYPE: ClassVar[str] = "open"
    rid: str
    token: str
    record: str  # path of the WAV file, "" to record nothing
    language: str  # BCP 47
    voice: str


@dataclass(frozen=True, slots=True)
class Say(Wire):
    """Speak *text*. Reply, when it was heard or talked over: ``{text, interrupted, start_s, end_s}``.

    *options* are the answers hoped for when it is a question: one given over the prompt is understood as well as after.
    """

    TYPE: ClassVar[str] = "say"
    rid: str
    text: str
    interruptible: bool = True
    options: list[str] = field(default_factory=list)
    max_digits: int = 0


@dataclass(frozen=True, slots=True)
class Ask(Wire):
    """Listen for one answer. Reply: ``{text, via: speech|digits|timeout, confidence, start_s, end_s}``."""

    TYPE: ClassVar[str] = "ask"
    rid: str
    timeout_s: float
    max_digits: int = 0
    gap_s: float = 3.0
    options: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Play(Wire):
    """The caller hears *source* (``music``, ``ringback``, or a WAV file's path) until the next command; with *rid* a
    file is played once and the reply ``{}`` comes at its end."""

    TYPE: ClassVar[str] = "play"
    source: str
    rid: str = ""


@dataclass(frozen=True, slots=True)
class Join(Wire):
    """Enter a room and bridge the caller with it. Reply: ``{}`` once inside."""

    TYPE: ClassVar[str] = "join"
    rid: str
    url: str
    token: str


@dataclass(frozen=True, slots=True)
class Leave(Wire):
    """Leave the room; the caller hears silence until the next command."""

    TYPE: ClassVar[str] = "leave"


@dataclass(frozen=True, slots=True)
class Hold(Wire):
    """The caller hears music and the room hears nothing of the caller."""

    TYPE: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class Resume(Wire):
    TYPE: ClassVar[str] = "resume"


@dataclass(frozen=True, slots=True)
class Digit(Wire):
    """A digit that the caller pressed, as the SIP side heard it (RFC 4733, INFO)."""

    TYPE: ClassVar[str] = "digit"
    digit: str


@dataclass(frozen=True, slots=True)
class Close(Wire):
    """End the session. Reply: ``{recording: {path, seconds, channels, rms} | null}``."""

    TYPE: ClassVar[str] = "close"
    rid: str


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply(Wire):
    """The answer to the command *rid*: a value, or an error's code and words."""

    TYPE: ClassVar[str] = "reply"
    rid: str
    value: dict[str, Any] | None = None
    error: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Attached(Wire):
    """The caller's audio arrived."""

    TYPE: ClassVar[str] = "attached"


@dataclass(frozen=True, slots=True)
class LegLost(Wire):
    """The SIP worker closed the caller's audio."""

    TYPE: ClassVar[str] = "leg_lost"


@dataclass(frozen=True, slots=True)
class Heard(Wire):
    """A finished phrase of a person; times in seconds since the session's start (the recording's timeline)."""

    TYPE: ClassVar[str] = "heard"
    speaker: str  # "customer", or a room identity
    name: str
    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class PartialHeard(Wire):
    """A phrase that is still being said."""

    TYPE: ClassVar[str] = "partial"
    speaker: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class RoomChanged(Wire):
    """Who else is in the room now, by identity."""

    TYPE: ClassVar[str] = "room_changed"
    identities: list[str]


@dataclass(frozen=True, slots=True)
class RoomLost(Wire):
    """The room's server went away or the room was closed under the session."""

    TYPE: ClassVar[str] = "room_lost"
    reason: str


@dataclass(frozen=True, slots=True)
class Faulted(Wire):
    """The session's bridge failed and moves no audio any more: open it anew."""

    TYPE: ClassVar[str] = "faulted"
    error: str


COMMANDS: Mapping[str, type[Wire]] = {
    kind.TYPE: kind for kind in (Open, Say, Ask, Play, Join, Leave, Hold, Resume, Digit, Close)
}
EVENTS: Mapping[str, type[Wire]] = {
    kind.TYPE: kind for kind in (Reply, Attached, LegLost, Heard, PartialHeard, RoomChanged, RoomLost, Faulted)
}


def decode(message: Message, kinds: Mapping[str, type[Wire]]) -> Wire:
    """*message* as one of *kinds*.

    Raises:
        ValueError: unknown type, or a field too many or too few: the two ends are of different versions.
    """
    fields = dict(message)
    kind = kinds.get(str(fields.pop("type", "")))
    if kind is None:
        raise ValueError(f"unknown message {message.get('type')!r}")
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"{kind.TYPE}: {error}") from error
