"""Menus of a voice dialogue: options by word and by digit, and which one an utterance means. Pure: no audio, no clock.

menu      Menu, Option: the table; ``match`` and ``match_digits``
spoken    what people say, made comparable: accents, fillers, numbers as words
"""

from __future__ import annotations

from .menu import Menu, Option
from .spoken import digits_in, number_in, spoken_number, words_of

__all__ = ["Menu", "Option", "digits_in", "number_in", "spoken_number", "words_of"]
