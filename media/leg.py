"""A leg: anything with a voice. Who drives it (a ``Bridge``, a ``Mixer``) calls both methods once every 20 ms."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from .frames import Frame


@runtime_checkable
class Leg(Protocol):
    """One end of a conversation, seen from the middle.

    ``pull`` and ``push`` are called on the event loop's thread by the media clock; they never block, never await and
    never raise for weather (a slow or lost far end is counted, not raised).
    """

    name: str

    def pull(self) -> Frame | None:
        """The next 20 ms heard from it; None when nothing arrived."""

    def push(self, frame: Frame) -> None:
        """Hand it 20 ms to hear. What a slow far end can't take is dropped and counted."""

    async def close(self) -> None:
        """Let go of whatever it holds. Calling it again does nothing."""
