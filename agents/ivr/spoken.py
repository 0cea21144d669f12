"""What people say, made comparable: words without accents and fillers, and Portuguese numbers as numbers.

"Número dois, por favor"          words  numero dois por favor     number 2
"vinte e três mil e quarenta"     number 23040
"um dois três, meia meia"         digits 12366  ("meia" is six on a Brazilian telephone)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

_MAX_SPOKEN: Final = 1000  # characters of an utterance that are looked at

_UNITS: Final = {
    "zero": 0,
    **dict.fromkeys(("um", "uma"), 1),
    **dict.fromkeys(("dois", "duas"), 2),
    "tres": 3,
    "quatro": 4,
    "cinco": 5,
    **dict.fromkeys(("seis", "meia"), 6),
    "sete": 7,
    "oito": 8,
    "nove": 9,
}
_TEENS: Final = {
    "dez": 10,
    "onze": 11,
    "doze": 12,
    "treze": 13,
    **dict.fromkeys(("quatorze", "catorze"), 14),
    "quinze": 15,
    "dezesseis": 16,
    "dezessete": 17,
    "dezoito": 18,
    "dezenove": 19,
}
_TENS: Final = {
    "vinte": 20,
    "trinta": 30,
    "quarenta": 40,
    "cinquenta": 50,
    "sessenta": 60,
    "setenta": 70,
    "oitenta": 80,
    "noventa": 90,
}
_HUNDREDS: Final = {
    **dict.fromkeys(("cem", "cento"), 100),
    **dict.fromkeys(("duzentos", "duzentas"), 200),
    **dict.fromkeys(("trezentos", "trezentas"), 300),
    **dict.fromkeys(("quatrocentos", "quatrocentas"), 400),
    **dict.fromkeys(("quinhentos", "quinhentas"), 500),
    **dict.fromkeys(("seiscentos", "seiscentas"), 600),
    **dict.fromkeys(("setecentos", "setecentas"), 700),
    **dict.fromkeys(("oitocentos", "oitocentas"), 800),
    **dict.fromkeys(("novecentos", "novecentas"), 900),
}
_SCALES: Final = {"mil": 1_000, **dict.fromkeys(("milhao", "milhoes"), 1_000_000)}
_ORDINALS: Final = {
    stem + end: value
    for value, stem in enumerate(("primeir", "segund", "terceir", "quart", "quint", "sext", "setim", "oitav", "non"), 1)
    for end in ("o", "a")
}
_SMALL: Final = {**_UNITS, **_TEENS, **_TENS, **_HUNDREDS}
_FILLERS: Final = frozenset(
    ("a", "o", "e", "eh", "ah", "numero", "opcao", "tecla", "digito", "item", "letra", "quero", "eu")
)


def words_of(text: str) -> tuple[str, ...]:
    """The words of an utterance, lower case, without accents and punctuation."""
    plain = unicodedata.normalize("NFD", text[:_MAX_SPOKEN].casefold())
    return tuple(re.findall(r"[a-z0-9]+", "".join(c for c in plain if not unicodedata.combining(c))))


def number_in(text: str) -> int | None:
    """The number that *text* is, in digits or in words ("opção dois", "a primeira", "vinte e três").

    None when it isn't a number and nothing else: "um momento" is not 1.
    """
    words = list(words_of(text))
    while words and words[0] in _FILLERS:
        words.pop(0)
    while words[-2:] == ["por", "favor"]:
        del words[-2:]
    if len(words) == 1 and words[0].isdigit():
        return int(words[0]) if len(words[0]) <= 15 else None
    if len(words) == 1 and words[0] in _ORDINALS:
        return _ORDINALS[words[0]]
    return spoken_number(words)


def spoken_number(words: Sequence[str]) -> int | None:
    """A cardinal in words: ``["vinte", "e", "tres", "mil"]`` is 23000. None if a word doesn't belong to one."""
    total = group = 0
    last = 10**9  # the value of the previous word of this group: a smaller one must follow
    seen = False
    for word in words:
        if word == "e" and seen:
            continue
        if word in _SCALES:
            total += max(group, 1) * _SCALES[word]
            group, last, seen = 0, 10**9, True
            continue
        value = _SMALL.get(word, int(word) if word.isdigit() and len(word) <= 3 else None)
        if value is None or not _follows(value, last):
            return None
        group, last, seen = group + value, value, True
    return total + group if seen else None


def _follows(value: int, last: int) -> bool:
    if last == 10**9:
        return True
    if last >= 100:
        return 0 < value < 100
    return last >= 20 and 0 < value < 10


def digits_in(text: str) -> str:
    """All digits said or written in *text*, in order: for documents and telephone numbers.

    Words count one by one ("nove oito" is 98) and as two-digit numbers ("vinte e três" is 23); "meia" is 6.
    """
    found: list[str] = []
    words = words_of(text)
    at = 0
    while at < len(words):
        word = words[at]
        if word.isdigit():
            found.append(word)
        elif word in _HUNDREDS or word in _TENS:
            run = _longest(words, at)
            found.append(str(spoken_number(words[at : at + run])))
            at += run - 1
        elif word in _TEENS or word in _UNITS:
            found.append(str(_SMALL[word]))
        at += 1
    return "".join(found)


def _longest(words: Sequence[str], at: int) -> int:
    """How many words from *at* make one number; at least 1."""
    best = 1
    for size in range(2, 7):
        part = words[at : at + size]
        if len(part) < size:
            break
        if part[-1] != "e" and spoken_number(part) is not None:
            best = size
    return best
