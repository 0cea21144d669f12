"""One live call in control, from the INVITE to its last write.

    answer ─► dialog (the flow) ─► queue ─► person ─► end
                   │                 ▲        │
                   └── ends ─► bye   └────────┘ attendant gone for AWAY_S

``phases`` walks that road in one task; whatever arrives from outside (a digit, an acceptance, a lost process) is an
``Incident`` in a bounded inbox that the current phase reads. The call ends by ``ended``: phases are cancelled and the
last writes are made whatever happens.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from . import wire
from .dialog import Dialog
from .errors import CallGone, MediaLost, MediaRefused, NoCapacity, SpeechDown
from .hosts import MediaHost, SipHost
from .journal import Journal
from .ledger import Handover, Known, Ledger
from .line import Line, MediaSource
from .texts import text

T = TypeVar("T")
log = logging.getLogger(__name__)

JOIN_S = 15.0  # a room's server may take this long to come back
AWAY_S = 60.0  # a call whose attendant left the room goes back to the queue after this
GRACE_S = 2.0  # the attendant's browser may reload without the caller hearing music
INBOX = 256


@dataclass(frozen=True, slots=True)
class Incoming:
    """What the SIP gateway told of a new call."""

    id: str
    trunk: str
    caller: str  # E.164, or what the far end sent; "" when withheld
    caller_name: str
    called: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to the call: ``kind`` and its values."""

    kind: str  # accepted, finish, digit, people, room_lost, media_gone, hold, resume
    value: Any = None


class Surroundings(MediaSource, Protocol):
    """What a call needs of the centre that owns it."""

    def room_grant(self, call: str, identity: str, name: str) -> tuple[str, str]: ...
    async def close_room(self, call: str) -> None: ...
    def recorded(self, call: str) -> list[str]: ...
    def dialog(self, call: LiveCall) -> Dialog: ...

    announce_s: float


class LiveCall:
    """A call that is up. Owned by ``centre.CallCentre``, which runs ``run`` and hands on what the links tell."""

    def __init__(
        self, incoming: Incoming, sip: SipHost, ledger: Ledger, around: Surroundings, known: Known | None = None
    ) -> None:
        """*known*: the call is up already and control was restarted; it is taken up where its conversation stands."""
        self.id = incoming.id
        self.incoming = incoming
        self.sip = sip
        self.ledger = ledger
        self.language = around.language
        self.session_id: UUID | None = None  # the conversation
        self.accepted = asyncio.Event()
        self.finishing = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause = ""
        self.refused_incidents = 0
        self.journal = Journal(self.id)
        self.line = Line(self.id, sip, around)
        self._around = around
        self._known = known
        self._inbox: asyncio.Queue[Incident] = asyncio.Queue(INBOX)
        self._handed_over: Handover | None = None
        self._held = False

    # --- told from outside (never blocks) ---------------------------------------------------------------------------

    def happened(self, kind: str, value: Any = None) -> None:
        """Put an incident into the inbox. A full inbox drops it, and counts: the phase is stuck or flooded."""
        if kind == "accepted":
            self.accepted.set()
        elif kind == "finish":
            self.finishing.set()
        try:
            self._inbox.put_nowait(Incident(kind, value))
        except asyncio.QueueFull:
            self.refused_incidents += 1

    def end(self, cause: str) -> None:
        self.cause = self.cause or cause
        self.ended.set()

    def media_gone(self, host: MediaHost) -> None:
        if host is self.line.host:
            self.happened("media_gone", host)

    def worker_lost_media(self) -> None:
        """The SIP worker has no media process any more, though ours may still be there: open the session anew."""
        if self.line.host is not None:
            self.media_gone(self.line.host)

    # --- the road ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Live through the call. Cancelled: the call is hung up and its last writes are made."""
        phases = asyncio.create_task(self._phases(), name=f"{self.id}/phases")
        ended = asyncio.create_task(self.ended.wait(), name=f"{self.id}/ended")
        try:
            await asyncio.wait({phases, ended}, return_when=asyncio.FIRST_COMPLETED)
            if phases.done() and not self.ended.is_set():
                self.sip.tell("hang_up", self.id)
                await asyncio.wait({ended}, timeout=3.0)
        finally:
            if not self.ended.is_set():
                self.sip.tell("hang_up", self.id)
                self.end("we_hung_up")
            ended.cancel()
            phases.cancel()
            await asyncio.gather(phases, ended, return_exceptions=True)
            await outlive_cancel(self._last_writes())

    async def _phases(self) -> None:
        try:
            if self._known is not None:
                await self._take_up(self._known)
            elif not await self._answer():
                return
            if self._handed_over is None:
                await self._talk_with_bot()
            while self._handed_over is not None:
                if not await self._wait_for_person():
                    return
                if not await self._talk_with_person():
                    return
            await self.say(text(self.language, "goodbye"))
        except (CallGone, NoCapacity, MediaLost) as error:
            log.error("call_given_up", extra={"call": self.id, "error": error.code, "detail": str(error)})
            self.cause = self.cause or error.code
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("call_failed", extra={"call": self.id})
            self.cause = self.cause or "internal_error"

    async def _answer(self) -> bool:
        try:
            self._around.pick_media()  # refuse before anything is written
            self.session_id = await self.ledger.open(self)
            await self.line.open("answer")
        except NoCapacity as error:
            log.warning("call_refused", extra={"call": self.id, "reason": str(error)})
            self.sip.tell("reject", self.id, code=503, reason="No capacity", retry_after=5)
            self.cause = "no_capacity"
            return False
        except Exception:
            self.sip.tell("reject", self.id, code=500, reason="Internal error", retry_after=5)
            raise
        return True

    async def _take_up(self, known: Known) -> None:
        """Go on with a call that an earlier control process answered."""
        log.warning("call_taken_up", extra={"call": self.id, "status": known.status})
        self.session_id = known.session_id
        self.line.parts = self._around.recorded(self.id)
        await self.line.open("attach")
        if known.status != "bot":
            self._handed_over = Handover("", "control_restarted")
        if known.status in ("active", "pending"):
            self.accepted.set()

    async def _talk_with_bot(self) -> None:
        self.ledger.advance(self, "bot")
        dialog = self._around.dialog(self)
        try:
            self._handed_over = await dialog.run()
        except SpeechDown as error:
            log.error("speech_down", extra={"call": self.id, "detail": str(error)})
            await self.line.play_emergency("apology")
            self._handed_over = await dialog.hand_over_anyway("speech_unavailable")

    async def _wait_for_person(self) -> bool:
        """Music, position and expected wait until somebody accepts. False: the caller left the queue for a callback."""
        if not self.accepted.is_set():
            self.ledger.advance(self, "queued")
        entered = time.monotonic()
        offered_callback = False
        while not self.accepted.is_set():
            place = await self.ledger.place(self)
            if place is None:  # taken out of the queue elsewhere (resolved by a supervisor)
                return False
            if time.monotonic() - entered > place.max_wait_s:
                self.ledger.ask_callback(self, "max_wait")
                await self._say_anyway(text(self.language, "overflow"))
                return False
            sentences = [text(self.language, "position_first" if place.position <= 1 else "position",
                              position=place.position)]  # fmt: skip
            if not place.attendants_online:
                sentences = [text(self.language, "nobody"), *sentences]
            if place.estimated_wait_s >= 90:
                sentences.append(text(self.language, "wait", minutes=round(place.estimated_wait_s / 60)))
            if not place.attendants_online or offered_callback or place.estimated_wait_s >= 90:
                sentences.append(text(self.language, "callback_offer"))
                offered_callback = True
            for sentence in sentences:
                await self._until(self.accepted, self._say_anyway(sentence))
            if not self.accepted.is_set():
                self.line.tell(wire.Play(self.id, "music"))
            asked = await self._read_queue(offered_callback, self._around.announce_s)
            if asked:
                self.ledger.ask_callback(self, "caller")
                await self._say_anyway(text(self.language, "callback_taken"))
                return False
        return True

    async def _read_queue(self, callback_offered: bool, seconds: float) -> bool:
        """Wait *seconds* or until accepted; True when the caller pressed 1 after the offer of a callback."""
        deadline = time.monotonic() + seconds
        while not self.accepted.is_set():
            incident = await self._next(deadline - time.monotonic())
            if incident is None:
                return False
            if incident.kind == "digit" and incident.value == "1" and callback_offered:
                return True
            if incident.kind == "finish":
                return False
            if incident.kind == "media_gone":
                await self.line.reopen(incident.value)
                self.line.tell(wire.Play(self.id, "music"))
        return False

    async def _talk_with_person(self) -> bool:
        """Bridge the caller with the room until the conversation is finished. True: back to the queue."""
        await self._join_room()
        self.ledger.advance(self, "talking")
        there = False
        leave_at: float | None = time.monotonic() + AWAY_S  # the browser has yet to come
        music = False
        while not self.finishing.is_set():
            left = None if leave_at is None else leave_at - time.monotonic()
            if there is False and not music and leave_at is not None:
                left = min(left or 0, GRACE_S)
            incident = await self._next(left)
            if incident is None:
                if leave_at is not None and time.monotonic() >= leave_at:
                    await self._leave_person()
                    return True
                if not music and not self._held:
                    music = True
                    self.line.tell(wire.Hold(self.id))
                continue
            match incident.kind:
                case "people":
                    there = any(identity.startswith("attendant-") for identity in incident.value)
                    leave_at = None if there else (leave_at or time.monotonic() + AWAY_S)
                    if there and music and not self._held:
                        self.line.tell(wire.Resume(self.id))
                    music = music and not there
                case "hold":
                    self._held = True
                    self.line.tell(wire.Hold(self.id))
                    self.ledger.advance(self, "held")
                case "resume":
                    self._held = False
                    self.line.tell(wire.Resume(self.id))
                    self.ledger.advance(self, "talking")
                case "room_lost":
                    log.error("room_lost", extra={"call": self.id, "reason": incident.value})
                    await self._rejoin()
                case "media_gone":
                    await self.line.reopen(incident.value)
                    await self._rejoin()
        return False

    async def _leave_person(self) -> None:
        self.accepted.clear()
        self._held = False
        self.line.tell(wire.Leave(self.id))
        self.ledger.requeue(self)

    async def _rejoin(self) -> None:
        await self.line.play_emergency("moment")
        self.line.tell(wire.Play(self.id, "music"))
        await self._join_room()
        if self._held:
            self.line.tell(wire.Hold(self.id))

    async def _join_room(self) -> None:
        deadline = time.monotonic() + JOIN_S
        while True:
            url, token = self._around.room_grant(self.id, f"caller-{self.id}", self.incoming.caller_name or "Cliente")
            try:
                await self.line.do(lambda rid, url=url, token=token: wire.Join(self.id, rid, url, token))  # type: ignore[misc]
            except SpeechDown:
                raise
            except MediaRefused as error:
                if time.monotonic() > deadline:
                    raise CallGone(f"the room cannot be entered: {error}") from error
                log.warning("room_not_joined", extra={"call": self.id, "error": str(error)})
                await asyncio.sleep(0.5)
            else:
                return

    # --- the session ------------------------------------------------------------------------------------------------

    async def say(self, words: str, *, interruptible: bool = True, **question: Any) -> dict[str, Any]:
        """Speak *words* and write down what was heard of them. *question*: the answers hoped for (see ``wire.Say``).

        Raises:
            SpeechDown: there is no voice now.
        """
        said = await self.line.do(lambda rid: wire.Say(self.id, rid, words, interruptible, **question))
        self.ledger.said(self, said["text"], said)
        return said

    async def ask(self, **expect: Any) -> dict[str, Any]:
        """Listen for one answer (see ``wire.Ask``) and write it down."""
        heard = await self.line.do(lambda rid: wire.Ask(self.id, rid, **expect))
        if heard["text"]:
            self.ledger.heard(self, heard)
        return heard

    async def _say_anyway(self, words: str) -> None:
        """Speak if there is a voice; a queue goes on without one."""
        try:
            await self.say(words, interruptible=False)
        except SpeechDown:
            log.warning("sentence_not_said", extra={"call": self.id})

    # --- waiting ----------------------------------------------------------------------------------------------------

    async def _next(self, seconds: float | None) -> Incident | None:
        """The next incident, or None after *seconds*."""
        try:
            async with asyncio.timeout(None if seconds is None else max(0.0, seconds)):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def _until(self, event: asyncio.Event, work: Awaitable[T]) -> T | None:
        """Await *work*, but no longer than *event* is unset."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            stop.cancel()
            if not task.done():
                task.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _last_writes(self) -> None:
        """Close the session, the room and the rows. Each step is tried whatever became of the one before."""
        for step in (
            self.line.close(),
            self._leave_room_closed(),
            self.ledger.save_recordings(self, self.line.parts),
            self.ledger.finish(self, self.cause or "unknown"),
        ):
            try:
                await step
            except Exception:
                log.exception("last_write_failed", extra={"call": self.id})

    async def _leave_room_closed(self) -> None:
        if self.accepted.is_set():
            await self._around.close_room(self.id)


async def outlive_cancel(work: Awaitable[T], *, grace_s: float = 10.0) -> T:
    """Await *work*; cancelled meanwhile, give it *grace_s* seconds before passing the cancellation on."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=grace_s)
        raise
