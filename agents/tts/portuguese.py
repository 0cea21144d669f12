"""Figures, money, times, dates, telephone numbers, addresses and codes in words of Brazilian Portuguese."""

from __future__ import annotations

import re
from collections.abc import Callable

_UNITS = (
    "zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez", "onze", "doze", "treze",
    "quatorze", "quinze", "dezesseis", "dezessete", "dezoito", "dezenove",
)  # fmt: skip
_TENS = (
    "-", "-", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa",
)  # fmt: skip
_HUNDREDS = (
    "-", "cento", "duzentos", "trezentos", "quatrocentos", "quinhentos", "seiscentos", "setecentos", "oitocentos",
    "novecentos",
)  # fmt: skip
_MONTHS = (
    "janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro",
    "dezembro",
)  # fmt: skip
_ORDINALS = (
    "primeiro", "segundo", "terceiro", "quarto", "quinto", "sexto", "sétimo", "oitavo", "nono", "décimo",
)  # fmt: skip
_FEMININE = {"um": "uma", "dois": "duas"}
_WORDS = {
    "sr.": "senhor", "sra.": "senhora", "srta.": "senhorita", "dr.": "doutor", "dra.": "doutora", "av.": "avenida",
    "tel.": "telefone", "nº": "número", "n°": "número", "etc.": "etcétera", "&": "e", "%": " por cento",
    "whatsapp": "uótsap", "e-mail": "imêil", "email": "imêil", "site": "sáite", "online": "on láine",
}  # fmt: skip

LARGEST = 999_999_999


def number(value: int, *, feminine: bool = False) -> str:
    """``1234`` -> ``mil duzentos e trinta e quatro``; beyond LARGEST digit by digit."""
    if value > LARGEST:
        return digits(str(value))
    if value < 20:
        word = _UNITS[value]
        return _FEMININE.get(word, word) if feminine else word
    if value < 100:
        tens, rest = divmod(value, 10)
        return _TENS[tens] + (f" e {number(rest, feminine=feminine)}" if rest else "")
    if value < 1000:
        if value == 100:
            return "cem"
        hundreds, rest = divmod(value, 100)
        word = _HUNDREDS[hundreds]
        if feminine and hundreds > 1:
            word = word[:-2] + "as"
        return word + (f" e {number(rest, feminine=feminine)}" if rest else "")
    size, one, many = (1_000_000, "um milhão", "milhões") if value >= 1_000_000 else (1000, "mil", "mil")
    count, rest = divmod(value, size)
    head = one if count == 1 else f"{number(count, feminine=feminine and size == 1000)} {many}"
    if not rest:
        return head
    joint = " e " if rest < 100 or rest % 100 == 0 and rest < 1000 else " "
    return head + joint + number(rest, feminine=feminine)


def digits(text: str) -> str:
    """``"4070"`` -> ``quatro zero sete zero``; what is no digit is left out."""
    return " ".join(_UNITS[int(c)] for c in text if c.isascii() and c.isdigit())


def _phone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match[0])
    if len(groups) == 1 and len(groups[0]) >= 10:  # +5511987654321 without a break
        run = groups[0]
        tail = run[-9:] if len(run) in (11, 13) else run[-8:]
        groups = [run[: -len(tail)], tail[:-4], tail[-4:]]
    return ", ".join(digits(group) for group in groups if group)


def _money(match: re.Match[str]) -> str:
    reais, cents = int(match[1].replace(".", "")), int((match[2] or "0").ljust(2, "0"))
    parts = []
    if reais or not cents:
        joint = " de" if reais >= 1_000_000 and reais % 1_000_000 == 0 else ""
        parts.append(f"{number(reais)}{joint} {'real' if reais == 1 else 'reais'}")
    if cents:
        parts.append(f"{number(cents)} {'centavo' if cents == 1 else 'centavos'}")
    return " e ".join(parts)


def _time(match: re.Match[str]) -> str:
    hours, minutes = int(match[1]), int(match[2] or 0)
    if hours > 23 or minutes > 59:
        return match[0]
    words = f"{number(hours, feminine=True)} {'hora' if hours == 1 else 'horas'}"
    return words + (f" e {number(minutes)}" if minutes else "")


def _date(match: re.Match[str]) -> str:
    day, month = int(match[1]), int(match[2])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    words = f"{'primeiro' if day == 1 else number(day)} de {_MONTHS[month - 1]}"
    return words + (f" de {number(int(match[3]))}" if match[3] else "")


def _ordinal(match: re.Match[str]) -> str:
    value = int(match[1])
    if not 1 <= value <= 10:
        return number(value)
    return _ORDINALS[value - 1][:-1] + "a" if match[2] == "ª" else _ORDINALS[value - 1]


def _code(match: re.Match[str]) -> str:
    """``#TIC-001`` -> ``T I C, zero zero um``: letters and digits one by one."""
    parts = re.findall(r"[A-Za-z]+|\d+", match[1])
    return ", ".join(digits(part) if part.isdigit() else " ".join(part.upper()) for part in parts)


def _address(match: re.Match[str]) -> str:
    text = re.sub(r"^https?://(?:www\.)?|^www\.", "", match[0].rstrip(".,;")).split("?")[0].rstrip("/")
    text = text if len(text) <= 60 else text.split("/")[0]  # nobody can write down a long path
    for sign, word in (("@", " arroba "), (".", " ponto "), ("/", " barra "), ("-", " traço "), ("_", " sublinhado ")):
        text = text.replace(sign, word)
    return text + match[0][len(match[0].rstrip(".,;")) :]


def _decimal(match: re.Match[str]) -> str:
    whole, fraction = int(match[1].replace(".", "")), match[2]
    after = number(int(fraction)) if len(fraction) <= 2 and fraction[0] != "0" else digits(fraction)
    return f"{number(whole)} vírgula {after}"


def _integer(match: re.Match[str]) -> str:
    text = match[0].replace(".", "")
    if len(text) > 1 and text[0] == "0" or len(text) > 6 and "." not in match[0]:
        return digits(text)
    return number(int(text))


_STEPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.-]*\w"), _address),
    (re.compile(r"#([A-Za-z]*-?\d+)"), _code),
    (re.compile(r"\b([A-Z]{2,5}-\d+)\b"), _code),
    (re.compile(r"R\$\s*(\d{1,3}(?:\.\d{3})+|\d+)(?:,(\d{1,2}))?(?!\d)"), _money),
    (re.compile(r"\b(\d{1,2})/(\d{1,2})(?:/(\d{4}))?\b(?![/\d])"), _date),
    (re.compile(r"\b(\d{1,2})[h:](\d{2})\b(?:min|h)?"), _time),
    (re.compile(r"\b(\d{1,2})h()\b"), _time),
    (re.compile(r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"), _phone),  # CPF: read like a telephone number, in its groups
    (re.compile(r"(?:\+?\d{2}\s*)?\(\d{2}\)\s*\d{4,5}[\s-]?\d{4}\b"), _phone),
    (re.compile(r"(?:\+\d{2}\s*)?\b(?:\d{2}\s)?\d{4,5}-\d{4}\b"), _phone),
    (re.compile(r"\+\d{10,15}\b|\b\d{10,13}\b"), _phone),
    (re.compile(r"\b(\d{1,2})([ºª°])"), _ordinal),
    (re.compile(r"\b(\d{1,3}(?:\.\d{3})+|\d{1,9}),(\d+)\b"), _decimal),
    (re.compile(r"\d{1,3}(?:\.\d{3})+(?!\d)|\d+"), _integer),
)
_WORD = re.compile(r"(?<!\w)(?:" + "|".join(re.escape(word) for word in _WORDS) + r")(?!\w)|%", re.IGNORECASE)


def normalise(text: str) -> str:
    """*text* with everything that a voice would stumble over put into words."""
    for pattern, words in _STEPS:
        text = pattern.sub(words, text)
    return _WORD.sub(lambda match: _WORDS[match[0].lower()], text)
