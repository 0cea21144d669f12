"""A bounded queue of frames. The oldest gives way: late audio is worse than lost audio."""

from __future__ import annotations

import asyncio
from collections import deque

from .frames import Frame


class FrameRing:
    """The latest *capacity* frames; ``dropped`` counts those that gave way. One consumer may wait on ``get``."""

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("a ring holds at least one frame")
        self.capacity = capacity
        self.dropped = 0
        self._frames: deque[Frame] = deque(maxlen=capacity)
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> None:
        if len(self._frames) == self.capacity:
            self.dropped += 1
        self._frames.append(frame)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self) -> Frame | None:
        """The oldest frame, or None."""
        return self._frames.popleft() if self._frames else None

    def take_all(self) -> list[Frame]:
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def clear(self) -> int:
        """Forget all; how many there were. Not counted as dropped: this was asked for."""
        count = len(self._frames)
        self._frames.clear()
        return count

    async def get(self) -> Frame:
        """The oldest frame, waiting for one. Cancelled: nothing is lost."""
        while not self._frames:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._frames.popleft()
