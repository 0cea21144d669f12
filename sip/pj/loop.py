"""The one thread of a process that calls pjsua2, and the way in for commands.

``libHandleEvents`` runs SIP and timers on this thread alone (no pj worker threads: a callback that waits for Python's
lock while Python waits for pjsua's would never end, pjproject #3125). A second thread only reads the control socket,
puts what it read into a queue and wakes the first by a CRLF datagram to the endpoint's own SIP port, which pjsip takes
for a keep-alive and ignores.

The control socket is AF_UNIX SOCK_SEQPACKET: a packet is a JSON object, or bytes that begin with ``P`` (PCM for a
phone). Its end is the end of the process.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pjsua2 as pj

POLL_MS: Final = 100
MAX_PACKET: Final = 128 * 1024
MAX_WAITING: Final = 4096  # packets read and not yet done; beyond it the reader waits, and so does the sender

Message = dict[str, Any]


class PjLoop:
    """Owns the control socket and the pj thread's turns. ``run`` never returns: the process ends by ``os._exit``."""

    def __init__(self, control: socket.socket, *, on_command: Callable[[Message], None]) -> None:
        self._control = control
        self._on_command = on_command
        self._on_pcm: Callable[[bytes], None] | None = None
        self._waiting: queue.Queue[bytes] = queue.Queue(MAX_WAITING)
        self._waker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wake_at = ("127.0.0.1", 0)
        self.lost_events = 0

    def on_pcm(self, take: Callable[[bytes], None]) -> None:
        self._on_pcm = take

    def tell(self, message: Message) -> None:
        """Send *message* to the owner. It may wait for one that is slow; when there is none left, the process ends."""
        try:
            self._control.send(json.dumps(message, separators=(",", ":")).encode())
        except OSError:
            os._exit(0)

    def tell_raw(self, packet: bytes) -> None:
        """Send audio; dropped and counted when the owner is slow."""
        try:
            self._control.send(packet, socket.MSG_DONTWAIT)
        except BlockingIOError:
            self.lost_events += 1
        except OSError:
            os._exit(0)

    def run(self, endpoint: pj.Endpoint, sip_port: int, every_turn: Callable[[float], None]) -> None:
        """Serve for ever. *every_turn* is called with the monotonic time after each turn, at least every 100 ms."""
        self._wake_at = ("127.0.0.1", sip_port)
        threading.Thread(target=self._read, name="control-reader", daemon=True).start()
        while True:
            endpoint.libHandleEvents(POLL_MS)
            while True:
                try:
                    packet = self._waiting.get_nowait()
                except queue.Empty:
                    break
                self._do(packet)
            every_turn(time.monotonic())

    def _do(self, packet: bytes) -> None:
        if packet[:1] == b"P":
            if self._on_pcm is not None:
                self._on_pcm(packet)
            return
        message = json.loads(packet)
        try:
            self._on_command(message)
        except pj.Error as error:
            self.tell(failure(message, error.reason))
        except (ValueError, RuntimeError, OSError) as error:
            self.tell(failure(message, str(error)))

    def _read(self) -> None:
        while True:
            try:
                packet = self._control.recv(MAX_PACKET)
            except OSError:
                packet = b""
            if not packet:
                os._exit(0)
            self._waiting.put(packet)
            self._waker.sendto(b"\r\n", self._wake_at)


def failure(message: Message, reason: str) -> Message:
    return {
        "type": "command_failed",
        "call": str(message.get("call", "")),
        "command": str(message.get("type")),
        "reason": reason[:300],
    }
