"""Messages between control and a media process survive the way, and only declared ones do."""

from __future__ import annotations

import json

import pytest

from control.telephony import wire


def test_every_message_reads_back_as_it_was_sent() -> None:
    samples: list[wire.Wire] = [
        wire.Open("c", "1", "t", "/r.wav", "pt-BR", "pf_dora"),
        wire.Ask("c", "2", 8.0, 1, 3.0, ["vendas", "suporte"]),
        wire.Join("c", "3", "ws://rooms", "jwt"),
        wire.Close("c", "4"),
    ]
    for message in samples:
        assert wire.decode(json.loads(json.dumps(message.encode())), wire.COMMANDS) == message
    told = wire.Heard("c", "customer", "", "olá", 1.5, 2.0)
    assert wire.decode(told.encode(), wire.EVENTS) == told


@pytest.mark.parametrize(
    "message",
    [
        {"type": "reboot", "session": "c"},
        {"type": "say", "session": "c", "rid": "1"},
        {"type": "say", "session": "c", "rid": "1", "text": "x", "volume": 11},
        {"session": "c"},
    ],
)
def test_an_undeclared_message_or_field_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"unknown message|argument"):
        wire.decode(message, wire.COMMANDS)


def test_a_command_is_no_event() -> None:
    with pytest.raises(ValueError, match="unknown message"):
        wire.decode(wire.Hold("c").encode(), wire.EVENTS)
