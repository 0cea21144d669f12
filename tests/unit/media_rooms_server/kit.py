"""Parts for the rooms server's unit tests: a house on a real socket, clients that only note what they are told."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from livekit.protocol import models, rtc

from media.rooms.server.access import Grants, Permission, TokenVerifier
from media.rooms.server.counters import Counters
from media.rooms.server.negotiation import sdp
from media.rooms.server.participant import Participant
from media.rooms.server.registry import Registry
from media.rooms.server.room import Room
from media.rooms.server.transport.dtls import Certificate
from media.rooms.server.transport.ice_lite import UdpMux

GOLDEN = Path(__file__).parent / "golden"
CERTIFICATE = Certificate()
SECRET = "a secret of the tests, long enough for HS256"


def golden(name: str) -> str:
    """A description as a real client sent it."""
    return (GOLDEN / f"{name}.sdp").read_text()


class Listener:
    """Stands in for a connection: keeps what the participant is told."""

    def __init__(self) -> None:
        self.got: list[rtc.SignalResponse] = []
        self.left: tuple[int, int] | None = None
        self.finished = False

    def send(self, response: rtc.SignalResponse) -> None:
        self.got.append(response)

    def finish(self, reason: int | None = None, action: int = 0) -> None:
        self.finished = True
        if reason is not None:
            self.left = reason, action

    def all(self, kind: str) -> list[Any]:
        return [getattr(r, kind) for r in self.got if r.WhichOneof("message") == kind]

    def last(self, kind: str) -> Any:
        found = self.all(kind)
        assert found, f"no {kind} among {[r.WhichOneof('message') for r in self.got]}"
        return found[-1]


@asynccontextmanager
async def house(**settings: Any) -> AsyncIterator[Registry]:
    """A registry with a UDP port on loopback."""
    counters = Counters()
    mux = UdpMux(counters)
    mux.open("127.0.0.1", 0)
    registry = Registry(
        mux=mux,
        certificate=CERTIFICATE,
        verifier=TokenVerifier("key", SECRET),
        counters=counters,
        **({"empty_timeout_s": 300.0, "max_participants": 50} | settings),
    )
    try:
        yield registry
    finally:
        registry.close()
        mux.close()


def grants(identity: str, room: str = "r", **permission: Any) -> Grants:
    return Grants(
        identity=identity, name="", metadata="", attributes={}, kind=0, room=room, room_join=True, room_create=False,
        room_list=False, room_admin=False, permission=Permission(**permission),
    )  # fmt: skip


def enter(room: Room, identity: str, *, single: bool = False, **permission: Any) -> tuple[Participant, Listener]:
    """A participant that has joined *room*, and what it is told."""
    listener = Listener()
    participant = Participant(
        room, grants(identity, room.name, **permission), listener, single=single,  # type: ignore[arg-type]
        auto_subscribe=True, client=models.ClientInfo(), counters=room.house.counters,
    )  # fmt: skip
    room.add(participant)
    participant.negotiation.start()
    room.house.wake()
    return participant, listener


def publish(participant: Participant, name: str = "python_v0_publish", kind: int = models.TrackType.AUDIO) -> str:
    """Announce a track and offer it with a real client's description; the track's sid."""
    text = golden(name)
    wanted = "audio" if kind == models.TrackType.AUDIO else "video"
    section = next(s for s in sdp.parse(text) if s.kind == wanted and s.sends)
    participant.add_track(rtc.AddTrackRequest(cid=section.track_id, type=kind))  # type: ignore[arg-type]
    participant.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=text, id=1))
    return next(sid for sid, track in participant.tracks.items() if track.cid == section.track_id)


class Wire:
    """Stands in for a peer: keeps the packets sent through it."""

    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.connected = True

    def send_rtp(self, packet: bytes) -> None:
        self.rtp.append(packet)

    def send_rtcp(self, packet: bytes) -> None:
        self.rtcp.append(packet)

    @property
    def seqs(self) -> list[int]:
        return [(p[2] << 8) | p[3] for p in self.rtp]

    @property
    def timestamps(self) -> list[int]:
        return [int.from_bytes(p[4:8], "big") for p in self.rtp]

    @property
    def payloads(self) -> list[bytes]:
        return [p[12:] for p in self.rtp]


def rtp(
    seq: int, payload: bytes = b"opus", *, timestamp: int | None = None, ssrc: int = 7, payload_type: int = 111,
    marker: bool = False, extensions: dict[int, bytes] | None = None, padding: int = 0,
) -> bytes:  # fmt: skip
    """An RTP packet; one-byte header extensions, *padding* bytes at its end."""
    first = 0x80 | (0x10 if extensions else 0) | (0x20 if padding else 0)
    timestamp = seq * 960 if timestamp is None else timestamp
    head = struct.pack(
        "!BBHLL", first, payload_type | (0x80 if marker else 0), seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
    if extensions:
        body = b"".join(bytes([(n << 4) | (len(v) - 1)]) + v for n, v in extensions.items())
        body += bytes(-len(body) % 4)
        head += b"\xbe\xde" + struct.pack("!H", len(body) // 4) + body
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")
