"""PCM between a SIP worker and the media process: one AF_UNIX SOCK_SEQPACKET connection a call.

    worker                                                  media process
      -- {"v":1,"call":"<call id>","token":"<token>"} -->          first packet
      -- b"A" + u32 big-endian timestamp + 640 bytes -->           20 ms heard from the caller
      <-- b"A" + u32 big-endian timestamp + 640 bytes --           20 ms to say to the caller
      <-- b"F" --                                                  drop all audio that is still queued

Timestamps count samples at 16 kHz on the sender's own clock. The end of the connection means that the other side is
gone. Packets keep their borders, so there is nothing to parse, and the kernel's queue is the only one on the media
side: a frame costs one system call there, made at the tick that needs it. Hang-ups come by an epoll set of their own,
which packets don't wake.

The worker's end is synchronous, tiny and free of asyncio: it runs inside pjsua2's clock callback.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import hmac
import json
import logging
import os
import select
import socket
import termios
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .errors import LinkNotClaimed, LinkRefused
from .frames import FRAME_BYTES, FRAME_SAMPLES, Frame
from .stats import LegStats

VERSION: Final = 1
AUDIO: Final = 0x41  # b"A"
FLUSH: Final = b"F"
HEADER_BYTES: Final = 5
PACKET_BYTES: Final = HEADER_BYTES + FRAME_BYTES
RECV_BYTES: Final = 2048  # more than any packet: an overlong one shows by its length
MAX_QUEUED: Final = 8  # frames that may wait at either end: 160 ms
SETTLE_TO: Final = 2  # frames left waiting when there were too many
LOOK_EVERY: Final = 10  # ticks between two looks at the kernel's queue
SETTLE_AFTER: Final = 10  # looks (2 s) that all saw frames waiting before these are given up: they are only delay
DRAIN_EVERY: Final = 4  # turns of the worker's end between two at which it reads all there is
HELLO_TIMEOUT_S: Final = 2.0
MAX_PENDING: Final = 64  # connections that have not said who they are
SEND_BUFFER_BYTES: Final = 32 * 1024  # the kernel counts about 1.5 KB a packet: some twenty frames

log = logging.getLogger(__name__)


# ── the media process's end ───────────────────────────────────────────────────────────────────────────────────────────


class SocketLeg:
    """A SIP caller as a leg. Made by ``PcmListener``; ``gone`` is set when the worker's end closed."""

    def __init__(self, sock: socket.socket, call: str) -> None:
        self.name = f"sip:{call}"
        self.call = call
        self.stats = LegStats()
        self.gone = asyncio.Event()
        self._sock = sock
        self._recv, self._send = sock.recv, sock.send
        self._open = True
        self._sent_samples = 0
        self._flush_owed = False
        self._expected: int | None = None  # timestamp that the next packet from the worker should carry
        self._until_look = LOOK_EVERY
        self._looks = 0
        self._least = MAX_QUEUED
        self._on_gone: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        return self._open

    def pull(self) -> Frame | None:
        if not self._open:
            return None
        stats = self.stats
        self._until_look -= 1
        if not self._until_look:
            self._look()
        try:
            packet = self._recv(RECV_BYTES)
        except BlockingIOError:
            stats.underruns += 1
            return None
        except OSError:
            self._lost()
            return None
        if len(packet) != PACKET_BYTES or packet[0] != AUDIO:
            if packet:
                stats.malformed += 1
            else:
                self._lost()
            return None
        stamp = int.from_bytes(packet[1:5], "big")
        if stamp != self._expected and self._expected is not None:
            stats.lost_in += ((stamp - self._expected) & 0xFFFFFFFF) // FRAME_SAMPLES
        self._expected = (stamp + FRAME_SAMPLES) & 0xFFFFFFFF
        stats.frames_in += 1
        return packet[HEADER_BYTES:]

    def push(self, frame: Frame) -> None:
        if not self._open:
            return
        stamp = self._sent_samples
        self._sent_samples = (stamp + FRAME_SAMPLES) & 0xFFFFFFFF
        if self._flush_owed:
            self.flush()
        try:
            self._send(b"A" + stamp.to_bytes(4, "big") + frame)
        except BlockingIOError:
            self.stats.dropped_out += 1
        except OSError:
            self._lost()
        else:
            self.stats.frames_out += 1

    def flush(self) -> None:
        """Have the worker drop what it has not played yet (the caller interrupted)."""
        if self._open:
            try:
                self._send(FLUSH)
                self._flush_owed = False
            except BlockingIOError:
                self._flush_owed = True  # asked again with the next frame
            except OSError:
                self._lost()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call *callback* once, when the worker's end is gone or the leg was closed."""
        if self._open:
            self._on_gone.append(callback)
        else:
            callback()

    async def close(self) -> None:
        self._lost()

    def fileno(self) -> int:
        return self._sock.fileno()

    def _look(self) -> None:
        """Keep the delay down: never more than MAX_QUEUED frames, and no standing queue."""
        self._until_look = LOOK_EVERY
        depth = self.stats.depth = _bytes_waiting(self._sock) // PACKET_BYTES
        self._looks += 1
        self._least = min(self._least, depth)
        if depth > MAX_QUEUED:
            self._discard(depth - SETTLE_TO)
        elif self._looks >= SETTLE_AFTER:
            # One frame is always there at a look, shortly before it is read.
            if self._least > SETTLE_TO:
                self._discard(self._least - SETTLE_TO)
            self._looks, self._least = 0, MAX_QUEUED

    def _discard(self, count: int) -> None:
        try:
            for _ in range(count):
                packet = self._recv(RECV_BYTES)
                if len(packet) != PACKET_BYTES:
                    return
                self.stats.dropped_in += 1
                self._expected = (int.from_bytes(packet[1:5], "big") + FRAME_SAMPLES) & 0xFFFFFFFF
        except OSError:
            return

    def _lost(self) -> None:
        if not self._open:
            return
        self._open = False
        self.gone.set()
        callbacks, self._on_gone = self._on_gone, []
        for callback in callbacks:
            callback()
        self._sock.close()


def _bytes_waiting(sock: socket.socket) -> int:
    """All bytes in the receive queue (for SOCK_SEQPACKET Linux adds up the packets)."""
    count = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.FIONREAD, count)
    return count[0]


@dataclass(slots=True)
class ListenerStats:
    claimed: int = 0
    refused: int = 0


class PcmListener:
    """Where SIP workers bring their callers. One a media process; ``async with`` it, or ``open`` and ``close``."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.stats = ListenerStats()
        self._sock: socket.socket | None = None
        self._hang_ups: select.epoll | None = None
        self._expected: dict[str, tuple[str, asyncio.Future[SocketLeg]]] = {}
        self._pending: dict[socket.socket, asyncio.TimerHandle] = {}
        self._legs: dict[int, SocketLeg] = {}

    async def open(self) -> None:
        """Listen. A stale socket file is replaced; the new one is for our own user only.

        Raises:
            OSError: the path is too long (107 bytes), or its folder isn't writable.
        """
        loop = asyncio.get_running_loop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.setblocking(False)
            sock.bind(self.path)
            os.chmod(self.path, 0o600)
            sock.listen(128)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        self._hang_ups = select.epoll()
        loop.add_reader(sock, self._accept)
        loop.add_reader(self._hang_ups.fileno(), self._hung_up)

    async def close(self) -> None:
        """Stop listening and drop every connection, claimed or not."""
        if self._sock is None or self._hang_ups is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock)
        loop.remove_reader(self._hang_ups.fileno())
        for pending in list(self._pending):
            self._drop(pending)
        for leg in list(self._legs.values()):
            await leg.close()
        for _, waiting in self._expected.values():
            waiting.cancel()
        self._expected.clear()
        self._hang_ups.close()
        self._sock.close()
        self._sock = self._hang_ups = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    async def __aenter__(self) -> PcmListener:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def expect(self, call: str, token: str) -> asyncio.Future[SocketLeg]:
        """From now on let in the worker that shows *token* for *call*. Cancel the future to take that back.

        A second ``expect`` for a call withdraws the first.
        """
        self.forget(call)
        waiting: asyncio.Future[SocketLeg] = asyncio.get_running_loop().create_future()
        self._expected[call] = (token, waiting)
        waiting.add_done_callback(lambda done: self._settled(call, done))
        return waiting

    def forget(self, call: str) -> None:
        """Expect *call* no longer."""
        _, waiting = self._expected.pop(call, ("", None))
        if waiting is not None:
            waiting.cancel()

    async def claim(self, call: str, token: str, *, timeout_s: float = 10.0) -> SocketLeg:
        """``expect`` and wait for the worker.

        Raises:
            LinkNotClaimed: it did not come within *timeout_s*.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self.expect(call, token)
        except TimeoutError:
            raise LinkNotClaimed(f"no SIP worker brought call {call} within {timeout_s:g} s") from None

    def _settled(self, call: str, done: asyncio.Future[SocketLeg]) -> None:
        if self._expected.get(call, ("", None))[1] is done:
            del self._expected[call]

    def _accept(self) -> None:
        assert self._sock is not None
        loop = asyncio.get_running_loop()
        for _ in range(16):
            try:
                sock, _address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log.error("pcm_link_accept_failed", extra={"error": str(error)})
                return
            sock.setblocking(False)
            if len(self._pending) >= MAX_PENDING:
                self.stats.refused += 1
                sock.close()
                continue
            self._pending[sock] = loop.call_later(HELLO_TIMEOUT_S, self._refuse, sock, "silent")
            loop.add_reader(sock, self._greet, sock)

    def _greet(self, sock: socket.socket) -> None:
        try:
            packet = sock.recv(RECV_BYTES)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._drop(sock)
            return
        try:
            hello = json.loads(packet)
            version, call, token = hello["v"], str(hello["call"]), str(hello["token"])
        except (ValueError, KeyError, TypeError):
            self._refuse(sock, "malformed")
            return
        secret, waiting = self._expected.get(call, ("", None))
        if version != VERSION:
            self._refuse(sock, "version")
        elif waiting is None or waiting.done():
            self._refuse(sock, "unexpected")
        elif not hmac.compare_digest(secret.encode(), token.encode()):
            self._refuse(sock, "token")
        else:
            self._adopt(sock, call, waiting)

    def _adopt(self, sock: socket.socket, call: str, waiting: asyncio.Future[SocketLeg]) -> None:
        assert self._hang_ups is not None
        self._release(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        leg = SocketLeg(sock, call)
        number = sock.fileno()
        self._legs[number] = leg
        self._hang_ups.register(number, select.EPOLLRDHUP)
        leg.on_gone(lambda: self._departed(number))
        self.stats.claimed += 1
        waiting.set_result(leg)

    def _departed(self, number: int) -> None:
        if self._legs.pop(number, None) is not None and self._hang_ups is not None:
            with contextlib.suppress(OSError):
                self._hang_ups.unregister(number)

    def _hung_up(self) -> None:
        assert self._hang_ups is not None
        for number, _events in self._hang_ups.poll(0):
            leg = self._legs.get(number)
            if leg is not None:
                leg._lost()

    def _refuse(self, sock: socket.socket, reason: str) -> None:
        self.stats.refused += 1
        log.warning("pcm_link_refused", extra={"reason": reason})
        self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        self._release(sock)
        sock.close()

    def _release(self, sock: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(sock)
        timer = self._pending.pop(sock, None)
        if timer is not None:
            timer.cancel()


# ── the worker's end ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class WorkerEndStats:
    sent: int = 0
    received: int = 0
    dropped_out: int = 0  # the media process was too slow
    dropped_in: int = 0  # more than MAX_QUEUED waited
    empty: int = 0  # frames asked for while none was there
    flushed: int = 0
    malformed: int = 0


class WorkerEnd:
    """A call's PCM in the SIP worker. ``send`` and ``recv`` never block and never raise.

    May be used from one thread at a time (pjsua2's clock). ``closed`` turns true when the media process is gone; what
    had arrived before is still handed out.
    """

    __slots__ = ("_queue", "_sock", "_stamp", "_until_drain", "closed", "stats")

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.closed = False
        self.stats = WorkerEndStats()
        self._sock = sock
        self._stamp = 0
        self._until_drain = 0
        self._queue: deque[Frame] = deque()

    @classmethod
    def connect(cls, path: str, call: str, token: str, *, timeout_s: float = 1.0) -> WorkerEnd:
        """Bring *call* to the media process that listens at *path*. Not for the clock's thread: it may wait.

        A wrong token shows as an end of connection at once (``closed`` after the next ``recv``).

        Raises:
            LinkRefused: nobody listens there, or not within *timeout_s*.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            sock.settimeout(timeout_s)
            sock.connect(path)
            sock.send(json.dumps({"v": VERSION, "call": call, "token": token}).encode())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        except OSError as error:
            sock.close()
            raise LinkRefused(f"the media process at {path} can't be reached: {error}") from error
        return cls(sock)

    def send(self, frame: bytes) -> bool:
        """Hand on 20 ms heard from the caller. False, and counted, when it was dropped."""
        if self.closed:
            return False
        stamp = self._stamp
        self._stamp = (stamp + FRAME_SAMPLES) & 0xFFFFFFFF
        try:
            self._sock.send(b"A" + stamp.to_bytes(4, "big") + frame)
        except BlockingIOError:
            self.stats.dropped_out += 1
            return False
        except OSError:
            self._end()
            return False
        self.stats.sent += 1
        return True

    def recv(self) -> bytes | None:
        """The next 20 ms to play to the caller, or None.

        One packet is read for one frame; all that waits is looked at every DRAIN_EVERY turns, which is how long a flush
        or too long a queue may go unnoticed.
        """
        queue, stats = self._queue, self.stats
        self._until_drain -= 1
        if self._until_drain < 0:
            self._until_drain = DRAIN_EVERY - 1
            while self._read():
                pass
            while len(queue) > MAX_QUEUED:
                queue.popleft()
                stats.dropped_in += 1
        while not queue and self._read():
            pass
        if queue:
            stats.received += 1
            return queue.popleft()
        self._until_drain = 0
        stats.empty += 1
        return None

    def _read(self) -> bool:
        """Queue what one packet brings. False when there is none."""
        if self.closed:
            return False
        try:
            packet = self._sock.recv(RECV_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            self._end()
            return False
        if len(packet) == PACKET_BYTES and packet[0] == AUDIO:
            self._queue.append(packet[HEADER_BYTES:])
        elif packet == FLUSH:
            self.stats.flushed += len(self._queue)
            self._queue.clear()
        elif packet:
            self.stats.malformed += 1
        else:
            self._end()
            return False
        return True

    def close(self) -> None:
        """Tell the media process that the call is over. Calling it again does nothing."""
        self._end()

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._sock.fileno()

    def _end(self) -> None:
        self.closed = True
        self._sock.close()
