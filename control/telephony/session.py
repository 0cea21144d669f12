"""A media session: one caller, and whoever the caller is talking to now. What a media process runs.

    SIP worker ──PCM──► SocketLeg ─┐            ┌─ Voice      the bot: speech service
                                   ├─ Bridge ───┼─ RoomLeg    people, through a LiveKit room
    recorder ◄─ caller │ others ◄──┘            └─ Player     hold music, a prompt from a file

The bridge is ticked by the process's clock; nothing here runs at frame rate except cheap taps. Commands come from
control (``wire``), one at a time per session; a command that changes who is heard ends what was being said before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.pipeline import Expect, Transcriber, Voice
from agents.speech import SpeechClient, SpeechError
from config.agents import VoiceSettings
from media.bridge import Bridge
from media.clock import MediaClock
from media.frames import FRAME_MS, Frame
from media.leg import Leg
from media.player import Player
from media.recording import DualRecorder
from media.rooms import RoomLeg

from . import wire

log = logging.getLogger(__name__)

CUSTOMER = "customer"


class Superseded(Exception):
    """A later command took the caller's ear before this one had finished."""


class MediaSession:
    """Owned by the media process from ``Open`` to ``Close``; ``run`` executes one command.

    Raises (as an error in the reply): ``speech_unavailable``, ``superseded``, ``room_unavailable``.
    """

    def __init__(
        self, opened: wire.Open, clock: MediaClock, speech: SpeechClient, settings: VoiceSettings,
        tell: Callable[[wire.Wire], None],
    ) -> None:  # fmt: skip
        self.id = opened.session
        self.token = opened.token
        self._opened, self._clock, self._speech, self._settings, self._tell = opened, clock, speech, settings, tell
        self._recorder = DualRecorder(Path(opened.record)) if opened.record else None
        self._bridge = Bridge(self._recorder)
        self._voice = Voice(speech, settings, language=opened.language, voice=opened.voice, emit=self._voice_event)
        self._room: RoomLeg | None = None
        self._ear: dict[str, Transcriber] = {}
        self._speaking: asyncio.Task[Any] | None = None
        self._held = False
        self._waiting_attach: asyncio.Event = asyncio.Event()

    async def start(self) -> None:
        await self._voice.start()
        self._clock.add(self._bridge)

    def attach(self, leg: Leg) -> None:
        """The SIP worker's audio arrived (again, after this process or the worker's socket was replaced)."""
        self._bridge.caller = leg
        self._tell(wire.Attached(self.id))

    def leg_lost(self) -> None:
        self._bridge.caller = None
        self._tell(wire.LegLost(self.id))

    @property
    def now_s(self) -> float:
        """Seconds on the session's timeline: frames that the bridge has moved."""
        return self._bridge.ticks * FRAME_MS / 1000

    # --- commands -------------------------------------------------------------------------------------------------

    async def run(self, command: wire.Wire) -> dict[str, Any] | None:
        """Execute *command*; the value is its reply's.

        Raises:
            SpeechError: the speech service does not answer.
            Superseded: another command that speaks came meanwhile.
        """
        match command:
            case wire.Say():
                return await self._spoken(self._say(command))
            case wire.Ask():
                return await self._spoken(self._ask(command))
            case wire.Play():
                return await self._spoken(self._play(command))
            case wire.Join():
                self._hush()
                await self._join(command)
            case wire.Leave():
                await self._leave()
            case wire.Hold():
                self._hold()
            case wire.Resume():
                self._resume()
            case wire.Digit():
                self._voice.digit(command.digit)
            case wire.Close():
                return await self.close()
        return None

    async def _spoken(self, work: Any) -> Any:
        """Run *work* as the one thing the caller hears now."""
        self._hush()
        task = self._speaking = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not _cancelling():
                raise Superseded(self.id) from None
            task.cancel()
            raise

    def _hush(self) -> None:
        if self._speaking is not None and not self._speaking.done():
            self._speaking.cancel()
        self._speaking = None

    async def _say(self, command: wire.Say) -> dict[str, Any]:
        self._bridge.connect(self._voice)
        said = await self._voice.say(command.text, interruptible=command.interruptible)
        return {"text": said.heard_text, "heard_s": round(said.heard_s, 2), "interrupted": said.interrupted}

    async def _ask(self, command: wire.Ask) -> dict[str, Any]:
        self._bridge.connect(self._voice)
        expect = Expect(
            timeout_s=command.timeout_s, max_digits=command.max_digits, gap_s=command.gap_s,
            options=tuple(command.options),
        )  # fmt: skip
        heard = await self._voice.ask(expect)
        return {
            "text": heard.text, "via": heard.via, "confidence": round(heard.confidence, 2),
            "start_s": round(heard.start_s, 2), "end_s": round(heard.end_s, 2),
        }  # fmt: skip

    async def _play(self, command: wire.Play) -> dict[str, Any] | None:
        player = Player.open(command.source)
        self._bridge.connect(player)
        if command.rid:
            await player.finished()
        return {}

    async def _join(self, command: wire.Join) -> None:
        await self._leave()
        room = RoomLeg(on_frame=self._room_frame, on_people=self._room_people, on_lost=self._room_lost)
        await room.connect(command.url, command.token)
        self._room = room
        self._listen(CUSTOMER, "")
        self._bridge.connect(room)
        self._bridge.tap_heard = self._ear[CUSTOMER].push
        self._held = False

    async def _leave(self) -> None:
        self._bridge.connect(None)
        self._bridge.tap_heard = None
        room, self._room = self._room, None
        ears, self._ear = self._ear, {}
        if room is not None:
            await room.close()
        for ear in ears.values():
            await ear.close()

    def _hold(self) -> None:
        self._held = True
        self._bridge.tap_heard = None
        self._bridge.connect(Player.open("music"))

    def _resume(self) -> None:
        self._held = False
        if self._room is not None:
            self._bridge.connect(self._room)
            self._bridge.tap_heard = self._ear[CUSTOMER].push

    async def close(self) -> dict[str, Any]:
        """End everything; what was recorded, as the reply to ``Close``."""
        self._hush()
        self._clock.remove(self._bridge)
        await self._leave()
        await self._voice.close()
        if self._recorder is None:
            return {"recording": None}
        info = await self._recorder.close()
        return {"recording": info.public()}

    # --- what people say ------------------------------------------------------------------------------------------

    def _listen(self, speaker: str, name: str) -> Transcriber:
        ear = self._ear.get(speaker)
        if ear is None:
            began_s = self.now_s
            ear = self._ear[speaker] = Transcriber(
                self._speech, self._settings, language=self._opened.language, speaker=speaker,
                emit=lambda event: self._transcribed(speaker, name, began_s, event),
            )  # fmt: skip
        return ear

    def _room_frame(self, identity: str, name: str, frame: Frame) -> None:
        if self._held:
            return
        self._listen(identity, name).push(frame)

    def _room_people(self, identities: list[str]) -> None:
        self._tell(wire.RoomChanged(self.id, identities))

    def _room_lost(self, reason: str) -> None:
        self._tell(wire.RoomLost(self.id, reason))

    def _transcribed(self, speaker: str, name: str, began_s: float, event: Any) -> None:
        if event.final:
            start_s, end_s = round(began_s + event.start_s, 2), round(began_s + event.end_s, 2)
            self._tell(wire.Heard(self.id, speaker, name, event.text, start_s, end_s))
        else:
            self._tell(wire.PartialHeard(self.id, speaker, name, event.text))

    def _voice_event(self, event: Any) -> None:
        """What the caller says to the bot, while it is being said (the final text is the reply to ``Ask``)."""
        text = getattr(event, "text", "")
        if text and not getattr(event, "final", False):
            self._tell(wire.PartialHeard(self.id, CUSTOMER, "", text))


def _cancelling() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def error_code(error: BaseException) -> str:
    """The code that control knows *error* by."""
    if isinstance(error, SpeechError):
        return "speech_unavailable"
    if isinstance(error, Superseded):
        return "superseded"
    return getattr(error, "code", "failed")
