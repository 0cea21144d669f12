"""What can go wrong with a live call, seen from control.

TelephonyError
├── MediaLost          the media process of the call is gone; the call is served again by another
├── MediaRefused       the media process could not do what it was told
│   └── SpeechDown     it could not speak or listen: the speech service does not answer
├── CallGone           the call ended first
└── NoCapacity         nobody can take another call now
"""

from __future__ import annotations


class TelephonyError(Exception):
    """Base. ``code`` is for programs, ``blame`` says whose fault it is, ``retry`` whether to try again."""

    code = "telephony_error"
    blame = "attendance"
    retry = False


class MediaLost(TelephonyError):
    """The media process went away; its sessions are to be opened elsewhere."""

    code = "media_lost"
    retry = True


class MediaRefused(TelephonyError):
    """The media process answered a command with an error."""

    code = "media_refused"


class SpeechDown(MediaRefused):
    """No speech in or out: play what is rendered and hand over to a person."""

    code = "speech_unavailable"
    retry = True


class CallGone(TelephonyError):
    """The call ended before this could be done."""

    code = "call_ended"
    blame = "caller"


class NoCapacity(TelephonyError):
    """Every media process is full or none is connected (503)."""

    code = "no_capacity"
    retry = True
