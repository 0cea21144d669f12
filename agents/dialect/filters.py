"""Filters of ``FIND``, ``UPDATE``, ``DELETE`` and ``FILTER``: text to a tree of comparisons with bound values.

    filter     := all (OR all)*
    all        := one (AND one)*
    one        := ( filter ) | NOT one | field test
    test       := op value | [NOT] LIKE value | [NOT] IN ( value, ... ) | IS [NOT] NULL
    op         := = == <> != < <= > >=
    value      := 'quoted' | "quoted" | words up to AND, OR, a comma or a bracket

A tree never becomes SQL text: a driver maps fields to columns it knows and binds the values (D12). ``parse`` also takes
the pieces of ``"phone='" + session.phone + "'"`` with the variables as *holes*: a hole is always one value, whatever
its text holds, so nobody's telephone number can change what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from . import values
from .errors import FlowError

Op = Literal["=", "<>", "<", "<=", ">", ">=", "like", "in"]
_MAX_TESTS: Final = 100
_MAX_TEXT: Final = 8192  # characters, the bound values not counted
_MAX_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field op value``. ``value`` is plain; for ``in`` a tuple; ``= None`` and ``<> None`` are IS [NOT] NULL."""

    field: str  # as written: letters, digits, "_", and "." for nested fields
    op: Op
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    part: Filter


Filter: TypeAlias = Comparison | All | Either | Negated


@dataclass(frozen=True, slots=True)
class Hole:
    """A place where a value computed at run time goes; ``index`` counts from 0."""

    index: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A value made of text and holes: ``'%' + name + '%'``."""

    parts: tuple[str | Hole, ...]


def equal(**fields: Any) -> Filter:
    """``equal(id=5)``: every field equals its value."""
    return of_record(fields)


def of_record(record: Mapping[str, Any]) -> Filter:
    """The filter that a record stands for: ``{phone: x, tier: "gold"}``."""
    if not record:
        raise FlowError("bad_filter", "o filtro está vazio.", "Diga ao menos um campo.")
    parts = tuple(Comparison(str(name), "=", value) for name, value in record.items())
    return parts[0] if len(parts) == 1 else All(parts)


def parse(pieces: str | Sequence[str | Hole]) -> Filter:
    """The filter written in *pieces*.

    Raises:
        FlowError: code ``bad_filter``, with what was expected.
    """
    return _Parser([pieces] if isinstance(pieces, str) else pieces).whole()


def looks_like_filter(text: str) -> bool:
    """Does *text* begin as a filter does (``field op``)? Otherwise it is an id."""
    return bool(re.match(r"\s*\(*\s*(NOT\s+)?[^\W\d][\w.]*\s*(=|<|>|!=|\s(NOT\s+)?(LIKE|IN)\b|\sIS\b)", text, re.I))


def fill(where: Filter, holes: Sequence[Any]) -> Filter:
    """*where* with its holes replaced by values."""
    if isinstance(where, All):
        return All(tuple(fill(part, holes) for part in where.parts))
    if isinstance(where, Either):
        return Either(tuple(fill(part, holes) for part in where.parts))
    if isinstance(where, Negated):
        return Negated(fill(where.part, holes))
    return Comparison(where.field, where.op, _filled(where.value, holes))


def _filled(value: Any, holes: Sequence[Any]) -> Any:
    if isinstance(value, Hole):
        return values.plain(holes[value.index])
    if isinstance(value, Joined):
        return "".join(p if isinstance(p, str) else values.text_of(holes[p.index]) for p in value.parts)
    if isinstance(value, tuple):
        return tuple(_filled(each, holes) for each in value)
    return value


def matches(where: Filter | None, record: Mapping[str, Any]) -> bool:
    """Does *record* pass? For ``FILTER`` and for drivers that keep rows in memory."""
    if where is None:
        return True
    if isinstance(where, All):
        return all(matches(part, record) for part in where.parts)
    if isinstance(where, Either):
        return any(matches(part, record) for part in where.parts)
    if isinstance(where, Negated):
        return not matches(where.part, record)
    found: Any = record
    for name in where.field.split("."):
        found = values.member(found, name) if isinstance(found, dict) else None
    return _TESTS[where.op](found, where.value)


def _both(a: Any, b: Any) -> bool:
    return a is not None and b is not None


_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": values.equals,
    "<>": lambda a, b: not values.equals(a, b),
    "<": lambda a, b: _both(a, b) and values.compare(a, b) < 0,
    "<=": lambda a, b: _both(a, b) and values.compare(a, b) <= 0,
    ">": lambda a, b: _both(a, b) and values.compare(a, b) > 0,
    ">=": lambda a, b: _both(a, b) and values.compare(a, b) >= 0,
    "like": values.like,
    "in": lambda a, b: any(values.equals(a, each) for each in b),
}

_LEX: Final = re.compile(
    r"""\s*(?: (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
             | (?P<op>==|<>|!=|<=|>=|[=<>(),])
             | (?P<bare>[^\s'"=<>!(),]+) )""",
    re.VERBOSE,
)
_Item: TypeAlias = tuple[str, Any]  # ("op", "=") | ("bare", "text") | ("value", str | Hole | Joined)


class _Parser:
    def __init__(self, pieces: Sequence[str | Hole]) -> None:
        self._items = _items(pieces)
        self._next = 0
        self._tests = 0

    def whole(self) -> Filter:
        found = self._either(0)
        if self._peek() is not None:
            raise self._bad("AND, OR ou o fim")
        return found

    def _either(self, depth: int) -> Filter:
        if depth > _MAX_DEPTH:
            raise FlowError("bad_filter", "o filtro está aninhado demais.", "Use menos parênteses.")
        parts = [self._all(depth)]
        while self._word("or", "ou"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self._word("and", "e"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _one(self, depth: int) -> Filter:
        self._tests += 1
        if self._tests > _MAX_TESTS:
            raise FlowError("bad_filter", f"o filtro tem mais de {_MAX_TESTS} comparações.", "Divida a busca.")
        if self._word("not"):
            if depth > _MAX_DEPTH:
                raise self._bad("menos NOT")
            return Negated(self._one(depth + 1))
        if self._op("("):
            inside = self._either(depth + 1)
            if not self._op(")"):
                raise self._bad("')'")
            return inside
        kind, name = self._peek() or ("", "")
        if kind != "bare" or not re.fullmatch(r"[^\W\d][\w.]*", name):
            raise self._bad("o nome de um campo")
        self._next += 1
        return self._test(name)

    def _test(self, name: str) -> Filter:
        if self._word("is"):
            negated = self._word("not")
            if not self._word("null"):
                raise self._bad("NULL")
            return Comparison(name, "<>" if negated else "=", None)
        negated = self._word("not")
        if self._word("like"):
            test: Filter = Comparison(name, "like", self._value())
        elif self._word("in"):
            test = Comparison(name, "in", self._list())
        else:
            op = self._peek()
            spelt = {"==": "=", "!=": "<>"}.get(op[1], op[1]) if op and op[0] == "op" else ""
            if negated or spelt not in _TESTS:
                raise self._bad("uma comparação (=, <>, <, <=, >, >=, LIKE, IN)")
            self._next += 1
            return Comparison(name, cast(Op, spelt), self._value())
        return Negated(test) if negated else test

    def _list(self) -> tuple[Any, ...]:
        if not self._op("("):
            raise self._bad("'('")
        found = [self._value()]
        while self._op(","):
            found.append(self._value())
        if not self._op(")"):
            raise self._bad("')'")
        return tuple(found)

    def _value(self) -> Any:
        """A quoted value, a hole, or bare words up to the next AND, OR, comma or bracket."""
        kind, value = self._peek() or ("", None)
        if kind == "value":
            self._next += 1
            return value
        words: list[str] = []
        while (here := self._peek()) and here[0] == "bare" and (not words or here[1].lower() not in ("and", "or")):
            words.append(here[1])
            self._next += 1
        if not words:
            raise self._bad("um valor")
        text = " ".join(words)
        constants: dict[str, Any] = {"true": True, "false": False, "null": None}
        if text.lower() in constants:
            return constants[text.lower()]
        number = values.as_number(text) if not (text.startswith(("0", "+")) and len(text) > 1) else None
        return text if number is None else number

    def _peek(self) -> _Item | None:
        return self._items[self._next] if self._next < len(self._items) else None

    def _word(self, *wanted: str) -> bool:
        here = self._peek()
        if here and here[0] == "bare" and here[1].lower() in wanted:
            self._next += 1
            return True
        return False

    def _op(self, wanted: str) -> bool:
        if self._peek() == ("op", wanted):
            self._next += 1
            return True
        return False

    def _bad(self, expected: str) -> FlowError:
        here = self._peek()
        seen = "o fim do filtro" if here is None else f"'{here[1]}'" if isinstance(here[1], str) else "um valor"
        return FlowError(
            "bad_filter",
            f"no filtro esperava {expected} e achou {seen}.",
            "Escreva como \"phone='5511...' AND tier='gold'\".",
        )


def _items(pieces: Sequence[str | Hole]) -> list[_Item]:
    """The items of the filter. A quoted value may run across holes; a hole outside quotes is a value of its own."""
    if sum(len(piece) for piece in pieces if isinstance(piece, str)) > _MAX_TEXT:
        raise FlowError("bad_filter", f"o filtro tem mais de {_MAX_TEXT} caracteres.", "Divida a busca.")
    found: list[_Item] = []
    quote, joined = "", list[str | Hole]()
    for piece in pieces:
        if isinstance(piece, Hole):
            if quote:
                joined.append(piece)
            else:
                found.append(("value", piece))
            continue
        rest = piece
        if quote:
            end = rest.find(quote)
            if end < 0:
                joined.append(rest)
                continue
            joined.append(rest[:end])
            found.append(("value", _whole(joined)))
            rest, quote, joined = rest[end + 1 :], "", []
        opened = _open_quote(rest)
        inside = rest[opened:] if opened is not None else ""
        found.extend(_split(rest[:opened] if opened is not None else rest))
        if inside:
            quote, joined = inside[0], [inside[1:]]
    if quote:
        raise FlowError("bad_filter", f"no filtro falta fechar {quote}.", "Feche as aspas do valor.")
    return found


def _open_quote(text: str) -> int | None:
    """Where a quote that isn't closed in *text* opens."""
    at = 0
    while at < len(text):
        if text[at] in "'\"":
            end = text.find(text[at], at + 1)
            if end < 0:
                return at
            at = end
        at += 1
    return None


def _whole(parts: list[str | Hole]) -> str | Joined:
    """What stood between quotes: always a text, also when it is a single hole."""
    if any(isinstance(part, Hole) for part in parts):
        return Joined(tuple(part for part in parts if part != ""))
    return "".join(part for part in parts if isinstance(part, str))


def _split(text: str) -> list[_Item]:
    found: list[_Item] = []
    at = 0
    while text[at:].strip():
        match = _LEX.match(text, at)
        if not match:
            raise FlowError("bad_filter", f"no filtro, '{text[at:].strip()[:20]}' não tem sentido.", "Revise o filtro.")
        at = match.end()
        if match["quoted"] is not None:
            mark = match["quoted"][0]
            found.append(("value", match["quoted"][1:-1].replace(mark * 2, mark)))
        else:
            found.append(("op", match["op"]) if match["op"] else ("bare", match["bare"]))
    return found
