"""RTP, RTCP, reception statistics, keyframes and levels: bytes in, decisions out."""

from __future__ import annotations

import random
import struct

import pytest
from aiortc.rtp import (
    RtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    unpack_remb_fci,
)

from media.rooms.server import rtcp
from media.rooms.server.keyframes import Vp8Continuity, starts_keyframe
from media.rooms.server.reception import DUPLICATE, MAX_GAP, NACK_TRIES, Reception
from media.rooms.server.rtp import audio_level, extensions
from media.rooms.server.speakers import LevelWindow

from .kit import rtp


def test_what_we_write_is_read_by_another_implementation() -> None:
    (sr,) = RtcpPacket.parse(rtcp.sender_report(9, ntp=1 << 40, timestamp=5, packets=6, octets=7))
    assert isinstance(sr, RtcpSrPacket)
    assert (sr.ssrc, sr.sender_info.ntp_timestamp, sr.sender_info.rtp_timestamp) == (9, 1 << 40, 5)
    assert (sr.sender_info.packet_count, sr.sender_info.octet_count) == (6, 7)
    raw = rtcp.receiver_report(9, fraction_lost=3, lost=-2, highest=70_000, jitter=4, last_sr=5, delay=6)
    (rr,) = RtcpPacket.parse(raw)
    assert isinstance(rr, RtcpRrPacket)
    report = rr.reports[0]
    assert (report.ssrc, report.fraction_lost, report.packets_lost, report.highest_sequence) == (9, 3, -2, 70_000)
    assert (report.jitter, report.lsr, report.dlsr) == (4, 5, 6)
    (pli,) = RtcpPacket.parse(rtcp.pli(9))
    assert isinstance(pli, RtcpPsfbPacket)
    assert (pli.fmt, pli.media_ssrc) == (1, 9)
    lost = [10, 11, 26, 27, 65535, 0, 1]
    (nack,) = RtcpPacket.parse(rtcp.nack(9, lost))
    assert isinstance(nack, RtcpRtpfbPacket)
    assert (nack.media_ssrc, [seq & 0xFFFF for seq in nack.lost]) == (9, lost)
    (remb,) = RtcpPacket.parse(rtcp.remb(6_000_000, [3, 4]))
    assert isinstance(remb, RtcpPsfbPacket)
    rate, ssrcs = unpack_remb_fci(remb.fci)
    assert rate == pytest.approx(6_000_000, rel=0.001)
    assert ssrcs == [3, 4]


def test_a_foreign_compound_is_read() -> None:
    info = RtcpSenderInfo(ntp_timestamp=77 << 32, rtp_timestamp=88, packet_count=1, octet_count=2)
    report = RtcpReceiverInfo(ssrc=5, fraction_lost=64, packets_lost=3, highest_sequence=4, jitter=0, lsr=0, dlsr=0)
    raw = bytes(RtcpSrPacket(ssrc=9, sender_info=info, reports=[report]))
    raw += bytes(RtcpRtpfbPacket(fmt=rtcp.NACK, ssrc=1, media_ssrc=5, lost=[7, 8, 23, 24]))
    raw += bytes(RtcpPsfbPacket(fmt=rtcp.FIR, ssrc=1, media_ssrc=0, fci=struct.pack("!LL", 6, 1 << 24)))
    sr, nack, fir = rtcp.parts(raw)
    assert rtcp.sender_info(sr) == (9, 77 << 32, 88)
    assert list(rtcp.reports(sr)) == [(5, 64)]
    assert (rtcp.media_ssrc(nack), list(rtcp.nacked(nack))) == (5, [7, 8, 23, 24])
    assert (fir.kind, fir.code, rtcp.media_ssrc(fir)) == (rtcp.PSFB, rtcp.FIR, 6)


def test_truncated_and_random_rtcp_is_read_as_far_as_it_goes() -> None:
    raw = rtcp.sender_report(9, ntp=1, timestamp=5, packets=6, octets=7) + rtcp.nack(9, range(40))
    dice = random.Random(5)
    samples = [raw[:size] for size in range(len(raw))] + [dice.randbytes(dice.randrange(80)) for _ in range(2000)]
    for sample in samples:
        for part in rtcp.parts(sample):
            rtcp.sender_info(part)
            list(rtcp.reports(part))
            list(rtcp.nacked(part))
            if len(part.body) >= 8:
                rtcp.media_ssrc(part)


def test_header_extensions_of_both_forms() -> None:
    packet = rtp(1, extensions={1: b"\x9e", 4: b"1", 10: b"abc"})
    assert extensions(packet) == {1: b"\x9e", 4: b"1", 10: b"abc"}
    assert (audio_level(packet, 1), audio_level(packet, 4), audio_level(packet, 2)) == (0x9E, ord("1"), -1)
    two = packet[:12] + struct.pack("!HH", 0x1000, 2) + b"\x04\x02ab\x00\x11\x00\x00" + b"payload"
    assert extensions(two) == {4: b"ab", 17: b""}
    assert extensions(rtp(1)) == {}
    assert audio_level(rtp(1), 1) == -1
    for size in range(12, len(packet)):
        extensions(packet[:size])
        audio_level(packet[:size] if size > 12 else packet[:12], 1)


def take(reception: Reception, *seqs: int) -> list[int]:
    return [reception.take(seq & 0xFFFF, 0.0) for seq in seqs]


def test_gaps_duplicates_and_late_packets_are_told_apart() -> None:
    reception = Reception()
    assert take(reception, 65534, 65535, 0, 1, 1, 4, 3, 3, 65534) == [0, 0, 0, 0, DUPLICATE, 2, 0, DUPLICATE, DUPLICATE]
    assert list(reception.missing) == [2]
    assert take(reception, 5 + MAX_GAP * 2) == [0], "a jump is a new start, nothing to repair"
    assert not reception.missing


def test_each_missing_packet_is_asked_for_a_few_times_only() -> None:
    reception = Reception()
    take(reception, 10, 13)
    asked = [reception.to_nack(n / 10) for n in range(NACK_TRIES + 2)]
    assert asked == [[11, 12]] * NACK_TRIES + [[], []]
    take(reception, 20)
    take(reception, 16)
    assert reception.to_nack(1.0) == [14, 15, 17, 18, 19]


def test_receiver_reports_count_loss_of_their_interval() -> None:
    reception = Reception()
    take(reception, *(seq for seq in range(65500, 65600) if seq % 4))
    reception.sender_report(0x1234_5678_9ABC_DEF0, 10.0)
    raw = reception.report(9, 10.5)
    assert raw is not None
    (rr,) = RtcpPacket.parse(raw)
    assert isinstance(rr, RtcpRrPacket)
    report = rr.reports[0]
    assert report.highest_sequence == 65599
    assert report.fraction_lost == pytest.approx(64, abs=3)
    assert report.packets_lost == pytest.approx(25, abs=1)
    assert (report.lsr, report.dlsr) == (0x5678_9ABC, 32768)
    take(reception, *range(65600, 65700))
    reception.report(9, 11.5)
    assert reception.fraction_lost == 0
    assert Reception().report(9, 0.0) is None


def vp8(picture: int, tl0: int, *, key: bool = False, start: bool = True) -> bytes:
    head = bytes([0x80 | (0x10 if start else 0), 0xC0]) + struct.pack("!H", 0x8000 | picture) + bytes([tl0])
    return head + bytes([0 if key else 1]) + b"data"


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("vp8", vp8(1, 1, key=True), True),
        ("vp8", vp8(1, 1, key=True, start=False), False),
        ("vp8", vp8(1, 1), False),
        ("vp8", b"\x10\x00", True),
        ("vp8", b"\x10\x01", False),
        ("vp8", b"\x90", False),
        ("h264", b"\x67rest", True),
        ("h264", b"\x61rest", False),
        ("h264", b"\x78\x00\x05\x67", True),
        ("h264", b"\x7c\x85", True),
        ("h264", b"\x7c\x05", False),
        ("vp9", b"\x08", True),
        ("vp9", b"\x48", False),
        ("av1", b"anything", True),
        ("vp8", b"", False),
    ],
)
def test_where_a_stream_can_be_entered(codec: str, payload: bytes, expected: bool) -> None:
    assert starts_keyframe(codec, payload) is expected


def test_vp8_picture_ids_go_on_over_a_switch() -> None:
    continuity = Vp8Continuity()
    sent = [continuity.apply(vp8(n, n & 0xFF)) for n in (100, 101, 102)]
    assert sent == [vp8(n, n) for n in (100, 101, 102)], "untouched before the first switch"
    continuity.switched(vp8(32_000, 7))
    assert continuity.apply(vp8(32_000, 7)) == vp8(103, 103)
    assert continuity.apply(vp8(32_001, 8)) == vp8(104, 104)
    assert continuity.apply(vp8(31_999, 7)) == vp8(102, 103), "a late one keeps its distance"
    assert continuity.apply(b"\x10\x00x") == b"\x10\x00x"


def test_a_level_is_told_only_while_most_of_the_window_is_speech() -> None:
    window = LevelWindow()
    for _ in range(20):
        window.observe(10)
    first = window.close(0.4)
    for _ in range(20):
        window.observe(10)
    assert 0 < first < window.close(0.4) < 10 ** (-10 / 20)
    for _ in range(3):
        window.observe(10)  # 60 ms of 400
    for _ in range(17):
        window.observe(90)
    window.close(0.4)
    for _ in range(8):
        level = window.close(0.4)
    assert level == 0.0
