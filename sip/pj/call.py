"""One call of a worker.

    peer's RTP <-> stream (pjmedia) <-> conference bridge <-> PcmPort <-> media process
                                                         <-- fallback (WAV or tone) while no media process serves it

A ``pj.Call`` must be dropped outside its own callbacks, and its port made once: after each hold or re-INVITE only the
connections in the bridge are made anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import pjsua2 as pj

from media.pcm_link import WorkerEnd

from .audio_port import PcmPort, Shelf

NO_ACK_S: Final = 32.0  # 64*T1: an answer nobody acknowledged is given up (RFC 3261 section 13.3.1.4)
REINVITE_S: Final = 4.0  # a re-INVITE that meets another one is tried again for so long
NO_RTP_S: Final = 60.0  # a peer that sends no packet at all for this long, and holds nobody, is gone
Tell = Callable[[dict[str, Any]], None]

_FLOWING = (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD, pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)


class WorkerCall(pj.Call):  # type: ignore[misc]
    """Everything here runs on the pj thread."""

    def __init__(
        self, account: pj.Account, pj_id: int, call: str, tell: Tell, fallback: Fallback, ports: Shelf[PcmPort]
    ) -> None:
        super().__init__(account, pj_id)
        self.call = call
        self.gone = False
        self.confirm_by: float | None = None  # monotonic s
        self.quiet_since: float | None = None
        self.cause = ""  # why it ends, when we decided so
        self._tell_owner = tell
        self._fallback = fallback
        self._ports = ports
        self._playing: pj.AudioMedia | None = None
        self._port: PcmPort | None = None
        self._audio: pj.AudioMedia | None = None
        self._held = False
        self._wish: tuple[bool, float] | None = None  # hold, until when it is tried (monotonic s)
        self._confirmed = False
        self._packets = -1

    # -- what the media process is to this call

    def attach(self, media_socket: str, token: str) -> None:
        """Bring this call's audio to the media process. Raises LinkRefused (OSError's family) when it is not there."""
        link = WorkerEnd.connect(media_socket, self.call, token)
        if self._port is None:
            self._port = self._ports.take()
        before, self._port.link = self._port.link, link
        if before is not None:
            before.close()
        self._stop_fallback()
        self._connect()
        self.tell("attached")

    def look_after(self, now: float) -> None:
        """Called each turn: notice a lost media process and an answer that was never acknowledged."""
        port = self._port
        link = port.link if port is not None else None
        if link is not None and link.closed and self._playing is None and not self.gone:
            self._play_fallback()
            self.tell("media_lost")
        if self._wish is not None:
            self._fulfil(now)
        if self.confirm_by is not None and now > self.confirm_by:
            self.confirm_by = None
            self.end("no_ack", 0, "No ACK")

    def check_rtp(self, now: float) -> None:
        """Called every few seconds: hang up when the peer's RTP has stopped for NO_RTP_S."""
        if not self._confirmed or self._held or self._audio is None:
            self.quiet_since = None
            return
        statistics = self.getStreamStat(0)  # kept: its parts live no longer than it does
        packets = statistics.rtcp.rxStat.pkt
        if packets != self._packets or self.quiet_since is None:
            self._packets, self.quiet_since = packets, now
        elif now - self.quiet_since > NO_RTP_S:
            self.end("media_timeout", 0, "No RTP")

    # -- commands

    def ring(self) -> None:
        self._answer(180)

    def accept(self) -> None:
        self._answer(200)

    def refuse(self, code: int, reason: str, retry_after: int | None) -> None:
        self.cause = "rejected"
        parameters = pj.CallOpParam()
        parameters.statusCode, parameters.reason = code, reason
        if retry_after is not None:
            header = pj.SipHeader()
            header.hName, header.hValue = "Retry-After", str(retry_after)
            parameters.txOption.headers.append(header)
        self.hangup(parameters)

    def end(self, cause: str, code: int, reason: str) -> None:
        """BYE, CANCEL or a refusal, whatever the state asks for."""
        self.cause = cause
        parameters = pj.CallOpParam()
        parameters.statusCode = code
        if reason:
            parameters.reason = reason
        self.hangup(parameters)

    def hold(self, held: bool, now: float) -> None:
        """Hold or resume the peer by re-INVITE; tried again for a while when one is on its way already."""
        self._wish = (held, now + REINVITE_S)
        self._fulfil(now)

    def _fulfil(self, now: float) -> None:
        if self._wish is None or self.gone:
            return
        held, until = self._wish
        parameters = pj.CallOpParam(True)
        try:
            if held:
                self.setHold(parameters)
            else:
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                self.reinvite(parameters)
        except pj.Error as error:
            if now > until:
                self._wish = None
                self.tell("command_failed", command="hold" if held else "resume", reason=error.reason)
        else:
            self._wish = None

    def tell(self, kind: str, **fields: Any) -> None:
        self._tell_owner({"type": kind, "call": self.call, **fields})

    def _answer(self, code: int) -> None:
        parameters = pj.CallOpParam()
        parameters.statusCode = code
        self.answer(parameters)

    # -- pjsua2's callbacks

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            self.tell("ringing")
        elif info.state == pj.PJSIP_INV_STATE_CONNECTING:
            self.tell("answered", codec=self._codec())
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirm_by = None
            self._confirmed = True
            self.tell("acked")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._finish(info)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        self._audio = None
        info = self.getInfo()  # kept: its media live no longer than it does
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO or media.status not in _FLOWING:
                continue
            if media.dir != pj.PJMEDIA_DIR_NONE:
                self._audio = self.getAudioMedia(media.index)
            self._note_hold(media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD)
            break
        self._connect()

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        method = "info" if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rtp"
        self.tell("digit", digit=prm.digit, method=method)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:
        prm.statusCode = 603

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:
        prm.statusCode = 603

    # -- inside

    def _note_hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self.tell("held" if held else "resumed")

    def _connect(self) -> None:
        if self._audio is None or self._port is None:
            return
        self._port.connect(self._audio, speaks=self._playing is None)
        if self._playing is not None:
            self._playing.startTransmit(self._audio)

    def _play_fallback(self) -> None:
        self._playing = self._fallback.open()
        if self._audio is not None and self._port is not None:
            self._port.hush(self._audio)
            self._playing.startTransmit(self._audio)

    def _stop_fallback(self) -> None:
        if self._playing is not None and self._audio is not None:
            self._playing.stopTransmit(self._audio)
        self._playing = None

    def _codec(self) -> str:
        try:
            info = self.getStreamInfo(0)
            return str(info.codecName)
        except pj.Error:
            return ""  # late offer: the media is agreed in the ACK

    def _finish(self, info: pj.CallInfo) -> None:
        self.gone = True
        self._audio = None
        port, self._port = self._port, None
        if port is not None:
            link, port.link = port.link, None
            if link is not None:
                link.close()
            self._ports.give_back(port)
        cause, blame = self.cause, "us"
        if not cause:
            cause, blame = _cause(info, self._confirmed)
        elif cause in ("no_ack", "media_timeout"):
            blame = "peer"
        self.tell("ended", cause=cause, code=int(info.lastStatusCode), reason=info.lastReason, blame=blame)


def _cause(info: pj.CallInfo, confirmed: bool) -> tuple[str, str]:
    """Why a call ended that we did not end: cause and who is to blame."""
    inbound = info.role == pj.PJSIP_ROLE_UAS
    if info.lastStatusCode == 487 and inbound:
        return "cancelled", "caller"
    if confirmed and info.lastStatusCode < 300:
        return "caller_hung_up", "caller"
    if not confirmed and not inbound:
        return "rejected", "peer"
    return "failed", "peer"


class Fallback:
    """What a caller hears while no media process serves the call: a sentence in a loop, or a soft tone."""

    def __init__(self, wav: str) -> None:
        self._wav = wav

    def open(self) -> pj.AudioMedia:
        if self._wav:
            player = pj.AudioMediaPlayer()
            # Not there yet (it is rendered after the first start), or not a WAV pjmedia reads: the tone, this time.
            with contextlib.suppress(pj.Error):
                player.createPlayer(self._wav)
                return player
        generator = pj.ToneGenerator()
        generator.createToneGenerator(16_000, 1)
        tone = pj.ToneDesc()
        tone.freq1, tone.on_msec, tone.off_msec, tone.volume = 425, 400, 2600, 2000
        tones = pj.ToneDescVector()
        tones.append(tone)
        generator.play(tones, True)
        return generator
