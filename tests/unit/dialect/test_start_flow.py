"""The shipped flow: whoever calls is greeted, understood or handed over, and never left without a word."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from agents.dialect import compile_flow
from agents.dialect.effects import Answer, Find, HangUp, Hear, Talk, TransferToHuman

from .scripted import Scripted

START = (Path(__file__).parents[3] / "control/telephony/flows/start.bas").read_text(encoding="utf-8")
PHONE = "+5511999990001"
MENU = (
    "Você pode dizer vendas, suporte, ou diga o que precisa. "
    "Para falar com um atendente, digite zero ou diga atendente."
)
MOVING = "Um momento, vou transferir você para um atendente."


def call(*answers: Any, **more: Any) -> Scripted:
    return Scripted(answers, **more).play(START, {"session": {"phone": PHONE}})


def transfer(run: Scripted) -> TransferToHuman:
    (found,) = run.did(TransferToHuman)
    assert isinstance(found, TransferToHuman)
    assert run.said[-1] == MOVING
    return found


def test_an_unknown_caller_is_thanked_and_hears_the_menu() -> None:
    run = call("atendente")
    assert run.said[:2] == ["Olá! Obrigado por ligar.", MENU]


def test_a_known_customer_is_greeted_by_first_name_in_a_sentence_of_its_own() -> None:
    run = call("atendente", tables={"customers": [{"id": 1, "name": "João da Silva", "phone": PHONE, "tier": "gold"}]})
    assert run.said[:2] == ["Olá, João!", MENU]
    assert run.session["customer_tier"] == "gold"


@pytest.mark.parametrize("said", ["vendas", "queria comprar um plano", Answer("1", "digits")])
def test_sales(said: Any) -> None:
    assert transfer(call(said)).target == "vendas"


@pytest.mark.parametrize("said", ["Suporte.", "estou com um problema técnico", Answer("2", "digits")])
def test_support(said: Any) -> None:
    assert transfer(call(said)).target == "suporte"


@pytest.mark.parametrize(
    "said", ["Quero falar com um atendente.", "atendimento", "uma pessoa", Answer("0", "digits"), "falar com alguém"]
)
def test_a_person_on_request(said: Any) -> None:
    assert transfer(call(said)).target is None


def test_premium_customers_go_first() -> None:
    found = transfer(call("0", tables={"customers": [{"name": "Ana", "phone": PHONE, "tier": "premium"}]}))
    assert (found.priority, found.reason) == ("high", "Cliente premium")


def test_what_is_not_in_the_menu_is_acknowledged_and_goes_with_the_caller() -> None:
    run = call("minha internet caiu", "sim")
    assert run.said[2].startswith("Entendi.")
    assert run.session["topic"] == "minha internet caiu"
    assert transfer(run).reason == "minha internet caiu"


def test_s71_three_tries_and_then_a_person() -> None:
    run = call("xpto", "hmm", "xpto")
    assert len(run.did(Hear)) == 3
    assert str(transfer(run).reason).startswith("Tentativas=3")


def test_silence_is_told_and_ends_with_a_person() -> None:
    run = call(None, None, None)
    assert run.said.count("Não ouvi você. Diga vendas, suporte ou atendente.") == 2
    transfer(run)


def test_a_refusal_goes_back_to_the_menu() -> None:
    run = call("minha conta", "não", "vendas")
    assert transfer(run).target == "vendas"


def test_s71_an_angry_caller_goes_at_once_and_first() -> None:
    run = Scripted(["isso é um absurdo"]).play(START, {"session": {"phone": PHONE}, "sentiment": {"score": -0.9}})
    found = transfer(run)
    assert (found.target, found.priority, found.reason) == ("suporte", "high", "Tentativas=0, Sentimento=negativo")


def test_a_look_up_that_fails_costs_only_the_name() -> None:
    assert transfer(call("vendas", fail=Find)).target == "vendas"


@pytest.mark.parametrize("more", [{"fail": TransferToHuman}, {"transfer": {"success": False, "status": "error"}}])
def test_a_transfer_that_fails_is_told_before_the_call_ends(more: dict[str, Any]) -> None:
    run = call("vendas", **more)
    assert run.said[-1].startswith("No momento não consegui transferir você.")
    assert isinstance(run.done[-1], HangUp)


def test_no_way_through_the_flow_is_a_dead_end() -> None:
    answers = [None, "vendas", "0", "7", "não sei", "sim", "não"]
    for path in product(answers, repeat=3):
        run = call(*path, *["não sei"] * 6)
        assert run.did(TransferToHuman), path
        for place, effect in enumerate(run.done):
            if isinstance(effect, Hear):  # something is said before every wait
                assert isinstance(run.done[place - 1], Talk), path


def test_every_sentence_but_the_name_can_be_rendered_beforehand() -> None:
    prompts = compile_flow(START, "start.bas").prompts()
    assert {MENU, MOVING, "Olá! Obrigado por ligar."} <= set(prompts)
    for run in (call("x", "y", "z"), call(None, None, None), call("8", "x", "não", "0")):
        assert set(run.said) <= set(prompts)
