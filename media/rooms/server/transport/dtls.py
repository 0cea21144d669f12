"""DTLS-SRTP by OpenSSL on memory buffers (RFC 5764, RFC 8842): synchronous, one object per peer, no task.

The caller hands in datagrams (``receive``) and gets SRTP keys, decrypted SCTP packets and outgoing datagrams by
callback. A lost flight is repeated by a timer that lives only during the handshake.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
from collections.abc import Callable
from typing import Final

import pylibsrtp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

HANDSHAKE_TIMEOUT_S = 20.0
DATAGRAM_BYTES = 1200  # IPv6 minimum MTU less headers
MAX_EARLY = 8  # datagrams kept until the client's fingerprint is known
_DIGESTS: Final = {"sha-256": hashes.SHA256(), "sha-384": hashes.SHA384(), "sha-512": hashes.SHA512()}
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA"
# OpenSSL's name, libsrtp's number, key and salt bytes (RFC 7714 §12, RFC 5764 §4.1.2); the cheapest first
_PROFILES: Final = (
    (b"SRTP_AEAD_AES_128_GCM", pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    (b"SRTP_AES128_CM_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)
_REPLAY_WINDOW = 1024

log = logging.getLogger(__name__)


def _available() -> list[tuple[bytes, int, int, int]]:
    usable = []
    for profile in _PROFILES:
        try:
            pylibsrtp.Policy(srtp_profile=profile[1])
        except pylibsrtp.Error:  # this libsrtp was built without it
            continue
        usable.append(profile)
    return usable


class Certificate:
    """The self-signed identity of this process, and the TLS context that every peer shares."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, os.urandom(8).hex())])
        now = datetime.datetime.now(tz=datetime.UTC)
        self._cert = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .sign(self._key, hashes.SHA256())
        )
        self.fingerprint = digest_of(self._cert, "sha-256")
        self.profiles = _available()
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        # Any certificate will do here: it is compared with the fingerprint of the signalled description afterwards.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self._cert)
        context.use_privatekey(self._key)
        context.set_cipher_list(_CIPHERS)
        context.set_tlsext_use_srtp(b":".join(profile[0] for profile in self.profiles))
        self.context = context


def digest_of(certificate: x509.Certificate, algorithm: str) -> str:
    """The fingerprint as SDP writes it (RFC 8122 §5).

    Raises:
        KeyError: a hash function we do not take (anything weaker than SHA-256).
    """
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


class Dtls:
    """One DTLS association. ``rx`` and ``tx`` are the SRTP sessions once it is connected."""

    def __init__(
        self,
        certificate: Certificate,
        *,
        send: Callable[[bytes], None],
        on_connected: Callable[[], None],
        on_data: Callable[[bytes], None],
        on_closed: Callable[[str], None],
    ) -> None:
        self._certificate = certificate
        self._send = send
        self._on_connected = on_connected
        self._on_data = on_data
        self._on_closed = on_closed
        self._fingerprint: tuple[str, str] = ("", "")
        self._ssl: SSL.Connection | None = None
        self._early: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._deadline_s = 0.0
        self.is_server = True
        self.state = "new"  # connecting, connected, closed, failed
        self.rx: pylibsrtp.Session | None = None
        self.tx: pylibsrtp.Session | None = None

    def start(self, fingerprint: tuple[str, str], *, is_server: bool) -> None:
        """Begin the handshake with the peer whose certificate has *fingerprint* (algorithm, value)."""
        if self.state != "new":
            return
        self._fingerprint = fingerprint
        self.is_server = is_server
        self._ssl = SSL.Connection(self._certificate.context)
        self._ssl.set_ciphertext_mtu(DATAGRAM_BYTES)
        if is_server:
            self._ssl.set_accept_state()
        else:
            self._ssl.set_connect_state()
        self.state = "connecting"
        self._deadline_s = self._loop.time() + HANDSHAKE_TIMEOUT_S
        self._timer = self._loop.call_later(HANDSHAKE_TIMEOUT_S, self._tick)
        early, self._early = self._early, []
        if not is_server:
            self._handshake()
        for datagram in early:
            self.receive(datagram)

    def receive(self, datagram: bytes) -> None:
        """Take one DTLS datagram. Garbage is ignored, as RFC 6347 §4.1.2.7 wants."""
        if self._ssl is None:
            if self.state == "new" and len(self._early) < MAX_EARLY:
                self._early.append(datagram)
            return
        if self.state == "connecting":
            self._ssl.bio_write(datagram)
            self._handshake()
        if self.state == "connected":
            self._read(datagram)

    def send_data(self, data: bytes) -> None:
        """Encrypt and send one SCTP packet; nothing happens when the association is not up."""
        if self.state != "connected" or self._ssl is None:
            return
        try:
            self._ssl.send(data)
        except SSL.Error:
            self._end("failed", "send")
            return
        self._flush()

    def close(self) -> None:
        """Say goodbye (close_notify) and stop; no callback follows."""
        if self.state in ("connecting", "connected") and self._ssl is not None:
            try:
                self._ssl.shutdown()
                self._flush()
            except SSL.Error:
                pass  # not far enough for a goodbye
        self._cancel_timer()
        self.state, self._ssl, self.rx, self.tx = "closed", None, None, None

    def _handshake(self) -> None:
        assert self._ssl is not None
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            self._arm()
            return
        except SSL.Error:
            self._flush()  # the alert
            self._end("failed", "handshake")
            return
        self._flush()
        self._cancel_timer()
        if not self._peer_is_who_it_said() or not self._take_keys():
            self._end("failed", "fingerprint")
            return
        self.state = "connected"
        self._on_connected()
        self._read(b"")  # application data may have come in the same flight

    def _read(self, datagram: bytes) -> None:
        connection = self._ssl
        if connection is None:
            return
        if datagram:
            connection.bio_write(datagram)
        while self.state == "connected":
            try:
                data = connection.recv(2048)
            except SSL.WantReadError:
                break
            except SSL.ZeroReturnError:
                self._end("closed", "close_notify")
                return
            except SSL.Error:
                self._end("failed", "read")
                return
            self._on_data(data)
        self._flush()

    def _flush(self) -> None:
        """Send what OpenSSL wrote. The buffer has no datagram borders, so they are drawn again between records."""
        connection, pending = self._ssl, b""
        if connection is None:
            return
        while True:
            try:
                pending += connection.bio_read(65536)
            except SSL.Error:
                break
        start = at = 0
        while at + 13 <= len(pending):  # record header: type, version, epoch, sequence, length (RFC 6347 §4.1)
            after = at + 13 + int.from_bytes(pending[at + 11 : at + 13], "big")
            if after - start > DATAGRAM_BYTES and at > start:
                self._send(pending[start:at])
                start = at
            at = after
        if start < len(pending):
            self._send(pending[start:])

    def _peer_is_who_it_said(self) -> bool:
        assert self._ssl is not None
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        algorithm, value = self._fingerprint
        try:
            return certificate is not None and digest_of(certificate, algorithm.lower()) == value.upper()
        except KeyError:
            return False

    def _take_keys(self) -> bool:
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        found = next((profile for profile in self._certificate.profiles if profile[0] == chosen), None)
        if found is None:
            return False
        _, profile, key_bytes, salt_bytes = found
        block = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key_bytes + salt_bytes))
        keys = block[:key_bytes], block[key_bytes : 2 * key_bytes]
        salts = block[2 * key_bytes : 2 * key_bytes + salt_bytes], block[2 * key_bytes + salt_bytes :]
        client, server = keys[0] + salts[0], keys[1] + salts[1]
        ours, theirs = (server, client) if self.is_server else (client, server)
        self.rx = _session(theirs, profile, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.tx = _session(ours, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        return True

    def _arm(self) -> None:
        assert self._ssl is not None
        self._cancel_timer()
        wait_s = self._ssl.DTLSv1_get_timeout()
        left_s = self._deadline_s - self._loop.time()
        self._timer = self._loop.call_later(max(0.0, left_s if wait_s is None else min(wait_s, left_s)), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.state != "connecting" or self._ssl is None:
            return
        if self._loop.time() >= self._deadline_s - 0.001:
            self._end("failed", "handshake_timeout")
            return
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error:
            self._end("failed", "handshake")
            return
        self._flush()
        self._arm()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, state: str, reason: str) -> None:
        self._cancel_timer()
        self.state, self._ssl, self.rx, self.tx = state, None, None, None
        self._on_closed(reason)


def _session(key: bytes, profile: int, direction: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    policy.allow_repeat_tx = True  # a resent packet is the same packet
    policy.window_size = _REPLAY_WINDOW
    return pylibsrtp.Session(policy)
