"""The tables of states (D4): what they allow, what they refuse, and that nothing is a dead end by mistake."""

from __future__ import annotations

import itertools

import pytest

from control.conversations import CallState, ConversationEvent, Status, next_call_state, next_status
from control.conversations.states import NEXT, NEXT_CALL, CallEvent
from control.errors import Conflict

E, S = ConversationEvent, Status


def test_the_road_of_d4() -> None:
    road = ((E.ENQUEUE, S.WAITING), (E.ASSIGN, S.ASSIGNED), (E.ACCEPT, S.ACTIVE), (E.PEND, S.PENDING),
            (E.RESOLVE, S.RESOLVED))  # fmt: skip
    status: str = S.BOT
    for event, expected in road:
        status = next_status(status, event)
        assert status is expected


@pytest.mark.parametrize(("status", "event"), list(itertools.product(S, E)))
def test_what_is_not_in_the_table_is_a_conflict_with_the_current_state(
    status: Status, event: ConversationEvent
) -> None:
    if (status, event) in NEXT:
        assert isinstance(next_status(status, event), Status)
        return
    with pytest.raises(Conflict) as refused:
        next_status(status, event)
    assert refused.value.state == status


def test_every_open_conversation_can_be_resolved_and_every_closed_one_reopened() -> None:
    for status in S:
        assert (status, E.RESOLVE) in NEXT or (status, E.REOPEN) in NEXT
    assert {status for status, event in NEXT if event is E.ABANDON} == {S.WAITING, S.ASSIGNED}


def test_a_call_in_any_state_can_end_and_an_ended_one_does_nothing_more() -> None:
    for state in CallState:
        assert ((state, CallEvent.END) in NEXT_CALL) is (state is not CallState.ENDED)
        if state is not CallState.ENDED:
            with pytest.raises(Conflict) as refused:
                next_call_state(CallState.ENDED, state)
            assert refused.value.state == "ended"


def test_a_call_that_is_held_talks_again_or_goes_back_to_the_queue() -> None:
    assert next_call_state("held", CallState.TALKING) is CallState.TALKING
    assert next_call_state("held", CallState.QUEUED) is CallState.QUEUED
    with pytest.raises(Conflict):
        next_call_state("queued", CallState.HELD)
