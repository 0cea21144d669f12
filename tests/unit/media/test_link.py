"""The link between control and call hosts: who is let in, what arrives, what is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from media.link import MAX_FRAME_BYTES, Link, LinkError, connect, listen


@pytest.fixture
async def ends(tmp_path: Path):
    """(control's end, the host's end) of one link, and the address."""
    address = f"unix://{tmp_path}/control.sock"
    arrived: asyncio.Queue[Link] = asyncio.Queue()
    done = asyncio.Event()

    async def keep(link: Link) -> None:
        arrived.put_nowait(link)
        await done.wait()

    server = await listen(address, token="right", on_link=keep)
    host = await connect(address, token="right", role="media", name="media-0", capacity=7)
    control = await arrived.get()
    yield control, host, address
    done.set()
    await host.close()
    server.close()
    await server.wait_closed()


async def test_values_go_both_ways_and_the_hello_is_kept_without_its_token(ends) -> None:
    control, host, _ = ends
    assert control.peer == {"type": "hello", "version": 1, "role": "media", "name": "media-0", "capacity": 7}
    control.send({"type": "say", "text": "olá"})
    host.send({"type": "reply", "rid": "1"})
    assert await host.read() == {"type": "say", "text": "olá"}
    assert await control.read() == {"type": "reply", "rid": "1"}


async def test_a_wrong_token_is_refused_by_name(ends) -> None:
    *_, address = ends
    with pytest.raises(LinkError) as refused:
        await connect(address, token="wrong", role="sip", name="sip")
    assert refused.value.reason == "token"


async def test_the_end_of_the_far_side_ends_the_iteration(ends) -> None:
    control, host, _ = ends
    host.send({"type": "last"})
    await host.close()
    assert [message["type"] async for message in control] == ["last"]


async def test_an_oversized_value_is_not_sent_but_counted(ends) -> None:
    control, host, _ = ends
    assert not control.send({"type": "big", "text": "x" * MAX_FRAME_BYTES})
    assert control.stats.refused == 1
    assert control.send({"type": "small"})
    assert await host.read() == {"type": "small"}


async def test_a_far_end_that_stops_reading_costs_messages_not_memory(ends) -> None:
    control, _, _ = ends
    sent = sum(control.send({"type": "n", "text": "x" * 100_000}) for _ in range(100))
    assert 0 < sent < 100
    assert control.stats.refused == 100 - sent


@pytest.mark.parametrize("frame", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x03{x}"])
async def test_a_frame_that_is_no_value_ends_the_link(ends, frame: bytes) -> None:
    control, host, _ = ends
    host.writer.write(frame)
    with pytest.raises(LinkError):
        await control.read()
