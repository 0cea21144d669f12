"""A call in a person's hands: audio both ways by content, hold, a supervisor's view, the second call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from media.tones import strength, tone
from sip.phone import Phone
from tests.product import Product, running, speech_ready

from .people import ApiAttendant, ask_for_a_person, until

ATTENDANT_HZ = 700.0


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    async with running() as up:
        await speech_ready(up)
        yield up


async def test_hold_is_music_and_resume_is_the_attendant_again(product: Product) -> None:
    """S45: while held the caller hears music and not the attendant; the conversation shows which it is."""
    async with Phone() as phone, ApiAttendant(product) as attendant:
        await attendant.online()
        call = await ask_for_a_person(phone, product)
        taken = await attendant.accept()
        await attendant.call_state("talking")
        assert attendant.room is not None
        room = attendant.room

        async def speak() -> None:
            pcm = tone(ATTENDANT_HZ, 120.0)
            for at in range(0, len(pcm), 640):
                room.push(pcm[at : at + 640])
                await asyncio.sleep(0.02)

        speaking = asyncio.create_task(speak(), name="attendant speaks")

        def hears_attendant() -> bool:
            return strength(bytes(call.heard[-9600:]), ATTENDANT_HZ) > 0.02

        await until(hears_attendant, 15, "the caller hears the attendant")
        call_id = taken["call"]["id"]
        await attendant.post(f"/api/calls/{call_id}/hold")
        await attendant.call_state("held")
        await until(lambda: not hears_attendant(), 10, "the attendant is not heard while held")
        await call.wait_sound(0.5, 10)  # music
        attendant.events.clear()
        await attendant.post(f"/api/calls/{call_id}/resume")
        await attendant.call_state("talking")
        await until(hears_attendant, 10, "the caller hears the attendant again")
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await attendant.post(f"/api/calls/{call_id}/hangup")
        await call.wait_ended(10)
        await attendant.call_state("ended")


async def test_two_callers_wait_in_order_and_each_hears_the_position(product: Product) -> None:
    async with Phone() as phone, ApiAttendant(product) as attendant:
        first = await ask_for_a_person(phone, product, "+5511900000011")
        one = await attendant.event("new_conversation")
        second = await ask_for_a_person(phone, product, "+5511900000012")
        two = await attendant.event("new_conversation", lambda told: told["session_id"] != one["session_id"])

        async def told_second() -> bool:
            found = await attendant.conversation(two["session_id"])
            return any("número 2" in entry["text"] for entry in found["timeline"])

        await until(told_second, 40, "the second caller hears the position")
        await attendant.online()
        offer = await attendant.event("offer")
        assert offer["session_id"] == one["session_id"], "who waits longest is offered first"
        await first.hang_up()
        await attendant.event("offer", lambda told: told["session_id"] == two["session_id"])
        await second.hang_up()


async def test_with_recording_off_nothing_is_recorded() -> None:
    """S9 the other way round: ``media.recording.enabled: false`` leaves no file behind."""
    async with running({"media.recording.enabled": False}) as product, Phone() as phone:
        await speech_ready(product)
        call = await phone.dial(product.sip, caller="+5511900000021")
        await call.wait_answered()
        await call.wait_sound()
        await call.hang_up()
        assert not list((product.state_dir / "recordings").rglob("*.wav"))
