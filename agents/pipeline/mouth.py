"""What the bot is saying: frames that the clock takes one by one, a pause for barge-in, an account of what was heard.

Bound: AHEAD_S of sound; who fills it waits (back-pressure reaches the speech service).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from media.frames import FRAME_S, Frame, Framer

AHEAD_S = 20.0


@dataclass(slots=True)
class Piece:
    """One sentence of the prompt in sound. ``frames`` counts what there is of it so far."""

    text: str
    frames: int = 0
    whole: bool = False


class Mouth:
    """One prompt at a time: ``begin``, then ``sentence``, ``feed`` until ``end``; ``drained`` when all was taken."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._framer = Framer()
        self._pieces: list[Piece] = []
        self._room, self._drained = asyncio.Event(), asyncio.Event()
        self._ended = True
        self.played = 0  # frames of this prompt that the clock took
        self.paused = False

    @property
    def heard_s(self) -> float:
        return self.played * FRAME_S

    @property
    def playing(self) -> bool:
        return self.played > 0 and not self.paused and bool(self._frames)

    def begin(self) -> None:
        self._frames.clear()
        self._framer = Framer()
        self._pieces, self.played, self.paused, self._ended = [], 0, False, False
        self._drained.clear()
        self._room.set()

    def sentence(self, text: str) -> None:
        """What is fed from now on is *text*."""
        if self._pieces:
            self._add(self._framer.flush())
            self._pieces[-1].whole = True
        self._pieces.append(Piece(text))

    async def feed(self, pcm: bytes) -> None:
        """Take sound of any length; waits while more than AHEAD_S is unheard."""
        self._add(self._framer.feed(pcm))
        while len(self._frames) * FRAME_S > AHEAD_S:
            self._room.clear()
            await self._room.wait()

    def end(self) -> None:
        """No more comes."""
        self._add(self._framer.flush())
        if self._pieces:
            self._pieces[-1].whole = True
        self._ended = True
        self._check()

    def stop(self) -> None:
        """Nothing more of this prompt will be heard."""
        self._frames.clear()
        self._ended, self.paused = True, False
        self._room.set()
        self._drained.set()

    async def drained(self) -> None:
        await self._drained.wait()

    def pull(self) -> Frame | None:
        if self.paused or not self._frames:
            return None
        frame = self._frames.popleft()
        self.played += 1
        if not self._frames:
            self._check()
        elif not self._room.is_set() and len(self._frames) * FRAME_S <= AHEAD_S / 2:
            self._room.set()
        return frame

    def heard_text(self) -> str:
        """The words whose sound was taken: whole sentences, and of the last one as many words as its share of time."""
        said, left = [], self.played
        for piece in self._pieces:
            if left <= 0:
                break
            if piece.whole and left >= piece.frames:
                said.append(piece.text)
            elif piece.frames:
                words = piece.text.split()
                # A sentence whose sound still comes is estimated from its length: some 14 characters a second.
                total = piece.frames if piece.whole else max(piece.frames, round(len(piece.text) / 14 / FRAME_S))
                said.append(" ".join(words[: round(len(words) * min(1.0, left / total))]))
            left -= piece.frames
        return " ".join(part for part in said if part)

    def _add(self, frames: list[Frame]) -> None:
        if self._ended or not frames:
            return
        self._frames.extend(frames)
        if self._pieces:
            self._pieces[-1].frames += len(frames)

    def _check(self) -> None:
        if self._ended and not self._frames:
            self._room.set()
            self._drained.set()
        elif not self._frames:
            self._room.set()
