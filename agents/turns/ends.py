"""How long a silence ends a turn. What was understood so far decides it.

an expected answer               nothing more to wait for: at once
a finished sentence              a short pause
anything else                    the usual pause
a sentence left hanging          a long pause: "quero falar com..." goes on
"""

from __future__ import annotations

from dataclasses import dataclass

from .. import languages
from ..words import fold, matched

_HANGING = {
    "pt": "a o as os um uma uns umas de do da dos das em no na nos nas para pra pro por pelo pela com sem sob e ou mas "
    "que se porque quando como meu minha meus minhas seu sua eu ele ela e tipo entao assim eh hum ah ao",
    "es": "el la los las un una unos unas de del al en para por con sin y o pero que si porque cuando como mi mis su "
    "sus yo tipo entonces eh",
    "en": "a an the of to in on at for with without and or but that if because when how my your his her i so like um",
}
_HANGING_WORDS = {language: frozenset(words.split()) for language, words in _HANGING.items()}


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """Silences in seconds. ``usual_s`` is the setting ``commit_silence_ms``; the others follow from it."""

    usual_s: float = 0.512
    language: str = "pt-BR"

    @property
    def finished_s(self) -> float:
        return self.usual_s * 0.7

    @property
    def hanging_s(self) -> float:
        return max(1.2, self.usual_s)

    def silence_s(self, text: str | None, options: tuple[str, ...] = ()) -> float:
        """The silence that ends a turn of which *text* has been understood (None: not known yet)."""
        if text is None:
            return self.usual_s
        if options and matched(text, options) is not None and not self._hangs(text):
            return 0.0
        if self._hangs(text):
            return self.hanging_s
        return self.finished_s if text.rstrip().endswith((".", "!", "?")) else self.usual_s

    def _hangs(self, text: str) -> bool:
        if text.rstrip().endswith((",", "...", "…", "-")):
            return True
        words = fold(text).split()
        return len(words) > 1 and words[-1] in _HANGING_WORDS.get(languages.base(self.language), frozenset())
