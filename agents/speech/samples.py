"""Sentences of a made-up caller as sound: for the demo, for tests, for trying a flow without a telephone.

python -m agents.speech.samples --url URL --key-file FILE --into FOLDER "Quero falar com um atendente." ...
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path

from ..errors import SpeechError
from ..words import fold
from . import wav
from .client import SpeechClient

CALLER_VOICE = "pm_alex"  # not the bot's own: a recording of both stays tellable apart

PATIENCE_S = 120.0  # nobody is on the line


async def caller_says(speech: SpeechClient, text: str, *, voice: str = CALLER_VOICE, language: str = "pt-BR") -> bytes:
    """*text* as 16 kHz mono s16le in a caller's voice.

    Raises:
        SpeechUnavailable, SpeechRefused: as ``SpeechClient.synthesise``.
    """
    return b"".join([piece async for piece in speech.synthesise(text, voice=voice, language=language)])


async def write_samples(
    speech: SpeechClient, texts: Iterable[str], folder: Path, *, voice: str = CALLER_VOICE, language: str = "pt-BR"
) -> dict[str, Path]:
    """One 16 kHz WAV a text in *folder*, named by its words; those already there are kept. Text to path.

    Raises:
        SpeechUnavailable, SpeechRefused: as ``caller_says``.
        OSError: the folder can't be written.
    """
    written = {text: folder / f"{voice}-{fold(text).replace(' ', '-')[:60]}.wav" for text in texts}
    for text in _unwritten(written):
        pcm = await caller_says(speech, text, voice=voice, language=language)
        await asyncio.to_thread(written[text].write_bytes, wav.write(pcm))
    return written


def _unwritten(paths: dict[str, Path]) -> list[str]:
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    return [text for text, path in paths.items() if not path.exists()]


async def _write(url: str, key: str, into: Path, texts: list[str], voice: str) -> None:
    async with SpeechClient(url, key, patience_s=PATIENCE_S) as speech:
        await speech.wait_ready(60)
        for path in (await write_samples(speech, texts, into, voice=voice)).values():
            print(path)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write sentences of a made-up caller as WAV files.")
    parser.add_argument("--url", required=True, help="the speech service")
    parser.add_argument("--key-file", type=Path, required=True, help="a file that holds its key")
    parser.add_argument("--into", type=Path, default=Path("."))
    parser.add_argument("--voice", default=CALLER_VOICE)
    parser.add_argument("texts", nargs="+")
    given = parser.parse_args(argv)
    try:
        key = given.key_file.read_text("utf-8").strip()
        asyncio.run(_write(given.url, key, given.into, given.texts, given.voice))
    except (SpeechError, OSError) as error:
        print(f"samples: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
