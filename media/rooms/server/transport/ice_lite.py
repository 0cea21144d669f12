"""ICE-lite for all peers on one UDP port: sessions are told apart by their ufrag, then by the client's address.

One socket per local address, all with the same port: an answer must leave from the address its candidate named, which
a socket on 0.0.0.0 does not promise.

    socket -> UdpMux._drain -+- STUN  -> session by ufrag, checked, answered, address learnt
                             +- DTLS  -> session by address -> on_dtls
                             +- SRTP  -> session by address -> on_srtp
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import string
from collections.abc import Callable, Sequence

import psutil  # type: ignore[import-untyped]

from ..counters import Counters
from .stun import Address, binding_success, parse_binding_request

SOCKET_BUFFER_BYTES = 1 << 22
MAX_DATAGRAM = 2048
BATCH = 64  # datagrams taken per wake-up, so that signalling gets its turn under load
MAX_ADDRESSES = 16  # learnt per session; the oldest gives way
MAX_CREDENTIALS = 4  # ufrags kept per session over ICE restarts; the oldest gives way
_ICE_CHARS = string.ascii_letters + string.digits

log = logging.getLogger(__name__)


def _random(size: int) -> str:
    return "".join(secrets.choice(_ICE_CHARS) for _ in range(size))


class IceSession:
    """One client's transport: its credentials and the address pair that the client chose."""

    __slots__ = (
        "_mux", "addresses", "closed", "credentials", "last_seen_s", "on_connected", "on_dtls", "on_srtp", "pwd",
        "remote", "sendto", "ufrag",
    )  # fmt: skip

    def __init__(
        self, mux: UdpMux, *, on_srtp: Callable[[bytes], None], on_dtls: Callable[[bytes], None],
        on_connected: Callable[[], None],
    ) -> None:  # fmt: skip
        self._mux = mux
        self.on_srtp = on_srtp
        self.on_dtls = on_dtls
        self.on_connected = on_connected
        self.credentials: list[str] = []
        self.addresses: dict[Address, None] = {}
        self.remote: Address | None = None
        self.sendto: Callable[[bytes, Address], int] | None = None
        self.last_seen_s = mux.now()
        self.closed = False
        self.restart()

    def restart(self) -> None:
        """New credentials (ICE restart). The old ones still answer until the client uses the new ones."""
        self.ufrag, self.pwd = _random(8), _random(24)
        self.credentials.append(self.ufrag)
        self._mux.by_ufrag[self.ufrag] = (self, self.pwd.encode())
        if len(self.credentials) > MAX_CREDENTIALS:
            self._mux.by_ufrag.pop(self.credentials.pop(0), None)

    def send(self, data: bytes) -> None:
        """Send to the chosen address; what the kernel does not take now is dropped and counted, as a router would."""
        if self.sendto is None or self.remote is None:
            return
        try:
            self.sendto(data, self.remote)
        except OSError:
            self._mux.counters["udp_send_failed"] += 1

    def close(self) -> None:
        self.closed = True
        self.sendto = None
        for ufrag in self.credentials:
            self._mux.by_ufrag.pop(ufrag, None)
        for address in self.addresses:
            if self._mux.by_address.get(address) is self:
                del self._mux.by_address[address]


class UdpMux:
    """The sockets, and who is behind which address."""

    def __init__(self, counters: Counters, *, announced_ip: str = "") -> None:
        self.counters = counters
        self.by_ufrag: dict[str, tuple[IceSession, bytes]] = {}
        self.by_address: dict[Address, IceSession] = {}
        self.port = 0
        self._announced_ip = announced_ip
        self._sockets: list[socket.socket] = []
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time

    def open(self, bind_ip: str, port: int) -> None:
        """Bind one socket per local address of *bind_ip* (itself, or all of the machine's for ``0.0.0.0``).

        Raises:
            OSError: the port is taken or the address is not ours.
        """
        try:
            for address in _local_addresses(bind_ip):
                self._bind(address, self.port or port)
        except OSError:
            self.close()
            raise
        for sock in self._sockets:
            self._loop.add_reader(sock.fileno(), self._drain, sock)

    def _bind(self, address: str, port: int) -> None:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        sock.bind((address, port))
        self.port = sock.getsockname()[1]

    def candidates(self) -> list[str]:
        """``a=candidate`` values, the announced address first (RFC 8839 §5.1)."""
        addresses: Sequence[str] = [sock.getsockname()[0] for sock in self._sockets]
        if self._announced_ip:
            addresses = [self._announced_ip, *(a for a in addresses if a != self._announced_ip)]
        return [
            f"{index + 1} 1 udp {2130706431 - index} {address} {self.port} typ host"
            for index, address in enumerate(addresses)
        ]

    def close(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(ValueError, OSError):
                self._loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()

    def _drain(self, sock: socket.socket) -> None:
        """Take what has arrived. Never raises: a datagram that breaks something is dropped and counted."""
        by_address, receive = self.by_address, sock.recvfrom
        for _ in range(BATCH):
            try:
                data, address = receive(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # ICMP errors of earlier sends show up here
                self.counters["udp_receive_failed"] += 1
                continue
            try:
                first = data[0] if data else 255
                if first > 127:
                    session = by_address.get(address)
                    if session is None or first > 191:
                        self.counters["udp_unknown"] += 1
                    else:
                        session.on_srtp(data)
                elif first < 4:
                    self._stun(data, address, sock)
                else:
                    session = by_address.get(address)
                    if session is None or not 19 < first < 64:
                        self.counters["udp_unknown"] += 1
                    else:
                        session.on_dtls(data)
            except Exception:  # the loop serves every room: no packet may end it
                self.counters["packet_path_errors"] += 1
                if self.counters["packet_path_errors"] <= 20:
                    log.exception("packet_path_error")

    def _stun(self, data: bytes, address: Address, sock: socket.socket) -> None:
        request = parse_binding_request(data)
        found = self.by_ufrag.get(request.local_ufrag) if request else None
        if request is None or found is None or not request.signed_by(found[1]):
            self.counters["stun_refused"] += 1
            return
        session, password = found
        session.last_seen_s = self.now()
        if self.by_address.get(address) is not session:
            self._learn(session, address)
        if session.remote is None or (request.nominated and session.remote != address):
            session.remote, first = address, session.remote is None
            session.sendto = sock.sendto
        else:
            first = False
        with contextlib.suppress(OSError):
            sock.sendto(binding_success(request, address, password), address)
        if first:
            session.on_connected()

    def _learn(self, session: IceSession, address: Address) -> None:
        old = self.by_address.get(address)
        if old is not None:
            old.addresses.pop(address, None)
        self.by_address[address] = session
        session.addresses[address] = None
        if len(session.addresses) > MAX_ADDRESSES:
            oldest = next(a for a in session.addresses if a != session.remote)
            del session.addresses[oldest], self.by_address[oldest]


def _local_addresses(bind_ip: str) -> list[str]:
    if bind_ip not in ("0.0.0.0", "::", ""):  # noqa: S104
        return [bind_ip]
    found = [
        entry.address
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family == socket.AF_INET
        or (entry.family == socket.AF_INET6 and bind_ip == "::" and "%" not in entry.address)
    ]
    return sorted(found, key=lambda a: (a.startswith("127.") or a == "::1", a)) or ["127.0.0.1"]
