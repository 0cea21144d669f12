"""The parse guard: what strangers send becomes a checked message, an answer, or nothing."""

from __future__ import annotations

import random

import pytest

from sip.edge.guard import Refused, parse
from sip.edge.message import parameter, split_list, tag_of, uri_of
from sip.errors import Malformed

INVITE = (
    b"INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKabc;rport\r\n"
    b'From: "Ana, a cliente" <sip:+5511988887777@192.0.2.9>;tag=from1\r\n'
    b"To: <sip:100@192.0.2.1>\r\n"
    b"Call-ID: one@192.0.2.9\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Contact: <sip:ana@192.0.2.9:5062>\r\n"
    b"Max-Forwards: 70\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def with_line(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new, 1)


def test_a_good_invite_reads_back_byte_by_byte() -> None:
    message = parse(INVITE)
    assert (message.method, message.uri, message.cseq) == ("INVITE", "sip:100@192.0.2.1", (7, "INVITE"))
    assert message.body == b"v=0\n"
    assert bytes(message) == INVITE
    assert tag_of(message.get("from")) == "from1"
    assert uri_of(message.get("from")) == "sip:+5511988887777@192.0.2.9"


def test_no_truncation_is_taken_for_the_whole() -> None:
    for size in range(len(INVITE)):
        with pytest.raises((Malformed, Refused)):
            parse(INVITE[:size])


def test_folded_compact_spaced_and_latin1_headers_are_read() -> None:
    data = (
        b"INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
        b"v: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1,\r\n SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2\r\n"
        b"f : Jos\xe9 <sip:j@192.0.2.9>;tag=1\r\nt: <sip:100@192.0.2.1>\r\ni: 2\r\nCSeq: 1 INVITE\r\nl: 0\r\n\r\n"
    )
    message = parse(data)
    assert len(message.values("via")) == 2
    assert message.has("content-length")
    assert b"Jos\xe9" in bytes(message)  # passes through unharmed


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"CSeq: 7 INVITE", b"CSeq: seven INVITE", 400),
        (b"CSeq: 7 INVITE", b"CSeq: 7 BYE", 400),
        (b"CSeq: 7 INVITE", b"CSeq: 99999999999 INVITE", 400),
        (b"CSeq: 7 INVITE", b"CSeq: 7 INVITE\r\nCSeq: 8 INVITE", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: many", 400),
        (b"Content-Length: 4", b"Content-Length: -1", 400),
        (b"Content-Length: 4", b"Content-Length: 400", 400),
        (b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 3", 400),
        (b"sip:100@192.0.2.1 SIP/2.0", b"sip:100@192.0.2.1 SIP/7.0", 505),
        (b"sip:100@192.0.2.1 SIP/2.0", b"http://192.0.2.1 SIP/2.0", 416),
        (b"sip:100@192.0.2.1 SIP/2.0", b"<sip:100@192.0.2.1> SIP/2.0", 400),
        (b"sip:100@192.0.2.1 SIP/2.0", b"sip:100 @192.0.2.1 SIP/2.0", 400),
        (b"To: <sip:100@192.0.2.1>", b"To: <nothing>", 400),
        (b"Call-ID: one@192.0.2.9", b"Call-ID: one two", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 70\r\nno colon here", 400),
    ],
)
def test_what_can_be_answered_is_refused(old: bytes, new: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        parse(with_line(old, new))
    assert refused.value.status == status
    assert refused.value.request.call_id


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01" + bytes(200),
        with_line(b"Via: SIP/2.0/UDP 192.0.2.9:5062", b"Via: nonsense"),
        with_line(b"Call-ID: one@192.0.2.9\r\n", b""),
        with_line(b"\r\nTo:", b"\nTo:"),
        with_line(b"Ana", b"A\0a"),
        with_line(b"Max-Forwards: 70", b"X: " + b"y" * 9000),
        with_line(b"Max-Forwards: 70", b"\r\n".join([b"X: y"] * 300)),
        b"SIP/2.0 999 Nonsense" + INVITE[INVITE.index(b"\r\n") :],
        b"ACK" + with_line(b"CSeq: 7 INVITE", b"CSeq: x ACK")[6:],
    ],
)
def test_the_rest_is_dropped(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse(data)


def test_too_big_is_413_where_it_can_be_read() -> None:
    big = with_line(b"Content-Length: 4", b"Content-Length: 5000")[:-4] + bytes(5000)
    with pytest.raises(Refused) as refused:
        parse(big, max_bytes=2000)
    assert refused.value.status == 413


def test_random_damage_never_raises_anything_else() -> None:
    dice = random.Random(4475)
    for _ in range(3000):
        data = bytearray(INVITE)
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(data))
            choice = dice.random()
            if choice < 0.5:
                data[at] = dice.randrange(256)
            elif choice < 0.75:
                del data[at : at + dice.randint(1, 30)]
            else:
                data[at:at] = bytes(dice.choices(b'\r\n;,<>"=:@ \t\0%', k=dice.randint(1, 8)))
        try:
            bytes(parse(bytes(data)))
        except (Refused, Malformed):
            continue


def test_lists_are_cut_outside_quotes_and_brackets() -> None:
    assert split_list(['"a, \\" b" <sip:x,y@z>;p=1, <sip:q>', "r"]) == ['"a, \\" b" <sip:x,y@z>;p=1', "<sip:q>", "r"]


def test_parameters() -> None:
    via = "SIP/2.0/UDP h;rport;branch=z9hG4bK1 ; f=u-1"
    assert (parameter(via, "rport"), parameter(via, "branch"), parameter(via, "f")) == ("", "z9hG4bK1", "u-1")
    assert parameter(via, "port") is None
    assert parameter("<sip:h:5060;lr;w=3>", "w") == "3"
