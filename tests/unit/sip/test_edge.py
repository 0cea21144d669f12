"""The proxy without sockets: who gets what, with which branch, and what the dialog table learns."""

from __future__ import annotations

import socket
from typing import cast

import pytest

from config.sip import SipSettings
from sip.edge.edge import Edge
from sip.edge.ground import Placement, Refusal
from sip.edge.guard import parse
from sip.edge.message import SipMessage, parameter
from sip.edge.transports import Flow, UdpPort
from sip.types import Source

CALL = "11111111-2222-3333-4444-555555555555"
WORKER_PORT = 40001
INNER_PORT = 40000


class Wire:
    """A UDP socket that keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))

    def take(self) -> tuple[SipMessage, tuple[str, int]]:
        data, address = self.sent.pop(0)
        return parse(data), address


class Owner:
    def __init__(self) -> None:
        self.decision: Placement | Refusal = Placement(CALL, 0)
        self.asked = 0
        self.alive = True
        self.cancelled_calls: list[str] = []

    def admit(self, invite: SipMessage, source: Source) -> Placement | Refusal:
        self.asked += 1
        return self.decision

    def worker_port(self, worker: int) -> int | None:
        return WORKER_PORT if self.alive and worker == 0 else None

    def worker_at(self, port: int) -> int | None:
        return 0 if port == WORKER_PORT else None

    def worker_heard_s(self, worker: int) -> float:
        return 0.0

    def silent(self, dialog: object) -> None: ...

    def cancelled(self, dialog: object) -> None:
        self.cancelled_calls.append(dialog.call)  # type: ignore[attr-defined]


class Bench:
    def __init__(self, **settings: object) -> None:
        self.owner = Owner()
        self.edge = Edge(SipSettings.model_validate({"port": 5060, **settings}), self.owner)
        self.out, self.inner = Wire(), Wire()
        ground = self.edge.ground
        ground.port, ground.inner_port = 5060, INNER_PORT
        for inner, wire in ((False, self.out), (True, self.inner)):
            port = UdpPort(self.edge.received, cast(socket.socket, wire), inner=inner)
            setattr(ground, "inner" if inner else "outer", port)

    def from_peer(self, message: bytes, ip: str = "192.0.2.9", port: int = 5062) -> None:
        outer = cast(UdpPort, self.edge.ground.outer)
        self.edge.received(message, outer.flow(ip, port))

    def from_worker(self, message: SipMessage | bytes, port: int = WORKER_PORT) -> None:
        flow: Flow = cast(UdpPort, self.edge.ground.inner).flow("127.0.0.1", port)
        self.edge.received(bytes(message), flow)


def request(method: str = "INVITE", *, cseq: int = 1, to_tag: str = "", call_id: str = "c1", **headers: str) -> bytes:
    message = SipMessage(method=method, uri=headers.pop("uri", "sip:100@127.0.0.1:5060"))
    via_method = "INVITE" if method in ("CANCEL",) else method
    message.add("Via", headers.pop("via", f"SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK{via_method}{cseq}"))
    message.add("From", "<sip:+5511988887777@192.0.2.9>;tag=f")
    message.add("To", f"<sip:100@127.0.0.1>{';tag=' + to_tag if to_tag else ''}")
    message.add("Call-ID", call_id)
    message.add("CSeq", f"{cseq} {method}")
    if method == "INVITE":
        message.add("Contact", "<sip:ana@192.0.2.9:5062>")
    for name, value in headers.items():
        message.add(name.replace("_", "-"), value)
    return bytes(message)


def answer(to: SipMessage, status: int, *, tag: str = "w") -> SipMessage:
    response = SipMessage(status=status, phrase="X")
    for key in ("via", "record-route", "from", "call-id", "cseq"):
        response.headers += [header for header in to.headers if header[0] == key]
    response.add("To", to.get("to") + ("" if "tag=" in to.get("to") else f";tag={tag}"))
    response.add("Contact", "<sip:attendance@127.0.0.1:5060;w=0>")
    return response


async def test_an_invite_reaches_its_worker_named_and_routed() -> None:
    bench = Bench()
    bench.from_peer(request(X_Attendance_Call="forged", Record_Route="<sip:192.0.2.1;lr>"))
    invite, address = bench.inner.take()
    assert address == ("127.0.0.1", WORKER_PORT)
    assert invite.lines("x-attendance-call") == [CALL]
    assert invite.get("max-forwards") == "69"
    routes = invite.values("record-route")
    assert f"127.0.0.1:{INNER_PORT}" in routes[0]
    assert routes[1] == "<sip:192.0.2.1;lr>"
    assert "received=192.0.2.9" in invite.values("via")[1]


async def test_the_answer_goes_back_with_one_public_route_and_no_inner_address() -> None:
    bench = Bench()
    bench.from_peer(request())
    invite, _ = bench.inner.take()
    bench.from_worker(answer(invite, 200))
    response, address = bench.out.take()
    assert address == ("192.0.2.9", 5062)
    assert response.values("record-route") == ["<sip:127.0.0.1:5060;lr;w=0>"]
    assert str(INNER_PORT) not in bytes(response).decode()
    assert len(response.values("via")) == 1


async def test_cancel_and_the_ack_of_a_refusal_carry_the_branch_of_their_invite() -> None:
    bench = Bench()
    bench.from_peer(request())
    invite, _ = bench.inner.take()
    bench.from_peer(request())
    again, _ = bench.inner.take()
    bench.from_peer(request("CANCEL"))
    cancel, _ = bench.inner.take()
    bench.from_peer(request("ACK", to_tag="w", via="SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKINVITE1"))
    ack, _ = bench.inner.take()
    branches = {parameter(each.values("via")[0], "branch") for each in (invite, again, cancel, ack)}
    assert len(branches) == 1
    assert bench.owner.asked == 1
    bench.from_peer(request("BYE", cseq=2, to_tag="w"))
    bye, _ = bench.inner.take()
    assert parameter(bye.values("via")[0], "branch") not in branches


async def test_requests_in_a_dialog_follow_route_or_contact_and_others_get_481() -> None:
    bench = Bench()
    bench.from_peer(request())
    invite, _ = bench.inner.take()
    bench.from_worker(answer(invite, 200))
    bench.out.take()
    bench.from_peer(request("BYE", cseq=2, to_tag="w", Route="<sip:127.0.0.1:5060;lr;w=0>"))
    bye, _ = bench.inner.take()
    assert not bye.has("route")
    bench.from_peer(request("INFO", cseq=3, to_tag="w", uri="sip:attendance@127.0.0.1:5060;w=0"))
    assert bench.inner.take()[0].method == "INFO"
    bench.from_peer(request("BYE", call_id="unknown", to_tag="w"))
    assert bench.out.take()[0].status == 481
    bench.owner.alive = False
    bench.from_peer(request("BYE", cseq=4, to_tag="w"))
    assert bench.out.take()[0].status == 481
    bench.from_peer(request("ACK", call_id="unknown", to_tag="w"))
    assert not bench.out.sent  # an ACK never gets an answer


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (request("OPTIONS"), 200),
        (request("REGISTER"), 405),
        (request("SUBSCRIBE"), 405),
        (request("FROBNICATE"), 501),
        (request(Max_Forwards="0"), 483),
        (request(Proxy_Require="frob"), 420),
        (request().replace(b"Contact: <sip:ana@192.0.2.9:5062>\r\n", b""), 400),
    ],
)
async def test_what_is_answered_by_the_edge(message: bytes, status: int) -> None:
    bench = Bench()
    bench.from_peer(message)
    response, _ = bench.out.take()
    assert response.status == status
    assert not bench.inner.sent


async def test_a_refusal_is_the_same_for_each_retransmission() -> None:
    bench = Bench()
    bench.owner.decision = Refusal(503, "No Free Line", 2)
    bench.from_peer(request())
    first, _ = bench.out.take()
    bench.owner.decision = Placement(CALL, 0)
    bench.from_peer(request())
    second, _ = bench.out.take()
    assert first.get("retry-after") == second.get("retry-after") == "2"
    assert bench.owner.asked == 1


async def test_the_same_request_by_another_way_is_a_loop() -> None:
    bench = Bench()
    bench.from_peer(request())
    bench.from_peer(request(via="SIP/2.0/UDP 192.0.2.10;branch=z9hG4bKother"), ip="192.0.2.10", port=5060)
    assert bench.out.take()[0].status == 482


async def test_responses_we_did_not_ask_for_are_dropped() -> None:
    bench = Bench()
    bench.from_peer(request())
    invite, _ = bench.inner.take()
    forged = answer(invite, 200)
    via = forged.values("via")
    forged.replace("Via", [via[0].replace(";f=u-", ";f=u-198.51.100.1-9-"), *via[1:]])
    bench.from_worker(forged)
    foreign = answer(invite, 200)
    foreign.replace("Via", ["SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx", via[1]])
    bench.from_peer(bytes(foreign))
    assert not bench.out.sent
    assert bench.edge.ground.counters["dropped_foreign_response"] == 2


async def test_a_stranger_inside_is_not_a_worker() -> None:
    bench = Bench()
    bench.from_worker(request("BYE", to_tag="x"), port=4444)
    assert not bench.out.sent
    assert bench.edge.ground.counters["dropped_not_a_worker"] == 1


async def test_addresses_off_the_list_are_not_answered() -> None:
    trunk = {"name": "t", "sources": ["198.51.100.0/24"]}
    bench = Bench(allow_direct=False, trunks=[trunk])
    bench.from_peer(request())
    assert not bench.out.sent
    assert not bench.inner.sent
    bench.from_peer(request(call_id="c2"), ip="198.51.100.7")
    assert bench.inner.sent


async def test_too_many_invites_get_503_with_retry_after() -> None:
    bench = Bench(invites_per_second=1)
    for number in range(3):
        message = request(call_id=f"c{number}", via=f"SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK{number}")
        bench.from_peer(message)
    assert len(bench.inner.sent) == 2  # the burst
    refused, _ = bench.out.take()
    assert (refused.status, refused.get("retry-after")) == (503, "1")


async def test_what_a_worker_could_not_read_is_thinned_or_413() -> None:
    bench = Bench()
    bench.from_peer(request(**{f"X_Long_{number}": "y" * 500 for number in range(10)}))
    thinned, _ = bench.inner.take()
    assert len(bytes(thinned)) < 4000
    big = request(call_id="c2", via="SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKbig")
    big = big.replace(b"Content-Length: 0\r\n\r\n", b"Content-Length: 5000\r\n\r\n" + b"a" * 5000)
    bench.from_peer(big)
    assert bench.out.take()[0].status == 413


async def test_a_dead_workers_call_is_ended_towards_its_far_end() -> None:
    bench = Bench()
    bench.from_peer(request(Record_Route="<sip:198.51.100.5:5070;lr>"))
    invite, _ = bench.inner.take()
    bench.from_worker(answer(invite, 200))
    bench.out.take()
    dialog = bench.edge.ground.dialogs.of_call(CALL)
    assert dialog is not None
    bench.edge.bye_for(dialog, "worker lost")
    bye, address = bench.out.take()
    assert address == ("198.51.100.5", 5070)
    assert (bye.method, bye.uri) == ("BYE", "sip:ana@192.0.2.9:5062")
    assert "tag=w" in bye.get("from")
    assert "tag=f" in bye.get("to")
    bench.from_peer(bytes(answer(bye, 200)))
    assert not bench.edge._rescue._pending  # answered: not repeated


async def test_a_cancel_while_no_worker_has_the_call() -> None:
    bench = Bench()
    bench.owner.decision = Placement(CALL, -1)
    bench.from_peer(request())
    assert bench.out.take()[0].status == 100
    bench.from_peer(request("CANCEL"))
    assert [bench.out.take()[0].status for _ in range(2)] == [200, 487]
    assert bench.owner.cancelled_calls == [CALL]


async def test_nothing_a_stranger_sends_ends_the_edge() -> None:
    bench = Bench()
    for data in (b"\xff" * 600, b"INVITE", request()[:200], b"SIP/2.0 200 OK\r\n\r\n", bytes(70000)):
        bench.from_peer(data)
    assert sum(count for name, count in bench.edge.ground.counters.items() if name.startswith("dropped_")) >= 4
