"""One signalling WebSocket: binary protobuf or JSON frames, and a bounded queue of what is to be sent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from .counters import Counters
from .errors import BadRequest

MAX_MESSAGE_BYTES = 1 << 20
MAX_WAITING = 512  # responses not yet taken by the client; past it the client is given up


class Connection:
    """Sends in order, never blocks the caller. The client that does not read is closed and counted."""

    def __init__(self, socket: web.WebSocketResponse, counters: Counters) -> None:
        self._socket = socket
        self._counters = counters
        self._queue: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue(MAX_WAITING)
        self._json = False
        self.finished = False

    def send(self, response: rtc.SignalResponse) -> None:
        if self.finished:
            return
        try:
            self._queue.put_nowait(response)
        except asyncio.QueueFull:
            self._counters["signal_overflow"] += 1
            self.finish()

    def finish(
        self,
        reason: models.DisconnectReason | None = None,
        action: rtc.LeaveRequest.Action = rtc.LeaveRequest.Action.DISCONNECT,
    ) -> None:
        """Close after what is queued, with a ``leave`` last when there is a *reason*."""
        if self.finished:
            return
        self.finished = True
        with contextlib.suppress(asyncio.QueueFull):
            if reason is not None:
                leave = rtc.LeaveRequest(
                    reason=reason, action=action, can_reconnect=action != rtc.LeaveRequest.Action.DISCONNECT
                )
                self._queue.put_nowait(rtc.SignalResponse(leave=leave))
            self._queue.put_nowait(None)
            return
        # The queue is full of what nobody reads: let the writer see the end next.
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send what is queued until ``finish`` or the end of the connection."""
        while True:
            response = await self._queue.get()
            try:
                if response is None:
                    await self._socket.close(code=WSCloseCode.OK)
                    return
                if self._json:
                    await self._socket.send_str(json_format.MessageToJson(response, indent=None))
                else:
                    await self._socket.send_bytes(response.SerializeToString())
            except (ConnectionError, RuntimeError):
                self.finished = True
                return

    def read(self, message: WSMessage) -> rtc.SignalRequest | None:
        """The request in *message*; None for frames that carry none.

        Raises:
            BadRequest: neither protobuf nor JSON of a SignalRequest.
        """
        data: Any = message.data
        try:
            if message.type is WSMsgType.BINARY:
                return rtc.SignalRequest.FromString(data)
            if message.type is WSMsgType.TEXT:
                self._json = True
                return json_format.Parse(data, rtc.SignalRequest(), ignore_unknown_fields=True)
        except (DecodeError, json_format.ParseError, RecursionError) as error:
            raise BadRequest("not a signal request") from error
        return None
