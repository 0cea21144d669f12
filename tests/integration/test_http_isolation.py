"""No route leaks across organisations (D15), and none is open by mistake.

Every declared route is asked for another organisation's things. The table of routes is what is enumerated, so a new
route is in these tests before anybody thinks of it; one whose parameters or body are unknown here fails.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiohttp import web

from control.auth import Role
from control.conversations import Conversations
from control.db import Database
from control.http.app import SOCKETS
from control.http.route import Access, Route
from control.http.routes import ROUTES
from control.queues import Queues
from control.tickets import Tickets

from .http_door import Browser, Door, OneCall, door, open_door

__all__ = ["door"]

MARK = "SEGREDO"  # in every text that is organisation A's
ABOUT_ONESELF = {"/api/auth/sign-out", "/api/auth/me", "/api/auth/password", "/api/attendance/presence"}


@dataclass
class Theirs:
    """What organisation A has: one of each."""

    organisation_id: UUID
    ids: dict[str, str]
    attendant_id: str
    queue_id: str

    def bodies(self, route: Route) -> dict[str, Any]:
        session_id = self.ids["session_id"]
        known: dict[str, dict[str, Any]] = {
            "AssignBody": {"session_id": session_id, "attendant_id": "att-001"},
            "TransferBody": {"session_id": session_id, "to_attendant_id": "att-001"},
            "ResolveBody": {"wrap_up_code": "resolved"},
            "NoteBody": {"text": "x"},
            "TicketBody": {"session_id": session_id},
            "TicketChangeBody": {"status": "closed"},
        }
        assert route.body is not None
        assert route.body.__name__ in known, (
            f"tell this test how to fill {route.body.__name__} with somebody else's ids"
        )
        return known[route.body.__name__]


async def seed(door: Door) -> Theirs:
    ana = (await door.person("ana@loja.example", organisation=f"{MARK} A")).actor
    organisation_id = ana.organisation_id
    conversations, queues = Conversations(door.db), Queues(door.db)
    call_id = uuid4()
    opened = await conversations.open_call(organisation_id, call_id, phone="+5511988887777", name=f"{MARK} João")
    said = {"kind": "message", "author": "customer", "text": f"{MARK} quero falar", "via": "voice"}
    await conversations.add_entry(organisation_id, opened.session_id, **said)
    await conversations.set_context(organisation_id, opened.session_id, {"segredo": MARK})
    recording = await conversations.add_recording(
        organisation_id, call_id, path="a.wav", seconds=1.0, channels=2, size=4
    )
    (door.recordings_dir / "a.wav").write_text(MARK)
    entered = await queues.enter(organisation_id, opened.session_id, reason=MARK)
    ticket = await Tickets(door.db).create(organisation_id, opened.session_id, subject=MARK)
    offer_id = await door.db.value(
        "INSERT INTO offers (organisation_id, conversation_id, user_id, expires_at)"
        " VALUES ($1, $2, $3, now() + interval '1 h') RETURNING id",
        organisation_id,
        opened.session_id,
        ana.user_id,
    )
    ids = {
        "session_id": str(opened.session_id),
        "call_id": str(call_id),
        "recording_id": recording["id"],
        "ticket_id": ticket["id"],
        "offer_id": str(offer_id),
    }
    return Theirs(organisation_id, ids, str(ana.user_id), str(entered.place.queue_id))


async def everything_of(db: Database, organisation_id: UUID) -> str:
    """Every row of the organisation, as text."""
    tables = await db.fetch(
        "SELECT table_name FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        " AND column_name = 'organisation_id' AND table_name <> 'user_sessions' ORDER BY 1"
    )
    rows = [
        await db.fetch(f"SELECT t::text FROM {name} t WHERE organisation_id = $1 ORDER BY 1", organisation_id)  # noqa: S608
        for name in (row["table_name"] for row in tables)
    ]
    return json.dumps([[row["t"] for row in table] for table in rows])


async def intruder(door: Door) -> Browser:
    return await door.person("eva@outra.example", organisation="Outra", role=Role.ADMIN)


async def test_no_route_shows_or_changes_what_another_organisation_has(database: Database, tmp_path: Path) -> None:
    desk = OneCall()  # lets everybody into everything: what stands before it must refuse
    async for opened in open_door(database, tmp_path, desk=desk):
        await _everything_is_refused(opened)
    assert desk.told == []


async def _everything_is_refused(door: Door) -> None:
    theirs = await seed(door)
    eva = await intruder(door)
    before = await everything_of(door.db, theirs.organisation_id)
    wrong: list[str] = []
    for route in ROUTES:
        if route.access is Access.PUBLIC or route.path in ABOUT_ONESELF:
            continue
        names = re.findall(r"{(\w+)}", route.path)
        unknown = set(names) - theirs.ids.keys()
        assert not unknown, f"tell this test which {unknown} organisation A has"
        path = route.path.format(**theirs.ids)
        body = theirs.bodies(route) if route.body is not None else None
        answer = await eva.ask(route.method, path, body)
        text = await answer.text()
        names_theirs = bool(names) or (body is not None and "session_id" in body)
        if (answer.status != 404) if names_theirs else (answer.status != 200):
            wrong.append(f"{route.method} {path}: {answer.status} {text[:200]}")
        leaked = [word for word in (MARK, "88887777", str(theirs.organisation_id)) if word in text]
        if leaked:
            wrong.append(f"{route.method} {path} shows {leaked}")
    assert not wrong, "\n".join(wrong)
    assert await everything_of(door.db, theirs.organisation_id) == before


async def test_filters_do_not_reach_across_either(door: Door) -> None:
    theirs = await seed(door)
    eva = await intruder(door)
    session_id = theirs.ids["session_id"]
    for path, status in (
        (f"/api/attendance/queue?status=all&queue_id={theirs.queue_id}", 200),
        (f"/api/attendance/queue?assigned_to={theirs.attendant_id}", 404),
        (f"/api/attendance/tickets?session_id={session_id}", 200),
        (f"/api/attendance/insights?queue={theirs.queue_id}", 200),
        (f"/api/attendance/insights?attendant={theirs.attendant_id}", 404),
    ):
        answer = await eva.get(path)
        text = await answer.text()
        assert answer.status == status, f"{path}: {text}"
        assert MARK not in text
        assert session_id not in text
        if status == 200 and "items" in text:
            assert json.loads(text)["items"] == []


async def test_own_work_can_t_be_handed_to_another_organisation(door: Door) -> None:
    theirs = await seed(door)
    eva = await intruder(door)
    own = await Conversations(door.db).open(eva.actor.organisation_id, channel="web", phone="+5511977776666")
    await Queues(door.db).enter(eva.actor.organisation_id, own.session_id)
    session_id = str(own.session_id)
    for path, body in (
        ("/api/attendance/assign", {"session_id": session_id, "attendant_id": theirs.attendant_id}),
        ("/api/attendance/transfer", {"session_id": session_id, "to_attendant_id": theirs.attendant_id}),
        ("/api/attendance/transfer", {"session_id": session_id, "to_queue_id": theirs.queue_id}),
    ):
        answer = await eva.post(path, body)
        assert answer.status == 404, f"{path}: {await answer.text()}"


async def test_every_route_but_the_public_ones_needs_a_session(door: Door) -> None:
    stranger = await door.browser()
    public = {
        "/api/auth/sign-in", "/health/live", "/health/ready", "/metrics", "/api/openapi.json",
    }  # fmt: skip
    assert {route.path for route in ROUTES if route.access is Access.PUBLIC} == public
    for route in ROUTES:
        if route.path in public:
            continue
        path = re.sub(r"{\w+}", str(uuid4()), route.path)
        answer = await stranger.ask(route.method, path, {})
        assert answer.status == 401, f"{route.method} {route.path}: {answer.status}"
        assert (await answer.json())["error"]["code"] == "unauthenticated"


async def test_every_change_needs_the_csrf_token(door: Door) -> None:
    eva = await intruder(door)
    eva.csrf = "wrong"
    for route in ROUTES:
        if route.method == "GET" or route.access is Access.PUBLIC:
            continue
        path = re.sub(r"{\w+}", str(uuid4()), route.path)
        answer = await eva.ask(route.method, path, {})
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "csrf"), route.path


async def test_what_the_router_serves_is_what_was_declared(door: Door) -> None:
    """A route added past the table would escape the tests above."""
    app = door.server.app
    assert isinstance(app, web.Application)
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.resource is not None}
    declared = {(route.method, route.path) for route in ROUTES}
    declared |= {("HEAD", route.path) for route in ROUTES if route.method == "GET"}
    declared |= {("GET", path) for path in SOCKETS} | {("GET", "/{path}"), ("HEAD", "/{path}")}
    assert served == declared


async def test_roles_are_held(door: Door) -> None:
    ana = await door.person("ana@loja.example", role=Role.ATTENDANT)
    for route in ROUTES:
        if route.access.role is None:
            continue
        answer = await ana.ask(route.method, re.sub(r"{\w+}", str(uuid4()), route.path), {})
        assert (answer.status, (await answer.json())["error"]["code"]) == (403, "forbidden"), route.path
