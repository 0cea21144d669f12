"""What ``HEAR v AS TYPE`` takes: each type reads what a person said, typed or pressed and gives the value, or nothing.

    said or pressed ──► read(kind, text, today) ──► Heard(value) │ None, and the machine asks again with reprompt(kind)

Values are what a database wants: dates ``2026-08-20``, hours ``14:30``, documents and telephones as digits
(``MOBILE`` as ``+55…``), money as a number, yes and no as ``TRUE`` and ``FALSE``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from ..ivr import digits_in, number_in, spoken_number, words_of
from .formats import MONTHS, WEEKDAYS
from .values import folded

_MAX_HEARD: Final = 10_000  # characters of one answer


@dataclass(frozen=True, slots=True)
class Heard:
    value: Any


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    read: Callable[[str, date], Any]  # None: this isn't one
    ask: str  # what is said when the answer isn't one
    max_digits: int | None = None  # keys that make an answer at once
    sensitive: bool = False


def kind_of(word: str) -> str | None:
    """The type that authors call *word* (``CEP``, ``ZIPCODE``), or None."""
    name = folded(word)
    name = _ALIASES.get(name, name)
    return name if name in _KINDS else None


def kind(name: str) -> Kind:
    return _KINDS[name]


def read(name: str, text: str, today: date) -> Heard | None:
    """*text* as a value of the type, or None when it isn't one."""
    value = _KINDS[name].read(text.strip()[:_MAX_HEARD], today)
    return None if value is None else Heard(value)


# ---- readers


def _text(text: str, _: date) -> str | None:
    return text or None


def _integer(text: str, _: date) -> int | None:
    found = re.fullmatch(r"([+-]?[0-9]{1,15})(?:[.,]0+)?", text.replace(" ", "").rstrip("."))
    if found:
        return int(found[1])
    negative = words_of(text)[:1] in (("menos",), ("negativo",))
    spoken = number_in(text.split(None, 1)[1] if negative and " " in text else text)
    if spoken is None:
        inside = re.findall(r"[0-9]+", text)
        spoken = int(inside[0]) if len(inside) == 1 and len(inside[0]) <= 15 else _number_among(text)
    return -spoken if negative and spoken is not None else spoken


def _number_among(text: str) -> int | None:
    """The one number in a sentence: "tenho vinte e três anos"."""
    words, runs, at = words_of(text), list[int](), 0
    while at < len(words):
        for size in range(min(9, len(words) - at), 0, -1):
            part = words[at : at + size]
            value = spoken_number(part) if part[-1] != "e" and part[0] != "e" else None
            if value is not None:
                if part not in (("um",), ("uma",)) or len(words) == 1:
                    runs.append(value)
                at += size
                break
        else:
            at += 1
    return runs[0] if len(runs) == 1 else None


def _decimal(text: str, today: date) -> float | int | None:
    found = re.search(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)(?:[.,][0-9]+)?", text)
    if found:
        written = found[0]
        if "," in written:
            written = written.replace(".", "").replace(",", ".")
        elif re.fullmatch(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+", written):
            written = written.replace(".", "")
        return _whole(float(written)) if len(written) <= 20 else None
    words = words_of(text)
    for mark in ("virgula", "ponto"):
        if mark in words:
            at = words.index(mark)
            left, right = number_in(" ".join(words[:at])), digits_in(" ".join(words[at + 1 :]))
            return float(f"{left}.{right}") if left is not None and right else None
    return _integer(text, today)


def _money(text: str, today: date) -> float | int | None:
    """ "R$ 1.234,50", "vinte reais e cinquenta centavos"."""
    words = words_of(text)
    for mark in ("reais", "real"):
        if mark in words and not any(c.isdigit() for c in text):
            at = words.index(mark)
            whole = number_in(" ".join(words[:at]))
            rest = [w for w in words[at + 1 :] if w not in ("centavos", "centavo")]
            cents = number_in(" ".join(rest[1:] if rest[:1] == ["e"] else rest)) if rest else 0
            return None if whole is None or cents is None or cents > 99 else _whole(whole + cents / 100)
    found = _decimal(text, today)
    return None if found is None or found < 0 else _whole(round(found, 2))


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


_YES: Final = frozenset(
    (
        *("sim", "s", "yes", "y", "claro", "certo", "isso", "positivo", "quero", "aceito", "confirmo", "ok", "exato"),
        *("perfeito", "correto", "verdade", "true", "verdadeiro", "pode", "concordo", "beleza", "uhum", "aham"),
    )
)
_NO: Final = frozenset(
    (
        *("nao", "n", "no", "negativo", "nunca", "jamais", "errado", "incorreto", "falso", "false", "recuso"),
        *("cancela", "cancelar", "nem"),
    )
)


def _boolean(text: str, _: date) -> bool | None:
    """Yes and no as people say them; on the telephone 1 is yes and 2 is no."""
    words = words_of(text)
    if words in (("1",), ("um",)):
        return True
    if words in (("2",), ("0",), ("dois",)):
        return False
    if any(word in _NO for word in words):
        return False
    return True if any(word in _YES for word in words) else None


def _date(text: str, today: date) -> str | None:
    """ "hoje", "amanhã", "dia 5", "5 de agosto", "05/08/2026", "sexta-feira", "daqui a três dias", 8 keys ddmmaaaa."""
    words = words_of(text)
    for spoken, days in (("depois de amanha", 2), ("amanha", 1), ("anteontem", -2), ("ontem", -1), ("hoje", 0)):
        if spoken in " ".join(words):
            return (today + timedelta(days=days)).isoformat()
    written = re.search(r"\b([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\b", text)
    if written:
        return _day(int(written[1]), int(written[2]), int(written[3]))
    written = re.search(r"\b([0-9]{1,2})[/.-]([0-9]{1,2})(?:[/.-]([0-9]{4}|[0-9]{2}))?\b", text)
    if written:
        return _near(int(written[1]), int(written[2]), written[3], today)
    if re.fullmatch(r"[0-9]{8}", text):
        return _day(int(text[4:]), int(text[2:4]), int(text[:2]))
    return _spoken_date(words, today)


def _spoken_date(words: tuple[str, ...], today: date) -> str | None:
    months = [folded(month) for month in MONTHS]
    for at, word in enumerate(words):
        if word in months:
            before = [w for w in words[:at] if w not in ("dia", "de", "do", "o", "no", "em")]
            day = 1 if before[-1:] == ["primeiro"] else number_in(" ".join(before))
            year = number_in(" ".join(w for w in words[at + 1 :] if w not in ("de", "do")))
            return None if day is None else _near(day, months.index(word) + 1, str(year) if year else None, today)
    if words[:2] in (("daqui", "a"), ("em", "a")) or words[:1] == ("em",):
        count = number_in(" ".join(w for w in words if w not in ("daqui", "a", "em", "dias", "dia")))
        return (today + timedelta(days=count)).isoformat() if count is not None and count < 3660 else None
    for number, name in enumerate(WEEKDAYS):
        if folded(name).split("-")[0] in words:
            return (today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)).isoformat()
    if words[:1] == ("dia",):
        day = number_in(" ".join(words[1:]))
        return _next_day(day, today) if day is not None else None
    return None


def _next_day(day: int, today: date) -> str | None:
    """The next date with this day of the month."""
    if not 1 <= day <= 31:
        return None
    for month in range(today.month, today.month + 3):
        found = _day(today.year + (month - 1) // 12, (month - 1) % 12 + 1, day)
        if found and found >= today.isoformat():
            return found
    return None


def _near(day: int, month: int, year: str | None, today: date) -> str | None:
    """A date without a year is the next one; two digits are this century."""
    if year is not None:
        return _day(int(year) + (2000 if len(year) == 2 else 0), month, day)
    found = _day(today.year, month, day)
    return found if found is None or found >= today.isoformat() else _day(today.year + 1, month, day)


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _hour(text: str, _: date) -> str | None:
    """ "14:30", "14h30", "duas e meia da tarde", "meio-dia", 4 keys hhmm."""
    words = words_of(text)
    joined = " ".join(words)
    if "meio dia" in joined:
        return "12:30" if joined.endswith("meia") else "12:00"
    if "meia noite" in joined:
        return "00:00"
    later = any(w in words for w in ("tarde", "noite")) or "pm" in words
    written = re.search(r"\b([0-9]{1,2})\s*(?:[:h]|horas?\s*e?)\s*([0-9]{2})?", text.lower())
    if written:
        return _time(int(written[1]), int(written[2] or 0), later)
    if re.fullmatch(r"[0-9]{3,4}", text):
        return _time(int(text[:-2]), int(text[-2:]), later)
    kept = [w for w in words if w not in ("as", "da", "de", "tarde", "noite", "manha", "horas", "hora", "em", "ponto")]
    half = kept[-2:] == ["e", "meia"]
    if half:
        del kept[-2:]
    for cut in range(len(kept), 0, -1):
        hour = number_in(" ".join(kept[:cut]))
        rest = [w for w in kept[cut:] if w != "e" and w != "minutos"]
        minute = 30 if half else number_in(" ".join(rest)) if rest else 0
        if hour is not None and hour < 24 and minute is not None:
            return _time(hour, minute, later)
    return None


def _time(hour: int, minute: int, later: bool) -> str | None:
    if later and 1 <= hour < 12:
        hour += 12
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else None


def _cpf(text: str, _: date) -> str | None:
    digits = digits_in(text)
    return digits if len(digits) == 11 and _checks(digits, 9) and _checks(digits, 10) and len(set(digits)) > 1 else None


def _checks(digits: str, size: int) -> bool:
    """Check digit of a CPF: weights falling to 2, remainder of 11."""
    total = sum(int(d) * (size + 1 - n) for n, d in enumerate(digits[:size]))
    return (total * 10 % 11) % 10 == int(digits[size])


def _cnpj(text: str, _: date) -> str | None:
    digits = digits_in(text)
    if len(digits) != 14 or len(set(digits)) == 1:
        return None
    for size in (12, 13):
        weights = [(size - 1 - n - 0) % 8 + 2 for n in range(size)]
        remainder = sum(int(d) * w for d, w in zip(digits, weights, strict=False)) % 11
        if (0 if remainder < 2 else 11 - remainder) != int(digits[size]):
            return None
    return digits


def _mobile(text: str, _: date) -> str | None:
    """A Brazilian mobile number with its area code, as ``+55…``; other countries only with a leading ``+``."""
    digits = digits_in(text).lstrip("0")
    if text.lstrip().startswith("+") and not digits.startswith("55"):
        return f"+{digits}" if 8 <= len(digits) <= 15 else None
    if digits.startswith("55") and len(digits) in (12, 13):
        digits = digits[2:]
    if len(digits) == 11 and digits[2] == "9" and digits[0] != "0" and digits[1] != "0":
        return f"+55{digits}"
    return None


def _email(text: str, _: date) -> str | None:
    """Typed, or said: "joao ponto silva arroba empresa ponto com ponto br"."""
    spoken = folded(text).replace(",", " ")
    for word, sign in (("arroba", "@"), ("underline", "_"), ("traco", "-"), ("hifen", "-"), ("ponto", ".")):
        spoken = re.sub(rf"\s*\b{word}\b\s*", sign, spoken)
    spoken = re.sub(r"\s+", "", spoken).strip(".")
    found = re.fullmatch(r"[a-z0-9._%+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", spoken[:254])
    return spoken if found and ".." not in spoken else None


def _name(text: str, _: date) -> str | None:
    """A person's name; "meu nome é" and the like are left out."""
    said = re.sub(
        r"^(?:(?:o\s+)?meu\s+nome\s+(?:é|e)|me\s+chamo|eu\s+sou|sou|aqui\s+(?:é|e)|é|quem\s+fala\s+(?:é|e))\s+(?:o\s+|a\s+)?",
        "",
        text.strip(" .,!"),
        flags=re.IGNORECASE,
    ).strip(" .,!")
    if not 2 <= len(said) <= 100 or any(c.isdigit() for c in said) or not re.fullmatch(r"[^\W_][\w '’.-]*", said):
        return None
    small = {"de", "da", "do", "das", "dos", "e"}
    words = said.split()
    return " ".join(w.lower() if n and w.lower() in small else w[:1].upper() + w[1:] for n, w in enumerate(words))


def _cep(text: str, _: date) -> str | None:
    digits = digits_in(text)
    return digits if len(digits) == 8 else None


def _card(text: str, _: date) -> str | None:
    """Digits of a card number that pass Luhn's check."""
    digits = digits_in(text)
    if not 13 <= len(digits) <= 19:
        return None
    total = sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(digits)))
    return digits if total % 10 == 0 else None


def _url(text: str, _: date) -> str | None:
    pattern = r"(?:https?://)?(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}(?::[0-9]{1,5})?(?:/\S*)?"
    found = re.fullmatch(pattern, text.lower()[:2000])
    return None if not found else text if "://" in text else f"https://{text}"


def _color(text: str, _: date) -> str | None:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return text.lower()
    names = {
        "preto": "#000000", "branco": "#ffffff", "vermelho": "#ff0000", "verde": "#008000", "azul": "#0000ff",
        "amarelo": "#ffff00", "laranja": "#ffa500", "rosa": "#ffc0cb", "roxo": "#800080", "cinza": "#808080",
        "marrom": "#a52a2a",
    }  # fmt: skip
    return next((names[word] for word in words_of(text) if word in names), None)


def _language(text: str, _: date) -> str | None:
    names = {
        "portugues": "pt-BR", "brasileiro": "pt-BR", "pt": "pt-BR", "ingles": "en", "english": "en", "en": "en",
        "espanhol": "es", "espanol": "es", "castelhano": "es", "es": "es", "frances": "fr", "fr": "fr",
        "alemao": "de", "de": "de", "italiano": "it", "it": "it",
    }  # fmt: skip
    return next((names[word] for word in words_of(text) if word in names), None)


_KINDS: Final = {
    each.name: each
    for each in (
        Kind("text", _text, "Não entendi. Pode repetir?"),
        Kind("menu", _text, "Não entendi. Por favor, escolha uma das opções."),
        Kind("integer", _integer, "Não entendi o número. Pode repetir?"),
        Kind("float", _decimal, "Não entendi o número. Pode repetir?"),
        Kind("money", _money, "Não entendi o valor. Pode dizer de novo, em reais?"),
        Kind("date", _date, "Não entendi a data. Pode dizer o dia e o mês?", 8),
        Kind("hour", _hour, "Não entendi a hora. Pode repetir?", 4),
        Kind("boolean", _boolean, "Não entendi. Diga sim ou não.", 1),
        Kind("cpf", _cpf, "Esse CPF não parece certo. Pode dizer ou digitar os onze números de novo?", 11),
        Kind("cnpj", _cnpj, "Esse CNPJ não parece certo. Pode dizer ou digitar os catorze números de novo?", 14),
        Kind("mobile", _mobile, "Não entendi o celular. Diga ou digite o DDD e o número.", 11),
        Kind("email", _email, "Não entendi o e-mail. Pode repetir devagar?"),
        Kind("name", _name, "Não entendi o nome. Pode repetir?"),
        Kind("cep", _cep, "Não entendi o CEP. Diga ou digite os oito números.", 8),
        Kind("creditcard", _card, "Esse número de cartão não parece certo. Pode digitar de novo?", None, True),
        Kind("password", _text, "Não entendi. Pode repetir?", None, True),
        Kind("url", _url, "Não entendi o endereço. Pode repetir?"),
        Kind("color", _color, "Não entendi a cor. Pode repetir?"),
        Kind("language", _language, "Não entendi o idioma. Pode repetir?"),
        Kind("image", _text, "Preciso de uma imagem. Pode enviar?"),
        Kind("qrcode", _text, "Preciso de uma foto do código. Pode enviar?"),
        Kind("audio", _text, "Preciso de um áudio. Pode enviar?"),
        Kind("file", _text, "Preciso de um arquivo. Pode enviar?"),
        Kind("login", _text, "Não consegui confirmar. Pode tentar de novo?"),
    )
}
_ALIASES: Final = {
    "string": "text", "texto": "text", "int": "integer", "inteiro": "integer", "number": "float", "numero": "float",
    "decimal": "float", "double": "float", "dinheiro": "money", "data": "date", "time": "hour", "hora": "hour",
    "bool": "boolean", "logico": "boolean", "simnao": "boolean", "celular": "mobile", "phone": "mobile",
    "telefone": "mobile", "mail": "email", "nome": "name", "zipcode": "cep", "zip": "cep", "cartao": "creditcard",
    "card": "creditcard", "senha": "password", "link": "url", "cor": "color", "idioma": "language",
    "imagem": "image", "video": "file", "arquivo": "file", "document": "file",
}  # fmt: skip

KINDS: Final = tuple(name.upper() for name in _KINDS if name != "menu")
"""Names of the types, as authors write them."""

SILENCE: Final = "Não ouvi você."
"""Said before a typed question is asked again after silence."""
