"""The lossy link does to packets exactly what its pattern says."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.fakes.lossy_link import MemoryLink, UdpLink


def test_a_pattern_repeats() -> None:
    out: list[int] = []
    link = MemoryLink(out.append, "..x2<")
    for number in range(10):
        link.send(number)
    # 4 is held back until 5 has been delivered; 9 still waits.
    assert out == [0, 1, 3, 3, 5, 4, 6, 8, 8]
    assert (link.sent, link.delivered) == (10, 9)
    link.lose(".")
    link.send(10)
    assert out[-1] == 10
    with pytest.raises(ValueError, match="pattern"):
        link.lose("..?")


async def test_udp_in_both_directions() -> None:
    loop = asyncio.get_running_loop()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as me,
    ):
        for each in (server, me):
            each.setblocking(False)
            each.bind(("127.0.0.1", 0))
        async with UdpLink(server.getsockname(), to_server="x.", to_client="2.") as link, asyncio.timeout(10):
            for number in range(4):
                await loop.sock_sendto(me, bytes([number]), link.address)
            assert (await loop.sock_recvfrom(server, 10))[0] == b"\1"
            packet, relay = await loop.sock_recvfrom(server, 10)
            assert packet == b"\3"
            for answer in (b"a", b"b"):
                await loop.sock_sendto(server, answer, relay)
            assert [await loop.sock_recv(me, 10) for _ in range(3)] == [b"a", b"a", b"b"]
