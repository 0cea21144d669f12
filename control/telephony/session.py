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
from collections.abc import Callable, Coroutine
from typing import Any

from agents.events import Final, Partial, VoiceEvent
from agents.pipeline import Expect, Transcriber, Voice
from agents.speech import SpeechClient, SpeechError
from config.agents import VoiceSettings
from media.bridge import Bridge
from media.clock import MediaClock
from media.frames import Frame
from media.leg import Leg
from media.pcm_link import SocketLeg
from media.player import Player, hold_music, load_wav, ringback
from media.recording import DualRecorder
from media.rooms import (
    Disconnected,
    ParticipantJoined,
    ParticipantLeft,
    Reconnected,
    Reconnecting,
    RoomEvent,
    RoomLeg,
)

from . import wire

log = logging.getLogger(__name__)

CUSTOMER = "customer"
RECONNECT_S = 3.0  # a room connection that is not mended by then counts as lost


class Superseded(Exception):
    """A later command took the caller's ear before this one had finished."""


class MediaSession:
    """Owned by the media process from ``Open`` to ``Close``; ``run`` executes one command.

    Errors reach control in the reply: ``speech_unavailable``, ``superseded``, ``room_unavailable``.
    """

    def __init__(
        self, opened: wire.Open, clock: MediaClock, speech: SpeechClient, settings: VoiceSettings,
        tell: Callable[[wire.Wire], None],
    ) -> None:  # fmt: skip
        self.id = opened.session
        self.token = opened.token
        self._opened, self._clock, self._speech, self._settings, self._tell = opened, clock, speech, settings, tell
        self._voice = Voice(speech, settings, language=opened.language, voice=opened.voice, emit=self._voice_event)
        self._bridge: Bridge | None = None  # from the first audio on
        self._recorder: DualRecorder | None = None
        self._room: RoomLeg | None = None
        self._ears: dict[str, Transcriber] = {}
        self._opening: set[asyncio.Task[None]] = set()  # ears being opened
        self._untap: Callable[[], None] | None = None
        self._far: Leg | None = None
        self._speaking: asyncio.Task[Any] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._held = False

    async def start(self) -> None:
        """Get ready before the caller's audio comes, so that nothing is loaded while somebody waits."""
        if self._opened.record:
            self._recorder = await DualRecorder.open(self._opened.record)
        await self._voice.start()

    def attach(self, leg: SocketLeg) -> None:
        """The SIP worker's audio arrived; again, when its socket was replaced."""
        if self._bridge is None:
            self._bridge = Bridge(leg, self._recorder, far=self._far)
            self._bridge.start(self._clock, self._faulted)
        else:
            self._bridge.replace_caller(leg)
        self._tell(wire.Attached(self.id))

    def leg_lost(self) -> None:
        self._tell(wire.LegLost(self.id))

    def _faulted(self, error: Exception) -> None:
        log.error("session_faulted", extra={"session": self.id}, exc_info=error)
        self._tell(wire.Faulted(self.id, str(error)))

    @property
    def now_s(self) -> float:
        """Seconds on the session's timeline, which is the recording's."""
        return self._bridge.elapsed_s if self._bridge is not None else 0.0

    # --- commands -------------------------------------------------------------------------------------------------

    async def run(self, command: wire.Wire) -> dict[str, Any] | None:
        """Execute *command*; the value is its reply's.

        Raises:
            SpeechError: the speech service does not answer.
            Superseded: another command that speaks came meanwhile.
        """
        match command:
            case wire.Say():
                return await self._only(self._say(command))
            case wire.Ask():
                return await self._only(self._ask(command))
            case wire.Play():
                return await self._only(self._play(command))
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
        return None

    async def _only(self, work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        """Run *work* as the one thing the caller hears now; a later command ends it as ``Superseded``."""
        self._hush()
        task = self._speaking = asyncio.create_task(work, name=f"{self.id}/speaking")
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not _asked_to_stop():
                raise Superseded("another command took the caller's ear") from None
            task.cancel()
            raise

    def _hush(self) -> None:
        if self._speaking is not None and not self._speaking.done():
            self._speaking.cancel()
        self._speaking = None

    def _connect(self, far: Leg | None) -> None:
        self._far = far
        if self._bridge is not None:
            self._bridge.connect(far)

    async def _say(self, command: wire.Say) -> dict[str, Any]:
        self._connect(self._voice)
        start_s = self.now_s
        said = await self._voice.say(
            command.text, interruptible=command.interruptible,
            expect=Expect(max_digits=command.max_digits, options=tuple(command.options)),
        )  # fmt: skip
        return {
            "text": said.heard_text, "interrupted": said.interrupted, "start_s": round(start_s, 2),
            "end_s": round(start_s + said.heard_s, 2),
        }  # fmt: skip

    async def _ask(self, command: wire.Ask) -> dict[str, Any]:
        self._connect(self._voice)
        began_s = self.now_s
        heard = await self._voice.ask(
            Expect(
                timeout_s=command.timeout_s, max_digits=command.max_digits, gap_s=command.gap_s,
                options=tuple(command.options),
            )
        )  # fmt: skip
        return {
            "text": heard.text, "via": heard.via, "confidence": round(heard.confidence or 0.0, 2),
            "start_s": round(began_s, 2), "end_s": round(self.now_s, 2),
        }  # fmt: skip

    async def _play(self, command: wire.Play) -> dict[str, Any]:
        player = await _player(command.source)
        self._connect(player)
        if command.rid:
            await player.finished.wait()
        return {}

    async def _join(self, command: wire.Join) -> None:
        room = RoomLeg(name=f"room:{self.id}", emit=self._room_event, on_frame=self._room_frame)
        await room.join(command.url, command.token)  # what the caller hears goes on meanwhile
        await self._leave()
        self._room = room
        self._resume()
        self._tell_people()

    async def _leave(self) -> None:
        self._connect(None)
        self._deafen()
        self._be_patient()
        room, self._room = self._room, None
        ears, self._ears = self._ears, {}
        if room is not None:
            await room.close()
        for ear in ears.values():
            await ear.close()

    def _hold(self) -> None:
        self._held = True
        self._deafen()
        self._connect(hold_music())

    def _resume(self) -> None:
        self._held = False
        if self._room is None or self._bridge is None:
            return
        self._connect(self._room)
        self._deafen()
        self._untap = self._bridge.tap_heard(self._ear(CUSTOMER, "").push)

    def _deafen(self) -> None:
        """Stop transcribing the caller."""
        if self._untap is not None:
            self._untap()
            self._untap = None

    async def close(self) -> dict[str, Any]:
        """End everything; what was recorded, as the reply to ``Close``."""
        self._hush()
        if self._bridge is not None:
            self._bridge.stop()
        await self._leave()
        await self._voice.close()
        if self._recorder is None:
            return {"recording": None}
        info = await self._recorder.close()
        return {"recording": {"path": str(info.path), "seconds": info.seconds}}

    # --- what people say ------------------------------------------------------------------------------------------

    def _ear(self, speaker: str, name: str) -> Transcriber:
        ear = self._ears.get(speaker)
        if ear is None:
            ear = self._ears[speaker] = Transcriber(
                self._speech, self._settings, language=self._opened.language, speaker=speaker,
                emit=lambda event: self._transcribed(speaker, name, event), at_s=self.now_s,
            )  # fmt: skip
            opening = asyncio.create_task(ear.start(), name=f"{self.id}/ear {speaker}")
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        return ear

    def _room_frame(self, identity: str, name: str, frame: Frame) -> None:
        if not self._held:
            self._ear(identity, name).push(frame)

    def _room_event(self, event: RoomEvent) -> None:
        match event:
            case ParticipantJoined() | ParticipantLeft():
                self._tell_people()
            case Reconnecting():
                # Music instead of silence at once. The SDK tries for half a minute; a caller does not.
                self._connect(hold_music())
                self._patience = asyncio.get_running_loop().call_later(RECONNECT_S, self._room_lost, "reconnecting")
            case Reconnected():
                self._be_patient()
                if not self._held:
                    self._resume()
            case Disconnected():
                self._room_lost(event.reason)

    def _be_patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _tell_people(self) -> None:
        if self._room is not None:
            self._tell(wire.RoomChanged(self.id, sorted(self._room.participants)))

    def _room_lost(self, reason: str) -> None:
        self._be_patient()
        if self._room is not None:
            self._tell(wire.RoomLost(self.id, reason))

    def _transcribed(self, speaker: str, name: str, event: VoiceEvent) -> None:
        match event:
            case Final():
                start_s, end_s = round(event.start_s, 2), round(event.end_s, 2)
                self._tell(wire.Heard(self.id, speaker, name, event.text, start_s, end_s))
            case Partial():
                self._tell(wire.PartialHeard(self.id, speaker, name, event.text))

    def _voice_event(self, event: VoiceEvent) -> None:
        """What the caller says to the bot while it is being said; the final text is the reply to ``Ask``."""
        if isinstance(event, Partial):
            self._tell(wire.PartialHeard(self.id, CUSTOMER, "", event.text))


async def _player(source: str) -> Player:
    if source == "music":
        return hold_music()
    if source == "ringback":
        return ringback()
    return Player(source, await load_wav(source))


def _asked_to_stop() -> bool:
    """Is the current task itself being cancelled (rather than the one it waits for)?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def error_code(error: BaseException) -> str:
    """The code that control knows *error* by."""
    if isinstance(error, SpeechError):
        return "speech_unavailable"
    if isinstance(error, Superseded):
        return "superseded"
    return str(getattr(error, "code", "failed"))
