"""A call worker's process: pjsua2, moving PCM, and nothing else.

Any Python work here delays RTP, so VAD, mixing, recording and speech live in the media process. ``main`` is the target
of a forked process; it talks to its pool over one SEQPACKET socket (commands in, events out, see ``sip.events``; plus
``ready{pid, port}`` once and ``beat{calls}`` each second).
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from typing import Any, Final

import pjsua2 as pj

from media.errors import MediaError

from .account import Account, WorkerOptions, account_config
from .audio_port import PcmPort, Shelf, check_layout
from .call import NO_ACK_S, Fallback, WorkerCall
from .endpoint import quiet_stdout, start
from .loop import Message, PjLoop

CALL_HEADER: Final = re.compile(r"^X-Attendance-Call: *([0-9a-f-]{36})\r?$", re.MULTILINE | re.IGNORECASE)
BEAT_S: Final = 1.0
RTP_CHECK_S: Final = 5.0


class Worker:
    """Commands to calls, events out. One a process."""

    def __init__(self, control: socket.socket, options: WorkerOptions) -> None:
        self._options = options
        self._calls: dict[str, WorkerCall] = {}
        self._dead: list[WorkerCall] = []  # dropped outside their own callbacks
        self._accounts: dict[str, Account] = {}
        self._fallback = Fallback(options["media_lost_wav"])
        self._ports: Shelf[PcmPort] = Shelf(PcmPort)
        self._loop = PjLoop(control, on_command=self._command)
        self._next_beat = self._next_rtp_check = 0.0

    def serve(self) -> None:
        check_layout()
        endpoint, port = start("Attendance", bind_ip="127.0.0.1")
        self._account("")
        self._loop.tell({"type": "ready", "pid": os.getpid(), "port": port})
        self._loop.run(endpoint, port, self._turn)

    def _account(self, trunk: str) -> Account:
        account = self._accounts.get(trunk)
        if account is None:
            account = self._accounts[trunk] = Account(self._incoming)
            account.create(account_config(self._options, self._options["logins"].get(trunk)), not trunk)
        return account

    def _incoming(self, account: Account, pj_id: int, invite: str) -> None:
        named = CALL_HEADER.search(invite)
        call = WorkerCall(account, pj_id, named.group(1) if named else "", self._tell, self._fallback, self._ports)
        if named is None or named.group(1) in self._calls:
            self._dead.append(call)
            call.end("failed", 500, "Not from the edge")
            return
        self._calls[call.call] = call
        call.ring()
        call.tell("incoming")

    def _tell(self, message: Message) -> None:
        self._loop.tell(message)
        if message["type"] == "ended":
            call = self._calls.pop(message["call"], None)
            if call is not None:
                self._dead.append(call)

    def _turn(self, now: float) -> None:
        self._dead.clear()
        for call in list(self._calls.values()):
            call.look_after(now)
        if now >= self._next_rtp_check:
            self._next_rtp_check = now + RTP_CHECK_S
            for call in list(self._calls.values()):
                call.check_rtp(now)
        if now >= self._next_beat:
            self._next_beat = now + BEAT_S
            self._loop.tell({"type": "beat", "calls": len(self._calls)})

    def _command(self, message: Message) -> None:
        kind = message["type"]
        if kind == "dial":
            self._dial(message)
            return
        if kind == "quit":
            self._quit()
        call = self._calls.get(str(message.get("call")))
        if call is None:
            raise ValueError("no such call")
        if kind == "answer":
            self._answer(call, message)
        elif kind == "attach":
            try:
                call.attach(message["media_socket"], message["token"])
            except MediaError as error:
                raise RuntimeError(str(error)) from error
        elif kind == "ring":
            call.ring()
        elif kind == "reject":
            call.refuse(message["code"], message["reason"], message["retry_after"])
        elif kind == "hang_up":
            call.end("we_hung_up", message["code"], message["reason"])
        elif kind in ("hold", "resume"):
            call.hold(kind == "hold", time.monotonic())
        elif kind == "send_digits":
            call.dialDtmf(message["digits"])
        else:
            raise ValueError(f"unknown command {kind}")

    def _answer(self, call: WorkerCall, message: Message) -> None:
        try:
            call.attach(message["media_socket"], message["token"])
        except MediaError as error:
            call.tell("media_lost")  # not answered: control names another media process, or the time-out refuses
            raise RuntimeError(str(error)) from error
        call.confirm_by = time.monotonic() + NO_ACK_S
        call.accept()

    def _dial(self, message: Message) -> None:
        account = self._account(message["trunk"])
        call = WorkerCall(account, pj.PJSUA_INVALID_ID, message["call"], self._tell, self._fallback, self._ports)
        try:
            call.attach(message["media_socket"], message["token"])
            parameters = pj.CallOpParam(True)
            header = pj.SipHeader()
            header.hName, header.hValue = "X-Attendance-Call", call.call  # for the edge, which takes it off
            parameters.txOption.headers.append(header)
            if message["caller_id"]:
                parameters.txOption.localUri = f"sip:{message['caller_id']}@{self._options['public']}"
            self._calls[call.call] = call
            call.makeCall(message["uri"], parameters)
        except (MediaError, pj.Error) as error:
            if self._calls.pop(call.call, None) is not None or isinstance(error, MediaError):
                self._dead.append(call)
                reason = error.reason if isinstance(error, pj.Error) else str(error)
                self._loop.tell(_ended(call.call, reason))

    def _quit(self) -> None:
        for call in list(self._calls.values()):
            call.end("we_hung_up", 0, "")
        deadline = time.monotonic() + 1.0
        while self._calls and time.monotonic() < deadline:
            pj.Endpoint.instance().libHandleEvents(20)
        os._exit(0)


def _ended(call: str, reason: str) -> dict[str, Any]:
    return {"type": "ended", "call": call, "cause": "failed", "code": 0, "reason": reason[:300], "blame": "us"}


def main(control: socket.socket, options: WorkerOptions) -> None:
    """The process. Ends with its pool (end of *control*), by ``quit``, or by ``os._exit(1)`` when it cannot start."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    quiet_stdout()
    control.setblocking(True)
    try:
        Worker(control, options).serve()
    except pj.Error as error:
        os.write(2, f"sip worker {options['index']}: {error.title}: {error.reason}\n".encode())
    os._exit(1)
