"""The attendant's browser without audio: signing in, what rings, the transcript, resolving, losing the connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from .desk import EMAIL, ONE_TIME, Control, chrome, control, go_online, open_page, sign_in, the


@pytest.fixture
def server() -> Iterator[Control]:
    with control() as running:
        yield running


@pytest_asyncio.fixture
async def page(server: Control, tmp_path: Path) -> AsyncIterator[Page]:
    """An attendant who is signed in and available."""
    errors: list[str] = []
    async with chrome(tmp_path) as browser:
        page = await open_page(browser, viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        await sign_in(page, server)
        await go_online(page)
        yield page
    assert errors == []


async def test_wrong_password_is_told_in_place(server: Control, tmp_path: Path) -> None:
    async with chrome(tmp_path) as browser:
        page = await open_page(browser)
        await page.goto(server.url)
        await the(page, "sign-in-email").fill(EMAIL)
        await the(page, "sign-in-password").fill("errada" + ONE_TIME)
        await the(page, "sign-in-submit").click()
        await expect(page.get_by_role("alert")).to_contain_text("não conferem")


async def test_a_short_new_password_is_refused_before_it_is_sent(server: Control, tmp_path: Path) -> None:
    async with chrome(tmp_path) as browser:
        page = await open_page(browser)
        await page.goto(server.url)
        await the(page, "sign-in-email").fill(EMAIL)
        await the(page, "sign-in-password").fill(ONE_TIME)
        await the(page, "sign-in-submit").click()
        await the(page, "new-password").fill("curta")
        await the(page, "new-password-submit").click()
        await expect(page.get_by_text("Use pelo menos 10 caracteres.")).to_be_visible()


async def test_a_call_arrives_is_accepted_transcribed_and_resolved(page: Page, server: Control) -> None:
    session = await server.calls(name="João Silva")
    await expect(the(page, "queue-item")).to_contain_text("João Silva")
    await expect(the(page, "offer")).to_contain_text("+55 11 98888-7777")
    await expect(page).to_have_title("☎ João Silva está chamando")

    await the(page, "offer-accept").click()
    await expect(the(page, "call-panel")).to_be_visible()
    await expect(the(page, "offer")).to_have_count(0)
    await expect(page.get_by_role("heading", name="João Silva", level=1)).to_be_focused()

    heard = {"session_id": session, "speaker": "customer", "speaker_name": "João Silva"}
    await server.do("hear", **heard, text="a luz do")
    partial = page.locator("[data-testid=transcript-line][data-speaker=customer][data-final=false]")
    await expect(partial).to_contain_text("a luz do")
    await server.do("say", session_id=session, author="customer", text="a luz do modem está vermelha")
    final = the(page, "call-panel").locator("[data-testid=transcript-line][data-final=true]")
    await expect(final).to_have_text(["a luz do modem está vermelha"])
    await expect(partial).to_have_count(0)

    await the(page, "call-hold").click()
    await expect(page.locator("[data-testid=call-state][data-state=held]")).to_be_visible()
    await the(page, "note-text").fill("modem com luz vermelha")
    await the(page, "note-submit").click()
    await expect(page.locator("[data-testid=timeline-entry][data-kind=note]")).to_contain_text("luz vermelha")

    await the(page, "resolve-open").click()
    await the(page, "resolve-submit").click()
    await expect(page.get_by_text("Escolha o motivo para resolver.")).to_be_visible()
    await the(page, "resolve-code").select_option("suporte")
    await the(page, "resolve-submit").click()
    await expect(the(page, "ticket-number")).to_have_text("#TIC-001")
    await expect(the(page, "call-panel")).to_have_count(0)
    await expect(the(page, "recording-player")).to_be_visible()
    lines = page.locator("[data-testid=timeline-entry][data-author=customer]")
    await expect(lines.last).to_contain_text("a luz do modem está vermelha")


async def test_resolving_can_be_undone_for_a_moment(page: Page, server: Control) -> None:
    await server.calls()
    await the(page, "offer-accept").click()
    await the(page, "resolve-open").click()
    await the(page, "resolve-code").select_option("duvida")
    await the(page, "resolve-submit").click()
    await expect(the(page, "toast")).to_contain_text("#TIC-001")
    await expect(the(page, "resolve-open")).to_have_count(0)
    await the(page, "undo").click()
    await expect(the(page, "resolve-open")).to_be_visible()
    await expect(the(page, "toast")).to_have_count(0)


async def test_a_reason_that_needs_notes_asks_for_them(page: Page, server: Control) -> None:
    await server.calls()
    await the(page, "offer-accept").click()
    await the(page, "resolve-open").click()
    await the(page, "resolve-code").select_option("reclamacao")
    await the(page, "resolve-submit").click()
    await expect(page.get_by_text("Este motivo pede uma anotação.")).to_be_visible()
    await expect(the(page, "ticket-number")).to_have_count(0)


async def test_the_recording_plays_from_the_line_that_is_clicked(page: Page, server: Control) -> None:
    session = await server.calls()
    await the(page, "offer-accept").click()
    await server.do("end", session_id=session)
    await page.get_by_role("button", name="Ouvir a partir de 0:07").click()
    heard = page.locator("[data-testid=timeline-entry][data-heard]")
    await expect(heard).to_contain_text("a minha internet caiu")
    await page.wait_for_function("() => document.querySelector('figure audio').currentTime > 7.8")


@pytest.mark.parametrize("outcome", ["withdrawn", "expired", "accepted"])
async def test_the_ring_stops_when_the_offer_is_settled_elsewhere(page: Page, server: Control, outcome: str) -> None:
    await server.calls()
    await expect(the(page, "offer")).to_be_visible()
    await server.do("settle", outcome=outcome)
    await expect(the(page, "offer")).to_have_count(0)
    await expect(page).not_to_have_title("☎ João Silva está chamando")


async def test_declining_stops_the_ring_and_leaves_the_call_in_the_queue(page: Page, server: Control) -> None:
    await server.calls()
    await expect(the(page, "offer")).to_be_visible()
    await page.keyboard.press("Alt+KeyR")
    await expect(the(page, "offer")).to_have_count(0)
    await expect(the(page, "queue-item")).to_have_count(1)


async def test_an_offer_survives_a_reload(page: Page, server: Control) -> None:
    await server.calls()
    await expect(the(page, "offer")).to_be_visible()
    await page.reload()
    await expect(the(page, "offer")).to_contain_text("João Silva")


async def test_a_lost_connection_is_told_and_what_was_missed_is_counted(page: Page, server: Control) -> None:
    await server.calls(name="Antes", offer=False)
    await expect(the(page, "queue-item")).to_have_count(1)
    await server.do("drop")
    await expect(page.locator("[data-testid=connection-banner][data-state=lost]")).to_be_visible()
    await server.calls(name="Durante", offer=False)
    back = page.locator("[data-testid=connection-banner][data-state=restored]")
    await expect(back).to_be_visible()
    await expect(the(page, "queue-item")).to_have_count(2)


async def test_a_draft_of_a_note_is_kept_over_a_reload(page: Page, server: Control) -> None:
    session = await server.calls(offer=False)
    await page.goto(f"{server.url}/c/{session}")
    await the(page, "note-text").fill("ligar de volta amanhã")
    await page.reload()
    await expect(the(page, "note-text")).to_have_value("ligar de volta amanhã")


async def test_help_lists_the_keys_and_search_is_one_key_away(page: Page, server: Control) -> None:
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Aceitar a ligação que toca")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("/")
    await expect(page.locator("#list-search")).to_be_focused()


async def test_the_console_speaks_english_when_asked(page: Page) -> None:
    await the(page, "account-menu").click()
    await page.get_by_role("menuitem", name="English").click()
    await expect(the(page, "tab-mine")).to_contain_text("Mine")
    await page.reload()
    await expect(the(page, "tab-mine")).to_contain_text("Mine")
