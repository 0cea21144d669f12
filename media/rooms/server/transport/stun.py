"""The part of STUN an ICE-lite server needs: binding requests in, binding successes out (RFC 8489, 8445 §7.3)."""

from __future__ import annotations

import hmac
import socket
import struct
import zlib
from dataclasses import dataclass

COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028
_FINGERPRINT_XOR = 0x5354554E
_HEADER = struct.Struct("!HHL12s")
_ATTRIBUTE = struct.Struct("!HH")

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BindingRequest:
    transaction: bytes
    local_ufrag: str  # ours: the part of USERNAME before the colon
    nominated: bool  # USE-CANDIDATE: the client has chosen this pair
    signed: bytes  # what MESSAGE-INTEGRITY covers, with the length field as it was when signed
    digest: bytes

    def signed_by(self, password: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(password, self.signed, "sha1"), self.digest)


def parse_binding_request(data: bytes) -> BindingRequest | None:
    """Read a binding request; None for anything that is not a well-formed one with USERNAME and MESSAGE-INTEGRITY."""
    if len(data) < 20 or len(data) % 4:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind != BINDING_REQUEST or cookie != COOKIE or length != len(data) - 20:
        return None
    at, ufrag, nominated = 20, "", False
    while at + 4 <= len(data):
        attribute, size = _ATTRIBUTE.unpack_from(data, at)
        value = data[at + 4 : at + 4 + size]
        if len(value) != size:
            return None
        if attribute == USERNAME:
            ufrag = value.partition(b":")[0].decode("ascii", "replace")
        elif attribute == USE_CANDIDATE:
            nominated = True
        elif attribute == MESSAGE_INTEGRITY:
            if size != 20 or not ufrag:
                return None
            signed = data[:2] + struct.pack("!H", at + 4) + data[4:at]  # RFC 8489 §14.5: length up to this attribute
            return BindingRequest(transaction, ufrag, nominated, signed, value)
        at += 4 + size + (-size % 4)
    return None


def binding_success(request: BindingRequest, address: Address, password: bytes) -> bytes:
    """The answer to *request* seen from *address*, signed with our *password*."""
    body = _xor_mapped(address, request.transaction)
    head = _HEADER.pack(BINDING_SUCCESS, len(body) + 24, COOKIE, request.transaction)
    digest = hmac.digest(password, head + body, "sha1")
    body += _ATTRIBUTE.pack(MESSAGE_INTEGRITY, 20) + digest
    packet = _HEADER.pack(BINDING_SUCCESS, len(body) + 8, COOKIE, request.transaction) + body
    return packet + _ATTRIBUTE.pack(FINGERPRINT, 4) + struct.pack("!L", zlib.crc32(packet) ^ _FINGERPRINT_XOR)


def _xor_mapped(address: Address, transaction: bytes) -> bytes:
    host, port = address[0], address[1]
    if ":" in host:
        key = struct.pack("!L", COOKIE) + transaction
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
        family, raw = 2, bytes(a ^ b for a, b in zip(packed, key, strict=True))
    else:
        (value,) = struct.unpack("!L", socket.inet_aton(host))
        family, raw = 1, struct.pack("!L", value ^ COOKIE)
    return (
        _ATTRIBUTE.pack(XOR_MAPPED_ADDRESS, 4 + len(raw)) + struct.pack("!BBH", 0, family, port ^ (COOKIE >> 16)) + raw
    )
