"""Speech to text: ``traits`` says what a recogniser is, each other file is one provider."""

from __future__ import annotations

from .traits import Recogniser, SttTraits

__all__ = ["Recogniser", "SttTraits"]
