"""Built-in functions, by name: how many arguments each takes and what it does. Texts and numbers are here; lists and
records in ``data.py``, dates and ``FORMAT`` in ``formats.py``.

Portuguese and English names are the same function where both are usual (``HOJE``, ``TODAY``). A function that can't do
its work says so in a ``FlowError`` that names it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .data import DATA
from .errors import FlowError
from .formats import CLOCKED, FORMATS
from .values import (
    LIST_MAX,
    TEXT_MAX,
    Value,
    as_number,
    bounded,
    charge,
    folded,
    integer_of,
    is_found,
    like,
    number_of,
    settled,
    text_of,
    too_long,
    type_name,
)


@dataclass(frozen=True, slots=True)
class Function:
    name: str  # as authors write it
    fewest: int  # arguments
    most: int
    run: Callable[..., Value]
    clocked: bool = False  # takes the flow's clock (a datetime) before the arguments


def _left(text: Value, count: Value = 1) -> str:
    return text_of(text)[: max(0, integer_of(count, "LEFT"))]


def _right(text: Value, count: Value = 1) -> str:
    size = max(0, integer_of(count, "RIGHT"))
    return text_of(text)[-size:] if size else ""


def _mid(text: Value, start: Value, count: Value = None) -> str:
    """From the 1-based *start*."""
    first = max(1, integer_of(start, "MID")) - 1
    said = text_of(text)
    return said[first:] if count is None else said[first : first + max(0, integer_of(count, "MID"))]


def _instr(text: Value, wanted: Value, third: Value = None) -> int:
    """1-based place of *wanted*, 0 if it isn't there; ``INSTR(start, text, wanted)`` too."""
    start = 1
    if third is not None:
        start, text, wanted = max(1, integer_of(text, "INSTR")), wanted, third
    return text_of(text).find(text_of(wanted), start - 1) + 1


def _replace(text: Value, old: Value, new: Value) -> str:
    said, gone, put = text_of(text), text_of(old), text_of(new)
    if not gone:
        return said
    if len(said) + said.count(gone) * (len(put) - len(gone)) > TEXT_MAX:
        return bounded("x" * (TEXT_MAX + 1))
    return said.replace(gone, put)


def _split(text: Value, separator: Value = ",") -> list[Value]:
    said, by = text_of(text), text_of(separator)
    parts = said.split(by, LIST_MAX) if by else list(said[: LIST_MAX + 1])
    charge(64 * len(parts) + len(said))
    if len(parts) > LIST_MAX:
        raise too_long()
    return list(parts)


def _repeat(text: Value, count: Value) -> str:
    said, times = text_of(text), max(0, integer_of(count, "REPEAT"))
    if len(said) * times > TEXT_MAX:
        return bounded("x" * (TEXT_MAX + 1))
    return said * times


def _val(text: Value) -> int | float:
    """The number that *text* begins with, 0 if none; ``1.234,56`` as Brazilians write it too."""
    if isinstance(text, bool | int | float):
        return int(text) if isinstance(text, bool) else text
    said = text_of(text).strip()[:60]
    if "," in said:
        said = said.replace(".", "").replace(",", ".")
    end = len(said)
    while end and (as_number(said[:end])) is None:
        end -= 1
    return as_number(said[:end]) or 0


def _number(value: Value) -> int | float:
    return number_of(value, "CNUM")


def _round(value: Value, digits: Value = 0) -> int | float:
    """Half away from zero, as people round."""
    places = max(-15, min(15, integer_of(digits, "ROUND")))
    number = number_of(value, "ROUND")
    scale = 10.0**places
    whole = math.floor(abs(float(number)) * scale + 0.5 + 1e-9)
    result = math.copysign(whole / scale, number) if number else 0
    return int(result) if float(result).is_integer() and abs(result) < 1e15 else result


def _square_root(value: Value) -> int | float:
    number = number_of(value, "SQR")
    if number < 0:
        raise FlowError("bad_number", "SQR de número negativo.", "Use ABS() antes.")
    return settled(math.sqrt(number))


def _log(value: Value) -> float:
    number = number_of(value, "LOG")
    if number <= 0:
        raise FlowError("bad_number", "LOG de zero ou de número negativo.")
    return math.log(number)


def _smallest(*values: Value) -> Value:
    return min(_numbers(values, "MIN"))


def _largest(*values: Value) -> Value:
    return max(_numbers(values, "MAX"))


def _numbers(values: tuple[Value, ...], name: str) -> list[int | float]:
    items = values[0] if len(values) == 1 and isinstance(values[0], list) else values
    if not items:
        raise FlowError("empty_list", f"{name} de uma lista vazia.", "Teste antes com LEN().")
    return [number_of(item, name) for item in items]


def _length(value: Value) -> int:
    return len(value) if isinstance(value, str | list | dict) else len(text_of(value))


def _asc(text: Value) -> int:
    said = text_of(text)
    return ord(said[0]) if said else 0


def _chr(code: Value) -> str:
    number = integer_of(code, "CHR")
    if not 0 <= number < 0x110000 or 0xD800 <= number < 0xE000:
        raise FlowError("bad_number", f"CHR({number}) não é um caractere.")
    return chr(number)


def _if(condition: Value, yes: Value, no: Value = None) -> Value:
    return yes if condition else no


def _proper(text: Value) -> str:
    """First letters in capitals, but not of "de", "da", "dos" in the middle of a name."""
    small = {"de", "da", "do", "das", "dos", "e"}
    words = text_of(text).lower().split()
    return " ".join(w if n and w in small else w[:1].upper() + w[1:] for n, w in enumerate(words))


def _random(low: Value = None, high: Value = None) -> Value:
    if low is None:
        return random.random()  # not for secrets
    first, last = integer_of(low, "RANDOM"), integer_of(high, "RANDOM")
    return random.randint(min(first, last), max(first, last))


def _digits(text: Value) -> str:
    return "".join(c for c in text_of(text) if c in "0123456789")


def _coalesce(*values: Value) -> Value:
    return next((value for value in values if is_found(value)), None)


_TABLE: Final[tuple[tuple[str, int, int, Callable[..., Value]], ...]] = (
    ("LEN", 1, 1, _length),
    ("UCASE", 1, 1, lambda t: bounded(text_of(t).upper())),
    ("LCASE", 1, 1, lambda t: bounded(text_of(t).lower())),
    ("PROPER", 1, 1, _proper),
    ("TRIM", 1, 1, lambda t: text_of(t).strip()),
    ("LTRIM", 1, 1, lambda t: text_of(t).lstrip()),
    ("RTRIM", 1, 1, lambda t: text_of(t).rstrip()),
    ("LEFT", 1, 2, _left),
    ("RIGHT", 1, 2, _right),
    ("MID", 2, 3, _mid),
    ("INSTR", 2, 3, _instr),
    ("REPLACE", 3, 3, _replace),
    ("SPLIT", 1, 2, _split),
    ("REPEAT", 2, 2, _repeat),
    ("SPACE", 1, 1, lambda n: _repeat(" ", n)),
    ("STR", 1, 1, text_of),
    ("CSTR", 1, 1, text_of),
    ("VAL", 1, 1, _val),
    ("CNUM", 1, 1, _number),
    ("CINT", 1, 1, lambda v: _round(v)),
    ("INT", 1, 1, lambda v: math.floor(number_of(v, "INT"))),
    ("FIX", 1, 1, lambda v: math.trunc(number_of(v, "FIX"))),
    ("ROUND", 1, 2, _round),
    ("ABS", 1, 1, lambda v: abs(number_of(v, "ABS"))),
    ("SGN", 1, 1, lambda v: (number_of(v, "SGN") > 0) - (number_of(v, "SGN") < 0)),
    ("SQR", 1, 1, _square_root),
    ("LOG", 1, 1, _log),
    ("MIN", 1, 50, _smallest),
    ("MAX", 1, 50, _largest),
    ("RANDOM", 0, 2, _random),
    ("RND", 0, 0, _random),
    ("ASC", 1, 1, _asc),
    ("CHR", 1, 1, _chr),
    ("ISNULL", 1, 1, lambda v: v is None),
    ("ISEMPTY", 1, 1, lambda v: not is_found(v)),
    ("ISNUMERIC", 1, 1, lambda v: isinstance(v, int | float) or as_number(text_of(v)) is not None),
    ("ISLIST", 1, 1, lambda v: isinstance(v, list)),
    ("TYPENAME", 1, 1, type_name),
    ("IIF", 2, 3, _if),
    ("COALESCE", 1, 50, _coalesce),
    ("STARTSWITH", 2, 2, lambda t, p: text_of(t).startswith(text_of(p))),
    ("ENDSWITH", 2, 2, lambda t, p: text_of(t).endswith(text_of(p))),
    ("MATCHES", 2, 2, like),
    ("DIGITS", 1, 1, _digits),
    ("PLAIN", 1, 1, lambda t: folded(text_of(t))),
)

KEYWORD_FUNCTIONS: Final = frozenset(
    ["filter", "aggregate", "join", "sort", "map", "fill", "pivot", "group_by", "first", "last", "format"],
)
"""Functions that may also be written as statements are: ``total = AGGREGATE "SUM", data, "value"``."""

FUNCTIONS: Final[dict[str, Function]] = {
    name.lower(): Function(name, fewest, most, run) for name, fewest, most, run in (*_TABLE, *DATA, *FORMATS)
} | {name.lower(): Function(name, fewest, most, run, clocked=True) for name, fewest, most, run in CLOCKED}
