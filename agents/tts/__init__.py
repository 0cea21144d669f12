"""Text to speech: ``traits`` says what a synthesiser is, each other file is one provider or one step of the text.

text -> normalise (numbers, money, URLs into words) -> sentences -> phonemes -> Kokoro | Piper -> trim -> 16 kHz
"""

from __future__ import annotations

from .text import clauses, sentences, spoken
from .traits import Synthesiser, TtsTraits

__all__ = ["Synthesiser", "TtsTraits", "clauses", "sentences", "spoken"]
