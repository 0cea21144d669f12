"""What a conversation (D4) and a call may become. What is not in the table is refused with the current state (409)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ..errors import Conflict


class Status(StrEnum):
    BOT = "bot"  # nobody is needed (yet)
    WAITING = "waiting"
    ASSIGNED = "assigned"  # given to somebody who has not begun
    ACTIVE = "active"
    PENDING = "pending"  # the customer is silent
    RESOLVED = "resolved"
    ABANDONED = "abandoned"  # the customer left before anybody began


class ConversationEvent(StrEnum):
    ENQUEUE = "enqueue"
    ASSIGN = "assign"
    ACCEPT = "accept"
    REQUEUE = "requeue"  # to a queue again: transfer, or the attendant vanished
    PEND = "pend"
    RESUME = "resume"
    RESOLVE = "resolve"
    ABANDON = "abandon"
    TO_BOT = "to_bot"  # SET SESSION "needs_human", false (S58)
    FINISH = "finish"  # the bot needed nobody
    REOPEN = "reopen"


_S, _E = Status, ConversationEvent
NEXT: Final[dict[tuple[Status, ConversationEvent], Status]] = {
    (_S.BOT, _E.ENQUEUE): _S.WAITING,
    (_S.BOT, _E.FINISH): _S.RESOLVED,
    (_S.BOT, _E.RESOLVE): _S.RESOLVED,
    (_S.WAITING, _E.ASSIGN): _S.ASSIGNED,
    (_S.WAITING, _E.ACCEPT): _S.ACTIVE,
    (_S.WAITING, _E.REQUEUE): _S.WAITING,
    (_S.WAITING, _E.RESOLVE): _S.RESOLVED,  # S76: stuck in human mode
    (_S.WAITING, _E.ABANDON): _S.ABANDONED,
    (_S.WAITING, _E.TO_BOT): _S.BOT,
    (_S.ASSIGNED, _E.ASSIGN): _S.ASSIGNED,
    (_S.ASSIGNED, _E.ACCEPT): _S.ACTIVE,
    (_S.ASSIGNED, _E.REQUEUE): _S.WAITING,
    (_S.ASSIGNED, _E.RESOLVE): _S.RESOLVED,
    (_S.ASSIGNED, _E.ABANDON): _S.ABANDONED,
    (_S.ASSIGNED, _E.TO_BOT): _S.BOT,
    (_S.ACTIVE, _E.ASSIGN): _S.ASSIGNED,
    (_S.ACTIVE, _E.REQUEUE): _S.WAITING,
    (_S.ACTIVE, _E.PEND): _S.PENDING,
    (_S.ACTIVE, _E.RESOLVE): _S.RESOLVED,
    (_S.ACTIVE, _E.TO_BOT): _S.BOT,
    (_S.PENDING, _E.ASSIGN): _S.ASSIGNED,
    (_S.PENDING, _E.REQUEUE): _S.WAITING,
    (_S.PENDING, _E.RESUME): _S.ACTIVE,
    (_S.PENDING, _E.RESOLVE): _S.RESOLVED,
    (_S.PENDING, _E.TO_BOT): _S.BOT,
    (_S.RESOLVED, _E.REOPEN): _S.ACTIVE,
    (_S.ABANDONED, _E.REOPEN): _S.ACTIVE,
    (_S.ABANDONED, _E.RESOLVE): _S.RESOLVED,  # wrapped up afterwards: called back, nothing to do
}


class CallState(StrEnum):
    BOT = "bot"
    QUEUED = "queued"
    CONNECTING = "connecting"  # somebody accepted, the room is being entered
    TALKING = "talking"
    HELD = "held"
    ENDED = "ended"


class CallEvent(StrEnum):
    QUEUE = "queue"
    CONNECT = "connect"
    TALK = "talk"
    HOLD = "hold"
    RESUME = "resume"
    TO_BOT = "to_bot"
    END = "end"


_C, _V = CallState, CallEvent
NEXT_CALL: Final[dict[tuple[CallState, CallEvent], CallState]] = {
    (_C.BOT, _V.QUEUE): _C.QUEUED,
    (_C.BOT, _V.CONNECT): _C.CONNECTING,
    (_C.QUEUED, _V.CONNECT): _C.CONNECTING,
    (_C.QUEUED, _V.TALK): _C.TALKING,
    (_C.QUEUED, _V.TO_BOT): _C.BOT,
    (_C.CONNECTING, _V.TALK): _C.TALKING,
    (_C.CONNECTING, _V.QUEUE): _C.QUEUED,
    (_C.CONNECTING, _V.HOLD): _C.HELD,
    (_C.TALKING, _V.HOLD): _C.HELD,
    (_C.TALKING, _V.QUEUE): _C.QUEUED,
    (_C.TALKING, _V.CONNECT): _C.CONNECTING,  # handed to another attendant
    (_C.TALKING, _V.TO_BOT): _C.BOT,
    (_C.HELD, _V.RESUME): _C.TALKING,
    (_C.HELD, _V.TALK): _C.TALKING,
    (_C.HELD, _V.QUEUE): _C.QUEUED,
    (_C.HELD, _V.CONNECT): _C.CONNECTING,
    (_C.HELD, _V.TO_BOT): _C.BOT,
    **{(state, _V.END): _C.ENDED for state in _C if state is not _C.ENDED},
}
# How a call gets into a state, for who thinks in states (``Conversations.advance_call``).
TOWARDS: Final[dict[CallState, tuple[CallEvent, ...]]] = {
    _C.BOT: (_V.TO_BOT,),
    _C.QUEUED: (_V.QUEUE,),
    _C.CONNECTING: (_V.CONNECT,),
    _C.TALKING: (_V.TALK, _V.RESUME),
    _C.HELD: (_V.HOLD,),
    _C.ENDED: (_V.END,),
}


def next_status(current: str, event: ConversationEvent) -> Status:
    """Raises ``Conflict`` with the current state."""
    try:
        return NEXT[Status(current), event]
    except KeyError:
        raise Conflict(f"a conversation that is {current} does not take {event}", state=current) from None


def next_call_state(current: str, towards: CallState) -> CallState:
    """Raises ``Conflict`` with the current state."""
    for event in TOWARDS[towards]:
        if NEXT_CALL.get((CallState(current), event)) is towards:
            return towards
    raise Conflict(f"a call that is {current} does not become {towards}", state=current)
