"""RTP headers as bytes (RFC 3550 §5.1, RFC 8285): no packet objects on the packet path."""

from __future__ import annotations

import struct
from typing import Final

HEADER: Final = struct.Struct("!BBHLL")  # V P X CC, M PT, sequence, timestamp, SSRC
MIN_BYTES: Final = 12
VERSION: Final = 0x80


def extensions(packet: bytes) -> dict[int, bytes]:
    """All header extensions of *packet* by id, one- and two-byte forms; empty when there are none, or broken ones."""
    found: dict[int, bytes] = {}
    if not packet[0] & 0x10:
        return found
    at = MIN_BYTES + 4 * (packet[0] & 15)
    if len(packet) < at + 4:
        return found
    profile = (packet[at] << 8) | packet[at + 1]
    end = at + 4 + 4 * ((packet[at + 2] << 8) | packet[at + 3])
    at += 4
    if end > len(packet):
        return found
    one_byte = profile == 0xBEDE
    if not one_byte and profile & 0xFFF0 != 0x1000:
        return found
    while at < end:
        first = packet[at]
        if first == 0:  # padding
            at += 1
            continue
        if one_byte:
            number, size, at = first >> 4, (first & 15) + 1, at + 1
            if number == 15:
                break
        else:
            if at + 1 >= end:
                break
            number, size, at = first, packet[at + 1], at + 2
        if at + size > end:
            break
        found[number] = packet[at : at + size]
        at += size
    return found


def audio_level(packet: bytes, number: int) -> int:
    """The level byte (RFC 6464: bit 7 voice, then −dBov) of extension *number*, or −1. One-byte form only."""
    at = MIN_BYTES + 4 * (packet[0] & 15)
    if len(packet) < at + 8 or packet[at] != 0xBE:
        return -1
    end = at + 4 + 4 * ((packet[at + 2] << 8) | packet[at + 3])
    at += 4
    while at + 1 < end:
        first = packet[at]
        if first >> 4 == number:
            return packet[at + 1]
        at += 1 if first == 0 else 2 + (first & 15)
    return -1
