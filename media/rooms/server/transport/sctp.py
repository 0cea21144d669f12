"""Data channels (RFC 8831, 8832) over aiortc's SCTP. The one file of the rooms server that names aiortc.

aiortc's association is written as coroutines that only ever await its transport. Ours never suspends, so each packet
is driven to its end synchronously: no task, no queue in front of it. The private names used are listed in
``PRIVATE_NAMES`` and ``PRIVATE_ATTRIBUTES``; a unit test fails when a new aiortc version moves one of them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiortc import RTCDataChannel, RTCDataChannelParameters, RTCSctpCapabilities, RTCSctpTransport

from ..counters import Counters

SCTP_PORT = 5000
MAX_MESSAGE_BYTES = 65536
MAX_CHANNELS = 16  # labels per client; the clients open three
MAX_WAITING = 256  # messages kept for a reliable channel that is not open yet; the oldest gives way
WINDOW_SLACK_BYTES = 64 * 1024  # past the window of 1 MiB that aiortc announces
LOSSY_BUFFER_BYTES = 256 * 1024
RELIABLE_BUFFER_BYTES = 4 * 1024 * 1024
RELIABLE, LOSSY, DATA_TRACK = "_reliable", "_lossy", "_data_track"
PRIVATE_NAMES: Final = (
    "_handle_data",
    "_data_channel_send",
    "_data_channel_flush",
    "_data_channel_open",
    "_set_state",
    "_abort",
)
PRIVATE_ATTRIBUTES: Final = ("_advertised_rwnd",)
DUCK_NAMES: Final = ("_role", "_register_data_receiver", "_unregister_data_receiver", "_send_data", "state")

log = logging.getLogger(__name__)


class _Wire:
    """What aiortc's SCTP asks of a DTLS transport (``DUCK_NAMES``)."""

    state = "connected"

    def __init__(self, send: Callable[[bytes], None], *, is_server: bool) -> None:
        self._send = send
        self._role = "server" if is_server else "client"

    def _register_data_receiver(self, receiver: object) -> None:
        """Packets are handed to the association directly."""

    def _unregister_data_receiver(self, receiver: object) -> None:
        """See above."""

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class DataChannels:
    """The data channels of one peer, by label. Made when DTLS is up."""

    def __init__(
        self,
        *,
        send: Callable[[bytes], None],
        is_server: bool,
        on_message: Callable[[str, bytes], None],
        counters: Counters,
    ) -> None:
        self._on_message = on_message
        self._counters = counters
        self._channels: dict[str, RTCDataChannel] = {}
        self._closed = False
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=MAX_WAITING)
        self._sctp = RTCSctpTransport(_Wire(send, is_server=is_server), port=SCTP_PORT)  # type: ignore[arg-type]
        self._sctp.on("datachannel", self._adopt)

    def start(self, remote_port: int, max_message_bytes: int, *, open_labels: tuple[str, ...] = ()) -> None:
        """Bring the association up and open *open_labels* from this side (dual peer connections only)."""
        self._drive(self._sctp.start(RTCSctpCapabilities(maxMessageSize=max_message_bytes), remote_port))
        for label in open_labels:
            reliable = label == RELIABLE
            parameters = RTCDataChannelParameters(label=label, ordered=reliable, maxRetransmits=None if reliable else 0)
            self._adopt(RTCDataChannel(self._sctp, parameters))

    def receive(self, packet: bytes) -> None:
        """Take one SCTP packet from DTLS. A far end that ignores our receive window loses its association."""
        if self._closed:
            return
        self._drive(self._sctp._handle_data(packet))
        if self._sctp._advertised_rwnd < -WINDOW_SLACK_BYTES:
            self._counters["sctp_window_ignored"] += 1
            self.close()

    def send(self, label: str, message: bytes) -> bool:
        """Send on the channel *label*. False: the far end's buffer of a reliable channel is full, give the client up.

        A lossy message that does not fit is dropped and counted; a reliable one waits while the channel opens.
        """
        channel = self._channels.get(label)
        if channel is None or channel.readyState != "open":
            if label == RELIABLE:
                self._counters["data_waiting_dropped"] += len(self._waiting) == MAX_WAITING
                self._waiting.append((label, message))
            return True
        if channel.bufferedAmount > (RELIABLE_BUFFER_BYTES if label == RELIABLE else LOSSY_BUFFER_BYTES):
            self._counters["data_overflow"] += 1
            return label != RELIABLE
        try:
            channel.send(message)
        except (ValueError, ConnectionError):  # bigger than the client takes
            self._counters["data_refused"] += 1
        return True

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._drive(self._sctp.stop())
        self._channels.clear()
        self._waiting.clear()

    def _adopt(self, channel: RTCDataChannel) -> None:
        label = channel.label
        if len(self._channels) >= MAX_CHANNELS and label not in self._channels:
            self._counters["data_channels_refused"] += 1
            channel.close()
            return
        self._channels[label] = channel
        channel.on("message", lambda message: self._message(label, message))
        if channel.readyState == "open":
            self._flush()
        else:
            channel.on("open", self._flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, deque(maxlen=MAX_WAITING)
        for label, message in waiting:
            self.send(label, message)

    def _message(self, label: str, message: bytes | str) -> None:
        raw = message.encode() if isinstance(message, str) else message
        if len(raw) > MAX_MESSAGE_BYTES:
            self._counters["data_oversized"] += 1
            return
        self._on_message(label, raw)

    def _drive(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* to its end now. An association that the far end confuses is counted, never raised."""
        try:
            work.send(None)
        except StopIteration:
            return
        except Exception:
            self._counters["sctp_errors"] += 1
            if self._counters["sctp_errors"] <= 20:
                log.exception("sctp_error")
            return
        work.close()
        self._counters["sctp_suspended"] += 1  # aiortc has begun to wait for something: see the module's docstring
        log.error("sctp_suspended")
