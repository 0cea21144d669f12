"""Two peer connections (signalling v0): the client offers what it publishes, the server offers what it sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit.protocol import rtc

from ..counters import Counters
from ..forwarding import DownTrack, UpTrack
from ..transport.dtls import Certificate
from ..transport.ice_lite import UdpMux
from . import codecs, publishing, sdp
from .line import Line
from .sdp import Codec, DescriptionWriter

if TYPE_CHECKING:
    from ..participant import Participant

CHANNELS_MID = "0"
FIRST_VIDEO_PAYLOAD_TYPE = 96
OPUS_PAYLOAD_TYPE = 111


@dataclass(slots=True)
class OfferedSection:
    """A media section of our offers. Once offered it stays; a free one waits for the next track of its codec."""

    kind: str
    mid: str
    codec: Codec
    down: DownTrack | None = None
    resting: bool = False  # was in use in the last offer: goes through one inactive round before it is used again


class DualNegotiation:
    """Publisher and subscriber lines. One offer of ours is under way at a time; later changes wait for the next."""

    single = False

    def __init__(self, participant: Participant, mux: UdpMux, certificate: Certificate, counters: Counters) -> None:
        self._participant = participant
        self._counters = counters
        self.publisher = Line(participant, mux, certificate, counters, offers=False)
        self.subscriber = Line(participant, mux, certificate, counters, offers=True)
        self._sections: list[OfferedSection] = []
        self._offer_id = 0
        self._offering = False
        self._wanted = False
        self._scheduled: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @property
    def primary(self) -> Line:
        return self.subscriber if self._participant.permission.can_subscribe else self.publisher

    def start(self) -> None:
        """The first offer, at once: data channels, and whatever is there to subscribe to."""
        self.renegotiate()

    def on_offer(self, description: rtc.SessionDescription) -> None:
        """The publisher's offer. Raises BadSdp."""
        sections = sdp.parse(description.sdp)
        transport = sdp.remote_transport(sections)
        line = self.publisher
        line.peer.restarted_by(transport.ufrag)
        new, gone = publishing.take_offer(self._participant, line, sections)
        text, _ = publishing.write_answer(line, {})
        self._participant.send(answer=rtc.SessionDescription(type="answer", sdp=text, id=description.id))
        line.peer.start(transport)
        self._participant.published(new, gone)

    def on_answer(self, description: rtc.SessionDescription) -> None:
        """The answer to our offer. Raises BadSdp."""
        if not self._offering or (description.id and description.id != self._offer_id):
            self._counters["answer_unexpected"] += 1
            return
        sections = sdp.parse(description.sdp)
        transport = sdp.remote_transport(sections)
        self._offering = False
        line = self.subscriber
        line.sections = sections
        answered = {section.mid: section for section in sections}
        for offered in self._sections:
            section, down = answered.get(offered.mid), offered.down
            if offered.resting and down is None:
                offered.resting = False
            if down is None or section is None:
                continue
            if section.port == 0 or not section.receives:
                self._counters["subscription_rejected"] += 1
                continue
            if not down.ready and line.peer.connected:
                down.ready = True
                down.track.request_keyframe(now=True)
        line.peer.start(transport)
        if self._wanted:
            self.renegotiate()

    def resumed(self) -> None:
        """After a resume: offer again with new ICE credentials, whatever became of the last offer."""
        if self.subscriber.peer.started:
            self.subscriber.peer.ice.restart()
        self._offering = False
        self.renegotiate()

    def subscribe(self, track: UpTrack) -> None:
        section = self._section_for(track)
        down = DownTrack(track, self.subscriber.peer, self._participant.sid, self._counters)
        down.payload_type, down.mid = section.codec.payload_type, section.mid
        section.down = down
        self.subscriber.router.downs[down.ssrc] = down
        self._participant.subscribed(down)
        self.renegotiate()

    def unsubscribe(self, track: UpTrack) -> None:
        for section in self._sections:
            down = section.down
            if down is not None and down.track is track:
                section.down, section.resting = None, True
                self.subscriber.router.downs.pop(down.ssrc, None)
                self._participant.unsubscribed(down)
                self.renegotiate()

    def renegotiate(self) -> None:
        """Offer soon: several changes of one turn of the loop share an offer."""
        self._wanted = True
        if not self._offering and self._scheduled is None and not self._closed:
            self._scheduled = self._loop.call_soon(self._offer)

    def close(self) -> None:
        self._closed = True
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
        self.publisher.close()
        self.subscriber.close()

    def _section_for(self, track: UpTrack) -> OfferedSection:
        for section in self._sections:
            free = section.down is None and not section.resting
            if free and section.kind == track.kind and _same_codec(section.codec, track.codec):
                return section
        number = OPUS_PAYLOAD_TYPE if track.kind == "audio" else self._payload_type(track.codec)
        codec = Codec(
            number, track.codec.encoding, track.codec.parameters if track.kind == "video" else codecs.OPUS_PARAMETERS
        )
        section = OfferedSection(track.kind, str(len(self._sections) + 1), codec)
        self._sections.append(section)
        return section

    def _payload_type(self, codec: Codec) -> int:
        used = {s.codec.payload_type: s.codec for s in self._sections if s.kind == "video"}
        for number, other in used.items():
            if _same_codec(other, codec):
                return number
        number = FIRST_VIDEO_PAYLOAD_TYPE
        while number in used or number == OPUS_PAYLOAD_TYPE:
            number += 1
        return number

    def _offer(self) -> None:
        self._scheduled = None
        if self._closed:
            return
        self._wanted, self._offering = False, True
        self._offer_id += 1
        line = self.subscriber
        line.version += 1
        writer = DescriptionWriter(
            line.peer, "actpass", session_id=line.session_id, version=line.version,
            mids=[CHANNELS_MID, *(section.mid for section in self._sections)],
        )  # fmt: skip
        writer.channels(CHANNELS_MID)
        carried: dict[str, str] = {}
        for section in self._sections:
            codec, number = section.codec, section.codec.payload_type
            lines = [f"a=rtpmap:{number} {codec.encoding}"]
            if codec.parameters:
                lines.append(f"a=fmtp:{number} {codec.parameters}")
            lines += [f"a=rtcp-fb:{number} {value}" for value in codecs.FEEDBACK[section.kind]]
            if section.down is not None:
                lines += ["a=sendonly", *publishing.down_lines(section.down)]
                carried[section.mid] = section.down.track.sid
            else:
                lines.append("a=inactive")
            writer.media(section.kind, section.mid, [number], lines)
        description = rtc.SessionDescription(
            type="offer", sdp=writer.text(), id=self._offer_id, mid_to_track_id=carried
        )
        self._participant.send(offer=description)


def _same_codec(a: Codec, b: Codec) -> bool:
    return a.name == b.name and (a.name == "opus" or a.parameters == b.parameters)
