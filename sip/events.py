"""What the gateway tells control, and what control commands: frozen values, to and from plain dicts for the link.

``to_dict`` gives ``{"type": name, ...fields}``; ``event_from`` and ``command_from`` read it back. Fields they do not
know are ignored, so that either side may be one version ahead; a missing or mistyped field is a ``BadEvent``.
Times never travel: each side stamps what it receives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from .errors import BadEvent

Value = TypeVar("Value", bound="Told")


@dataclass(frozen=True, slots=True)
class Told:
    """Base of events and commands."""

    type: ClassVar[str] = ""

    def to_dict(self) -> dict[str, Any]:
        return {"type": self.type, **dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True)
class OfCall(Told):
    call: str  # UUID text


# -- events: sip -> control


@dataclass(frozen=True, slots=True)
class Incoming(OfCall):
    """A call nobody has decided about; 100 and 180 have been sent."""

    type: ClassVar[str] = "incoming"
    trunk: str
    caller: str  # E.164 where possible, "" for an anonymous caller
    caller_name: str
    called: str
    headers: dict[str, str] = field(default_factory=dict)
    source: str = ""  # transport:ip:port


@dataclass(frozen=True, slots=True)
class Ringing(OfCall):
    type: ClassVar[str] = "ringing"


@dataclass(frozen=True, slots=True)
class Answered(OfCall):
    """The 200 is out (inbound) or in (outbound)."""

    type: ClassVar[str] = "answered"
    codec: str = ""


@dataclass(frozen=True, slots=True)
class Acked(OfCall):
    """The dialog is confirmed: from here on the far end hears us."""

    type: ClassVar[str] = "acked"


@dataclass(frozen=True, slots=True)
class Held(OfCall):
    """The peer holds us (sendonly, inactive or 0.0.0.0)."""

    type: ClassVar[str] = "held"


@dataclass(frozen=True, slots=True)
class Resumed(OfCall):
    type: ClassVar[str] = "resumed"


@dataclass(frozen=True, slots=True)
class Digit(OfCall):
    type: ClassVar[str] = "digit"
    digit: str = ""  # one of 0-9 * # A-D
    method: str = "rtp"  # rtp (RFC 4733) or info (SIP INFO)


@dataclass(frozen=True, slots=True)
class MediaLost(OfCall):
    """The media process went away: the caller hears the fallback sentence until an ``attach``."""

    type: ClassVar[str] = "media_lost"


@dataclass(frozen=True, slots=True)
class Attached(OfCall):
    type: ClassVar[str] = "attached"


@dataclass(frozen=True, slots=True)
class Ended(OfCall):
    """The last event of a call.

    cause: caller_hung_up, we_hung_up, cancelled, rejected, failed, worker_lost, no_ack, media_timeout.
    """

    type: ClassVar[str] = "ended"
    cause: str = "failed"
    code: int = 0  # SIP status, 0 when there was none
    reason: str = ""
    blame: str = "unknown"  # caller, us, peer, unknown


@dataclass(frozen=True, slots=True)
class Capacity(Told):
    type: ClassVar[str] = "capacity"
    workers: int = 0  # ready
    calls: int = 0
    limit: int = 0  # calls possible when the pool has grown to its maximum
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Failed(OfCall):
    """A command could not be carried out; the call goes on as it was."""

    type: ClassVar[str] = "command_failed"
    command: str = ""
    reason: str = ""


# -- commands: control -> sip


@dataclass(frozen=True, slots=True)
class Answer(OfCall):
    """Attach the caller's audio to the media process at *media_socket*, then send 200."""

    type: ClassVar[str] = "answer"
    media_socket: str
    token: str


@dataclass(frozen=True, slots=True)
class Attach(OfCall):
    """Another media process takes over the audio of an answered call."""

    type: ClassVar[str] = "attach"
    media_socket: str
    token: str


@dataclass(frozen=True, slots=True)
class Ring(OfCall):
    type: ClassVar[str] = "ring"


@dataclass(frozen=True, slots=True)
class Reject(OfCall):
    type: ClassVar[str] = "reject"
    code: int = 603
    reason: str = ""
    retry_after: int | None = None  # s


@dataclass(frozen=True, slots=True)
class HangUp(OfCall):
    """End the call in whatever state it is: BYE, CANCEL or a refusal with *code*."""

    type: ClassVar[str] = "hang_up"
    code: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Hold(OfCall):
    type: ClassVar[str] = "hold"


@dataclass(frozen=True, slots=True)
class Resume(OfCall):
    type: ClassVar[str] = "resume"


@dataclass(frozen=True, slots=True)
class SendDigits(OfCall):
    type: ClassVar[str] = "send_digits"
    digits: str


@dataclass(frozen=True, slots=True)
class Dial(OfCall):
    """Place a call: to *uri*, or to *number* through *trunk*. *call* is the caller's UUID for it."""

    type: ClassVar[str] = "dial"
    media_socket: str
    token: str
    uri: str = ""
    trunk: str = ""
    number: str = ""
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Drain(Told):
    """Take no new calls; those in progress go on."""

    type: ClassVar[str] = "drain"


EVENTS: Final[dict[str, type[Told]]] = {
    kind.type: kind
    for kind in (
        Incoming, Ringing, Answered, Acked, Held, Resumed, Digit, MediaLost, Attached, Ended, Capacity, Failed,
    )
}  # fmt: skip
COMMANDS: Final[dict[str, type[Told]]] = {
    kind.type: kind for kind in (Answer, Attach, Ring, Reject, HangUp, Hold, Resume, SendDigits, Dial, Drain)
}


def event_from(message: Mapping[str, Any]) -> Told:
    """The event in *message*. Raises BadEvent."""
    return _read(message, EVENTS)


def command_from(message: Mapping[str, Any]) -> Told:
    """The command in *message*. Raises BadEvent."""
    return _read(message, COMMANDS)


def _read(message: Mapping[str, Any], kinds: Mapping[str, type[Told]]) -> Told:
    name = message.get("type")
    kind = kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise BadEvent(f"unknown type {name!r}")
    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        if item.name in message:
            values[item.name] = _checked(kind, item.name, str(item.type), message[item.name])
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise BadEvent(f"{name} without {item.name}")
    return kind(**values)


def _checked(kind: type[Told], name: str, wanted: str, value: Any) -> Any:
    head = wanted.split("[")[0]
    fits = {
        "str": isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "int | None": value is None or (isinstance(value, int) and not isinstance(value, bool)),
        "bool": isinstance(value, bool),
        "dict": isinstance(value, dict),
    }
    if not fits.get(head, False):
        raise BadEvent(f"{kind.type}.{name} is not {wanted}: {value!r}")
    return value
