"""Callers hang up, nobody answers, processes die: what a caller and an attendant see of it (issue's faults; D13)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import psutil
import pytest

from media.tones import tone
from sip.phone import Phone, PhoneCall
from tests.product import Product, running, speech_ready

from .people import ApiAttendant, ask_for_a_person, until


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running({"control.queues.ring_s": 4.0, "control.queues.announce_s": 6.0}) as up:
        await speech_ready(up)
        yield up


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as ready:
        yield ready


@pytest.fixture
async def attendant(product: Product) -> AsyncIterator[ApiAttendant]:
    async with ApiAttendant(product) as person:
        yield person


async def talking(phone: Phone, product: Product, attendant: ApiAttendant) -> tuple[PhoneCall, str]:
    """A call that the attendant has taken; its conversation."""
    await attendant.online()
    call = await ask_for_a_person(phone, product)
    taken = await attendant.accept()
    await attendant.call_state("talking")
    return call, taken["item"]["session_id"]


def workers(product: Product) -> list[psutil.Process]:
    """The SIP workers: children of the gateway that hold a UDP socket."""
    return [
        child
        for child in psutil.Process(product.pid("sip")).children(recursive=True)
        if any(each.type == 2 for each in child.net_connections("udp"))
    ]


async def test_hanging_up_at_each_step_leaves_the_conversation_where_it_belongs(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    # during the greeting: the bot needed nobody
    call = await phone.dial(product.sip, caller="+5511900000001")
    await call.wait_answered()
    await call.hang_up()
    await attendant.event("queue_update", lambda told: told["item"]["status"] == "resolved")
    # in the queue: abandoned, and nobody is rung at for it afterwards
    call = await ask_for_a_person(phone, product, "+5511900000002")
    waiting = await attendant.event("new_conversation")
    await call.hang_up()
    await attendant.event(
        "queue_update",
        lambda told: told["session_id"] == waiting["session_id"] and told["item"]["status"] == "abandoned",
    )
    # while talking: the call ends, the conversation stays with the attendant until it is resolved
    call, session_id = await talking(phone, product, attendant)
    await call.hang_up()
    ended = await attendant.call_state("ended")
    assert ended["call"]["cause"]
    assert (await attendant.conversation(session_id))["item"]["status"] == "active"
    resolved = await attendant.post(f"/api/attendance/resolve/{session_id}", wrap_up_code="resolvido")
    assert resolved["ticket"]["display"] == "#TIC-001"


async def test_nobody_is_there_and_the_caller_asks_to_be_called_back(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    """D13: told so, position, callback by the digit 1; the call ends politely and the request is written down."""
    call = await ask_for_a_person(phone, product)
    told = await attendant.event("new_conversation")

    async def offered() -> bool:
        found = await attendant.conversation(told["session_id"])
        return any("digite um" in entry["text"] for entry in found["timeline"])

    await until(offered, 60, "the callback was offered")
    await call.digits("1")
    await call.wait_ended(20)
    texts = [entry["text"] for entry in (await attendant.conversation(told["session_id"]))["timeline"]]
    assert any("nenhum atendente" in text for text in texts)
    assert any("chamado de volta" in text for text in texts)


async def test_an_offer_nobody_takes_expires_and_the_caller_keeps_the_place(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    await attendant.online()
    call = await ask_for_a_person(phone, product)
    first = await attendant.event("offer")
    await attendant.event(
        "offer_settled", lambda told: told["offer_id"] == first["offer_id"] and told["outcome"] == "expired"
    )
    waiting = next(item for item in await attendant.items() if item["session_id"] == first["session_id"])
    assert waiting["status"] == "waiting"
    assert waiting["waiting_since"] == first["item"]["waiting_since"]
    await attendant.online()  # a missed offer makes one away; back again, it rings again
    again = await attendant.event("offer", lambda told: told["offer_id"] != first["offer_id"])
    assert again["session_id"] == first["session_id"]
    await call.hang_up()


async def test_a_reload_in_mid_call_keeps_the_call(product: Product, phone: Phone, attendant: ApiAttendant) -> None:
    call, session_id = await talking(phone, product, attendant)
    await attendant.leave_room()
    await attendant.disconnect()
    before = call.heard_s
    await call.wait_sound(0.5, 15, since_s=before)  # music instead of silence
    await attendant.connect()
    live = (await attendant.conversation(session_id))["call"]
    room = await attendant.enter(await attendant.post(f"/api/calls/{live['id']}/room"))
    await until(lambda: room.speakers, 10, "the caller is heard again")
    assert not call.ended.done()
    await call.hang_up()


async def test_a_killed_sip_worker_ends_its_calls_only_and_is_replaced(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    call, session_id = await talking(phone, product, attendant)
    busy = max(workers(product), key=lambda worker: sum(worker.cpu_times()[:2]))
    os.kill(busy.pid, signal.SIGKILL)
    ended = await attendant.call_state("ended")
    assert ended["call"]["cause"] == "worker_lost"
    found = await attendant.conversation(session_id)
    assert [entry for entry in found["timeline"] if entry["author"] == "bot"], "the transcript so far is kept"
    # Whole: at least as many as the settings keep ready. How many there were before depends on how busy the pool was.
    await until(lambda: len({each.pid for each in workers(product)} - {busy.pid}) >= 2, 10, "the pool is whole again")
    await call.wait_ended(10)
    again = await phone.dial(product.sip, caller="+5511900000009")
    await again.wait_answered()
    await again.hang_up()


async def test_a_killed_media_process_costs_a_sentence_not_the_call(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    call, session_id = await talking(phone, product, attendant)
    assert attendant.room is not None
    os.kill(product.pid("media-0"), signal.SIGKILL)
    room = attendant.room
    tick = asyncio.create_task(_speak(room), name="attendant speaks")
    since = call.heard_s
    await until(lambda: "caller" in "".join(room.speakers), 40, "the caller is back in the room")
    await call.wait_sound(1.0, 30, since_s=since)
    assert not call.ended.done()
    tick.cancel()
    await asyncio.gather(tick, return_exceptions=True)
    await call.hang_up()
    await attendant.call_state("ended")
    await attendant.event("recording_ready")
    parts = (await attendant.conversation(session_id))["recordings"]
    assert parts, "what the killed process had recorded is kept"


async def test_killed_rooms_are_entered_again(product: Product, phone: Phone, attendant: ApiAttendant) -> None:
    call, session_id = await talking(phone, product, attendant)
    os.kill(product.pid("rooms"), signal.SIGKILL)
    await asyncio.sleep(0)
    await attendant.leave_room()
    since = call.heard_s
    live = (await attendant.conversation(session_id))["call"]

    async def back() -> bool:
        try:
            await attendant.enter(await attendant.post(f"/api/calls/{live['id']}/room"))
        except Exception:
            return False
        return True

    await until(back, 30, "the attendant can enter a room again")
    assert attendant.room is not None
    room = attendant.room
    await until(lambda: "caller" in "".join(room.speakers), 40, "the caller is in it too")
    await call.wait_sound(0.3, 10, since_s=since)  # a sentence or music, not silence
    assert not call.ended.done()
    await call.hang_up()


async def test_without_speech_callers_hear_an_apology_and_get_a_person(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    await attendant.online()
    os.kill(product.pid("speech"), signal.SIGSTOP)  # hangs: worse than dead
    call = await phone.dial(product.sip, caller="+5511900000003")
    await call.wait_answered()
    await call.wait_sound(0.5, 30)
    await attendant.event("offer", timeout_s=60)
    os.kill(product.pid("speech"), signal.SIGKILL)
    await call.hang_up()


async def test_postgresql_restarts_and_nothing_said_is_lost(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    call, session_id = await talking(phone, product, attendant)
    server = product.supervisor.database
    assert server is not None
    await asyncio.to_thread(server.stop)
    await call.play(tone(440, 0.5))
    await asyncio.to_thread(server.start)
    await call.hang_up()

    async def ended() -> bool:
        try:
            return (await attendant.conversation(session_id))["call"]["state"] == "ended"
        except AssertionError:
            return False  # 503 meanwhile

    await until(ended, 60, "the end of the call is written once the database is back")


async def _speak(room: object) -> None:
    pcm = tone(500, 60.0)
    for at in range(0, len(pcm), 640):
        room.push(pcm[at : at + 640])  # type: ignore[attr-defined]
        await asyncio.sleep(0.02)


async def test_a_killed_control_takes_up_the_call_again(
    product: Product, phone: Phone, attendant: ApiAttendant
) -> None:
    """Both keep talking while control is away; afterwards the call is in its hands again, with all that was said."""
    call, session_id = await talking(phone, product, attendant)
    await attendant.disconnect()
    os.kill(product.pid("control"), signal.SIGKILL)

    async def back() -> bool:
        try:
            return (await attendant.conversation(session_id))["item"]["status"] == "active"
        except Exception:
            return False

    await until(back, 60, "control answers again")
    assert not call.ended.done()
    assert attendant.room is not None
    room = attendant.room
    await until(lambda: "caller" in "".join(room.speakers), 60, "the caller is in the room again")
    await attendant.connect()
    resolved = await attendant.post(f"/api/attendance/resolve/{session_id}", wrap_up_code="resolvido")
    assert resolved["ticket"]["display"] == "#TIC-001"
    await call.wait_ended(20)
    found = await until_recorded(attendant, session_id)
    timeline: list[dict[str, str]] = found["timeline"]  # type: ignore[assignment]
    assert [entry for entry in timeline if entry["author"] == "bot"]


async def until_recorded(attendant: ApiAttendant, session_id: str) -> dict[str, object]:
    async def recorded() -> dict[str, object] | None:
        found = await attendant.conversation(session_id)
        return found if found["recordings"] else None

    found: dict[str, object] = await until(recorded, 30, "the recording is registered")
    return found
