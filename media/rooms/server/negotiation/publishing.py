"""The publishing half of every offer: sections that the client sends on become tracks, and get their answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..forwarding import DownTrack, UpTrack
from . import codecs
from .line import Line
from .sdp import DescriptionWriter, Section

if TYPE_CHECKING:
    from ..participant import Participant


def take_offer(participant: Participant, line: Line, sections: list[Section]) -> tuple[list[UpTrack], list[UpTrack]]:
    """Bind sections that send to the tracks announced for them; returns (published, no longer sent)."""
    new: list[UpTrack] = []
    gone: list[UpTrack] = []
    line.sections = sections
    for section in sections:
        line.router.learn(section)
        if section.kind not in codecs.SUPPORTED:
            continue
        bound = line.router.by_mid.get(section.mid)
        if bound is not None and (not section.sends or participant.is_pending(section.track_id)):
            line.router.unpublish(bound)
            gone.append(bound)
            bound = None
        if bound is None and section.sends:
            track = participant.take_pending(section.track_id, section.stream_id, section.kind)
            codec = codecs.choose(section, track.wanted_codec) if track else None
            if track is None or codec is None:
                continue  # nothing announced it: answered as inactive
            track.codec = codec
            track.rtx_payload_type = section.rtx_for(codec.payload_type)
            track.rids = section.rids
            track.nacks = section.takes_feedback(codec.payload_type, "nack")
            track.peer = line.peer
            track.info.mid = section.mid
            track.info.mime_type = f"{section.kind}/{codec.encoding.partition('/')[0]}"
            del track.info.codecs[:]
            track.info.codecs.add(
                mime_type=track.info.mime_type, mid=section.mid, cid=track.cid, layers=track.info.layers
            )
            line.router.publish(section.mid, track, section)
            new.append(track)
    return new, gone


def write_answer(line: Line, downs: Mapping[str, DownTrack]) -> tuple[str, dict[str, str]]:
    """The answer to ``line.sections``, and mid to track sid of the sections that carry *downs*."""
    line.version += 1
    writer = DescriptionWriter(
        line.peer, "passive", session_id=line.session_id, version=line.version,
        mids=[s.mid for s in line.sections if s.port != 0 and (s.kind == "application" or codecs.usable(s))],
    )  # fmt: skip
    carried: dict[str, str] = {}
    for section in line.sections:
        if section.kind == "application" and section.port != 0:
            writer.channels(section.mid)
        elif section.port == 0 or not codecs.usable(section):
            writer.rejected(section.kind, section.mid, list(section.codecs))
        else:
            down, track = downs.get(section.mid), line.router.by_mid.get(section.mid)
            _answer_section(writer, section, track, down)
            if down is not None:
                carried[section.mid] = down.track.sid
    return writer.text(), carried


def _answer_section(writer: DescriptionWriter, section: Section, track: UpTrack | None, down: DownTrack | None) -> None:
    wanted = codecs.usable(section)
    chosen = down.payload_type if down else track.codec.payload_type if track else None
    parameters = None
    if chosen is not None:  # the answer chooses the codec; a placeholder keeps them all for later
        wanted = [codec for codec in wanted if codec.payload_type == chosen]
    if track is not None and section.kind == "audio":
        parameters = codecs.OPUS_PARAMETERS
        parameters += ";stereo=1" if track.info.stereo else ""
        parameters += "" if track.info.disable_dtx else ";usedtx=1"
    numbers, lines = codecs.codec_lines(section, wanted, parameters)
    lines += [
        f"a=extmap:{number} {uri}"
        for number, uri in section.extensions.items()
        if uri in codecs.EXTENSIONS[section.kind]
    ]
    if track is not None:
        lines.append("a=recvonly")
        if section.rids:
            lines += [f"a=rid:{rid} recv" for rid in section.rids]
            lines.append("a=simulcast:recv " + (section.simulcast or ";".join(section.rids)))
    elif down is not None:
        lines += ["a=sendonly", *down_lines(down)]
    else:
        lines.append("a=inactive")
    writer.media(section.kind, section.mid, numbers, lines)


def down_lines(down: DownTrack) -> list[str]:
    """msid ``PA_x|TR_y TR_y`` and the SSRC: what clients find the publication by."""
    stream, track = f"{down.track.publisher_sid}|{down.track.sid}", down.track.sid
    return [
        f"a=msid:{stream} {track}",
        f"a=ssrc:{down.ssrc} cname:{down.track.publisher_sid}",
        f"a=ssrc:{down.ssrc} msid:{stream} {track}",
    ]
