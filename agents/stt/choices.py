"""Helping a recogniser with short answers: single words are where whisper-base errs ("sim" -> "time").

Free decoding goes first. Where it found none of the expected answers and the turn is short, the decoder is asked how
likely each of the likeliest answers is for this very sound. One that stands out from the others is what was said; a
sound that is none of them fits all of them equally badly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ..words import fold, matched

SHORT_WORDS = 3  # a turn of more words than this was no single-word answer
FLOOR = -2.9  # nats a token; below it the sound is something else (right ones measured: -0.2 to -2.7)
LONE_FLOOR = -1.5  # the same where there is no other answer to stand out from
GAP = 1.5  # nats a token between the best and the second (right ones: 2.5 and more; wrong ones: 1.2 and less)


def is_open(text: str, options: tuple[str, ...]) -> bool:
    """Whether *text* leaves it open which of the short *options* was said. "Sim, não." does: a guessing decoder."""
    if len(fold(text).split()) > SHORT_WORDS:
        return False
    found = matched(text, options)
    return found is None or matched(text, tuple(option for option in options if option != found)) is not None


def short(options: tuple[str, ...]) -> tuple[str, ...]:
    """Those that a short turn can be."""
    return tuple(option for option in options if 0 < len(fold(option).split()) <= SHORT_WORDS)


def choose(likely: tuple[str, ...], likelihood: Callable[[str], float]) -> tuple[str, float] | None:
    """Which of the *likely* answers it was, with a confidence 0..1; None for none of them.

    *likelihood* gives the mean log probability a token. The first two are enough to see whether one stands out.
    """
    scored = sorted(((likelihood(option), option) for option in likely), reverse=True)
    if not scored:
        return None
    best, option = scored[0]
    gap = best - scored[1][0] if len(scored) > 1 else math.inf
    if best < (FLOOR if len(scored) > 1 else LONE_FLOOR) or gap < GAP:
        return None
    return option, 1.0 / (1.0 + math.exp(-min(gap, best - 2 * FLOOR)))
