"""Requests of the edge's own: the BYE for a call whose worker died, retransmitted until it is answered.

A non-INVITE client transaction over UDP, in little: at 0, 0.5, 1.5, 3.5, 7.5, ... s until 32 s have passed (RFC 3261
section 17.1.2, timers E and F); over TCP and TLS once.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

from .affinity import Dialog
from .ground import Ground
from .message import SipMessage
from .proxy import is_address, next_hop
from .transports import Flow

T1_S: Final = 0.5
T2_S: Final = 4.0
GIVE_UP_S: Final = 32.0
MAX_PENDING: Final = 1024  # beyond it a BYE is sent once and not repeated


class Rescue:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._pending: dict[str, asyncio.TimerHandle] = {}

    def bye(self, dialog: Dialog, reason: str) -> None:
        """End a confirmed dialog in its worker's name."""
        if not dialog.target:
            return
        request = SipMessage(method="BYE", uri=dialog.target)
        token = f"own-{os.urandom(6).hex()}"
        request.add("Max-Forwards", "70")
        for route in dialog.routes:
            request.add("Route", route)
        request.add("From", dialog.ours)
        request.add("To", dialog.theirs)
        request.add("Call-ID", dialog.call_id)
        request.add("CSeq", f"{dialog.last_cseq + 1} BYE")
        request.add("Reason", f'SIP;cause=500;text="{reason}"')
        flow = self._way(request, dialog)
        if flow is None:
            self._ground.counters["rescue_no_way"] += 1
            return
        host = f"{self._ground.public_ip}:{self._ground.port_of(flow.kind)}"
        signed = self._ground.keys.signed(token)
        branch = f"z9hG4bK{os.urandom(8).hex()}"
        request.replace("Via", [f"SIP/2.0/{flow.kind.upper()} {host};branch={branch};rport{signed}"])
        self._ground.counters["rescue_bye"] += 1
        self._send(token, flow, bytes(request), T1_S, 0.0)

    def answered(self, token: str) -> None:
        timer = self._pending.pop(token, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        for timer in self._pending.values():
            timer.cancel()
        self._pending.clear()

    def _way(self, request: SipMessage, dialog: Dialog) -> Flow | None:
        if dialog.flow is not None and dialog.flow.kind != "udp":
            return dialog.flow
        kind, host, port = next_hop(request)
        if kind == "udp" and is_address(host) and self._ground.outer is not None:
            return self._ground.outer.flow(host, port)
        return dialog.flow

    def _send(self, token: str, flow: Flow, data: bytes, wait_s: float, spent_s: float) -> None:
        flow.send(data)
        self._pending.pop(token, None)
        if flow.kind == "udp" and spent_s + wait_s < GIVE_UP_S and len(self._pending) < MAX_PENDING:
            self._pending[token] = asyncio.get_running_loop().call_later(
                wait_s, self._send, token, flow, data, min(2 * wait_s, T2_S), spent_s + wait_s
            )
