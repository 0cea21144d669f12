"""Descriptions: real clients' offers read and answered, our own offers, and sections that are used again."""

from __future__ import annotations

import asyncio
import random

import pytest
from livekit.protocol import models, rtc

from media.rooms.server.errors import BadSdp
from media.rooms.server.negotiation import codecs, sdp

from .kit import enter, golden, house, publish

PUBLISHERS = ["chromium_v0_publish", "chromium_v1_publish", "python_v0_publish", "python_v1_publish"]


def lines_of(text: str) -> list[list[str]]:
    """The lines of a description, one list a section, the session's first."""
    sections: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            sections.append([])
        sections[-1].append(line)
    return sections


@pytest.mark.parametrize("name", [*PUBLISHERS, "chromium_v1_join", "python_v0_answer"])
def test_what_clients_send_is_read(name: str) -> None:
    sections = sdp.parse(golden(name))
    transport = sdp.remote_transport(sections)
    assert transport.ufrag
    assert transport.fingerprint[0] == "sha-256"
    assert transport.sctp_port == 5000
    assert [s.mid for s in sections] == list(dict.fromkeys(s.mid for s in sections))


def test_a_simulcast_section_is_read_whole() -> None:
    section = next(s for s in sdp.parse(golden("chromium_v1_publish")) if s.rids)
    assert (section.kind, section.direction, section.rids, section.simulcast) == (
        "video", "sendonly", ["q", "h", "f"], "q;h;f",
    )  # fmt: skip
    codec = codecs.choose(section, "video/VP8")
    assert codec is not None
    assert codec.name == "vp8"
    assert section.codecs[section.rtx_for(codec.payload_type) or 0].name == "rtx"
    assert section.takes_feedback(codec.payload_type, "nack pli")
    assert {codecs.MID, codecs.RID, codecs.REPAIRED_RID} <= set(section.extensions.values())
    assert section.track_id


@pytest.mark.parametrize("name", PUBLISHERS)
def test_no_truncated_or_altered_description_raises_anything_but_bad_sdp(name: str) -> None:
    text, dice = golden(name), random.Random(6)
    samples = [text[: dice.randrange(len(text))] for _ in range(150)]
    for _ in range(300):
        lines = text.splitlines()
        at = dice.randrange(len(lines))
        line = lines[at]
        cut = dice.randrange(len(line) + 1)
        lines[at] = dice.choice([line[:cut], line[:cut] + dice.choice(" :=/;\x00é9") + line[cut:], line[:2], ""])
        samples.append("\r\n".join(lines))
    for sample in samples:
        try:
            sdp.remote_transport(sdp.parse(sample))
        except BadSdp:
            continue


@pytest.mark.parametrize("text", ["", "v=0\r\n", "x" * (sdp.MAX_SDP_BYTES + 1), "m=audio 9 x 0\r\na=mid:a b\r\n"])
def test_what_cannot_be_answered_is_refused(text: str) -> None:
    with pytest.raises(BadSdp):
        sdp.remote_transport(sdp.parse(text))


async def test_the_answer_to_a_publisher_takes_its_codec_and_mirrors_its_sections() -> None:
    """Dual connection, Chromium: opus with its own payload type, VP8 simulcast received, nothing else promised."""
    async with house() as registry:
        ana, told = enter(registry.create("r"), "ana")
        for section in sdp.parse(golden("chromium_v0_publish")):
            if section.sends and section.kind in ("audio", "video"):
                kind = models.TrackType.AUDIO if section.kind == "audio" else models.TrackType.VIDEO
                request = rtc.AddTrackRequest(cid=section.track_id, type=kind)
                if section.kind == "video":
                    request.simulcast_codecs.add(codec="vp8")
                ana.add_track(request)
        offer = rtc.SessionDescription(type="offer", sdp=golden("chromium_v0_publish"), id=7)
        ana.negotiation.on_offer(offer)
        answer = told.last("answer")
        assert (answer.type, answer.id) == ("answer", 7)
        offered, answered = sdp.parse(offer.sdp), sdp.parse(answer.sdp)
        assert [(s.kind, s.mid) for s in answered] == [(s.kind, s.mid) for s in offered]
        for theirs, ours in zip(offered, answered, strict=True):
            assert ours.setup == "passive"
            assert set(ours.extensions.items()) <= set(theirs.extensions.items())
            assert set(ours.codecs) <= set(theirs.codecs)
        video = next(text for text in lines_of(answer.sdp) if text[0].startswith("m=video"))
        assert {"a=recvonly", "a=rid:q recv", "a=rid:h recv", "a=rid:f recv", "a=simulcast:recv q;h;f"} <= set(video)
        assert not any("transport-cc" in line for line in answer.sdp.splitlines())
        audio = next(s for s in answered if s.kind == "audio")
        assert [c.name for c in audio.codecs.values()] == ["opus"]
        with_candidates = [n for n, text in enumerate(lines_of(answer.sdp)) if any("a=candidate" in x for x in text)]
        assert with_candidates == [1], "candidates stand in the first section only"
        assert {t.info.mime_type for t in ana.tracks.values()} == {"audio/opus", "video/VP8"}


async def test_placeholders_of_a_single_connection_keep_everything_for_later() -> None:
    """What an answer leaves out would never come back: codecs with their RTX, MID, RID and audio level."""
    async with house() as registry:
        ana, told = enter(registry.create("r"), "ana", single=True)
        ana.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=golden("chromium_v1_join"), id=1))
        offered, answered = sdp.parse(golden("chromium_v1_join")), sdp.parse(told.last("answer").sdp)
        for theirs, ours in zip(offered, answered, strict=True):
            if ours.kind == "application":
                continue
            assert ours.direction == "inactive"
            assert [c.name for c in codecs.usable(ours)] == [c.name for c in codecs.usable(theirs)]
            wanted = {codecs.MID, codecs.RID, codecs.REPAIRED_RID} if ours.kind == "video" else {codecs.MID}
            assert wanted & set(theirs.extensions.values()) <= set(ours.extensions.values())


async def test_the_server_offers_at_once_and_bundles_what_changes_together() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        publish(ana)
        bob, told = enter(room, "bob")
        await asyncio.sleep(0)
        (offer,) = told.all("offer")
        assert [line[0] for line in lines_of(offer.sdp)[1:]] == ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]
        sid = next(iter(ana.tracks))
        bob.subscribe(ana.tracks[sid])
        await asyncio.sleep(0)
        assert len(told.all("offer")) == 1, "the next offer waits for the answer"
        bob.negotiation.on_answer(rtc.SessionDescription(type="answer", sdp=golden("python_v0_answer"), id=offer.id))
        await asyncio.sleep(0)
        second = told.last("offer")
        assert second.id == offer.id + 1
        assert dict(second.mid_to_track_id) == {"1": sid}
        audio = lines_of(second.sdp)[2]
        assert f"a=msid:{ana.sid}|{sid} {sid}" in audio
        assert "a=sendonly" in audio
        stale = rtc.SessionDescription(type="answer", sdp=golden("python_v0_answer"), id=99)
        bob.negotiation.on_answer(stale)
        assert registry.counters["answer_unexpected"] == 1


async def test_a_section_rests_one_round_before_it_carries_another_track() -> None:
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        bob, told = enter(room, "bob")

        async def answered() -> None:
            await asyncio.sleep(0)
            offer = told.last("offer")
            text = offer.sdp.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")
            bob.negotiation.on_answer(rtc.SessionDescription(type="answer", sdp=text, id=offer.id))
            await asyncio.sleep(0)

        await answered()
        first = publish(ana)
        bob.subscribe(ana.tracks[first])
        await answered()
        assert dict(told.last("offer").mid_to_track_id) == {"1": first}
        ana.unpublish(ana.tracks[first])
        second = publish(ana)
        bob.subscribe(ana.tracks[second])
        await answered()
        assert dict(told.last("offer").mid_to_track_id) == {"2": second}, "the first section is not reused yet"
        assert "a=inactive" in lines_of(told.last("offer").sdp)[2]
        await answered()
        ana.unpublish(ana.tracks[second])
        third = publish(ana)
        bob.subscribe(ana.tracks[third])
        await answered()
        assert dict(told.last("offer").mid_to_track_id) == {"1": third}


async def test_a_single_connection_is_asked_for_the_sections_that_are_missing() -> None:
    """Free sections are used in the next offer; a track that ends forces a round without it."""
    async with house() as registry:
        room = registry.create("r")
        ana, _ = enter(room, "ana")
        bob, told = enter(room, "bob", single=True)
        bob.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=golden("chromium_v1_join"), id=1))
        sid = publish(ana)
        need = told.last("media_sections_requirement")
        assert (need.num_audios, need.num_videos) == (0, 0), "three are free: an offer is all that is wanted"
        bob.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=golden("chromium_v1_join"), id=2))
        ((mid, carried),) = dict(told.last("answer").mid_to_track_id).items()
        assert carried == sid
        section = next(s for s in sdp.parse(told.last("answer").sdp) if s.mid == mid)
        assert (section.kind, section.direction) == ("audio", "sendonly")
        asked = len(told.all("media_sections_requirement"))
        ana.unpublish(ana.tracks[sid])
        assert len(told.all("media_sections_requirement")) == asked + 1
        sid = publish(ana)
        bob.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=golden("chromium_v1_join"), id=3))
        answer = told.last("answer")
        assert [m for m, carried in answer.mid_to_track_id.items() if carried == sid] != [mid], "it rests one round"
        assert next(s for s in sdp.parse(answer.sdp) if s.mid == mid).direction == "inactive"
        ana.unpublish(ana.tracks[sid])
        bob.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=golden("chromium_v1_join"), id=4))
        assert dict(told.last("answer").mid_to_track_id) == {}
        for n in range(5):
            publish(enter(room, f"p{n}")[0])
        assert told.last("media_sections_requirement").num_audios == 2


async def test_an_ice_restart_of_the_client_gets_new_credentials() -> None:
    async with house() as registry:
        ana, told = enter(registry.create("r"), "ana")
        publish(ana)
        before = sdp.parse(told.last("answer").sdp)[0].ufrag
        text = golden("python_v0_publish")
        ana.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=text, id=2))
        assert sdp.parse(told.last("answer").sdp)[0].ufrag == before
        theirs = sdp.parse(text)[0].ufrag
        again = text.replace(f"a=ice-ufrag:{theirs}", "a=ice-ufrag:new1")
        ana.negotiation.on_offer(rtc.SessionDescription(type="offer", sdp=again, id=3))
        assert sdp.parse(told.last("answer").sdp)[0].ufrag != before
        assert len(ana.tracks) == 1
