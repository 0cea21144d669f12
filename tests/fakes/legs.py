"""A leg for tests: says what it was given, keeps what it heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from media.frames import FRAME_BYTES, Frame


def frame(number: int) -> Frame:
    """A frame that tells which it is."""
    return number.to_bytes(2, "little", signed=True) * (FRAME_BYTES // 2)


class ListLeg:
    def __init__(self, name: str = "leg", frames: Iterable[Frame | None] = ()) -> None:
        self.name = name
        self.to_say = deque(frames)
        self.heard: list[Frame] = []
        self.closed = False

    def pull(self) -> Frame | None:
        return self.to_say.popleft() if self.to_say else None

    def push(self, frame: Frame) -> None:
        self.heard.append(frame)

    async def close(self) -> None:
        self.closed = True
