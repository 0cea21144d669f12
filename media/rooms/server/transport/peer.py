"""One peer connection's transport: ICE-lite, DTLS, SRTP and SCTP tied together.

datagram -> IceSession -+- on_srtp -> unprotect -> owner.on_rtp / owner.on_rtcp
                        +- on_dtls -> Dtls -> SCTP -> owner.on_message
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pylibsrtp

from ..counters import Counters
from .dtls import Certificate, Dtls
from .ice_lite import IceSession, UdpMux
from .sctp import DATA_TRACK, LOSSY, RELIABLE, DataChannels


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """What the far end's description says of its transport."""

    ufrag: str
    fingerprint: tuple[str, str]
    setup: str  # active, passive, actpass
    sctp_port: int | None
    max_message_bytes: int


class PeerOwner(Protocol):
    """Who is told what arrives. None of these may block; an exception is counted and costs that packet only."""

    def on_rtp(self, packet: bytes) -> None: ...
    def on_rtcp(self, packet: bytes) -> None: ...
    def on_message(self, label: str, message: bytes) -> None: ...
    def on_connected(self) -> None: ...
    def on_closed(self, reason: str) -> None: ...


class Peer:
    """A client's peer connection as the server sees it. ``owner`` is set before the first packet can arrive."""

    def __init__(self, mux: UdpMux, certificate: Certificate, counters: Counters, *, opens_channels: bool) -> None:
        self.owner: PeerOwner | None = None
        self.certificate = certificate
        self.candidates = mux.candidates
        self._counters = counters
        self._opens_channels = opens_channels
        self._remote: RemoteTransport | None = None
        self._rx: pylibsrtp.Session | None = None
        self._tx: pylibsrtp.Session | None = None
        self.channels: DataChannels | None = None
        self.closed = False
        self.ice = IceSession(mux, on_srtp=self._on_srtp, on_dtls=self._on_dtls, on_connected=self._on_reachable)
        self._dtls = Dtls(
            certificate,
            send=self.ice.send,
            on_connected=self._on_secure,
            on_data=self._on_sctp,
            on_closed=self._on_dtls_closed,
        )

    @property
    def started(self) -> bool:
        return self._remote is not None

    @property
    def connected(self) -> bool:
        return self._tx is not None

    def start(self, remote: RemoteTransport) -> None:
        """Begin with the far end's description; DTLS itself waits until a binding request has shown its address."""
        if self._remote is None and not self.closed:
            self._remote = remote
            if self.ice.remote is not None:
                self._on_reachable()

    def restarted_by(self, ufrag: str) -> bool:
        """True, and new credentials of ours, when the far end's *ufrag* says that it restarts ICE."""
        if self._remote is None or self._remote.ufrag == ufrag:
            return False
        old = self._remote
        self._remote = RemoteTransport(ufrag, old.fingerprint, old.setup, old.sctp_port, old.max_message_bytes)
        self.ice.restart()
        return True

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one RTP packet now; dropped and counted when the kernel or libsrtp does not take it."""
        tx = self._tx
        if tx is None:
            return
        try:
            self.ice.sendto(tx.protect(packet), self.ice.remote)  # type: ignore[misc,arg-type]
        except (OSError, pylibsrtp.Error, ValueError, TypeError):
            self._counters["rtp_send_failed"] += 1

    def send_rtcp(self, packet: bytes) -> None:
        tx = self._tx
        if tx is None:
            return
        try:
            self.ice.send(tx.protect_rtcp(packet))
        except (pylibsrtp.Error, ValueError):
            self._counters["rtcp_send_failed"] += 1

    def send_message(self, label: str, message: bytes) -> bool:
        """See ``DataChannels.send``. False also while there is no association that could keep the message."""
        return self.channels.send(label, message) if self.channels is not None else True

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        if self.channels is not None:
            self.channels.close()
        self._dtls.close()
        self.ice.close()
        self._rx = self._tx = self.channels = None

    def _on_reachable(self) -> None:
        if self._remote is not None:
            self._dtls.start(self._remote.fingerprint, is_server=self._remote.setup != "passive")

    def _on_dtls(self, datagram: bytes) -> None:
        self._dtls.receive(datagram)

    def _on_secure(self) -> None:
        self._rx, self._tx = self._dtls.rx, self._dtls.tx
        remote = self._remote
        if remote is not None and remote.sctp_port is not None:
            self.channels = DataChannels(
                send=self._dtls.send_data,
                is_server=self._dtls.is_server,
                on_message=self._on_message,
                counters=self._counters,
            )
            labels = (RELIABLE, LOSSY, DATA_TRACK) if self._opens_channels else ()
            self.channels.start(remote.sctp_port, remote.max_message_bytes, open_labels=labels)
        if self.owner is not None:
            self.owner.on_connected()

    def _on_sctp(self, packet: bytes) -> None:
        if self.channels is not None:
            self.channels.receive(packet)

    def _on_message(self, label: str, message: bytes) -> None:
        if self.owner is not None:
            self.owner.on_message(label, message)

    def _on_dtls_closed(self, reason: str) -> None:
        self._rx = self._tx = None
        self._counters["dtls_" + reason] += 1
        if self.owner is not None and not self.closed:
            self.owner.on_closed(reason)

    def _on_srtp(self, data: bytes) -> None:
        rx, owner = self._rx, self.owner
        if rx is None or owner is None:
            return
        try:
            if 191 < data[1] < 224:  # RFC 5761 §4: RTCP packet types on the same port
                packet, is_rtcp = rx.unprotect_rtcp(data), True
            else:
                packet, is_rtcp = rx.unprotect(data), False
        except (pylibsrtp.Error, ValueError, IndexError):
            self._counters["srtp_refused"] += 1
            return
        if is_rtcp:
            owner.on_rtcp(packet)
        else:
            owner.on_rtp(packet)
