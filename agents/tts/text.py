"""Text on its way to a voice: what can't be said is taken out or put into words, and the rest is cut into sentences."""

from __future__ import annotations

import re
import unicodedata

from .. import languages
from .portuguese import normalise as normalise_portuguese

MAX_SENTENCE = 200  # characters; Kokoro takes 510 phonemes, and a shorter piece is heard sooner
MIN_CLAUSE = 24  # characters; a shorter clause sounds chopped off
MAX_TEXT = 4096  # characters of one request, as OpenAI's endpoint has it

_END = re.compile(r"(?<=[.!?…])[\"'”)]*\s+|\n+")
_CLAUSE = re.compile(r"(?<=[,;:])\s+|\s+[–—-]\s+")
_ABBREVIATION = re.compile(r"(?:\b(?:sr|sra|srta|dr|dra|prof|profa|av|mr|mrs|ms|no|tel|ex)|\b[a-z])\.$", re.IGNORECASE)
_MARKUP = re.compile(r"[*_`~|<>{}\[\]\\]+")
_SPACE = re.compile(r"[^\S\n]+")


def spoken(text: str, language: str = "pt-BR") -> str:
    """*text* as a person would read it out: no emoji, markup or bare URLs; in Portuguese also no figures.

    Never fails; a text with nothing to say comes back empty.
    """
    text = "".join(c for c in unicodedata.normalize("NFC", text)[:MAX_TEXT] if not _unspeakable(c))
    if languages.base(language) == "pt":
        text = normalise_portuguese(text)
    text = _SPACE.sub(" ", _MARKUP.sub(" ", text))
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def sentences(text: str) -> list[str]:
    """*text* cut where a speaker breathes. None is longer than MAX_SENTENCE characters, none is empty."""
    whole: list[str] = []
    for piece in _END.split(text.strip()):
        if whole and _ABBREVIATION.search(whole[-1]):
            whole[-1] += " " + piece.strip()
        elif any(c.isalnum() for c in piece):
            whole.append(piece.strip())
    return [part for sentence in whole for part in _short(sentence)]


def clauses(sentence: str) -> list[str]:
    """*sentence* cut at its commas into pieces of at least MIN_CLAUSE characters, to be spoken one after the other."""
    pieces: list[str] = []
    for piece in (part for part in _CLAUSE.split(sentence) if part.strip()):
        if pieces and (len(pieces[-1]) < MIN_CLAUSE or len(piece) < MIN_CLAUSE):
            pieces[-1] += " " + piece
        else:
            pieces.append(piece)
    return pieces


def _short(sentence: str) -> list[str]:
    """Cut an overlong sentence at its clauses, failing that between words, failing that anywhere."""
    if len(sentence) <= MAX_SENTENCE:
        return [sentence]
    parts: list[str] = [""]
    pieces = [piece for piece in _CLAUSE.split(sentence) if piece]
    if len(pieces) == 1:
        pieces = sentence.split()
    for piece in pieces:
        while len(piece) > MAX_SENTENCE and " " not in piece:
            parts.append(piece[:MAX_SENTENCE])
            piece = piece[MAX_SENTENCE:]
        if parts[-1] and len(parts[-1]) + 1 + len(piece) > MAX_SENTENCE:
            parts.append(piece)
        else:
            parts[-1] = f"{parts[-1]} {piece}".strip()
    return [short for part in parts if part for short in (_short(part) if len(part) > MAX_SENTENCE else [part])]


def _unspeakable(character: str) -> bool:
    """Emoji, arrows, private use, control characters other than a line end."""
    if character in "\n\t":
        return False
    kind = unicodedata.category(character)
    return kind in ("So", "Sk", "Cs", "Co", "Cn", "Cc", "Cf") or kind == "Mn" and 0xFE00 <= ord(character) <= 0xFE0F
