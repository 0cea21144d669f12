"""RTCP as bytes: reading compounds, writing what a forwarding server sends (RFC 3550 §6, RFC 4585, RFC 5104)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

SR: Final = 200
RR: Final = 201
RTPFB: Final = 205
PSFB: Final = 206
NACK: Final = 1  # RTPFB
PLI: Final = 1  # PSFB
FIR: Final = 4  # PSFB
REMB: Final = 15  # PSFB, application layer feedback
OUR_SSRC: Final = 1
MAX_LOST: Final = 128  # sequence numbers asked for in one NACK


class Part(NamedTuple):
    """One packet of a compound."""

    kind: int
    code: int  # report count, or the feedback message type
    body: bytes  # after the 4-byte header


class SenderInfo(NamedTuple):
    ssrc: int
    ntp: int  # 64 bit
    timestamp: int


def parts(data: bytes) -> Iterator[Part]:
    """The packets of a compound; reading stops quietly at the first that is broken."""
    at = 0
    while at + 8 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        yield Part(kind, first & 31, data[at + 4 : end])
        at = end


def sender_info(part: Part) -> SenderInfo | None:
    if len(part.body) < 24:
        return None
    ssrc, ntp, timestamp = struct.unpack_from("!LQL", part.body)
    return SenderInfo(ssrc, ntp, timestamp)


def reports(part: Part) -> Iterator[tuple[int, int]]:
    """(SSRC, fraction lost of 256) of each report block of an SR or RR."""
    at = 24 if part.kind == SR else 4
    for _ in range(part.code):
        if at + 24 > len(part.body):
            return
        yield int.from_bytes(part.body[at : at + 4], "big"), part.body[at + 4]
        at += 24


def nacked(part: Part) -> Iterator[int]:
    """Sequence numbers a generic NACK asks for (RFC 4585 §6.2.1)."""
    for at in range(8, len(part.body) - 3, 4):
        pid, mask = struct.unpack_from("!HH", part.body, at)
        yield pid
        while mask:
            bit = mask & -mask
            yield (pid + bit.bit_length()) & 0xFFFF
            mask ^= bit


def media_ssrc(part: Part) -> int:
    """The SSRC a feedback packet is about; for FIR the first of its entries (RFC 5104 §4.3.1)."""
    if part.kind == PSFB and part.code == FIR and len(part.body) >= 12:
        return int.from_bytes(part.body[8:12], "big")
    return int.from_bytes(part.body[4:8], "big")


def pli(ssrc: int) -> bytes:
    return struct.pack("!BBHLL", 0x80 | PLI, PSFB, 2, OUR_SSRC, ssrc)


def nack(ssrc: int, lost: Iterable[int]) -> bytes:
    """A generic NACK for *lost* (at most ``MAX_LOST``), packed into pairs of first number and bit mask."""
    pairs: list[list[int]] = []
    for number in list(lost)[:MAX_LOST]:
        distance = (number - pairs[-1][0]) & 0xFFFF if pairs else 0
        if pairs and 1 <= distance <= 16:
            pairs[-1][1] |= 1 << (distance - 1)
        else:
            pairs.append([number, 0])
    body = b"".join(struct.pack("!HH", pid, mask) for pid, mask in pairs)
    return struct.pack("!BBHLL", 0x80 | NACK, RTPFB, 2 + len(pairs), OUR_SSRC, ssrc) + body


def receiver_report(
    ssrc: int, *, fraction_lost: int, lost: int, highest: int, jitter: int, last_sr: int, delay: int
) -> bytes:
    """One report block (RFC 3550 §6.4.2); *delay* in 1/65536 s, *lost* clamped to its 24 bits."""
    lost = max(-0x800000, min(0x7FFFFF, lost)) & 0xFFFFFF
    block = struct.pack(
        "!LLLLLL", ssrc, (fraction_lost & 0xFF) << 24 | lost, highest & 0xFFFFFFFF, jitter & 0xFFFFFFFF, last_sr, delay
    )
    return struct.pack("!BBHL", 0x81, RR, 7, OUR_SSRC) + block


def sender_report(ssrc: int, *, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    return struct.pack(
        "!BBHLQLLL", 0x80, SR, 6, ssrc, ntp, timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )


def remb(bitrate_bps: int, ssrcs: list[int]) -> bytes:
    """Receiver estimated maximum bitrate: what a publisher without transport-wide feedback obeys exactly."""
    exponent = max(0, bitrate_bps.bit_length() - 18)
    mantissa = bitrate_bps >> exponent
    body = b"REMB" + struct.pack("!L", len(ssrcs) << 24 | exponent << 18 | mantissa)
    body += b"".join(struct.pack("!L", ssrc) for ssrc in ssrcs)
    return struct.pack("!BBHLL", 0x80 | REMB, PSFB, 2 + len(body) // 4, OUR_SSRC, 0) + body
