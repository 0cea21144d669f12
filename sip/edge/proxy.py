"""Requests through the edge.

    from outside:  new INVITE -> switch.admit -> worker;  in a dialog -> its worker, 481 without one;
                   OPTIONS -> 200;  anything else -> 405 or 501
    from a worker: the flow its dialog came on, or by Route and Request-URI to the outside

Stateless towards transactions; the dialog table exists so that a dead worker's calls can be ended or moved.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
import time
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, Final

from sipmessage import URI

from ..errors import BadRequest
from .affinity import Dialog
from .ground import ALLOW, CALL_HEADER, NOWHERE, Ground, Refusal, new_stream, with_source
from .limits import RateLimit
from .message import SipMessage, parameter, tag_of, uri_of
from .transports import Flow

KNOWN: Final = frozenset(
    {
        "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE",
        "REGISTER", "SUBSCRIBE", "PUBLISH",
    }
)  # fmt: skip
WORKER_MAX_BYTES: Final = 3900  # pjsip's packet buffer is 4000 bytes; what is bigger it drops without a word
WORKER_SILENT_S: Final = 2.0
WORKER_BEATS_S: Final = 1.5  # a sign of life this long after the INVITE was sent to it means that it has seen it
WORKER_GIVEN_UP_S: Final = 12.0
CONNECT_S: Final = 5.0
MAX_REFUSALS: Final = 4096
NEEDED: Final = frozenset(
    {
        "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "record-route", "route", "content-type",
        "content-length", "content-encoding", "supported", "require", "allow", "session-expires", "min-se", "replaces",
        "rack", "rseq", "event", "subscription-state", "refer-to", "referred-by", "reason", "expires", "accept",
        CALL_HEADER,
    }
)  # fmt: skip
log = logging.getLogger(__name__)


class Proxy:
    def __init__(self, ground: Ground, *, invites: RateLimit, tls: ssl.SSLContext | None) -> None:
        self._ground = ground
        self._invites = invites
        self._tls = tls
        self._connecting: set[asyncio.Task[None]] = set()
        self._refused: OrderedDict[tuple[str, str], Refusal] = OrderedDict()  # so that a retransmission gets the same

    def request(self, request: SipMessage, flow: Flow) -> None:
        """Handle one checked request. Raises BadRequest for what is to be answered so."""
        ground = self._ground
        ground.counters[f"request_{request.method if request.method in KNOWN else 'other'}"] += 1
        worker = ground.switch.worker_at(flow.source.port) if flow.inner else None
        if not flow.inner:
            with_source(request, flow.source)
            request.remove(CALL_HEADER)
        elif worker is None:
            ground.counters["dropped_not_a_worker"] += 1
            return
        hops = int(request.get("max-forwards", "70"))
        if hops == 0:
            raise BadRequest(483, "Too Many Hops")
        request.replace("Max-Forwards", [str(hops - 1)])
        if request.has("proxy-require"):
            raise BadRequest(420, "Bad Extension", Unsupported=request.get("proxy-require"))
        last = self._pop_routes(request)
        if worker is not None:
            self._from_worker(request, flow, worker, last)
        else:
            self._from_outside(request, flow, last)

    def redispatch(self, dialog: Dialog, worker: int) -> None:
        """Give the unanswered INVITE of *dialog*, whose worker died, to another *worker*."""
        assert dialog.invite is not None
        self._ground.dialogs.forget(dialog)
        dialog.worker = worker
        dialog.answered_by_worker = False
        self._ground.dialogs.add(dialog)
        self._send_invite(dialog)

    async def close(self) -> None:
        for task in list(self._connecting):
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)

    # -- from outside

    def _from_outside(self, request: SipMessage, flow: Flow, last: str) -> None:
        in_dialog = bool(tag_of(request.get("to")))
        method = request.method
        if in_dialog or method in ("CANCEL", "ACK"):
            self._in_dialog(request, flow, last)
        elif method == "INVITE":
            self._new_call(request, flow)
        elif method == "OPTIONS":
            self._ground.reply(request, flow, 200, "OK", Allow=ALLOW, Accept="application/sdp")
        elif method in KNOWN:
            raise BadRequest(405, "Method Not Allowed", Allow=ALLOW)
        else:
            raise BadRequest(501, "Not Implemented", Allow=ALLOW)

    def _in_dialog(self, request: SipMessage, flow: Flow, last: str) -> None:
        dialog = self._dialog_of(request, last)
        if dialog is not None and dialog.worker == NOWHERE and not dialog.ended:
            self._while_waiting(request, flow, dialog)
            return
        port = self._ground.switch.worker_port(dialog.worker) if dialog else None
        if dialog is None or port is None:
            raise BadRequest(481, "Call/Transaction Does Not Exist")
        if request.method not in KNOWN:
            raise BadRequest(501, "Not Implemented", Allow=ALLOW)
        if request.method == "OPTIONS":  # pjsip answers 500 to it within a dialog
            self._ground.reply(request, flow, 200, "OK", Allow=ALLOW, Accept="application/sdp")
            return
        if request.method == "INVITE" and request.has("contact"):
            dialog.target = uri_of(request.values("contact")[0])
        self._to_worker(request, flow, port)

    def _while_waiting(self, request: SipMessage, flow: Flow, dialog: Dialog) -> None:
        """No worker has the call yet: the edge answers a CANCEL itself (RFC 3261 section 9.2)."""
        if request.method != "CANCEL" or dialog.invite is None:
            raise BadRequest(481, "Call/Transaction Does Not Exist")
        self._ground.reply(request, flow, 200, "OK")
        self._ground.reply(dialog.invite, flow, 487, "Request Terminated")
        self._ground.end(dialog)
        self._ground.switch.cancelled(dialog)

    def _dialog_of(self, request: SipMessage, last: str) -> Dialog | None:
        dialogs = self._ground.dialogs
        for uri in (last, request.uri):
            worker = parameter(uri, "w") if uri else None
            if worker and worker.isdigit() and len(worker) < 5:
                found = dialogs.get(request.call_id, int(worker))
                if found is not None:
                    return found
        return dialogs.inbound(request.call_id)

    def _new_call(self, request: SipMessage, flow: Flow) -> None:
        ground = self._ground
        branch = parameter(request.values("via")[0], "branch") or ""
        known = ground.dialogs.inbound(request.call_id)
        if known is not None and (known.branch == branch or not known.ended):
            port = ground.switch.worker_port(known.worker)
            if known.branch != branch:
                raise BadRequest(482, "Loop Detected")  # the same request by another way (section 8.2.2.2)
            if port is not None:
                self._to_worker(_named(request, known.call), flow, port, record=True)
            return
        refusal = self._refused.get((request.call_id, branch))
        if refusal is None:
            decided = self._decide(request, flow)
            if isinstance(decided, Dialog):
                self._send_invite(decided)
                return
            refusal = self._refused[request.call_id, branch] = decided
            if len(self._refused) > MAX_REFUSALS:
                self._refused.popitem(last=False)
        headers = {} if refusal.retry_after_s is None else {"Retry_After": str(refusal.retry_after_s)}
        raise BadRequest(refusal.status, refusal.phrase, **headers)

    def _decide(self, request: SipMessage, flow: Flow) -> Dialog | Refusal:
        if not self._invites.allow(flow.source.ip, time.monotonic()):
            self._ground.counters["invite_rate"] += 1
            return Refusal(503, "Too Many Calls", retry_after_s=1)
        contacts = request.values("contact")
        if not contacts:
            return Refusal(400, "Missing Contact")
        placed = self._ground.switch.admit(request, flow.source)
        if isinstance(placed, Refusal):
            return placed
        return Dialog(
            call=placed.call,
            call_id=request.call_id,
            worker=placed.worker,
            inbound=True,
            flow=flow,
            invite=request,
            branch=parameter(request.values("via")[0], "branch") or "",
            invite_cseq=request.cseq[0],
            target=uri_of(contacts[0]),
            routes=request.values("record-route"),
        )

    def _send_invite(self, dialog: Dialog) -> None:
        assert dialog.invite is not None
        assert dialog.flow is not None
        self._ground.dialogs.add(dialog)
        if dialog.worker == NOWHERE:
            self._ground.reply(dialog.invite, dialog.flow, 100, "Trying")
            return
        port = self._ground.switch.worker_port(dialog.worker)
        if port is not None:
            try:
                self._to_worker(_named(dialog.invite.copy(), dialog.call), dialog.flow, port, record=True)
            except BadRequest:
                self._ground.end(dialog)
                self._ground.switch.silent(dialog)
                raise
        self._watch(dialog, dialog.worker, time.monotonic())

    def _watch(self, dialog: Dialog, worker: int, sent_s: float) -> None:
        asyncio.get_running_loop().call_later(WORKER_SILENT_S, self._check_silent, dialog, worker, sent_s)

    def _check_silent(self, dialog: Dialog, worker: int, sent_s: float) -> None:
        """pjsip drops what it can't parse without a word: then the slot is free again and the caller gets a 400.

        A worker that gave no sign of life since is not one that understood nothing, but one that had no time.
        """
        if dialog.answered_by_worker or dialog.ended or dialog.worker != worker:
            return
        now, heard_s = time.monotonic(), self._ground.switch.worker_heard_s(worker)
        alive = heard_s > sent_s + WORKER_BEATS_S
        if not alive and now - sent_s < WORKER_GIVEN_UP_S:
            self._watch(dialog, worker, sent_s)
            return
        self._ground.counters["worker_silent"] += 1
        if dialog.invite is not None and dialog.flow is not None:
            if alive:
                self._ground.reply(dialog.invite, dialog.flow, 400, "Not Understood")
            else:
                self._ground.reply(dialog.invite, dialog.flow, 503, "Service Unavailable", Retry_After="2")
        self._ground.end(dialog)
        self._ground.switch.silent(dialog)

    def _to_worker(self, request: SipMessage, flow: Flow, port: int, *, record: bool = False) -> None:
        ground = self._ground
        assert ground.inner is not None
        if record:
            request.replace("Record-Route", [ground.inner_route(flow), *request.lines("record-route")])
        via = ground.our_via(request, flow, kind="udp", inner=True)
        request.replace("Via", [via, *request.values("via")])
        data = bytes(request)
        if len(data) > WORKER_MAX_BYTES:
            request.headers = [header for header in request.headers if header[0] in NEEDED]
            data = bytes(request)
            if len(data) > WORKER_MAX_BYTES:
                request.replace("Via", request.values("via")[1:])
                raise BadRequest(413, "Message Too Large")
        ground.inner.flow("127.0.0.1", port).send(data)

    # -- from a worker

    def _from_worker(self, request: SipMessage, flow: Flow, worker: int, last: str) -> None:
        ground = self._ground
        dialog = ground.dialogs.get(request.call_id, worker)
        number, method = request.cseq
        if method == "INVITE" and not tag_of(request.get("to")) and request.method == "INVITE" and dialog is None:
            dialog = Dialog(request.get(CALL_HEADER), request.call_id, worker, inbound=False, flow=None)
            dialog.answered_by_worker = True
            ground.dialogs.add(dialog)
        request.remove(CALL_HEADER)
        if dialog is not None and method not in ("ACK", "CANCEL"):
            dialog.last_cseq = max(dialog.last_cseq, number)
        token = ground.keys.verified(last) if last else None
        self.forward_out(request, flow, ground.flow(token) if token else None, worker)

    def forward_out(self, request: SipMessage, flow: Flow, peer: Flow | None, worker: int) -> None:
        """Send *request* to the outside: on the peer's own connection, or by Route and Request-URI."""
        kind, host, port = next_hop(request)
        if peer is not None and peer.kind != "udp":
            self._emit(request, flow, peer, worker)
        elif kind != "udp":
            known = self._ground.connections.to(kind, host, port)
            if known is not None:
                self._emit(request, flow, known, worker)
            else:
                self._later(self._connect(request, flow, kind, host, port, worker))
        elif is_address(host):
            if peer is not None and _hidden(host, peer.source.ip):
                host, port = peer.source.ip, peer.source.port  # behind a NAT: the way its requests come
            assert self._ground.outer is not None
            self._emit(request, flow, self._ground.outer.flow(host, port), worker)
        else:
            self._later(self._resolve(request, flow, host, port, worker))

    def _emit(self, request: SipMessage, flow: Flow, peer: Flow, worker: int) -> None:
        ground = self._ground
        if request.method == "INVITE" and not tag_of(request.get("to")):
            route = ground.public_route(peer.kind, worker)
            request.replace("Record-Route", [route, *request.lines("record-route")])
            dialog = ground.dialogs.get(request.call_id, worker)
            if dialog is not None:
                dialog.flow = peer
        with_transport(request, ground, peer.kind)
        via = ground.our_via(request, flow, kind=peer.kind, inner=False)
        request.replace("Via", [via, *request.values("via")])
        if not peer.send(bytes(request)):
            ground.counters["flow_gone"] += 1

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="sip-edge-connect")
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _resolve(self, request: SipMessage, flow: Flow, host: str, port: int, worker: int) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, port)
        except (OSError, TimeoutError) as error:
            self._unreachable(request, flow, error)
            return
        assert self._ground.outer is not None
        self._emit(request, flow, self._ground.outer.flow(str(found[0][4][0]), port), worker)

    async def _connect(self, request: SipMessage, flow: Flow, kind: str, host: str, port: int, worker: int) -> None:
        loop = asyncio.get_running_loop()
        context = self._tls if kind == "tls" else None
        try:
            async with asyncio.timeout(CONNECT_S):
                _, stream = await loop.create_connection(
                    lambda: new_stream(self._ground, kind), host, port, ssl=context
                )
        except (OSError, TimeoutError) as error:
            self._unreachable(request, flow, error)
            return
        if stream.flow is not None:
            self._emit(request, flow, stream.flow, worker)
        else:
            self._unreachable(request, flow, ConnectionRefusedError("too many connections"))

    def _unreachable(self, request: SipMessage, flow: Flow, error: Exception) -> None:
        self._ground.counters["unreachable"] += 1
        log.warning("sip_peer_unreachable", extra={"error": str(error)})
        self._ground.reply(request, flow, 503, "Peer Unreachable")

    def _pop_routes(self, request: SipMessage) -> str:
        """Take our own Route entries off; the last of them tells the way on."""
        last = ""
        routes = request.values("route")
        while routes:
            uri = uri_of(routes[0])
            try:
                parsed = URI.parse(uri)
            except (ValueError, KeyError, IndexError, TypeError):
                raise BadRequest(400, "Bad Route") from None
            if not self._ground.is_ours(parsed.host, parsed.port, tls=parameter(uri, "transport") == "tls"):
                break
            last = uri
            routes.pop(0)
        request.remove("route")
        if routes:
            request.replace("Route", routes)
        return last


def with_transport(message: SipMessage, ground: Ground, kind: str) -> None:
    """The worker's Contact names the edge; tell a TCP or TLS peer to come back by the same transport."""
    if kind == "udp":
        return
    ours = f"@{ground.public_ip}:{ground.port}"
    told = f"@{ground.public_ip}:{ground.port_of(kind)};transport={kind}"
    if ours in message.get("contact"):
        message.replace("Contact", [value.replace(ours, told, 1) for value in message.lines("contact")])


def _named(request: SipMessage, call: str) -> SipMessage:
    request.remove(CALL_HEADER)
    request.add("X-Attendance-Call", call)
    return request


def next_hop(request: SipMessage) -> tuple[str, str, int]:
    """Transport, host and port of where *request* goes next. Raises BadRequest."""
    routes = request.values("route")
    text = uri_of(routes[0]) if routes else request.uri
    try:
        uri = URI.parse(text.partition("?")[0])
    except (ValueError, KeyError, IndexError, TypeError):
        raise BadRequest(400, "Bad Target") from None
    kind = (parameter(text, "transport") or ("tls" if uri.scheme == "sips" else "udp")).lower()
    if kind not in ("udp", "tcp", "tls") or not uri.host:
        raise BadRequest(503, "Unsupported Transport")
    return kind, uri.host.strip("[]"), uri.port or (5061 if kind == "tls" else 5060)


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _hidden(host: str, source: str) -> bool:
    """A private address told by a peer that we see under a public one."""
    return host != source and ipaddress.ip_address(host).is_private and not ipaddress.ip_address(source).is_private
