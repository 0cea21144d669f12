"""STUN, ICE-lite, DTLS and SCTP of the rooms server, against independent implementations and each other."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable

import aiortc
import pytest
from aioice import stun as foreign
from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcsctptransport import DataChunk

from media.rooms.server.counters import Counters
from media.rooms.server.transport import sctp, stun
from media.rooms.server.transport.dtls import DATAGRAM_BYTES, Certificate, Dtls
from media.rooms.server.transport.ice_lite import MAX_ADDRESSES, IceSession, UdpMux
from media.rooms.server.transport.sctp import DataChannels

ADDRESS = ("192.0.2.7", 4711)


def request(ufrag: str, password: str, *, nominate: bool = False) -> bytes:
    """A binding request as another ICE implementation writes it."""
    message = foreign.Message(foreign.Method.BINDING, foreign.Class.REQUEST)
    message.attributes["USERNAME"] = f"{ufrag}:theirs"
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password.encode())
    message.add_fingerprint()
    return bytes(message)


def test_a_binding_request_is_read_and_its_answer_is_understood() -> None:
    raw = request("ours", "secret", nominate=True)
    read = stun.parse_binding_request(raw)
    assert read is not None
    assert (read.local_ufrag, read.nominated) == ("ours", True)
    assert read.signed_by(b"secret")
    assert not read.signed_by(b"another")
    answer = foreign.parse_message(stun.binding_success(read, ADDRESS, b"secret"))
    assert answer.check_message_integrity(b"secret")
    assert answer.transaction_id == read.transaction
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ADDRESS
    six = foreign.parse_message(stun.binding_success(read, ("2001:db8::7", 9), b"secret"))
    assert six.attributes["XOR-MAPPED-ADDRESS"] == ("2001:db8::7", 9)


def test_no_truncated_or_altered_request_is_taken() -> None:
    raw = request("ours", "secret")
    for size in range(len(raw)):
        read = stun.parse_binding_request(raw[:size])
        assert read is None or not read.signed_by(b"secret")
    dice = random.Random(1)
    for _ in range(500):
        altered = bytearray(raw)
        altered[dice.randrange(0, len(raw) - 32)] ^= 1 << dice.randrange(8)  # before the digest and the fingerprint
        read = stun.parse_binding_request(bytes(altered))
        assert read is None or not read.signed_by(b"secret")


class Client:
    """A UDP socket of a client."""

    def __init__(self, mux: UdpMux) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(("127.0.0.1", mux.port))
        self.address = self.socket.getsockname()

    async def ask(self, data: bytes) -> bytes:
        self.socket.send(data)
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 2048), 5)


async def test_one_port_serves_all_and_follows_the_pair_the_client_chooses() -> None:
    """Two sessions on one port; one moves to another address by nomination, and to new credentials by a restart."""
    counters, got = Counters(), {"a": list[bytes](), "b": list[bytes]()}
    mux = UdpMux(counters)
    mux.open("127.0.0.1", 0)

    def session(name: str) -> IceSession:
        return IceSession(mux, on_srtp=got[name].append, on_dtls=lambda _: None, on_connected=lambda: None)

    a, b = session("a"), session("b")
    clients = [Client(mux) for _ in range(3)]
    try:
        for ice, client in ((a, clients[0]), (b, clients[1])):
            answer = foreign.parse_message(await client.ask(request(ice.ufrag, ice.pwd)))
            assert answer.check_message_integrity(ice.pwd.encode())
            assert answer.attributes["XOR-MAPPED-ADDRESS"] == client.address
            assert ice.remote == client.address
        clients[0].socket.send(b"\x80for a")
        clients[1].socket.send(b"\x80for b")
        for n in range(100):
            if got["a"] and got["b"]:
                break
            await asyncio.sleep(0.01 * n)
        assert got == {"a": [b"\x80for a"], "b": [b"\x80for b"]}

        await clients[2].ask(request(a.ufrag, a.pwd))
        assert a.remote == clients[0].address, "an address that is only checked is not used"
        await clients[2].ask(request(a.ufrag, a.pwd, nominate=True))
        assert a.remote == clients[2].address
        old = a.ufrag, a.pwd
        a.restart()
        await clients[0].ask(request(a.ufrag, a.pwd, nominate=True))
        assert a.remote == clients[0].address
        await clients[0].ask(request(*old))  # the old ones still answer

        a.close()
        clients[0].socket.send(request(*old))
        await clients[1].ask(request(b.ufrag, b.pwd))
        assert counters["stun_refused"] == 1
        assert set(mux.by_address) == {clients[1].address}
        assert {entry[0] for entry in mux.by_ufrag.values()} == {b}
    finally:
        b.close()
        mux.close()
        for client in clients:
            client.socket.close()


async def test_a_session_keeps_a_bounded_number_of_addresses() -> None:
    mux = UdpMux(Counters())
    mux.open("127.0.0.1", 0)
    ice = IceSession(mux, on_srtp=lambda _: None, on_dtls=lambda _: None, on_connected=lambda: None)
    clients = [Client(mux) for _ in range(MAX_ADDRESSES + 5)]
    for client in clients:
        await client.ask(request(ice.ufrag, ice.pwd))
    assert len(mux.by_address) == len(ice.addresses) == MAX_ADDRESSES
    assert ice.remote == clients[0].address, "the one in use is never the one given up"
    ice.close()
    assert not mux.by_address
    mux.close()
    for client in clients:
        client.socket.close()


async def test_a_consumer_that_raises_costs_its_packet_only() -> None:
    counters, got = Counters(), list[bytes]()
    mux = UdpMux(counters)
    mux.open("127.0.0.1", 0)

    def consume(data: bytes) -> None:
        if data == b"\x80bad":
            raise ValueError("a bug")
        got.append(data)

    ice = IceSession(mux, on_srtp=consume, on_dtls=lambda _: None, on_connected=lambda: None)
    client = Client(mux)
    await client.ask(request(ice.ufrag, ice.pwd))
    client.socket.send(b"\x80bad")
    client.socket.send(b"\x80good")
    await client.ask(request(ice.ufrag, ice.pwd))
    assert got == [b"\x80good"]
    assert counters["packet_path_errors"] == 1
    ice.close()
    mux.close()
    client.socket.close()


class End:
    """One end of a DTLS association, in memory."""

    def __init__(self, certificate: Certificate) -> None:
        self.out: list[bytes] = []
        self.connected = 0
        self.data: list[bytes] = []
        self.closed: list[str] = []
        self.dtls = Dtls(
            certificate, send=self.out.append, on_connected=self._connected, on_data=self.data.append,
            on_closed=self.closed.append,
        )  # fmt: skip

    def _connected(self) -> None:
        self.connected += 1


CERTIFICATES = Certificate(), Certificate()


def pair() -> tuple[End, End]:
    return End(CERTIFICATES[0]), End(CERTIFICATES[1])


def exchange(a: End, b: End, lose: Callable[[int], bool] = lambda _: False) -> None:
    """Carry datagrams until both are silent; *lose* says which, counted from 0, get lost."""
    n = 0
    while a.out or b.out:
        for source, sink in ((a, b), (b, a)):
            pending, source.out[:] = list(source.out), []
            for datagram in pending:
                if not lose(n):
                    sink.dtls.receive(datagram)
                n += 1


async def test_both_ends_get_the_keys_of_one_handshake() -> None:
    client, server = pair()
    server.dtls.start(("SHA-256", CERTIFICATES[0].fingerprint.lower()), is_server=True)
    client.dtls.start(("sha-256", CERTIFICATES[1].fingerprint), is_server=False)
    assert all(len(d) <= DATAGRAM_BYTES for d in client.out)
    exchange(client, server)
    assert (client.dtls.state, server.dtls.state) == ("connected", "connected")
    assert (client.connected, server.connected) == (1, 1)
    packet = bytes([0x80, 111, 0, 1]) + bytes(8) + b"sound"
    for a, b in ((client, server), (server, client)):
        assert a.dtls.tx is not None
        assert b.dtls.rx is not None
        assert b.dtls.rx.unprotect(a.dtls.tx.protect(packet)) == packet
    client.dtls.send_data(b"sctp")
    exchange(client, server)
    assert server.data == [b"sctp"]
    client.dtls.close()
    exchange(client, server)
    assert server.closed == ["close_notify"]


async def test_datagrams_before_the_description_are_kept() -> None:
    """The client's hello may overtake its answer on the WebSocket."""
    client, server = pair()
    client.dtls.start(("sha-256", CERTIFICATES[1].fingerprint), is_server=False)
    exchange(client, server)
    assert server.dtls.state == "new"
    server.dtls.start(("sha-256", CERTIFICATES[0].fingerprint), is_server=True)
    exchange(client, server)
    assert server.dtls.state == "connected"
    client.dtls.close()
    server.dtls.close()


@pytest.mark.parametrize("lost", [1, 3], ids=["server-hello", "server-finished"])
async def test_a_lost_flight_is_sent_again(lost: int) -> None:
    """By OpenSSL's own timer, which starts at one (real) second."""
    client, server = pair()
    server.dtls.start(("sha-256", CERTIFICATES[0].fingerprint), is_server=True)
    client.dtls.start(("sha-256", CERTIFICATES[1].fingerprint), is_server=False)
    exchange(client, server, lambda n: n == lost)
    assert client.dtls.state == "connecting"
    async with asyncio.timeout(10):
        while client.dtls.state != "connected" or server.dtls.state != "connected":
            await asyncio.sleep(0.02)
            exchange(client, server)
    client.dtls.close()
    server.dtls.close()


@pytest.mark.parametrize("fingerprint", [("sha-256", "AA:BB"), ("sha-1", "AA:BB"), ("md5", ""), ("", "")])
async def test_a_certificate_that_was_not_announced_ends_the_handshake(fingerprint: tuple[str, str]) -> None:
    client, server = pair()
    server.dtls.start(fingerprint, is_server=True)
    client.dtls.start(("sha-256", CERTIFICATES[1].fingerprint), is_server=False)
    exchange(client, server)
    assert server.closed == ["fingerprint"]
    assert (server.connected, server.dtls.tx) == (0, None)
    client.dtls.close()


async def test_garbage_in_the_handshake_is_survived() -> None:
    client, server = pair()
    server.dtls.start(("sha-256", CERTIFICATES[0].fingerprint), is_server=True)
    dice = random.Random(2)
    for size in range(0, 300, 7):
        server.dtls.receive(bytes([22, 254, 253]) + dice.randbytes(size))
    client.dtls.start(("sha-256", CERTIFICATES[1].fingerprint), is_server=False)
    exchange(client, server)
    assert server.dtls.state == "connected"
    client.dtls.close()
    server.dtls.close()


@pytest.mark.virtual_time
async def test_a_handshake_nobody_answers_ends() -> None:
    _, server = pair()
    server.dtls.start(("sha-256", CERTIFICATES[0].fingerprint), is_server=True)
    await asyncio.sleep(25)
    assert server.closed == ["handshake_timeout"]


async def test_the_private_names_of_aiortc_are_where_they_were() -> None:
    """A new version may move them: then ``transport/sctp.py`` is the one file to look at."""
    for name in sctp.PRIVATE_NAMES:
        assert hasattr(RTCSctpTransport, name), f"aiortc {aiortc.__version__} has no RTCSctpTransport.{name}"
    wire = sctp._Wire(lambda _: None, is_server=True)
    association = RTCSctpTransport(wire)  # type: ignore[arg-type]
    for name in sctp.PRIVATE_ATTRIBUTES:
        assert hasattr(association, name), f"aiortc {aiortc.__version__} has no RTCSctpTransport().{name}"
    for name in sctp.DUCK_NAMES:
        assert hasattr(wire, name)
    assert {"label", "readyState", "bufferedAmount", "send"} <= set(dir(RTCDataChannel))


class Channels:
    """Two SCTP ends, joined by queues that the test empties."""

    def __init__(self) -> None:
        self.got: dict[str, list[tuple[str, bytes]]] = {"a": [], "b": []}
        self.queues: dict[str, list[bytes]] = {"a": [], "b": []}
        self.counters = Counters()
        self.a, self.b = self._end("a", is_server=True), self._end("b", is_server=False)

    def _end(self, name: str, *, is_server: bool) -> DataChannels:
        return DataChannels(
            send=self.queues[name].append, is_server=is_server, counters=self.counters,
            on_message=lambda label, message: self.got[name].append((label, message)),
        )  # fmt: skip

    async def settle(self) -> None:
        for _ in range(10_000):
            await asyncio.sleep(0)
            moved = False
            for name, other in (("a", self.b), ("b", self.a)):
                pending, self.queues[name][:] = list(self.queues[name]), []
                for packet in pending:
                    other.receive(packet)
                    moved = True
            if not moved and not any(self.queues.values()):
                await asyncio.sleep(0)
                if not any(self.queues.values()):
                    return


async def test_messages_go_both_ways_and_wait_for_their_channel() -> None:
    ends = Channels()
    ends.a.start(5000, 65536, open_labels=(sctp.RELIABLE, sctp.LOSSY))
    ends.b.start(5000, 65536)
    assert ends.a.send(sctp.RELIABLE, b"early"), "kept until the channel is open"
    assert ends.a.send(sctp.LOSSY, b"lost: nothing is open yet")
    await ends.settle()
    ends.b.send(sctp.LOSSY, b"back")
    big = bytes(range(256)) * 200
    ends.b.send(sctp.RELIABLE, big)
    await ends.settle()
    assert ends.got["b"] == [(sctp.RELIABLE, b"early")]
    assert sorted(ends.got["a"]) == sorted([(sctp.LOSSY, b"back"), (sctp.RELIABLE, big)])
    assert not +ends.counters
    ends.a.close()
    ends.b.close()


async def test_what_does_not_fit_is_dropped_or_gives_the_client_up() -> None:
    """A far end that stops acknowledging: lossy messages are dropped, a reliable overflow says so."""
    ends = Channels()
    ends.a.start(5000, 65536, open_labels=(sctp.RELIABLE, sctp.LOSSY))
    ends.b.start(5000, 65536)
    await ends.settle()
    ends.got["a"].clear()
    chunk = bytes(60_000)
    assert all(ends.a.send(sctp.LOSSY, chunk) for _ in range(20)), "lossy never gives up"
    assert ends.counters["data_overflow"] > 0
    results = [ends.a.send(sctp.RELIABLE, chunk) for _ in range(100)]
    assert results[0]
    assert not results[-1]
    ends.a.close()
    ends.b.close()


async def test_an_association_is_not_confused_by_garbage() -> None:
    ends = Channels()
    ends.a.start(5000, 65536, open_labels=(sctp.RELIABLE,))
    ends.b.start(5000, 65536)
    await ends.settle()
    dice = random.Random(4)
    for size in range(0, 400):
        ends.b.receive(dice.randbytes(size))
    ends.a.send(sctp.RELIABLE, b"still here")
    await ends.settle()
    assert ends.got["b"] == [(sctp.RELIABLE, b"still here")]
    ends.a.close()
    ends.b.close()


async def test_who_ignores_the_receive_window_loses_its_association() -> None:
    """Fragments of messages that never end: memory stays bounded, other peers' packets are served."""
    ends = Channels()
    ends.a.start(5000, 65536)
    ends.b.start(5000, 65536, open_labels=(sctp.RELIABLE,))
    await ends.settle()
    rogue = ends.b._sctp
    for _ in range(1100):
        chunk = DataChunk(flags=2)  # the first fragment, never a last one
        chunk.tsn, chunk.stream_id, chunk.stream_seq, chunk.protocol = rogue._local_tsn, 9, 0, 53
        chunk.user_data = bytes(1100)
        rogue._local_tsn += 1
        await rogue._send_chunk(chunk)
        await ends.settle()
    assert ends.counters["sctp_window_ignored"] == 1
    ends.a.send(sctp.RELIABLE, b"nobody is there any more")
    ends.b.close()


async def test_a_client_opens_a_bounded_number_of_channels() -> None:
    ends = Channels()
    ends.a.start(5000, 65536)
    ends.b.start(5000, 65536, open_labels=tuple(f"label {n}" for n in range(40)))
    await ends.settle()
    assert len(ends.a._channels) == sctp.MAX_CHANNELS
    assert ends.counters["data_channels_refused"] == 40 - sctp.MAX_CHANNELS
    ends.a.close()
    ends.b.close()
