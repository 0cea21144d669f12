"""The doors of the speech service.

    POST /v1/audio/transcriptions   OpenAI: multipart file, language, prompt, response_format (json, text)
    POST /v1/audio/speech           OpenAI: {input, voice, response_format: wav|pcm, language}, streamed
    POST /recognise                 body s16le 16 kHz; query language, priority, prompt, option (repeated)
                                    -> {text, confidence}
    POST /synthesise                {text, voice, language} -> s16le 16 kHz, streamed a sentence at a time
    POST /render                    {texts, voice, language} -> {kept, rendering}; made in the background, kept on disk
    GET  /health                    200 when both models work, else 503; needs no key
    GET  /metrics                   Prometheus text

Everything but /health needs ``Authorization: Bearer KEY``. What doesn't fit into the queues gets 503 with Retry-After.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import web

from config.agents import SpeechSettings

from ..errors import ModelMissing, SpeechOverloaded, SpeechRefused, SpeechUnavailable
from ..tts.text import MAX_TEXT
from . import metrics, wav
from .engines import PRIORITIES, Engines

log = logging.getLogger(__name__)

MAX_TURN_BYTES = 30 * wav.RATE_HZ * 2 + 4096
MAX_FILE_BYTES = 25 << 20  # OpenAI's limit
MAX_FILE_S = 3600.0
MAX_TEXTS = 500
MAX_PROMPT = 1000
OPENAI_PCM_RATE_HZ = 24_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ENGINES: web.AppKey[Engines] = web.AppKey("engines", Engines)
_LANGUAGE: web.AppKey[str] = web.AppKey("language", str)


def build(settings: SpeechSettings, engines: Engines) -> web.Application:
    """The application; it owns nothing: *engines* are loaded and closed by the caller.

    request -> authorised -> errors_as_answers -> handler -> Engines
    """
    app = web.Application(
        client_max_size=MAX_FILE_BYTES, middlewares=[_authorised(settings.api_key.reveal()), _errors_as_answers]
    )
    app[_ENGINES], app[_LANGUAGE] = engines, settings.language
    app.add_routes(
        [
            web.post("/v1/audio/transcriptions", transcriptions),
            web.post("/v1/audio/speech", speech),
            web.post("/recognise", recognise),
            web.post("/synthesise", synthesise),
            web.post("/render", render),
            web.get("/health", health),
            web.get("/metrics", metrics_text),
        ]
    )
    return app


def _authorised(api_key: str) -> Any:
    wanted = f"Bearer {api_key}".encode()

    @web.middleware
    async def authorised(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/health":
            given = request.headers.get("Authorization", "").encode()
            if not api_key or not hmac.compare_digest(given, wanted):
                return _error(401, "unauthorised", "the bearer key is missing or wrong")
        return await handler(request)

    return authorised


@web.middleware
async def _errors_as_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one table of statuses. Once a stream has begun it can only be broken off, which the client notices."""
    try:
        return await handler(request)
    except SpeechOverloaded as error:
        return _error(503, error.code, str(error), {"Retry-After": str(math.ceil(error.retry_after_s))})
    except SpeechUnavailable as error:
        return _error(503, error.code, str(error), {"Retry-After": "2"})
    except (SpeechRefused, ModelMissing) as error:
        return _error(400, error.code, str(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _error(error.status, "http", error.text or error.reason)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status, headers=headers)


async def transcriptions(request: web.Request) -> web.StreamResponse:
    fields: dict[str, str] = {}
    data = b""
    if not request.content_type.startswith("multipart/"):
        raise SpeechRefused("multipart/form-data with a field 'file' is expected")
    async for part in await request.multipart():
        name = getattr(part, "name", None)
        if name == "file":
            data = bytes(await part.read(decode=True))  # type: ignore[union-attr]
        elif name:
            fields[name] = (await part.text())[:MAX_PROMPT]  # type: ignore[union-attr]
    if not data:
        raise SpeechRefused("the field 'file' is missing or empty")
    try:
        samples = await asyncio.to_thread(wav.samples_16k, data, max_s=MAX_FILE_S)
    except ValueError as error:
        raise SpeechRefused(str(error)) from error
    language = fields.get("language") or request.app[_LANGUAGE]
    text = await request.app[_ENGINES].transcribe_file(samples, language=language, prompt=fields.get("prompt", ""))
    if fields.get("response_format", "json") == "text":
        return web.Response(text=text + "\n")
    return web.json_response({"text": text})


async def speech(request: web.Request) -> web.StreamResponse:
    body = await _json(request)
    kind = str(body.get("response_format", "wav"))
    if kind not in ("wav", "pcm"):
        raise SpeechRefused("response_format is 'wav' or 'pcm'")
    audio = _spoken(request, body, "input")
    if kind == "wav":
        return await _stream(request, audio, "audio/wav", wav.header(wav.RATE_HZ))
    return await _stream(request, _at_24k(audio), "audio/pcm")


async def recognise(request: web.Request) -> web.StreamResponse:
    priority = request.query.get("priority", "final")
    if priority not in PRIORITIES:
        raise SpeechRefused(f"priority is one of {', '.join(PRIORITIES)}")
    if (request.content_length or 0) > MAX_TURN_BYTES:
        raise SpeechRefused("a turn is at most 30 s; send recordings to /v1/audio/transcriptions")
    heard = await request.app[_ENGINES].recognise(
        await request.read(),
        language=request.query.get("language") or request.app[_LANGUAGE],
        prompt=request.query.get("prompt", "")[:MAX_PROMPT],
        options=tuple(request.query.getall("option", []))[:32],
        priority=priority,
    )
    return web.json_response({"text": heard.text, "confidence": heard.confidence})


async def synthesise(request: web.Request) -> web.StreamResponse:
    return await _stream(request, _spoken(request, await _json(request), "text"), "audio/pcm")


async def render(request: web.Request) -> web.StreamResponse:
    body = await _json(request)
    texts = body.get("texts")
    if not isinstance(texts, list) or len(texts) > MAX_TEXTS or not all(isinstance(text, str) for text in texts):
        raise SpeechRefused(f"texts is a list of at most {MAX_TEXTS} strings")
    voice, language = _voice(request, body)
    kept, rendering = request.app[_ENGINES].render(texts, voice=voice, language=language)
    return web.json_response({"kept": kept, "rendering": rendering}, status=202 if rendering else 200)


async def health(request: web.Request) -> web.StreamResponse:
    engines = request.app[_ENGINES]
    ready = engines.stt.state == engines.tts.state == "ready"
    state = "ready" if ready else "failed" if "failed" in (engines.stt.state, engines.tts.state) else "loading"
    answer = {
        "status": state,
        "stt": engines.stt.state,
        "tts": engines.tts.state,
        "errors": [part.error for part in (engines.stt, engines.tts) if part.error],
        "waiting": {"stt": engines.stt_work.waiting, "tts": engines.tts_work.waiting},
        "rendering": engines.rendering,
    }
    return web.json_response(answer, status=200 if ready else 503)


async def metrics_text(request: web.Request) -> web.StreamResponse:
    return web.Response(text=metrics.text(request.app[_ENGINES]), content_type="text/plain")


def _spoken(request: web.Request, body: dict[str, Any], field: str) -> AsyncIterator[bytes]:
    text = body.get(field)
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise SpeechRefused(f"{field} is a text of at most {MAX_TEXT} characters")
    voice, language = _voice(request, body)
    return request.app[_ENGINES].synthesise(text, voice=voice, language=language)


def _voice(request: web.Request, body: dict[str, Any]) -> tuple[str, str]:
    return str(body.get("voice") or ""), str(body.get("language") or request.app[_LANGUAGE])


async def _stream(
    request: web.Request, audio: AsyncIterator[bytes], content_type: str, head: bytes = b""
) -> web.StreamResponse:
    """Send *audio* as it is made. The status waits for the first piece, so an early failure is still an answer."""
    first = await anext(audio, b"")
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    await response.prepare(request)
    # The far end may hang up on us at any piece: that is its right, and the sentence in work is kept all the same.
    with contextlib.suppress(ConnectionResetError):
        if head + first:
            await response.write(head + first)
        async for piece in audio:
            await response.write(piece)
        await response.write_eof()
    return response


async def _at_24k(audio: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    import numpy as np

    async for piece in audio:
        samples = np.frombuffer(piece, "<i2").astype(np.float32)
        yield wav.resample(samples, wav.RATE_HZ, OPENAI_PCM_RATE_HZ).clip(-32768, 32767).astype("<i2").tobytes()


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SpeechRefused("the body is not JSON") from error
    if not isinstance(body, dict):
        raise SpeechRefused("the body is not a JSON object")
    return body
