"""Menus: which option an utterance means."""

from __future__ import annotations

import pytest

from agents.ivr import Menu, digits_in, number_in

MENU = Menu.of(["vendas|comprar", "suporte|suporte técnico", "9:segunda via do boleto", "0:atendente|pessoa"])


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("Vendas.", "vendas"),
        ("eu quero comprar um plano", "vendas"),
        ("SUPORTE técnico, por favor", "suporte"),
        ("soporte", "suporte"),
        ("atendênte", "atendente"),
        ("aten", "atendente"),
        ("boleto", "segunda via do boleto"),
        ("um", "vendas"),
        ("opção dois", "suporte"),
        ("a primeira", "vendas"),
        ("nove", "segunda via do boleto"),
        ("0", "atendente"),
        ("não quero vendas, quero suporte", "suporte"),
        ("um momento", None),
        ("vendas ou suporte?", None),
        ("não quero falar com vendas", None),
        ("3", None),
        ("vendaval", None),
        ("", None),
        ("...", None),
    ],
)
def test_one_option_or_none(said: str, word: str | None) -> None:
    found = MENU.match(said)
    assert (found.word if found else None) == word


def test_digits_are_places_unless_written() -> None:
    assert [option.digits for option in MENU.options] == ["1", "2", "9", "0"]
    assert [option.digits for option in Menu.of(["a", "1:b"]).options] == ["", "1"]
    assert MENU.max_digits == 1
    assert Menu.of(["10:a", "b"]).max_digits == 2
    found = MENU.match_digits("0#")
    assert found is not None
    assert found.word == "atendente"
    assert MENU.match_digits("00") is None


def test_only_a_whole_word_commits_early() -> None:
    assert MENU.match_early("eu quero ven") is None
    assert MENU.match_early("soporte") is None
    found = MENU.match_early("eu quero vendas")
    assert found is not None
    assert found.word == "vendas"


@pytest.mark.parametrize("options", [[], [""], ["1:a", "1:b"], ["á", "A"], ["x"] * 51])
def test_menus_that_cannot_be(options: list[str]) -> None:
    with pytest.raises(ValueError, match="menu"):
        Menu.of(options)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("vinte e três mil e quarenta", 23040),
        ("dois mil e vinte e seis", 2026),
        ("um milhão e meio", None),
        ("cento e um", 101),
        ("dezesseis", 16),
        ("três quatro", None),
        ("vinte e", 20),
        ("mil", 1000),
        ("", None),
    ],
)
def test_numbers_in_words(said: str, number: int | None) -> None:
    assert number_in(said) == number


def test_digits_said_one_by_one_and_by_tens() -> None:
    assert digits_in("meia meia nove, vinte e três zero") == "669230"
    assert digits_in("11 9 8765-4321") == "11987654321"
    assert digits_in("cento e vinte e três") == "123"
