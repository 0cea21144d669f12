"""Flows that are wrong, hostile or endless: a DialectError or FlowError with a place, never anything else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from agents.dialect import DialectError, FlowError, LimitReached, compile_flow
from agents.dialect.commands import STATEMENTS
from agents.dialect.effects import Breathe, Hear
from agents.dialect.functions import FUNCTIONS
from config.agents import DialectSettings

from .scripted import Scripted, play

ROOT = Path(__file__).parents[3]
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in [*(ROOT / "tests/golden/dialect").glob("*.bas"), ROOT / "control/telephony/flows/start.bas"]
]
SHORT = DialectSettings(loop_max_iterations=50)


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "hint"),
    [
        ('TALC "oi"', "unknown_statement", 1, 1, "TALK"),
        ('x = 1\nTRANSFR TO HUMAN', "unknown_statement", 2, 1, "TRANSFER TO HUMAN"),
        ('TALK "oi', "unclosed_text", 1, 6, ""),
        ("TALK “oi”", "curly_quotes", 1, 6, "aspas retas"),
        ("IF x THEN\nTALK 1", "unclosed_block", 1, 1, "END IF"),
        ("FOR i = 1 TO 2\nTALK i", "unclosed_block", 1, 1, "NEXT"),
        ("SELECT CASE x\nCASE 1", "unclosed_block", 0, 0, "END SELECT"),
        ("NEXT", "stray_closer", 1, 1, "FOR"),
        ("IF x THEN\nNEXT\nEND IF", "stray_closer", 2, 1, "END IF"),
        ("END IF", "stray_closer", 1, 1, ""),
        ("FOR i = 1 TO 2\nNEXT j", "wrong_next", 2, 6, "NEXT i"),
        ("x = (1 + 2", "unclosed_bracket", 1, 5, ")"),
        ("x = 1)", "unopened_bracket", 1, 6, ""),
        ("x = [1)", "unclosed_bracket", 1, 7, "]"),
        ("x = ", "expected", 1, 5, ""),
        ("x = 1 +", "expected", 1, 8, ""),
        ("x = 1 2", "unexpected", 1, 7, ""),
        ("x = 12abc", "bad_number", 1, 5, ""),
        ("x = LENN(y)", "unknown_function", 1, 5, "LEN"),
        ("x = LEN()", "wrong_arguments", 1, 5, ""),
        ("HEAR x AS INTEGR", "unknown_type", 1, 11, "INTEGER"),
        ("GOTO 10", "no_goto", 1, 1, "WHILE"),
        ("EXIT FOR", "stray_exit", 1, 1, ""),
        ("BEGIN TALK\noi", "unclosed_block", 1, 1, "END TALK"),
        ("BEGIN TALK\n  oi ${x +}\nEND TALK", "expected", 2, 0, ""),
        ('CREATE "t"', "expected", 1, 11, "CREATE table, values"),
        ('SEND SMS "1", "2", "3", "4", "5"', "too_many", 1, 0, "SEND SMS"),
        ("SUB a\nEND SUB\nSUB a\nEND SUB", "defined_twice", 3, 1, ""),
        ("SUB a(x)\nEND SUB\nCALL a(1, 2)", "wrong_arguments", 3, 6, ""),
        ("IF 1 THEN\nSUB a\nEND SUB\nEND IF", "nested_sub", 2, 0, ""),
        ('ON "x" CALL nada', "unknown_sub", 1, 1, ""),
        ("x = {a 1}", "expected", 1, 8, "{a: valor}"),
        ("x = a && b", "expected", 1, 0, ""),
        ("x = a | b", "stray_character", 1, 7, "OR"),
        ("5 = x", "no_statement", 1, 1, ""),
    ],
)  # fmt: skip
def test_errors_say_where_what_and_how_to_mend(source: str, code: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(DialectError) as caught:
        compile_flow(source, "vendas.bas")
    error = caught.value
    assert error.code == code
    assert not line or error.line == line
    assert not column or error.column == column
    assert hint in error.what + error.fix
    assert str(error).startswith("vendas.bas, linha ")


def test_files_that_are_no_text() -> None:
    with pytest.raises(DialectError) as caught:
        compile_flow(b'TALK "ok"\nTALK "\xff"', "x.bas")
    assert (caught.value.code, caught.value.line) == ("not_utf8", 2)
    assert compile_flow('\ufeffTALK "olá"\r\n'.encode(), "x.bas").prompts() == ("olá",)


def test_a_script_has_a_size() -> None:
    with pytest.raises(DialectError, match="too_big"):
        compile_flow("x = 1\n" * 20, "x.bas", DialectSettings(script_max_bytes=100))


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "(" * 3000 + "1" + ")" * 3000,
        "x = " + "+".join("1" * 3000),
        "x = " + "NOT " * 3000 + "1",
        "x = " + "-" * 3000 + "1",
        "x = a" + ".b" * 3000,
        "x = " + "f(" * 3000,
        "x = " + "[" * 3000,
        "IF 1 THEN\n" * 3000,
        "IF 1 THEN " * 3000,
        "FOR i = 1 TO 2\n" * 3000,
        'c = FIND "t", "' + "(" * 3000 + 'a=1"',
        "BEGIN TALK\n" + "${x}" * 3000 + "\nEND TALK",
        "x = {a: " * 3000,
    ],
    ids=lambda source: source[:14],
)
def test_nesting_is_bounded(source: str) -> None:
    with pytest.raises(DialectError):
        compile_flow(source, "fundo.bas")


@pytest.mark.parametrize("depth", [30, 70])
def test_what_is_allowed_to_nest_also_runs(depth: int) -> None:
    assert play("RETURN " + "(" * depth + "1" + ")" * depth).result == 1
    assert play("RETURN " + " + ".join(["1"] * 190)).result == 190
    assert play("IF 1 THEN\n" * 39 + "x = 1\n" + "END IF\n" * 39 + "RETURN x").result == 1


@pytest.mark.parametrize(
    ("source", "code", "line"),
    [
        ("x = 1\nWHILE TRUE\nx = 2\nWEND", "endless_loop", 2),
        ("DO\nLOOP", "endless_loop", 1),
        ("FOR i = 1 TO 1000000\nNEXT", "endless_loop", 1),
        ("CALL a\nSUB a\nCALL a\nEND SUB", "too_many_calls", 3),
        ('s = "x"\nDO\ns = s + s\nLOOP', "text_too_long", 3),
        ('s = REPEAT("x", 9999999)', "text_too_long", 1),
        ("a = [1]\nFOR i = 1 TO 40\na = [a, a]\nNEXT\nTALK a", "value_too_big", 5),
        ("a.x = 1\nFOR i = 1 TO 40\na.x = a\nNEXT", "value_too_big", 3),
        ("l = [1]\nFOR i = 1 TO 40\nl = l + l\nNEXT", "list_too_long", 3),
        ('ON ERROR RESUME NEXT\nDO\nLOOP\nTALK "x"', "endless_loop", 2),
    ],
)
def test_flows_that_run_away_are_stopped_by_line(source: str, code: str, line: int) -> None:
    with pytest.raises(LimitReached) as caught:
        play(source)
    assert (caught.value.code, caught.value.line) == (code, line)


def test_memory_is_bounded_over_a_whole_run() -> None:
    with pytest.raises(LimitReached) as caught:
        play('l = []\ns = REPEAT("x", 1000000)\nDO\nPUSH(l, s & LEN(l))\nLOOP')
    assert caught.value.code == "too_much_memory"
    assert play('s = REPEAT("x", 1000000)\nRETURN LEN(s)').result == 1_000_000


def test_nested_loops_end_too_and_breathe_meanwhile() -> None:
    program = compile_flow("FOR i = 1 TO 100000\nFOR j = 1 TO 100000\nNEXT\nNEXT", "x.bas")
    run = program.run()
    assert all(isinstance(next(run), Breathe) for _ in range(5))
    run.close()


def test_a_flow_that_is_closed_stays_closed() -> None:
    run = compile_flow("ON ERROR RESUME NEXT\nHEAR x\nTALK x", "x.bas").run()
    assert isinstance(next(run), Hear)
    run.close()
    with pytest.raises(StopIteration):
        run.send("oi")


@pytest.mark.parametrize(
    "source",
    [
        "x = 5\ny = x.nome",
        'x = "a" * 2',
        "x = 1 MOD 0",
        "x = {} < 1",
        "FOR i = 1 TO 5 STEP 0\nNEXT",
        "FOR EACH x IN 5\nNEXT",
        "x = 9 ^ 999",
        "x = (-1) ^ 0.5",
        "x = CHR(-1)",
        'x = FORMAT("ontem", "dd/MM/yyyy")',
        'CREATE "t", 5',
        'c = FIND "a b", "x=1"',
        'f = ""\nc = FIND "t", f',
        'x = "a"\nx.b = 1',
        "x = [1]\nx[5] = 1",
        'x = "a".voar()',
        'x = DATEADD("day", 99999999, HOJE())',
        'x = AGGREGATE "MEDIANA", [1]',
        'x = SORT([{a: []}, {a: []}], "a")',
    ],
)
def test_what_makes_no_sense_is_a_flow_error_with_its_line(source: str) -> None:
    with pytest.raises(FlowError) as caught:
        play(source)
    assert caught.value.line == source.split("\n").index(next(s for s in source.split("\n")[::-1] if s != "NEXT")) + 1
    assert caught.value.what


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_no_function_fails_otherwise_than_by_a_flow_error(name: str) -> None:
    function = FUNCTIONS[name]
    odd = ["NULL", '""', '"x"', "-1", "0", "1e308", "[]", '[1, "a"]', "{}", "{a: 1}", "TRUE", '"2026-08-20"', "99999"]
    rng = random.Random(name)
    for _ in range(60):
        args = ", ".join(rng.choice(odd) for _ in range(rng.randint(function.fewest, min(function.most, 4))))
        try:
            play(f"RETURN {name.upper()}({args})")
        except FlowError:
            continue


def _tried(source: str, rng: random.Random) -> None:
    """Compile and run; anything but the dialect's own errors gets out."""
    try:
        program = compile_flow(source, "fuzz.bas", SHORT)
    except DialectError:
        return
    answer: object = None
    run = program.run({"session": {"phone": "1"}})
    try:
        for _ in range(200):
            effect = run.send(answer)
            answer = rng.choice([None, "1", "sim", "xx"]) if isinstance(effect, Hear) else None
    except (StopIteration, FlowError):
        pass


def test_every_truncation_of_every_flow() -> None:
    rng = random.Random(1)
    for source in SOURCES:
        for size in range(0, len(source), max(1, len(source) // 60)):
            _tried(source[:size], rng)


def test_random_bytes_and_random_words() -> None:
    rng = random.Random(2)
    words = [word for statement in STATEMENTS for word in statement.split()]
    words += [
        *FUNCTIONS,
        *"=+-*/(){}[].,:#&^%\"\n_?'",
        *(["\n"] * 10),
        '"x"',
        "1",
        "x",
        "NOT",
        "AND",
        "${x}",
        "<>",
        "??",
    ]
    for _ in range(400):
        _tried(bytes(rng.randrange(256) for _ in range(60)).decode("latin-1"), rng)
        _tried(" ".join(rng.choice(words) for _ in range(rng.randrange(1, 30))), rng)


def test_flows_with_lines_changed_removed_and_mixed() -> None:
    rng = random.Random(3)
    for _ in range(300):
        lines = rng.choice(SOURCES).split("\n")
        for _ in range(4):
            at = rng.randrange(len(lines))
            lines[at] = rng.choice(
                ["", lines[at][: rng.randrange(len(lines[at]) + 1)], *rng.choice(SOURCES).split("\n")]
            )
        _tried("\n".join(lines), rng)


def test_what_the_driver_throws_reaches_the_author() -> None:
    run = compile_flow('x = 1\nTALK "oi"', "x.bas").run()
    next(run)
    with pytest.raises(FlowError) as caught:
        run.throw(FlowError("table_unknown", "A tabela não existe.", blame="service"))
    assert (caught.value.flow, caught.value.line, caught.value.blame) == ("x.bas", 2, "service")


def test_one_bad_flow_leaves_the_others_alone() -> None:
    good = compile_flow('HEAR x\nRETURN LEN(REPEAT("a", 1000000))', "bom.bas").run()
    next(good)
    with pytest.raises(LimitReached):
        Scripted().play('DO\ns = REPEAT("x", 1000000)\nLOOP')
    with pytest.raises(StopIteration) as end:
        good.send("oi")
    assert end.value.value == 1_000_000
