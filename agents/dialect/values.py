"""The values of the dialect and what operators do to them.

A value is ``None`` (null), ``bool``, a number, a text, a list or a record (a ``dict`` with text keys). What ``FIND``
gives is a ``Found``: a list of records that also answers for its first one (D12). Null is forgiving where a customer
may be unknown (``customer.tier`` of nobody is null); everything else that makes no sense is a ``FlowError``.

Nothing here can run away: texts, integers and walks through nested values are bounded, and a record or list put
inside another is copied, so no value contains itself.
"""

from __future__ import annotations

import math
import unicodedata
from typing import Any, Final, TypeAlias

from .errors import FlowError, LimitReached

Value: TypeAlias = Any  # None | bool | int | float | str | list[Value] | dict[str, Value] | Found

TEXT_MAX: Final = 1_048_576  # characters of one text (session-variable-limit)
LIST_MAX: Final = 20_000  # items of one list
_DEPTH_MAX: Final = 24
_NODES_MAX: Final = 200_000
_STEPS_MAX: Final = 3_000_000  # of one LIKE
_EXACT: Final = 2**53  # beyond it an integer becomes floating point


MEMORY_MAX: Final = 128_000_000  # bytes, roughly, that one flow may ever make in big values


class Meter:
    """What the running flow has made in big texts and lists so far, in bytes. The machine swaps its own in before it
    works and reads it back after: between two effects nothing else runs."""

    made = 0


def charge(size: int) -> None:
    """Count *size* bytes against the flow that runs.

    Raises:
        LimitReached: it has made more than any honest flow does.
    """
    Meter.made += size
    if Meter.made > MEMORY_MAX:
        raise LimitReached(
            "too_much_memory",
            "o fluxo criou textos ou listas demais.",
            "Verifique se uma repetição não está acumulando valores sem fim.",
        )


class Found(list[Any]):
    """Rows of a ``FIND``: a list, and a record by way of its first row."""


def truthy(value: Value) -> bool:
    return bool(value)


def is_found(value: Value) -> bool:
    """``x FOUND``: there is something. A number or ``FALSE`` is something; an empty text, list or record isn't."""
    return value is not None and value != "" and not (isinstance(value, list | dict) and not value)


def type_name(value: Value) -> str:
    """What the author calls it."""
    if value is None:
        return "nulo"
    for kind, name in (
        (bool, "lógico"),
        (int | float, "número"),
        (str, "texto"),
        (list, "lista"),
        (dict, "registro"),
    ):
        if isinstance(value, kind):
            return name
    return type(value).__name__


def folded(text: str) -> str:
    """Lower case without accents: how texts are compared with ``LIKE`` and in menus."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))


# ---- conversions


def number_text(value: int | float) -> str:
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e16:
            return str(int(value))
        return repr(value)
    return str(value)


def text_of(value: Value) -> str:
    """The value as text: null is empty, numbers without a needless fraction, lists and records in brackets."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    pieces: list[str] = []
    _write(value, pieces, 0)
    return bounded("".join(pieces))


def _write(value: Value, pieces: list[str], depth: int) -> None:
    if depth > _DEPTH_MAX or len(pieces) > _NODES_MAX:
        raise LimitReached("value_too_big", "este valor é grande ou aninhado demais.", "Guarde só o necessário nele.")
    if isinstance(value, dict):
        pieces.append("{")
        for place, (key, item) in enumerate(value.items()):
            pieces.append((", " if place else "") + f"{key}: ")
            _write(item, pieces, depth + 1)
        pieces.append("}")
    elif isinstance(value, list):
        pieces.append("[")
        for place, item in enumerate(value):
            if place:
                pieces.append(", ")
            _write(item, pieces, depth + 1)
        pieces.append("]")
    else:
        pieces.append(text_of(value))


def bounded(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise LimitReached(
            "text_too_long",
            f"o texto passou de {TEXT_MAX} caracteres.",
            "Verifique se uma repetição não está juntando texto sem fim.",
        )
    if len(text) > 4096:
        charge(len(text))
    return text


def as_number(text: str) -> int | float | None:
    """The number written in *text* (a point for the fraction), or None."""
    text = text.strip()
    if not text or len(text) > 40 or not (text[-1].isdigit() or text[-1] == ".") or "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return int(text) if text.lstrip("+-").isdigit() and abs(value) < _EXACT else value


def number_of(value: Value, what: str = "a conta") -> int | float:
    """The value as a number: texts that are numbers count, null is 0.

    Raises:
        FlowError: it is no number.
    """
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if value is None:
        return 0
    found = as_number(value) if isinstance(value, str) else None
    if found is None:
        shown = f"'{value[:40]}'" if isinstance(value, str) else f"um valor do tipo {type_name(value)}"
        raise FlowError("not_a_number", f"{what} precisa de um número e recebeu {shown}.", "Converta antes com VAL().")
    return found


def integer_of(value: Value, what: str = "a conta") -> int:
    return int(number_of(value, what))


# ---- operators


def settled(value: int | float) -> int | float:
    """A result of arithmetic, kept within what numbers of the dialect are."""
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else float(value)
    if not math.isfinite(value):
        raise FlowError("number_too_big", "o resultado da conta é grande demais.", "Verifique os valores usados.")
    return value


def add(left: Value, right: Value) -> Value:
    """``+``: numbers add, lists join, anything with a text is text."""
    if isinstance(left, str) or isinstance(right, str):
        return concat(left, right)
    if isinstance(left, list) and isinstance(right, list):
        if len(left) + len(right) > LIST_MAX:
            raise too_long()
        charge(8 * (len(left) + len(right)))
        return list(left) + list(right)
    return settled(number_of(left) + number_of(right))


def concat(left: Value, right: Value) -> str:
    return bounded(text_of(left) + text_of(right))


def divide(left: Value, right: Value) -> int | float:
    below = number_of(right)
    if below == 0:
        raise FlowError("division_by_zero", "divisão por zero.", "Teste o divisor com IF antes de dividir.")
    result = settled(number_of(left) / below)
    return int(result) if isinstance(result, float) and result.is_integer() and abs(result) < _EXACT else result


def modulo(left: Value, right: Value) -> int | float:
    below = number_of(right)
    if below == 0:
        raise FlowError("division_by_zero", "MOD por zero.", "Teste o divisor com IF antes.")
    return settled(number_of(left) % below)


def power(left: Value, right: Value) -> int | float:
    try:
        result = float(number_of(left)) ** float(number_of(right))
    except (OverflowError, ZeroDivisionError):
        raise FlowError("number_too_big", "o resultado da potência é grande demais.") from None
    if isinstance(result, complex):
        raise FlowError("bad_power", "raiz de número negativo.", "Use ABS() antes.")
    settled(result)
    return int(result) if result.is_integer() and abs(result) < _EXACT else result


def equals(left: Value, right: Value, depth: int = 0) -> bool:
    """``=``. A number equals the text that writes it; null equals only null and the empty text."""
    if left is None or right is None:
        return (left is None or left == "") and (right is None or right == "")
    if isinstance(left, bool) or isinstance(right, bool):
        if isinstance(left, str) or isinstance(right, str):
            return text_of(left).lower() == text_of(right).lower()
        return isinstance(left, bool | int | float) and isinstance(right, bool | int | float) and left == right
    if isinstance(left, int | float) and isinstance(right, str):
        return as_number(right) == left
    if isinstance(right, int | float) and isinstance(left, str):
        return as_number(left) == right
    if isinstance(left, list | dict) and isinstance(right, list | dict):
        return text_of(left) == text_of(right) if type(left) is type(right) or _lists(left, right) else False
    return (
        type(left) is type(right)
        and left == right
        or (isinstance(left, int | float) and isinstance(right, int | float) and left == right)
    )


def _lists(left: Value, right: Value) -> bool:
    return isinstance(left, list) and isinstance(right, list)


def compare(left: Value, right: Value) -> int:
    """-1, 0 or 1. Numbers by value (a text that is a number is one), texts by letters. Null is 0 beside a number and
    empty beside a text, as in arithmetic: a counter that was never set is below 3.

    Raises:
        FlowError: the two can't be put in order.
    """
    if left is None:
        left = "" if isinstance(right, str) else 0
    if right is None:
        right = "" if isinstance(left, str) else 0
    if isinstance(left, str) and isinstance(right, str):
        a, b = as_number(left), as_number(right)
        if a is None or b is None:
            return (left > right) - (left < right)
        return (a > b) - (a < b)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        raise FlowError(
            "not_comparable",
            f"não há ordem entre {type_name(left)} e {type_name(right)}.",
            "Compare um campo, não o registro inteiro.",
        )
    x, y = number_of(left, "a comparação"), number_of(right, "a comparação")
    return (x > y) - (x < y)


def contains(item: Value, whole: Value) -> bool:
    """``item IN whole``: an item of a list, a piece of a text, a field of a record."""
    if whole is None:
        return False
    if isinstance(whole, str):
        return text_of(item) in whole
    if isinstance(whole, dict):
        return find_key(whole, text_of(item)) is not None
    if isinstance(whole, list):
        return any(equals(item, each) for each in whole)
    raise FlowError("not_a_list", f"IN precisa de uma lista ou texto e recebeu {type_name(whole)}.")


def like(value: Value, pattern: Value) -> bool:
    """``LIKE``: ``%`` or ``*`` stand for any text, ``_`` or ``?`` for one character; case and accents don't count."""
    text, wanted = folded(text_of(value)), folded(text_of(pattern)).replace("*", "%").replace("?", "_")
    at = mark = place = steps = 0
    star = -1
    while at < len(text):
        steps += 1
        if steps > _STEPS_MAX:
            raise LimitReached("pattern_too_hard", "o LIKE é complexo demais para este texto.", "Use um texto menor.")
        if place < len(wanted) and wanted[place] == "%":
            star, mark = place, at
            place += 1
        elif place < len(wanted) and wanted[place] in ("_", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return all(c == "%" for c in wanted[place:])


# ---- records and lists


def find_key(record: dict[str, Value], name: str) -> str | None:
    """The record's own spelling of *name*: exact first, then without regard to case."""
    if name in record:
        return name
    lower = name.lower()
    return next((key for key in record if isinstance(key, str) and key.lower() == lower), None)


def member(value: Value, name: str) -> Value:
    """``value.name``: null of null, of an empty ``FIND`` and of a missing field.

    Raises:
        FlowError: a text or a number has no fields.
    """
    if isinstance(value, dict):
        if name in value:
            return value[name]
        key = find_key(value, name)
        return None if key is None else value[key]
    if value is None:
        return None
    if isinstance(value, Found):
        return member(value[0], name) if value else None
    if isinstance(value, str) and not value:
        return None
    if isinstance(value, list | str) and name.lower() in ("length", "count"):
        return len(value)
    raise FlowError("no_fields", f"um valor do tipo {type_name(value)} não tem o campo '{name}'.")


def item(value: Value, index: Value) -> Value:
    """``value[index]``: lists and texts from 0, negative from the end; records by field. Outside is null."""
    if value is None:
        return None
    if isinstance(value, dict) or (isinstance(value, Found) and isinstance(index, str)):
        return member(value, text_of(index))
    if isinstance(value, list | str):
        place = integer_of(index, "a posição")
        return value[place] if -len(value) <= place < len(value) else None
    raise FlowError("no_items", f"um valor do tipo {type_name(value)} não tem itens.")


def put(container: Value, key: Value, value: Value) -> None:
    """``container.key = value`` or ``container[key] = value``.

    Raises:
        FlowError: there is no such place.
    """
    if isinstance(container, Found) and isinstance(key, str):
        if not container:
            raise FlowError("nothing_found", "o FIND não achou registro para mudar.", "Teste antes com FOUND.")
        container = container[0]
    value = copied(value)
    if isinstance(container, dict):
        name = text_of(key)
        found = find_key(container, name)
        if found is None and len(container) >= LIST_MAX:
            raise too_long()
        container[found or name] = value
    elif isinstance(container, list):
        place = integer_of(key, "a posição")
        if place == len(container) and place < LIST_MAX:
            container.append(value)
        elif -len(container) <= place < len(container):
            container[place] = value
        else:
            raise FlowError("no_such_item", f"a lista tem {len(container)} itens; a posição {place} não existe.")
    else:
        raise FlowError("no_fields", f"um valor do tipo {type_name(container)} não guarda campos.")


def copied(value: Value) -> Value:
    """A copy that shares nothing with *value* (which is why no value can contain itself)."""
    return _copy(value, [0], 0, keep_found=True)


def plain(value: Value) -> Value:
    """A copy for the world outside: only null, bool, numbers, texts, lists and dicts."""
    return _copy(value, [0], 0, keep_found=False)


def _copy(value: Value, seen: list[int], depth: int, *, keep_found: bool) -> Value:
    if not isinstance(value, list | dict):
        return value
    seen[0] += len(value)
    charge(16 * len(value))
    if depth > _DEPTH_MAX or seen[0] > _NODES_MAX:
        raise LimitReached("value_too_big", "este valor é grande ou aninhado demais.", "Guarde só o necessário nele.")
    if isinstance(value, dict):
        return {str(key): _copy(each, seen, depth + 1, keep_found=keep_found) for key, each in value.items()}
    items = [_copy(each, seen, depth + 1, keep_found=keep_found) for each in value]
    return Found(items) if keep_found and isinstance(value, Found) else items


def iterated(value: Value) -> list[Value]:
    """What ``FOR EACH`` goes through: the items of a list, the fields' names of a record, nothing of null."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return list(value)
    if isinstance(value, dict):
        return list(value)
    raise FlowError("not_a_list", f"FOR EACH precisa de uma lista e recebeu {type_name(value)}.")


def rows_of(answer: Value) -> Found:
    """A driver's answer to ``Find`` as the flow sees it."""
    if answer is None:
        return Found()
    if isinstance(answer, dict):
        return Found([answer])
    return Found(answer)


def too_long() -> LimitReached:
    return LimitReached("list_too_long", f"a lista passou de {LIST_MAX} itens.", "Filtre antes de guardar.")
