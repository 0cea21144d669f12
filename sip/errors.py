"""The error tree of ``sip``.

    SipError
    +-- InvalidTransition     a call was told something its state does not allow
    +-- BadEvent              a plain dict that is no event or command of ours
    +-- MessageError          a SIP message the edge does not take
    |   +-- Malformed         not SIP, or so broken that no answer can be built
    |   +-- BadRequest        understood well enough to be refused: carries status and phrase
    +-- WorkerError           a worker process did not start or broke the protocol
    +-- NoFreeSlot            every worker is full and the pool may not grow
    +-- PhoneError            the softphone could not do what it was told

``code`` is for programs, ``blame`` says who has to act, ``retry`` whether doing the same again can help.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    US = "us"
    CALLER = "caller"
    PEER = "peer"
    UNKNOWN = "unknown"


class SipError(Exception):
    """Base of everything this folder raises on purpose."""

    code: ClassVar[str] = "sip_error"
    blame: ClassVar[Blame] = Blame.UNKNOWN
    retry: ClassVar[bool] = False


class InvalidTransition(SipError):
    """The call's state does not allow this event."""

    code, blame = "invalid_transition", Blame.US

    def __init__(self, state: object, event: object) -> None:
        super().__init__(f"a call that is {state} cannot take {event}")
        self.state = state
        self.event = event


class BadEvent(SipError):
    """A message on the link that is no event or command of this folder."""

    code, blame = "bad_event", Blame.US


class MessageError(SipError):
    """A SIP message that the edge does not take."""

    code, blame = "message_error", Blame.PEER


class Malformed(MessageError):
    """Nothing can be answered: dropped and counted under ``why``."""

    code = "malformed"

    def __init__(self, why: str) -> None:
        super().__init__(f"not a SIP message: {why}")
        self.why = why


class BadRequest(MessageError):
    """A request that can be answered with ``status`` and ``phrase``."""

    code = "bad_request"

    def __init__(self, status: int, phrase: str, **headers: str) -> None:
        super().__init__(f"{status} {phrase}")
        self.status = status
        self.phrase = phrase
        self.headers = headers


class WorkerError(SipError):
    """A worker process failed to start or broke the protocol."""

    code, blame, retry = "worker_error", Blame.US, True


class NoFreeSlot(SipError):
    """Every call slot is taken."""

    code, blame, retry = "no_free_slot", Blame.US, True


class PhoneError(SipError):
    """The softphone could not do what it was told (not answered, process gone, time-out)."""

    code, blame, retry = "phone_error", Blame.UNKNOWN, True
