"""The speech service as other processes see it: one HTTP session, short time-outs, typed errors.

A few megabytes of finished sentences stay in the client: a greeting that every call hears is fetched once, and is still
spoken while the speech service restarts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp

from ..errors import SpeechOverloaded, SpeechRefused, SpeechUnavailable
from ..ports import Recognition, RecognitionPriority

log = logging.getLogger(__name__)

CONNECT_S = 1.0
RECOGNISE_S = 8.0
FIRST_AUDIO_S = 6.0  # also the longest gap between two pieces
REMEMBERED_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Health:
    """``ready`` when both models work; ``rendering`` prompts still wait to be spoken once."""

    ready: bool
    status: str
    stt: str
    tts: str
    rendering: int


class SpeechClient:
    """Made without I/O; the session opens at the first request. Close it with ``close`` or ``async with``."""

    def __init__(self, url: str, api_key: str, *, patience_s: float = FIRST_AUDIO_S) -> None:
        """*patience_s*: the longest wait for sound or an answer; more than the default where nobody is on the line."""
        self._patience_s = patience_s
        self._url, self._headers = url.rstrip("/"), {"Authorization": f"Bearer {api_key}"}
        self._session: aiohttp.ClientSession | None = None
        self._said: OrderedDict[tuple[str, str, str], bytes] = OrderedDict()
        self._said_bytes = 0

    async def __aenter__(self) -> SpeechClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def recognise(
        self,
        pcm: bytes,
        *,
        language: str,
        prompt: str = "",
        options: tuple[str, ...] = (),
        priority: RecognitionPriority = "final",
    ) -> Recognition:
        """Understand one turn of 16 kHz s16le, at most 30 s.  Cancelled: the service gives the request up too.

        Raises:
            SpeechUnavailable: unreachable, loading, too slow.
            SpeechOverloaded: shed; a speculative or interim request is the first to go.
        """
        query = [("language", language), ("priority", priority), ("prompt", prompt)]
        query += [("option", option) for option in options]
        timeout = aiohttp.ClientTimeout(total=max(RECOGNISE_S, self._patience_s), sock_connect=CONNECT_S)
        answer = await self._json("POST", "/recognise", params=query, data=pcm, timeout=timeout)
        return Recognition(str(answer["text"]), float(answer["confidence"]))

    async def synthesise(self, text: str, *, voice: str = "", language: str = "") -> AsyncIterator[bytes]:
        """Speak *text*: 16 kHz s16le in pieces as they are made; the service's own voice unless *voice* is given.

        Raises:
            SpeechUnavailable: no sound within *patience_s*, or the service died in the middle.
            SpeechRefused: no such voice.
        """
        key = (text, voice, language)
        known = self._said.get(key)
        if known is not None:
            self._said.move_to_end(key)
            yield known
            return
        whole: list[bytes] = []
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self._patience_s)
        body = {"text": text, "voice": voice, "language": language}
        odd = b""
        try:
            async with self._http.post(self._url + "/synthesise", json=body, timeout=timeout) as response:
                await self._check(response)
                async for piece in response.content.iter_any():
                    piece = odd + piece
                    even = len(piece) & ~1
                    odd = piece[even:]
                    if even:
                        whole.append(piece[:even])
                        yield piece[:even]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SpeechUnavailable(f"the speech service failed while speaking: {error!r}") from error
        self._remember(key, b"".join(whole))

    async def render(self, texts: Iterable[str], *, voice: str = "", language: str = "") -> int:
        """Have *texts* spoken once in the background and kept. How many sentences are still to be made.

        Raises:
            SpeechUnavailable, SpeechRefused.
        """
        body = {"texts": list(texts), "voice": voice, "language": language}
        timeout = aiohttp.ClientTimeout(total=10, sock_connect=CONNECT_S)
        answer = await self._json("POST", "/render", json=body, timeout=timeout)
        return int(answer["rendering"])

    async def health(self) -> Health:
        """How far the service is. Never raises for a service that is down: that is an answer too."""
        try:
            timeout = aiohttp.ClientTimeout(total=2, sock_connect=CONNECT_S)
            async with self._http.get(self._url + "/health", timeout=timeout) as response:
                said: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Health(False, f"unreachable: {error!r}", "unknown", "unknown", 0)
        status = str(said.get("status", "unknown"))
        return Health(status == "ready", status, str(said["stt"]), str(said["tts"]), int(said["rendering"]))

    async def wait_ready(self, timeout_s: float, *, rendered: bool = False) -> None:
        """Return when both models work, and with *rendered* when no prompt waits any more.

        Raises:
            SpeechUnavailable: not within *timeout_s*, or a model failed to load.
        """
        health = await self.health()
        try:
            async with asyncio.timeout(timeout_s):
                while not health.ready or rendered and health.rendering:
                    if health.status == "failed":
                        break
                    await asyncio.sleep(0.1)
                    health = await self.health()
        except TimeoutError:
            raise SpeechUnavailable(f"the speech service is not ready: {health.status}") from None
        if not health.ready:
            raise SpeechUnavailable(f"the speech service is not ready: {health.status}")

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
            self._session = aiohttp.ClientSession(headers=self._headers, connector=connector, trust_env=False)
        return self._session

    async def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        try:
            async with self._http.request(method, self._url + path, **request) as response:
                await self._check(response)
                answer: dict[str, Any] = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SpeechUnavailable(f"the speech service did not answer: {error!r}") from error

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        if response.status < 400:
            return
        message = (await response.text())[:300]
        if response.status == 503 and "speech_overloaded" in message:
            raise SpeechOverloaded(message, float(response.headers.get("Retry-After", "1")))
        if response.status >= 500:
            raise SpeechUnavailable(message)
        raise SpeechRefused(f"{response.status}: {message}")

    def _remember(self, key: tuple[str, str, str], pcm: bytes) -> None:
        if not pcm or len(pcm) > REMEMBERED_BYTES // 4:
            return
        self._said_bytes += len(pcm) - len(self._said.pop(key, b""))
        self._said[key] = pcm
        while self._said_bytes > REMEMBERED_BYTES:
            self._said_bytes -= len(self._said.popitem(last=False)[1])
