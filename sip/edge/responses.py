"""Responses through the edge: our Via off, back along the flow it names, and what the dialog table learns from them."""

from __future__ import annotations

from sipmessage import URI, Via

from .affinity import Dialog
from .ground import Ground
from .message import SipMessage, parameter, uri_of
from .proxy import with_transport
from .rescue import Rescue
from .transports import Flow


class Responses:
    def __init__(self, ground: Ground, rescue: Rescue) -> None:
        self._ground = ground
        self._rescue = rescue

    def response(self, response: SipMessage, flow: Flow) -> None:
        """Pass one checked response on; dropped and counted when it is not an answer to something we sent."""
        ground = self._ground
        vias = response.values("via")
        top = Via.parse(vias[0])
        token = ground.keys.verified(vias[0])
        if token is None or not ground.is_ours(top.host, top.port):
            ground.counters["dropped_foreign_response"] += 1
            return
        if token.startswith("own-"):
            self._rescue.answered(token)
            return
        if len(vias) < 2:
            ground.counters["dropped_no_upstream"] += 1
            return
        response.replace("Via", vias[1:])
        back = ground.flow(token)
        from_worker = ground.switch.worker_at(flow.source.port) if flow.inner else None
        to_worker = ground.switch.worker_at(back.source.port) if back is not None and back.inner else None
        if from_worker is not None:
            self._learn(response, ground.dialogs.get(response.call_id, from_worker), by_worker=True)
            self._hide_inner(response, back.kind if back else "udp", from_worker)
        if to_worker is not None:
            self._learn(response, ground.dialogs.get(response.call_id, to_worker), by_worker=False)
            self._hide_public(response, flow, to_worker)
        ground.counters[f"passed_{response.status // 100}xx"] += 1
        if back is None or not back.send(bytes(response)):
            ground.counters["flow_gone"] += 1

    def _learn(self, response: SipMessage, dialog: Dialog | None, *, by_worker: bool) -> None:
        if dialog is None:
            return
        method = response.cseq[1]
        if by_worker:
            dialog.answered_by_worker = True
        if method == "BYE" and response.status >= 200:
            self._ground.end(dialog)
        if method != "INVITE" or response.status < 200 or dialog.confirmed:
            return
        if response.status < 300:
            dialog.confirmed = True
            dialog.invite = None
            sides = (response.get("to"), response.get("from"))
            dialog.ours, dialog.theirs = sides if by_worker else (sides[1], sides[0])
            if not by_worker:
                contacts = response.values("contact")
                dialog.target = uri_of(contacts[0]) if contacts else ""
                recorded = [route for route in response.values("record-route") if not self._is_our_route(route)]
                dialog.routes = list(reversed(recorded))
        elif response.status not in (401, 407):
            self._ground.end(dialog)

    def _hide_inner(self, response: SipMessage, kind: str, worker: int) -> None:
        """Towards a peer our Record-Route names the public address (RFC 5658 allows the rewriting)."""
        inner = f"sip:127.0.0.1:{self._ground.inner_port};lr"
        if response.has("record-route"):
            route = self._ground.public_route(kind, worker)
            response.replace(
                "Record-Route", [route if inner in value else value for value in response.values("record-route")]
            )
        with_transport(response, self._ground, kind)

    def _hide_public(self, response: SipMessage, flow: Flow, worker: int) -> None:
        """Towards a worker it names the inner address and the flow to the peer."""
        if response.has("record-route"):
            mine = str(worker)
            inner = self._ground.inner_route(flow)
            response.replace(
                "Record-Route",
                [
                    inner if self._is_our_route(value) and parameter(value, "w") == mine else value
                    for value in response.values("record-route")
                ],
            )

    def _is_our_route(self, value: str) -> bool:
        try:
            uri = URI.parse(uri_of(value))
        except (ValueError, KeyError, IndexError, TypeError):
            return False
        return self._ground.is_ours(uri.host, uri.port, tls=uri.parameters.get("transport") == "tls")
