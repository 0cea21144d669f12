"""A scriptable SIP phone: real SIP and RTP, driven from asyncio. For the demo, tests and benchmarks.

    async with Phone() as phone:
        call = await phone.dial("sip:100@127.0.0.1:5060", caller="+5511988887777")
        await call.wait_answered()
        await call.wait_sound(); await call.wait_quiet(0.8)      # the prompt was said
        await call.play(Path("quero-falar.wav"))
        await call.digits("1#")
        call.save(Path("heard.wav"))
        await call.hang_up()

The phone is a process of its own (pjsua2 wants one to itself and takes at most four calls); it ends with ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import socket
import struct
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from media.frames import FRAME_BYTES, FRAME_S, RATE_HZ

from .errors import PhoneError

LOUD: Final = 500  # peak amplitude of a frame that counts as sound
MAX_PACKET: Final = 1 << 16
CHUNK: Final = 32_000  # bytes of PCM a packet: 1 s, a whole number of frames
START_S: Final = 15.0
_HEAD: Final = struct.Struct(">cII")


@dataclass(slots=True)
class Times:
    """Monotonic seconds; None: it has not happened."""

    invite: float | None = None
    ringing: float | None = None
    answered: float | None = None  # 200 received
    acked: float | None = None
    first_audio: float | None = None  # first frame above the noise
    ended: float | None = None

    def since_invite(self, at: float | None) -> float | None:
        return None if at is None or self.invite is None else at - self.invite


@dataclass(frozen=True, slots=True)
class PhoneEnded:
    code: int  # SIP status of the end: 200 after a BYE, else the refusal
    reason: str
    frames: int  # 20 ms frames heard
    loud: int  # of those looked at, how many had sound in them


class PhoneCall:
    """One call. ``heard`` grows by 640 bytes each 20 ms from the moment media was agreed."""

    def __init__(self, phone: Phone, number: int, *, caller: str = "", called: str = "") -> None:
        loop = asyncio.get_running_loop()
        self.caller, self.called = caller, called
        self.times = Times()
        self.heard = bytearray()  # 16 kHz mono s16le
        self.peaks: list[int] = []  # one a frame of ``heard``
        self.heard_from: float | None = None  # monotonic s of the first frame
        self.digits_heard = ""
        self.ended: asyncio.Future[PhoneEnded] = loop.create_future()
        self.media: list[tuple[int, int]] = []  # each change of the media: pjsua status, direction
        self._phone = phone
        self._number = number
        self._plays: dict[int, asyncio.Future[None]] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    # -- waiting

    async def wait_for(self, done: Callable[[], bool], timeout_s: float, what: str) -> None:
        """Until *done*, looked at whenever something was heard or happened.

        Raises:
            PhoneError: not within *timeout_s*, or the call ended first.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not done():
                    if self.ended.done():
                        raise PhoneError(f"the call ended ({self.ended.result().code}) before {what}")
                    pulse: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(pulse)
                    try:
                        await pulse
                    finally:
                        self._waiting.discard(pulse)
        except TimeoutError:
            raise PhoneError(f"{what}: not within {timeout_s:g} s") from None

    async def wait_answered(self, timeout_s: float = 10.0) -> None:
        await self.wait_for(lambda: self.times.acked is not None, timeout_s, "it was answered")

    async def wait_sound(self, sound_s: float = 0.1, timeout_s: float = 10.0, *, since_s: float | None = None) -> float:
        """Until *sound_s* of loud frames came since now (or since second *since_s* of ``heard``).

        Returns the second of ``heard`` at which the sound began.
        """
        start = len(self.peaks) if since_s is None else int(since_s / FRAME_S)
        want = max(1, round(sound_s / FRAME_S))
        await self.wait_for(lambda: self._loud_since(start) >= want, timeout_s, "a sound")
        first = next(index for index in range(start, len(self.peaks)) if self.peaks[index] > LOUD)
        return first * FRAME_S

    async def wait_quiet(self, quiet_s: float = 0.8, timeout_s: float = 30.0) -> None:
        """Until the last *quiet_s* of what is heard are silent; the silence counts from now on."""
        start, want = len(self.peaks), max(1, round(quiet_s / FRAME_S))

        def quiet() -> bool:
            tail = self.peaks[-want:]
            return len(self.peaks) - start >= want and max(tail) <= LOUD

        await self.wait_for(quiet, timeout_s, "silence")

    async def wait_digits(self, count: int, timeout_s: float = 10.0) -> str:
        await self.wait_for(lambda: len(self.digits_heard) >= count, timeout_s, f"{count} digits")
        return self.digits_heard

    async def wait_ended(self, timeout_s: float = 10.0) -> PhoneEnded:
        """Raises PhoneError when the call goes on for longer than *timeout_s*."""
        done, _ = await asyncio.wait({self.ended}, timeout=timeout_s)
        if not done:
            raise PhoneError(f"the call did not end within {timeout_s:g} s")
        return self.ended.result()

    # -- doing

    async def play(self, sound: bytes | Path | str, *, wait: bool = True, again: bool = False) -> None:
        """Say 16 kHz s16le PCM, or a WAV file of any rate, after what is queued. *again*: in a loop, until stopped.

        With *wait* it returns when the last frame has been handed to RTP, or the call is over.
        """
        pcm = sound if isinstance(sound, bytes) else read_wav(Path(sound))
        if again:
            await self._phone.send_raw(_HEAD.pack(b"P", self._number, 1 << 31) + pcm[: MAX_PACKET - 64])
            return
        number = 0
        for at in range(0, len(pcm), CHUNK):
            number = self._phone.next_number()
            await self._phone.send_raw(_HEAD.pack(b"P", self._number, number) + pcm[at : at + CHUNK])
        if wait and number and not self.ended.done():
            played = self._plays[number] = asyncio.get_running_loop().create_future()
            await asyncio.wait({played, self.ended}, return_when=asyncio.FIRST_COMPLETED)
            self._plays.pop(number, None)

    async def stop_playing(self) -> None:
        await self._tell("stop_playing")

    async def digits(self, digits: str, *, info: bool = False) -> None:
        """Send DTMF as RFC 4733 events (about 0.2 s each), or by SIP INFO."""
        await self._tell("digits", digits=digits, info=info)

    async def hold(self, timeout_s: float = 5.0) -> None:
        """Hold the far end by re-INVITE; returns when it agreed. Raises PhoneError."""
        await self._reinvite("hold", timeout_s)

    async def resume(self, timeout_s: float = 5.0) -> None:
        await self._reinvite("resume", timeout_s)

    async def accept(self) -> None:
        await self._tell("accept")

    async def hang_up(self, code: int = 0, *, timeout_s: float = 5.0) -> PhoneEnded:
        """BYE or CANCEL, or refuse with *code*. Returns how it ended."""
        if not self.ended.done():
            await self._tell("hang_up", code=code)
        return await self.wait_ended(timeout_s)

    # -- what was heard

    @property
    def heard_s(self) -> float:
        return len(self.peaks) * FRAME_S

    def save(self, path: Path) -> None:
        """Write what was heard as a 16 kHz WAV."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(bytes(self.heard))

    # -- from the process

    def _loud_since(self, start: int) -> int:
        return sum(peak > LOUD for peak in self.peaks[start:])

    async def _reinvite(self, kind: str, timeout_s: float) -> None:
        changes = len(self.media)
        await self._tell(kind)
        await self.wait_for(lambda: len(self.media) > changes, timeout_s, f"{kind} was agreed")

    async def _tell(self, kind: str, **fields: Any) -> None:
        await self._phone.send({"type": kind, "call": self._number, **fields})

    def _frame(self, number: int, frame: bytes) -> None:
        if self.heard_from is None:
            self.heard_from = time.monotonic()
        missing = number - len(self.peaks)  # frames this process was too slow to take
        if missing > 0:
            self.heard += bytes(FRAME_BYTES * missing)
            self.peaks += [0] * missing
        self.heard += frame
        self.peaks.append(max(memoryview(frame).cast("h")))
        self._pulse()

    def _event(self, message: dict[str, Any]) -> None:
        kind, at, times = message["type"], message["at"], self.times
        if kind == "dialling":
            times.invite = at
        elif kind == "ringing":
            times.ringing = times.ringing or at
        elif kind == "answered":
            times.answered = at
        elif kind == "acked":
            times.acked = at
        elif kind == "first_audio":
            times.first_audio = at
        elif kind == "digit":
            self.digits_heard += message["digit"]
        elif kind == "media":
            self.media.append((message["status"], message["dir"]))
        elif kind == "played":
            played = self._plays.get(message["play"])
            if played is not None and not played.done():
                played.set_result(None)
        elif kind == "ended":
            times.ended = at
            self._end(PhoneEnded(message["code"], message["reason"], message["frames"], message["loud"]))
        self._pulse()

    def _end(self, ended: PhoneEnded) -> None:
        if not self.ended.done():
            self.ended.set_result(ended)
        self._pulse()

    def _pulse(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


class Phone:
    """The process and its calls. ``async with`` it, or ``start`` and ``close``."""

    def __init__(self, bind_ip: str = "127.0.0.1") -> None:
        self._bind_ip = bind_ip
        self._control: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._calls: dict[int, PhoneCall] = {}
        self._numbers = itertools.count(1)
        self._arrived: asyncio.Queue[PhoneCall] = asyncio.Queue(8)  # more calls than pjsua2 takes
        self._ready = asyncio.Event()
        self.port = 0
        self.failures: list[str] = []  # commands pjsua2 refused

    @property
    def uri(self) -> str:
        return f"sip:phone@{self._bind_ip}:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Raises PhoneError when the process is not ready within START_S."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sip.pj.phone", str(theirs.fileno()), self._bind_ip,
                pass_fds=(theirs.fileno(),), cwd=Path(__file__).parent.parent, stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours, self._read)
        try:
            async with asyncio.timeout(START_S):
                await self._ready.wait()
        except TimeoutError:
            await self.close()
            raise PhoneError("the phone's process did not start") from None

    async def close(self) -> None:
        """End the process; calls that are up end without a BYE (hang up first)."""
        self._gone()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def __aenter__(self) -> Phone:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def dial(
        self, uri: str, *, caller: str = "", headers: dict[str, str] | None = None, listen: bool = True
    ) -> PhoneCall:
        """Send an INVITE to *uri*. *caller* is a number or a whole SIP URI for From. Returns at once.

        Without *listen* nothing is handed on of what is heard (for load): only counters at the end.
        """
        if caller and not caller.startswith(("sip:", "<", '"')):
            caller = f"sip:{caller}@{self._bind_ip}:{self.port}"
        number = self.next_number()
        call = self._calls[number] = PhoneCall(self, number, caller=caller, called=uri)
        await self.send(
            {"type": "dial", "call": number, "uri": uri, "caller": caller, "headers": headers or {}, "listens": listen}
        )
        return call

    async def incoming(self, timeout_s: float = 10.0) -> PhoneCall:
        """The next call that arrives here; it rings until ``accept`` or ``hang_up(code)``."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._arrived.get()
        except TimeoutError:
            raise PhoneError(f"nobody called within {timeout_s:g} s") from None

    def next_number(self) -> int:
        return next(self._numbers)

    async def send(self, message: dict[str, Any]) -> None:
        await self.send_raw(json.dumps(message).encode())

    async def send_raw(self, packet: bytes) -> None:
        if self._control is None:
            raise PhoneError("the phone's process is gone")
        try:
            await asyncio.get_running_loop().sock_sendall(self._control, packet)
        except OSError as error:
            raise PhoneError("the phone's process is gone") from error

    def _read(self) -> None:
        for _ in range(256):
            if self._control is None:
                return
            try:
                packet = self._control.recv(MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._gone()
                return
            if packet[:1] == b"A":
                _, number, frame = _HEAD.unpack_from(packet)
                call = self._calls.get(number)
                if call is not None:
                    call._frame(frame, packet[_HEAD.size :])
            else:
                self._message(json.loads(packet))

    def _message(self, message: dict[str, Any]) -> None:
        kind, number = message["type"], message.get("call", 0)
        if kind == "ready":
            self.port = message["port"]
            self._ready.set()
        elif kind == "command_failed":
            self.failures.append(f"{message['command']}: {message['reason']}")
        elif kind == "incoming":
            call = self._calls[number] = PhoneCall(self, number, caller=message["caller"], called=message["called"])
            if not self._arrived.full():
                self._arrived.put_nowait(call)
        elif number in self._calls:
            self._calls[number]._event(message)
            if kind == "ended":
                del self._calls[number]

    def _gone(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control)
            self._control.close()
            self._control = None
        for call in self._calls.values():
            call._end(PhoneEnded(0, "the phone's process ended", 0, 0))
        self._calls.clear()


def read_wav(path: Path) -> bytes:
    """A WAV file as 16 kHz mono s16le; several channels are averaged.

    Raises:
        PhoneError: it is no 16-bit PCM WAV.
    """
    import numpy
    import soxr

    try:
        with wave.open(io.BytesIO(path.read_bytes())) as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    except (wave.Error, EOFError, ValueError) as error:
        raise PhoneError(f"{path} is no WAV file: {error}") from error
    if width != 2:
        raise PhoneError(f"{path} is not 16 bits a sample")
    mono = samples.reshape(-1, channels).astype(numpy.float32).mean(axis=1)
    if rate != RATE_HZ:
        mono = soxr.resample(mono, rate, RATE_HZ)
    return bytes(numpy.clip(mono, -32768, 32767).astype("<i2").tobytes())
