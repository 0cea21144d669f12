"""``attendant.csv`` (S69) is read to the letter; importing is in the integration tests."""

from __future__ import annotations

import pytest

from control.auth.users import parse_attendants
from control.errors import Invalid

SAMPLE = """\
id,name,channel,preferences,department,aliases,phone,email
att-001,Maria Santos,all,sales,commercial,maria;mari,5511999990001,maria@empresa.com
att-002,João Silva,whatsapp;web,support,support,joao;js,5511999990002,joao@empresa.com
att-003,Ana Costa,telegram,technical,engineering,ana;anc,5511999990003,ana@empresa.com
att-004,Pedro Oliveira,all,collections,finance,pedro;po,5511999990004,pedro@empresa.com
"""


def test_the_document_s_four_rows() -> None:
    maria, joao, *_ = rows = parse_attendants(SAMPLE)
    assert [row.code for row in rows] == ["att-001", "att-002", "att-003", "att-004"]
    assert (maria.name, maria.channels, maria.aliases) == ("Maria Santos", ("all",), ("maria", "mari"))
    assert joao.channels == ("whatsapp", "web")
    assert (joao.preferences, joao.department, joao.email) == ("support", "support", "joao@empresa.com")


def test_the_short_form_of_s14_and_further_columns() -> None:
    (row,) = parse_attendants("\ufeffid,name,channel,phone,teams\r\natt-001,Maria Santos,whatsapp,+5511999990001,x\r\n")
    assert (row.phone, row.preferences, row.aliases) == ("+5511999990001", None, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing: id"),
        ("id,name\nx,y", "missing: channel"),
        ("id,name,channel\natt 1,Ana,all", "no attendant id"),
        ("id,name,channel\natt-1,,all", "has no name"),
        ("id,name,channel\natt-1,Ana,fax", "'fax' is no channel"),
        ("id,name,channel\natt-1,Ana,all\natt-1,Bia,all", "row 3: att-1 stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        parse_attendants(text)
