"""What this server forwards: codecs, feedback and header extensions it answers with."""

from __future__ import annotations

from typing import Final

from livekit.protocol import models

from .sdp import Codec, Section

AUDIO: Final = ("opus",)
VIDEO: Final = ("vp8", "h264", "vp9", "av1")
SUPPORTED: Final = {"audio": AUDIO, "video": VIDEO}
MIME: Final = ("audio/opus", "video/VP8", "video/H264", "video/VP9", "video/AV1")
OPUS_PARAMETERS: Final = "minptime=10;useinbandfec=1"
FEEDBACK: Final = {"audio": ("nack",), "video": ("goog-remb", "ccm fir", "nack", "nack pli")}

MID: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID: Final = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID: Final = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL: Final = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
# Answered in every section, placeholders too: what an answer leaves out never comes back in later offers.
# Transport-wide feedback is left out whole, for it must not be negotiated without being sent.
EXTENSIONS: Final = {"audio": frozenset({MID, AUDIO_LEVEL}), "video": frozenset({MID, RID, REPAIRED_RID})}


def usable(section: Section) -> list[Codec]:
    """The codecs of *section* that we can forward, in the client's order."""
    wanted = SUPPORTED.get(section.kind, ())
    return [codec for codec in section.codecs.values() if codec.name in wanted]


def choose(section: Section, wanted: str) -> Codec | None:
    """The codec a publisher gets: the one it asked for (``vp8`` or ``video/vp8``), else its first; None: no codec."""
    codecs = usable(section)
    name = wanted.rpartition("/")[2].lower()
    return next((codec for codec in codecs if codec.name == name), codecs[0] if codecs else None)


def same(section: Section, codec: Codec) -> Codec | None:
    """The payload type under which *section* takes *codec*; H.264 must agree in its profile, VP9 in profile-id."""
    for candidate in usable(section):
        if candidate.name == codec.name and _profile(candidate) == _profile(codec):
            return candidate
    return None


def _profile(codec: Codec) -> tuple[str, ...]:
    if codec.name == "h264":
        values = dict(item.strip().partition("=")[::2] for item in codec.parameters.lower().split(";"))
        return values.get("profile-level-id", "42e01f")[:4], values.get("packetization-mode", "0")
    if codec.name == "vp9":
        values = dict(item.strip().partition("=")[::2] for item in codec.parameters.lower().split(";"))
        return (values.get("profile-id", "0"),)
    return ()


def codec_lines(section: Section, codecs: list[Codec], parameters: str | None = None) -> tuple[list[int], list[str]]:
    """Payload types and ``a=`` lines for *codecs*, each with its RTX, as the answer to *section*.

    Feedback is answered only where the client offered it. *parameters* replaces the fmtp of audio.
    """
    numbers: list[int] = []
    lines: list[str] = []
    for codec in codecs:
        number = codec.payload_type
        numbers.append(number)
        lines.append(f"a=rtpmap:{number} {codec.encoding}")
        fmtp = (parameters or OPUS_PARAMETERS) if section.kind == "audio" else codec.parameters
        if fmtp:
            lines.append(f"a=fmtp:{number} {fmtp}")
        lines += [f"a=rtcp-fb:{number} {fb}" for fb in FEEDBACK[section.kind] if section.takes_feedback(number, fb)]
        rtx = section.rtx_for(number)
        if rtx is not None:
            numbers.append(rtx)
            lines += [f"a=rtpmap:{rtx} {section.codecs[rtx].encoding}", f"a=fmtp:{rtx} apt={number}"]
    return numbers, lines


def publish_codecs() -> list[models.Codec]:
    return [models.Codec(mime=mime) for mime in MIME]
