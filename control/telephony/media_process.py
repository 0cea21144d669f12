"""The media process: sessions, their clock and the socket that SIP workers bring their callers to.

    control ══ link ══► MediaProcess ──► MediaSession × many ◄── MediaClock (20 ms)
                                              ▲
    SIP workers ──── PcmListener ─────────────┘

Started by the supervisor (``python -m control.telephony.media_process --settings FILE``). It holds no durable state:
killed, its callers' SIP workers keep their calls and bring them to another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from agents.pipeline import warm
from agents.speech import SpeechClient
from config.agents import VoiceSettings
from config.media import MediaSettings
from media import tones
from media.clock import MediaClock
from media.link import Link, LinkError, connect
from media.pcm_link import PcmListener
from media.process import Lifetime, read_settings, serve_process

from . import wire
from .session import MediaSession, error_code

RECONNECT_S = (0.1, 0.2, 0.5, 1.0, 2.0)
ORPHAN_S = 30.0  # sessions outlive a lost link to control this long

log = logging.getLogger(__name__)


class MediaProcess:
    """All sessions of this process. One task a command, owned by its session's task group."""

    def __init__(self, name: str, media: MediaSettings, voice: VoiceSettings, speech: SpeechClient, pcm: str) -> None:
        self.name = name
        self._media, self._voice, self._speech = media, voice, speech
        self._clock = MediaClock()
        self._listener = PcmListener(pcm)
        self._sessions: dict[str, MediaSession] = {}
        self._work: dict[str, set[asyncio.Task[None]]] = {}
        self._link: Link | None = None

    async def run(self, address: str, token: str) -> None:
        """Serve control at *address*, reconnecting for ever. Cancelled: every session is closed, recordings kept."""
        attempt = 0
        async with self._listener:
            try:
                while True:
                    try:
                        await self._serve(address, token)
                        attempt = 0
                    except (OSError, LinkError) as error:
                        log.warning("control_not_reached", extra={"error": str(error)})
                    await asyncio.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
                    attempt += 1
            finally:
                for session in list(self._sessions):
                    await self._close(session)

    async def _serve(self, address: str, token: str) -> None:
        link = await connect(
            address, token=token, role="media", name=self.name, pcm=self._listener.path,
            capacity=self._media.max_sessions, pid=os.getpid(),
        )  # fmt: skip
        self._link = link
        log.info("control_joined", extra={"host": self.name})
        # A control that comes anew knows none of our sessions: their calls are brought back to us as new ones.
        for session in list(self._sessions):
            await self._close(session)
        try:
            async for message in link:
                try:
                    self._take(wire.decode(message, wire.COMMANDS))
                except ValueError as error:
                    log.error("command_refused", extra={"error": str(error)})
        finally:
            self._link = None
            await link.close()

    def _tell(self, event: wire.Wire) -> None:
        if self._link is not None:
            self._link.send(event.encode())

    def _take(self, command: wire.Wire) -> None:
        if isinstance(command, wire.Open):
            self._spawn(command.session, self._open(command), "open")
            return
        session = self._sessions.get(command.session)
        if session is None:
            self._fail(command, "no_session", "the session is not open here")
            return
        self._spawn(session.id, self._run(session, command), command.TYPE)

    def _spawn(self, session: str, work: Coroutine[Any, Any, None], name: str) -> None:
        tasks = self._work.setdefault(session, set())
        task = asyncio.create_task(work, name=f"{session}/{name}")
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def _open(self, command: wire.Open) -> None:
        if command.session in self._sessions:  # its worker lost us and comes again: what was recorded is kept
            await self._close(command.session)
        try:
            if command.record:
                Path(command.record).parent.mkdir(parents=True, exist_ok=True)
            session = MediaSession(command, self._clock, self._speech, self._voice, self._tell)
            await session.start()
        except Exception as error:
            log.exception("session_not_opened", extra={"session": command.session})
            self._fail(command, error_code(error), str(error))
            return
        self._sessions[command.session] = session
        self._spawn(session.id, self._attach(session), "attach")
        self._tell(wire.Reply(command.session, command.rid, {}))

    async def _attach(self, session: MediaSession) -> None:
        """Let the SIP worker in each time it comes with the session's token."""
        while session.id in self._sessions:
            leg = await self._listener.expect(session.id, session.token)
            session.attach(leg)
            await leg.gone.wait()
            session.leg_lost()

    async def _run(self, session: MediaSession, command: wire.Wire) -> None:
        try:
            closing = isinstance(command, wire.Close)
            value = await self._close(session.id) if closing else await session.run(command)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            code = error_code(error)
            if code == "failed":
                log.exception("command_failed", extra={"session": session.id, "command": command.TYPE})
            self._fail(command, code, str(error))
            return
        rid = getattr(command, "rid", "")
        if rid:
            self._tell(wire.Reply(session.id, rid, value or {}))

    def _fail(self, command: wire.Wire, code: str, message: str) -> None:
        rid = getattr(command, "rid", "")
        if rid:
            self._tell(wire.Reply(command.session, rid, None, code, message[:500]))
        else:
            log.warning("command_lost", extra={"session": command.session, "command": command.TYPE, "code": code})

    async def _close(self, session_id: str) -> dict[str, Any]:
        session = self._sessions.pop(session_id, None)
        self._listener.forget(session_id)
        me = asyncio.current_task()
        tasks = [task for task in self._work.pop(session_id, set()) if task is not me]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await session.close() if session is not None else {"recording": None}


async def serve(settings: dict[str, Any], lifetime: Lifetime) -> None:
    """Compose the process from its *settings* and run it until *lifetime* ends."""
    media = MediaSettings.model_validate(settings["media"])
    voice = VoiceSettings.model_validate(settings["voice"])
    name = str(settings["name"])
    run_dir = Path(settings["state_dir"]) / "run"
    run_dir.mkdir(parents=True, exist_ok=True)
    async with SpeechClient(settings["speech"]["url"], settings["speech"]["api_key"]) as speech:
        await warm()
        await asyncio.to_thread(tones.hold_music)  # synthesised once, before anybody waits for it
        process = MediaProcess(name, media, voice, speech, str(run_dir / f"{name}.pcm"))
        running = asyncio.create_task(process.run(settings["link"], settings["link_token"]), name="media process")
        gc.freeze()  # what was imported stays: no full collection in the middle of a tick
        lifetime.ready(name=name)
        await lifetime.until_stopped(running)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main(argv: list[str] | None = None) -> int:
    return serve_process("media", read_settings(argv), serve)


if __name__ == "__main__":
    raise SystemExit(main())
