"""Tracks: what a subscriber sees of a publisher's packets, whatever the network and the publisher do."""

from __future__ import annotations

from typing import Any

import pytest
from aiortc.rtp import RtcpPacket, RtcpRtpfbPacket, RtcpSrPacket
from livekit.protocol import models

from media.rooms.server import rtcp
from media.rooms.server.counters import Counters
from media.rooms.server.forwarding import RESENDS_PER_S, DownTrack, UpTrack
from media.rooms.server.negotiation.sdp import Codec
from media.rooms.server.router import Router

from .kit import Wire, rtp
from .test_packets import vp8


class Stage:
    """A track from one publisher to one subscriber."""

    def __init__(self, kind: str = "audio", rids: tuple[str, ...] = ()) -> None:
        self.counters = Counters()
        self.up_wire, self.down_wire = Wire(), Wire()
        video = kind == "video"
        info = models.TrackInfo(sid="TR_1", type=models.TrackType.VIDEO if video else models.TrackType.AUDIO)
        self.track = UpTrack(info, "cid", "PA_1", "", self.counters)
        self.track.codec = Codec(96, "VP8/90000") if video else Codec(111, "opus/48000/2")
        self.track.rtx_payload_type = 97
        self.track.rids = list(rids)
        self.track.peer = self.up_wire  # type: ignore[assignment]
        self.track.nacks = True
        self.layers = {rid: self.track.add_layer(rid, 7 + n) for n, rid in enumerate(rids or ("",))}
        self.down = self.subscriber()

    def subscriber(self) -> DownTrack:
        down = DownTrack(self.track, self.down_wire, "PA_2", self.counters)  # type: ignore[arg-type]
        down.payload_type = 120
        down.ready = True
        self.track.downs = (*self.track.downs, down)
        return down

    def send(self, *seqs: int, rid: str = "", **packet: Any) -> None:
        packet.setdefault("payload_type", self.track.codec.payload_type)
        for seq in seqs:
            self.track.receive(self.layers[rid], rtp(seq, **packet))

    def steps(self) -> list[int]:
        """Sequence numbers sent, from the first."""
        return [(seq - self.down_wire.seqs[0]) & 0xFFFF for seq in self.down_wire.seqs]


def test_the_header_is_rewritten_and_the_payload_is_not() -> None:
    stage = Stage()
    stage.send(65535, 0, payload=b"opus frame", marker=True, extensions={1: b"\x20"})
    first, second = stage.down_wire.rtp
    assert (first[0], first[1]) == (0x80, 0x80 | 120)
    assert int.from_bytes(first[8:12], "big") == stage.down.ssrc != 7
    assert stage.steps() == [0, 1]
    assert stage.down_wire.payloads == [b"opus frame"] * 2
    assert stage.down_wire.timestamps[0] == 65535 * 960
    assert (first[2] << 8 | first[3]) < 0x8000
    assert second != first


def test_loss_and_order_are_left_as_they_came() -> None:
    stage = Stage()
    stage.send(10, 12, 11, 15)
    assert stage.steps() == [0, 2, 1, 5]


def test_duplicates_go_no_further() -> None:
    stage = Stage()
    stage.send(10, 11, 11, 10, 12)
    assert stage.steps() == [0, 1, 2]
    assert stage.counters["rtp_duplicates"] == 2


def test_padding_is_cut_out_and_the_hole_closed() -> None:
    """Padding-only packets on the media SSRC (the Rust SDK probes so): singly, in a row, with late packets around."""
    stage = Stage()
    stage.send(10, 11)
    stage.send(12, 13, payload=b"", padding=200)
    stage.send(14)
    stage.send(15, payload=b"", padding=1)
    stage.send(17, 16, 18)
    assert stage.steps() == [0, 1, 2, 4, 3, 5]
    stage = Stage()
    stage.send(10, 12)  # 11 is late
    stage.send(13, payload=b"", padding=9)
    stage.send(11, 14)
    assert stage.steps() == [0, 2, 1, 3]


def test_padding_behind_a_payload_is_taken_off() -> None:
    stage = Stage()
    stage.send(10, payload=b"opus", padding=7)
    assert stage.down_wire.payloads == [b"opus"]
    assert not stage.down_wire.rtp[0][0] & 0x20


def test_a_muted_track_sends_nothing_and_goes_on_without_a_gap() -> None:
    stage = Stage()
    stage.send(10, 11)
    stage.track.info.muted = True
    stage.send(*range(12, 5000))
    stage.track.info.muted = False
    stage.send(5000, 5001)
    assert stage.steps() == [0, 1, 2, 3]
    assert stage.down_wire.timestamps[2] == 5000 * 960


@pytest.mark.parametrize("cut", range(13))
def test_packets_cut_short_are_dropped_or_forwarded_but_never_break_anything(cut: int) -> None:
    stage = Stage()
    stage.send(10)
    packet = rtp(11, payload=b"", extensions={1: b"\x20", 2: b"abc"}, padding=3)
    stage.track.receive(stage.layers[""], packet[: 12 + cut])
    odd = bytearray(rtp(12, padding=4))
    odd[-1] = 255  # more padding than packet
    stage.track.receive(stage.layers[""], bytes(odd))
    assert len(stage.down_wire.rtp) <= 2
    stage.send(13)
    assert stage.down_wire.payloads[-1] == b"opus"


def test_what_is_missing_is_asked_for_and_what_comes_back_is_forwarded_in_its_place() -> None:
    stage = Stage("video")
    stage.send(10, payload=vp8(1, 1, key=True))
    stage.send(13, payload=vp8(2, 2))
    (nack,) = RtcpPacket.parse(stage.up_wire.rtcp[-1])
    assert isinstance(nack, RtcpRtpfbPacket)
    assert (nack.media_ssrc, nack.lost) == (7, [11, 12])
    stage.send(900, payload=b"\x00\x0b" + vp8(1, 1), payload_type=97)  # RTX: the original number leads
    stage.send(901, payload=b"\x00\x0b" + vp8(1, 1), payload_type=97)
    assert stage.steps() == [0, 3, 1]
    assert stage.down_wire.payloads[-1] == vp8(1, 1)
    stage.send(902, payload=b"", padding=200, payload_type=97)
    assert stage.steps() == [0, 3, 1]


def test_a_subscribers_nack_is_answered_from_the_ring_within_a_budget() -> None:
    stage = Stage("video")
    stage.send(10, payload=vp8(1, 1, key=True))
    stage.send(*range(11, 40), payload=vp8(2, 2))
    router = Router(stage.counters)
    router.downs[stage.down.ssrc] = stage.down
    wanted = stage.down_wire.seqs[5:7]
    before = list(stage.down_wire.rtp)
    router.control(rtcp.nack(stage.down.ssrc, wanted))
    assert stage.down_wire.rtp[len(before) :] == before[5:7]
    router.control(rtcp.nack(stage.down.ssrc, [(wanted[0] + 5000) & 0xFFFF]))
    assert stage.counters["nack_missed"] == 1
    for _ in range(RESENDS_PER_S):
        stage.down.resend(wanted[0], 5.0)
        stage.down.resend(wanted[0], 5.5)
    assert stage.counters["nack_answered"] == 2 + RESENDS_PER_S


def test_video_begins_at_a_keyframe_and_asks_for_one() -> None:
    stage = Stage("video")
    stage.send(10, 11, payload=vp8(1, 1))
    assert stage.down_wire.rtp == []
    assert stage.up_wire.rtcp[-1] == rtcp.pli(7)
    assert len(stage.up_wire.rtcp) == 1, "not again within half a second"
    stage.send(12, payload=vp8(2, 2, key=True))
    stage.send(13, payload=vp8(3, 3))
    assert stage.steps() == [0, 1]


def test_the_best_layer_is_forwarded_and_a_wish_moves_at_a_keyframe() -> None:
    """Simulcast: one SSRC downstream, sequence, time and picture ids unbroken over the switch."""
    stage = Stage("video", ("q", "h", "f"))
    stage.send(100, rid="q", payload=vp8(10, 10, key=True), timestamp=1000)
    stage.send(500, rid="f", payload=vp8(700, 70, key=True), timestamp=900_000)
    stage.send(101, rid="q", payload=vp8(11, 11), timestamp=4000)
    assert stage.down.current is stage.layers["q"], "the first keyframe of all is taken"
    now_s = stage.layers["f"].reception.last_s
    stage.down.review(now_s)
    assert stage.down.waiting is stage.layers["f"]
    assert rtcp.pli(9) in stage.up_wire.rtcp
    stage.send(501, rid="f", payload=vp8(701, 71), timestamp=903_000)
    stage.send(102, rid="q", payload=vp8(12, 12), timestamp=7000)
    stage.send(502, rid="f", payload=vp8(702, 72, key=True), timestamp=906_000)
    stage.send(503, rid="f", payload=vp8(703, 73), timestamp=909_000)
    stage.send(103, rid="q", payload=vp8(13, 13), timestamp=10_000)
    assert stage.steps() == [0, 1, 2, 3, 4]
    assert stage.down_wire.payloads[-2:] == [vp8(13, 13, key=True), vp8(14, 14)]
    times = stage.down_wire.timestamps
    assert times == sorted(times)
    assert times[4] - times[3] == 3000
    stage.down.allowed_rank = 0
    stage.down.review(now_s)
    assert stage.down.waiting is stage.layers["q"]


def test_a_layer_that_dies_is_left() -> None:
    stage = Stage("video", ("q", "f"))
    stage.send(100, rid="f", payload=vp8(1, 1, key=True))
    stage.send(10, rid="q", payload=vp8(1, 1, key=True))
    now_s = stage.layers["q"].reception.last_s
    stage.layers["f"].reception.last_s = now_s - 5
    stage.down.review(now_s)
    assert stage.down.waiting is stage.layers["q"]
    stage.send(11, rid="q", payload=vp8(2, 2, key=True))
    assert stage.down.current is stage.layers["q"]


def test_sender_reports_are_passed_on_with_the_subscribers_time() -> None:
    stage = Stage()
    stage.send(10)
    router = Router(stage.counters)
    router.by_ssrc[7] = stage.track, stage.layers[""]
    router.control(rtcp.sender_report(7, ntp=1 << 40, timestamp=9600, packets=99, octets=99))
    (sr,) = RtcpPacket.parse(stage.down_wire.rtcp[-1])
    assert isinstance(sr, RtcpSrPacket)
    assert (sr.ssrc, sr.sender_info.ntp_timestamp, sr.sender_info.rtp_timestamp) == (stage.down.ssrc, 1 << 40, 9600)
    assert (sr.sender_info.packet_count, sr.sender_info.octet_count) == (1, 4)


def test_a_paused_subscriber_gets_nothing_and_the_others_do() -> None:
    stage = Stage()
    stage.down.paused = True
    other = stage.subscriber()
    stage.send(10, 11, 12)
    assert {int.from_bytes(p[8:12], "big") for p in stage.down_wire.rtp} == {other.ssrc}
