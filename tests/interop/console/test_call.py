"""The call in the browser, with a real room: both hear each other, mute, reload in mid-call, a second tab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from livekit import rtc
from playwright.async_api import Page, expect

from ..rooms.harness import ServerProcess, audio_of, hears, joined, server_process, speaking, token, until
from .desk import Control, chrome, control, go_online, open_page, page_hears, sign_in, the

ROOM, ATTENDANT = "call-1", "att-001"
MARIA_HZ, JOAO_HZ = 440, 660


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[ServerProcess]:
    with server_process(tmp_path) as running:
        yield running


@pytest.fixture
def server(rooms: ServerProcess) -> Iterator[Control]:
    with control(FAKE_ROOM_URL=rooms.url, FAKE_ROOM_TOKEN=token(ROOM, ATTENDANT)) as running:
        yield running


async def accept(page: Page, server: Control) -> str:
    await sign_in(page, server)
    await go_online(page)
    session = await server.calls()
    await the(page, "offer-accept").click()
    await expect(page.locator("[data-testid=call-state][data-phase=connected]")).to_be_visible()
    return session


async def caller_hears(caller: rtc.Room, hz: float) -> None:
    track = await until(lambda: audio_of(caller, ATTENDANT), what="the attendant's microphone is not in the room")
    await hears(track, hz)


async def test_both_hear_each_other_and_mute_is_heard(rooms: ServerProcess, server: Control, tmp_path: Path) -> None:
    async with chrome(tmp_path, hz=MARIA_HZ) as browser, joined(rooms, token(ROOM, "caller")) as caller:
        page = await open_page(browser, viewport={"width": 1440, "height": 900})
        async with speaking(caller, JOAO_HZ):
            await accept(page, server)
            await page_hears(page, JOAO_HZ)
            await caller_hears(caller, MARIA_HZ)

            await page.keyboard.press("Alt+KeyM")
            await expect(the(page, "call-mute")).to_have_attribute("aria-pressed", "true")
            maria = caller.remote_participants[ATTENDANT]
            await until(lambda: all(one.muted for one in maria.track_publications.values()), what="not muted")
            await the(page, "call-mute").click()
            await until(lambda: not any(one.muted for one in maria.track_publications.values()), what="still muted")

            # Somewhere else in the console the call goes on, as a bar.
            await page.get_by_role("link", name="Atendimento").click()
            await expect(the(page, "call-bar")).to_be_visible()
            await page_hears(page, JOAO_HZ)

            await the(page, "call-hangup").click()
            await until(lambda: ATTENDANT not in caller.remote_participants, what="the attendant is still there")
            await expect(the(page, "call-bar")).to_have_count(0)


async def test_a_reload_in_mid_call_takes_the_call_up_again(
    rooms: ServerProcess, server: Control, tmp_path: Path
) -> None:
    """Without autoplay, as in an attendant's browser: the sound may need a click, and the page says so."""
    async with (
        chrome(tmp_path, hz=MARIA_HZ, autoplay=False) as browser,
        joined(rooms, token(ROOM, "caller")) as caller,
    ):
        page = await open_page(browser)
        async with speaking(caller, JOAO_HZ):
            await accept(page, server)
            await page.reload()
            await expect(page.locator("[data-testid=call-state][data-phase=connected]")).to_be_visible()
            await caller_hears(caller, MARIA_HZ)
            back = the(page, "call-return")
            if await back.count():
                await back.click()
            await expect(back).to_have_count(0)
            await page_hears(page, JOAO_HZ)


async def test_a_second_tab_leaves_the_call_where_it_is_until_asked(
    rooms: ServerProcess, server: Control, tmp_path: Path
) -> None:
    async with chrome(tmp_path, hz=MARIA_HZ) as browser, joined(rooms, token(ROOM, "caller")) as caller:
        first = await open_page(browser)
        async with speaking(caller, JOAO_HZ):
            session = await accept(first, server)
            second = await first.context.new_page()
            await second.goto(f"{server.url}/c/{session}")
            await expect(second.locator("[data-testid=call-state][data-phase=elsewhere]")).to_be_visible()
            await page_hears(first, JOAO_HZ)
            await second.get_by_role("button", name="Trazer para esta aba").click()
            await expect(second.locator("[data-testid=call-state][data-phase=connected]")).to_be_visible()
            await expect(first.locator("[data-testid=call-state][data-phase=elsewhere]")).to_be_visible()
            await page_hears(second, JOAO_HZ)


async def test_the_microphone_meter_moves_before_the_first_call(server: Control, tmp_path: Path) -> None:
    async with chrome(tmp_path, hz=MARIA_HZ) as browser:
        page = await open_page(browser)
        await sign_in(page, server)
        await the(page, "mic-test").click()
        await page.wait_for_function(
            "() => Number(document.querySelector('[data-testid=mic-level]')?.ariaValueNow ?? 0) > 45"
        )
        await expect(page.get_by_text("Estou ouvindo você.")).to_be_visible()
