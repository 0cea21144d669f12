"""The main road without a telephone: a call, the bot, the queue, an attendant, the ticket; and every way it may end."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from control.db import Database
from control.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from control.queues import ensure_organisation

from .domains import House, house


@pytest.fixture
async def acme(database: Database) -> House:
    return await house(database)


async def test_the_main_road_s13_s24_s25_s57_s70(acme: House) -> None:
    org, maria = acme.organisation_id, await acme.attendant("Maria Santos")
    session, call = await acme.call("11 99999-0001", "João")
    await acme.conversations.add_entry(org, session, author="bot", text="Olá!", via="voice", start_s=0.2, end_s=1.0)
    await acme.conversations.add_entry(
        org, session, author="customer", text="quero falar com um atendente", via="voice"
    )
    entered = await acme.queues.enter(org, session, target="suporte", priority="high", reason="pediu atendente")
    assert (entered.place.position, entered.place.attendants_online) == (1, 1)
    await acme.conversations.advance_call(org, call, "queued")

    await acme.dispatcher().step()
    (offer,) = await acme.queues.offers(maria)
    assert offer["item"]["user_phone"] == "+5511999990001"
    assert offer["item"]["last_message"] == "quero falar com um atendente"
    item = await acme.queues.accept(maria, _id(offer["offer_id"]))
    assert (item["status"], item["assigned_to_name"], item["attendant_id"]) == ("active", "Maria Santos", "att-001")
    await acme.conversations.advance_call(org, call, "connecting")
    await acme.conversations.advance_call(org, call, "talking")
    await acme.conversations.add_entry(
        org,
        session,
        author="attendant",
        author_name=maria.name,
        author_user_id=maria.user_id,
        text="Bom dia",
        via="voice",
    )
    context = await acme.conversations.context(org, session)
    assert context["needs_human"] is True
    assert (context["attendant_id"], context["attendant_name"]) == ("att-001", "Maria Santos")
    assert context["transfer_reason"] == "pediu atendente"
    assert context["topic"] == "support"

    resolved = await acme.queues.resolve(maria, session, "resolvido")
    assert resolved["ticket"]["display"] == "#TIC-001"
    assert resolved["ticket"]["assigned_to"] == str(maria.user_id)
    assert resolved["ticket"]["customer_id"] is not None
    assert (await acme.conversations.context(org, session))["needs_human"] is False
    await acme.conversations.end_call(org, call, "we_hung_up")
    await acme.conversations.add_recording(org, call, path="a/b.wav", seconds=12.5, channels=2, size=1000)
    whole = await acme.conversations.get(org, session)
    assert whole["item"]["status"] == "resolved"
    assert whole["call"]["state"] == "ended"
    assert [entry["seq"] for entry in whole["timeline"]] == list(range(1, len(whole["timeline"]) + 1))
    assert whole["recordings"][0]["url"].startswith("/api/recordings/")

    (new,) = await acme.told("new_conversation")
    assert new.data["customer"] == {"name": "João", "phone": "+5511999990001"}
    assert new.data["message"] == "quero falar com um atendente"
    (ring,) = await acme.told("offer")
    assert ring.audience == maria.user_id
    assert [e.data["outcome"] for e in await acme.told("offer_settled")] == ["accepted"]
    assert [e.data["call"]["state"] for e in await acme.told("call_update")] == [
        "queued", "connecting", "talking", "ended",
    ]  # fmt: skip
    assert len(await acme.told("recording_ready")) == 1
    clocks = await acme.db.one("SELECT * FROM conversations WHERE id = $1", session)
    assert clocks["enqueued_at"] <= clocks["accepted_at"] <= clocks["first_response_at"] <= clocks["resolved_at"]
    # The next call of the same number knows who it is (S21, S22).
    again = await acme.conversations.open_call(org, uuid4(), phone="+55 (11) 99999-0001", name="+5511999990001")
    assert again.contact is not None
    assert (again.contact["name"], again.earlier, again.context["needs_human"]) == ("João", 1, False)


async def test_a_caller_who_hangs_up_in_the_queue_is_abandoned_and_stops_ringing(acme: House) -> None:
    maria = await acme.attendant()
    session, call = await acme.waiting()
    await acme.dispatcher().step()
    (offer,) = await acme.queues.offers(maria)
    await acme.conversations.end_call(acme.organisation_id, call, "caller_hung_up")
    assert await acme.status(session) == "abandoned"
    assert await acme.queues.offers(maria) == []
    assert [e.data["outcome"] for e in await acme.told("offer_settled")] == ["withdrawn"]
    with pytest.raises(Conflict) as refused:
        await acme.queues.accept(maria, _id(offer["offer_id"]))
    assert refused.value.state in ("withdrawn", "abandoned")


async def test_a_caller_who_needs_nobody_is_finished_without_a_ticket(acme: House) -> None:
    session, call = await acme.call()
    await acme.conversations.end_call(acme.organisation_id, call, "caller_hung_up")
    assert await acme.status(session) == "resolved"
    assert await acme.tickets.of_conversation(acme.organisation_id, session) is None
    first = await acme.told()
    await acme.conversations.end_call(acme.organisation_id, call, "worker_lost")  # said twice: nothing more happens
    assert await acme.told() == first
    assert (await acme.conversations.call(acme.organisation_id, call))["cause"] == "caller_hung_up"


async def test_a_call_that_ends_in_a_persons_hands_stays_theirs_until_resolved(acme: House) -> None:
    maria = await acme.attendant()
    session, call = await acme.waiting()
    await acme.queues.take(maria, session)
    await acme.conversations.end_call(acme.organisation_id, call, "caller_hung_up")
    assert await acme.status(session) == "active"
    await acme.queues.resolve(maria, session, "reclamacao", "não gostou")
    ticket = await acme.tickets.of_conversation(acme.organisation_id, session)
    assert ticket is not None
    assert (ticket["wrap_up_label"], ticket["notes"]) == ("Reclamação", "não gostou")


async def test_what_the_state_refuses_is_a_conflict_that_names_it_d4(acme: House) -> None:
    maria, joao = await acme.attendant(), await acme.attendant("João Silva")
    session, call = await acme.call()
    with pytest.raises(Conflict) as refused:
        await acme.queues.take(maria, session)
    assert refused.value.state == "bot"
    await acme.queues.enter(acme.organisation_id, session)
    await acme.queues.take(maria, session)
    assert (await acme.queues.take(maria, session))["status"] == "active", "the same one twice is fine"
    with pytest.raises(Conflict) as refused:
        await acme.queues.take(joao, session)
    assert refused.value.state == "active"
    with pytest.raises(Conflict):
        await acme.queues.enter(acme.organisation_id, session)
    with pytest.raises(Forbidden):
        await acme.queues.resolve(joao, session, "resolvido")
    with pytest.raises(Conflict) as refused:
        await acme.conversations.advance_call(acme.organisation_id, call, "held")
    assert refused.value.state == "bot"
    await acme.queues.resolve(maria, session, "resolvido")
    with pytest.raises(Conflict) as refused:
        await acme.queues.resolve(maria, session, "resolvido")
    assert refused.value.state == "resolved"


async def test_wrap_up_codes_are_checked(acme: House) -> None:
    maria = await acme.attendant()
    session, _ = await acme.waiting()
    await acme.queues.take(maria, session)
    with pytest.raises(Invalid) as unknown:
        await acme.queues.resolve(maria, session, "nada disso")
    assert unknown.value.field == "wrap_up_code"
    with pytest.raises(Invalid) as notes:
        await acme.queues.resolve(maria, session, "outro", "  ")
    assert notes.value.field == "notes"
    assert await acme.status(session) == "active"
    codes = await acme.tickets.wrap_up_codes(acme.organisation_id)
    assert {"resolvido", "duvida", "venda", "reclamacao", "engano"} <= {code["code"] for code in codes}


async def test_ticket_numbers_have_no_gaps_under_concurrency_d5(acme: House) -> None:
    maria = await acme.attendant()
    sessions = [(await acme.waiting(f"+551199999{n:04d}"))[0] for n in range(24)]
    for session in sessions:
        await acme.queues.take(maria, session)

    async def resolve(place: int) -> None:
        code = "resolvido" if place % 6 else "outro"  # every sixth is refused: no notes
        await acme.queues.resolve(maria, sessions[place], code)

    results = await asyncio.gather(*(resolve(n) for n in range(24)), return_exceptions=True)
    assert sum(isinstance(result, Invalid) for result in results) == 4
    assert sum(result is None for result in results) == 20
    numbers = [ticket["number"] for ticket in await acme.tickets.list(acme.organisation_id)]
    assert numbers == list(range(20, 0, -1))


async def test_reopening_reopens_the_ticket_and_resolving_again_keeps_its_number(acme: House) -> None:
    maria = await acme.attendant()
    session, _ = await acme.waiting()
    await acme.queues.take(maria, session)
    first = (await acme.queues.resolve(maria, session, "duvida"))["ticket"]
    await acme.queues.reopen(maria, session)
    ticket = await acme.tickets.of_conversation(acme.organisation_id, session)
    assert ticket is not None
    assert (ticket["status"], ticket["resolved_at"]) == ("in_progress", None)
    assert (await acme.conversations.context(acme.organisation_id, session))["needs_human"] is True
    again = (await acme.queues.resolve(maria, session, "resolvido"))["ticket"]
    assert (again["number"], again["status"], again["wrap_up_code"]) == (first["number"], "resolved", "resolvido")


async def test_transfers_keep_channel_phone_and_history(acme: House) -> None:
    maria, joao = await acme.attendant(), await acme.attendant("João Silva")
    session, _ = await acme.waiting()
    await acme.conversations.add_entry(acme.organisation_id, session, author="customer", text="oi", via="voice")
    await acme.queues.take(maria, session)
    answer = await acme.queues.transfer(maria, session, to_attendant="att-002", reason="é com ele")
    assert answer["to_attendant"] == "João Silva"
    item = await acme.conversations.item(acme.organisation_id, session)
    assert (item["status"], item["attendant_id"], item["user_phone"]) == ("assigned", "att-002", "+5511999990001")
    with pytest.raises(Forbidden):
        await acme.queues.transfer(maria, session, to_queue="Atendimento")
    await acme.queues.take(joao, session)
    await acme.queues.transfer(joao, session, to_queue="atendimento")
    assert await acme.status(session) == "waiting"
    whole = await acme.conversations.get(acme.organisation_id, session)
    codes = [entry["data"].get("code") for entry in whole["timeline"] if entry["kind"] == "event"]
    assert codes == ["queued", "accepted", "transferred", "accepted", "queued"]
    assert await acme.db.value("SELECT transfer_count FROM conversations WHERE id = $1", session) == 2
    with pytest.raises(NotFound):
        await acme.queues.assign(joao, session, "att-999")
    with pytest.raises(Invalid):
        await acme.queues.transfer(joao, session)


async def test_targets_of_a_transfer_s56(acme: House) -> None:
    org = acme.organisation_id
    joao = await acme.attendant("João Silva")
    await acme.db.run("INSERT INTO attendance_queues (organisation_id, name) VALUES ($1, 'VIP-Support')", org)
    for words, queue, wanted, topic in (
        ({}, "Atendimento", None, None),
        ({"target": "joao silva"}, "Atendimento", "João Silva", None),
        ({"target": "vip support"}, "VIP-Support", None, "support"),
        ({"target": "Suporte Técnico"}, "Atendimento", None, "technical"),
        ({"department": "vendas"}, "Atendimento", None, "sales"),
        ({"attendant": "att-001", "department": "vip-support"}, "VIP-Support", "João Silva", None),
    ):
        session, _ = await acme.call()
        entered = await acme.queues.enter(org, session, **words)  # type: ignore[arg-type]
        assert (entered.place.queue_name, entered.wanted_name) == (queue, wanted), words
        assert topic is None or (await acme.conversations.context(org, session))["topic"] == topic
    session, _ = await acme.call()
    with pytest.raises(NotFound) as nobody:
        await acme.queues.enter(org, session, attendant="Ninguém")
    assert nobody.value.code == "attendant_not_found"
    with pytest.raises(Invalid):
        await acme.queues.enter(org, session, priority="enorme")
    assert joao.attendant_code == "att-001"


async def test_a_full_queue_says_so_s68(database: Database) -> None:
    from config.control import QueueSettings

    small = await house(database, "Small", QueueSettings(size=2))
    await small.waiting("+5511999990001")
    await small.waiting("+5511999990002")
    with pytest.raises(TooMany) as full:
        await small.waiting("+5511999990003")
    assert full.value.code == "queue_full"


async def test_setting_needs_human_false_gives_the_conversation_back_to_the_bot_s58(acme: House) -> None:
    maria = await acme.attendant()
    session, _ = await acme.waiting()
    await acme.dispatcher().step()
    await acme.conversations.set_context(acme.organisation_id, session, {"needs_human": False, "topic": "x"})
    assert await acme.status(session) == "bot"
    assert await acme.queues.offers(maria) == []
    with pytest.raises(Invalid):
        await acme.conversations.set_context(acme.organisation_id, session, {"big": "x" * 1_000_001})


async def test_an_inbound_message_with_a_known_key_is_written_once(acme: House) -> None:
    session, _ = await acme.call()
    entries = [
        await acme.conversations.add_entry(
            acme.organisation_id, session, author="customer", text="oi", dedup_key="wa:1"
        )
        for _ in range(2)
    ]
    assert entries[0] == entries[1]
    assert len(await acme.told("new_message")) == 1


async def test_who_asks_for_a_callback_keeps_the_place_after_hanging_up_d13(acme: House) -> None:
    session, call = await acme.waiting()
    await acme.queues.request_callback(acme.organisation_id, session, "caller")
    await acme.conversations.end_call(acme.organisation_id, call, "we_hung_up")
    assert await acme.status(session) == "waiting"
    maria = await acme.attendant()
    await acme.dispatcher().step()
    (offer,) = await acme.queues.offers(maria)
    assert offer["item"]["call"]["state"] == "ended"
    await acme.queues.accept(maria, _id(offer["offer_id"]))
    with pytest.raises(Conflict):
        await acme.queues.request_callback(acme.organisation_id, session, "caller")
    assert await acme.db.value("SELECT phone FROM callbacks WHERE conversation_id = $1", session) == "+5511999990001"


async def test_a_first_start_twice_changes_nothing(acme: House) -> None:
    before = await acme.db.fetch("SELECT * FROM attendance_queues")
    assert await ensure_organisation(acme.db, "Acme") == acme.organisation_id
    assert await acme.db.fetch("SELECT * FROM attendance_queues") == before


async def test_calls_of_a_control_plane_that_died_are_ended_at_the_next_start(acme: House) -> None:
    session, call = await acme.waiting()
    kept_session, kept = await acme.waiting("+5511999990002")
    assert await acme.conversations.end_lost_calls(keep=frozenset({kept})) == [call]
    assert (await acme.status(session), await acme.status(kept_session)) == ("abandoned", "waiting")


def _id(text: str) -> UUID:
    return UUID(text)
