"""When speech starts: two windows in a row that the model takes for speech; one alone is a click or a breath."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class SpeechStart:
    threshold: float = 0.5
    windows: int = 2
    _row: int = 0

    def heard(self, probability: float) -> bool:
        """One window; True when speech has now begun (*windows* windows ago)."""
        self._row = self._row + 1 if probability >= self.threshold else 0
        return self._row >= self.windows

    def reset(self) -> None:
        self._row = 0
