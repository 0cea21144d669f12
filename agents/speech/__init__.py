"""The speech service and its client.

    client      SpeechClient: what every other process imports; light
    process     the service's composition root: ``python -m agents.speech.process --settings FILE``
    app         its HTTP doors: OpenAI-compatible ones, low-latency ones, health and metrics
    engines     models loaded in the background; recognise, synthesise, render
    work        bounded priority queue in front of a few threads
    kept        rendered sentences, in memory and on disk
    samples     sentences of a made-up caller as WAV files, for the demo and for tests

Importing this loads the client only.
"""

from __future__ import annotations

from ..errors import SpeechError, SpeechOverloaded, SpeechRefused, SpeechUnavailable
from ..ports import Recognition, Speech
from .client import Health, SpeechClient
from .samples import CALLER_VOICE, caller_says, write_samples

__all__ = [
    "CALLER_VOICE",
    "Health",
    "Recognition",
    "Speech",
    "SpeechClient",
    "SpeechError",
    "SpeechOverloaded",
    "SpeechRefused",
    "SpeechUnavailable",
    "caller_says",
    "write_samples",
]
