"""Every live call of this control process: who is up, what their surroundings are, which event belongs to whom.

sip events ──┐                         ┌─► LiveCall.happened / end / attached
media events ┼─► CallCentre (by id) ───┤
desk (HTTP) ─┘                         └─► ledger (what people said, as rows)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from media.link import Message
from media.rooms import Grant, RoomApi, make_token

from . import wire
from .call import Incoming, LiveCall
from .dialog import Dialog, FlowBook
from .hosts import CallHosts, MediaHost, SipHost
from .ledger import Ledger

log = logging.getLogger(__name__)

JOIN_S = 20.0  # after a start of control, call hosts have this long to bring the calls that they still carry


@dataclass(frozen=True, slots=True)
class CentreSettings:
    """What the calls of this centre have in common."""

    language: str
    voice: str
    announce_s: float
    recordings_dir: Path | None  # None: nothing is recorded
    prompts_dir: Path
    rooms_url: str  # for our sessions
    rooms_public_url: str  # for browsers
    room_prefix: str
    api_key: str
    api_secret: str


class CallCentre:
    """Owns the live calls, one task each. ``close`` ends them."""

    def __init__(
        self, settings: CentreSettings, ledger: Ledger, flows: FlowBook, rooms: RoomApi,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.language, self.voice, self.announce_s = settings.language, settings.voice, settings.announce_s
        self.hosts = CallHosts(self)
        self._ledger, self._flows, self._rooms = ledger, flows, rooms
        self._live: dict[str, LiveCall] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._joining: set[asyncio.Task[None]] = set()

    # --- events -----------------------------------------------------------------------------------------------------

    def sip_event(self, host: SipHost, event: Message) -> None:
        kind, call_id = event.get("type"), str(event.get("call", ""))
        if kind == "incoming":
            self._incoming(host, event)
            return
        call = self._live.get(call_id)
        if call is None:
            return
        match kind:
            case "ended":
                call.end(str(event.get("cause") or "unknown"))
            case "digit":
                self._digit(call, str(event.get("digit", "")))
            case "media_lost":
                call.worker_lost_media()
            case "held" | "resumed":
                log.info("peer_hold", extra={"call": call_id, "event": kind})

    def sip_joined(self, host: SipHost, calls: list[str]) -> None:
        """A gateway came, with *calls* up: those of a control process that is no more are taken up."""
        for call_id in calls:
            if call_id not in self._live:
                task = asyncio.create_task(self._take_up(host, call_id), name=f"take up {call_id}")
                self._joining.add(task)
                task.add_done_callback(self._joining.discard)

    async def _take_up(self, host: SipHost, call_id: str) -> None:
        known = await self._ledger.known(call_id)
        if known is None:
            log.warning("unknown_call", extra={"call": call_id})
            host.tell("hang_up", call_id, code=503, reason="Service restarted")
            return
        incoming = Incoming(call_id, "", known.caller, known.caller_name, known.called, {})
        self._start(LiveCall(incoming, host, self._ledger, self, known))

    async def reap(self) -> None:
        """Once, after a start: end the rows of calls that no call host has brought within JOIN_S."""
        await asyncio.sleep(JOIN_S)
        await self._ledger.end_lost_calls(self._live)

    def _incoming(self, host: SipHost, event: Message) -> None:
        incoming = Incoming(
            id=str(event["call"]), trunk=str(event.get("trunk", "")), caller=str(event.get("caller", "")),
            caller_name=str(event.get("caller_name", "")), called=str(event.get("called", "")),
            headers=dict(event.get("headers") or {}),
        )  # fmt: skip
        self._start(LiveCall(incoming, host, self._ledger, self))

    def _start(self, call: LiveCall) -> None:
        self._live[call.id] = call
        task = self._tasks[call.id] = asyncio.create_task(call.run(), name=f"call {call.id}")
        task.add_done_callback(lambda done: self._over(call, done))

    def _over(self, call: LiveCall, task: asyncio.Task[None]) -> None:
        self._live.pop(call.id, None)
        self._tasks.pop(call.id, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("call_task_failed", extra={"call": call.id}, exc_info=task.exception())

    def _digit(self, call: LiveCall, digit: str) -> None:
        call.happened("digit", digit)
        call.line.tell(wire.Digit(call.id, digit))

    def sip_gone(self, host: SipHost) -> None:
        for call in list(self._live.values()):
            if call.sip is host:
                call.end("gateway_lost")

    def media_event(self, host: MediaHost, event: wire.Wire) -> None:
        call = self._live.get(event.session)
        if call is None:
            return
        match event:
            case wire.Attached():
                call.line.attached.set()
            case wire.RoomChanged():
                call.happened("people", list(event.identities))
            case wire.RoomLost():
                call.happened("room_lost", event.reason)
            case wire.Faulted():
                call.media_gone(host)
            case wire.Heard():
                self._ledger.person_said(call, event)
            case wire.PartialHeard():
                self._ledger.partial(call, event)

    def media_gone(self, host: MediaHost) -> None:
        for call in list(self._live.values()):
            call.media_gone(host)

    # --- surroundings of a call ---------------------------------------------------------------------------------------

    def pick_media(self) -> MediaHost:
        return self.hosts.pick_media()

    async def next_media(self, within_s: float) -> MediaHost:
        return await self.hosts.next_media(within_s)

    def room_name(self, call: str) -> str:
        return f"{self.settings.room_prefix}{call}"

    def room_grant(self, call: str, identity: str, name: str) -> tuple[str, str]:
        """Address and token with which *identity* enters the call's room."""
        grant = Grant(
            self.room_name(call), identity, name, kind="sip" if identity.startswith("caller-") else "standard"
        )
        token = make_token(self.settings.api_key, self.settings.api_secret, grant)
        return self.settings.rooms_url, token

    async def close_room(self, call: str) -> None:
        await self._rooms.delete_room(self.room_name(call))

    def recording_path(self, call: str, part: int) -> str:
        if self.settings.recordings_dir is None:
            return ""
        suffix = "" if part == 1 else f"-{part}"
        return str(self.settings.recordings_dir / call[:2] / f"{call}{suffix}.wav")

    def recorded(self, call: str) -> list[str]:
        """The parts that an earlier control process had recorded of *call*."""
        folder = self.settings.recordings_dir
        if folder is None:
            return []
        parts = list((folder / call[:2]).glob(f"{call}*.wav"))
        return [str(part) for part in sorted(parts, key=lambda part: part.stat().st_mtime)]

    def emergency(self, language: str, key: str) -> str:
        path = self.settings.prompts_dir / f"{language}-{key}.wav"
        return str(path) if path.exists() else ""

    def dialog(self, call: LiveCall) -> Dialog:
        return Dialog(self._flows.program("start"), call, self._ledger, self._flows.settings)

    # --- for the desk -----------------------------------------------------------------------------------------------

    def of_session(self, session_id: UUID) -> LiveCall | None:
        """The live call of a conversation."""
        return self._first(lambda call: call.session_id == session_id)

    def of_id(self, call_id: UUID) -> LiveCall | None:
        return self._live.get(str(call_id))

    def _first(self, wanted: Callable[[LiveCall], bool]) -> LiveCall | None:
        return next((call for call in self._live.values() if wanted(call)), None)

    @property
    def live(self) -> int:
        return len(self._live)

    async def close(self) -> None:
        """End every call, each with its last writes."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
