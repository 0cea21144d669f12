"""Settings of the media core: sessions, recordings, rooms."""

from __future__ import annotations

from pydantic import Field

from .section import Secret, Section


class RoomsSettings(Section):
    """Where rooms live: inside the product unless ``url`` names a LiveKit server (S36)."""

    url: str = ""  # ws:// or wss:// of a LiveKit server; empty: the embedded server (S36 livekit-url)
    public_url: str = ""  # what browsers use to reach it, when it differs from url (a proxy, a container network)
    api_key: str = ""  # empty with an empty url: made on first start and kept in the state directory
    api_secret: Secret = Secret("")
    room_prefix: str = "attendance-"
    bind_ip: str = "127.0.0.1"  # embedded server: address for signalling and media
    port: int = Field(7880, ge=0, le=65535)  # embedded server: HTTP and WebSocket; 0 picks a free one
    udp_port: int = Field(7882, ge=0, le=65535)  # embedded server: all media, one port
    announced_ip: str = ""  # address told to clients when it differs from bind_ip (NAT)
    empty_timeout_s: float = Field(300.0, gt=0)  # a room nobody is in is closed after this
    max_participants: int = Field(50, ge=1)


class RecordingSettings(Section):
    """Dual-channel recording: caller left, everybody else right (S9)."""

    enabled: bool = True
    flush_s: float = Field(1.0, gt=0)  # at most this much is lost when the process is killed
    bucket: str = "recordings"  # folder (in the state directory) or storage bucket (S36 livekit-storage-bucket)


class MediaSettings(Section):
    """The media processes of a call host."""

    processes: int = Field(1, ge=1)
    max_sessions: int = Field(120, ge=1)  # per process; past it the call is refused with 503
    rooms: RoomsSettings = RoomsSettings()
    recording: RecordingSettings = RecordingSettings()
