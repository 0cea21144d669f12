"""Legs that play: files, tones, hold music. They hear nothing."""

from __future__ import annotations

import asyncio
import wave
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import tones
from .errors import NotARecording
from .frames import RATE_HZ, Frame, split
from .pcm import samples, saturate
from .resample import resample

MAX_QUEUED: Final = 64  # pieces


class Player:
    """Plays pieces (sequences of frames, shared, not copied) one after the other without a gap.

    With *loop* the last piece begins again, for ever. ``finished`` is set when nothing is left to play.
    """

    def __init__(self, name: str, frames: Sequence[Frame] = (), *, loop: bool = False) -> None:
        self.name = name
        self.loop = loop
        self.refused = 0  # pieces that found MAX_QUEUED others waiting
        self.finished = asyncio.Event()
        self._queue: deque[Sequence[Frame]] = deque()
        self._piece: Sequence[Frame] = ()
        self._at = 0
        self.add(frames)

    def add(self, frames: Sequence[Frame]) -> bool:
        """Play *frames* after what is there already. False, and counted, when too many pieces wait."""
        if not frames:
            return True
        if len(self._queue) >= MAX_QUEUED:
            self.refused += 1
            return False
        self._queue.append(frames)
        self.finished.clear()
        return True

    def stop(self) -> None:
        """Play nothing more."""
        self._queue.clear()
        self._piece, self._at = (), 0
        self.finished.set()

    def pull(self) -> Frame | None:
        if self._at >= len(self._piece):
            if self._queue:
                self._piece, self._at = self._queue.popleft(), 0
            elif self.loop and self._piece:
                self._at = 0
            else:
                self.finished.set()
                return None
        frame = self._piece[self._at]
        self._at += 1
        return frame

    def push(self, frame: Frame) -> None:
        """Music doesn't listen."""

    async def close(self) -> None:
        self.stop()


def hold_music() -> Player:
    """The house's hold music, from its beginning. See ``tones.hold_music`` for the cost of the first one."""
    return Player("hold_music", tones.hold_music(), loop=True)


def ringback() -> Player:
    return Player("ringback", tones.ringback(), loop=True)


def busy() -> Player:
    return Player("busy", tones.busy(), loop=True)


async def load_wav(path: str | Path) -> list[Frame]:
    """A WAV file (16-bit PCM, any rate, channels are averaged) as frames; read and converted in a thread.

    Raises:
        NotARecording: it isn't such a file.
        OSError: it can't be read.
    """
    return await asyncio.to_thread(read_wav, path)


def read_wav(path: str | Path) -> list[Frame]:
    """``load_wav`` for callers who may block."""
    try:
        with wave.open(str(path), "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            pcm = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise NotARecording(f"{path} is not a WAV file: {error}") from error
    if width != 2:
        raise NotARecording(f"{path} has {8 * width} bits a sample; only 16 are understood")
    if channels > 1:
        pcm = saturate(samples(pcm).reshape(-1, channels).mean(axis=1).round()).tobytes()
    return split(resample(pcm, rate, RATE_HZ))
