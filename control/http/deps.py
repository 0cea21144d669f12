"""What every handler shares, under one key of the application."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web

from config.control import HttpSettings

from ..auth.sessions import Session, Sessions
from ..bus import Bus
from ..db import Database
from ..metrics import Metrics
from ..metrics.centre import CentreFigures
from ..ports import CallDesk
from ..queues import Queues

Check = Callable[[], Awaitable[bool]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class HubDoor(Protocol):
    """The hub as this door sees it: it takes over a request that wants to become a WebSocket."""

    async def serve(self, request: web.Request, session: Session) -> web.StreamResponse: ...

    def end_sessions(self, session_ids: Collection[UUID]) -> None:
        """Close the sockets of sessions that were ended."""
        ...

    async def close(self) -> None:
        """Tell every client that we stop; may be repeated."""
        ...

    def watch(self, metrics: Metrics) -> None:
        """Show what it counts."""
        ...


@dataclass(slots=True)
class Deps:
    db: Database
    bus: Bus
    hub: HubDoor
    desk: CallDesk
    queues: Queues
    settings: HttpSettings
    sessions: Sessions
    metrics: Metrics
    figures: CentreFigures
    recordings_dir: Path
    console_dir: Path
    rooms_url: str = ""
    ready_checks: Mapping[str, Check] = field(default_factory=dict)
    content_security_policy: str = ""
    trusted_proxies: tuple[Network, ...] = ()

    def __post_init__(self) -> None:
        self.content_security_policy = content_security_policy(self.rooms_url)
        self.trusted_proxies = tuple(ipaddress.ip_network(network) for network in self.settings.trusted_proxies)


DEPS: web.AppKey[Deps] = web.AppKey("deps", Deps)


def content_security_policy(rooms_url: str) -> str:
    """Nothing from elsewhere, except the media server: its WebSocket, and its HTTP address that the client asks why
    a connection was refused. Inline styles are the component library's."""
    connect = ["'self'"]
    if rooms_url:
        there = urlsplit(rooms_url)
        secure = "s" if there.scheme in ("wss", "https") else ""
        connect += [f"ws{secure}://{there.netloc}", f"http{secure}://{there.netloc}"]
    return "; ".join(
        (
            "default-src 'self'",
            f"connect-src {' '.join(connect)}",
            "img-src 'self' data: blob:",
            "media-src 'self' blob: mediastream:",
            "font-src 'self' data:",
            "style-src 'self' 'unsafe-inline'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
