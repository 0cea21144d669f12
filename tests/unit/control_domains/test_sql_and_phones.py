"""Named SQL becomes what PostgreSQL takes; telephone numbers become one spelling."""

from __future__ import annotations

import pytest

from control.crm import normalise_phone, phone_spellings
from control.db import load_sql, query
from control.db.sql import parse_sql


def test_parameters_are_numbered_once_and_casts_strings_and_comments_are_left_alone() -> None:
    statement = query("q", "SELECT ':no', \":no\", a::text, :b::int -- :no\n FROM t WHERE b = :b AND c = :c_1")
    assert statement.text == "SELECT ':no', \":no\", a::text, $1::int -- :no\n FROM t WHERE b = $1 AND c = $2"
    assert statement.parameters == ("b", "c_1")
    assert statement.arguments({"c_1": 2, "b": 1}) == [1, 2]
    for wrong in ({"b": 1}, {"b": 1, "c_1": 2, "d": 3}):
        with pytest.raises(TypeError, match="q:"):
            statement.arguments(wrong)


def test_every_file_of_statements_loads_and_names_none_twice() -> None:
    for package in ("control.db", "control.crm", "control.conversations", "control.tickets", "control.queues"):
        assert list(load_sql(package))
    with pytest.raises(ValueError, match="two statements"):
        parse_sql("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "x")
    with pytest.raises(AttributeError, match="nothing_so_called"):
        _ = load_sql("control.db").nothing_so_called


def test_every_statement_on_a_tenants_table_names_the_organisation_d15() -> None:
    """The few that look across organisations are the dispatcher's and the bus's, and write by the row they found."""
    across = {
        "all_counters", "trim_events", "organisation", "add_organisation", "live_calls", "lock_presence_if_free",
        "expired_offers", "overflowing", "queues_with_waiting", "next_waiting", "next_due", "waiting_in",
    }  # fmt: skip
    for package in ("control.db", "control.crm", "control.conversations", "control.tickets", "control.queues"):
        for statement in load_sql(package):
            assert ("organisation_id" in statement.parameters) is (statement.name not in across), statement.name


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("(11) 99999-0001", "+5511999990001"),
        ("5511999990001", "+5511999990001"),
        ("+55 11 99999 0001", "+5511999990001"),
        ("sip:+5511999990001@trunk;user=phone", "+5511999990001"),
        ("tel:+5511999990001", "+5511999990001"),
        ("+1 415 555 2671", "+14155552671"),
        ("anonymous", "anonymous"),
        ("1001", "1001"),
        ("  ", None),
        (None, None),
    ],
)
def test_one_spelling_for_a_number(raw: str | None, expected: str | None) -> None:
    assert normalise_phone(raw) == expected
    if expected:
        assert normalise_phone(expected) == expected


def test_brazilian_mobiles_are_found_with_and_without_the_ninth_digit() -> None:
    assert phone_spellings("11999990001") == ["+5511999990001", "+551199990001"]
    assert phone_spellings("+551199990001") == ["+551199990001", "+5511999990001"]
    assert phone_spellings("+551133330001") == ["+551133330001"]
    assert phone_spellings(None) == []
