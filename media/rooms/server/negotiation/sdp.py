"""Session descriptions of clients, read (RFC 8866, RFC 8829), and the lines every description of ours begins with."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from ..errors import BadSdp
from ..transport.dtls import Certificate
from ..transport.peer import Peer, RemoteTransport
from ..transport.sctp import MAX_MESSAGE_BYTES, SCTP_PORT

MAX_SDP_BYTES = 512 * 1024
MAX_SECTIONS = 512
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")  # RFC 8866 §9: what may stand in mid, rid, ufrag


@dataclass(slots=True)
class Codec:
    """One payload type of a section."""

    payload_type: int
    encoding: str = ""  # "opus/48000/2"
    parameters: str = ""  # a=fmtp

    @property
    def name(self) -> str:
        return self.encoding.partition("/")[0].lower()


@dataclass(slots=True)
class Section:
    """One m= section."""

    kind: str  # audio, video, application
    port: int = 9
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, Codec] = field(default_factory=dict)  # in the order of the m= line
    feedback: dict[str, list[str]] = field(default_factory=dict)  # payload type or "*" to rtcp-fb values
    extensions: dict[int, str] = field(default_factory=dict)  # header extension id to URI
    stream_id: str = ""  # a=msid, first word
    track_id: str = ""  # a=msid, second word
    ssrcs: list[int] = field(default_factory=list)  # in order of appearance
    retransmission: dict[int, int] = field(default_factory=dict)  # media SSRC to RTX SSRC (a=ssrc-group:FID)
    rids: list[str] = field(default_factory=list)  # those the client sends
    simulcast: str = ""  # the send part of a=simulcast
    ufrag: str = ""
    fingerprint: tuple[str, str] = ("", "")
    setup: str = ""
    sctp_port: int = SCTP_PORT
    max_message_bytes: int = 65536  # RFC 8841 §6.1: when the attribute is missing

    @property
    def sends(self) -> bool:
        return self.direction in ("sendrecv", "sendonly")

    @property
    def receives(self) -> bool:
        return self.direction in ("sendrecv", "recvonly")

    def takes_feedback(self, payload_type: int, value: str) -> bool:
        return value in self.feedback.get(str(payload_type), ()) or value in self.feedback.get("*", ())

    def rtx_for(self, payload_type: int) -> int | None:
        wanted = f"apt={payload_type}"
        return next((c.payload_type for c in self.codecs.values() if c.name == "rtx" and wanted in c.parameters), None)


def parse(text: str) -> list[Section]:
    """Read a client's description. Unknown lines are skipped, as RFC 8866 §5 wants.

    Raises:
        BadSdp: too big, a line whose value cannot be read, no section, or no transport.
    """
    if len(text) > MAX_SDP_BYTES:
        raise BadSdp("the description is too big")
    session, sections = Section("session"), list[Section]()
    current = session
    for line in text.splitlines():
        kind, value = line[:2], line[2:].strip()
        try:
            if kind == "m=":
                current = _media_line(value)
                sections.append(current)
            elif kind == "a=":
                _attribute(current, *value.partition(":")[::2])
        except (ValueError, IndexError, KeyError) as error:
            raise BadSdp(f"cannot read the line {line[:80]!r}") from error
    if not sections or len(sections) > MAX_SECTIONS:
        raise BadSdp("no media section, or too many")
    for section in sections:
        section.ufrag = section.ufrag or session.ufrag
        section.setup = section.setup or session.setup
        if not section.fingerprint[1]:
            section.fingerprint = session.fingerprint
        if not _TOKEN.fullmatch(section.mid):
            raise BadSdp("a section has no usable mid")
    if len({section.mid for section in sections}) != len(sections):
        raise BadSdp("two sections share a mid")
    return sections


def remote_transport(sections: list[Section]) -> RemoteTransport:
    """The transport all sections share (BUNDLE, RFC 9143): that of the first one in use.

    Raises:
        BadSdp: no ICE credentials or no fingerprint.
    """
    first = next((s for s in sections if s.port != 0), sections[0])
    if not first.ufrag or not first.fingerprint[1]:
        raise BadSdp("the description has no ICE credentials or no fingerprint")
    channels = next((s for s in sections if s.kind == "application" and s.port != 0), None)
    return RemoteTransport(
        ufrag=first.ufrag,
        fingerprint=first.fingerprint,
        setup=first.setup or "actpass",
        sctp_port=channels.sctp_port if channels else None,
        max_message_bytes=channels.max_message_bytes if channels else 0,
    )


def _media_line(value: str) -> Section:
    words = value.split()
    section = Section(words[0], port=int(words[1]))
    if words[0] in ("audio", "video"):
        section.codecs = {int(word): Codec(int(word)) for word in words[3:]}
    return section


def _attribute(section: Section, name: str, value: str) -> None:
    if name in DIRECTIONS:
        section.direction = name
    elif name == "mid":
        section.mid = value
    elif name in ("rtpmap", "fmtp"):
        number, _, rest = value.partition(" ")
        codec = section.codecs.get(int(number))
        if codec is not None:
            setattr(codec, "encoding" if name == "rtpmap" else "parameters", rest.strip())
    elif name == "rtcp-fb":
        number, _, rest = value.partition(" ")
        section.feedback.setdefault(number, []).append(rest.strip())
    elif name == "extmap":
        words = value.split()
        section.extensions[int(words[0].partition("/")[0])] = words[1]
    elif name == "msid":
        words = value.split()
        section.stream_id, section.track_id = words[0], words[1] if len(words) > 1 else ""
    elif name == "ssrc":
        ssrc = int(value.partition(" ")[0])
        if ssrc not in section.ssrcs:
            section.ssrcs.append(ssrc)
    elif name == "ssrc-group":
        words = value.split()
        if words[0] == "FID":
            section.retransmission[int(words[1])] = int(words[2])
    elif name == "rid":
        rid, _, direction = value.partition(" ")
        if direction.startswith("send") and _TOKEN.fullmatch(rid):
            section.rids.append(rid)
    elif name == "simulcast":
        found = re.search(r"\bsend\s+(\S+)", value)
        section.simulcast = found[1] if found else ""
    elif name == "ice-ufrag":
        section.ufrag = value
    elif name == "fingerprint":
        algorithm, _, digest = value.partition(" ")
        section.fingerprint = algorithm, digest.strip()
    elif name == "setup":
        section.setup = value
    elif name == "sctp-port":
        section.sctp_port = int(value)
    elif name == "max-message-size":
        section.max_message_bytes = int(value)


class DescriptionWriter:
    """Writes one of our descriptions: session head, then sections that all carry the one transport of *peer*."""

    def __init__(self, peer: Peer, setup: str, *, session_id: int, version: int, mids: list[str]) -> None:
        self._transport = _transport_lines(peer, peer.certificate, setup)
        self._candidates = [f"a=candidate:{candidate}" for candidate in peer.candidates()] + ["a=end-of-candidates"]
        self._first = True
        self._lines = [
            "v=0",
            f"o=- {session_id} {version} IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=ice-lite",
            "a=group:BUNDLE " + " ".join(mids),
            "a=extmap-allow-mixed",
            "a=msid-semantic: WMS *",
        ]

    def media(self, kind: str, mid: str, payload_types: list[int], lines: list[str]) -> None:
        self._begin(f"m={kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, payload_types)), mid)
        self._lines += ["a=rtcp-mux", "a=rtcp-rsize", *lines]

    def rejected(self, kind: str, mid: str, payload_types: list[int]) -> None:
        """A section we cannot serve (RFC 8829 §5.3.1: port zero)."""
        numbers = " ".join(map(str, payload_types)) or "0"
        self._lines += [f"m={kind} 0 UDP/TLS/RTP/SAVPF {numbers}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", "a=inactive"]

    def channels(self, mid: str) -> None:
        self._begin("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", mid)
        self._lines += [f"a=sctp-port:{SCTP_PORT}", f"a=max-message-size:{MAX_MESSAGE_BYTES}"]

    def text(self) -> str:
        return "\r\n".join(self._lines) + "\r\n"

    def _begin(self, line: str, mid: str) -> None:
        self._lines += [line, "c=IN IP4 0.0.0.0", f"a=mid:{mid}", *self._transport]
        if self._first:  # libwebrtc takes candidates from the BUNDLE-tagged section only, which is the first
            self._lines += self._candidates
            self._first = False


def _transport_lines(peer: Peer, certificate: Certificate, setup: str) -> list[str]:
    return [
        f"a=ice-ufrag:{peer.ice.ufrag}",
        f"a=ice-pwd:{peer.ice.pwd}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {certificate.fingerprint}",
        f"a=setup:{setup}",
    ]


def new_session_id() -> int:
    return secrets.randbits(62)
