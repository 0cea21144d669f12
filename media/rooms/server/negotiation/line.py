"""One peer connection of a participant: its transport, its router, and what the far end last described."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..counters import Counters
from ..router import Router
from ..transport.dtls import Certificate
from ..transport.ice_lite import UdpMux
from ..transport.peer import Peer
from .sdp import Section, new_session_id

if TYPE_CHECKING:
    from ..participant import Participant


class Line:
    """Owns a peer and a router for *participant*, and tells it what happens (``PeerOwner``)."""

    def __init__(
        self, participant: Participant, mux: UdpMux, certificate: Certificate, counters: Counters, *, offers: bool
    ) -> None:
        self._participant = participant
        self.router = Router(counters)
        self.peer = Peer(mux, certificate, counters, opens_channels=offers)
        self.peer.owner = self
        self.on_rtp = self.router.media
        self.on_rtcp = self.router.control
        self.sections: list[Section] = []  # of the far end's last description
        self.session_id = new_session_id()
        self.version = 0

    def on_message(self, label: str, message: bytes) -> None:
        self._participant.on_message(label, message)

    def on_connected(self) -> None:
        for down in self.router.downs.values():
            down.ready = True
            down.track.request_keyframe(now=True)
        self._participant.on_line_connected(self)

    def on_closed(self, reason: str) -> None:
        self._participant.on_line_closed(self, reason)

    def close(self) -> None:
        self.peer.close()
