"""One peer connection (signalling v1): the client always offers; the server asks for sections it needs.

A subscription waits until the client has offered a free receiving section. A section that loses its track is answered
inactive once before it carries another, else the client would not notice the change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit.protocol import rtc

from ..counters import Counters
from ..forwarding import DownTrack, UpTrack
from ..transport.dtls import Certificate
from ..transport.ice_lite import UdpMux
from . import codecs, publishing, sdp
from .line import Line

if TYPE_CHECKING:
    from ..participant import Participant


class SingleNegotiation:
    """The one line, which answers."""

    single = True

    def __init__(self, participant: Participant, mux: UdpMux, certificate: Certificate, counters: Counters) -> None:
        self._participant = participant
        self._counters = counters
        self.publisher = self.subscriber = Line(participant, mux, certificate, counters, offers=False)
        self._downs: dict[str, DownTrack] = {}  # mid to what it carries
        self._resting: set[str] = set()  # mids to be answered inactive before they are used again
        self._waiting: list[UpTrack] = []  # subscriptions without a section
        self._closed = False

    @property
    def primary(self) -> Line:
        return self.publisher

    def start(self) -> None:
        """Nothing: the client's offer comes with its join request, or at once after it."""

    def on_offer(self, description: rtc.SessionDescription) -> None:
        """Answer the client's offer. Raises BadSdp."""
        sections = sdp.parse(description.sdp)
        transport = sdp.remote_transport(sections)
        line = self.publisher
        line.peer.restarted_by(transport.ufrag)
        new, gone = publishing.take_offer(self._participant, line, sections)
        self._assign()
        text, carried = publishing.write_answer(line, self._downs)
        answer = rtc.SessionDescription(type="answer", sdp=text, id=description.id, mid_to_track_id=carried)
        self._participant.send(answer=answer)
        self._resting.clear()
        line.peer.start(transport)
        self._participant.published(new, gone)
        for down in self._downs.values():
            if not down.ready and line.peer.connected:
                down.ready = True
                down.track.request_keyframe(now=True)
        if self._waiting:
            self._ask()

    def on_answer(self, description: rtc.SessionDescription) -> None:
        """A client of one peer connection never answers, for it is never offered anything."""
        self._counters["answer_unexpected"] += 1

    def resumed(self) -> None:
        """The client restarts ICE with an offer of its own; subscriptions that still wait are asked for again."""
        if self._waiting:
            self._ask()

    def subscribe(self, track: UpTrack) -> None:
        if track not in self._waiting:
            self._waiting.append(track)
            if self.publisher.sections:
                self._ask()

    def unsubscribe(self, track: UpTrack) -> None:
        if track in self._waiting:
            self._waiting.remove(track)
        for mid, down in list(self._downs.items()):
            if down.track is track:
                del self._downs[mid]
                self._resting.add(mid)
                self.subscriber.router.downs.pop(down.ssrc, None)
                self._participant.unsubscribed(down)
                self._ask()

    def close(self) -> None:
        self._closed = True
        self.publisher.close()

    def _free(self) -> list[sdp.Section]:
        busy = self._downs.keys() | self.publisher.router.by_mid.keys()
        return [
            s for s in self.publisher.sections
            if s.port != 0 and s.receives and not s.sends and s.mid not in busy and s.mid not in self._resting
        ]  # fmt: skip

    def _assign(self) -> None:
        """Give waiting subscriptions the free sections of the offer under way."""
        free = self._free()
        for track in list(self._waiting):
            fitting = [section for section in free if section.kind == track.kind]
            chosen = next(((s, codec) for s in fitting if (codec := codecs.same(s, track.codec))), None)
            if chosen is None:
                if fitting:  # it has room but cannot decode this: do not ask for ever
                    self._waiting.remove(track)
                    self._counters["subscription_rejected"] += 1
                    self._participant.subscription_failed(track)
                continue
            section, codec = chosen
            free.remove(section)
            self._waiting.remove(track)
            down = DownTrack(track, self.publisher.peer, self._participant.sid, self._counters)
            down.payload_type, down.mid = codec.payload_type, section.mid
            self._downs[section.mid] = down
            self.publisher.router.downs[down.ssrc] = down
            self._participant.subscribed(down)

    def _ask(self) -> None:
        """Have the client offer again, with as many more receiving sections as are missing (none is a request too)."""
        if self._closed:
            return
        free = self._free()
        missing = {
            kind: max(0, sum(t.kind == kind for t in self._waiting) - sum(s.kind == kind for s in free))
            for kind in ("audio", "video")
        }
        self._participant.send(
            media_sections_requirement=rtc.MediaSectionsRequirement(
                num_audios=missing["audio"], num_videos=missing["video"]
            )
        )
