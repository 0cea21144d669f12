"""What the language does: expressions, decisions, loops, procedures, errors, talking."""

from __future__ import annotations

from typing import Any

import pytest

from agents.dialect import FlowError, compile_flow
from agents.dialect.effects import Action, Answer, Find, HangUp, Log, SystemPrompt, Talk, Wait

from .scripted import Scripted, play, value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 \\ 2", 3),
        ("7 MOD 4", 3),
        ("2 ^ 10", 1024),
        ("-2 ^ 2", -4),
        ("10 / 4", 2.5),
        ("10 / 5", 2),
        ('"a" + 1', "a1"),
        ("1 & 2", "12"),
        ('"x" + NULL', "x"),
        ('"5" * 2', 10),
        ("1 < 2 AND NOT 2 < 1", True),
        ("1 = 1 OR 1 / 0 = 1", True),
        ('"5" = 5', True),
        ('NULL = ""', True),
        ("NULL < 5", True),
        ("NULL < -0.5", False),
        ("2 IN [1, 2]", True),
        ('"b" NOT IN ["a"]', True),
        ('"ana" IN "banana"', True),
        ('"João Silva" LIKE "joao%"', True),
        ('"x" NOT LIKE "y%"', True),
        ('NULL ?? "cliente"', "cliente"),
        ('"Olá " + (nada ?? "cliente")', "Olá cliente"),
        ('{a: 1, "b": [2, 3]}.b[1]', 3),
        ("#{A: 1}.a", 1),
        ("nada.campo.outro", None),
        ("nada FOUND", False),
        ("[] NOT FOUND", True),
        ("0 FOUND", True),
        ("nada IS NULL", True),
        ("1 IS NOT NULL", True),
        ('"a ""b"" \\"c\\" \\n"', 'a "b" "c" \n'),
        ("1 <> 2", True),
        ("1 != 1", False),
        ("TRUE AND 1", True),
    ],
)
def test_expressions(expression: str, expected: Any) -> None:
    found = value(expression)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('LEN("olá")', 3),
        ('UCASE("olá") + LCASE("ÃO")', "OLÁão"),
        ('TRIM("  a ")', "a"),
        ('LEFT("abc", 2) + RIGHT("abc", 1) + MID("abcd", 2, 2)', "abcbc"),
        ('INSTR("banana", "na")', 3),
        ('REPLACE("a-b", "-", "+")', "a+b"),
        ('JOIN(SPLIT("a;b", ";"), " e ")', "a e b"),
        ('VAL("12,5 kg")', 12.5),
        ("STR(2.0)", "2"),
        ("INT(-1.5)", -2),
        ("ROUND(2.5)", 3),
        ("ROUND(1.005, 2)", 1.01),
        ("ABS(-3)", 3),
        ('FORMAT(1234.5, "#,##0.00")', "1.234,50"),
        ('FORMAT(0.256, "0%")', "26%"),
        ('FORMAT(1234567, "R$")', "R$ 1.234.567,00"),
        ('FORMAT("2026-08-20", "dd/MM/yyyy")', "20/08/2026"),
        ('FORMAT("2026-08-20T09:05:00", "dddd, d \'de\' MMMM, HH:mm")', "quinta-feira, 20 de agosto, 09:05"),
        ('FORMAT("52998224725", "cpf")', "529.982.247-25"),
        ('FORMAT("+5511999990001", "phone")', "(11) 99999-0001"),
        ('FIRST("João da Silva")', "João"),
        ("LAST([1, 2])", 2),
        ("ISNULL(nada)", True),
        ("NOW()", "2026-08-20T14:05:00-03:00"),
        ("HOJE()", "2026-08-20"),
        ("HOUR()", 14),
        ('DATEADD("month", 1, "2026-01-31")', "2026-02-28"),
        ('DATEDIFF("day", "2026-08-20", "2026-09-01")', 12),
        ('AGGREGATE("SUM", [{v: 1}, {v: 2.5}], "v")', 3.5),
        ('AGGREGATE "AVG", [1, 3]', 2),
        ('FILTER [{s: "a", n: 1}, {s: "b", n: 5}], "s=b AND n>2"', [{"s": "b", "n": 5}]),
        ('MAP [{a: 1}], "a"', [1]),
        ('MAP [{a: 1}], "a->b"', [{"b": 1}]),
        ('SORT [{n: 2}, {n: 1}], "n"', [{"n": 1}, {"n": 2}]),
        ('JOIN [{id: 1, a: "x"}], [{id: 1, b: "y"}], "id"', [{"id": 1, "b": "y", "a": "x"}]),
        ('LEN(GROUP BY [{k: "a"}, {k: "a"}, {k: "b"}], "k")', 2),
        ('PIVOT([{m: "jan", t: "x", v: 1}, {m: "jan", t: "y", v: 2}], "m", "t", "v")', [{"m": "jan", "x": 1, "y": 2}]),
        ("FILL([{a: 1}], {a: 0, b: 9})", [{"a": 1, "b": 9}]),
        ("UNIQUE([1, 1, 2])", [1, 2]),
        ('PROPER("MARIA DA SILVA")', "Maria da Silva"),
        ('" a ".trim()', "a"),
        ("[3, 4].len()", 2),
    ],
)
def test_functions(expression: str, expected: Any) -> None:
    assert value(expression) == expected


def test_variables_and_keywords_know_no_case_and_lines_go_on() -> None:
    run = play('Nome = "Ana"\ntalk "Olá, " + _\n  NOME & _ \' até aqui\n "!"\nREM nada\nLet x = 1 : X += 2\nReturn x')
    assert run.said == ["Olá, Ana!"]
    assert run.result == 3


def test_records_and_lists_are_changed_in_place() -> None:
    source = 'p.nome = "Ana"\np.fones = [1]\np.fones[1] = 2\nPUSH(p.fones, 3)\nq = p.fones\nRETURN p'
    assert play(source).result == {"nome": "Ana", "fones": [1, 2, 3]}


@pytest.mark.parametrize(("x", "said"), [(1, "um"), (2, "dois"), (9, "outro")])
def test_if_in_blocks(x: int, said: str) -> None:
    source = 'IF x = 1 THEN\nTALK "um"\nELSEIF x = 2 THEN\nTALK "dois"\nELSE\nTALK "outro"\nEND IF'
    assert play(source, {"x": x}).said == [said]
    assert play('IF x = 1 THEN TALK "um" ELSE IF x = 2 THEN TALK "dois" ELSE TALK "outro"', {"x": x}).said == [said]


@pytest.mark.parametrize(
    ("x", "said"), [("a", "letra"), ("b", "letra"), (7, "faixa"), (50, "muito"), (None, "nada"), ("z", "nada")]
)
@pytest.mark.parametrize("words", [("SWITCH x", "DEFAULT", "END SWITCH"), ("SELECT CASE x", "CASE ELSE", "END SELECT")])
def test_switch_both_spellings(words: tuple[str, str, str], x: Any, said: str) -> None:
    begin, other, end = words
    source = f"""{begin}
        CASE "a", "b"
            TALK "letra"
        CASE 5 TO 9
            TALK "faixa"
        CASE IS > 20
            TALK "muito"
        {other}
            TALK "nada"
    {end}"""
    if x == "z":
        with pytest.raises(FlowError, match="número"):
            play(source, {"x": x})
    else:
        assert play(source, {"x": x}).said == [said]


def test_loops_of_every_kind() -> None:
    assert play("FOR i = 1 TO 3\ns = s & i\nNEXT i\nRETURN s").result == "123"
    assert play("FOR i = 3 TO 1 STEP -1\ns = s & i\nNEXT\nRETURN s").result == "321"
    assert play("FOR i = 2 TO 1\ns = 1\nNEXT\nRETURN s").result is None
    assert play("FOR EACH x IN [1, 2, 3]\nIF x = 2 THEN EXIT FOR\ns = s & x\nNEXT x\nRETURN s").result == "1"
    assert play("WHILE n < 3\nn = n + 1\nWEND\nRETURN n").result == 3
    assert play("DO WHILE n < 3\nn += 1\nLOOP\nRETURN n").result == 3
    assert play("DO UNTIL n = 3\nn += 1\nLOOP\nRETURN n").result == 3
    assert play("DO\nn += 1\nLOOP WHILE n < 3\nRETURN n").result == 3
    assert play("DO\nn += 1\nIF n = 5 THEN EXIT DO\nLOOP\nRETURN n").result == 5
    assert play("FOR EACH x IN nada\ns = 1\nNEXT\nRETURN s").result is None


def test_procedures_have_their_own_parameters_and_share_the_rest() -> None:
    source = """
    total = 1
    CALL somar(5)
    somar 10
    RETURN total & "/" & fatorial(5) & "/" & dobro(4) & "/" & n
    SUB somar(n)
        total = total + n
    END SUB
    FUNCTION fatorial(n)
        IF n <= 1 THEN RETURN 1
        RETURN n * fatorial(n - 1)
    END FUNCTION
    FUNCTION dobro(n)
        DIM y
        y = n * 2
        dobro = y
    END FUNCTION
    """
    assert play(source).result == "16/120/8/"


def test_a_function_may_talk_and_listen_within_an_expression() -> None:
    source = """
    IF FALSE AND perguntar("nunca?") THEN TALK "x"
    TALK "Você disse " + perguntar("e então?") + "."
    FUNCTION perguntar(p)
        TALK p
        HEAR r
        RETURN r
    END FUNCTION
    """
    assert play(source, None, "ok").said == ["e então?", "Você disse ok."]


def test_recursion_keeps_loops_apart() -> None:
    source = """
    CALL desce(2)
    RETURN s
    SUB desce(n)
        FOR i = 1 TO 2
            s = s & n & i & " "
            IF n > 1 THEN CALL desce(n - 1)
        NEXT
    END SUB
    """
    assert play(source).result == "21 11 12 22 11 12 "


def test_talk_blocks_fill_in_variables() -> None:
    source = """
    BEGIN TALK
        Olá, ${cliente.nome}!
        Seu saldo é ${FORMAT(saldo, "R$")}.
    END TALK
    BEGIN SYSTEM PROMPT
    Seja breve.
    END SYSTEM PROMPT
    BEGIN MAIL "a@b.co", "Oi"
    Caro ${cliente.nome}
    END MAIL
    """
    run = play(source, {"cliente": {"nome": "Ana"}, "saldo": 10})
    assert run.said == ["Olá, Ana!\nSeu saldo é R$ 10,00."]
    assert run.did(SystemPrompt)[0].text == "Seja breve."
    assert run.did(Action)[0].args == {"to": "a@b.co", "subject": "Oi", "body": "Caro Ana"}


def test_talk_to_an_address_and_nothing_said_for_nothing() -> None:
    run = play('TALK TO "whatsapp:+5511", "oi"\nTALK nada\nTALK 5')
    assert [(e.text, e.to) for e in run.did(Talk)] == [("oi", "whatsapp:+5511"), ("5", None)]


def test_errors_end_the_flow_with_their_line_unless_it_resumes() -> None:
    with pytest.raises(FlowError) as caught:
        play("x = 1\ny = 1 / 0")
    assert (caught.value.code, caught.value.line, caught.value.flow) == ("division_by_zero", 2, "teste.bas")
    run = play('ON ERROR RESUME NEXT\ny = 1 / 0\nTALK error.line & " " & error.code\nON ERROR GOTO 0\nTALK "fim"')
    assert run.said == ["2 division_by_zero", "fim"]


def test_a_failing_driver_is_caught_too_also_within_a_procedure() -> None:
    source = 'ON ERROR RESUME NEXT\nCALL buscar\nTALK "segue"\nSUB buscar\nc = FIND "t", "a=1"\nTALK "não"\nEND SUB'
    run = Scripted(fail=Find).play(source)
    assert run.said == ["segue"]
    with pytest.raises(FlowError, match="linha 2"):
        Scripted(fail=Find).play('x = 1\nc = FIND "t", "a=1"')


def test_a_failing_condition_skips_its_whole_if() -> None:
    assert play('ON ERROR RESUME NEXT\nIF 1 / 0 THEN\nTALK "dentro"\nEND IF\nTALK "depois"').said == ["depois"]


def test_hang_up_end_and_exit_end_the_flow() -> None:
    run = play('HANG UP\nTALK "nunca"')
    assert (len(run.did(HangUp)), run.said) == (1, [])
    assert play('END\nTALK "nunca"').said == []
    assert play('CALL s\nTALK "nunca"\nSUB s\nEXIT\nEND SUB').said == []


def test_wait_is_capped_and_print_is_for_the_author() -> None:
    run = play("WAIT 100000\nPRINT 1 + 1")
    assert run.did(Wait)[0].seconds == 300
    assert run.did(Log)[0].text == "2"


def test_keywords_may_be_names_where_they_are_no_statement() -> None:
    source = "find = 1\nbook = 2\nsentiment.score = -1\nx.name = 3\nx.to = 4\nnext = 5\n"
    source += "RETURN [find, book, x.name, x.to, next]"
    assert play(source).result == [1, 2, 3, 4, 5]


def test_a_program_tells_its_prompts_and_what_it_needs() -> None:
    program = compile_flow(
        'TALK "Olá!"\nTALK "a" + "b"\nTALK "x" + nome\nHEAR n AS INTEGER\nn = n + 1\nIF session.phone THEN END', "p.bas"
    )
    assert program.prompts() == ("Olá!", "ab", "Não entendi o número. Pode repetir?", "Não ouvi você.")
    assert program.variables == {"nome", "session"}


def test_runs_of_one_program_share_nothing() -> None:
    program = compile_flow("n = n + 1\nHEAR x\nRETURN n & x", "p.bas")
    first, second = program.run(), program.run({"n": 5})
    next(first), next(second)
    for run, expected in ((second, "6b"), (first, "1a")):
        with pytest.raises(StopIteration) as end:
            run.send(Answer(expected[1]))
        assert end.value.value == expected


def test_a_live_session_is_seen_while_the_flow_runs() -> None:
    session: dict[str, Any] = {"queue_position": 3}
    run = compile_flow("HEAR x\nTALK session.queue_position", "p.bas").run({"session": session})
    next(run)
    session["queue_position"] = 1
    effect = run.send(None)
    assert isinstance(effect, Talk)
    assert effect.text == "1"
