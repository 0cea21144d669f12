"""Neutral values of ``sip``: where a message came from, what an INVITE asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Transport = Literal["udp", "tcp", "tls"]


@dataclass(frozen=True, slots=True)
class Source:
    """The far end of one signalling flow."""

    transport: Transport
    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Offer:
    """What an inbound INVITE says, before anybody has decided about it."""

    call: str  # UUID made by the edge
    trunk: str
    caller: str  # E.164 where it can be read so, else the user part as it came, "" for an anonymous caller
    caller_name: str
    called: str
    source: Source
    headers: dict[str, str] = field(default_factory=dict)  # allow-listed, names in lower case
