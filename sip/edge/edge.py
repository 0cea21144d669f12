"""The edge as a whole: sockets open, every message to where it is handled."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from typing import Final

from config.sip import SipSettings

from ..errors import BadRequest, Malformed
from ..types import Transport
from .acl import AccessList
from .affinity import Dialog
from .ground import Ground, Switch, answer_address
from .guard import Refused, parse
from .limits import RateLimit
from .message import SipMessage
from .proxy import Proxy
from .rescue import Rescue
from .responses import Responses
from .transports import Connections, Flow, Stream, UdpPort

RECEIVE_BUFFER: Final = 4 << 20  # bytes: a burst of INVITEs must not be lost in the kernel
log = logging.getLogger(__name__)


class Edge:
    """Open with ``start``; ``port`` and ``inner_port`` are known after it."""

    def __init__(self, settings: SipSettings, switch: Switch) -> None:
        self._settings = settings
        self._servers: list[asyncio.Server] = []
        connections = Connections(
            self.received, self._count, limit=settings.max_connections, max_bytes=settings.max_message_bytes
        )
        self.ground = Ground(settings.announced_ip or settings.bind_ip, settings.bind_ip, switch, connections)
        self._acl = AccessList(
            [network for trunk in settings.trunks for network in trunk.sources], open_to_all=settings.allow_direct
        )
        self._requests = RateLimit(settings.requests_per_second, 2 * settings.requests_per_second)
        self._invites = RateLimit(settings.invites_per_second, 2 * settings.invites_per_second)
        self._rescue = Rescue(self.ground)
        self._proxy = Proxy(self.ground, invites=self._invites, tls=_client_tls(settings))
        self._responses = Responses(self.ground, self._rescue)

    @property
    def port(self) -> int:
        return self.ground.port

    @property
    def inner_port(self) -> int:
        return self.ground.inner_port

    async def start(self) -> None:
        """Open UDP and TCP on one port, TLS on its own, and the inner socket. Raises OSError."""
        settings, ground = self._settings, self.ground
        udp, tcp = _twin_sockets(settings.bind_ip, settings.port)
        ground.outer = UdpPort(self.received, udp, inner=False)
        ground.inner = UdpPort(self.received, _udp_socket("127.0.0.1", 0), inner=True)
        ground.port, ground.inner_port = ground.outer.port, ground.inner.port
        ground.outer.open()
        ground.inner.open()
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: self._stream("tcp"), sock=tcp))
        if settings.tls_port:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(settings.tls_certificate, settings.tls_key or None)
            server = await loop.create_server(
                lambda: self._stream("tls"), settings.bind_ip, settings.tls_port, ssl=context, ssl_handshake_timeout=5
            )
            self._servers.append(server)
            ground.tls_port = server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._rescue.close()
        await self._proxy.close()
        for server in self._servers:
            server.close()
        self.ground.connections.close_all()
        for udp in (self.ground.outer, self.ground.inner):
            if udp is not None:
                udp.close()

    def received(self, data: bytes, flow: Flow) -> None:
        """One datagram or framed message. Never raises: what a stranger sends must not end the edge."""
        if not flow.inner and not self._may_talk(flow):
            return
        try:
            message = parse(data, max_bytes=self._settings.max_message_bytes, stream=flow.kind != "udp")
        except Refused as refused:
            self._count(f"refused_{refused.status}")
            self.ground.reply(refused.request, flow, refused.status, refused.phrase, **refused.headers)
            return
        except Malformed as malformed:
            self._count(f"dropped_{malformed.why}")
            return
        if message.is_request and not flow.inner and flow.kind == "udp":
            assert self.ground.outer is not None
            flow = self.ground.outer.flow(*answer_address(message.values("via")[0], flow.source.ip, flow.source.port))
        try:
            self._handle(message, flow)
        except Exception:
            self._count("dropped_internal_error")
            log.exception("sip_message_failed", extra={"source": str(flow.source)})

    def bye_for(self, dialog: Dialog, reason: str) -> None:
        self._rescue.bye(dialog, reason)
        self.ground.end(dialog)

    def ended(self, call: str) -> None:
        """The worker's word that a call is over: also of one whose far end never answered the BYE."""
        dialog = self.ground.dialogs.of_call(call)
        if dialog is not None:
            self.ground.end(dialog)

    def redispatch(self, dialog: Dialog, worker: int) -> None:
        self._proxy.redispatch(dialog, worker)

    def refuse(self, dialog: Dialog, status: int, phrase: str, retry_after_s: int) -> None:
        """Answer the INVITE of a dialog no worker has."""
        if dialog.invite is not None and dialog.flow is not None:
            self.ground.reply(dialog.invite, dialog.flow, status, phrase, Retry_After=str(retry_after_s))
        self.ground.end(dialog)

    def _may_talk(self, flow: Flow) -> bool:
        ip = flow.source.ip
        if not self._acl.allows(ip):
            self._count("dropped_acl")
            return False
        if not self._requests.allow(ip, time.monotonic()):
            self._count("dropped_rate")
            return False
        return True

    def _handle(self, message: SipMessage, flow: Flow) -> None:
        if not message.is_request:
            self._responses.response(message, flow)
            return
        try:
            self._proxy.request(message, flow)
        except BadRequest as bad:
            self._count(f"refused_{bad.status}")
            self.ground.reply(message, flow, bad.status, bad.phrase, **bad.headers)

    def _stream(self, kind: Transport) -> Stream:
        return Stream(self.ground.connections, kind)

    def _count(self, what: str) -> None:
        self.ground.counters[what] += 1


def _client_tls(settings: SipSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.tls_ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _udp_socket(ip: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.setblocking(False)
        sock.bind((ip, port))
    except OSError:
        sock.close()
        raise
    return sock


def _twin_sockets(ip: str, port: int) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP on the same port; with port 0 a number that is free for both. Raises OSError."""
    for attempt in range(20):
        udp = _udp_socket(ip, port)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.setblocking(False)
            tcp.bind((ip, udp.getsockname()[1]))
        except OSError:
            udp.close()
            tcp.close()
            if port or attempt == 19:
                raise
        else:
            return udp, tcp
    raise OSError("no port is free for UDP and TCP")
