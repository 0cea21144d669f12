"""A LiveKit room as a leg: what everybody in it says comes out mixed, what is pushed is published as one track.

    push ──► AudioSource (16 kHz) ──► track in the room
    pull ◄── mix ◄─┬─ voice of participant A ◄── audio track, 20 ms frames at 16 kHz
                   └─ voice of participant B      each also handed to ``on_frame`` for transcription

The only file that names the LiveKit client SDK. The SDK hands every event to every queue there is, which grows with the
square of the rooms in a process; ``_Switchboard`` hands audio straight to the one leg it is for, on the SDK's thread,
where all it costs is an append. So it reaches below the SDK's surface: its version is pinned.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from livekit import rtc
from livekit.rtc._ffi_client import FfiClient, FfiHandle, FfiQueue
from livekit.rtc._proto import audio_frame_pb2, ffi_pb2
from livekit.rtc._proto.participant_pb2 import DisconnectReason, ParticipantKind

from ..errors import RoomError, RoomRefused, RoomUnreachable
from ..frames import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, RATE_HZ, SILENCE, Frame
from ..pcm import mix
from ..stats import LegStats
from .events import (
    Disconnected,
    ParticipantJoined,
    ParticipantLeft,
    Reconnected,
    Reconnecting,
    RoomEvent,
    RoomMessage,
)

OnFrame: TypeAlias = Callable[[str, str, Frame], None]  # identity, name, 20 ms heard from this participant
Emit: TypeAlias = Callable[[RoomEvent], None]

TRACK_NAME: Final = "call"
MAX_HEARD: Final = 10  # frames of one participant that may wait: 200 ms; the oldest gives way
SETTLE_EVERY: Final = 100  # frames between two looks for a standing queue
FIRST_LOOK: Final = 5
ASK_EVERY: Final = 50  # ticks between two looks for tracks that were asked for and don't come
MAX_IN_FLIGHT: Final = 10  # frames handed to the SDK that it has not taken yet; more are dropped
SOURCE_QUEUE_MS: Final = 100
CONNECT_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 5.0

log = logging.getLogger(__name__)


class _Switchboard(FfiQueue[ffi_pb2.FfiEvent]):
    """The SDK's event queue, except that audio goes to whom it is for and nowhere else. Called on the SDK's threads."""

    def __init__(self, before: FfiQueue[ffi_pb2.FfiEvent]) -> None:
        super().__init__()
        self._lock, self._subscribers = before._lock, before._subscribers
        self.voices: dict[int, _Voice] = {}
        self.uplinks: dict[int, _Uplink] = {}
        self.early: deque[Any] = deque(maxlen=64)  # events of streams whose handle is not known yet
        self.ids = itertools.count(1 << 40)  # far from those that the SDK counts up

    def put(self, item: ffi_pb2.FfiEvent) -> None:
        which = item.WhichOneof("message")
        if which == "audio_stream_event":
            event = item.audio_stream_event
            voice = self.voices.get(event.stream_handle)
            if voice is not None:
                voice.arrived(event)
                return
            self.early.append(event)
        elif which == "capture_audio_frame":
            uplink = self.uplinks.pop(item.capture_audio_frame.async_id, None)
            if uplink is not None:
                uplink.taken(item.capture_audio_frame.async_id)
                return
        super().put(item)

    def adopt(self, handle: int, voice: _Voice) -> None:
        """From now on the stream *handle* is *voice*'s, with what came before one could know its handle."""
        self.voices[handle] = voice
        for event in [event for event in list(self.early) if event.stream_handle == handle]:
            self.early.remove(event)
            voice.arrived(event)

    @classmethod
    def installed(cls) -> _Switchboard:
        client = FfiClient.instance
        if not isinstance(client._queue, cls):
            client._queue = cls(client._queue)
        board: _Switchboard = client._queue
        return board


class _Voice:
    """One remote audio track. Filled on the SDK's thread, emptied by ``take`` at every tick."""

    def __init__(self, participant: rtc.RemoteParticipant, track: rtc.Track, stats: LegStats) -> None:
        self.participant = participant
        self._stats = stats
        self._frames: deque[Frame] = deque(maxlen=MAX_HEARD)
        self._least, self._until_look = MAX_HEARD, FIRST_LOOK  # nobody may have pulled for a while
        self._board = _Switchboard.installed()
        request = ffi_pb2.FfiRequest()
        wanted = request.new_audio_stream
        wanted.track_handle = track._ffi_handle.handle
        wanted.type = audio_frame_pb2.AudioStreamType.AUDIO_STREAM_NATIVE
        wanted.sample_rate, wanted.num_channels, wanted.frame_size_ms = RATE_HZ, 1, FRAME_MS
        wanted.queue_size_frames = MAX_HEARD
        self._handle = FfiHandle(FfiClient.instance.request(request).new_audio_stream.stream.handle.id)
        self._board.adopt(self._handle.handle, self)

    def arrived(self, event: audio_frame_pb2.AudioStreamEvent) -> None:
        if not event.HasField("frame_received"):
            return  # the end of the stream: the room tells it too
        buffer = event.frame_received.frame
        frame = ctypes.string_at(buffer.info.data_ptr, 2 * buffer.info.samples_per_channel)
        FfiHandle(buffer.handle.id).dispose()
        if len(frame) != FRAME_BYTES:
            self._stats.malformed += 1
            return
        if len(self._frames) == MAX_HEARD:
            self._stats.dropped_in += 1
        self._frames.append(SILENCE if frame == SILENCE else frame)

    def take(self) -> Frame | None:
        frames = self._frames
        if not frames:
            self._least = 0
            return None
        frame = frames.popleft()
        self._least = min(self._least, len(frames))
        self._until_look -= 1
        if not self._until_look:
            # What waited all the time, beyond one frame of reserve, is only delay.
            for _ in range(self._least - 1):
                frames.popleft()
                self._stats.dropped_in += 1
            self._least, self._until_look = MAX_HEARD, SETTLE_EVERY
        return frame

    def close(self) -> None:
        self._board.voices.pop(self._handle.handle, None)
        self._handle.dispose()


class _Uplink:
    """The published track. ``send`` queues a frame for the pump; the SDK tells later that it has taken it."""

    def __init__(self, stats: LegStats) -> None:
        self._stats = stats
        self._board = _Switchboard.installed()
        self._pump = _Pump.running()
        self._closed = False
        self._in_flight: dict[int, Frame] = {}  # waiting for the pump, or being read by the SDK
        self.source = rtc.AudioSource(RATE_HZ, 1, queue_size_ms=SOURCE_QUEUE_MS)
        self.track = rtc.LocalAudioTrack.create_audio_track(TRACK_NAME, self.source)
        self._request = ffi_pb2.FfiRequest()
        self._capture = self._request.capture_audio_frame
        self._capture.source_handle = self.source._ffi_handle.handle
        buffer = self._capture.buffer
        buffer.sample_rate, buffer.num_channels, buffer.samples_per_channel = RATE_HZ, 1, FRAME_SAMPLES

    def send(self, frame: Frame) -> None:
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            self._stats.dropped_out += 1
            return
        number = next(self._board.ids)
        self._in_flight[number] = frame
        self._board.uplinks[number] = self
        self._stats.frames_out += 1
        self._pump.jobs.put((self, number))

    def capture(self, number: int) -> None:
        """Hand a queued frame to the SDK. The pump's thread."""
        if self._closed:
            self._board.uplinks.pop(number, None)
            return
        self._capture.request_async_id = number
        self._capture.buffer.data_ptr = (
            ctypes.cast(ctypes.c_char_p(self._in_flight[number]), ctypes.c_void_p).value or 0
        )
        FfiClient.instance.request(self._request)

    def taken(self, number: int) -> None:
        self._in_flight.pop(number, None)

    def close(self) -> None:
        """The pump lets the source go, behind what it is busy with. Frames stay until the SDK has read them."""
        self._closed = True
        self._pump.jobs.put((self, None))

    def release(self) -> None:
        self.source._ffi_handle.dispose()


class _Pump:
    """The thread that hands frames to the SDK, one for all rooms of a process; it lives as long as the SDK's own do.

    Handing one over takes 0.1 to 0.2 ms, mostly waiting for the SDK's threads to pass the interpreter lock back and
    forth: too long for the media clock, irrelevant here. Each uplink bounds what it has queued (``MAX_IN_FLIGHT``).
    """

    _one: _Pump | None = None

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[tuple[_Uplink, int | None]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="room-uplinks", daemon=True).start()

    @classmethod
    def running(cls) -> _Pump:
        if cls._one is None:
            cls._one = cls()
        return cls._one

    def _run(self) -> None:
        while True:
            uplink, number = self.jobs.get()
            try:
                if number is None:
                    uplink.release()
                else:
                    uplink.capture(number)
            except Exception:
                log.exception("room_uplink_failed")


class RoomLeg:
    """A room as a leg. ``join`` it, put it onto a bridge, ``close`` it.

    ``emit`` is told who comes and goes, data packets and what becomes of the connection; ``on_frame`` gets each
    participant's own frames within ``pull``. Both are called on the loop's thread and must not block. A connection that
    breaks is mended by the SDK; once it has given up, ``gone`` is set, and ``join`` may be called again.
    """

    def __init__(self, *, name: str = "room", emit: Emit | None = None, on_frame: OnFrame | None = None) -> None:
        self.name = name
        self.on_frame = on_frame
        self.stats = LegStats()
        self.gone = asyncio.Event()
        self._emit = emit
        self._room: rtc.Room | None = None
        self._uplink: _Uplink | None = None
        self._voices: dict[str, _Voice] = {}  # by the track's sid
        self._wanted: dict[str, tuple[rtc.RemoteTrackPublication, int]] = {}  # asked for, not there yet; how often seen
        self._until_ask = ASK_EVERY
        self._told: set[str] = set()  # identities whose coming was told
        self._muted = False

    @property
    def is_connected(self) -> bool:
        return self._room is not None and self._room.isconnected()

    @property
    def identity(self) -> str:
        return str(self._room.local_participant.identity) if self._room is not None else ""

    @property
    def participants(self) -> Mapping[str, str]:
        """The others in the room: identity to name."""
        if self._room is None:
            return {}
        return {each.identity: each.name for each in self._room.remote_participants.values()}

    @property
    def speakers(self) -> Mapping[str, str]:
        """The others whose audio is heard: identity to name."""
        return {voice.participant.identity: voice.participant.name for voice in self._voices.values()}

    async def join(self, url: str, token: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
        """Enter the room that *token* is for, and publish. Cancelled: nobody stays in the room on our behalf.

        Raises:
            RoomRefused: the server doesn't accept the token.
            RoomUnreachable: no connection within *timeout_s*, or none that carries media.
        """
        await self.close()
        self.gone.clear()
        _Switchboard.installed()
        room = rtc.Room()
        self._listen(room)
        # Only audio is wanted: a camera's video would be received and decoded for nobody.
        options = rtc.RoomOptions(auto_subscribe=False, connect_timeout=timeout_s)
        await _finish_or_undo(room, room.connect(url, token, options), url, timeout_s)
        self._room = room
        self._uplink = _Uplink(self.stats)
        try:
            async with asyncio.timeout(timeout_s):
                await room.local_participant.publish_track(
                    self._uplink.track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
                )
        except (TimeoutError, rtc.participant.PublishTrackError) as error:
            await self.close()
            raise RoomUnreachable(f"the room at {url} takes no audio: {error}") from error
        except asyncio.CancelledError:
            await asyncio.shield(self.close())
            raise
        for participant in room.remote_participants.values():
            self._joined(participant)
            for publication in participant.track_publications.values():
                self._published(publication)

    def pull(self) -> Frame | None:
        on_frame, heard = self.on_frame, []
        self._until_ask -= 1
        if not self._until_ask:
            self._ask_again()
        for voice in self._voices.values():
            frame = voice.take()
            if frame is None:
                continue
            if on_frame is not None:
                on_frame(voice.participant.identity, voice.participant.name, frame)
            if frame is not SILENCE:
                heard.append(frame)
            else:
                self.stats.frames_in += 1
        if not heard:
            self.stats.underruns += not self._voices
            return None
        self.stats.frames_in += len(heard)
        return heard[0] if len(heard) == 1 else mix(heard)

    def push(self, frame: Frame) -> None:
        if self._uplink is not None and not self._muted:
            self._uplink.send(frame)

    def mute(self, muted: bool) -> None:
        """Have the room hear nothing of us, and show it; or again."""
        self._muted = muted
        if self._uplink is not None:
            if muted:
                self._uplink.track.mute()
            else:
                self._uplink.track.unmute()

    def flush(self) -> None:
        """Drop what the room has not been sent yet."""
        if self._uplink is not None:
            self._uplink.source.clear_queue()

    async def send_data(
        self, payload: bytes, *, topic: str = "", to: tuple[str, ...] = (), reliable: bool = True
    ) -> None:
        """A data packet to everybody, or to the identities in *to*.

        Raises:
            RoomUnreachable: we are not in the room.
        """
        if self._room is None or not self._room.isconnected():
            raise RoomUnreachable("not in a room")
        try:
            await self._room.local_participant.publish_data(
                payload, reliable=reliable, destination_identities=list(to), topic=topic
            )
        except rtc.participant.PublishDataError as error:
            raise RoomUnreachable(f"the data packet could not be sent: {error}") from error

    async def close(self) -> None:
        """Leave the room. Calling it again does nothing."""
        room, self._room = self._room, None
        uplink, self._uplink = self._uplink, None
        for voice in self._voices.values():
            voice.close()
        self._voices.clear()
        self._wanted.clear()
        self._told.clear()
        self.gone.set()
        if uplink is not None:
            uplink.close()
        if room is not None:
            await _leave(room)

    # ── what the SDK tells ────────────────────────────────────────────────────────────────────────────────────────────

    def _listen(self, room: rtc.Room) -> None:
        """Every handler forgets itself once another room has taken this one's place."""

        def on(event: Any, handler: Callable[..., None]) -> None:
            def guarded(*args: Any) -> None:
                if self._room is room:
                    handler(*args)

            room.on(event, guarded)

        on("participant_connected", self._joined)
        on("participant_disconnected", self._left)
        on("track_published", lambda publication, _participant: self._published(publication))
        on("track_unpublished", lambda publication, _participant: self._unpublished(publication))
        on("track_subscribed", self._subscribed)
        on("track_unsubscribed", lambda _track, publication, _participant: self._unsubscribed(publication.sid))
        on("data_received", self._data)
        on("reconnecting", lambda *_: self._tell(Reconnecting()))
        on("reconnected", self._mended)
        on("disconnected", self._disconnected)

    def _tell(self, event: RoomEvent) -> None:
        if self._emit is not None:
            self._emit(event)

    def _joined(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity in self._told:
            return  # it came while we were still busy with joining
        self._told.add(participant.identity)
        kind = ParticipantKind.Name(participant.kind).removeprefix("PARTICIPANT_KIND_").lower()
        self._tell(ParticipantJoined(participant.identity, participant.name, kind, participant.metadata))

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        for sid, voice in list(self._voices.items()):
            if voice.participant.identity == participant.identity:
                self._unsubscribed(sid)
        for sid in participant.track_publications:
            self._wanted.pop(sid, None)
        self._told.discard(participant.identity)
        self._tell(ParticipantLeft(participant.identity, participant.name, _reason(participant.disconnect_reason)))

    def _published(self, publication: rtc.RemoteTrackPublication) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and publication.sid not in self._voices:
            self._wanted[publication.sid] = publication, 0
            publication.set_subscribed(True)

    def _unpublished(self, publication: rtc.RemoteTrackPublication) -> None:
        self._wanted.pop(publication.sid, None)
        self._unsubscribed(publication.sid)

    def _mended(self, *_: Any) -> None:
        self._tell(Reconnected())
        for participant in self._room.remote_participants.values() if self._room is not None else ():
            for publication in participant.track_publications.values():
                self._published(publication)

    def _ask_again(self) -> None:
        """A wish for a track that went into a broken connection is lost, and the SDK tells the server of changes only:
        so take it back and, a second later, have it again. Both at once would leave the server's side as it was.
        """
        self._until_ask = ASK_EVERY
        for sid, (publication, asked) in list(self._wanted.items()):
            self._wanted[sid] = publication, asked + 1
            if asked >= 2:
                publication.set_subscribed(asked % 2 == 1)

    def _subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        self._unsubscribed(publication.sid)
        self._wanted.pop(publication.sid, None)
        self._voices[publication.sid] = _Voice(participant, track, self.stats)

    def _unsubscribed(self, sid: str) -> None:
        voice = self._voices.pop(sid, None)
        if voice is not None:
            voice.close()

    def _data(self, packet: rtc.DataPacket) -> None:
        identity = packet.participant.identity if packet.participant is not None else ""
        self._tell(RoomMessage(identity, packet.topic or "", bytes(packet.data)))

    def _disconnected(self, reason: Any = None) -> None:
        for sid in list(self._voices):
            self._unsubscribed(sid)
        self.gone.set()
        self._tell(Disconnected(_reason(reason)))


def _reason(reason: int | None) -> str:
    known = reason is not None and reason in DisconnectReason.values()
    return DisconnectReason.Name(reason).lower() if known else "unknown_reason"  # type: ignore[arg-type]


_undoing: set[asyncio.Task[None]] = set()


async def _finish_or_undo(room: rtc.Room, connecting: Any, url: str, timeout_s: float) -> None:
    """Await the SDK's connect, which must not be cut short: what it has begun would stay in the room as a ghost."""
    task: asyncio.Task[None] = asyncio.create_task(connecting, name="room/connect")
    try:
        async with asyncio.timeout(timeout_s):
            await asyncio.shield(task)
    except rtc.ConnectError as error:
        raise _refusal(error, url) from error
    except (TimeoutError, asyncio.CancelledError) as error:
        undo = asyncio.create_task(_undo(room, task), name="room/undo")
        _undoing.add(undo)
        undo.add_done_callback(_undoing.discard)
        if isinstance(error, TimeoutError):
            raise RoomUnreachable(f"the room server at {url} did not let us in within {timeout_s:g} s") from error
        raise


async def _undo(room: rtc.Room, connecting: asyncio.Task[None]) -> None:
    with contextlib.suppress(rtc.ConnectError):
        await connecting
        await _leave(room)


async def _leave(room: rtc.Room) -> None:
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await room.disconnect()
    except TimeoutError:
        log.warning("room_leave_timed_out", extra={"room": room.name})


def _refusal(error: rtc.ConnectError, url: str) -> RoomError:
    text = str(error.message)
    if any(sign in text.lower() for sign in ("401", "403", "unauthorized", "forbidden", "invalid token", "permission")):
        return RoomRefused(f"the room server at {url} does not accept the token: {text}")
    return RoomUnreachable(f"the room server at {url} can't be reached: {text}")
