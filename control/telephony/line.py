"""A call's line to its media session: opened, asked, and opened again elsewhere when the process that carried it dies.

do(command) ──► MediaHost.ask ──► reply
     ▲               │ MediaLost
     └── reopen ◄────┘   another process, the worker told to attach there, the same command again
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, Protocol

from . import wire
from .errors import CallGone, MediaLost, MediaRefused
from .hosts import MediaHost, SipHost

log = logging.getLogger(__name__)

ATTACH_S = 5.0  # from "answer" to the worker's audio at the media process
REOPEN_S = 15.0  # a dead media process may take this long to be replaced
CLOSE_S = 5.0


class MediaSource(Protocol):
    """Where a line finds media processes and the files it plays and records."""

    def pick_media(self) -> MediaHost: ...
    async def next_media(self, within_s: float) -> MediaHost: ...
    def recording_path(self, call: str, part: int) -> str: ...
    def emergency(self, language: str, key: str) -> str: ...

    language: str
    voice: str


class Line:
    """One call's session, wherever it is now. ``parts`` are the recordings that were begun, in order."""

    def __init__(self, call: str, sip: SipHost, source: MediaSource) -> None:
        self.call = call
        self.parts: list[str] = []
        self.attached = asyncio.Event()
        self._sip, self._source = sip, source
        self._host: MediaHost | None = None
        self._reopening = asyncio.Lock()

    @property
    def host(self) -> MediaHost | None:
        return self._host

    async def open(self, how: str) -> None:
        """Open the session and send the worker there with the command *how* (``answer``, ``attach``).

        Raises:
            NoCapacity: no media process takes it.
            CallGone: the worker brought no audio.
        """
        patient = how == "attach"
        await self._open(await self._source.next_media(REOPEN_S) if patient else self._source.pick_media(), how)

    async def do(self, make: Callable[[str], wire.Wire]) -> dict[str, Any]:
        """Ask the session; when its process dies meanwhile, open another and ask again.

        Raises:
            NoCapacity: no media process came back in time.
            MediaRefused: the session answered with an error.
        """
        while True:
            host = self._host
            if host is None:
                raise CallGone(self.call)
            try:
                return await host.ask(make)
            except MediaLost:
                await self.reopen(host)

    def tell(self, command: wire.Wire) -> None:
        """Send a command without a reply; that its process is gone is told as an incident, not raised here."""
        if self._host is not None:
            with contextlib.suppress(MediaLost):
                self._host.tell(command)

    async def reopen(self, lost: MediaHost) -> None:
        """Open the session elsewhere, once, whoever noticed first that *lost* is gone."""
        async with self._reopening:
            if self._host is lost:
                log.warning("session_reopening", extra={"call": self.call, "lost": lost.name})
                await self._open(await self._source.next_media(REOPEN_S), "attach")

    async def play_emergency(self, key: str) -> None:
        """Play a sentence that is kept as a file, to its end; nothing where it was not rendered yet."""
        path = self._source.emergency(self._source.language, key)
        if path:
            try:
                await self.do(lambda rid: wire.Play(self.call, path, rid))
            except MediaRefused as error:
                log.warning("emergency_prompt_not_played", extra={"call": self.call, "error": str(error)})

    async def close(self) -> None:
        """End the session; its recording is complete then."""
        host, self._host = self._host, None
        if host is None:
            return
        host.sessions.discard(self.call)
        try:
            async with asyncio.timeout(CLOSE_S):
                await host.ask(lambda rid: wire.Close(self.call, rid))
        except (MediaLost, MediaRefused, TimeoutError) as error:
            log.warning("session_not_closed", extra={"call": self.call, "error": str(error)})

    async def _open(self, host: MediaHost, how: str) -> None:
        token, source = token_urlsafe(16), self._source
        path = source.recording_path(self.call, len(self.parts) + 1)
        await host.ask(lambda rid: wire.Open(self.call, rid, token, path, source.language, source.voice))
        host.sessions.add(self.call)
        if self._host is not None and self._host is not host:
            self._host.sessions.discard(self.call)
        self._host = host
        if path:
            self.parts.append(path)
        self.attached.clear()
        self._sip.tell(how, self.call, media_socket=host.pcm_path, token=token)
        try:
            async with asyncio.timeout(ATTACH_S):
                await self.attached.wait()
        except TimeoutError as error:
            raise CallGone("the SIP worker brought no audio") from error
