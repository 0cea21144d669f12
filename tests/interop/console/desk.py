"""What the console's browser tests share: the built console, a stand-in for control, and an attendant's browser."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Locator, Page, async_playwright

from hatch_build import build_console, node

from ..rooms.browser import chromium, wav

ROOT = Path(__file__).resolve().parents[3]
FAKE = ROOT / "control/console/web/dev/fake-server.mjs"
EMAIL, ONE_TIME, PASSWORD = "maria@example.com", "senha-de-uso-unico", "uma senha que só eu sei"


@dataclass(frozen=True)
class Control:
    """The stand-in for the control process, and what a test does to the world through it."""

    url: str

    async def do(self, verb: str, **body: Any) -> Any:
        async with aiohttp.ClientSession() as http, http.post(f"{self.url}/fake/{verb}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def calls(self, **about: Any) -> str:
        """Somebody calls and asks for a person; the conversation's id."""
        return str((await self.do("call", **about))["session_id"])


@contextmanager
def control(**environment: str) -> Iterator[Control]:
    """Serve the built console with the stand-in behind it, on a free port."""
    build_console(ROOT)
    with subprocess.Popen(
        [str(node()), str(FAKE), "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()  # empty when the process ends
            assert line, "the stand-in for control did not start"
            yield Control(f"http://127.0.0.1:{json.loads(line)['port']}")
        finally:
            process.terminate()
            process.wait(10)


@asynccontextmanager
async def chrome(folder: Path, *, hz: float = 440, autoplay: bool = True) -> AsyncIterator[Browser]:
    """Headless Chromium whose microphone hears the tone *hz*; without *autoplay* a page is silent until a click."""
    policy = "no-user-gesture-required" if autoplay else "document-user-activation-required"
    microphone = wav(folder / "microphone.wav", hz)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium(),
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                f"--autoplay-policy={policy}",
                "--disable-background-networking",
            ],
        )
        try:
            yield running
        finally:
            await running.close()


async def open_page(browser: Browser, **options: Any) -> Page:
    """A page of its own session, on which an error of the console fails the test that looks at ``page_errors``."""
    context = await browser.new_context(locale="pt-BR", **options)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    return page


async def sign_in(page: Page, control: Control) -> None:
    """From the first address to the desk, through the one-time password when it is still that."""
    await page.goto(control.url)
    await the(page, "sign-in-email").fill(EMAIL)
    await the(page, "sign-in-password").fill(ONE_TIME)
    await the(page, "sign-in-submit").click()
    await the(page, "new-password").fill(PASSWORD)
    await the(page, "new-password-submit").click()
    await the(page, "presence-menu").wait_for()


async def go_online(page: Page) -> None:
    await the(page, "presence-menu").click()
    await the(page, "presence-online").click()
    await page.locator("[data-testid=presence-menu][data-presence=online]").wait_for()


def the(page: Page, name: str) -> Locator:
    return page.get_by_test_id(name)


async def sounds_in(page: Page) -> float:
    """The frequency (Hz) that is loudest in what the page plays from the call; 0 when silent."""
    return float(
        await page.evaluate(
            """async () => {
              const sounds = [...document.querySelectorAll("audio[data-call]")].filter((one) => one.srcObject);
              if (!sounds.length) return 0;
              const context = new AudioContext();
              const analyser = context.createAnalyser();
              analyser.fftSize = 8192;
              for (const one of sounds) context.createMediaStreamSource(one.srcObject).connect(analyser);
              await new Promise((resolve) => setTimeout(resolve, 400));
              const bins = new Float32Array(analyser.frequencyBinCount);
              analyser.getFloatFrequencyData(bins);
              const best = bins.indexOf(Math.max(...bins));
              const hz = bins[best] > -70 ? (best * context.sampleRate) / analyser.fftSize : 0;
              await context.close();
              return hz;
            }"""
        )
    )


async def page_hears(page: Page, hz: float, *, seconds: float = 15.0) -> None:
    """Wait until the call sounds like the tone *hz* in the page."""
    heard = 0.0
    async with asyncio.timeout(seconds):
        while abs((heard := await sounds_in(page)) - hz) > 12:
            await asyncio.sleep(0.1)
    assert abs(heard - hz) <= 12
