"""The HTTP and WebSocket surface: /rtc (v0), /rtc/v1, their validate routes, /twirp, /stats."""

from __future__ import annotations

import asyncio
import base64
import binascii
import gzip
import json
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from .access import Grants, TokenVerifier
from .connection import MAX_MESSAGE_BYTES, Connection
from .counters import Counters
from .errors import BadRequest, BadSdp, NotAllowed, RoomFull, RoomsServerError
from .ids import new_sid
from .negotiation import codecs
from .participant import Participant
from .registry import Registry
from .signalling import PING_INTERVAL_S, PING_TIMEOUT_S, handle
from .twirp import RoomService

SERVER_VERSION = "1.9.0"  # the LiveKit release whose protocol this server speaks
PROTOCOL = 16
MAX_JOIN_REQUEST_BYTES = 512 * 1024
MAX_BODY_BYTES = 1 << 20
HEARTBEAT_S = 10.0  # WebSocket pings: finds connections that broke without a word
MAX_CONNECTIONS = 20_000
WRITE_TIMEOUT_S = 2.0  # for the last ``leave``, when the client has stopped reading
MESSAGES_PER_S = 100  # of one client; what comes faster is read later
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JoinWish:
    """What a client asks for when it connects, from the query (v0) or the join request (v1)."""

    single: bool
    resume_sid: str | None = None  # set: it wants its place back
    auto_subscribe: bool = True
    client: models.ClientInfo = field(default_factory=models.ClientInfo)
    attributes: Mapping[str, str] = field(default_factory=dict)
    metadata: str = ""
    tracks: tuple[rtc.AddTrackRequest, ...] = ()
    offer: rtc.SessionDescription | None = None


class Pace:
    """How fast one client may talk: its descriptions cost milliseconds, and the loop is everybody's."""

    def __init__(self) -> None:
        self._second, self._count = 0, 0

    def over(self, now_s: float) -> float:
        """Count one message; the seconds to wait before it is served, 0 within the rate."""
        if int(now_s) != self._second:
            self._second, self._count = int(now_s), 0
        self._count += 1
        return 0.0 if self._count <= MESSAGES_PER_S else self._second + 1 - now_s


class Door:
    """The routes, and the connections under way."""

    def __init__(self, registry: Registry, verifier: TokenVerifier, counters: Counters) -> None:
        self._registry = registry
        self._verifier = verifier
        self._counters = counters
        self._service = RoomService(registry)
        self._node_id = new_sid("ND")
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/", self._root)
        for path in ("/rtc", "/rtc/v1"):
            app.router.add_get(path, self._rtc)
            app.router.add_get(path + "/validate", self._validate)
        app.router.add_post("/twirp/livekit.{service}/{method}", self._twirp)
        app.router.add_get("/stats", self._stats)
        app.router.add_route("OPTIONS", "/{path:.*}", self._root)
        app.on_shutdown.append(self._close_sockets)
        return app

    async def _close_sockets(self, app: web.Application) -> None:
        for socket in list(self._sockets):
            await socket.close(code=1001)

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Errors to statuses, in one place; CORS on everything that is not a WebSocket."""
        try:
            response = await handler(request)
        except RoomsServerError as error:
            self._counters[f"http_{error.status}"] += 1
            body = {"code": error.code, "msg": str(error)}
            headers = {"Retry-After": "1"} if error.retry else {}
            response = web.json_response(body, status=error.status, headers=headers)
        if not response.prepared:
            response.headers.update(CORS)
        return response

    def _grants(self, request: web.Request) -> Grants:
        token = request.query.get("access_token") or request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self._verifier.verify(token.strip())

    async def _root(self, request: web.Request) -> web.Response:
        return web.Response(text="OK")

    async def _validate(self, request: web.Request) -> web.Response:
        """What a client asks when its WebSocket failed: 200, or the status that says why."""
        grants = self._grants(request)
        self._registry.may_join(grants)
        return web.Response(text="success")

    async def _stats(self, request: web.Request) -> web.Response:
        """Counters and sizes, for whoever may list rooms."""
        if not self._grants(request).room_list:
            raise NotAllowed("the token does not grant listing rooms")
        rooms = {name: len(room.participants) for name, room in self._registry.rooms.items()}
        body = {
            "counters": dict(self._counters),
            "rooms": rooms,
            "connections": len(self._sockets),
            "transports": len({entry[0] for entry in self._registry.mux.by_ufrag.values()}),
        }
        return web.json_response(body)

    async def _twirp(self, request: web.Request) -> web.Response:
        grants = self._grants(request)
        body = await request.read()
        as_json = request.content_type == "application/json"
        answer = self._service.call(
            request.match_info["service"], request.match_info["method"], body, as_json=as_json, grants=grants
        )
        return web.Response(body=answer, content_type="application/json" if as_json else "application/protobuf")

    async def _rtc(self, request: web.Request) -> web.StreamResponse:
        """Join or resume. Refusals that a status can say come before the upgrade, the others as a first ``leave``."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=404, text="not found")
        grants = self._grants(request)
        wish = read_v1(request.query) if request.path == "/rtc/v1" else read_v0(request.query)
        self._registry.may_join(grants)
        if len(self._sockets) >= MAX_CONNECTIONS:
            raise RoomFull("this server has its maximum of connections")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        participant: Participant | None = None
        refusal: RoomsServerError | None = None
        if wish.resume_sid is not None:
            participant = self._registry.find_to_resume(grants, wish.resume_sid)
        else:
            try:
                room = self._registry.admit(grants)
            except RoomFull as error:
                refusal = error
        await socket.prepare(request)
        self._sockets.add(socket)
        connection = Connection(socket, self._counters)
        try:
            if wish.resume_sid is not None:
                if participant is None or participant.closed:
                    self._counters["resume_refused"] += 1
                    reason = models.DisconnectReason.STATE_MISMATCH
                    connection.finish(reason, rtc.LeaveRequest.Action.RECONNECT)
                else:
                    self._resume(participant, connection, wish)
            elif refusal is not None:
                connection.finish(models.DisconnectReason.JOIN_FAILURE)
            else:
                participant = self._join(grants, wish, connection, room.name)
            await self._serve(socket, connection, participant)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _serve(
        self, socket: web.WebSocketResponse, connection: Connection, participant: Participant | None
    ) -> None:
        writer = asyncio.create_task(connection.write(), name="rooms/signal-writer")
        try:
            pace = Pace()
            async for message in socket:
                if wait_s := pace.over(asyncio.get_running_loop().time()):
                    self._counters["signal_slowed"] += 1
                    await asyncio.sleep(wait_s)  # its own reading stops, nobody else's
                if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                    continue
                request = connection.read(message)
                if request is not None and participant is not None and participant.connection is connection:
                    handle(participant, request)
        except BadRequest as error:
            self._counters["signal_malformed"] += 1
            log.warning("signal_malformed", extra={"error": str(error)})
            await socket.close(code=1007)
        finally:
            connection.finish()
            if participant is not None and participant.detach(connection):
                log.info("participant_away", extra={"participant": participant.sid, "code": socket.close_code})
            await asyncio.wait({writer}, timeout=WRITE_TIMEOUT_S)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def _join(self, grants: Grants, wish: JoinWish, connection: Connection, room_name: str) -> Participant:
        room = self._registry.create(room_name)
        participant = Participant(
            room, grants, connection, single=wish.single, auto_subscribe=wish.auto_subscribe, client=wish.client,
            counters=self._counters,
        )  # fmt: skip
        if participant.permission.can_update_metadata and wish.attributes:
            participant.attributes |= wish.attributes
        room.add(participant)
        self._counters["joins"] += 1
        participant.send(
            join=rtc.JoinResponse(
                room=room.info(),
                participant=participant.info(),
                other_participants=room.visible_to(participant),
                server_version=SERVER_VERSION,
                server_info=self._server_info(),
                subscriber_primary=not wish.single and participant.permission.can_subscribe,
                ping_interval=PING_INTERVAL_S,
                ping_timeout=PING_TIMEOUT_S,
                enabled_publish_codecs=codecs.publish_codecs(),
                fast_publish=participant.permission.can_publish,
            )
        )
        for request in wish.tracks:
            participant.add_track(request)
        if participant.auto_subscribe:
            for other in room.others(participant):
                for track in other.live_tracks():
                    participant.subscribe(track)
        try:
            if wish.offer is not None and wish.offer.sdp:
                participant.negotiation.on_offer(wish.offer)
            participant.negotiation.start()
        except BadSdp as error:
            self._counters["sdp_refused"] += 1
            log.warning("sdp_refused", extra={"participant": participant.sid, "error": str(error)})
            room.remove(participant, models.DisconnectReason.JOIN_FAILURE)
            return participant
        participant.changed()
        self._registry.wake()
        return participant

    def _resume(self, participant: Participant, connection: Connection, wish: JoinWish) -> None:
        participant.attach(connection)
        self._counters["resumes"] += 1
        log.info("participant_resumed", extra={"participant": participant.sid})
        participant.send(
            reconnect=rtc.ReconnectResponse(server_info=self._server_info(), last_message_seq=participant.last_reliable)
        )
        room = participant.room
        everyone = [participant.info(), *room.visible_to(participant)]
        participant.send(update=rtc.ParticipantUpdate(participants=everyone))
        participant.send(room_update=rtc.RoomUpdate(room=room.info()))
        if wish.offer is not None and wish.offer.sdp:
            participant.negotiation.on_offer(wish.offer)

    def _server_info(self) -> models.ServerInfo:
        return models.ServerInfo(
            edition=models.ServerInfo.Edition.Standard, version=SERVER_VERSION, protocol=PROTOCOL, node_id=self._node_id
        )


def read_v0(query: Mapping[str, str]) -> JoinWish:
    """The query parameters of ``/rtc``. Raises BadRequest."""
    attributes: dict[str, str] = {}
    if query.get("attributes"):
        try:
            loaded = json.loads(_base64url(query["attributes"]))
            attributes = {str(key): str(value) for key, value in loaded.items()}
        except (ValueError, AttributeError) as error:
            raise BadRequest("attributes are not base64url JSON") from error
    client = models.ClientInfo(
        version=query.get("version", "")[:64],
        protocol=_number(query.get("protocol", "")),
        client_protocol=_number(query.get("client_protocol", "")),
        os=query.get("os", "")[:64],
        browser=query.get("browser", "")[:64],
    )
    return JoinWish(
        single=False,
        resume_sid=query.get("sid", "") if query.get("reconnect") in ("1", "true") else None,
        auto_subscribe=query.get("auto_subscribe", "1") in ("1", "true"),
        client=client,
        attributes=attributes,
    )


def read_v1(query: Mapping[str, str]) -> JoinWish:
    """The ``join_request`` of ``/rtc/v1``: base64url protobuf, gzip'd or not. Raises BadRequest."""
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(_base64url(query.get("join_request", "")))
        raw = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.Compression.GZIP:
            raw = _gunzip(raw)
        join = rtc.JoinRequest.FromString(raw)
    except (ValueError, DecodeError, zlib.error, gzip.BadGzipFile, EOFError) as error:
        raise BadRequest("join_request cannot be read") from error
    if not query.get("join_request"):
        raise BadRequest("join_request is missing")
    settings = join.connection_settings
    return JoinWish(
        single=True,
        resume_sid=join.participant_sid if join.reconnect else None,
        auto_subscribe=settings.auto_subscribe if join.HasField("connection_settings") else True,
        client=join.client_info,
        attributes=dict(join.participant_attributes),
        metadata=join.metadata,
        tracks=tuple(join.add_track_requests),
        offer=join.publisher_offer if join.HasField("publisher_offer") else None,
    )


def _base64url(text: str) -> bytes:
    """Raises ValueError."""
    if len(text) > MAX_JOIN_REQUEST_BYTES:
        raise ValueError("too big")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error


def _gunzip(raw: bytes) -> bytes:
    """Decompress with a bound: a small bomb must not become a big message. Raises ValueError, zlib.error."""
    unpacker = zlib.decompressobj(wbits=31)
    data = unpacker.decompress(raw, MAX_JOIN_REQUEST_BYTES)
    if unpacker.unconsumed_tail:
        raise ValueError("too big when unpacked")
    return data


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 6 else 0
