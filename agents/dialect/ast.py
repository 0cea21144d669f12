"""The syntax tree: what the parser makes and the compiler reads. Frozen, typed, and with a position on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias


class At(NamedTuple):
    """Where a node begins in the source; both 1-based."""

    line: int
    column: int


# ---- expressions


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | float | bool | None
    at: At


@dataclass(frozen=True, slots=True)
class Name:
    name: str  # lower case: variables are case-insensitive
    written: str
    at: At


@dataclass(frozen=True, slots=True)
class BareWord:
    """A word where a name is wanted (``FIND customers``): the variable's text if it holds one, else the word."""

    name: str
    written: str
    at: At


@dataclass(frozen=True, slots=True)
class Member:
    object: Expr
    name: str
    at: At


@dataclass(frozen=True, slots=True)
class Index:
    object: Expr
    index: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Unary:
    op: OneOf["-", "+", "not"]
    operand: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Binary:
    op: str  # = <> < <= > >= in not-in like not-like ?? & + - * / \ mod ^
    left: Expr
    right: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Logical:
    op: OneOf["and", "or"]
    left: Expr
    right: Expr
    at: At


@dataclass(frozen=True, slots=True)
class IsFound:
    """``x FOUND``, ``x NOT FOUND``."""

    operand: Expr
    negated: bool
    at: At


@dataclass(frozen=True, slots=True)
class RecordLiteral:
    items: tuple[tuple[str, Expr], ...]
    at: At


@dataclass(frozen=True, slots=True)
class ListLiteral:
    items: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class Template:
    """Text with ``${...}`` in it: literal pieces and expressions in order."""

    parts: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class Call:
    """A built-in function or one of the flow's own; which of the two is the compiler's to find out."""

    name: str
    args: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class Method:
    object: Expr
    name: str
    args: tuple[Expr, ...]
    at: At


@dataclass(frozen=True, slots=True)
class Command:
    """A statement that reaches the world and may give a value (``FIND``, ``CREATE``, ``TRANSFER TO HUMAN``, ...)."""

    name: str
    args: tuple[tuple[str, Expr], ...]
    at: At


Expr: TypeAlias = (
    Literal
    | Name
    | BareWord
    | Member
    | Index
    | Unary
    | Binary
    | Logical
    | IsFound
    | RecordLiteral
    | ListLiteral
    | Template
    | Call
    | Method
    | Command
)
Target: TypeAlias = Name | Member | Index


# ---- statements


@dataclass(frozen=True, slots=True)
class Assign:
    target: Target
    value: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Declare:
    """``DIM x``: inside a SUB or FUNCTION the name is local from here on."""

    name: str
    value: Expr | None
    at: At


@dataclass(frozen=True, slots=True)
class Run:
    """An expression for its effect: a command, a call, a method."""

    value: Expr
    at: At


@dataclass(frozen=True, slots=True)
class Talk:
    text: Expr
    to: Expr | None
    at: At


@dataclass(frozen=True, slots=True)
class Hear:
    target: Target
    kind: str
    options: tuple[str, ...]  # kind "menu": as written, "1:vendas|comprar"
    open: bool
    at: At


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Expr, Block], ...]  # IF and each ELSEIF
    otherwise: Block
    at: At


@dataclass(frozen=True, slots=True)
class Case:
    """``CASE 1, 5 TO 9, IS > 20``: one test a comma. ``op`` is "=", "to" or a comparison."""

    tests: tuple[tuple[str, Expr, Expr | None], ...]
    body: Block
    at: At


@dataclass(frozen=True, slots=True)
class Switch:
    subject: Expr
    cases: tuple[Case, ...]
    otherwise: Block
    at: At


@dataclass(frozen=True, slots=True)
class ForEach:
    variable: Name
    items: Expr
    body: Block
    at: At


@dataclass(frozen=True, slots=True)
class For:
    variable: Name
    start: Expr
    stop: Expr
    step: Expr | None
    body: Block
    at: At


@dataclass(frozen=True, slots=True)
class Loop:
    """``WHILE … WEND`` and every ``DO … LOOP``. ``before``/``after`` are the conditions to go on."""

    before: Expr | None
    after: Expr | None
    body: Block
    kind: OneOf["while", "do"]
    at: At


@dataclass(frozen=True, slots=True)
class Define:
    """``SUB`` or ``FUNCTION``."""

    name: str
    params: tuple[str, ...]
    body: Block
    at: At


@dataclass(frozen=True, slots=True)
class Return:
    value: Expr | None
    at: At


@dataclass(frozen=True, slots=True)
class Exit:
    what: OneOf["for", "while", "do", "sub", "flow"]
    at: At


@dataclass(frozen=True, slots=True)
class OnError:
    resume: bool  # RESUME NEXT; False: GOTO 0
    at: At


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a flow says of itself before it runs: PARAM, DESCRIPTION, SET SCHEDULE, WEBHOOK, ON …"""

    name: str
    args: tuple[tuple[str, Expr], ...]
    at: At


Statement: TypeAlias = (
    Assign
    | Declare
    | Run
    | Talk
    | Hear
    | If
    | Switch
    | ForEach
    | For
    | Loop
    | Define
    | Return
    | Exit
    | OnError
    | Declaration
)
Block: TypeAlias = tuple[Statement, ...]
