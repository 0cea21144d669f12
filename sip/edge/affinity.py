"""Which worker a dialog is on, without asking anybody: keyed branches, flow tokens, and the table of dialogs.

The branch of our Via is a keyed hash of where the request came from and of its own transaction, so retransmissions,
CANCEL and the ACK of a refusal get the branch their INVITE got (RFC 3261 section 16.11) and meet its transaction in
the worker. The flow token that rides in the same Via carries a MAC: a response whose MAC is not ours is dropped.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from .message import SipMessage, parameter, tag_of
from .transports import Flow

COOKIE = "z9hG4bK"


class Keys:
    """The edge's secret, new at each start: what an older edge signed is not ours."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or os.urandom(32)

    def mac(self, *parts: str) -> str:
        text = "\0".join(parts).encode("utf-8", "surrogateescape")
        return hmac.new(self._secret, text, hashlib.blake2s).hexdigest()[:20]

    def branch(self, request: SipMessage, flow: Flow) -> str:
        top = request.values("via")[0]
        number, method = request.cseq
        if method in ("ACK", "CANCEL"):
            method = "INVITE"
        upstream = parameter(top, "branch") or ""
        if not upstream.startswith(COOKIE):
            upstream = "|".join((top, tag_of(request.get("from")), request.uri))  # RFC 2543 peers
        return COOKIE + self.mac("branch", flow.token, upstream, request.call_id, str(number), method)

    def signed(self, token: str) -> str:
        """Via or URI parameters that carry *token*."""
        return f";f={token};k={self.mac('flow', token)[:10]}"

    def verified(self, value: str) -> str | None:
        """The flow token in *value*, None when it is not there or not ours."""
        token = parameter(value, "f")
        if not token or not hmac.compare_digest(parameter(value, "k") or "", self.mac("flow", token)[:10]):
            return None
        return token


@dataclass(slots=True, eq=False)
class Dialog:
    """What the edge must know of a dialog to keep it on its worker, and to end it should the worker die."""

    call: str  # UUID
    call_id: str
    worker: int
    inbound: bool
    flow: Flow | None  # to the far end
    invite: SipMessage | None = None  # inbound and unanswered: can be given to another worker
    branch: str = ""  # upstream branch of the INVITE
    invite_cseq: int = 0
    answered_by_worker: bool = False  # any response at all was seen
    confirmed: bool = False  # a 2xx to the INVITE passed
    ended: bool = False
    ours: str = ""  # From of our requests, once confirmed
    theirs: str = ""
    target: str = ""  # remote Contact
    routes: list[str] = field(default_factory=list)
    last_cseq: int = 0  # highest CSeq the worker used


class Dialogs:
    """Dialogs by Call-ID and worker: a call from one worker to another has the same Call-ID on both."""

    def __init__(self) -> None:
        self._all: dict[tuple[str, int], Dialog] = {}
        self._inbound: dict[str, Dialog] = {}
        self._by_call: dict[str, Dialog] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Dialog]:
        return iter(list(self._all.values()))

    def add(self, dialog: Dialog) -> None:
        self._all[dialog.call_id, dialog.worker] = dialog
        self._by_call[dialog.call] = dialog
        if dialog.inbound:
            self._inbound[dialog.call_id] = dialog

    def get(self, call_id: str, worker: int) -> Dialog | None:
        return self._all.get((call_id, worker))

    def inbound(self, call_id: str) -> Dialog | None:
        """The dialog that an INVITE with *call_id* from outside began."""
        return self._inbound.get(call_id)

    def of_call(self, call: str) -> Dialog | None:
        return self._by_call.get(call)

    def forget(self, dialog: Dialog) -> None:
        if self._all.get((dialog.call_id, dialog.worker)) is dialog:
            del self._all[dialog.call_id, dialog.worker]
        if self._by_call.get(dialog.call) is dialog:
            del self._by_call[dialog.call]
        if self._inbound.get(dialog.call_id) is dialog:
            del self._inbound[dialog.call_id]

    def of_worker(self, worker: int) -> list[Dialog]:
        return [dialog for dialog in self._all.values() if dialog.worker == worker]
