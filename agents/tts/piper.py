"""Piper: any of its voices by the path of its ``.onnx`` (the ``.onnx.json`` stands beside it). Fast on any CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelMissing
from ..languages import base
from .sound import telephone
from .traits import TtsTraits


class Piper:
    def __init__(self, model: Path) -> None:
        """Load the voice at *model*.

        Raises:
            ModelMissing: it isn't there, or is no Piper voice.
        """
        from piper import PiperVoice

        try:
            self._voice: Any = PiperVoice.load(str(model))
        except Exception as error:  # a missing file, bad JSON or onnxruntime's own error
            raise ModelMissing(f"the Piper voice {model} can't be loaded: {error}") from error
        language = base(str(self._voice.config.espeak_voice))
        self.traits = TtsTraits("piper", model.stem, frozenset({str(model)}), frozenset({language}))

    def say(self, sentence: str, *, voice: str, language: str) -> bytes:
        pieces = [chunk.audio_float_array for chunk in self._voice.synthesize(sentence)]
        return telephone(np.concatenate(pieces), int(self._voice.config.sample_rate)) if pieces else b""
