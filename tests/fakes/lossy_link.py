"""A link that loses, doubles and delays packets by a repeating pattern, the same each time.

A pattern is a string, one character a packet, read again from its start when it ends:

    .   delivered            x   lost
    2   delivered twice      <   held back and delivered after the next one that is delivered
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

KNOWN = frozenset(".x2<")


class LossPattern:
    """What becomes of each packet in turn."""

    def __init__(self, pattern: str = ".") -> None:
        self.lose(pattern)

    def lose(self, pattern: str) -> None:
        """Go by *pattern* from the next packet on."""
        if not pattern or not set(pattern) <= KNOWN:
            raise ValueError(f"a pattern is made of {''.join(sorted(KNOWN))}")
        self._pattern, self._at = pattern, 0
        self._held: list[Any] = []

    def pass_on(self, packet: Any) -> list[Any]:
        """What comes out at the other end when *packet* goes in."""
        fate = self._pattern[self._at]
        self._at = (self._at + 1) % len(self._pattern)
        if fate == "x":
            return []
        if fate == "<":
            self._held.append(packet)
            return []
        held, self._held = self._held, []
        return [packet, *([packet] if fate == "2" else []), *held]


class MemoryLink:
    """One direction in memory: what is sent is handed to *deliver*, at once and in the same call."""

    def __init__(self, deliver: Callable[[Any], None], pattern: str = ".") -> None:
        self.pattern = LossPattern(pattern)
        self.sent = self.delivered = 0
        self._deliver = deliver

    def lose(self, pattern: str) -> None:
        self.pattern.lose(pattern)

    def send(self, packet: Any) -> None:
        self.sent += 1
        for each in self.pattern.pass_on(packet):
            self.delivered += 1
            self._deliver(each)


class UdpLink:
    """A UDP relay on loopback between a client and a server, each direction with a pattern of its own.

    The client sends to ``address``; the server sees the relay's other port. ``async with`` it.
    """

    def __init__(self, server: tuple[str, int], *, to_server: str = ".", to_client: str = ".") -> None:
        self.server = server
        self.to_server, self.to_client = LossPattern(to_server), LossPattern(to_client)
        self.client: tuple[str, int] | None = None
        self._near: asyncio.DatagramTransport | None = None
        self._far: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> tuple[str, int]:
        assert self._near is not None
        host, port = self._near.get_extra_info("sockname")[:2]
        return host, port

    async def __aenter__(self) -> UdpLink:
        loop = asyncio.get_running_loop()
        self._near, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_client), local_addr=("127.0.0.1", 0)
        )
        self._far, _ = await loop.create_datagram_endpoint(
            lambda: _Side(self._from_server), local_addr=("127.0.0.1", 0)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._near, self._far):
            if transport is not None:
                transport.close()
        await asyncio.sleep(0)  # transports close at the loop's next turn

    def _from_client(self, packet: bytes, sender: tuple[str, int]) -> None:
        self.client = sender
        assert self._far is not None
        for each in self.to_server.pass_on(packet):
            self._far.sendto(each, self.server)

    def _from_server(self, packet: bytes, sender: tuple[str, int]) -> None:
        assert self._near is not None
        if sender == self.server and self.client is not None:
            for each in self.to_client.pass_on(packet):
                self._near.sendto(each, self.client)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self.datagram_received = received  # type: ignore[method-assign]
