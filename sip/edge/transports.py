"""UDP, TCP and TLS: flows, framing, and what a connection may cost.

A flow is where a message came from and where its answer goes. Its token rides in our own Via and Record-Route, so a
response or a later request finds the same connection (RFC 5626's idea, without its header).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Final

from ..types import Source, Transport

KEEP_ALIVE: Final = b"\r\n\r\n"
IDLE_S: Final = 300.0  # a connection that sent nothing for this long is closed
PARTIAL_S: Final = 32.0  # a message that takes longer than this to arrive is a slow attack
MAX_BACKLOG: Final = 1 << 20  # bytes a peer may leave unread before the connection is given up
DATAGRAMS_A_TURN: Final = 64
MAX_DATAGRAM: Final = 65535
_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,7})[ \t]*\r\n", re.IGNORECASE)


class Flow:
    """One way to and from a far end. ``send`` never blocks; False when the way is gone."""

    __slots__ = ("inner", "source", "token", "transport")

    def __init__(
        self, source: Source, transport: asyncio.WriteTransport | UdpPort, token: str, *, inner: bool = False
    ) -> None:
        self.source = source
        self.transport = transport
        self.token = token
        self.inner = inner

    @property
    def kind(self) -> Transport:
        return self.source.transport

    def send(self, data: bytes) -> bool:
        transport = self.transport
        if transport.is_closing():
            return False
        if isinstance(transport, UdpPort):
            transport.sendto(data, (self.source.ip, self.source.port))
            return True
        if transport.get_write_buffer_size() > MAX_BACKLOG:
            transport.abort()
            return False
        transport.write(data)
        return True


Receive = Callable[[bytes, Flow], None]


class UdpPort:
    """A UDP socket of the edge; *inner* is the one workers talk to.

    Not asyncio's datagram transport: that reads one datagram a turn of the loop, so a burst would wait behind timers
    that were meant to notice that nothing came.
    """

    def __init__(self, receive: Receive, sock: socket.socket, *, inner: bool) -> None:
        self._receive = receive
        self._socket = sock
        self._inner = inner
        self._closed = False
        self.dropped = 0  # the kernel took no more

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def is_closing(self) -> bool:
        return self._closed

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        """Send, or drop and count: SIP over UDP repeats what is lost."""
        try:
            self._socket.sendto(data, address)
        except OSError:
            self.dropped += 1

    def flow(self, ip: str, port: int) -> Flow:
        letter = "i" if self._inner else "u"
        return Flow(Source("udp", ip, port), self, f"{letter}-{ip}-{port}", inner=self._inner)

    def _read(self) -> None:
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data, address = self._socket.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error of something sent earlier
            if len(data) > 4 and data[:2] != b"\r\n":  # shorter ones and CRLF are keep-alives
                self._receive(data, self.flow(address[0], address[1]))


class Connections:
    """All TCP and TLS connections, bounded in number; by token and by far end, so that they are used again."""

    def __init__(self, receive: Receive, count: Callable[[str], None], *, limit: int, max_bytes: int) -> None:
        self.receive = receive
        self.count = count
        self.limit = limit
        self.max_bytes = max_bytes
        self._by_token: dict[str, Stream] = {}
        self._by_peer: dict[tuple[str, str, int], Stream] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._by_token)

    def by_token(self, token: str) -> Flow | None:
        stream = self._by_token.get(token)
        return stream.flow if stream else None

    def to(self, kind: str, ip: str, port: int) -> Flow | None:
        stream = self._by_peer.get((kind, ip, port))
        return stream.flow if stream else None

    def opened(self, stream: Stream, source: Source) -> str | None:
        """The token of a new connection, None when there are too many."""
        if len(self._by_token) >= self.limit:
            self.count("connection_refused")
            return None
        self._made += 1
        token = f"c-{self._made}"
        self._by_token[token] = stream
        self._by_peer[source.transport, source.ip, source.port] = stream
        return token

    def closed(self, stream: Stream) -> None:
        flow = stream.flow
        if flow is not None:
            self._by_token.pop(flow.token, None)
            key = (flow.source.transport, flow.source.ip, flow.source.port)
            if self._by_peer.get(key) is stream:
                del self._by_peer[key]

    def close_all(self) -> None:
        for stream in list(self._by_token.values()):
            if stream.flow is not None:
                assert isinstance(stream.flow.transport, asyncio.WriteTransport)
                stream.flow.transport.close()


class Stream(asyncio.Protocol):
    """One connection, framed by Content-Length (RFC 3261 section 18.3); a double CRLF is answered by one (RFC 5626)."""

    def __init__(self, connections: Connections, kind: Transport) -> None:
        self._all = connections
        self._kind = kind
        self._buffer = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self.flow: Flow | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        peer = transport.get_extra_info("peername") or ("", 0)
        source = Source(self._kind, peer[0], peer[1])
        token = self._all.opened(self, source)
        if token is None:
            transport.abort()
            return
        self.flow = Flow(source, transport, token)
        self._wait(IDLE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._all.closed(self)

    def data_received(self, data: bytes) -> None:
        flow = self.flow
        if flow is None:
            return
        fresh = not self._buffer
        self._buffer += data
        while self._buffer and not flow.transport.is_closing():
            if self._buffer.startswith((b"\r", b"\n")):
                if not self._blank_lines(flow):
                    break
                continue
            message = self._next_message(flow)
            if message is None:
                break
            fresh = True
            self._all.receive(message, flow)
        if not self._buffer:
            self._wait(IDLE_S)
        elif fresh:
            self._wait(PARTIAL_S)  # from the first byte of a message, not renewed by each byte after it

    def _blank_lines(self, flow: Flow) -> bool:
        """Take leading CRLFs. False: wait for more."""
        if self._buffer.startswith(KEEP_ALIVE):
            flow.send(b"\r\n")
            del self._buffer[:4]
        elif len(self._buffer) < 4 and KEEP_ALIVE.startswith(bytes(self._buffer)):
            return False
        else:
            del self._buffer[: 2 if self._buffer[:2] == b"\r\n" else 1]
        return True

    def _next_message(self, flow: Flow) -> bytes | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > self._all.max_bytes:
                self._give_up("too_long")
            return None
        found = _LENGTH.search(self._buffer, 0, end + 2)
        length = int(found.group(1)) if found else -1
        total = end + 4 + length
        if length < 0 or total > 2 * self._all.max_bytes:
            # Where the next message starts is not known: answer what can be answered, then close.
            self._all.receive(bytes(self._buffer[: end + 4]), flow)
            self._give_up("framing")
            return None
        if len(self._buffer) < total:
            return None
        message = bytes(self._buffer[:total])
        del self._buffer[:total]
        return message

    def _give_up(self, why: str) -> None:
        self._all.count(why)
        self._buffer.clear()
        if self.flow is not None:
            assert isinstance(self.flow.transport, asyncio.WriteTransport)
            self.flow.transport.close()

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._give_up, "idle")
