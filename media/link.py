"""The link between control and a call host's processes: one authenticated, versioned connection, plain values.

A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON (an object with a ``type``). The connecting side
(``sip``, ``media``) sends ``hello`` first; control answers ``welcome`` or ``refused`` and closes. Values are bounded in
size, the outgoing queue in number: what does not fit is refused and counted, never buffered without limit.

    sip / media process  -- hello{version, token, role, name, capacity} -->  control
                         <-- welcome{version} | refused{reason} --
                         <== commands                events ==>
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
MAX_FRAME_BYTES = 1 << 20
MAX_WAITING = 4096

Message = dict[str, Any]
log = logging.getLogger(__name__)


class LinkError(Exception):
    """The link was refused or broke; ``reason`` is a code, the message is for a person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(slots=True)
class LinkStats:
    sent: int = 0
    received: int = 0
    refused: int = 0  # messages that did not fit into the outgoing queue


@dataclass(slots=True, eq=False)
class Link:
    """One end of a connection. Iterate over it for what arrives; ``send`` never blocks.

    Iteration ends when the far end closes. A frame that is too big, or is not a JSON object, ends the link: the far
    end is ours, so this is a bug or an impostor, not weather.
    """

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: Message = field(default_factory=dict)  # what the far end said of itself in its hello
    stats: LinkStats = field(default_factory=LinkStats)

    def send(self, message: Message) -> bool:
        """Queue *message*. False, and counted, when the far end has stopped reading or is gone."""
        transport = self.writer.transport
        if transport.is_closing() or transport.get_write_buffer_size() > MAX_FRAME_BYTES:
            self.stats.refused += 1
            return False
        body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
        if len(body) > MAX_FRAME_BYTES:
            self.stats.refused += 1
            return False
        self.writer.write(len(body).to_bytes(4, "big") + body)
        self.stats.sent += 1
        return True

    async def __aiter__(self) -> AsyncIterator[Message]:
        while True:
            message = await self.read()
            if message is None:
                return
            yield message

    async def read(self) -> Message | None:
        """The next message, or None at the end of the connection."""
        try:
            size = int.from_bytes(await self.reader.readexactly(4), "big")
            if size > MAX_FRAME_BYTES:
                raise LinkError("frame_too_big", f"the far end sent a frame of {size} bytes")
            message = json.loads(await self.reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except (ValueError, UnicodeDecodeError) as error:
            raise LinkError("malformed", "the far end sent a frame that is not JSON") from error
        if not isinstance(message, dict):
            raise LinkError("malformed", "the far end sent a frame that is not an object")
        self.stats.received += 1
        return message

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, OSError):
            await self.writer.wait_closed()


async def connect(address: str, *, token: str, role: str, name: str, **about: Any) -> Link:
    """Open the link to control at *address* (``unix:///path`` or ``tcp://host:port``).

    Raises:
        LinkError: control refused the token or the version.
        OSError: nobody listens there (yet); try again later.
    """
    if address.startswith("unix://"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
    else:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    link = Link(reader, writer)
    link.send({"type": "hello", "version": VERSION, "token": token, "role": role, "name": name, **about})
    answer = await link.read()
    if answer is None or answer.get("type") != "welcome":
        await link.close()
        reason = str((answer or {}).get("reason", "closed"))
        raise LinkError(reason, f"control refused the link of {role} {name}: {reason}")
    return link


async def listen(address: str, *, token: str, on_link: Callable[[Link], Awaitable[None]]) -> asyncio.Server:
    """Accept call hosts at *address*; *on_link* runs for each link that showed the token, until it returns."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        try:
            async with asyncio.timeout(5):
                hello = await link.read() or {}
            reason = _refusal(hello, token)
            if reason:
                link.send({"type": "refused", "reason": reason})
                log.warning("link_refused", extra={"reason": reason, "role": hello.get("role")})
                return
            link.peer = {key: value for key, value in hello.items() if key != "token"}
            link.send({"type": "welcome", "version": VERSION})
            await on_link(link)
        except (TimeoutError, LinkError) as error:
            log.warning("link_broken", extra={"error": str(error), "role": link.peer.get("role")})
        finally:
            await link.close()

    if address.startswith("unix://"):
        path = address.removeprefix("unix://")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        server = await asyncio.start_unix_server(accept, path)
        os.chmod(path, 0o600)
        return server
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return await asyncio.start_server(accept, host, int(port))


def _refusal(hello: Message, token: str) -> str:
    if hello.get("type") != "hello" or hello.get("version") != VERSION:
        return "version"
    if not hmac.compare_digest(str(hello.get("token", "")).encode(), token.encode()):
        return "token"
    return ""
