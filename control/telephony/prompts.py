"""Sentences that are known ahead are rendered ahead: a greeting starts in milliseconds, and an apology without speech.

Runs once in the background of control's start and again whenever the flows changed; a speech service that is still
loading is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from agents.speech import SpeechClient, SpeechError
from media.recording import write_wav

from . import texts

RETRY_S = 2.0
PAUSE = bytes(2 * 16_000)  # 1 s: a SIP worker plays the sentence over and over until it has a media process again
log = logging.getLogger(__name__)


async def prepare(
    speech: SpeechClient, prompts: tuple[str, ...], *, language: str, voice: str, prompts_dir: Path
) -> None:
    """Have every fixed sentence rendered, the emergency ones as WAV files in *prompts_dir*. Returns when all are."""
    wanted = (*prompts, *texts.fixed(language))  # the greeting first
    while True:
        try:
            await speech.render(list(wanted), voice=voice, language=language)
            for key in texts.EMERGENCY:
                path = prompts_dir / f"{language}-{key}.wav"
                if not path.exists():
                    sentence = texts.text(language, key)
                    pcm = b"".join([part async for part in speech.synthesise(sentence, voice=voice, language=language)])
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_wav(path, pcm + PAUSE)
        except SpeechError as error:
            log.info("prompts_not_rendered_yet", extra={"error": str(error)})
            await asyncio.sleep(RETRY_S)
        else:
            log.info("prompts_rendered", extra={"sentences": len(wanted)})
            return
