"""Text to IPA through espeak-ng, which comes inside piper-tts."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache
from typing import Any

from .. import languages

# espeak keeps its language in one global: two threads must not be in it at once.
_espeak = threading.Lock()


def phonemes(text: str, language: str) -> str:
    """*text* in IPA, composed (NFC), its punctuation kept. An unknown language is read as Brazilian Portuguese."""
    voice = languages.ESPEAK_VOICES.get(languages.base(language), languages.ESPEAK_VOICES["pt"])
    with _espeak:
        pieces = _phonemizer().phonemize(voice, text)
    joined = " ".join("".join(piece).strip() for piece in pieces)
    return unicodedata.normalize("NFC", joined).replace("g", "ɡ")  # espeak's ASCII g is IPA's U+0261


@cache
def _phonemizer() -> Any:
    from piper.phonemize_espeak import EspeakPhonemizer

    return EspeakPhonemizer()
