"""Bytes from anybody to a checked ``SipMessage``, or a refusal. Everything untrusted ends here.

Bounds come before parsing. What is understood well enough to be answered becomes ``BadRequest`` with the message in
``request``; the rest is ``Malformed`` and is dropped. ``sipmessage`` neither unfolds lines nor strips ``Name :`` nor
takes Latin-1 and raises KeyError and IndexError beside ValueError, so it only ever sees single values from here.
"""

from __future__ import annotations

import re
from typing import Final

from sipmessage import URI, Via

from ..errors import BadRequest, Malformed
from .message import COMPACT, SipMessage, uri_of

MAX_HEADER_BYTES: Final = 32 * 1024
MAX_LINES: Final = 256
MAX_LINE: Final = 8192
MAX_VIAS: Final = 64

_FOLD: Final = re.compile(rb"[ \t]*\r\n[ \t]+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}")
_CSEQ: Final = re.compile(r"(\d{1,10})[ \t]+([A-Za-z0-9\-.!%*_+`'~]{1,32})")
_ONCE: Final = ("call-id", "cseq", "from", "to")
_SCHEMES: Final = ("sip:", "sips:", "tel:")


class Refused(BadRequest):
    """A request that gets *status*; ``request`` is enough of it to build the answer from."""

    def __init__(self, request: SipMessage, status: int, phrase: str, **headers: str) -> None:
        super().__init__(status, phrase, **headers)
        self.request = request


def parse(data: bytes, *, max_bytes: int = 65535, stream: bool = False) -> SipMessage:
    """One message. *stream*: it was framed by its Content-Length, which must then be there.

    Raises:
        Refused: a request that can be answered.
        Malformed: anything else.
    """
    message = _read(data)
    for name in _ONCE:
        count = len(message.lines(name))
        if count == 0:
            raise Malformed(f"no_{name}")
        if count > 1:
            raise _bad(message, 400, f"Duplicate {name}")
    if not message.has("via"):
        raise Malformed("no_via")
    if len(data) > max_bytes:
        raise _bad(message, 413, "Message Too Large")
    _check_length(message, stream=stream)
    _check_headers(message)
    if message.is_request:
        _check_request(message)
    return message


def _read(data: bytes) -> SipMessage:
    head, blank, body = data.partition(b"\r\n\r\n")
    if not blank:
        raise Malformed("no_end_of_headers")
    if len(head) > MAX_HEADER_BYTES or head.count(b"\n") > MAX_LINES:
        raise Malformed("headers_too_big")
    if b"\0" in head:
        raise Malformed("nul")
    lines = _FOLD.sub(b" ", head.lstrip(b"\r\n")).decode("utf-8", "surrogateescape").split("\r\n")
    message = _start_line(lines[0])
    message.body = body
    broken = False
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        if len(line) > MAX_LINE or "\n" in line or "\r" in line:
            raise Malformed("line")
        if not colon or not _TOKEN.fullmatch(name):
            broken = True
            continue
        key = name.lower()
        message.headers.append((COMPACT.get(key, key), name, value.strip(" \t")))
    if broken:
        raise _bad(message, 400, "Malformed Header")
    return message


def _start_line(line: str) -> SipMessage:
    first, _, rest = line.partition(" ")
    if first == "SIP/2.0":
        status, _, phrase = rest.partition(" ")
        if not re.fullmatch(r"[1-6]\d\d", status) or "\n" in phrase or "\r" in phrase:
            raise Malformed("status_line")
        return SipMessage(status=int(status), phrase=phrase)
    uri, _, version = rest.rpartition(" ")
    if not _TOKEN.fullmatch(first) or len(first) > 32 or not re.fullmatch(r"SIP/\d\.\d", version, re.IGNORECASE):
        raise Malformed("request_line")
    if "\n" in uri or "\r" in uri or len(uri) > 2048:
        raise Malformed("request_line")
    message = SipMessage(method=first, uri=uri)
    message.phrase = version.upper()
    return message


def _check_length(message: SipMessage, *, stream: bool) -> None:
    told = set(message.lines("content-length"))
    if not told:
        if stream:
            raise _bad(message, 400, "Missing Content-Length")
        return
    text = told.pop()
    if told or not re.fullmatch(r"\d{1,7}", text):
        raise _bad(message, 400, "Bad Content-Length")
    length = int(text)
    if length > len(message.body):
        raise _bad(message, 400, "Incomplete Body")  # RFC 3261 section 18.3
    message.body = message.body[:length]


def _check_headers(message: SipMessage) -> None:
    found = _CSEQ.fullmatch(message.get("cseq"))
    if not found or int(found.group(1)) >= 1 << 32:
        raise _bad(message, 400, "Bad CSeq")
    message.replace("CSeq", [f"{found.group(1)} {found.group(2)}"])
    if not message.call_id or len(message.call_id) > 512 or re.search(r"\s", message.call_id):
        raise _bad(message, 400, "Bad Call-ID")
    vias = message.values("via")
    if len(vias) > MAX_VIAS:
        raise _bad(message, 400, "Too Many Via")
    try:
        for via in vias[:2]:
            Via.parse(via)
    except (ValueError, KeyError, IndexError, TypeError):
        raise _malformed_via(message) from None


def _malformed_via(message: SipMessage) -> Exception:
    return Malformed("via")  # the way back is not known: no answer


def _check_request(message: SipMessage) -> None:
    if message.phrase != "SIP/2.0":
        raise _bad(message, 505, "Version Not Supported")
    if message.cseq[1] != message.method:
        raise _bad(message, 400, "CSeq Does Not Match")
    uri = message.uri
    if not uri.lower().startswith(_SCHEMES):
        known = re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", uri)
        raise _bad(message, 416 if known else 400, "Unsupported URI Scheme" if known else "Bad Request-URI")
    try:
        URI.parse(uri.partition("?")[0])
    except (ValueError, KeyError, IndexError, TypeError):
        raise _bad(message, 400, "Bad Request-URI") from None
    for name in ("from", "to"):
        if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", uri_of(message.get(name))):
            raise _bad(message, 400, f"Bad {name.title()}")
    hops = message.lines("max-forwards")
    if len(hops) > 1 or (hops and not re.fullmatch(r"\d{1,3}", hops[0])):
        raise _bad(message, 400, "Bad Max-Forwards")


def _bad(message: SipMessage, status: int, phrase: str) -> Exception:
    """A refusal, where the message is a request that names who to answer; a response is dropped."""
    if not message.is_request:
        return Malformed(phrase.lower().replace(" ", "_"))
    if not all(message.has(name) for name in ("via", *_ONCE)) or message.method == "ACK":
        return Malformed(phrase.lower().replace(" ", "_"))
    try:
        Via.parse(message.values("via")[0])
    except (ValueError, KeyError, IndexError, TypeError):
        return Malformed("via")
    return Refused(message, status, phrase)
