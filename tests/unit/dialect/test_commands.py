"""Statements that reach the world: FIND and its filters, tables in every spelling, memory, and the table of 2B."""

from __future__ import annotations

from typing import Any

import pytest

from agents.dialect import DialectError, FlowError, compile_flow
from agents.dialect.commands import COMMANDS, CommandSpec
from agents.dialect.effects import (
    Action,
    Create,
    Delete,
    Find,
    Notify,
    Play,
    Save,
    SetMemory,
    TransferToHuman,
    Update,
)
from agents.dialect.filters import All, Comparison, Either, Negated, matches, parse

from .scripted import Scripted, play

PEOPLE = [
    {"id": 1, "name": "Ana", "tier": "gold", "total": 10},
    {"id": 2, "name": "Bia", "tier": "premium", "total": 99},
]


def find(source: str, **variables: Any) -> Any:
    return play(source, variables).did(Find)[0].filter


def test_what_find_gives_is_a_record_and_a_list() -> None:
    source = """
    c = FIND "people", "total > 5"
    FOR EACH p IN c
        s = s & p.name & " "
    NEXT
    RETURN [c.name, c[1].name, LEN(c), s, c FOUND]
    """
    assert Scripted(tables={"people": PEOPLE}).play(source).result == ["Ana", "Bia", 2, "Ana Bia ", True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("phone='+55 11'", Comparison("phone", "=", "+55 11")),
        ('name="Ana"', Comparison("name", "=", "Ana")),
        ("status=active", Comparison("status", "=", "active")),
        ("name = João da Silva", Comparison("name", "=", "João da Silva")),
        ("total >= 10.5", Comparison("total", ">=", 10.5)),
        ("phone=0119", Comparison("phone", "=", "0119")),
        ("a<>1 AND b!=2", All((Comparison("a", "<>", 1), Comparison("b", "<>", 2)))),
        (
            "a=1 OR b=2 AND c=3",
            Either((Comparison("a", "=", 1), All((Comparison("b", "=", 2), Comparison("c", "=", 3))))),
        ),
        (
            "(a=1 OR b=2) AND c=3",
            All((Either((Comparison("a", "=", 1), Comparison("b", "=", 2))), Comparison("c", "=", 3))),
        ),
        ("name LIKE '%a%'", Comparison("name", "like", "%a%")),
        ("tier IN ('gold', premium)", Comparison("tier", "in", ("gold", "premium"))),
        ("tier NOT IN (gold)", Negated(Comparison("tier", "in", ("gold",)))),
        ("x IS NULL", Comparison("x", "=", None)),
        ("x is not null", Comparison("x", "<>", None)),
        ("NOT ativo = true", Negated(Comparison("ativo", "=", True))),
        ("nome='O''Brien'", Comparison("nome", "=", "O'Brien")),
        ("n=''", Comparison("n", "=", "")),
        ("end.cidade='SP'", Comparison("end.cidade", "=", "SP")),
    ],
)
def test_filters(text: str, expected: Any) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "a=", "=1", "a=1 AND", "a==", "(a=1", "a=1)", "a='x", "a IN", "1=1", "a=1;b=2 c=3", "a like"]
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(FlowError) as caught:
        parse(text)
    assert caught.value.code == "bad_filter"


def test_values_are_bound_whatever_they_hold() -> None:
    evil = "x' OR '1'='1"
    assert find('c = FIND "t", "phone=\'" + p + "\' AND a=1"', p=evil) == All(
        (Comparison("phone", "=", evil), Comparison("a", "=", 1))
    )
    assert find('FIND "t", "n=" + n', n=7) == Comparison("n", "=", 7)
    assert find('FIND "t", "n=" + n', n="1 OR a=a") == Comparison("n", "=", "1 OR a=a")
    assert find('FIND "t", "n LIKE \'%" + n + "%\'"', n="a'b") == Comparison("n", "like", "%a'b%")
    assert find('FIND "t", {phone: p, tier: "x"}', p=evil) == All(
        (Comparison("phone", "=", evil), Comparison("tier", "=", "x"))
    )
    assert find('FIND t WHERE total > minimo AND nome LIKE "a%"', minimo=5) == All(
        (Comparison("total", ">", 5), Comparison("nome", "like", "a%"))
    )


def test_an_id_stays_an_id_even_when_it_looks_like_a_filter() -> None:
    run = play('DELETE "t", x\nUPDATE "t", x, {a: 1}', {"x": "a=a"})
    assert run.did(Delete)[0].filter == run.did(Update)[0].filter == Comparison("id", "=", "a=a")


def test_a_row_that_was_not_found_is_never_updated_nor_deleted() -> None:
    for statement in ('UPDATE "t", c.id, {a: 1}', 'DELETE "t", c.id'):
        with pytest.raises(FlowError) as caught:
            play(f'c = FIND "t", "a=1"\n{statement}')
        assert caught.value.code == "no_id"


def test_a_bad_filter_is_found_when_the_flow_is_saved() -> None:
    with pytest.raises(DialectError) as caught:
        compile_flow('x = 1\nc = FIND "t", "phone==\'" + x + "\' AND"', "f.bas")
    assert (caught.value.code, caught.value.line) == ("bad_filter", 2)


def test_tables_in_both_spellings() -> None:
    run = play("""
    CREATE "leads", {nome: "Ana"}
    INSERT "leads", {nome: "Ana"}
    INSERT INTO leads WITH nome = "Ana"
    SAVE "leads", 5, {nome: "Bia"}
    SAVE "leads", {id: 6, nome: "Cau"}
    UPDATE "leads", "nome='Ana' AND n>2", {nome: "X"}
    UPDATE leads SET nome = "Y", n = 1 + 1 WHERE id = 5
    UPDATE "leads", 5, {nome: "Z"}
    DELETE "leads", "nome=Z"
    DELETE FROM leads WHERE id = 5
    """)
    assert [(e.table, dict(e.values)) for e in run.did(Create)] == [("leads", {"nome": "Ana"})] * 3
    assert [(e.id, e.values["nome"]) for e in run.did(Save)] == [(5, "Bia"), (6, "Cau")]
    by_text, by_where, by_id = run.did(Update)
    assert by_text.filter == All((Comparison("nome", "=", "Ana"), Comparison("n", ">", 2)))
    assert (by_where.filter, by_where.values) == (Comparison("id", "=", 5), {"nome": "Y", "n": 2})
    assert by_id.filter == Comparison("id", "=", 5)
    assert [e.filter for e in run.did(Delete)] == [Comparison("nome", "=", "Z"), Comparison("id", "=", 5)]


def test_memory_of_bot_and_user() -> None:
    run = play(
        'SET BOT MEMORY "k", 1\nSET USER MEMORY "k", 2\nREMEMBER "z", 3\n'
        'RETURN (GET BOT MEMORY "k") + (GET USER MEMORY "k")'
    )
    assert run.result == 3
    assert [(e.scope, e.key, e.value) for e in run.did(SetMemory)] == [
        ("bot", "k", 1),
        ("user", "k", 2),
        ("user", "z", 3),
    ]


def test_transfer_as_a_function_and_its_answer() -> None:
    run = play(
        'r = TRANSFER TO HUMAN("vendas", "high")\n'
        'x = TRANSFER_TO_HUMAN_EX(#{name: "Ana", reason: "r"})\nRETURN r.queue_position & session.needs_human'
    )
    first, second = run.did(TransferToHuman)
    assert (first.target, first.priority) == ("vendas", "high")
    assert (second.name, second.reason, second.target) == ("Ana", "r", None)
    assert run.result == "2true"


def test_a_refused_transfer_leaves_the_bot_in_charge() -> None:
    session = {"needs_human": False}
    Scripted(transfer={"success": False, "status": "no_attendants"}).play("TRANSFER TO HUMAN", {"session": session})
    assert session == {"needs_human": False}


def test_notify_by_role_by_variable_and_by_text() -> None:
    run = play('NOTIFY attendant, "a"\nsupervisor = "ana"\nNOTIFY supervisor, "b"\nNOTIFY "bia", "c"')
    assert [(e.to, e.message) for e in run.did(Notify)] == [("attendant", "a"), ("ana", "b"), ("bia", "c")]
    assert play('PLAY "espera.wav"').did(Play)[0].source == "espera.wav"


@pytest.mark.parametrize(
    ("source", "name", "args"),
    [
        ('SEND MAIL "a@b.c", "oi", "corpo"', "send_mail", {"to": "a@b.c", "subject": "oi", "body": "corpo"}),
        (
            'SEND MAIL "a", "s", "b", ["f"] USING "conta"',
            "send_mail",
            {"to": "a", "subject": "s", "body": "b", "files": ["f"], "account": "conta"},
        ),
        ('SEND MAIL "a", "s", "b" USING "c"', "send_mail", {"to": "a", "subject": "s", "body": "b", "account": "c"}),
        ('SEND SMS "+55", "oi", "twilio"', "send_sms", {"phone": "+55", "message": "oi", "provider": "twilio"}),
        ('x = GET "https://x/y"', "http_get", {"url": "https://x/y"}),
        ('x = POST "https://x", {a: 1}', "http_post", {"url": "https://x", "data": {"a": 1}}),
        ('x = LLM "resuma " + "isto"', "llm", {"prompt": "resuma isto"}),
        ("USE KB manual", "use_kb", {"name": "manual"}),
        ('r = THINK KB "preço"', "think_kb", {"query": "preço"}),
        ('SET CONTEXT "a" AS "b"', "set_context", {"name": "a", "text": "b"}),
        ('ADD SUGGESTION "sim" AS "Sim!"', "add_suggestion", {"key": "sim", "text": "Sim!"}),
        ("ASSIGN CONVERSATION s TO a", "assign_conversation", {"session": "S", "attendant": "A"}),
        ("ASSIGN CONVERSATION s, a", "assign_conversation", {"session": "S", "attendant": "A"}),
        ('RESOLVE CONVERSATION s WITH "ok"', "resolve_conversation", {"session": "S", "reason": "ok"}),
        ("RESOLVE CONVERSATION s", "resolve_conversation", {"session": "S"}),
        ("SET PRIORITY s TO a", "set_priority", {"session": "S", "priority": "A"}),
        ('x = GET ATTENDANTS WITH STATUS "online"', "get_attendants", {"status": "online"}),
        ('x = GET ATTENDANTS "online"', "get_attendants", {"status": "online"}),
        ("x = GET ATTENDANTS", "get_attendants", {}),
        ("q = GET QUEUE", "get_queue", {}),
        ('TAG CONVERSATION s WITH "vip"', "tag_conversation", {"session": "S", "tag": "vip"}),
        ('ADD NOTE "n" TO s', "add_note", {"note": "n", "session": "S"}),
        ('x = ANALYZE SENTIMENT s, "ruim"', "analyze_sentiment", {"session": "S", "message": "ruim"}),
        ('CREATE TASK "t", "d", "ana"', "create_task", {"title": "t", "description": "d", "assignee": "ana"}),
        ('SET SCHEDULE "every 15 minutes"', "set_schedule", {"when": "every 15 minutes"}),
        ('SET SCHEDULE "nome", "0 8 * * 1-5"', "set_schedule", {"when": "nome", "cron": "0 8 * * 1-5"}),
        ('WEBHOOK "pedido"', "webhook", {"name": "pedido"}),
        ('ON INSERT OF "leads"', "on_change", {"operation": "insert", "table": "leads"}),
        ('ON EMAIL "a@b.c"', "on_email", {"address": "a@b.c"}),
        ('SEND TO SESSION s, "oi"', "send_to_session", {"session": "S", "message": "oi"}),
        ('x = TRANSLATE "oi" TO "en"', "translate", {"text": "oi", "language": "en"}),
        ("x = HEAR FROM MEET s", "hear_from_meet", {"room": "S"}),
        ('TALK TO MEET s, "oi"', "talk_to_meet", {"room": "S", "message": "oi"}),
        ('x = DELETE HTTP "https://x"', "http_delete", {"url": "https://x"}),
    ],
)
def test_statements_of_2b_are_actions_with_named_arguments(source: str, name: str, args: dict[str, Any]) -> None:
    (action,) = play(source, {"s": "S", "a": "A"}).did(Action)
    assert (action.name, action.args) == (name, args)


ALL = [spec for specs in COMMANDS.values() for spec in specs]


@pytest.mark.parametrize("spec", ALL, ids=lambda spec: spec.spoken)
def test_every_statement_of_the_table_runs_with_all_its_arguments(spec: CommandSpec) -> None:
    texts = {"values": "{a: 1}", "options": "{a: 1}", "seconds": "1", "limit": "1"}
    written = ", ".join(texts.get(p.name, '"a=1"' if p.name == "filter" else '"x"') for p in spec.parameters)
    assert len(play(f"r = {spec.spoken} {written}").done) == 1
    assert len(play(f"r = {spec.spoken}({written})").done) == 1


def test_declarations_are_known_without_running() -> None:
    program = compile_flow(
        'PARAM cpf AS STRING LIKE "529" REQUIRED DESCRIPTION "CPF do cliente"\nDESCRIPTION "Consulta"\n'
        'SET SCHEDULE "business hours"\nWEBHOOK pedido\nON "pago" CALL avisar\nSUB avisar\nEND SUB',
        "t.bas",
    )
    assert [(t.name, dict(t.args)) for t in program.triggers] == [
        ("param", {"name": "cpf", "type": "string", "like": "529", "required": True, "description": "CPF do cliente"}),
        ("description", {"text": "Consulta"}),
        ("set_schedule", {"when": "business hours"}),
        ("webhook", {"name": "pedido"}),
        ("on_event", {"event": "pago", "handler": "avisar"}),
    ]


def test_a_filter_that_matches_rows() -> None:
    assert [row["name"] for row in PEOPLE if matches(parse("tier=premium OR total<5"), row)] == ["Bia"]
    assert not matches(parse("idade > 5"), {"name": "x"})
