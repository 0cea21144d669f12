"""Built-in functions on lists and records: FILTER, AGGREGATE, SORT, MAP, JOIN, GROUP BY, PIVOT, FIRST, LAST ...

They work on values in memory and touch nothing outside. What goes in stays as it was; a new list comes out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from . import filters
from .errors import FlowError
from .values import (
    LIST_MAX,
    Found,
    Value,
    bounded,
    charge,
    compare,
    contains,
    copied,
    equals,
    find_key,
    integer_of,
    is_found,
    item,
    member,
    number_of,
    settled,
    text_of,
    too_long,
    type_name,
)


def listed(value: Value, name: str) -> list[Any]:
    """*value* as the list that *name* works on; null is an empty one, a record a list of itself."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise FlowError("not_a_list", f"{name} precisa de uma lista e recebeu {type_name(value)}.")


def _filter(data: Value, where: Value) -> Found:
    test = filters.of_record(where) if isinstance(where, dict) else filters.parse(text_of(where))
    return Found(row for row in listed(data, "FILTER") if isinstance(row, dict) and filters.matches(test, row))


def _field(row: Value, field: Value) -> Value:
    return row if field is None or not isinstance(row, dict) else member(row, text_of(field))


def _aggregate(what: Value, data: Value, field: Value = None) -> Value:
    """``AGGREGATE "SUM|AVG|MIN|MAX|COUNT", data, "field"``; rows without the field don't count."""
    kind = text_of(what).strip().upper()
    found = [v for v in (_field(row, field) for row in listed(data, "AGGREGATE")) if is_found(v)]
    if kind == "COUNT":
        return len(found)
    numbers = [number_of(v, f"AGGREGATE {kind}") for v in found]
    if kind == "SUM":
        return settled(sum(numbers))
    if kind in ("AVG", "AVERAGE", "MEAN"):
        return settled(sum(numbers) / len(numbers)) if numbers else None
    if kind in ("MIN", "MAX"):
        return (min(numbers) if kind == "MIN" else max(numbers)) if numbers else None
    raise FlowError("bad_argument", f"AGGREGATE não conhece '{kind[:20]}'.", "Use SUM, AVG, MIN, MAX ou COUNT.")


def _sort(data: Value, field: Value = None, order: Value = "ASC") -> list[Any]:
    down = text_of(order).strip().upper().startswith("D")
    key = functools.cmp_to_key(lambda a, b: compare(_field(a, field), _field(b, field)))
    return type(found)(sorted(found, key=key, reverse=down)) if (found := listed(data, "SORT")) else []


def _map(data: Value, what: Value) -> list[Any]:
    """``MAP data, "name"``: that field of each row; ``MAP data, "name->nome, phone->fone"``: renamed records."""
    written = text_of(what)
    rows = listed(data, "MAP")
    if "->" not in written:
        return [copied(_field(row, written.strip())) for row in rows]
    pairs = [tuple(side.strip() for side in pair.split("->", 1)) for pair in written.split(",") if "->" in pair]
    return [{new: copied(_field(row, old)) for old, new in pairs} for row in rows]


def _join(left: Value, right: Value = ",", key: Value = None) -> Value:
    """``JOIN list, separator`` is a text; ``JOIN left, right, "key"`` the rows that share the key, merged."""
    if key is None:
        return bounded(text_of(right).join(text_of(each) for each in listed(left, "JOIN")))
    name = text_of(key)
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in listed(right, "JOIN"):
        if isinstance(row, dict):
            by_key.setdefault(text_of(member(row, name)), []).append(row)
    found: list[Any] = []
    for row in listed(left, "JOIN"):
        if isinstance(row, dict):
            found.extend({**other, **row} for other in by_key.get(text_of(member(row, name)), ()))
        if len(found) > LIST_MAX:
            raise too_long()
    return copied(Found(found))


def _group_by(data: Value, field: Value) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for row in listed(data, "GROUP BY"):
        groups.setdefault(text_of(_field(row, field)), Found()).append(copied(row))
    return groups


def _pivot(data: Value, row: Value, column: Value, value: Value) -> list[Any]:
    """One record a *row* value, one field a *column* value, with the sum of *value* in it."""
    table: dict[str, dict[str, Any]] = {}
    for each in listed(data, "PIVOT"):
        name, into = text_of(_field(each, row)), text_of(_field(each, column))
        line = table.setdefault(name, {text_of(row): name})
        line[into] = settled(number_of(line.get(into)) + number_of(_field(each, value), "PIVOT"))
    return Found(table.values())


def _fill(data: Value, template: Value) -> list[Any]:
    """Each row with the template's fields where it has none."""
    if not isinstance(template, dict):
        raise FlowError("bad_argument", "FILL precisa de um registro com os valores padrão.")
    return Found({**copied(template), **{k: copied(v) for k, v in row.items() if is_found(v)}}
                 for row in listed(data, "FILL") if isinstance(row, dict))  # fmt: skip


def _first(value: Value) -> Value:
    """The first item of a list, or the first word of a text."""
    if isinstance(value, list):
        return value[0] if value else None
    words = text_of(value).split(None, 1)
    return words[0] if words else None


def _last(value: Value) -> Value:
    if isinstance(value, list):
        return value[-1] if value else None
    words = text_of(value).rsplit(None, 1)
    return words[-1] if words else None


def _push(target: Value, value: Value) -> Value:
    """Adds to the list itself and gives it."""
    found = _own_list(target, "PUSH")
    if len(found) >= LIST_MAX:
        raise too_long()
    found.append(copied(value))
    return found


def _pop(target: Value) -> Value:
    found = _own_list(target, "POP")
    return found.pop() if found else None


def _own_list(value: Value, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise FlowError("not_a_list", f"{name} precisa de uma lista e recebeu {type_name(value)}.")
    return value


def _slice(value: Value, start: Value, count: Value = None) -> Value:
    first = max(0, integer_of(start, "SLICE"))
    whole = value if isinstance(value, str) else listed(value, "SLICE")
    return whole[first:] if count is None else whole[first : first + max(0, integer_of(count, "SLICE"))]


def _unique(data: Value, field: Value = None) -> list[Any]:
    seen: dict[str, Any] = {}
    for row in listed(data, "UNIQUE"):
        seen.setdefault(text_of(_field(row, field)), row)
    return list(seen.values())


def _keys(value: Value) -> list[Any]:
    return list(value) if isinstance(value, dict) else []


def _values(value: Value) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else listed(value, "VALUES")


def _has(value: Value, name: Value) -> bool:
    return isinstance(value, dict) and find_key(value, text_of(name)) is not None


def _index_of(data: Value, wanted: Value) -> int:
    """The 0-based place of *wanted* in a list, -1 if it isn't there."""
    return next((n for n, each in enumerate(listed(data, "INDEXOF")) if equals(each, wanted)), -1)


def _range(first: Value, last: Value) -> list[Any]:
    low, high = integer_of(first, "RANGE"), integer_of(last, "RANGE")
    if high - low >= LIST_MAX:
        raise too_long()
    charge(max(0, 8 * (high - low)))
    return list(range(low, high + 1))


DATA: Final[tuple[tuple[str, int, int, Callable[..., Value]], ...]] = (
    ("FILTER", 2, 2, _filter),
    ("AGGREGATE", 2, 3, _aggregate),
    ("SORT", 1, 3, _sort),
    ("MAP", 2, 2, _map),
    ("JOIN", 1, 3, _join),
    ("GROUP_BY", 2, 2, _group_by),
    ("PIVOT", 4, 4, _pivot),
    ("FILL", 2, 2, _fill),
    ("FIRST", 1, 1, _first),
    ("LAST", 1, 1, _last),
    ("PUSH", 2, 2, _push),
    ("POP", 1, 1, _pop),
    ("SLICE", 2, 3, _slice),
    ("UNIQUE", 1, 2, _unique),
    ("REVERSE", 1, 1, lambda v: v[::-1] if isinstance(v, str) else list(reversed(listed(v, "REVERSE")))),
    ("KEYS", 1, 1, _keys),
    ("VALUES", 1, 1, _values),
    ("HAS", 2, 2, _has),
    ("CONTAINS", 2, 2, lambda whole, each: contains(each, whole)),
    ("INDEXOF", 2, 2, _index_of),
    ("ITEM", 2, 2, item),
    ("RANGE", 2, 2, _range),
)
