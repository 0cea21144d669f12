"""States, events, numbers, trunks, rates, and the stack in memory."""

from __future__ import annotations

import json

import pytest

from config.sip import SipSettings
from sip import events
from sip.edge.limits import MAX_SOURCES, RateLimit
from sip.errors import BadEvent, InvalidTransition
from sip.loopback import Loopback
from sip.numbers import is_anonymous, normalise, same_number
from sip.states import LIVE, NEXT, CallEvent, CallState, advance
from sip.trunks import Trunks

EXAMPLES = [
    events.Incoming("c", "direct", "+5511988887777", "Ana", "100", {"x-a": "b"}, "udp:127.0.0.1:5060"),
    events.Answered("c", "PCMA"),
    events.Ended("c", "worker_lost", 0, "the SIP worker died", "us"),
    events.Capacity(2, 1, 102),
    events.Digit("c", "#", "info"),
    events.Answer("c", "/run/pcm", "t"),
    events.Reject("c", 486, "Busy", None),
    events.Reject("c", 503, "Busy", 2),
    events.Dial("c", "/run/pcm", "t", trunk="x", number="+551130000000"),
    events.Drain(),
]


@pytest.mark.parametrize("value", EXAMPLES, ids=lambda value: value.type)
def test_events_travel_as_plain_json(value: events.Told) -> None:
    read = events.event_from if value.type in events.EVENTS else events.command_from
    assert read(json.loads(json.dumps(value.to_dict()))) == value
    assert read({**value.to_dict(), "from_the_future": 1}) == value
    assert type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "message",
    [{}, {"type": "nonsense"}, {"type": 7}, {"type": "answer", "call": "c"},
     {"type": "reject", "call": "c", "code": "6"},
     {"type": "hold", "call": None}],
)  # fmt: skip
def test_what_is_no_command_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(BadEvent):
        events.command_from(message)


def test_the_life_of_a_call() -> None:
    state = CallState.OFFERED
    for event in (CallEvent.RING, CallEvent.ANSWER, CallEvent.ACK, CallEvent.PEER_HOLDS, CallEvent.WE_HOLD):
        state = advance(state, event)
    assert state is CallState.PARKED
    assert advance(advance(state, CallEvent.PEER_RESUMES), CallEvent.WE_RESUME) is CallState.TALKING


def test_what_the_table_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        advance(CallState.TALKING, CallEvent.ANSWER)
    with pytest.raises(InvalidTransition):
        advance(CallState.ENDED, CallEvent.END)
    assert all((state, CallEvent.END) in NEXT for state in CallState if state is not CallState.ENDED)
    assert all((state, CallEvent.LOST) not in NEXT for state in LIVE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+55 11 98888-7777", "+5511988887777"),
        ("5511988887777", "+5511988887777"),
        ("11988887777", "+5511988887777"),
        ("005511988887777", "+5511988887777"),
        ("+14155552671", "+14155552671"),
        ("1001", "1001"),
        ("ana", "ana"),
        ("", ""),
        ("100", "100"),
    ],
)
def test_numbers_become_e164_and_extensions_stay(text: str, expected: str) -> None:
    assert normalise(text, "BR") == expected


def test_anonymous_callers_and_same_numbers() -> None:
    assert is_anonymous("anonymous", "anonymous.invalid")
    assert is_anonymous("", "host")
    assert not is_anonymous("+5511988887777", "host")
    assert same_number("(11) 98888-7777", "+5511988887777", "BR")
    assert not same_number("", "", "BR")


def test_the_trunk_that_owns_the_number_wins() -> None:
    settings = SipSettings.model_validate(
        {
            "trunks": [
                {"name": "a", "sources": ["203.0.113.0/24"]},
                {"name": "b", "sources": ["203.0.113.0/24"], "numbers": ["11 3000-0000"]},
            ]
        }
    )
    trunks = Trunks(settings)
    assert [trunks.of("203.0.113.9", called).name for called in ("+551130000000", "+551131111111")] == ["b", "a"]  # type: ignore[union-attr]
    assert trunks.of("198.51.100.1", "+551130000000") is None
    with pytest.raises(ValueError, match="network"):
        Trunks(SipSettings.model_validate({"trunks": [{"name": "x", "sources": ["not a network"]}]}))


def test_rates_are_per_source_and_recover() -> None:
    limit = RateLimit(2.0)
    assert [limit.allow("a", 0.0) for _ in range(3)] == [True, True, False]
    assert limit.allow("b", 0.0)
    assert limit.allow("a", 0.5)
    assert limit.refused == 1


def test_the_table_of_sources_is_bounded() -> None:
    limit = RateLimit(1.0)
    for number in range(MAX_SOURCES + 10):
        limit.allow(str(number), 0.0)
    assert limit.forgotten == 10


def test_the_stack_in_memory_lives_by_the_same_table() -> None:
    heard: list[events.Told] = []
    stack = Loopback(heard.append)
    call = stack.ring(caller="+5511988887777", called="100")
    stack.command(events.Answer(call, "/run/pcm", "t"))
    stack.command(events.Answer(call, "/run/pcm", "t"))
    stack.far_end_holds(call)
    stack.press(call, "12")
    stack.far_end_hangs_up(call)
    kinds = [event.type for event in heard if not isinstance(event, events.Capacity)]
    assert kinds == ["incoming", "attached", "answered", "acked", "command_failed", "held", "digit", "digit", "ended"]
    stack.command(events.HangUp(call))
    assert isinstance(heard[-1], events.Failed)
