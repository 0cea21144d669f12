"""Comparing what was said with what was hoped for: case, accents and punctuation don't count."""

from __future__ import annotations

import re
import unicodedata

_NOT_WORD = re.compile(r"[^0-9a-z#*]+")


def fold(text: str) -> str:
    """``"Não, obrigado!"`` -> ``"nao obrigado"``."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c))
    return _NOT_WORD.sub(" ", plain).strip()


def matched(text: str, options: tuple[str, ...]) -> str | None:
    """The option that *text* is, or that stands in it as whole words; the longest one where several do."""
    said = f" {fold(text)} "
    found = [option for option in options if (folded := fold(option)) and f" {folded} " in said]
    return max(found, key=len, default=None)
