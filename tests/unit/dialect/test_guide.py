"""Every example of the guide runs, and its tables of types and functions name what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.dialect.functions import FUNCTIONS
from agents.dialect.hear_types import KINDS, kind_of

from .scripted import Scripted

GUIDE = (Path(__file__).parents[3] / "docs/dialect.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```basic\n(.*?)```", GUIDE, re.DOTALL)
HOST = {
    "session": {"id": "s-1", "phone": "+5511999990001", "user_name": "Ana"},
    "meeting": {},
    "sentiment": {"score": 0.1},
    "intent": "comprar",
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[0][:40])
def test_examples_run(example: str) -> None:
    run = Scripted(["1", "23", "hoje", "tarde", "x", "y"] if "AS INTEGER" in example else ["vendas"] * 3)
    assert run.play(example, HOST).done or "FUNCTION" in example or "FOR" in example


def test_the_guide_names_every_type_and_function() -> None:
    for kind in KINDS:
        assert kind == "TEXT" or kind in GUIDE
    table = GUIDE.split("## Funções")[1].split("```")[0]
    named = {
        word.lower()
        for cell in re.findall(r"`([A-Z ]+)`", table)
        for word in cell.replace("GROUP BY", "GROUP_BY").split()
    }
    unknown = {word for word in re.findall(r"[A-Z_]+", table.replace("GROUP BY", "GROUP_BY")) if len(word) > 2} - {
        name.upper() for name in FUNCTIONS
    }
    assert not unknown
    assert len(named) > 60
    assert kind_of("cep") == "cep"
