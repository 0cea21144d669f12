"""A SIP message as a proxy needs it: start line, headers in order, body; untouched parts keep their bytes.

Text is UTF-8 with surrogate escapes, so a Latin-1 display name passes through unharmed. Structured values are read by
``sipmessage`` where they are needed, never rewritten by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

COMPACT: Final = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "o": "event", "r": "refer-to", "s": "subject", "t": "to",
    "u": "allow-events", "v": "via", "x": "session-expires", "y": "identity",
}  # fmt: skip
TAG: Final = re.compile(r";\s*tag\s*=\s*([^;\s>]+)", re.IGNORECASE)


class SipMessage:
    """``method`` and ``uri`` are set in a request, ``status`` and ``phrase`` in a response."""

    __slots__ = ("body", "headers", "method", "phrase", "status", "uri")

    def __init__(
        self, *, method: str = "", uri: str = "", status: int = 0, phrase: str = "", body: bytes = b""
    ) -> None:
        self.method = method
        self.uri = uri
        self.status = status
        self.phrase = phrase
        self.headers: list[tuple[str, str, str]] = []  # name in lower case and long form, name as written, value
        self.body = body

    @property
    def is_request(self) -> bool:
        return bool(self.method)

    def get(self, name: str, default: str = "") -> str:
        """The first value of *name* (lower case), whole."""
        for key, _, value in self.headers:
            if key == name:
                return value
        return default

    def has(self, name: str) -> bool:
        return any(key == name for key, _, _ in self.headers)

    def lines(self, name: str) -> list[str]:
        return [value for key, _, value in self.headers if key == name]

    def values(self, name: str) -> list[str]:
        """All values of a list header, cut at top-level commas."""
        return split_list(self.lines(name))

    def add(self, written: str, value: str) -> None:
        key = written.lower()
        self.headers.append((COMPACT.get(key, key), written, value))

    def replace(self, written: str, values: Iterable[str]) -> None:
        """Put *values*, one line each, where *written* first stood; at the top when it was not there."""
        key = written.lower()
        at = next((index for index, (name, _, _) in enumerate(self.headers) if name == key), 0)
        rest = [header for header in self.headers if header[0] != key]
        self.headers = [*rest[:at], *((key, written, value) for value in values), *rest[at:]]

    def remove(self, name: str) -> None:
        self.headers = [header for header in self.headers if header[0] != name]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    def copy(self) -> SipMessage:
        twin = SipMessage(method=self.method, uri=self.uri, status=self.status, phrase=self.phrase, body=self.body)
        twin.headers = list(self.headers)
        return twin

    def __bytes__(self) -> bytes:
        """The message on the wire. Content-Length is always ours: a stream depends on it."""
        first = f"{self.method} {self.uri} SIP/2.0" if self.method else f"SIP/2.0 {self.status} {self.phrase}"
        lines = [first, *(f"{written}: {value}" for key, written, value in self.headers if key != "content-length")]
        lines.append(f"Content-Length: {len(self.body)}\r\n\r\n")
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + self.body


def split_list(values: Iterable[str]) -> list[str]:
    """Cut comma-separated header values; commas within quotes and angle brackets don't count."""
    parts: list[str] = []
    for value in values:
        if "," not in value:
            parts.append(value.strip())
            continue
        start, quoted, angled, escaped = 0, False, False, False
        for at, char in enumerate(value):
            if escaped:
                escaped = False
            elif quoted:
                escaped = char == "\\"
                quoted = char != '"'
            elif char == '"':
                quoted = True
            elif char == "<":
                angled = True
            elif char == ">":
                angled = False
            elif char == "," and not angled:
                parts.append(value[start:at].strip())
                start = at + 1
        parts.append(value[start:].strip())
    return [part for part in parts if part]


def tag_of(value: str) -> str:
    """The tag of a From or To value, "" without one."""
    found = TAG.search(value[value.rfind(">") + 1 :])
    return found.group(1) if found else ""


def uri_of(value: str) -> str:
    """The URI text of a name-addr or addr-spec."""
    if "<" in value:
        return value[value.rfind("<") + 1 :].partition(">")[0].strip()
    return value.partition(";")[0].strip()


def parameter(value: str, name: str) -> str | None:
    """The value of ``;name=value`` in a Via or URI; "" for a bare parameter, None when it is not there."""
    found = re.search(rf";\s*{re.escape(name)}\s*(?:=\s*([^;,>\s]*))?(?=\s*(?:;|>|$|,))", value, re.IGNORECASE)
    return None if found is None else (found.group(1) or "")
