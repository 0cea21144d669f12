"""The link between control and a call host: both ends over real sockets."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from media.link import MAX_FRAME_BYTES, VERSION, Link, LinkError, connect, listen


@dataclass
class Control:
    """The listening side: keeps what each link brings."""

    address: str
    server: asyncio.Server
    links: list[Link] = field(default_factory=list)
    heard: list[object] = field(default_factory=list)
    failed: list[LinkError] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture(params=["unix", "tcp"])
async def control(request: pytest.FixtureRequest, tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Control]:
    unix = request.param == "unix"
    address = f"unix://{tmp_path / 'control.sock'}" if unix else f"tcp://127.0.0.1:{unused_tcp_port}"
    made: list[Control] = []

    async def on_link(link: Link) -> None:
        made[0].links.append(link)
        made[0].arrived.set()
        try:
            async for message in link:
                made[0].heard.append(message)
                link.send({"type": "echo", "of": message})
        except LinkError as error:
            made[0].failed.append(error)
            raise
        finally:
            made[0].ended.set()

    server = await listen(address, token="secret", on_link=on_link)
    made.append(Control(address, server))
    yield made[0]
    server.close()
    for link in made[0].links:
        await link.close()
    await server.wait_closed()


async def test_messages_pass_both_ways_in_order(control: Control) -> None:
    link = await connect(control.address, token="secret", role="media", name="m1", capacity=120)
    for number in range(3):
        assert link.send({"type": "event", "n": number, "text": "ação"})
    answers = [await link.read() for _ in range(3)]
    assert [answer["of"]["n"] for answer in answers if answer] == [0, 1, 2]
    assert answers[0] == {"type": "echo", "of": {"type": "event", "n": 0, "text": "ação"}}
    peer = control.links[0].peer
    assert (peer["role"], peer["name"], peer["capacity"]) == ("media", "m1", 120)
    assert "token" not in peer
    await link.close()
    async with asyncio.timeout(10):
        await control.ended.wait()
    assert control.links[0].stats.received == 3 + 1  # and the hello


async def test_a_wrong_token_is_refused_with_its_reason(control: Control) -> None:
    with pytest.raises(LinkError, match="token") as refused:
        await connect(control.address, token="guess", role="sip", name="s")
    assert refused.value.reason == "token"
    assert not control.links


async def test_the_far_end_closing_ends_the_iteration(control: Control) -> None:
    link = await connect(control.address, token="secret", role="sip", name="s")
    async with asyncio.timeout(10):
        await control.arrived.wait()
        await control.links[0].close()
        assert [message async for message in link] == []
    await link.close()
    assert not link.send({"type": "late"})
    assert link.stats.refused == 1


@pytest.mark.parametrize(
    "raw", [struct.pack(">I", MAX_FRAME_BYTES + 1), struct.pack(">I", 3) + b"{]}", struct.pack(">I", 2) + b"[]"]
)
async def test_what_is_no_message_ends_the_link(control: Control, raw: bytes) -> None:
    link = await connect(control.address, token="secret", role="sip", name="s")
    link.writer.write(raw)
    async with asyncio.timeout(10):
        assert await link.read() is None
        await control.ended.wait()
    assert control.failed[0].reason in ("frame_too_big", "malformed")
    await link.close()


async def test_a_message_that_is_too_big_is_refused_and_the_link_lives_on(control: Control) -> None:
    link = await connect(control.address, token="secret", role="sip", name="s")
    assert not link.send({"type": "event", "blob": "x" * MAX_FRAME_BYTES})
    assert link.stats.refused == 1
    assert link.send({"type": "event"})
    assert await link.read() == {"type": "echo", "of": {"type": "event"}}
    await link.close()


async def test_a_far_end_that_stops_reading_costs_messages_not_memory(tmp_path: Path) -> None:
    stalled = asyncio.Event()

    async def on_link(link: Link) -> None:
        await stalled.wait()

    address = f"unix://{tmp_path / 'control.sock'}"
    server = await listen(address, token="secret", on_link=on_link)
    link = await connect(address, token="secret", role="sip", name="s")
    sent = [link.send({"type": "event", "blob": "x" * 100_000}) for _ in range(100)]
    assert not all(sent)
    assert link.stats.refused == sent.count(False)
    assert link.writer.transport.get_write_buffer_size() < 2 * MAX_FRAME_BYTES
    link.writer.transport.abort()
    stalled.set()
    server.close()
    await server.wait_closed()
    await link.close()


async def test_another_version_is_refused(control: Control) -> None:
    address = control.address
    if address.startswith("unix"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
        mode = await asyncio.to_thread(os.stat, address.removeprefix("unix://"))
        assert mode.st_mode & 0o077 == 0
    else:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    link = Link(reader, writer)
    link.send({"type": "hello", "version": VERSION + 1, "token": "secret"})
    assert await link.read() == {"type": "refused", "reason": "version"}
    await link.close()
