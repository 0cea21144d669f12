"""Whom the router asks (S63, S66, S67, S21), as a pure function against many random houses."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from control.errors import Invalid
from control.queues import Candidate, choose, estimated_wait_s
from control.queues.targets import fold, priority_of

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ANA = Candidate(UUID(int=1), ["all"], None, 0, 0, 5, 0, None)


def test_channel_then_name_then_topic_then_load_then_turn() -> None:
    bruno = replace(ANA, user_id=UUID(int=2), channels=["whatsapp", "web"])
    assert choose([bruno], channel="voice") is None
    assert choose([bruno], channel="web") is bruno
    carla = replace(ANA, user_id=UUID(int=3), active=2)
    assert choose([carla, ANA], channel="chat") is ANA
    sales = replace(carla, preferences="sales")
    assert choose([sales, ANA], channel="chat", topic="sales") is sales
    assert choose([sales, ANA], channel="chat", topic="sales", wanted=ANA.user_id) is ANA
    asked = replace(ANA, user_id=UUID(int=4), last_offer_at=NOON)
    asked_before = replace(asked, user_id=UUID(int=5), last_offer_at=NOON - timedelta(minutes=1))
    assert choose([asked, asked_before], channel="voice") is asked_before
    assert choose([asked, replace(asked_before, priority=1)], channel="voice") is asked


def test_nobody_above_their_capacity_and_one_voice_at_a_time() -> None:
    assert choose([replace(ANA, active=5)], channel="chat") is None
    busy = replace(ANA, active=1, voice=1)
    assert choose([busy], channel="voice") is None
    assert choose([busy], channel="whatsapp") is busy


def test_the_choice_does_not_depend_on_order_and_is_never_somebody_worse() -> None:
    dice = random.Random(67)
    for _ in range(300):
        people = [
            Candidate(
                UUID(int=n), dice.choice((["all"], ["voice"], ["web"])), dice.choice((None, "sales", "support")),
                dice.randrange(6), dice.randrange(2), dice.randrange(1, 6), dice.randrange(3),
                dice.choice((None, NOON - timedelta(minutes=dice.randrange(60)))),
            )
            for n in range(dice.randrange(8))
        ]  # fmt: skip
        chosen = choose(people, channel="voice", topic="sales")
        dice.shuffle(people)
        assert choose(people, channel="voice", topic="sales") == chosen
        able = [p for p in people if "web" not in p.channels and p.active < p.max_conversations and not p.voice]
        assert (chosen is None) is (not able)
        if chosen is not None:
            assert chosen in able
            same_taste = [p for p in able if (p.preferences == "sales") == (chosen.preferences == "sales")]
            assert chosen.preferences == "sales" or not any(p.preferences == "sales" for p in able)
            assert chosen.active == min(p.active for p in same_taste)


def test_the_expected_wait_grows_with_the_place_and_shrinks_with_people() -> None:
    def wait(position: int, attendants: int = 2, free: int = 0, mean: float | None = 120.0) -> int:
        return estimated_wait_s(position=position, attendants=attendants, free=free, mean_handle_s=mean, ring_s=20)

    assert wait(1, free=1) == 10
    assert wait(1) == 60
    assert wait(4) == 240
    assert wait(4, attendants=4) == 120
    assert wait(2, free=1) == 60
    assert wait(1, attendants=0, mean=None) == 180


def test_names_are_compared_without_case_accents_and_hyphens() -> None:
    assert fold("  Suporte  TÉCNICO ") == fold("suporte-tecnico") == "suporte tecnico"
    assert priority_of("Alta") == priority_of("high") == priority_of(2) == 2
    assert priority_of(None, 1) == 1
    for bad in ("enorme", 4, -1, "9"):
        with pytest.raises(Invalid):
            priority_of(bad)
