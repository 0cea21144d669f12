"""A menu: a table of options, each with its word, other ways to say it, and its digit.

An option is written ``"vendas"``, ``"1:vendas"`` or ``"0:atendente|falar com|pessoa"``: the digit on the telephone, the
word that the flow gets, and synonyms. Without a digit, an option has its place in the menu (1, 2, ...) as its digit.

How an utterance finds its option, first rule that gives exactly one:

    1. it is a number and nothing else: "dois", "opção 2", a pressed key
    2. an option's word or synonym stands in it whole: "eu queria falar com vendas"
       (the longest wins; "não quero vendas" doesn't count)
    3. it is a part of one option only: "aten" for "atendente", "técnico" for "suporte técnico"
    4. one of its words is nearly an option's: "soporte" for "suporte" (recognisers mishear)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from .spoken import number_in, words_of

MAX_OPTIONS: Final = 50
_WRITTEN: Final = re.compile(r"\s*(?:([0-9]{1,4}|\*|#)\s*:)?\s*(.*)", re.DOTALL)
_NEARLY: Final = 0.82  # similarity of two words that still counts; "vendas" and "vindas" are 0.83 apart
_MIN_PART: Final = 3  # letters of a partial word
_REFUSALS: Final = frozenset({"nao", "nem"})
_BETWEEN: Final = frozenset({"quero", "queria", "e", "de", "com", "falar", "o", "a", "para", "pro", "mais"})


@dataclass(frozen=True, slots=True)
class Option:
    """One line of the table."""

    word: str  # what the flow gets, as written
    digits: str  # what is pressed for it
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """Options in order. ``tries`` and ``silence`` are how often it is asked and what an unanswered one comes to."""

    options: tuple[Option, ...]
    tries: int = 3

    @classmethod
    def of(cls, written: Iterable[str], *, tries: int = 3) -> Menu:
        """The menu of options as a flow writes them.

        Raises:
            ValueError: no option, too many, an empty one, or two with the same digit or word; the message is for the
                flow's author, in Portuguese.
        """
        parsed = [_WRITTEN.fullmatch(each) for each in written]
        split = [(m[1] or "", [w.strip() for w in m[2].split("|")]) for m in parsed if m]
        if not split or len(split) > MAX_OPTIONS:
            raise ValueError(f"um menu tem de 1 a {MAX_OPTIONS} opções.")
        taken = {digits for digits, _ in split if digits}
        options: list[Option] = []
        for place, (digits, words) in enumerate(split, 1):
            if not words_of(words[0]):
                raise ValueError("uma opção do menu está vazia.")
            own = digits or (str(place) if str(place) not in taken else "")
            options.append(Option(words[0], own, tuple(w for w in words[1:] if words_of(w))))
        for what in ([o.digits for o in options if o.digits], [words_of(o.word) for o in options]):
            if len(set(what)) != len(what):
                raise ValueError("duas opções do menu têm a mesma palavra ou o mesmo dígito.")
        return cls(tuple(options), tries)

    @property
    def words(self) -> tuple[str, ...]:
        """Every word and synonym, as hints for a recogniser."""
        return tuple(word for option in self.options for word in (option.word, *option.synonyms))

    @property
    def max_digits(self) -> int:
        """After this many keys no option can still be meant."""
        return max((len(option.digits) for option in self.options), default=1) or 1

    def match_digits(self, pressed: str) -> Option | None:
        """The option with exactly these keys (a closing ``#`` doesn't count)."""
        keys = pressed.removesuffix("#") or pressed
        return next((option for option in self.options if option.digits and option.digits == keys), None)

    def match(self, utterance: str) -> Option | None:
        """The one option that *utterance* means; None if none or several."""
        said = words_of(utterance)
        if not said:
            return self.match_digits(utterance.strip())
        number = number_in(utterance)
        if number is not None and (option := self.match_digits(str(number))):
            return option
        for rule in (self._spoken_whole, self._part_of, self._nearly):
            found = rule(said)
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def match_early(self, partial: str) -> Option | None:
        """The option that a text still being spoken already settles: rules 1 and 2 only, so that a turn may be
        committed before the silence that ends it."""
        said = words_of(partial)
        found = self._spoken_whole(said) if said else []
        return found[0] if len(found) == 1 else None

    def _phrases(self) -> list[tuple[tuple[str, ...], Option]]:
        return [
            (phrase, option)
            for option in self.options
            for w in (option.word, *option.synonyms)
            if (phrase := words_of(w))
        ]

    def _spoken_whole(self, said: Sequence[str]) -> list[Option]:
        """Options named in full; one named inside a longer one's name gives way to it."""
        hits = [
            (at, at + len(phrase), option)
            for phrase, option in self._phrases()
            for at in range(len(said) - len(phrase) + 1)
            if tuple(said[at : at + len(phrase)]) == phrase and not _refused(said, at)
        ]
        kept = [
            option
            for start, end, option in hits
            if not any(s <= start and end <= e and (e - s) > (end - start) for s, e, _ in hits)
        ]
        return list(dict.fromkeys(kept))

    def _part_of(self, said: Sequence[str]) -> list[Option]:
        whole = " ".join(said)
        if len(whole) < _MIN_PART:
            return []
        return list(
            dict.fromkeys(option for phrase, option in self._phrases() if f" {whole}" in f" {' '.join(phrase)}")
        )

    def _nearly(self, said: Sequence[str]) -> list[Option]:
        found: dict[Option, None] = {}
        for phrase, option in self._phrases():
            if len(phrase) != 1 or len(phrase[0]) < 5:
                continue
            for at, word in enumerate(said):
                alike = SequenceMatcher(None, word[:40], phrase[0]).ratio() >= _NEARLY
                if alike and not _refused(said, at):
                    found[option] = None
        return list(found)


def _refused(said: Sequence[str], at: int) -> bool:
    """Is the word at *at* one that the caller says no to ("não quero vendas")?"""
    for back in range(at - 1, max(-1, at - 5), -1):
        if said[back] in _REFUSALS:
            return True
        if said[back] not in _BETWEEN:
            return False
    return False
