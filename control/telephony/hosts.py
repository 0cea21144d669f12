"""Control's ends of the links to the SIP gateway and the media processes.

SipHost    <- one a call host: events in, commands out
MediaHost  <- one a media process: commands with replies, matched by ``rid``
CallHosts  <- who is connected; gives each event to its call
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any, Protocol

from media.link import Link, Message

from . import wire
from .errors import MediaLost, MediaRefused, NoCapacity, SpeechDown

log = logging.getLogger(__name__)


class SipHost:
    """The SIP gateway of a call host."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.name = str(link.peer.get("name", "sip"))

    def tell(self, type: str, call: str, **values: Any) -> bool:
        """Send a command for *call*; False when the gateway is gone (its calls end by themselves)."""
        return self._link.send({"type": type, "call": call, **values})


class MediaHost:
    """One media process. Its sessions are named by their call's id."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._rids = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self.name = str(link.peer.get("name", "media"))
        self.pcm_path = str(link.peer.get("pcm", ""))
        self.capacity = int(link.peer.get("capacity", 0))
        self.sessions: set[str] = set()
        self.lost = asyncio.Event()

    def tell(self, command: wire.Wire) -> None:
        """Send a command that has no reply.

        Raises:
            MediaLost: the process is gone.
        """
        if self.lost.is_set() or not self._link.send(command.encode()):
            raise MediaLost(self.name)

    async def ask(self, make: Callable[[str], wire.Wire]) -> dict[str, Any]:
        """Send the command *make* builds for a fresh ``rid`` and await its reply. Cancelled: the reply is ignored.

        Raises:
            MediaLost: the process went away first.
            SpeechDown, MediaRefused: it answered with an error.
        """
        rid = str(next(self._rids))
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[rid] = reply
        try:
            self.tell(make(rid))
            return await reply
        finally:
            del self._waiting[rid]

    def replied(self, reply: wire.Reply) -> None:
        future = self._waiting.get(reply.rid)
        if future is None or future.done():
            return
        if not reply.error:
            future.set_result(reply.value or {})
            return
        kind = SpeechDown if reply.error == SpeechDown.code else MediaRefused
        future.set_exception(kind(f"{reply.error}: {reply.message}"))

    def gone(self) -> None:
        self.lost.set()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(MediaLost(self.name))


class Calls(Protocol):
    """Who is told what arrives on the links (``calls.CallCentre``)."""

    def sip_joined(self, host: SipHost, calls: list[str]) -> None: ...
    def sip_event(self, host: SipHost, event: Message) -> None: ...
    def sip_gone(self, host: SipHost) -> None: ...
    def media_event(self, host: MediaHost, event: wire.Wire) -> None: ...
    def media_gone(self, host: MediaHost) -> None: ...


class CallHosts:
    """The call hosts that are connected now. ``serve`` runs for each link until it closes."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self.media: list[MediaHost] = []
        self.sip: list[SipHost] = []
        self._media_came = asyncio.Event()

    async def serve(self, link: Link) -> None:
        if link.peer.get("role") == "media":
            await self._serve_media(link)
        else:
            await self._serve_sip(link)

    async def _serve_sip(self, link: Link) -> None:
        host = SipHost(link)
        self.sip.append(host)
        log.info("call_host_joined", extra={"role": "sip", "host": host.name})
        self._calls.sip_joined(host, [str(call) for call in link.peer.get("calls") or []])
        try:
            async for event in link:
                self._calls.sip_event(host, event)
        finally:
            self.sip.remove(host)
            log.warning("call_host_left", extra={"role": "sip", "host": host.name})
            self._calls.sip_gone(host)

    async def _serve_media(self, link: Link) -> None:
        host = MediaHost(link)
        self.media.append(host)
        self._media_came.set()
        log.info("call_host_joined", extra={"role": "media", "host": host.name, "capacity": host.capacity})
        try:
            async for message in link:
                try:
                    event = wire.decode(message, wire.EVENTS)
                except ValueError as error:
                    log.error("media_event_refused", extra={"host": host.name, "error": str(error)})
                    continue
                if isinstance(event, wire.Reply):
                    host.replied(event)
                else:
                    self._calls.media_event(host, event)
        finally:
            self.media.remove(host)
            if not self.media:
                self._media_came.clear()
            log.warning("call_host_left", extra={"role": "media", "host": host.name})
            host.gone()
            self._calls.media_gone(host)

    def pick_media(self) -> MediaHost:
        """The least loaded media process with room for one more.

        Raises:
            NoCapacity: none is connected, or all are full.
        """
        free = [host for host in self.media if len(host.sessions) < host.capacity]
        if not free:
            raise NoCapacity(f"{len(self.media)} media processes, all full" if self.media else "no media process")
        return min(free, key=lambda host: len(host.sessions))

    async def next_media(self, within_s: float) -> MediaHost:
        """A media process, waiting for one to come back if need be.

        Raises:
            NoCapacity: none came within *within_s* seconds, or all are full.
        """
        try:
            async with asyncio.timeout(within_s):
                await self._media_came.wait()
        except TimeoutError as error:
            raise NoCapacity("no media process came back") from error
        return self.pick_media()
