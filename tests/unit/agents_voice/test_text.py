"""What a voice is given to read, and how a spoken answer is compared with the expected one."""

from __future__ import annotations

import pytest

from agents.stt.choices import choose, is_open
from agents.tts import clauses, sentences, spoken
from agents.tts.kokoro import tokenise
from agents.tts.portuguese import number
from agents.tts.text import MAX_SENTENCE
from agents.words import fold, matched


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"), (16, "dezesseis"), (21, "vinte e um"), (100, "cem"), (101, "cento e um"),
        (1000, "mil"), (1001, "mil e um"), (1100, "mil e cem"), (1234, "mil duzentos e trinta e quatro"),
        (2026, "dois mil e vinte e seis"), (1_000_000, "um milhão"),
        (3_200_015, "três milhões duzentos mil e quinze"),
    ],
)  # fmt: skip
def test_numbers_in_words(value: int, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("R$ 1.234,50", "mil duzentos e trinta e quatro reais e cinquenta centavos"),
        ("R$ 1", "um real"),
        ("R$ 0,99", "noventa e nove centavos"),
        ("Protocolo #TIC-001.", "Protocolo T I C, zero zero um."),
        ("Ligue (11) 98765-4321", "Ligue um um, nove oito sete seis cinco, quatro três dois um"),
        ("+5511987654321", "cinco cinco um um, nove oito sete seis cinco, quatro três dois um"),
        ("às 14h30", "às quatorze horas e trinta"),
        ("às 1h", "às uma hora"),
        ("dia 01/05/2026", "dia primeiro de maio de dois mil e vinte e seis"),
        ("Você é o 1º da fila", "Você é o primeiro da fila"),
        ("a 2ª opção", "a segunda opção"),
        ("2,5 kg e 10%", "dois vírgula cinco kg e dez por cento"),
        ("código 0042", "código zero zero quatro dois"),
        ("ana@exemplo.com", "ana arroba exemplo ponto com"),
        ("CPF 123.456.789-09", "CPF um dois três, quatro cinco seis, sete oito nove, zero nove"),
    ],
)
def test_figures_are_read_out(written: str, read: str) -> None:
    assert spoken(written) == read


def test_what_cannot_be_said_is_left_out() -> None:
    assert spoken("Olá 😀👍🏽 **mundo** <b>!</b>") == "Olá mundo b ! /b"
    assert spoken("😀🎉") == ""
    assert sentences("...") == []


def test_other_languages_keep_their_figures_for_their_own_phonemiser() -> None:
    assert spoken("It costs 25 dollars", "en-US") == "It costs 25 dollars"


def test_sentences_end_where_a_speaker_breathes() -> None:
    assert sentences("Olá! Tudo bem? O Dr. Silva espera. Certo.") == [
        "Olá!", "Tudo bem?", "O Dr. Silva espera.", "Certo.",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["palavra " * 500, "a" * 3000, "um, dois, " * 200, "http://" + "x/" * 900])
def test_no_piece_is_too_long_for_the_model_and_nothing_is_lost(text: str) -> None:
    pieces = sentences(text)
    assert max(map(len, pieces)) <= MAX_SENTENCE
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_cutting_again_changes_nothing() -> None:
    """A prompt is rendered whole and asked for a sentence at a time: both must come to the same pieces."""
    text = "Olá, Dr. Silva! Diga vendas, suporte, ou o que precisa. " + "uma frase longa, com vírgulas, " * 12
    assert [again for once in sentences(text) for again in sentences(once)] == sentences(text)


def test_clauses_are_no_stumps() -> None:
    parts = clauses("Olá, Maria, obrigado por ligar de novo para nós, em que posso ajudar você hoje?")
    assert len(parts) > 1
    assert min(map(len, parts)) >= 24
    assert clauses("Sim, claro.") == ["Sim, claro."]


def test_phonemes_come_apart_into_those_the_model_knows() -> None:
    assert tokenise("ɐ̃") == [70, 17]
    assert tokenise("ã") == [43, 17]
    assert tokenise("漢") == []


def test_case_accents_and_punctuation_do_not_count() -> None:
    assert fold("Não, OBRIGADO!") == "nao obrigado"
    assert matched("É, quero VENDAS mesmo.", ("vendas", "suporte")) == "vendas"
    assert matched("revendas", ("vendas",)) is None
    assert matched("falar com atendente", ("atendente", "falar com atendente")) == "falar com atendente"
    assert matched("qualquer coisa", ()) is None


def test_an_answer_that_stands_out_is_taken_and_one_among_equals_is_not() -> None:
    assert choose(("sim", "não"), {"sim": -1.9, "não": -6.0}.__getitem__) == ("sim", pytest.approx(0.98, abs=0.02))
    assert choose(("sim", "não"), {"sim": -4.2, "não": -3.0}.__getitem__) is None
    assert choose(("sim", "não"), {"sim": -1.0, "não": -1.4}.__getitem__) is None
    assert choose((), {}.__getitem__) is None


def test_only_a_short_turn_that_decides_nothing_is_open() -> None:
    assert is_open("Cm-a.", ("sim", "não"))
    assert is_open("Sim, não.", ("sim", "não"))
    assert not is_open("Sim.", ("sim", "não"))
    assert not is_open("eu queria saber do meu pedido", ("sim", "não"))
