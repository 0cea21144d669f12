"""What can go wrong with media. Each error knows its code, whose doing it was and whether to try again.

MediaError
├── PcmLinkError            the way between a SIP worker and the media process
│   ├── LinkRefused         nobody waits for this call, or the token is wrong
│   └── LinkNotClaimed      the worker did not come in time
├── RecordingError
│   ├── RecordingUnwritable the disk refused
│   └── NotARecording       the file isn't a WAV that can be read
└── RoomError               the room server, by its API or its signalling
    ├── RoomUnreachable     no answer
    ├── RoomRefused         our key, or what the token grants
    ├── RoomNotFound
    ├── RoomFailed          it answered with a failure of its own
    └── TokenInvalid        a token that isn't ours, or has expired
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Blame(StrEnum):
    US = "us"
    PEER = "peer"
    SERVER = "server"
    HOST = "host"  # the machine: disk, memory, descriptors


class Retry(StrEnum):
    NO = "no"
    NOW = "now"
    LATER = "later"


class MediaError(Exception):
    """Base of the tree."""

    code: ClassVar[str] = "media_error"
    blame: ClassVar[Blame] = Blame.US
    retry: ClassVar[Retry] = Retry.NO


class PcmLinkError(MediaError):
    code = "pcm_link"


class LinkRefused(PcmLinkError):
    """The media process doesn't listen there, expects no such call, or the token is wrong."""

    code, blame, retry = "pcm_link_refused", Blame.US, Retry.NO


class LinkNotClaimed(PcmLinkError):
    """No worker showed this token in time."""

    code, blame, retry = "pcm_link_not_claimed", Blame.US, Retry.NOW


class RecordingError(MediaError):
    code = "recording"


class RecordingUnwritable(RecordingError):
    """The disk is full, gone or read-only."""

    code, blame, retry = "recording_unwritable", Blame.HOST, Retry.LATER


class NotARecording(RecordingError):
    """The file isn't a 16-bit PCM WAV."""

    code, blame, retry = "not_a_recording", Blame.US, Retry.NO


class RoomError(MediaError):
    code, blame = "room", Blame.SERVER


class RoomUnreachable(RoomError):
    """The room server doesn't answer."""

    code, retry = "room_unreachable", Retry.LATER


class RoomRefused(RoomError):
    """The room server doesn't accept our key, or the token doesn't grant this."""

    code, blame, retry = "room_refused", Blame.US, Retry.NO


class RoomNotFound(RoomError):
    """No such room, or no such participant in it."""

    code, blame, retry = "room_not_found", Blame.US, Retry.NO


class RoomFailed(RoomError):
    """The room server answered with a failure of its own."""

    code, retry = "room_failed", Retry.LATER


class TokenInvalid(RoomError):
    """Not signed with our secret, expired, or without the grant it is shown for."""

    code, blame, retry = "token_invalid", Blame.PEER, Retry.NO
