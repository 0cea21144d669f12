"""The gateway: edge, pool and calls as one SIP stack.

    control --command--> Gateway --> worker            worker --event--> Gateway --> listener (control)
    edge --admit--> Gateway: is control there, is there room -> Placement | Refusal

It decides nothing about a call but what nobody else can: refusing when control is away or silent, moving an unanswered
call off a dead worker, and ending an answered one in the worker's name.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sipmessage import URI, Address

from config.sip import SipSettings

from . import events
from .edge.affinity import Dialog
from .edge.edge import Edge
from .edge.ground import NOWHERE, Placement, Refusal
from .edge.message import SipMessage, uri_of
from .errors import BadEvent
from .events import Told
from .numbers import is_anonymous, normalise
from .pool import Message, Pool, Worker
from .stack import Listener
from .states import UNDECIDED, CallEvent, CallState, advance, allows
from .trunks import DIRECT, Trunks
from .types import Offer, Source

RETRY_AFTER_S: Final = 2
MOVE_EVERY_S: Final = 0.05
MOVE_TRIES: Final = 100  # 5 s: a new worker is there long before
KEPT_HEADERS: Final = frozenset(
    {
        "call-id",
        "p-asserted-identity",
        "remote-party-id",
        "diversion",
        "history-info",
        "user-agent",
        "subject",
        "priority",
    }
)
MAX_KEPT: Final = 32
MAX_VALUE: Final = 512
log = logging.getLogger(__name__)

_STEPS: Final = {
    "ringing": CallEvent.RING,
    "answered": CallEvent.ANSWER,
    "acked": CallEvent.ACK,
    "held": CallEvent.PEER_HOLDS,
    "resumed": CallEvent.PEER_RESUMES,
    "ended": CallEvent.END,
}


@dataclass(eq=False, slots=True)
class GatewayCall:
    """One call from its INVITE (or dial) to its ``ended``."""

    call: str
    state: CallState
    worker: int
    trunk: str
    offer: Offer | None = None  # inbound
    told: bool = False  # control has heard of it
    command: Message | None = None  # the decision, kept until the answer is out, for another worker
    deadline: asyncio.TimerHandle | None = None


class Gateway:
    """Fulfils ``SipStack``. ``online`` says whether control is there to decide; without it new calls get 503."""

    def __init__(self, settings: SipSettings, listener: Listener) -> None:
        self._settings = settings
        self._listener = listener
        self._trunks = Trunks(settings)
        self._calls: dict[str, GatewayCall] = {}
        self.edge = Edge(settings, self)
        self.pool = Pool(settings, self._worker_options, on_message=self._heard, on_lost=self._lost)
        self._limit = settings.workers_max * settings.calls_per_worker
        self.online = False
        self.draining = False

    async def start(self) -> None:
        """Open the sockets, then the workers. Raises OSError (address taken) or TimeoutError (workers)."""
        low, high = self._settings.rtp_ports
        if (high - low) // self._settings.workers_max < 2 * (self._settings.calls_per_worker + 1):
            raise ValueError("sip.rtp_ports is too small for sip.workers_max workers")
        await self.edge.start()
        await self.pool.start()

    async def stop(self) -> None:
        self.draining = True
        for call in self._calls.values():
            if call.deadline is not None:
                call.deadline.cancel()
        await self.pool.stop()
        await self.edge.stop()

    # -- what control says

    def command(self, command: Told) -> None:
        if isinstance(command, events.Drain):
            self.draining = True
            self.tell_capacity()
        elif isinstance(command, events.Dial):
            self._dial(command)
        elif isinstance(command, events.OfCall):
            self._command_call(command)

    def _command_call(self, command: events.OfCall) -> None:
        call = self._calls.get(command.call)
        if call is None:
            self._listener(events.Failed(command.call, command.type, "no such call"))
            return
        if isinstance(command, events.Ring):
            if call.state is not CallState.RINGING:
                self._refuse_command(command, call)
            return  # 180 went out with the INVITE's arrival
        if isinstance(command, (events.Answer, events.Reject)):
            if call.state not in UNDECIDED or call.command is not None:
                self._refuse_command(command, call)
                return
            call.command = command.to_dict()
            self._decided(call)
        elif isinstance(command, events.Hold | events.Resume):
            step = CallEvent.WE_HOLD if isinstance(command, events.Hold) else CallEvent.WE_RESUME
            if not allows(call.state, step):
                self._refuse_command(command, call)
                return
            call.state = advance(call.state, step)
        worker = self.pool.at(call.worker)
        if worker is not None:  # else it waits for a worker, which will be told the decision
            self.pool.send(worker, command.to_dict())

    def _refuse_command(self, command: events.OfCall, call: GatewayCall) -> None:
        self._listener(events.Failed(call.call, command.type, f"the call is {call.state}"))

    def _dial(self, command: events.Dial) -> None:
        uri = command.uri
        trunk = self._trunks.named(command.trunk) if command.trunk else None
        if trunk is not None and command.number:
            transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
            uri = f"sip:{command.number}@{trunk.host}:{trunk.port}{transport}"
        worker = None if self.draining else self.pool.pick()
        if not uri or command.call in self._calls or worker is None:
            reason = "draining" if self.draining else "no free line" if uri else "no such trunk"
            self._listener(events.Ended(command.call, "failed", 0, reason, "us"))
            return
        self.pool.reserve(worker, command.call)
        self.pool.took(worker, command.call)
        name = trunk.name if trunk else ""
        self._calls[command.call] = GatewayCall(command.call, CallState.DIALLING, worker.index, name, told=True)
        self.pool.send(worker, {**command.to_dict(), "uri": uri, "trunk": name})
        self.tell_capacity()

    # -- what the edge asks (Switch)

    def admit(self, invite: SipMessage, source: Source) -> Placement | Refusal:
        called = normalise(_user(invite.uri), self._settings.default_country)
        trunk = self._trunks.of(source.ip, called)
        full = trunk.full_status if trunk else 503
        if not self.online or self.draining:
            return Refusal(503, "Service Unavailable", RETRY_AFTER_S)
        if trunk and trunk.max_calls and self._inbound_of(trunk.name) >= trunk.max_calls:
            return _full(full)
        worker = self.pool.pick()
        if worker is None and len(self._calls) >= self._limit:
            log.warning("sip_no_free_line", extra={"calls": len(self._calls)})
            return _full(full)
        call = str(uuid.uuid4())
        offer = self._offer(call, invite, source, trunk.name if trunk else DIRECT, called)
        if worker is not None:
            self.pool.reserve(worker, call)
        else:
            asyncio.get_running_loop().call_soon(self._wait_for_worker, call)
        index = NOWHERE if worker is None else worker.index
        deadline = asyncio.get_running_loop().call_later(self._settings.answer_timeout_s, self._undecided, call)
        self._calls[call] = GatewayCall(call, CallState.OFFERED, index, offer.trunk, offer=offer, deadline=deadline)
        return Placement(call, index)

    def worker_port(self, worker: int) -> int | None:
        found = self.pool.at(worker)
        return found.port if found is not None and found.port else None

    def worker_at(self, port: int) -> int | None:
        found = self.pool.at_port(port)
        return found.index if found is not None else None

    def worker_heard_s(self, worker: int) -> float:
        found = self.pool.at(worker)
        return found.heard_s if found is not None else 0.0

    def silent(self, dialog: Dialog) -> None:
        call = self._calls.get(dialog.call)
        if call is not None:
            self._end(call, events.Ended(call.call, "failed", 400, "Not understood", "peer"))

    def cancelled(self, dialog: Dialog) -> None:
        call = self._calls.get(dialog.call)
        if call is not None:
            self._end(call, events.Ended(call.call, "cancelled", 487, "Request Terminated", "caller"))

    # -- what workers say

    def _heard(self, worker: Worker, message: Message) -> None:
        call = self._calls.get(str(message.get("call")))
        if call is None or call.worker != worker.index:
            return  # the call was moved or given up; what is left of it there ends by itself
        kind = message["type"]
        if kind == "incoming":
            self._arrived(worker, call)
            return
        try:
            event = events.event_from(message)
        except BadEvent as error:
            log.error("sip_worker_spoke_nonsense", extra={"error": str(error)})
            return
        step = _STEPS.get(kind)
        if step is not None and allows(call.state, step):
            call.state = advance(call.state, step)
        if isinstance(event, events.Ended):
            self.edge.ended(call.call)
            self._end(call, event)
            return
        if isinstance(event, events.Answered):
            call.command = None
        elif isinstance(event, events.MediaLost) and call.state in UNDECIDED:
            call.command = None  # not answered: control may name another media process
            self._await_decision(call)
        elif isinstance(event, events.Failed) and event.command in ("hold", "resume"):
            undo = CallEvent.WE_RESUME if event.command == "hold" else CallEvent.WE_HOLD
            if allows(call.state, undo):
                call.state = advance(call.state, undo)
        self._listener(event)

    def _arrived(self, worker: Worker, call: GatewayCall) -> None:
        self.pool.took(worker, call.call)
        call.state = advance(call.state, CallEvent.RING)
        offer = call.offer
        if not call.told and offer is not None:
            call.told = True
            self._listener(
                events.Incoming(
                    call.call,
                    offer.trunk,
                    offer.caller,
                    offer.caller_name,
                    offer.called,
                    offer.headers,
                    str(offer.source),
                )
            )
            self.tell_capacity()
        elif call.command is not None:
            self.pool.send(worker, call.command)  # the decision was made for the worker that died

    def _lost(self, worker: Worker, calls: frozenset[str]) -> None:
        """Its answered calls end, by the edge; its unanswered ones go to another worker."""
        names = calls | {call.call for call in self._calls.values() if call.worker == worker.index}
        for name in names:
            call, dialog = self._calls.get(name), self.edge.ground.dialogs.of_call(name)
            if call is None:
                continue
            if dialog is not None and dialog.invite is not None and not dialog.ended:
                self._move(call, dialog, MOVE_TRIES)
            else:
                if dialog is not None and dialog.confirmed and not dialog.ended:
                    self.edge.bye_for(dialog, "worker lost")
                self._end(call, _worker_lost(name))
        for dialog in self.edge.ground.dialogs.of_worker(worker.index):
            if dialog.call not in self._calls:
                self.edge.ground.dialogs.forget(dialog)
        self.tell_capacity()

    def _wait_for_worker(self, name: str) -> None:
        """The pool is still growing: the caller hears 100 and waits for the worker that is being forked."""
        call, dialog = self._calls.get(name), self.edge.ground.dialogs.of_call(name)
        if call is not None and dialog is not None:
            self._move(call, dialog, MOVE_TRIES)

    def _move(self, call: GatewayCall, dialog: Dialog, tries: int) -> None:
        """Give an unanswered call to another worker, as soon as one is free; the caller notices nothing."""
        if dialog.ended or call.state is CallState.ENDED:
            return
        other = self.pool.pick()
        if other is not None:
            call.state = CallState.OFFERED
            call.worker = other.index
            self.pool.reserve(other, call.call)
            self.edge.redispatch(dialog, other.index)
            log.info("sip_call_moved", extra={"call_id": call.call, "worker": other.index})
        elif tries and not self.draining:
            call.worker = NOWHERE
            self.pool.want(sum(one.worker == NOWHERE for one in self._calls.values()))
            asyncio.get_running_loop().call_later(MOVE_EVERY_S, self._move, call, dialog, tries - 1)
        else:
            self.edge.refuse(dialog, 503, "Service Unavailable", RETRY_AFTER_S)
            self._end(call, _worker_lost(call.call))

    # -- inside

    def tell_capacity(self) -> None:
        self._listener(events.Capacity(self.pool.ready_count, len(self._calls), self._limit, self.draining))

    @property
    def calls(self) -> list[str]:
        """UUIDs of the calls that control has heard of and that are not over."""
        return [call.call for call in self._calls.values() if call.told]

    def _undecided(self, name: str) -> None:
        """Control did not decide in time."""
        call = self._calls.get(name)
        if call is None or call.state not in UNDECIDED or call.command is not None:
            return
        log.warning("sip_call_undecided", extra={"call_id": name})
        worker = self.pool.at(call.worker)
        if worker is None or call.state is CallState.OFFERED:
            return  # the worker has not seen it either; the edge answers
        call.command = events.Reject(name, 503, "Service Unavailable", RETRY_AFTER_S).to_dict()
        self.pool.send(worker, call.command)

    def _await_decision(self, call: GatewayCall) -> None:
        self._decided(call)
        call.deadline = asyncio.get_running_loop().call_later(
            self._settings.answer_timeout_s, self._undecided, call.call
        )

    def _decided(self, call: GatewayCall) -> None:
        if call.deadline is not None:
            call.deadline.cancel()
            call.deadline = None

    def _end(self, call: GatewayCall, ended: events.Ended) -> None:
        self._decided(call)
        self._calls.pop(call.call, None)
        worker = self.pool.at(call.worker)
        if worker is not None:
            self.pool.release(worker, call.call)
        call.state = CallState.ENDED
        if call.told:
            self._listener(ended)
            self.tell_capacity()

    def _inbound_of(self, trunk: str) -> int:
        return sum(call.trunk == trunk and call.offer is not None for call in self._calls.values())

    def _offer(self, call: str, invite: SipMessage, source: Source, trunk: str, called: str) -> Offer:
        """Who calls whom. A trunk's P-Asserted-Identity is believed (RFC 3325 section 5), a stranger's is not."""
        country = self._settings.default_country
        identity = invite.values("p-asserted-identity")[:1] if trunk != DIRECT else []
        user, host, name = _party((identity or [invite.get("from")])[0])
        caller = "" if is_anonymous(user, host) else normalise(user, country)
        headers = {
            key: value[:MAX_VALUE] for key, _, value in invite.headers if key in KEPT_HEADERS or key.startswith("x-")
        }
        kept = dict(list(headers.items())[:MAX_KEPT])
        return Offer(call, trunk, caller, _printable(name), called, source, kept)

    def _worker_options(self, index: int) -> dict[str, Any]:
        settings = self._settings
        low, high = settings.rtp_ports
        span = (high - low) // settings.workers_max & ~1
        public = settings.announced_ip or settings.bind_ip
        return {
            "index": index,
            "edge": f"127.0.0.1:{self.edge.inner_port}",
            "public": f"{public}:{self.edge.port}",
            "media_ip": public,
            "bind_ip": settings.bind_ip,
            "rtp_port": low + index * span,
            "rtp_span": span - 2,
            "session_expires_s": settings.session_expires_s,
            "media_lost_wav": settings.media_lost_wav,
            "logins": {
                trunk.name: {"username": trunk.username, "password": trunk.password.reveal()}
                for trunk in settings.trunks
            },
        }


def _worker_lost(call: str) -> events.Ended:
    return events.Ended(call, "worker_lost", 0, "the SIP worker died", "us")


def _full(status: int) -> Refusal:
    if status == 503:
        return Refusal(503, "No Free Line", RETRY_AFTER_S)
    return Refusal(status, "Busy Here" if status == 486 else "No Free Line")


def _user(uri: str) -> str:
    try:
        return URI.parse(uri.partition("?")[0]).user or ""
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


def _party(value: str) -> tuple[str, str, str]:
    """User, host and display name of a From or P-Asserted-Identity value."""
    try:
        address = Address.parse(value)
    except (ValueError, KeyError, IndexError, TypeError):
        return _user(uri_of(value)), "", ""
    return address.uri.user or "", address.uri.host, address.name


def _printable(name: str) -> str:
    """A display name fit for a screen and a database: no controls, no half characters, at most 80."""
    clean = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(char for char in clean if char.isprintable())[:80]
