"""The hub: exact replay after a break, the audience, slow and noisy clients, sessions that end, presence."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from control.auth import Actor
from control.db import Database
from control.events import Event
from control.hub.connection import SAID_BURST, SESSION_ENDED, TOO_MANY
from control.hub.presence import Attendance

from .http_door import Browser, Door, door

__all__ = ["door"]

PATH = "/api/attendance/ws"


async def tell(door: Door, organisation_id: UUID, number: int, *, audience: UUID | None = None, size: int = 0) -> None:
    async with door.db.transaction() as tx:
        tx.tell(Event(organisation_id, "queue_update", {"number": number, "ballast": "x" * size}, audience))


async def connect(browser: Browser, since: int | None = None, path: str = PATH) -> ClientWebSocketResponse:
    return await browser.client.ws_connect(path if since is None else f"{path}?since={since}")


async def read(ws: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(10):
        return await ws.receive_json()  # type: ignore[no-any-return]


async def closing(ws: ClientWebSocketResponse) -> int | None:
    """The code it was closed with, whatever came before."""
    async with asyncio.timeout(15):
        while (await ws.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
            pass
    return ws.close_code


async def test_the_first_word_names_the_attendant_and_the_newest_number(door: Door) -> None:
    ana = await door.person()
    await tell(door, ana.actor.organisation_id, 1)
    for path in (PATH, "/ws/attendant"):
        ws = await connect(ana, path=path)
        hello = await read(ws)
        assert hello["type"] == "connected"
        assert (hello["attendant_id"], hello["seq"]) == ("att-001", 1)
        assert hello["message"]
        assert hello["timestamp"].endswith("Z")
        await ws.close()


async def test_events_arrive_in_order_with_their_numbers(door: Door) -> None:
    ana = await door.person()
    ws = await connect(ana)
    await read(ws)
    for number in range(1, 6):
        await tell(door, ana.actor.organisation_id, number)
    events = [await read(ws) for _ in range(5)]
    assert [(event["seq"], event["number"]) for event in events] == [(n, n) for n in range(1, 6)]
    await ws.close()


async def test_a_burst_with_breaks_in_the_middle_is_seen_whole_and_once(door: Door) -> None:
    """No loss, no double, whenever the connection breaks: also while events are committed concurrently."""
    ana = await door.person()
    total, seen, since = 300, [], 0

    async def burst(start: int) -> None:
        for number in range(start, total + 1, 3):
            await tell(door, ana.actor.organisation_id, number)

    async with asyncio.TaskGroup() as tasks:
        for start in (1, 2, 3):
            tasks.create_task(burst(start))
        breaks = 0
        while since < total:
            ws = await connect(ana, since)
            assert (await read(ws))["type"] == "connected"
            until = min(total, since + 37)
            while since < until:
                event = await read(ws)
                assert event["type"] == "queue_update"
                seen.append((event["seq"], event["number"]))
                since = event["seq"]
            ws._response.connection.transport.abort()  # type: ignore[union-attr]  # no closing handshake: it just breaks
            breaks += 1
    assert breaks >= 8
    assert [seq for seq, _ in seen] == list(range(1, total + 1))
    assert sorted(number for _, number in seen) == list(range(1, total + 1))


async def test_an_event_for_one_person_is_told_to_nobody_else_now_or_later(door: Door) -> None:
    ana, bia = await door.person("ana@loja.example"), await door.person("bia@loja.example")
    organisation = ana.actor.organisation_id
    live_ana, live_bia = await connect(ana), await connect(bia)
    await read(live_ana), await read(live_bia)
    await tell(door, organisation, 1, audience=ana.actor.user_id)
    await tell(door, organisation, 2)
    assert [(await read(live_ana))["seq"], (await read(live_ana))["seq"]] == [1, 2]
    assert (await read(live_bia))["seq"] == 2
    again = await connect(bia, 0)
    await read(again)
    assert (await read(again))["seq"] == 2
    for ws in (live_ana, live_bia, again):
        await ws.close()


async def test_organisations_do_not_hear_each_other(door: Door) -> None:
    """D15."""
    ana, eva = await door.person("ana@loja.example"), await door.person("eva@outra.example", organisation="Outra")
    ws = await connect(eva, 0)
    await read(ws)
    await tell(door, ana.actor.organisation_id, 1)
    await tell(door, eva.actor.organisation_id, 2)
    event = await read(ws)
    assert (event["seq"], event["number"]) == (1, 2)
    await ws.close()


@pytest.mark.parametrize("since", [7, 10**9])
async def test_a_number_that_was_never_given_or_is_too_old_starts_anew(door: Door, since: int) -> None:
    ana = await door.person()
    for number in range(1, 10):
        await tell(door, ana.actor.organisation_id, number)
    await door.db.run("DELETE FROM events WHERE seq <= 8")
    ws = await connect(ana, since)
    assert (await read(ws))["type"] == "connected"
    reset = await read(ws)
    assert (reset["type"], reset["seq"]) == ("reset", 9)
    await tell(door, ana.actor.organisation_id, 10)
    assert (await read(ws))["seq"] == 10
    await ws.close()


async def test_one_who_does_not_read_is_closed_and_misses_nothing(door: Door) -> None:
    """The slow consumer: bounded here, told to come back, and the log has what it missed."""
    ana, bia = await door.person("ana@loja.example"), await door.person("bia@loja.example")
    door.hub._limit, door.hub._send_s = 20, 0.5
    organisation = ana.actor.organisation_id
    cookie = "; ".join(f"{c.key}={c.value}" for c in ana.client.session.cookie_jar)
    reader, writer = await _raw_socket(ana, cookie)  # never reads after the handshake
    ws = await connect(bia)
    await read(ws)
    for number in range(1, 121):
        await tell(door, organisation, number, size=100_000)
        assert (await read(ws))["seq"] == number  # others are not held up
    async with asyncio.timeout(15):
        for connection in [c for c in door.hub._connections if c.actor.user_id == ana.actor.user_id]:
            await connection.over.wait()
    assert door.hub.stats.slow == 1
    writer.close()
    back = await connect(ana, 0)
    await read(back)
    assert [(await read(back))["seq"] for _ in range(120)] == list(range(1, 121))
    await back.close()
    await ws.close()
    del reader


async def _raw_socket(browser: Browser, cookie: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect((browser.client.host, browser.client.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=2**10)
    writer.write(
        f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nCookie: {cookie}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    return reader, writer


async def test_what_a_client_may_say(door: Door) -> None:
    ana, bia = await door.person("ana@loja.example"), await door.person("bia@loja.example")
    ws, other = await connect(ana), await connect(bia)
    await read(ws), await read(other)
    await ws.send_json({"type": "ping"})
    assert await read(ws) == {"type": "pong"}
    session_id = "11111111-1111-1111-1111-111111111111"
    await ws.send_json({"type": "typing", "session_id": session_id})
    typing = await read(other)
    assert (typing["type"], typing["session_id"], "seq" in typing) == ("typing", session_id, False)
    assert (await read(ws))["type"] == "typing"
    for bad in ("{", "[]", "5", json.dumps({"type": "typing"}), json.dumps({"type": "dance"}), "[" * 10_000):
        await ws.send_str(bad)
        assert (await read(ws))["type"] == "error"
    await ws.send_json({"type": "read", "session_id": session_id})
    await ws.send_json({"type": "ping"})
    assert await read(ws) == {"type": "pong"}
    await ws.close()
    await other.close()


async def test_one_who_says_too_much_is_closed(door: Door) -> None:
    ana = await door.person()
    ws = await connect(ana)
    for _ in range(SAID_BURST + 10):
        await ws.send_str('{"type":"read","session_id":"11111111-1111-1111-1111-111111111111"}')
    assert await closing(ws) == TOO_MANY
    assert door.hub.stats.noisy == 1


async def test_signing_out_closes_the_session_s_sockets_only(door: Door) -> None:
    ana = await door.person()
    elsewhere = await door.browser()
    await elsewhere.sign_in("ana@loja.example")
    here, there = await connect(ana), await connect(elsewhere)
    await read(here), await read(there)
    await ana.post("/api/auth/sign-out")
    assert await closing(here) == SESSION_ENDED
    await there.send_json({"type": "ping"})
    assert await read(there) == {"type": "pong"}
    await there.close()


async def test_a_session_ended_by_another_replica_is_noticed(door: Door) -> None:
    ana = await door.person()
    ws = await connect(ana)
    await read(ws)
    await door.db.run("DELETE FROM user_sessions")
    mine = {connection.session.id for connection in door.hub._connections}
    door.hub.end_sessions(mine - await door.sessions.alive(mine))
    assert await closing(ws) == SESSION_ENDED


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://evil.example"}, 403), ({"Cookie": "attendance_session=" + "x" * 43}, 401)],
)
async def test_other_sites_and_strangers_get_no_socket(door: Door, headers: dict[str, str], status: int) -> None:
    ana = await door.person()
    client = ana.client if "Origin" in headers else (await door.browser()).client
    with pytest.raises(WSServerHandshakeError) as refused:
        await client.ws_connect(PATH, headers=headers)
    assert refused.value.status == status


async def test_the_bus_of_another_replica_reaches_this_hub(door: Door, database_dsn: str) -> None:
    ana = await door.person()
    ws = await connect(ana)
    await read(ws)
    elsewhere = await Database.open(database_dsn, 2)
    async with elsewhere.transaction() as tx:
        tx.tell(Event(ana.actor.organisation_id, "queue_update", {"number": 1}))
    assert (await read(ws))["number"] == 1
    await elsewhere.close()
    await ws.close()


async def test_when_the_server_stops_clients_are_told(door: Door) -> None:
    ana = await door.person()
    ws = await connect(ana)
    await read(ws)
    task = asyncio.create_task(door.hub.close())
    assert await closing(ws) == 1001
    await task


# -- presence ---------------------------------------------------------------------------------------------------------


async def _presence(door: Door, actor: Actor) -> str:
    return str(await door.db.value("SELECT status FROM presence WHERE user_id = $1", actor.user_id))


def _attendance(door: Door) -> Attendance:
    async def set_status(actor: Actor, status: str) -> None:
        await door.db.run("UPDATE presence SET status = $2 WHERE user_id = $1", actor.user_id, status)

    return Attendance(door.db, set_status, grace_s=20.0)


async def _later(door: Door, seconds: int = 30) -> None:
    """Time passes for the rows in the database."""
    await door.db.run("UPDATE hub_presence SET seen_at = seen_at - make_interval(secs => $1)", float(seconds))


async def test_an_attendant_whose_last_window_is_gone_is_offline_after_the_grace_and_back_on_return(door: Door) -> None:
    ana = (await door.person()).actor
    hub = _attendance(door)
    await hub._set_status(ana, "online")
    await hub.came(ana)
    await _later(door)
    await hub.look()  # still here: touched first
    assert await _presence(door, ana) == "online"
    hub.left(ana)
    await hub.look()
    assert await _presence(door, ana) == "online"  # within the grace
    await _later(door)
    await hub.look()
    assert await _presence(door, ana) == "offline"
    await hub.came(ana)
    assert await _presence(door, ana) == "online"


async def test_what_the_attendant_chose_meanwhile_is_not_overruled(door: Door) -> None:
    ana = (await door.person()).actor
    hub = _attendance(door)
    await hub._set_status(ana, "online")
    await hub.came(ana)
    hub.left(ana)
    await _later(door)
    await hub.look()
    await hub._set_status(ana, "away")
    await hub.came(ana)
    assert await _presence(door, ana) == "away"


async def test_attendants_of_a_replica_that_died_become_offline_and_those_at_another_do_not(door: Door) -> None:
    ana, bia = (await door.person("ana@loja.example")).actor, (await door.person("bia@loja.example")).actor
    dead, alive = _attendance(door), _attendance(door)
    for actor in (ana, bia):
        await dead._set_status(actor, "online")
        await dead.came(actor)
    await alive.came(bia)
    await _later(door)
    await alive.look()
    assert await _presence(door, ana) == "offline"
    assert await _presence(door, bia) == "online"


async def test_one_who_never_opened_a_window_keeps_the_status_they_set(door: Door) -> None:
    ana = (await door.person()).actor
    hub = _attendance(door)
    await hub._set_status(ana, "online")
    await hub.look()
    assert await _presence(door, ana) == "online"
