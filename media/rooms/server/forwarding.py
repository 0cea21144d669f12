"""Tracks: what a publisher sends (UpTrack, one UpLayer per SSRC) and what each subscriber gets of it (DownTrack).

    UpTrack.receive -> checks, loss accounting, RTX unwrapped -> DownTrack.forward -> header rewritten -> peer.send_rtp

Nothing is decoded. A subscriber sees one SSRC with unbroken sequence numbers and timestamps whatever happens upstream:
padding and muted packets are cut out and the hole is closed, a layer switch starts at a keyframe.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Final

from livekit.protocol import models

from . import rtcp
from .counters import Counters
from .keyframes import Vp8Continuity, starts_keyframe
from .negotiation.sdp import Codec
from .reception import DUPLICATE, Reception
from .rtp import HEADER, MIN_BYTES, VERSION, audio_level
from .speakers import LevelWindow

if TYPE_CHECKING:
    from .transport.peer import Peer

RESEND_PACKETS: Final = {"audio": 64, "video": 512}
RESENDS_PER_S: Final = 500  # per subscription: a NACK storm must not multiply traffic
PLI_EVERY_S: Final = 0.5
LAYER_DEAD_S: Final = 1.5  # a layer silent for so long is given up by its subscribers
MAX_HISTORY: Final = 16
CLOCK_HZ: Final = {"audio": 48_000, "video": 90_000}
RANK: Final = {"": 2, "f": 2, "h": 1, "q": 0}  # rids of the clients, best last


class UpLayer:
    """One incoming SSRC: the track itself, or one simulcast encoding of it."""

    __slots__ = ("octets", "packets", "reception", "rid", "ssrc")

    def __init__(self, rid: str, ssrc: int) -> None:
        self.rid = rid
        self.ssrc = ssrc
        self.reception = Reception()
        self.packets = self.octets = 0


class UpTrack:
    """A published track. ``peer`` and ``codec`` are set when an offer brings its section."""

    def __init__(
        self, info: models.TrackInfo, cid: str, publisher_sid: str, wanted_codec: str, counters: Counters
    ) -> None:
        self.info = info
        self.sid = info.sid
        self.cid = cid
        self.publisher_sid = publisher_sid
        self.wanted_codec = wanted_codec
        self.kind = "audio" if info.type == models.TrackType.AUDIO else "video"
        self.clock_hz = CLOCK_HZ[self.kind]
        self.peer: Peer | None = None
        self.codec = Codec(0)
        self.rtx_payload_type: int | None = None
        self.rids: list[str] = []
        self.layers: dict[str, UpLayer] = {}
        self.downs: tuple[DownTrack, ...] = ()  # replaced, never changed: the packet path iterates over it
        self.level_extension = 0
        self.levels = LevelWindow()
        self.nacks = False
        self._counters = counters
        self._last_pli_s: dict[int, float] = {}

    @property
    def live(self) -> bool:
        """Bound to a section: others can be told of it and subscribe."""
        return self.peer is not None

    def receive(self, layer: UpLayer, packet: bytes) -> None:
        """Forward one unprotected packet. Never raises for what a client can send (lengths are checked)."""
        size, first = len(packet), packet[0]
        at = MIN_BYTES + 4 * (first & 15)
        if first & 0x10 and size >= at + 4:
            at += 4 + 4 * ((packet[at + 2] << 8) | packet[at + 3])
        end = size - packet[-1] if first & 0x20 else size
        if at > size or end < MIN_BYTES:
            self._counters["rtp_malformed"] += 1
            return
        seq, second = (packet[2] << 8) | packet[3], packet[1]
        if second & 127 != self.codec.payload_type:
            if second & 127 != self.rtx_payload_type or end - at < 3:
                self._counters["rtp_other_payload_type"] += 1
                return
            seq = (packet[at] << 8) | packet[at + 1]  # RFC 4588 §4: the original number leads the payload
            at += 2
            if layer.reception.highest < 0:
                return
        now_s = time.monotonic()
        reception = layer.reception
        gap = reception.take(seq, now_s)
        if gap:
            if gap == DUPLICATE:
                self._counters["rtp_duplicates"] += 1
                return
            self._counters["rtp_gaps"] += gap
        if reception.missing and now_s >= reception.next_nack_s and self.nacks and self.peer is not None:
            self.peer.send_rtcp(rtcp.nack(layer.ssrc, reception.to_nack(now_s)))
        if end <= at or self.info.muted:
            for down in self.downs:
                down.skip(layer, seq)
            return
        timestamp = int.from_bytes(packet[4:8], "big")
        layer.packets += 1
        layer.octets += end - at
        if self.level_extension and first & 0x10:
            level = audio_level(packet, self.level_extension)
            if level >= 0:
                self.levels.observe(level & 127)
        if not layer.packets & 7:
            reception.arrival(timestamp, now_s, self.clock_hz)
        payload = packet[at:end]
        for down in self.downs:
            down.forward(layer, seq, timestamp, second & 0x80, payload)

    def add_layer(self, rid: str, ssrc: int) -> UpLayer:
        layer = self.layers[rid] = UpLayer(rid, ssrc)
        return layer

    def request_keyframe(self, layer: UpLayer | None = None, *, now: bool = False) -> None:
        """PLI to the publisher for *layer* or all, at most one per ``PLI_EVERY_S`` and SSRC unless *now*."""
        if self.kind == "audio" or self.peer is None:
            return
        at_s = time.monotonic()
        for target in [layer] if layer else list(self.layers.values()):
            if now or at_s - self._last_pli_s.get(target.ssrc, 0.0) >= PLI_EVERY_S:
                self._last_pli_s[target.ssrc] = at_s
                self.peer.send_rtcp(rtcp.pli(target.ssrc))

    def best_layer(self, limit: int, now_s: float) -> UpLayer | None:
        """The best live layer not above rank *limit*; the lowest live one when all are above."""
        live = [layer for layer in self.layers.values() if now_s - layer.reception.last_s < LAYER_DEAD_S]
        live.sort(key=lambda layer: RANK.get(layer.rid, 0))
        fitting = [layer for layer in live if RANK.get(layer.rid, 0) <= limit]
        return fitting[-1] if fitting else (live[0] if live else None)

    def sender_report(self, layer: UpLayer, info: rtcp.SenderInfo) -> None:
        layer.reception.sender_report(info.ntp, time.monotonic())
        for down in self.downs:
            down.sender_report(layer, info)

    def report(self, now_s: float, bitrate_bps: int) -> None:
        """Receiver reports to the publisher, and for video what it may send at most (REMB)."""
        peer = self.peer
        if peer is None:
            return
        for layer in self.layers.values():
            block = layer.reception.report(layer.ssrc, now_s)
            if block:
                peer.send_rtcp(block)
        if self.kind == "video" and self.layers:
            peer.send_rtcp(rtcp.remb(bitrate_bps, [layer.ssrc for layer in self.layers.values()]))


class DownTrack:
    """One subscriber's copy of a track. ``ready`` when its description names it and its transport is up."""

    __slots__ = (
        "_continuity", "_counters", "_cut", "_hist", "_last_out_s", "_resend_left", "_resend_second", "_ring", "_size",
        "_ts_offset", "allowed_rank", "current", "highest_in", "mid", "octets", "out_seq", "out_ts",
        "packets", "payload_type", "paused", "peer", "ready", "seq_offset", "ssrc", "subscriber_sid", "track",
        "waiting",
    )  # fmt: skip

    def __init__(self, track: UpTrack, peer: Peer, subscriber_sid: str, counters: Counters) -> None:
        self.track = track
        self.peer = peer
        self.subscriber_sid = subscriber_sid
        self.ssrc = secrets.randbits(31) | 1
        self.payload_type = 0
        self.mid = ""
        self.ready = False
        self.paused = False  # the subscriber has switched it off
        self.allowed_rank = 2
        self.current: UpLayer | None = None
        self.waiting: UpLayer | None = None  # to be entered at its next keyframe
        self.highest_in = 0
        self.seq_offset = 0
        self.out_seq = secrets.randbits(14)  # below 2^15, so that an early loss cannot confuse the roll-over counter
        self.out_ts = 0
        self.packets = self.octets = 0
        self._ts_offset = 0
        self._cut = -1
        self._hist: list[tuple[int, int]] = []
        self._last_out_s = 0.0
        self._size = RESEND_PACKETS[track.kind]
        self._ring: list[bytes | None] = [None] * self._size
        self._resend_left, self._resend_second = RESENDS_PER_S, 0
        self._continuity = Vp8Continuity() if track.codec.name == "vp8" and track.rids else None
        self._counters = counters

    def forward(self, layer: UpLayer, seq: int, timestamp: int, marker: int, payload: bytes) -> None:
        """Rewrite and send one packet of *layer*, or drop it when this subscriber is on another layer."""
        if layer is not self.current and not self._enter(layer, seq, timestamp, payload):
            return
        if not self.ready or self.paused:
            self.skip(layer, seq)
            return
        ahead = (seq - self.highest_in) & 0xFFFF
        if ahead < 0x8000:
            self.highest_in = seq
            out_seq = self.out_seq = (seq + self.seq_offset) & 0xFFFF
            out_ts = self.out_ts = (timestamp + self._ts_offset) & 0xFFFFFFFF
        else:
            out_seq = (seq + self._offset_then(seq)) & 0xFFFF
            out_ts = (timestamp + self._ts_offset) & 0xFFFFFFFF
        if self._continuity is not None:
            payload = self._continuity.apply(payload)
        packet = HEADER.pack(VERSION, marker | self.payload_type, out_seq, out_ts, self.ssrc) + payload
        self._ring[out_seq % self._size] = packet
        self.packets += 1
        self.octets += len(payload)
        self.peer.send_rtp(packet)

    def skip(self, layer: UpLayer, seq: int) -> None:
        """A packet of the current layer that is not forwarded: close the hole in the sequence numbers behind it."""
        if layer is not self.current or (seq - self.highest_in) & 0xFFFF >= 0x8000:
            return
        if seq != (self.highest_in + 1) & 0xFFFF or self._cut != self.highest_in:
            self._hist.append((seq, self.seq_offset))
            if len(self._hist) > MAX_HISTORY:
                del self._hist[0]
        self._cut = self.highest_in = seq
        self.seq_offset = (self.seq_offset - 1) & 0xFFFF

    def _offset_then(self, seq: int) -> int:
        """The offset that held when *seq*, which comes late, was due."""
        for cut, offset in self._hist:
            if (cut - seq) & 0xFFFF < 0x8000:
                return offset
        return self.seq_offset

    def _enter(self, layer: UpLayer, seq: int, timestamp: int, payload: bytes) -> bool:
        """Begin to forward *layer* with this packet, if it is the one wanted and (video) can be entered here."""
        track = self.track
        if not self.ready or self.paused:
            return False
        if self.current is not None and layer is not self.waiting:
            return False
        if self.current is None and len(track.layers) > 1 and RANK.get(layer.rid, 0) > self.allowed_rank:
            return False
        if track.kind == "video" and not starts_keyframe(track.codec.name, payload):
            track.request_keyframe(layer)
            return False
        now_s = time.monotonic()
        if self._continuity is not None and self.current is not None:
            self._continuity.switched(payload)
        if self.current is not None:
            step = (
                max(1, int((now_s - self._last_out_s) * track.clock_hz)) if self._last_out_s else track.clock_hz // 30
            )
            self._ts_offset = (self.out_ts + step - timestamp) & 0xFFFFFFFF
        self.current, self.waiting = layer, None
        self._hist.clear()
        self._cut = -1
        self.highest_in = (seq - 1) & 0xFFFF
        self.seq_offset = (self.out_seq + 1 - seq) & 0xFFFF
        return True

    def review(self, now_s: float) -> None:
        """Once a second (video): leave a layer that has died, move up or down to the best one allowed."""
        if self.track.kind == "audio" or not self.ready or self.paused:
            return
        self._last_out_s = now_s if self.current is not None else 0.0
        best = self.track.best_layer(self.allowed_rank, now_s)
        if best is None or best is self.current:
            self.waiting = None
        elif best is not self.waiting or self.current is None:
            self.waiting = best
            self.track.request_keyframe(best)

    def sender_report(self, layer: UpLayer, info: rtcp.SenderInfo) -> None:
        if layer is not self.current or not self.ready or not self.packets:
            return
        timestamp = info.timestamp + self._ts_offset
        self.peer.send_rtcp(
            rtcp.sender_report(self.ssrc, ntp=info.ntp, timestamp=timestamp, packets=self.packets, octets=self.octets)
        )

    def resend(self, seq: int, now_s: float) -> None:
        """Answer a NACK from the ring, within the budget of this second."""
        if int(now_s) != self._resend_second:
            self._resend_second, self._resend_left = int(now_s), RESENDS_PER_S
        packet = self._ring[seq % self._size]
        if packet is None or (packet[2] << 8) | packet[3] != seq or self._resend_left <= 0:
            self._counters["nack_missed"] += 1
            return
        self._resend_left -= 1
        self._counters["nack_answered"] += 1
        self.peer.send_rtp(packet)
