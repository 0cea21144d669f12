"""The attendant of the demonstration: a real headless Chromium at the real console, its microphone fed from a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip

# Listens to what the page plays: in how many 50 ms looks one frequency stood out of everything else.
HEAR_TONE = """
async ({hz, seconds}) => {
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  const bins = new Float32Array(analyser.frequencyBinCount);
  const width = context.sampleRate / analyser.fftSize;
  const heard = new Set();
  let looks = 0;
  for (const until = performance.now() + seconds * 1000; performance.now() < until;) {
    for (const {srcObject} of document.querySelectorAll('audio'))
      if (srcObject && !heard.has(srcObject)) {
        heard.add(srcObject);
        context.createMediaStreamSource(srcObject).connect(analyser);
      }
    await new Promise(done => setTimeout(done, 50));
    analyser.getFloatFrequencyData(bins);
    let peak = Math.ceil(200 / width);
    for (let i = peak; i < bins.length; i++) if (bins[i] > bins[peak]) peak = i;
    if (bins[peak] > -60 && Math.abs(peak * width - hz) < 15) looks++;
  }
  await context.close();
  return looks;
}
"""


class NoBrowser(Exception):
    """No Chromium on this machine."""


def find_browser() -> str:
    """The path of a Chromium.

    Raises:
        NoBrowser: with the line that installs one.
    """
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise NoBrowser("the demonstration needs a browser; install it with: sudo apt-get install -y chromium")


class Attendant:
    """A person at the console. ``async with`` opens and closes the browser. Times out like a person would give up."""

    def __init__(self, url: str, microphone: Path, *, shots: Path | None = None, timeout_s: float = 30.0) -> None:
        self._url, self._microphone, self._shots, self._timeout_s = url, microphone, shots, timeout_s
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._page: Page | None = None
        self.console: list[str] = []  # what the page complained about

    async def __aenter__(self) -> Attendant:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=find_browser(), headless=True,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={self._microphone}"],
        )  # fmt: skip
        context = await self._browser.new_context(
            viewport={"width": 1440, "height": 900}, locale="pt-BR", permissions=["microphone"],
        )  # fmt: skip
        self._page = await context.new_page()
        self._page.set_default_timeout(self._timeout_s * 1000)
        self._page.on("console", self._complained)
        self._page.on("pageerror", lambda error: self.console.append(str(error)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self._page is not None:
            await self.shot("failed")
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    @property
    def page(self) -> Page:
        assert self._page is not None, "use it as a context manager"
        return self._page

    def _by(self, testid: str) -> Any:
        return self.page.get_by_test_id(testid).first

    def _complained(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console.append(message.text)

    async def shot(self, name: str) -> None:
        if self._shots is not None:
            self._shots.mkdir(parents=True, exist_ok=True)
            await self.page.screenshot(path=str(self._shots / f"{name}.png"))

    async def sign_in(self, email: str, password: str, new_password: str) -> None:
        await self.page.goto(self._url)
        await self._by("sign-in-email").fill(email)
        await self._by("sign-in-password").fill(password)
        await self.shot("sign-in")
        await self._by("sign-in-submit").click()
        await self._by("new-password").fill(new_password)
        await self._by("new-password-submit").click()
        await self._by("presence-menu").wait_for()

    async def go_online(self) -> None:
        await self._by("presence-menu").click()
        await self._by("presence-online").click()

    async def wait_offer(self, timeout_s: float) -> None:
        """Until it rings, without a reload."""
        await self._by("offer-accept").wait_for(timeout=timeout_s * 1000)
        await self.shot("offer")

    async def accept(self) -> None:
        await self._by("offer-accept").click()
        await self.page.locator('[data-testid="call-state"][data-state="talking"]').first.wait_for()

    async def hears_tone(self, hz: float, seconds: float) -> int:
        """In how many 50 ms looks the page played a tone of *hz* above all else."""
        count = await self.page.evaluate(HEAR_TONE, {"hz": hz, "seconds": seconds})
        return int(count)

    async def transcript(self) -> list[tuple[str, str]]:
        """(speaker, text) of the live transcript on the screen."""
        lines = await self.page.get_by_test_id("transcript-line").all()
        return [((await line.get_attribute("data-speaker")) or "", (await line.inner_text()).strip()) for line in lines]

    async def resolve(self, code: str) -> str:
        """Resolve with the wrap-up *code*; the ticket's number as the screen shows it."""
        await self._by("resolve-open").click()
        await self._by("resolve-code").wait_for()
        await self.shot("resolve")
        await self._by("resolve-code").select_option(code) if await self._is_select(
            "resolve-code"
        ) else await self._pick(code)
        await self._by("resolve-submit").click()
        number = self._by("ticket-number")
        await number.wait_for()
        return str(await number.inner_text()).strip()

    async def _is_select(self, testid: str) -> bool:
        return bool(await self._by(testid).evaluate("node => node.tagName === 'SELECT'"))

    async def _pick(self, code: str) -> None:
        await self._by("resolve-code").click()
        await self.page.locator(f'[data-code="{code}"], [role="option"][value="{code}"]').first.click()

    async def get(self, path: str) -> Any:
        """What the product's API answers to this person's own session."""
        answer = await self.page.context.request.get(self._url + path)
        if not answer.ok:
            raise RuntimeError(f"GET {path}: {answer.status}")
        return await answer.json()

    async def sees_recording(self) -> float:
        """Until the recording's player is there; the seconds that it can play."""
        player = self._by("recording-player")
        await player.wait_for()
        await self.shot("resolved")
        source = await player.get_attribute("data-src")
        seconds = await self.page.evaluate(
            """async source => { const audio = new Audio(source); audio.preload = 'metadata';
            await new Promise((done, fail) => { audio.onloadedmetadata = done; audio.onerror = fail; });
            return audio.duration; }""",
            source,
        )
        return float(seconds)
