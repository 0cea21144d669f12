"""The media core: everything that has a voice, and nothing that knows why it speaks.

    frames.py      the one audio format of the house: 20 ms of 16 kHz mono s16le, as ``bytes``
    leg.py         ``Leg``: anything with a voice (a SIP caller, a room, a bot, music)
    clock.py       ``MediaClock``: one 20 ms tick a process, for all its sessions
    bridge.py      ``Bridge``: a caller and whoever talks with it, their taps and their recorder
    mixer.py       ``Mixer``: any number of legs, each hears all the others
    player.py      legs that play: a file, a tone, hold music
    tones.py       hold music, ring-back, busy, beep, DTMF and its detector
    ring.py        ``FrameRing``: a bounded queue of frames, the oldest gives way
    pcm.py         G.711, gain, level, mixing
    resample.py    streaming conversion of sample rates
    recording/     the dual-channel recorder, and reading back what it left
    pcm_link.py    PCM between a SIP worker and the media process, both ends
    link.py        messages between control and a call host's processes
    rooms/         a LiveKit room as a leg, tokens, the room server's API, and the embedded server
    stats.py       what a leg and a clock count
    errors.py      the error tree

Imports nothing heavy: no aiortc, no LiveKit SDK, no numpy at ``import media``.
"""

from __future__ import annotations

from .frames import FRAME_BYTES, FRAME_MS, FRAME_S, FRAME_SAMPLES, RATE_HZ, SILENCE, Frame
from .leg import Leg

__all__ = ["FRAME_BYTES", "FRAME_MS", "FRAME_S", "FRAME_SAMPLES", "RATE_HZ", "SILENCE", "Frame", "Leg"]
