"""Who is asked, when, and by whom only: offers against a real PostgreSQL, with dispatchers that race."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

import pytest

from config.control import QueueSettings
from control.bus import Bus
from control.db import Database
from control.errors import Conflict, NotFound
from control.queues import Dispatcher

from .domains import House, house


@pytest.fixture
async def acme(database: Database) -> House:
    return await house(database)


async def test_racing_dispatchers_never_ring_twice(acme: House) -> None:
    people = [await acme.attendant(f"Pessoa {n}") for n in range(6)]
    sessions = [(await acme.waiting(f"+551199999{n:04d}"))[0] for n in range(10)]
    await asyncio.gather(*(acme.dispatcher().step() for _ in range(6)))
    rows = await acme.db.fetch("SELECT user_id, conversation_id FROM offers WHERE settled_at IS NULL")
    assert len(rows) == len(people)
    assert len({row["user_id"] for row in rows}) == len(people)
    # Who waits longest is asked for first.
    assert {row["conversation_id"] for row in rows} == set(sessions[:6])
    assert len(await acme.told("offer")) == 6


async def test_fifty_take_one_call_and_one_wins(acme: House) -> None:
    people = [await acme.attendant(f"Pessoa {n}", status="offline") for n in range(50)]
    session, _ = await acme.waiting()
    results = await asyncio.gather(*(acme.queues.take(p, session) for p in people), return_exceptions=True)
    assert sum(isinstance(result, dict) for result in results) == 1
    assert all(r.state == "active" for r in results if isinstance(r, Conflict))
    assert sum(isinstance(result, Conflict) for result in results) == 49


async def test_accept_races_hang_up_and_only_one_of_them_is_true(acme: House) -> None:
    maria = await acme.attendant()
    for n in range(10):
        session, call = await acme.waiting(f"+551199999{n:04d}")
        await acme.dispatcher().step()
        (offer,) = await acme.queues.offers(maria)
        accepted, _ = await asyncio.gather(
            acme.queues.accept(maria, UUID(offer["offer_id"])),
            acme.conversations.end_call(acme.organisation_id, call, "caller_hung_up"),
            return_exceptions=True,
        )
        status = await acme.status(session)
        assert status == ("active" if isinstance(accepted, dict) else "abandoned")
        if status == "active":
            await acme.queues.resolve(maria, session, "engano")


async def test_a_missed_offer_goes_to_the_next_and_the_caller_keeps_the_place(acme: House) -> None:
    maria = await acme.attendant("Maria")
    first, _ = await acme.waiting("+5511999990001")
    dispatcher = acme.dispatcher()
    await dispatcher.step()
    (offer,) = await acme.queues.offers(maria)
    assert offer["session_id"] == str(first)
    joao = await acme.attendant("João")
    second, _ = await acme.waiting("+5511999990002")
    await acme.db.run("UPDATE offers SET expires_at = now()")
    await dispatcher.step()
    states = {row["attendant_id"]: row for row in await acme.queues.attendants(acme.organisation_id)}
    assert (states["att-001"]["status"], states["att-001"]["status_reason"]) == ("away", "missed_offer")
    (offer,) = await acme.queues.offers(joao)
    assert offer["session_id"] == str(first), "the one who waits longest, not the newer one"
    assert (await acme.queues.position(acme.organisation_id, first)).position == 1  # type: ignore[union-attr]
    with pytest.raises(Conflict) as late:
        await acme.queues.accept(maria, UUID((await acme.told("offer"))[0].data["offer_id"]))
    assert late.value.state == "expired"
    # Back at work, Maria gets the second one.
    await acme.queues.set_presence(maria, "online")
    await dispatcher.step()
    assert [o["session_id"] for o in await acme.queues.offers(maria)] == [str(second)]


async def test_who_declines_stays_online_and_is_asked_again_only_later(acme: House) -> None:
    maria = await acme.attendant()
    session, _ = await acme.waiting()
    dispatcher = acme.dispatcher()
    await dispatcher.step()
    (offer,) = await acme.queues.offers(maria)
    await acme.queues.decline(maria, UUID(offer["offer_id"]))
    due_s = await dispatcher.step()
    assert await acme.queues.offers(maria) == []
    assert 0 < due_s <= acme.settings.ring_s
    other, _ = await acme.waiting("+5511999990002")
    await dispatcher.step()
    assert [o["session_id"] for o in await acme.queues.offers(maria)] == [str(other)]
    await acme.queues.accept(maria, UUID((await acme.queues.offers(maria))[0]["offer_id"]))
    await acme.queues.resolve(maria, other, "resolvido")
    await acme.db.run("UPDATE offers SET settled_at = now() - interval '1 hour' WHERE settled_at IS NOT NULL")
    await dispatcher.step()
    assert [o["session_id"] for o in await acme.queues.offers(maria)] == [str(session)]


async def test_priority_goes_before_waiting_time_s66(acme: House) -> None:
    await acme.waiting("+5511999990001")
    urgent, _ = await acme.waiting("+5511999990002", priority="urgent")
    maria = await acme.attendant()
    assert (await acme.queues.position(acme.organisation_id, urgent)).position == 1  # type: ignore[union-attr]
    await acme.dispatcher().step()
    assert [o["session_id"] for o in await acme.queues.offers(maria)] == [str(urgent)]


async def test_one_voice_at_a_time_and_only_who_serves_the_channel(acme: House) -> None:
    maria, chat = await acme.attendant("Maria"), await acme.attendant("Chat", channels=["whatsapp", "web"])
    first, _ = await acme.waiting("+5511999990001")
    await acme.queues.take(maria, first)
    await acme.waiting("+5511999990002")
    await acme.dispatcher().step()
    assert await acme.queues.offers(maria) == []
    assert await acme.queues.offers(chat) == []
    place = await acme.queues.position(acme.organisation_id, (await _waiting(acme))[0])
    assert place is not None
    assert place.estimated_wait_s > acme.settings.ring_s
    await acme.queues.resolve(maria, first, "resolvido")
    await acme.dispatcher().step()
    assert len(await acme.queues.offers(maria)) == 1


async def test_the_one_asked_for_by_name_and_the_topic_are_preferred_s67(acme: House) -> None:
    await acme.attendant("Ana", preferences="sales")
    bruno = await acme.attendant("Bruno", preferences="support")
    carla = await acme.attendant("Carla")
    await acme.waiting("+5511999990001", target="suporte")
    await acme.waiting("+5511999990002", target="Carla")
    await acme.dispatcher().step()
    assert [o["item"]["user_phone"] for o in await acme.queues.offers(bruno)] == ["+5511999990001"]
    assert [o["item"]["user_phone"] for o in await acme.queues.offers(carla)] == ["+5511999990002"]


async def test_a_queue_with_members_is_served_by_them(acme: House) -> None:
    maria, joao = await acme.attendant("Maria"), await acme.attendant("João")
    queue = await acme.db.value(
        "INSERT INTO attendance_queues (organisation_id, name) VALUES ($1, 'Vendas') RETURNING id", acme.organisation_id
    )
    await acme.db.run(
        "INSERT INTO attendance_queue_members (organisation_id, queue_id, user_id) VALUES ($1, $2, $3)",
        acme.organisation_id, queue, joao.user_id,
    )  # fmt: skip
    await acme.waiting(target="vendas")
    await acme.dispatcher().step()
    assert await acme.queues.offers(maria) == []
    assert len(await acme.queues.offers(joao)) == 1


async def test_going_offline_stops_the_ringing_and_the_next_one_is_asked(acme: House) -> None:
    maria, joao = await acme.attendant("Maria"), await acme.attendant("João")
    await acme.waiting()
    dispatcher = acme.dispatcher()
    await dispatcher.step()
    ringing, other = (maria, joao) if await acme.queues.offers(maria) else (joao, maria)
    await acme.queues.set_presence(ringing, "offline")
    assert await acme.queues.offers(ringing) == []
    await dispatcher.step()
    assert len(await acme.queues.offers(other)) == 1
    assert await acme.db.value("SELECT count(*) FROM presence_log WHERE user_id = $1", ringing.user_id) >= 1


async def test_who_waits_too_long_is_told_of_once_d13(acme: House) -> None:
    session, _ = await acme.waiting()
    dispatcher = acme.dispatcher()
    await dispatcher.step()
    assert await acme.told("queue_overflow") == []
    await acme.db.run("UPDATE conversations SET waiting_since = now() - interval '601 seconds'")
    await dispatcher.step()
    await dispatcher.step()
    (event,) = await acme.told("queue_overflow")
    assert event.data["session_id"] == str(session)
    assert event.data["waited_s"] >= 601


async def test_wrap_up_time_is_a_pause(database: Database) -> None:
    acme = await house(database, settings=QueueSettings(wrap_up_s=60))
    maria = await acme.attendant()
    first, _ = await acme.waiting("+5511999990001")
    await acme.queues.take(maria, first)
    await acme.queues.resolve(maria, first, "resolvido")
    await acme.waiting("+5511999990002")
    due_s = await acme.dispatcher().step()
    assert await acme.queues.offers(maria) == []
    assert 0 < due_s <= 60
    await acme.db.run("UPDATE presence SET wrap_up_until = now()")
    await acme.dispatcher().step()
    assert len(await acme.queues.offers(maria)) == 1


async def test_an_attendant_who_vanished_from_a_call_gives_it_back_at_its_old_place(acme: House) -> None:
    maria, joao = await acme.attendant("Maria"), await acme.attendant("João", status="offline")
    first, _ = await acme.waiting("+5511999990001")
    second, _ = await acme.waiting("+5511999990002")
    await acme.queues.take(maria, first)
    await acme.queues.requeue(acme.organisation_id, first, reason="attendant_lost")
    assert (await acme.queues.position(acme.organisation_id, first)).position == 1  # type: ignore[union-attr]
    assert (await acme.queues.position(acme.organisation_id, second)).position == 2  # type: ignore[union-attr]
    await acme.queues.set_presence(joao, "online")
    await acme.queues.set_presence(maria, "away")
    await acme.dispatcher().step()
    assert [o["session_id"] for o in await acme.queues.offers(joao)] == [str(first)]


async def test_an_offer_is_only_its_own_attendants(acme: House) -> None:
    maria, joao = await acme.attendant("Maria"), await acme.attendant("João", status="offline")
    await acme.waiting()
    await acme.dispatcher().step()
    (offer,) = await acme.queues.offers(maria)
    for do in (acme.queues.accept, acme.queues.decline):
        with pytest.raises(NotFound):
            await do(joao, UUID(offer["offer_id"]))
    assert all(not e.visible_to(joao.user_id) for e in await acme.told("offer"))


async def test_the_dispatcher_wakes_by_itself(acme: House) -> None:
    bus = Bus(acme.db)
    await bus.start()
    task = asyncio.create_task(Dispatcher(acme.db, bus, acme.settings).run(), name="dispatcher")
    with bus.subscribe(acme.organisation_id) as events:
        await acme.waiting()
        maria = await acme.attendant()
        async with asyncio.timeout(10):
            while (event := await events.get()).type != "offer":
                pass
        assert event.audience == maria.user_id
        async with asyncio.timeout(10):
            await acme.queues.decline(maria, UUID(event.data["offer_id"]))
            second, _ = await acme.waiting("+5511999990002")
            while (event := await events.get()).type != "offer":
                pass
        assert event.data["session_id"] == str(second)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await bus.close()


async def _waiting(acme: House) -> list[UUID]:
    rows = await acme.conversations.list(acme.organisation_id, status="waiting")
    return [UUID(row["session_id"]) for row in rows]
