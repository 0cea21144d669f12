"""D15: nothing of one organisation can be seen, changed or pointed at from another, by any action of any domain."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from control.auth import Actor
from control.conversations import Conversations
from control.crm import Contacts, Records
from control.db import Database, ForeignKeyViolation
from control.errors import NotFound
from control.queues import Queues
from control.tickets import Tickets

from .domains import House, house

Do = Callable[[House, "Theirs", Actor], Coroutine[Any, Any, Any]]


@dataclass
class Theirs:
    """What the other organisation has."""

    house: House
    actor: Actor
    session: UUID
    call: UUID
    ticket: UUID
    recording: UUID
    contact: UUID
    offer: UUID


async def theirs(database: Database) -> Theirs:
    other = await house(database, "Other")
    maria = await other.attendant("Maria", role="supervisor")
    session, call = await other.waiting("+5511999990001")
    await other.dispatcher().step()
    (offer,) = await other.queues.offers(maria)
    ticket = await other.tickets.create(other.organisation_id, session, subject="segredo")
    recording = await other.conversations.add_recording(
        other.organisation_id, call, path="x.wav", seconds=1, channels=2, size=1
    )
    contact = await other.contacts.upsert(other.organisation_id, phone="+5511999990001", name="Segredo")
    ids = (offer["offer_id"], ticket["id"], recording["id"], contact["id"])
    offer_id, ticket_id, recording_id, contact_id = (UUID(each) for each in ids)
    return Theirs(other, maria, session, call, ticket_id, recording_id, contact_id, offer_id)


# What names a row of theirs gets NotFound.
REFUSED: dict[str, Do] = {
    "Conversations.answer_call": lambda h, t, a: h.conversations.answer_call(h.organisation_id, t.call),
    "Conversations.advance_call": lambda h, t, a: h.conversations.advance_call(h.organisation_id, t.call, "held"),
    "Conversations.end_call": lambda h, t, a: h.conversations.end_call(h.organisation_id, t.call, "x"),
    "Conversations.call": lambda h, t, a: h.conversations.call(h.organisation_id, t.call),
    "Conversations.add_entry": lambda h, t, a: h.conversations.add_entry(
        h.organisation_id, t.session, author="bot", text="x"
    ),
    "Conversations.add_note": lambda h, t, a: h.conversations.add_note(a, t.session, "x"),
    "Conversations.set_context": lambda h, t, a: h.conversations.set_context(h.organisation_id, t.session, {"a": 1}),
    "Conversations.set_customer": lambda h, t, a: h.conversations.set_customer(h.organisation_id, t.session, name="x"),
    "Conversations.add_recording": lambda h, t, a: h.conversations.add_recording(
        h.organisation_id, t.call, path="y", seconds=1, channels=1, size=1
    ),
    "Conversations.abandon": lambda h, t, a: h.conversations.abandon(h.organisation_id, t.session),
    "Conversations.finish": lambda h, t, a: h.conversations.finish(h.organisation_id, t.session),
    "Conversations.get": lambda h, t, a: h.conversations.get(h.organisation_id, t.session),
    "Conversations.item": lambda h, t, a: h.conversations.item(h.organisation_id, t.session),
    "Conversations.context": lambda h, t, a: h.conversations.context(h.organisation_id, t.session),
    "Conversations.recording": lambda h, t, a: h.conversations.recording(h.organisation_id, t.recording),
    "Contacts.get": lambda h, t, a: h.contacts.get(h.organisation_id, t.contact),
    "Tickets.create": lambda h, t, a: h.tickets.create(h.organisation_id, t.session),
    "Tickets.get": lambda h, t, a: h.tickets.get(h.organisation_id, t.ticket),
    "Tickets.change": lambda h, t, a: h.tickets.change(h.organisation_id, t.ticket, {"status": "closed"}),
    "Tickets.delete": lambda h, t, a: h.tickets.delete(h.organisation_id, t.ticket),
    "Queues.enter": lambda h, t, a: h.queues.enter(h.organisation_id, t.session),
    "Queues.requeue": lambda h, t, a: h.queues.requeue(h.organisation_id, t.session, reason="x"),
    "Queues.request_callback": lambda h, t, a: h.queues.request_callback(h.organisation_id, t.session, "x"),
    "Queues.accept": lambda h, t, a: h.queues.accept(a, t.offer),
    "Queues.decline": lambda h, t, a: h.queues.decline(a, t.offer),
    "Queues.take": lambda h, t, a: h.queues.take(a, t.session),
    "Queues.assign": lambda h, t, a: h.queues.assign(a, t.session, a.attendant_code),
    "Queues.transfer": lambda h, t, a: h.queues.transfer(a, t.session, to_queue="Atendimento"),
    "Queues.resolve": lambda h, t, a: h.queues.resolve(a, t.session, "resolvido"),
    "Queues.reopen": lambda h, t, a: h.queues.reopen(a, t.session),
    "Queues.check_serves": lambda h, t, a: h.queues.check_serves(a, t.session),
}
# What asks for many, or for what may not be there, finds nothing of theirs.
EMPTY: dict[str, Do] = {
    "Conversations.list": lambda h, t, a: h.conversations.list(h.organisation_id, status="all"),
    "Contacts.by_phone": lambda h, t, a: h.contacts.by_phone(h.organisation_id, "+5511999990001"),
    "Contacts.search": lambda h, t, a: h.contacts.search(h.organisation_id, "Segredo"),
    "Contacts.memory": lambda h, t, a: h.contacts.memory(h.organisation_id, "bot", "default", "x"),
    "Tickets.list": lambda h, t, a: h.tickets.list(h.organisation_id),
    "Tickets.of_conversation": lambda h, t, a: h.tickets.of_conversation(h.organisation_id, t.session),
    "Queues.position": lambda h, t, a: h.queues.position(h.organisation_id, t.session),
    "Queues.offers": lambda h, t, a: h.queues.offers(a),
    "Records.find": lambda h, t, a: h.records.find(h.organisation_id, "customers", ("id", "=", str(t.contact))),
    "Records.update": lambda h, t, a: h.records.update(
        h.organisation_id, "customers", ("id", "=", str(t.contact)), {"name": "x"}
    ),
    "Records.delete": lambda h, t, a: h.records.delete(h.organisation_id, "customers", ("id", "=", str(t.contact))),
}
# Looked at in a test of their own below, or they name nothing that exists.
APART = {
    "Conversations.open", "Conversations.open_call", "Conversations.end_lost_calls", "Contacts.upsert",
    "Contacts.remember", "Records.create", "Records.save", "Tickets.wrap_up_codes", "Queues.set_presence",
    "Queues.attendants", "Queues.queues", "Queues.insights",
}  # fmt: skip


def test_every_action_is_in_one_of_the_lists() -> None:
    actions = {
        f"{domain.__name__}.{name}"
        for domain in (Conversations, Contacts, Records, Tickets, Queues)
        for name, _ in inspect.getmembers(domain, inspect.iscoroutinefunction)
        if not name.startswith("_")
    }
    assert actions == REFUSED.keys() | EMPTY.keys() | APART


async def test_rows_of_another_organisation_are_not_there(database: Database) -> None:
    other, mine = await theirs(database), await house(database, "Mine")
    me = await mine.attendant("Eu", role="admin")
    before = await _all_rows(database, other.house.organisation_id)
    for name, do in REFUSED.items():
        try:
            await do(mine, other, me)
        except NotFound:
            continue
        pytest.fail(f"{name} reached into the other organisation")
    for name, do in EMPTY.items():
        assert not await do(mine, other, me), name
    assert await _all_rows(database, other.house.organisation_id) == before


async def test_what_lists_or_makes_knows_only_its_own(database: Database) -> None:
    other, mine = await theirs(database), await house(database, "Mine")
    me = await mine.attendant("Eu")
    org = mine.organisation_id
    assert [row["user_id"] for row in await mine.queues.attendants(org)] == [str(me.user_id)]
    assert len(await mine.queues.queues(org)) == 1
    assert (await mine.queues.insights(org))["conversations"] == 0
    opened = await mine.conversations.open(org, channel="voice", phone="+5511999990001")
    assert (opened.contact, opened.earlier) == (None, 0), "their contact with the same number is not ours"
    contact = await mine.contacts.upsert(org, phone="+5511999990001", name="Meu")
    assert contact["id"] != str(other.contact)
    with pytest.raises(NotFound):
        await mine.queues.assign(me, opened.session_id, other.actor.user_id)
    # Our call waits; their attendant, though free, is not asked.
    await mine.queues.set_presence(me, "offline")
    await other.house.queues.decline(other.actor, other.offer)
    session, _ = await mine.waiting("+5511999990009")
    await mine.dispatcher().step()
    assert await mine.db.value("SELECT count(*) FROM offers WHERE conversation_id = $1", session) == 0


async def test_the_database_itself_refuses_to_point_across(database: Database) -> None:
    other, mine = await theirs(database), await house(database, "Mine")
    opened = await mine.conversations.open(mine.organisation_id, channel="web")
    for column, value in (("contact_id", other.contact), ("assigned_to", other.actor.user_id)):
        with pytest.raises(ForeignKeyViolation):
            await database.run(
                f"UPDATE conversations SET {column} = $1 WHERE id = $2",  # noqa: S608
                value,
                opened.session_id,
            )


async def _all_rows(database: Database, organisation_id: UUID) -> dict[str, list[dict[str, Any]]]:
    tables = (
        "conversations",
        "calls",
        "messages",
        "recordings",
        "offers",
        "attendance_tickets",
        "crm_contacts",
        "events",
    )
    return {
        table: [dict(row) for row in await database.fetch(
            f"SELECT * FROM {table} WHERE organisation_id = $1 ORDER BY 1, 2", organisation_id  # noqa: S608
        )]
        for table in tables
    }  # fmt: skip
