"""The life of one call as a table: what is not in it is refused.

    OFFERED --ring--> RINGING --answer--> ANSWERED --ack--> TALKING <--> HELD / PAUSED / PARKED
    DIALLING --ring--> RINGING ...                 any --end--> ENDED

HELD: the peer holds us. PAUSED: we hold the peer by re-INVITE. PARKED: both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from .errors import InvalidTransition


class CallState(StrEnum):
    OFFERED = "offered"  # INVITE arrived, nobody has decided
    DIALLING = "dialling"  # our INVITE is out
    RINGING = "ringing"  # 180 was sent or received
    ANSWERED = "answered"  # 200 sent or received, no ACK seen yet
    TALKING = "talking"
    HELD = "held"
    PAUSED = "paused"
    PARKED = "parked"
    ENDED = "ended"


class CallEvent(StrEnum):
    RING = "ring"
    ANSWER = "answer"
    ACK = "ack"
    PEER_HOLDS = "peer_holds"
    PEER_RESUMES = "peer_resumes"
    WE_HOLD = "we_hold"
    WE_RESUME = "we_resume"
    LOST = "lost"  # the worker died before the answer; the INVITE goes to another one
    END = "end"


S, E = CallState, CallEvent

NEXT: Final[dict[tuple[CallState, CallEvent], CallState]] = {
    (S.OFFERED, E.RING): S.RINGING,
    (S.OFFERED, E.ANSWER): S.ANSWERED,
    (S.OFFERED, E.LOST): S.OFFERED,
    (S.DIALLING, E.RING): S.RINGING,
    (S.DIALLING, E.ANSWER): S.ANSWERED,
    (S.RINGING, E.RING): S.RINGING,  # 180 is repeated every minute (RFC 3261 section 13.3.1.1)
    (S.RINGING, E.ANSWER): S.ANSWERED,
    (S.RINGING, E.LOST): S.OFFERED,
    (S.ANSWERED, E.ACK): S.TALKING,
    (S.TALKING, E.PEER_HOLDS): S.HELD,
    (S.TALKING, E.WE_HOLD): S.PAUSED,
    (S.HELD, E.PEER_RESUMES): S.TALKING,
    (S.HELD, E.WE_HOLD): S.PARKED,
    (S.PAUSED, E.WE_RESUME): S.TALKING,
    (S.PAUSED, E.PEER_HOLDS): S.PARKED,
    (S.PARKED, E.PEER_RESUMES): S.PAUSED,
    (S.PARKED, E.WE_RESUME): S.HELD,
    **{(state, E.END): S.ENDED for state in S if state is not S.ENDED},
}

LIVE: Final = frozenset({S.ANSWERED, S.TALKING, S.HELD, S.PAUSED, S.PARKED})  # the far end must get a BYE
UNDECIDED: Final = frozenset({S.OFFERED, S.RINGING})


def advance(state: CallState, event: CallEvent) -> CallState:
    """The state after *event*.

    Raises:
        InvalidTransition: the table has no such step.
    """
    try:
        return NEXT[state, event]
    except KeyError:
        raise InvalidTransition(state, event) from None


def allows(state: CallState, event: CallEvent) -> bool:
    return (state, event) in NEXT
