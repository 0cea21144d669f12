"""What a SIP stack is to its owner: events out, commands in. ``Gateway`` and ``Loopback`` fulfil it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .events import Told

Listener = Callable[[Told], None]  # called on the owner's loop, in order, must not block


class SipStack(Protocol):
    """Commands never block and never raise for what the far end does: failure comes back as an event."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """End every call and free everything, within 5 s."""
        ...

    def command(self, command: Told) -> None: ...
