"""The softphone's process: ``python -m sip.pj.phone FD BIND_IP``. Driven by ``sip.phone`` over the socket FD.

Up:   JSON events, and ``A`` + u32 call + u32 frame number + 640 bytes for each 20 ms heard
Down: JSON commands, and ``P`` + u32 call + u32 play + PCM to be said after what is queued already

All times are ``time.monotonic()``, which on Linux is one clock for all processes.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import sys
import time
from collections import deque
from typing import Any, Final

import pjsua2 as pj

from media.frames import FRAME_BYTES, SILENCE

from .audio_port import FramePort, Shelf, check_layout
from .endpoint import plain_account, quiet_stdout, start
from .loop import Message, PjLoop

LOUD: Final = 500  # peak of a frame that counts as audio; G.711 silence is below 20
HEAD: Final = struct.Struct(">cII")
SAMPLED: Final = 25  # a phone that does not listen looks at every 25th frame only


class PhonePort(FramePort):
    """Says what is queued, hands on what it hears. Runs on the clock's thread."""

    def __init__(self, name: str) -> None:
        self.give_to(None)
        super().__init__(name)

    def give_to(self, call: PhoneSide | None) -> None:
        """Start anew for *call*; None: nobody's."""
        self._call = call
        self.queue: deque[tuple[int, bytes, bool]] = deque()  # play, PCM, again and again
        self._at = 0
        self.played: deque[int] = deque()
        self.frames = 0
        self.loud = 0
        self.first_audio_s: float | None = None

    def heard(self, frame: bytes) -> None:
        number = self.frames
        self.frames = number + 1
        call = self._call
        if call is None:
            return
        if call.listens:
            call.loop.tell_raw(HEAD.pack(b"A", call.number, number) + frame)
            if self.first_audio_s is not None:
                return
        elif self.first_audio_s is not None and number % SAMPLED:
            return
        if frame is not SILENCE and max(memoryview(frame).cast("h")) > LOUD:
            self.loud += 1
            if self.first_audio_s is None:
                self.first_audio_s = time.monotonic()

    def said(self) -> bytes | None:
        if not self.queue:
            return None
        play, pcm, again = self.queue[0]
        frame = pcm[self._at : self._at + FRAME_BYTES]
        self._at += FRAME_BYTES
        if self._at >= len(pcm):
            self._at = 0
            if not again:
                self.queue.popleft()
                self.played.append(play)
        return frame.ljust(FRAME_BYTES, b"\0")

    def stop(self) -> None:
        self.played.extend(play for play, _, _ in self.queue)
        self.queue.clear()
        self._at = 0


class PhoneSide(pj.Call):  # type: ignore[misc]
    """One call of the phone, on the pj thread."""

    def __init__(self, phone: Phone, number: int, pj_id: int, *, listens: bool) -> None:
        super().__init__(phone.account, pj_id)
        self.loop = phone.loop
        self.number = number
        self.listens = listens
        self.told_audio = False
        self._phone = phone
        self._audio: pj.AudioMedia | None = None
        self.port: PhonePort | None = None

    def make_port(self) -> None:
        if self.port is None:
            self.port = self._phone.ports.take()
            self.port.give_to(self)

    def tell(self, kind: str, **fields: Any) -> None:
        self.loop.tell({"type": kind, "call": self.number, "at": time.monotonic(), **fields})

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        states = {
            pj.PJSIP_INV_STATE_EARLY: "ringing",
            pj.PJSIP_INV_STATE_CONNECTING: "answered",
            pj.PJSIP_INV_STATE_CONFIRMED: "acked",
        }
        if info.state in states:
            self.tell(states[info.state], code=int(info.lastStatusCode))
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            port = self.port
            frames, loud = (port.frames, port.loud) if port else (0, 0)
            self.tell("ended", code=int(info.lastStatusCode), reason=info.lastReason, frames=frames, loud=loud)
            self._phone.dropped(self)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self.make_port()
        info = self.getInfo()  # kept: its media live no longer than it does
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                self.tell("media", status=int(media.status), dir=int(media.dir))
                if media.dir != pj.PJMEDIA_DIR_NONE and media.status != pj.PJSUA_CALL_MEDIA_ERROR:
                    audio = self.getAudioMedia(media.index)
                    self.port.connect(audio)  # type: ignore[union-attr]
                return

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        self.tell("digit", digit=prm.digit)


class PhoneAccount(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self._phone = phone

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self._phone.incoming(prm.callId)


class Phone:
    """Commands to calls. One a process."""

    def __init__(self, control: socket.socket, bind_ip: str) -> None:
        self.loop = PjLoop(control, on_command=self._command)
        self.loop.on_pcm(self._say)
        self._bind_ip = bind_ip
        self._calls: dict[int, PhoneSide] = {}
        self._dead: list[PhoneSide] = []
        self._next_incoming = 1 << 16
        self.ports: Shelf[PhonePort] = Shelf(PhonePort)
        self.account = PhoneAccount(self)

    def serve(self) -> None:
        check_layout()
        endpoint, port = start("Attendance phone", bind_ip=self._bind_ip)
        config = pj.AccountConfig()
        plain_account(config)
        config.idUri = f"sip:phone@{self._bind_ip}:{port}"
        transport = config.mediaConfig.transportConfig
        transport.boundAddress = self._bind_ip
        transport.port, transport.portRange = 10_000 + (port * 8) % 9_000, 900
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        self.account.create(config, True)
        self.loop.tell({"type": "ready", "port": port})
        self.loop.run(endpoint, port, self._turn)

    def dropped(self, call: PhoneSide) -> None:
        port, call.port = call.port, None
        if port is not None:
            port.give_to(None)
            self.ports.give_back(port)
        self._dead.append(call)
        self._calls.pop(call.number, None)

    def incoming(self, pj_id: int) -> None:
        self._next_incoming += 1
        call = PhoneSide(self, self._next_incoming, pj_id, listens=True)
        self._calls[call.number] = call
        self._answer(call, 180)
        info = call.getInfo()
        call.tell("incoming", caller=info.remoteUri, called=info.localUri)

    def _turn(self, now: float) -> None:
        self._dead.clear()
        for call in self._calls.values():
            port = call.port
            if port is None:
                continue
            if port.first_audio_s is not None and not call.told_audio:
                call.told_audio = True
                self.loop.tell({"type": "first_audio", "call": call.number, "at": port.first_audio_s})
            while port.played:
                call.tell("played", play=port.played.popleft())

    def _say(self, packet: bytes) -> None:
        _, number, play = HEAD.unpack_from(packet)
        call = self._calls.get(number)
        if call is not None:
            call.make_port()
            assert call.port is not None
            again = bool(play >> 31)
            call.port.queue.append((play & 0x7FFFFFFF, packet[HEAD.size :], again))

    def _command(self, message: Message) -> None:
        kind, number = message["type"], message.get("call", 0)
        if kind == "dial":
            self._dial(message, number)
            return
        call = self._calls.get(number)
        if call is None:
            return  # it ended meanwhile
        if kind == "digits":
            self._digits(call, message)
        elif kind == "hang_up":
            parameters = pj.CallOpParam()
            parameters.statusCode = message["code"]
            call.hangup(parameters)
        elif kind == "hold":
            call.setHold(pj.CallOpParam(True))
        elif kind == "resume":
            parameters = pj.CallOpParam(True)
            parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
            call.reinvite(parameters)
        elif kind == "accept":
            self._answer(call, 200)
        elif kind == "stop_playing" and call.port is not None:
            call.port.stop()

    def _dial(self, message: Message, number: int) -> None:
        call = PhoneSide(self, number, pj.PJSUA_INVALID_ID, listens=message["listens"])
        self._calls[number] = call
        parameters = pj.CallOpParam(True)
        if message["caller"]:
            parameters.txOption.localUri = message["caller"]
        for name, value in message["headers"].items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            parameters.txOption.headers.append(header)
        call.tell("dialling")
        try:
            call.makeCall(message["uri"], parameters)
        except pj.Error as error:
            if number in self._calls:
                call.tell("ended", code=0, reason=error.reason, frames=0, loud=0)
                self.dropped(call)

    def _digits(self, call: PhoneSide, message: Message) -> None:
        if message["info"]:
            parameters = pj.CallSendDtmfParam()
            parameters.digits, parameters.method = message["digits"], pj.PJSUA_DTMF_METHOD_SIP_INFO
            call.sendDtmf(parameters)
        else:
            call.dialDtmf(message["digits"])

    def _answer(self, call: PhoneSide, code: int) -> None:
        parameters = pj.CallOpParam()
        parameters.statusCode = code
        call.answer(parameters)


def main(argv: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    quiet_stdout()
    control = socket.socket(fileno=int(argv[0]))
    with contextlib.suppress(OSError):
        control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    Phone(control, argv[1]).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
