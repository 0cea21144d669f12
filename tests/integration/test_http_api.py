"""The API the console lives on: a call from the queue to its ticket, and what every answer has in common."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from control.auth import Role
from control.conversations import Conversations
from control.db import Database, EmbeddedPostgres, migrate
from control.errors import (
    CommitUncertain,
    Conflict,
    ControlError,
    DatabaseUnavailable,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
)
from control.http.errors import STATUS, status_of
from control.queues import Dispatcher, Queues

from .http_door import Browser, Door, OneCall, door, open_door

__all__ = ["door"]


async def json_of(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status == status, await response.text()
    return await response.json()  # type: ignore[no-any-return]


async def waiting_call(door: Door, browser: Browser) -> tuple[str, str]:
    """A caller who asked for a person: (session, call)."""
    organisation_id, call_id = browser.actor.organisation_id, uuid4()
    conversations = Conversations(door.db)
    opened = await conversations.open_call(organisation_id, call_id, phone="+5511988887777", name="João", answered=True)
    said: dict[str, Any] = {"kind": "message", "author": "customer", "text": "quero falar com alguém", "via": "voice"}
    await conversations.add_entry(organisation_id, opened.session_id, **said, start_s=1.0, end_s=2.5)
    await conversations.advance_call(organisation_id, call_id, "queued")
    await Queues(door.db).enter(organisation_id, opened.session_id, reason="pediu uma pessoa")
    return str(opened.session_id), str(call_id)


async def test_a_call_from_the_queue_to_its_ticket(database: Database, tmp_path: Path) -> None:
    """S13, S23, S24, S60: what the console does, in order, on one WebSocket and the REST routes."""
    desk = OneCall()
    async for opened in open_door(database, tmp_path, desk=desk):
        ana = await opened.person("ana@loja.example")
        ws = await ana.client.ws_connect("/api/attendance/ws")
        assert (await ws.receive_json())["type"] == "connected"
        assert await json_of(await ana.ask("PUT", "/api/attendance/presence", {"status": "online"})) == {
            "status": "online"
        }
        session_id, call_id = await waiting_call(opened, ana)
        (item,) = (await json_of(await ana.get("/api/attendance/queue?status=waiting&channel=voice")))["items"]
        assert (item["session_id"], item["user_phone"], item["call"]["state"]) == (
            session_id,
            "+5511988887777",
            "queued",
        )

        await Dispatcher(opened.db, opened.bus).step()
        (offer,) = (await json_of(await ana.get("/api/offers")))["items"]
        assert (offer["session_id"], offer["item"]["session_id"]) == (session_id, session_id)
        taken = await json_of(await ana.post(f"/api/offers/{offer['offer_id']}/accept"))
        assert taken["item"]["status"] == "active"
        assert taken["call"]["id"] == call_id
        assert taken["room"] == {"url": "ws://127.0.0.1:7880", "token": "token", "room": f"attendance-{session_id}"}
        again = await json_of(await ana.post(f"/api/offers/{offer['offer_id']}/accept"), 409)
        assert again["error"]["state"] == "accepted"

        assert (await json_of(await ana.post(f"/api/calls/{call_id}/room")))["token"] == "token"
        for verb in ("hold", "resume", "hangup"):
            assert (await json_of(await ana.post(f"/api/calls/{call_id}/{verb}")))["call"]["id"] == call_id
        note = await json_of(await ana.post(f"/api/conversations/{session_id}/notes", {"text": "cliente VIP"}))
        assert (note["entry"]["kind"], note["entry"]["author_name"]) == ("note", "Ana@Loja.Example")

        codes = (await json_of(await ana.get("/api/wrap-up-codes")))["items"]
        body = {"wrap_up_code": codes[0]["code"], "notes": "tudo certo"}
        resolved = await json_of(await ana.post(f"/api/attendance/resolve/{session_id}", body))
        assert (resolved["success"], resolved["ticket"]["display"]) == (True, "#TIC-001")
        assert f"finish {session_id}" in desk.told

        whole = await json_of(await ana.get(f"/api/conversations/{session_id}"))
        assert {"item", "contact", "timeline", "call", "ticket", "recordings", "context"} <= whole.keys()
        assert whole["ticket"]["display"] == "#TIC-001"
        assert whole["context"]["needs_human"] is False
        assert [e["text"] for e in whole["timeline"] if e["kind"] == "message"] == ["quero falar com alguém"]
        (ticket,) = (await json_of(await ana.get("/api/attendance/tickets")))["items"]
        assert (await json_of(await ana.get(f"/api/attendance/tickets/{ticket['id']}")))["display"] == "#TIC-001"
        assert (await json_of(await ana.get("/api/attendance/insights")))["resolved"] == 1
        assert (await json_of(await ana.get(f"/api/attendance/insights/{session_id}")))["ticket"] == "#TIC-001"
        assert (await json_of(await ana.get(f"/api/session/{session_id}")))["needs_human"] is False

        told: list[str] = []
        while "conversation_closed" not in told:
            told.append((await ws.receive_json())["type"])
        kinds = {"attendant_update", "new_conversation", "queue_update", "offer", "offer_settled", "ticket_update"}
        assert kinds | {"new_message", "call_update"} <= set(told)
        await ws.close()


async def test_an_attendant_is_named_by_id_or_by_code(door: Door) -> None:
    """D7."""
    boss = await door.person("chefe@loja.example", role=Role.SUPERVISOR)
    ana = await door.person("ana@loja.example")
    session_id, _ = await waiting_call(door, boss)
    for who in ("att-002", str(ana.actor.user_id)):
        body = {"session_id": session_id, "attendant_id": who}
        assert (await json_of(await boss.post("/api/attendance/assign", body)))["attendant_id"] == "att-002"
        for named in (who, "att-002"):
            listed = await json_of(await boss.get(f"/api/attendance/queue?assigned_to={named}"))
            assert [item["session_id"] for item in listed["items"]] == [session_id]
    rows = await json_of(await boss.get("/api/attendance/attendants"))
    assert rows["count"] == 2
    assert {row["attendant_id"] for row in rows["items"]} == {"att-001", "att-002"}
    moved = {"session_id": session_id, "from_attendant_id": "att-002", "to_attendant_id": "att-001", "reason": "pausa"}
    assert (await json_of(await ana.post("/api/attendance/transfer", moved)))["success"] is True


async def test_two_who_take_at_once_are_one_who_has_it(door: Door) -> None:
    ana, bia = await door.person("ana@loja.example"), await door.person("bia@loja.example")
    session_id, _ = await waiting_call(door, ana)
    answers = await asyncio.gather(*(who.post(f"/api/attendance/take/{session_id}") for who in (ana, bia)))
    assert sorted(answer.status for answer in answers) == [200, 409]
    (refused,) = [answer for answer in answers if answer.status == 409]
    assert (await refused.json())["error"]["state"] == "active"
    (taken,) = [answer for answer in answers if answer.status == 200]
    assert (await taken.json())["room"] is None  # no telephony here: the conversation is theirs all the same


# -- recordings -------------------------------------------------------------------------------------------------------


async def recording(door: Door, browser: Browser, path: str, content: bytes) -> str:
    _, call_id = await waiting_call(door, browser)
    about = await Conversations(door.db).add_recording(
        browser.actor.organisation_id, UUID(call_id), path=path, seconds=1, channels=2, size=len(content)
    )
    return str(about["url"])


async def test_a_recording_is_played_whole_and_in_parts(door: Door) -> None:
    ana = await door.person()
    content = bytes(range(256)) * 40
    (door.recordings_dir / "ab").mkdir()
    (door.recordings_dir / "ab" / "call.wav").write_bytes(content)
    url = await recording(door, ana, "ab/call.wav", content)
    whole = await ana.get(url)
    assert (whole.status, whole.content_type, await whole.read()) == (200, "audio/wav", content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    for header, part in (
        ("bytes=0-99", content[:100]),
        ("bytes=1000-", content[1000:]),
        ("bytes=-16", content[-16:]),
        ("bytes=5000-999999", content[5000:]),
    ):
        answer = await ana.get(url, headers={"Range": header})
        assert (answer.status, await answer.read()) == (206, part), header
        assert answer.headers["Content-Range"].endswith(f"/{len(content)}")
    beyond = await ana.get(url, headers={"Range": "bytes=99999-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/hostname", "absent.wav", "link.wav", "."])
async def test_only_files_below_the_recordings_folder_are_served(door: Door, path: str) -> None:
    ana = await door.person()
    (door.recordings_dir.parent / "secret.txt").write_text("secret")
    (door.recordings_dir / "link.wav").symlink_to(door.recordings_dir.parent / "secret.txt")
    url = await recording(door, ana, path, b"x")
    answer = await json_of(await ana.get(url), 404)
    assert answer["error"]["code"] == "recording_gone"


# -- errors -----------------------------------------------------------------------------------------------------------


def test_every_domain_error_has_its_status() -> None:
    wanted = {
        Invalid: 422, Unauthenticated: 401, Forbidden: 403, NotFound: 404, Conflict: 409, TooMany: 429,
        DatabaseUnavailable: 503, CommitUncertain: 503, ControlError: 500,
    }  # fmt: skip
    assert {kind: status_of(kind("x")) for kind in wanted} == wanted
    direct = {kind for kind in ControlError.__subclasses__() if kind.__module__ == "control.errors"}
    assert direct <= STATUS.keys()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("POST", "/api/attendance/assign", {"session_id": "x", "attendant_id": "a"}, 422, "invalid", "session_id"),
        ("POST", "/api/attendance/assign", {"attendant_id": "a"}, 422, "invalid", "session_id"),
        (
            "POST",
            "/api/attendance/assign",
            {"session_id": str(uuid4()), "attendant_id": "a", "x": 1},
            422,
            "invalid",
            "x",
        ),
        ("PUT", "/api/attendance/presence", {"status": "asleep"}, 422, "invalid", "status"),
        ("PUT", "/api/attendance/presence", ["online"], 400, "malformed", None),
        ("GET", "/api/attendance/queue?status=none", None, 422, "invalid", "status"),
        ("GET", "/api/attendance/queue?limit=0", None, 422, "invalid", "limit"),
        ("GET", "/api/attendance/insights?from=2024-01-01", None, 422, "invalid", "from"),
        ("GET", "/api/conversations/not-a-uuid", None, 404, "not_found", None),
        ("POST", "/api/conversations/" + str(uuid4()) + "/notes", {"text": "  "}, 422, "invalid", "text"),
        ("GET", "/api/nothing", None, 404, "not_found", None),
        ("DELETE", "/api/attendance/queue", None, 405, "method_not_allowed", None),
        ("POST", "/api/attendance/tickets", {"session_id": str(uuid4()), "tags": [1]}, 422, "invalid", "tags.0"),
    ],
)
async def test_what_is_wrong_is_told_with_the_field_s_full_path(
    door: Door, method: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    ana = await door.person()
    answer = await ana.ask(method, path, body)
    told = (await json_of(answer, status))["error"]
    assert (told["code"], told.get("field")) == (code, field)
    assert told["message"]


async def test_a_body_must_be_json_and_not_too_long(door: Door) -> None:
    ana = await door.person()
    path = "/api/attendance/assign"
    for data, kind, status, code in (
        (b"{", "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 400, "malformed"),
        (b"[" * 100_000, "application/json", 400, "malformed"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'"' + b"x" * 2_000_000 + b'"', "application/json", 413, "too_large"),
    ):
        answer = await ana.ask("POST", path, data=data, headers={"Content-Type": kind})
        assert (await json_of(answer, status))["error"]["code"] == code


async def test_a_fault_of_ours_shows_its_number_and_nothing_else(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = await door.person()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Queues, "offers", broken)
    answer = await ana.get("/api/offers", headers={"X-Request-ID": "request-12345"})
    told = (await json_of(answer, 500))["error"]
    assert told["code"] == "internal"
    assert "request-12345" in told["message"]
    assert "secret" not in json.dumps(told)


# -- what every answer has --------------------------------------------------------------------------------------------


async def test_security_headers_are_on_every_answer(door: Door) -> None:
    (door.console_dir / "index.html").write_text("<title>Attendance</title>")
    browser = await door.browser()
    for path in ("/", "/api/nothing", "/api/auth/me", "/health/live"):
        headers = (await browser.get(path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert len(headers["X-Request-ID"]) >= 8
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "connect-src 'self' ws://127.0.0.1:7880 http://127.0.0.1:7880" in policy
        assert "unsafe-eval" not in policy
        assert "Strict-Transport-Security" not in headers
    given = await browser.get("/health/live", headers={"X-Request-ID": "bad id\u00e9"})
    assert given.headers["X-Request-ID"] != "bad id\u00e9"


async def test_the_console_is_served_and_its_places_are_the_page(door: Door) -> None:
    browser = await door.browser()
    missing = await browser.get("/")
    assert missing.status == 503
    assert "não foi construído" in await missing.text()
    (door.console_dir / "assets").mkdir()
    (door.console_dir / "index.html").write_text("<title>page</title>")
    (door.console_dir / "assets" / "app-1a2b.js").write_text("let x")
    (door.console_dir.parent / "outside.txt").write_text("outside")
    for path in ("/", "/conversa/123", "/fila?x=1"):
        answer = await browser.get(path)
        assert (answer.status, await answer.text()) == (200, "<title>page</title>")
        assert answer.headers["Cache-Control"] == "no-cache"
    asset = await browser.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["Cache-Control"]
    assert "javascript" in asset.content_type
    for path in ("/assets/gone.js", "/api/x", "/favicon.ico", "/assets/", "/..%2foutside.txt", "/%00"):
        answer = await browser.get(path)
        assert answer.status in (200, 404), path
        assert "outside" not in await answer.text()
        assert answer.status == 404 or path == "/%00"


async def test_the_description_names_every_route_and_model(door: Door) -> None:
    description = await json_of(await (await door.browser()).get("/api/openapi.json"))
    assert description["openapi"].startswith("3.1")
    assert "post" in description["paths"]["/api/attendance/assign"]
    assert description["components"]["schemas"]["AssignBody"]["required"] == ["session_id", "attendant_id"]
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    assert all(operation["summary"] for operation in operations)
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)


async def test_metrics_are_for_this_machine_or_for_who_has_the_token(database: Database, tmp_path: Path) -> None:
    async for opened in open_door(database, tmp_path, metrics_token="let-me-in"):
        browser = await opened.browser()
        assert (await browser.get("/metrics")).status == 403
        answer = await browser.get("/metrics", headers={"Authorization": "Bearer let-me-in"})
        text = await answer.text()
        assert 'attendance_http_requests_total{method="GET",route="/metrics",status="403"} 1.0' in text
        assert "attendance_hub_connections 0.0" in text
        assert "attendance_queue_waiting" in text


async def test_behind_a_proxy_metrics_are_not_this_machine_s(door: Door) -> None:
    browser = await door.browser()
    assert (await browser.get("/metrics")).status == 200
    assert (await browser.get("/metrics", headers={"X-Forwarded-For": "203.0.113.5"})).status == 403


# -- the database goes away -------------------------------------------------------------------------------------------


async def test_without_the_database_requests_say_503_and_when_to_come_back(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "pg", fsync=False)
    await asyncio.to_thread(tmp_path.chmod, 0o755)  # started by root, the server runs as somebody else
    await asyncio.to_thread(postgres.start)
    try:
        db = await Database.open(postgres.dsn("postgres"), 4, wait_s=0.5)
        await migrate(db)
        async for opened in open_door(db, tmp_path):
            ana = await opened.person()
            browser = await opened.browser()
            assert (await browser.get("/health/ready")).status == 200
            ws = await ana.client.ws_connect("/api/attendance/ws")
            await asyncio.to_thread(postgres.stop)
            answer = await ana.get("/api/attendance/queue")
            assert (await json_of(answer, 503))["error"]["code"] == "database_unavailable"
            assert int(answer.headers["Retry-After"]) >= 1
            ready = await browser.get("/health/ready")
            assert (await json_of(ready, 503))["checks"] == {"database": False}
            assert (await browser.get("/health/live")).status == 200
            assert (await browser.get("/api/openapi.json")).status == 200
            await asyncio.to_thread(postgres.start)
            async with asyncio.timeout(30):
                while (await ana.get("/api/attendance/queue")).status != 200:
                    await asyncio.sleep(0.1)  # the pool finds the server again
            await ws.close()
        await db.close()
    finally:
        await asyncio.to_thread(postgres.stop)
