"""FORMAT and the functions on dates. Dates are ISO 8601 texts: ``"2026-08-20"``, ``"2026-08-20T14:05:00-03:00"``.

Numbers and dates come out as Brazilians write them: ``1.234,50``, ``20/08/2026``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Final

from .errors import FlowError
from .values import Value, integer_of, number_of, text_of

WEEKDAYS: Final = ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira", "sábado", "domingo")
MONTHS: Final = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho",
    "julho", "agosto", "setembro", "outubro", "novembro", "dezembro",
)  # fmt: skip

_DATE_PARTS: Final = re.compile(r"yyyy|yy|MMMM|MM|M|dddd|dd|d|HH|H|hh|mm|ss|'[^']*'")
_NUMBER: Final = re.compile(r"^([^#0,.]*)([#0,]*[#0])(?:\.([#0]+))?([^#0,.]*)$")


def moment(value: Value, name: str = "FORMAT") -> datetime:
    """The date or time that *value* writes (ISO 8601, or ``dd/mm/yyyy [hh:mm]``).

    Raises:
        FlowError: it is none.
    """
    text = text_of(value).strip()[:40]
    brazilian = re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})(?:[ T]+([0-9]{1,2}):([0-9]{2}))?", text)
    try:
        if brazilian:
            day, month, year, hour, minute = (int(part or 0) for part in brazilian.groups())
            return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the author gave no zone
        return datetime.fromisoformat(text)
    except ValueError:
        raise FlowError(
            "not_a_date",
            f"{name} precisa de uma data e recebeu '{text}'.",
            'Escreva "2026-08-20" ou "20/08/2026".',
        ) from None


def _format(value: Value, pattern: Value = "") -> str:
    """``FORMAT(1234.5, "#,##0.00")``, ``"R$"``, ``"0%"``, ``"dd/MM/yyyy HH:mm"``, ``"cpf"``, ``"phone"``."""
    how = text_of(pattern).strip()
    named = _NAMED.get(how.lower())
    if named:
        return named(value)
    if isinstance(value, str) and how == "@":
        return value
    number = _NUMBER.match(how.removesuffix("%"))
    if number and how:
        percent = how.endswith("%")
        amount = number_of(value, "FORMAT") * (100 if percent else 1)
        whole, decimals = number[2], len(number[3] or "")
        if decimals > 10:
            raise FlowError("bad_format", "FORMAT aceita até 10 casas decimais.")
        return number[1] + _digits(amount, decimals, "," in whole, whole.count("0")) + number[4] + "%" * percent
    if how and _DATE_PARTS.search(how):
        return format_moment(moment(value), how)
    return text_of(value)


def _digits(amount: int | float, decimals: int, grouped: bool, fewest: int) -> str:
    text = f"{abs(amount):.{decimals}f}"
    whole, _, rest = text.partition(".")
    whole = whole.zfill(fewest)
    if grouped:
        whole = re.sub(r"(?<=[0-9])(?=(?:[0-9]{3})+$)", ".", whole)
    sign = "-" if amount < 0 and float(text) != 0 else ""
    return sign + whole + ("," + rest if rest else "")


def money(value: Value) -> str:
    return "R$ " + _digits(number_of(value, "FORMAT"), 2, True, 1)


def format_moment(when: datetime, pattern: str) -> str:
    parts: dict[str, Callable[[], str]] = {
        "yyyy": lambda: f"{when.year:04d}",
        "yy": lambda: f"{when.year % 100:02d}",
        "MMMM": lambda: MONTHS[when.month - 1],
        "MM": lambda: f"{when.month:02d}",
        "M": lambda: str(when.month),
        "dddd": lambda: WEEKDAYS[when.weekday()],
        "dd": lambda: f"{when.day:02d}",
        "d": lambda: str(when.day),
        "HH": lambda: f"{when.hour:02d}",
        "H": lambda: str(when.hour),
        "hh": lambda: f"{(when.hour - 1) % 12 + 1:02d}",
        "mm": lambda: f"{when.minute:02d}",
        "ss": lambda: f"{when.second:02d}",
    }
    return _DATE_PARTS.sub(lambda m: parts[m[0]]() if m[0] in parts else m[0][1:-1], pattern[:200])


def _masked(pattern: str, size: int) -> Callable[[Value], str]:
    def write(value: Value) -> str:
        digits = re.sub(r"[^0-9]", "", text_of(value))
        if len(digits) != size:
            return text_of(value)
        each = iter(digits)
        return "".join(next(each) if c == "0" else c for c in pattern)

    return write


def _phone(value: Value) -> str:
    digits = re.sub(r"[^0-9]", "", text_of(value))
    if len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    if len(digits) not in (10, 11):
        return text_of(value)
    return f"({digits[:2]}) {digits[2:-4]}-{digits[-4:]}"


_NAMED: Final[dict[str, Callable[[Value], str]]] = {
    "r$": money,
    "currency": money,
    "moeda": money,
    "percent": lambda v: _digits(number_of(v, "FORMAT") * 100, 0, True, 1) + "%",
    "cpf": _masked("000.000.000-00", 11),
    "cnpj": _masked("00.000.000/0000-00", 14),
    "cep": _masked("00000-000", 8),
    "phone": _phone,
    "telefone": _phone,
    "upper": lambda v: text_of(v).upper(),
    "lower": lambda v: text_of(v).lower(),
}


# ---- dates


def _now(now: datetime) -> str:
    return now.isoformat(timespec="seconds")


def _today(now: datetime) -> str:
    return now.date().isoformat()


def _clock(now: datetime) -> str:
    return now.strftime("%H:%M:%S")


def _part(name: str, read: Callable[[datetime], int]) -> Callable[..., int]:
    def part(now: datetime, value: Value = None) -> int:
        return read(now if value is None else moment(value, name))

    return part


def _add(unit: Value, amount: Value, value: Value) -> str:
    """``DATEADD("day", 3, d)``: day, week, month, year, hour, minute, second."""
    start, count = moment(value, "DATEADD"), integer_of(amount, "DATEADD")
    kind = _unit(unit)
    try:
        if kind in ("month", "year"):
            months = start.year * 12 + start.month - 1 + count * (12 if kind == "year" else 1)
            year, month = divmod(months, 12)
            ends = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
            moved = start.replace(year=year, month=month + 1, day=min(start.day, ends))
        else:
            moved = start + timedelta(seconds=count * _SECONDS[kind])
    except (OverflowError, ValueError):
        raise FlowError("bad_date", "DATEADD passou das datas possíveis.") from None
    only_date = re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text_of(value).strip()) and moved.time() == time()
    return moved.date().isoformat() if only_date else moved.isoformat(timespec="seconds")


def _difference(unit: Value, first: Value, last: Value) -> int:
    """Whole units from *first* to *last*."""
    start, end = moment(first, "DATEDIFF"), moment(last, "DATEDIFF")
    kind = _unit(unit)
    if (start.tzinfo is None) != (end.tzinfo is None):
        start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    if kind in ("month", "year"):
        months = (end.year - start.year) * 12 + end.month - start.month
        months -= months > 0 and end.day < start.day
        return months if kind == "month" else int(months / 12)
    return int((end - start).total_seconds() / _SECONDS[kind])


_SECONDS: Final = {"day": 86400, "week": 604800, "hour": 3600, "minute": 60, "second": 1}
_UNITS: Final = {
    "d": "day", "day": "day", "days": "day", "dia": "day", "dias": "day",
    "w": "week", "ww": "week", "week": "week", "weeks": "week", "semana": "week", "semanas": "week",
    "m": "month", "month": "month", "months": "month", "mês": "month", "mes": "month", "meses": "month",
    "y": "year", "yyyy": "year", "year": "year", "years": "year", "ano": "year", "anos": "year",
    "h": "hour", "hour": "hour", "hours": "hour", "hora": "hour", "horas": "hour",
    "n": "minute", "minute": "minute", "minutes": "minute", "minuto": "minute", "minutos": "minute",
    "s": "second", "second": "second", "seconds": "second", "segundo": "second", "segundos": "second",
}  # fmt: skip


def _unit(unit: Value) -> str:
    found = _UNITS.get(text_of(unit).strip().lower())
    if not found:
        raise FlowError(
            "bad_argument", f"'{text_of(unit)[:20]}' não é unidade de tempo.", 'Use "day", "month", "hour"...'
        )
    return found


def _is_date(value: Value) -> bool:
    try:
        moment(value)
    except FlowError:
        return False
    return True


FORMATS: Final[tuple[tuple[str, int, int, Callable[..., Value]], ...]] = (
    ("FORMAT", 1, 2, _format),
    ("MONEY", 1, 1, money),
    ("DATEADD", 3, 3, _add),
    ("DATEDIFF", 3, 3, _difference),
    ("ISDATE", 1, 1, _is_date),
    ("WEEKDAYNAME", 1, 1, lambda v: WEEKDAYS[moment(v, "WEEKDAYNAME").weekday()]),
    ("MONTHNAME", 1, 1, lambda v: MONTHS[moment(v, "MONTHNAME").month - 1]),
)

CLOCKED: Final[tuple[tuple[str, int, int, Callable[..., Value]], ...]] = (
    ("NOW", 0, 0, _now),
    ("AGORA", 0, 0, _now),
    ("TODAY", 0, 0, _today),
    ("HOJE", 0, 0, _today),
    ("TIME", 0, 0, _clock),
    ("YEAR", 0, 1, _part("YEAR", lambda d: d.year)),
    ("MONTH", 0, 1, _part("MONTH", lambda d: d.month)),
    ("DAY", 0, 1, _part("DAY", lambda d: d.day)),
    ("HOUR", 0, 1, _part("HOUR", lambda d: d.hour)),
    ("MINUTE", 0, 1, _part("MINUTE", lambda d: d.minute)),
    ("WEEKDAY", 0, 1, _part("WEEKDAY", lambda d: d.isoweekday())),
)
