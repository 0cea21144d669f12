"""RTP and RTCP of one peer: which SSRC is which track, upstream and downstream."""

from __future__ import annotations

import time

from . import rtcp
from .counters import Counters
from .forwarding import DownTrack, UpLayer, UpTrack
from .negotiation import codecs
from .negotiation.sdp import Section
from .rtp import MIN_BYTES, extensions

MAX_SSRCS = 256  # bound per peer; a client that makes up more is ignored


class Router:
    """The SSRC tables of one peer. Packets find their track by SSRC; an unknown SSRC is bound once, by MID and RID."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self.by_ssrc: dict[int, tuple[UpTrack, UpLayer]] = {}
        self.by_mid: dict[str, UpTrack] = {}
        self.downs: dict[int, DownTrack] = {}
        self._extensions: dict[int, str] = {}
        self.worst_loss = 0  # of 256: what this peer's receiver reports said since the last look

    def media(self, packet: bytes) -> None:
        if len(packet) < MIN_BYTES:
            return
        found = self.by_ssrc.get(int.from_bytes(packet[8:12], "big")) or self._bind(packet)
        if found is None:
            self._counters["rtp_unbound"] += 1
            return
        found[0].receive(found[1], packet)

    def learn(self, section: Section) -> None:
        self._extensions.update(section.extensions)

    def publish(self, mid: str, track: UpTrack, section: Section) -> None:
        """Route *section*'s packets to *track*; SSRCs that the description names are bound at once."""
        self.by_mid[mid] = track
        self.learn(section)
        level = next((n for n, uri in section.extensions.items() if uri == codecs.AUDIO_LEVEL), 0)
        track.level_extension = level if track.kind == "audio" else 0
        if section.rids:
            return  # simulcast SSRCs are not in the description: MID and RID will tell
        repairs = set(section.retransmission.values())
        primary = next((ssrc for ssrc in section.ssrcs if ssrc not in repairs), None)
        if primary is not None and len(self.by_ssrc) < MAX_SSRCS:
            layer = track.add_layer("", primary)
            self.by_ssrc[primary] = track, layer
            repair = section.retransmission.get(primary)
            if repair is not None:
                self.by_ssrc[repair] = track, layer

    def unpublish(self, track: UpTrack) -> None:
        self.by_ssrc = {ssrc: entry for ssrc, entry in self.by_ssrc.items() if entry[0] is not track}
        self.by_mid = {mid: other for mid, other in self.by_mid.items() if other is not track}

    def _bind(self, packet: bytes) -> tuple[UpTrack, UpLayer] | None:
        found = extensions(packet)
        values = {self._extensions.get(n): value.decode("ascii", "replace") for n, value in found.items()}
        track = self.by_mid.get(values.get(codecs.MID, ""))
        if track is None or len(self.by_ssrc) >= MAX_SSRCS:
            return None
        ssrc = int.from_bytes(packet[8:12], "big")
        is_rtx = packet[1] & 127 == track.rtx_payload_type
        rid = values.get(codecs.REPAIRED_RID if is_rtx else codecs.RID, "")
        if track.rids and rid not in track.rids:
            return None  # a MID without its RID says nothing about the layer
        layer = track.layers.get(rid)
        if is_rtx:
            if layer is None:
                return None
        else:
            layer = track.add_layer(rid, ssrc)
        entry = self.by_ssrc[ssrc] = track, layer
        return entry

    def control(self, packet: bytes) -> None:
        for part in rtcp.parts(packet):
            if part.kind == rtcp.SR:
                info = rtcp.sender_info(part)
                found = self.by_ssrc.get(info.ssrc) if info else None
                if info and found:
                    found[0].sender_report(found[1], info)
            if part.kind in (rtcp.SR, rtcp.RR):
                for ssrc, loss in rtcp.reports(part):
                    if ssrc in self.downs:
                        self.worst_loss = max(self.worst_loss, loss)
            elif part.kind in (rtcp.RTPFB, rtcp.PSFB):
                self._feedback(part)

    def _feedback(self, part: rtcp.Part) -> None:
        if len(part.body) < 8:
            return
        down = self.downs.get(rtcp.media_ssrc(part))
        if down is None:
            return
        if part.kind == rtcp.RTPFB and part.code == rtcp.NACK:
            now_s = time.monotonic()
            for seq in rtcp.nacked(part):
                down.resend(seq, now_s)
        elif part.kind == rtcp.PSFB and part.code in (rtcp.PLI, rtcp.FIR):
            down.track.request_keyframe(down.current)
