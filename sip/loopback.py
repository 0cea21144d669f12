"""A SIP stack in memory, for unit tests of what stands above it: calls without a network.

    stack = Loopback(events.append)
    call = stack.ring(caller="+5511988887777", called="100")     # -> incoming
    stack.command(Answer(call, media_socket, token))             # -> attached, answered, acked
    stack.press(call, "1"); stack.far_end_hangs_up(call)         # -> digit, ended

The state table is the real one: what a real call would refuse is refused here as well.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from . import events
from .events import Told
from .stack import Listener
from .states import CallEvent, CallState, advance, allows


@dataclass(slots=True, eq=False)
class LoopbackCall:
    call: str
    state: CallState
    digits_sent: str = ""
    media_sockets: list[str] = field(default_factory=list)


class Loopback:
    """Fulfils ``SipStack``. ``answering``: outbound calls are answered at once, else they ring."""

    def __init__(self, listener: Listener, *, limit: int = 100, answering: bool = True) -> None:
        self._listener = listener
        self._limit = limit
        self.answering = answering
        self.calls: dict[str, LoopbackCall] = {}
        self.commands: list[Told] = []  # everything commanded, in order
        self.draining = False

    async def start(self) -> None:
        self._tell_capacity()

    async def stop(self) -> None:
        for call in list(self.calls.values()):
            self._end(call, events.Ended(call.call, "we_hung_up", 200, "", "us"))

    # -- the far end

    def ring(self, *, caller: str, called: str, caller_name: str = "", trunk: str = "direct") -> str:
        """An INVITE arrives. Returns the call's UUID."""
        call = LoopbackCall(str(uuid.uuid4()), advance(CallState.OFFERED, CallEvent.RING))
        self.calls[call.call] = call
        self._listener(events.Incoming(call.call, trunk, caller, caller_name, called, {}, "udp:127.0.0.1:5060"))
        self._tell_capacity()
        return call.call

    def press(self, call: str, digits: str) -> None:
        for digit in digits:
            self._listener(events.Digit(call, digit, "rtp"))

    def far_end_holds(self, call: str) -> None:
        self._step(self.calls[call], CallEvent.PEER_HOLDS)
        self._listener(events.Held(call))

    def far_end_resumes(self, call: str) -> None:
        self._step(self.calls[call], CallEvent.PEER_RESUMES)
        self._listener(events.Resumed(call))

    def far_end_answers(self, call: str) -> None:
        self._talk(self.calls[call])

    def far_end_hangs_up(self, call: str) -> None:
        known = self.calls[call]
        cancelled = known.state in (CallState.OFFERED, CallState.RINGING)
        cause, code = ("cancelled", 487) if cancelled else ("caller_hung_up", 200)
        self._end(known, events.Ended(call, cause, code, "", "caller"))

    def lose_media(self, call: str) -> None:
        self._listener(events.MediaLost(call))

    def lose_worker(self, call: str) -> None:
        self._end(self.calls[call], events.Ended(call, "worker_lost", 0, "", "us"))

    # -- the owner

    def command(self, command: Told) -> None:
        self.commands.append(command)
        if isinstance(command, events.Drain):
            self.draining = True
            self._tell_capacity()
        elif isinstance(command, events.Dial):
            self._dial(command)
        elif isinstance(command, events.OfCall):
            call = self.calls.get(command.call)
            if call is None:
                self._listener(events.Failed(command.call, command.type, "no such call"))
            else:
                self._do(call, command)

    def _do(self, call: LoopbackCall, command: events.OfCall) -> None:
        if isinstance(command, events.Answer):
            if not allows(call.state, CallEvent.ANSWER):
                self._listener(events.Failed(call.call, command.type, f"the call is {call.state}"))
                return
            call.media_sockets.append(command.media_socket)
            self._listener(events.Attached(call.call))
            self._talk(call)
        elif isinstance(command, events.Attach):
            call.media_sockets.append(command.media_socket)
            self._listener(events.Attached(call.call))
        elif isinstance(command, events.Reject):
            self._end(call, events.Ended(call.call, "rejected", command.code, command.reason, "us"))
        elif isinstance(command, events.HangUp):
            self._end(call, events.Ended(call.call, "we_hung_up", command.code or 200, command.reason, "us"))
        elif isinstance(command, events.SendDigits):
            call.digits_sent += command.digits
        elif isinstance(command, events.Hold):
            self._step(call, CallEvent.WE_HOLD)
        elif isinstance(command, events.Resume):
            self._step(call, CallEvent.WE_RESUME)

    def _dial(self, command: events.Dial) -> None:
        call = self.calls[command.call] = LoopbackCall(command.call, CallState.DIALLING)
        call.media_sockets.append(command.media_socket)
        self._step(call, CallEvent.RING)
        self._listener(events.Ringing(call.call))
        if self.answering:
            self._talk(call)

    def _talk(self, call: LoopbackCall) -> None:
        self._step(call, CallEvent.ANSWER)
        self._listener(events.Answered(call.call, "PCMA"))
        self._step(call, CallEvent.ACK)
        self._listener(events.Acked(call.call))

    def _step(self, call: LoopbackCall, event: CallEvent) -> None:
        call.state = advance(call.state, event)

    def _end(self, call: LoopbackCall, ended: events.Ended) -> None:
        self._step(call, CallEvent.END)
        del self.calls[call.call]
        self._listener(ended)
        self._tell_capacity()

    def _tell_capacity(self) -> None:
        self._listener(events.Capacity(1, len(self.calls), self._limit, self.draining))
