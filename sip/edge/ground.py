"""What the parts of the edge share: addresses, sockets, keys, dialogs, counters, and the owner's decisions."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Protocol

from ..types import Source
from .affinity import Dialog, Dialogs, Keys
from .message import SipMessage, parameter, tag_of
from .transports import Connections, Flow, Stream, UdpPort

LINGER_S: Final = 32.0  # an ended dialog is kept so long for retransmissions (64*T1)
CALL_HEADER: Final = "x-attendance-call"  # names the call to the worker; never believed from outside, never let out
NOWHERE: Final = -1  # worker of a dialog that waits for one
ALLOW: Final = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, PRACK, UPDATE, REFER, NOTIFY"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placement:
    """A call was admitted to *worker*; ``NOWHERE``: one is being started, ``Proxy.redispatch`` follows."""

    call: str
    worker: int


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    phrase: str
    retry_after_s: int | None = None


class Switch(Protocol):
    """The edge's owner: decides on new calls and knows the workers."""

    def admit(self, invite: SipMessage, source: Source) -> Placement | Refusal: ...

    def worker_port(self, worker: int) -> int | None:
        """Inner UDP port of a live worker."""
        ...

    def worker_at(self, port: int) -> int | None: ...

    def worker_heard_s(self, worker: int) -> float:
        """Monotonic time of the worker's last sign of life, 0.0 when it is gone."""
        ...

    def silent(self, dialog: Dialog) -> None:
        """The worker said nothing at all to the INVITE: its slot is free again."""
        ...

    def cancelled(self, dialog: Dialog) -> None:
        """The caller gave up before any worker had the call."""
        ...


@dataclass(slots=True)
class Ground:
    """State of one edge. Addresses are filled in when the sockets are open."""

    public_ip: str  # what peers are told
    bind_ip: str
    switch: Switch
    connections: Connections
    keys: Keys = field(default_factory=Keys)
    dialogs: Dialogs = field(default_factory=Dialogs)
    counters: Counter[str] = field(default_factory=Counter)
    port: int = 0
    tls_port: int = 0
    inner_port: int = 0
    outer: UdpPort | None = None
    inner: UdpPort | None = None

    def is_ours(self, host: str, port: int | None, *, tls: bool = False) -> bool:
        """Is this host and port the edge itself, outside or inside?"""
        if host == "127.0.0.1" and port == self.inner_port:
            return True
        if host not in (self.public_ip, self.bind_ip):
            return False
        if port is None:
            port = 5061 if tls else 5060
        return port == self.port or (self.tls_port != 0 and port == self.tls_port)

    def port_of(self, kind: str) -> int:
        return self.tls_port if kind == "tls" else self.port

    def flow(self, token: str) -> Flow | None:
        """The flow a token names, None when its connection is gone or it is not readable."""
        if token.startswith("c-"):
            return self.connections.by_token(token)
        letter, _, rest = token.partition("-")
        ip, _, port = rest.rpartition("-")
        udp = self.inner if letter == "i" else self.outer
        if udp is None or not port.isdigit() or not ip:
            return None
        return udp.flow(ip, int(port))

    def our_via(self, request: SipMessage, flow: Flow, *, kind: str, inner: bool) -> str:
        host = f"127.0.0.1:{self.inner_port}" if inner else f"{self.public_ip}:{self.port_of(kind)}"
        signed = self.keys.signed(flow.token)
        return f"SIP/2.0/{kind.upper()} {host};branch={self.keys.branch(request, flow)}{signed}"

    def public_route(self, kind: str, worker: int) -> str:
        """What peers send later requests to (one entry: strict peers dislike loopback addresses)."""
        transport = "" if kind == "udp" else f";transport={kind}"
        return f"<sip:{self.public_ip}:{self.port_of(kind)};lr{transport};w={worker}>"

    def inner_route(self, flow: Flow | None) -> str:
        """What the worker sends later requests to: the edge, and the flow to the peer."""
        signed = self.keys.signed(flow.token) if flow else ""
        return f"<sip:127.0.0.1:{self.inner_port};lr{signed}>"

    def end(self, dialog: Dialog) -> None:
        """The dialog is over; forgotten after LINGER_S."""
        if not dialog.ended:
            dialog.ended = True
            dialog.invite = None
            asyncio.get_running_loop().call_later(LINGER_S, self.dialogs.forget, dialog)

    def reply(self, request: SipMessage, flow: Flow, status: int, phrase: str, **headers: str) -> None:
        """Answer *request* without state (RFC 3261 section 8.2.7); an ACK never gets an answer."""
        if request.method == "ACK":
            return
        response = SipMessage(status=status, phrase=phrase)
        for key in ("via", "from", "to", "call-id", "cseq"):
            response.headers += [header for header in request.headers if header[0] == key]
        to = request.get("to")
        if status > 100 and not tag_of(to):
            tag = self.keys.mac("to", request.call_id, request.get("from"))[:10]
            response.replace("To", [f"{to};tag={tag}"])
        for name, value in headers.items():
            response.add(name.replace("_", "-"), value)
        self.counters[f"answered_{status}"] += 1
        flow.send(bytes(response))


def with_source(request: SipMessage, source: Source) -> None:
    """Write ``received`` and ``rport`` into the top Via (RFC 3261 section 18.2.1, RFC 3581)."""
    vias = request.values("via")
    kept = [
        part
        for part in vias[0].split(";")
        if part.strip().partition("=")[0].strip().lower() not in ("received", "rport")
    ]
    wants_port = parameter(vias[0], "rport") is not None or source.transport != "udp"
    kept.append(f"received={source.ip}")
    if wants_port:
        kept.append(f"rport={source.port}")
    vias[0] = ";".join(part.strip() for part in kept)
    request.replace("Via", vias)


def answer_address(via: str, source_ip: str, source_port: int) -> tuple[str, int]:
    """Where a UDP answer goes: the source, on the port it asked for (RFC 3581), else on the port in its Via."""
    if parameter(via, "rport") is not None:
        return source_ip, source_port
    host = via.partition(" ")[2].partition(";")[0].strip()
    _, _, port = host.rpartition(":")
    return source_ip, int(port) if port.isdigit() else 5060


def new_stream(ground: Ground, kind: str) -> Stream:
    return Stream(ground.connections, "tls" if kind == "tls" else "tcp")
