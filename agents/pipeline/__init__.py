"""The voice pipeline: ``Voice``, the bot's end of a call, and ``Transcriber``, one speaker of a human call.

    clock ── push ──► Ear (gate, VAD, turns, speech service) ──► turns ──► Voice.ask ──► the dialog
    clock ◄─ pull ─── Mouth (frames of the prompt) ◄── speech service ◄── Voice.say ◄── the dialog

``warm`` loads the voice detector, so that the first call of a process doesn't wait for it.
"""

from __future__ import annotations

from ..vad.model import process_pool
from .answers import Expect, Heard, Said
from .transcriber import Transcriber
from .voice import Voice


async def warm() -> None:
    """Load what every voice of this process shares (one small model, 20 MB).

    Raises:
        ModelMissing: faster-whisper, which brings the model, is not installed.
    """
    await process_pool().warm()


__all__ = ["Expect", "Heard", "Said", "Transcriber", "Voice", "warm"]
