"""HEAR: what each type understands, the three tries, menus by word and digit."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agents.dialect import DialectError, compile_flow
from agents.dialect.effects import Answer, Hear
from agents.dialect.hear_types import kind_of, read

from .scripted import NOW, play

TODAY = date(2026, 8, 20)  # a Thursday


def heard(kind: str, text: str) -> Any:
    found = read(kind, text, TODAY)
    return found.value if found else None


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("integer", "42", 42),
        ("integer", "vinte e três", 23),
        ("integer", "Dois.", 2),
        ("integer", "mil e duzentos", 1200),
        ("integer", "menos cinco", -5),
        ("integer", "tenho trinta e um anos", 31),
        ("integer", "são 15 pessoas", 15),
        ("integer", "não sei", None),
        ("integer", "entre 3 e 5", None),
        ("float", "1.234,56", 1234.56),
        ("float", "dois vírgula cinco", 2.5),
        ("float", "3.5", 3.5),
        ("money", "R$ 1.500,90", 1500.9),
        ("money", "vinte reais e cinquenta centavos", 20.5),
        ("money", "cem reais", 100),
        ("money", "-5", None),
        ("date", "hoje", "2026-08-20"),
        ("date", "Amanhã.", "2026-08-21"),
        ("date", "depois de amanhã", "2026-08-22"),
        ("date", "05/09", "2026-09-05"),
        ("date", "05/03", "2027-03-05"),
        ("date", "5/3/1990", "1990-03-05"),
        ("date", "2026-12-31", "2026-12-31"),
        ("date", "31122026", "2026-12-31"),
        ("date", "vinte e cinco de dezembro", "2026-12-25"),
        ("date", "primeiro de janeiro", "2027-01-01"),
        ("date", "3 de maio de 1985", "1985-05-03"),
        ("date", "sexta-feira", "2026-08-21"),
        ("date", "quinta", "2026-08-27"),
        ("date", "dia dez", "2026-09-10"),
        ("date", "daqui a três dias", "2026-08-23"),
        ("date", "31/02/2026", None),
        ("date", "um dia desses", None),
        ("hour", "14:30", "14:30"),
        ("hour", "14h", "14:00"),
        ("hour", "duas e meia da tarde", "14:30"),
        ("hour", "às oito horas", "08:00"),
        ("hour", "nove e quinze", "09:15"),
        ("hour", "meio-dia", "12:00"),
        ("hour", "0930", "09:30"),
        ("hour", "25:00", None),
        ("boolean", "Sim.", True),
        ("boolean", "isso mesmo", True),
        ("boolean", "não, obrigado", False),
        ("boolean", "1", True),
        ("boolean", "2", False),
        ("boolean", "talvez", None),
        ("cpf", "529.982.247-25", "52998224725"),
        ("cpf", "cinco dois nove nove oito dois dois quatro sete dois cinco", "52998224725"),
        ("cpf", "529.982.247-26", None),
        ("cpf", "111.111.111-11", None),
        ("cnpj", "11.222.333/0001-81", "11222333000181"),
        ("cnpj", "11.222.333/0001-82", None),
        ("mobile", "(11) 99999-0001", "+5511999990001"),
        ("mobile", "+55 11 99999 0001", "+5511999990001"),
        ("mobile", "+1 202 555 0100", "+12025550100"),
        ("mobile", "3333-4444", None),
        ("email", "joao@empresa.com.br", "joao@empresa.com.br"),
        ("email", "joão ponto silva arroba empresa ponto com ponto br", "joao.silva@empresa.com.br"),
        ("email", "não tenho", None),
        ("name", "meu nome é maria da silva", "Maria da Silva"),
        ("name", "JOÃO", "JOÃO"),
        ("name", "12", None),
        ("cep", "01310-100", "01310100"),
        ("cep", "zero um três um zero um zero zero", "01310100"),
        ("cep", "123", None),
        ("creditcard", "4111 1111 1111 1111", "4111111111111111"),
        ("creditcard", "4111 1111 1111 1112", None),
        ("url", "exemplo.com/x", "https://exemplo.com/x"),
        ("color", "azul claro", "#0000ff"),
        ("language", "inglês", "en"),
    ],
)
def test_types(kind: str, text: str, expected: Any) -> None:
    assert heard(kind, text) == expected


@pytest.mark.parametrize(
    ("word", "kind"), [("CEP", "cep"), ("ZipCode", "cep"), ("DECIMAL", "float"), ("Dinheiro", "money"), ("X", None)]
)
def test_names_of_types(word: str, kind: str | None) -> None:
    assert kind_of(word) == kind


@pytest.mark.parametrize("kind", ["integer", "float", "money", "date", "hour", "mobile", "email", "name", "cpf", "url"])
@pytest.mark.parametrize(
    "text", ["", " ", "é" * 9999, "9" * 9999, "a@" * 4000, "e " * 4000, "vinte e " * 2000, "\x00\n\u202e", "1/" * 99]
)
def test_no_answer_breaks_a_type(kind: str, text: str) -> None:
    heard(kind, text)


def test_an_answer_that_is_none_is_asked_again_twice_and_then_is_null() -> None:
    run = play('TALK "Quantos?"\nHEAR n AS INTEGER\nTALK "fim " + n', None, "sei lá", None, "quatro")
    ask = "Não entendi o número. Pode repetir?"
    assert run.said == ["Quantos?", ask, "Não ouvi você.", "Quantos?", "fim 4"]
    assert [e.attempt for e in run.did(Hear)] == [1, 2, 3]
    run = play("HEAR n AS INTEGER\nRETURN [n, heard.tries, heard.text]", {"n": 9}, "x", "y", "z")
    assert run.result == [None, 3, "z"]


def test_a_plain_hear_takes_anything_and_silence_is_null() -> None:
    assert play("HEAR x\nRETURN [x, heard.via]", None, Answer(" olá ", "speech")).result == ["olá", "speech"]
    assert play("HEAR x\nRETURN [x, heard.via]", None, None).result == [None, "timeout"]


def test_hear_into_a_field() -> None:
    assert play("HEAR c.nome AS NAME\nRETURN c", None, "ana").result == {"nome": "Ana"}


def test_the_effect_tells_the_driver_what_it_waits_for() -> None:
    (menu,) = play('HEAR x AS "vendas", "0:atendente|pessoa", TEXT', None, "1").did(Hear)
    assert (menu.kind, menu.options, menu.max_digits, menu.open) == ("menu", ("vendas", "atendente", "pessoa"), 1, True)
    (card,) = play("HEAR x AS CREDITCARD", None, "4111111111111111").did(Hear)
    assert card.sensitive
    (cpf,) = play("HEAR x AS CPF", None, "52998224725").did(Hear)
    assert cpf.max_digits == 11


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("quero falar com vendas", ["vendas", "vendas"]),
        (Answer("2", "digits"), ["suporte", "suporte"]),
        (Answer("0", "digits"), ["atendente", "atendente"]),
        ("minha fatura veio errada", ["minha fatura veio errada", None]),
        (Answer("7", "digits"), ["7", None]),
        (None, [None, None]),
    ],
)
def test_an_open_menu_gives_the_option_or_the_words(answer: Any, expected: list[Any]) -> None:
    source = 'HEAR x AS "vendas", "suporte", "0:atendente", TEXT\nRETURN [x, heard.option]'
    assert play(source, None, answer).result == expected


def test_a_closed_menu_asks_again() -> None:
    run = play('TALK "Sim ou não?"\nHEAR x AS "sim", "não"\nRETURN x', None, "talvez", "nao")
    assert run.said == ["Sim ou não?", "Não entendi. Por favor, escolha uma das opções."]
    assert run.result == "não"


@pytest.mark.parametrize("options", ['"1:a", "1:b"', '"a", "a"', '""', '"1:"'])
def test_a_menu_that_cannot_be_is_refused_when_the_flow_is_saved(options: str) -> None:
    with pytest.raises(DialectError) as caught:
        compile_flow(f"HEAR x AS {options}", "m.bas")
    assert caught.value.code == "bad_menu"


def test_dates_are_read_by_the_flows_own_clock() -> None:
    assert play("HEAR d AS DATE\nRETURN d", None, "hoje").result == NOW.date().isoformat()
