"""Helping a recogniser with short answers: single words are where whisper-base errs ("sim" -> "time").

Free decoding goes first. Where it found none of the expected answers and the turn is short, the decoder is asked how
likely each of them is for this very sound; one that is nearly as likely as what it had written wins.
"""

from __future__ import annotations

from collections.abc import Callable

from ..words import fold, matched

SHORT_WORDS = 2  # a turn of more words than this was no single-word answer
MOST_OPTIONS = 12
MARGIN = 1.0  # nats a token that an expected answer may score below the free text
FLOOR = -1.8  # nats a token; below it the sound is something else altogether


def best_choice(
    text: str, score: float, options: tuple[str, ...], likelihood: Callable[[str], float]
) -> tuple[str, float]:
    """*text* or the option that it probably was. *likelihood* gives mean log probability a token."""
    words = fold(text).split()
    if len(words) > SHORT_WORDS or _certain(text, options):
        return text, score
    short = [option for option in options[:MOST_OPTIONS] if 0 < len(fold(option).split()) <= SHORT_WORDS]
    scored = [(likelihood(option), option) for option in short]
    if not scored:
        return text, score
    best, option = max(scored)
    if best >= FLOOR and best >= score - MARGIN:
        return option, best
    return text, score


def _certain(text: str, options: tuple[str, ...]) -> bool:
    """One expected answer stands in *text*. "Sim, não." holds two, which is what a guessing decoder writes."""
    found = matched(text, options)
    return found is not None and matched(text, tuple(option for option in options if option != found)) is None
