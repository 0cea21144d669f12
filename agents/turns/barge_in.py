"""When speech cuts off a prompt: at once it only pauses it. Words make it an interruption, no words a false alarm."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class BargeIn:
    """Fed every window while a prompt that may be interrupted plays. Speech from before the prompt counts from zero."""

    pause_after_s: float = 0.2  # speech that pauses the prompt; at half of it a hum would
    sure_after_s: float = 1.0  # so much speech is no cough: an interruption, whatever the words turn out to be
    _speech_s: float = 0.0

    def heard(self, speech: bool, window_s: float) -> None:
        """One window. A gap forgives at half speed: speech has gaps, noise is mostly gaps."""
        self._speech_s = max(0.0, self._speech_s + (window_s if speech else -window_s / 2))

    @property
    def pauses(self) -> bool:
        return self._speech_s >= self.pause_after_s

    @property
    def sure(self) -> bool:
        return self._speech_s >= self.sure_after_s

    def reset(self) -> None:
        self._speech_s = 0.0
