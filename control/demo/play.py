"""The demonstration: a whole call with real parts and nobody there. Steps 1 to 6 of the product's main road.

Phone (SIP, RTP) ──► the product, started for this ──► console in Chromium (microphone from a file)
  1 answered   2 greeted, understood   3 queued   4 offered, accepted, both hear each other   5 resolved   6 known
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agents.speech import SpeechClient, caller_says
from config.load import parse
from control.blueprint import Blueprint
from control.supervisor import Supervisor
from media.recording import inspect, write_wav
from media.tones import strength, tone
from sip.phone import Phone, PhoneCall

from .attendant import Attendant
from .timeline import Timeline

CALLER, CALLER_NAME = "+5511988887777", "João Silva"
ASKS = "Quero falar com um atendente."
EXPLAINS = "Bom dia, eu queria saber do meu pedido, que ainda não chegou."
ATTENDANT = "Olá, aqui é a Maria, do atendimento. Em que posso ajudar?"
CALLER_HZ, ATTENDANT_HZ = 850.0, 1250.0
QUIET_S = 0.9  # a prompt is over after this much silence
NEW_PASSWORD = "demonstracao-2026"

FREE_PORTS = """
media: {rooms: {port: 0, udp_port: 0}}
sip: {port: 0}
agents: {speech: {port: 0}}
control: {http: {port: 0}}
"""


async def play(*, as_json: bool, keep: Path | None, shots: Path | None) -> int:
    """Run it in a state directory of its own (or *keep*); 0 only if every step held."""
    timeline = Timeline()
    async with contextlib.AsyncExitStack() as owned:
        state_dir = keep or Path(owned.enter_context(tempfile.TemporaryDirectory(prefix="attendance-demo-")))
        state_dir.mkdir(parents=True, exist_ok=True)
        state_dir.chmod(0o755)
        blueprint = Blueprint.draw(parse(FREE_PORTS, "demo"), state_dir)
        timeline.step("starting the product")
        product = await owned.enter_async_context(Supervisor(blueprint))
        timeline.step(f"it is up: {product.about('control')['url']}, {product.about('sip')['sip']}")
        try:
            async with asyncio.timeout(420):
                await Demo(product, state_dir, shots, timeline).run()
        except Exception as error:
            timeline.check(False, f"{type(error).__name__}: {error}")
    result = timeline.result
    if as_json:
        print(json.dumps(result.public(), ensure_ascii=False))
    print("every step held" if not result.failures else f"{len(result.failures)} failed", file=sys.stderr)
    return 1 if result.failures else 0


class Demo:
    """One run against *product*. Raises what a person would give up on; softer failures go to the timeline."""

    def __init__(self, product: Supervisor, state_dir: Path, shots: Path | None, timeline: Timeline) -> None:
        self._sip = str(product.about("sip")["sip"])
        self._console = str(product.about("control")["url"])
        self._first = product.about("control")["first_user"]
        self._blueprint = product.blueprint
        self._state_dir, self._shots, self._timeline = state_dir, shots, timeline
        self._result = timeline.result

    async def run(self) -> None:
        async with self._speech() as speech, Phone() as phone:
            sounds = await self._record(speech)
            async with Attendant(self._console, sounds["attendant"], shots=self._shots) as attendant:
                await attendant.sign_in(self._first["email"], self._first["password"], NEW_PASSWORD)
                await attendant.go_online()
                self._timeline.step("the attendant signed in and is available")
                call = await self._ask_for_a_person(phone, attendant, sounds)
                await self._talk(call, attendant, sounds)
                await self._resolve(call, attendant)
                await self._call_again(phone, attendant)

    @contextlib.asynccontextmanager
    async def _speech(self) -> AsyncIterator[SpeechClient]:
        async with SpeechClient(
            self._blueprint.speech_url, self._blueprint.speech["api_key"], patience_s=120
        ) as speech:
            yield speech

    async def _record(self, speech: SpeechClient) -> dict[str, Path]:
        """The sentences that caller and attendant play, as files."""
        await speech.wait_ready(120, rendered=True)
        folder = self._state_dir / "demo"
        folder.mkdir(exist_ok=True)
        silence = bytes(2 * 16_000)
        parts = {
            "asks": await caller_says(speech, ASKS),
            "explains": await caller_says(speech, EXPLAINS) + silence + tone(CALLER_HZ, 3.0, dbfs=-12),
            "attendant": silence
            + await caller_says(speech, ATTENDANT, voice="pf_dora")
            + silence
            + tone(ATTENDANT_HZ, 1.5, dbfs=-12)
            + silence,
        }
        paths = {}
        for name, pcm in parts.items():
            paths[name] = folder / f"{name}.wav"
            write_wav(paths[name], pcm)
        return paths

    # --- steps 1 to 3 -------------------------------------------------------------------------------------------------

    async def _ask_for_a_person(self, phone: Phone, attendant: Attendant, sounds: dict[str, Path]) -> PhoneCall:
        timeline, result = self._timeline, self._result
        timeline.begin()
        call = await phone.dial(self._sip, caller=f'"{CALLER_NAME}" <sip:{CALLER}@127.0.0.1>')
        await call.wait_answered()
        result.answered_s = _round(call.times.since_invite(call.times.answered))
        timeline.step(f"1. answered after {result.answered_s} s")
        timeline.check((result.answered_s or 9) < 1.0, "answered within 1 s")
        await call.wait_sound()
        result.first_bot_audio_s = _round(call.times.since_invite(call.times.first_audio))
        timeline.step(f"2. the bot speaks (first audio after {result.first_bot_audio_s} s)")
        await call.wait_quiet(QUIET_S)
        timeline.step("   the greeting and the menu are over; the caller says: " + ASKS)
        await call.play(sounds["asks"])
        await self._until_queued(attendant)
        result.queued_s = timeline.step("3. in the queue; music and position")
        return call

    # --- step 4 -------------------------------------------------------------------------------------------------------

    async def _talk(self, call: PhoneCall, attendant: Attendant, sounds: dict[str, Path]) -> None:
        timeline, result = self._timeline, self._result
        await attendant.wait_offer(30)
        result.offered_s = timeline.step("4. it rings at the attendant's")
        await asyncio.sleep(4)  # long enough to hear the position and some music
        await attendant.accept()
        result.accepted_s = timeline.step("   accepted, talking")
        since = call.heard_s
        speaking = asyncio.create_task(call.play(sounds["explains"]), name="caller speaks")
        heard = await attendant.hears_tone(CALLER_HZ, 11)
        await speaking
        result.attendant_heard_caller = heard >= 4
        timeline.step(f"   the attendant heard the caller's tone in {heard} looks of 50 ms")
        timeline.check(result.attendant_heard_caller, "the attendant hears the caller")
        await asyncio.sleep(4)
        heard_pcm = bytes(call.heard)[int(since * 32_000) :]
        seconds = sum(
            strength(heard_pcm[at : at + 3200], ATTENDANT_HZ) > 0.02 for at in range(0, len(heard_pcm) - 3200, 3200)
        )
        result.caller_heard_attendant = seconds >= 8
        timeline.step(f"   the caller heard the attendant's tone for {seconds / 10:.1f} s")
        timeline.check(result.caller_heard_attendant, "the caller hears the attendant")
        lines = await attendant.transcript()
        result.transcript_lines = len(lines)
        speakers = {speaker for speaker, _ in lines}
        for speaker, text in lines:
            timeline.step(f"   {speaker}: {text}")
        timeline.check({"customer", "attendant"} <= speakers, "both sides are in the live transcript")
        await attendant.shot("talking")

    # --- step 5 -------------------------------------------------------------------------------------------------------

    async def _resolve(self, call: PhoneCall, attendant: Attendant) -> None:
        timeline, result = self._timeline, self._result
        result.ticket = await attendant.resolve("resolvido")
        timeline.step(f"5. resolved: {result.ticket}")
        timeline.check("#TIC-001" in result.ticket, "the first ticket is #TIC-001")
        ended = await call.wait_ended(10)
        timeline.step(f"   the call ended ({ended.code} {ended.reason})")
        playable_s = await attendant.sees_recording()
        timeline.check(playable_s > 5, "the recording plays in the page")
        await self._look_at_recording()
        conversation = await self._conversation(attendant)
        result.recognised = [
            entry["text"] for entry in conversation["timeline"] if entry["author"] == "customer" and entry["text"]
        ]
        result.conversation_state = conversation["item"]["status"]
        timeline.check("atendente" in " ".join(result.recognised).lower(), "the caller's wish was recognised")
        timeline.check(result.conversation_state == "resolved", "the conversation is resolved")
        timeline.check(conversation["context"].get("needs_human") is False, "needs_human is false again")

    async def _look_at_recording(self) -> None:
        paths = sorted((self._state_dir / "recordings").rglob("*.wav"))
        self._timeline.check(bool(paths), "there is a recording")
        if paths:
            info = inspect(paths[0])
            both = all(level.rms > 0.001 for level in info.levels)
            recording = self._result.recording
            recording.path, recording.seconds, recording.channels = str(paths[0]), round(info.seconds, 1), info.channels
            recording.both_channels_non_silent = both
            self._timeline.check(info.channels == 2 and both, "two channels, neither silent")
            self._timeline.step(f"   recording: {info.seconds:.1f} s, {info.channels} channels, rms {info.rms}")

    # --- step 6 -------------------------------------------------------------------------------------------------------

    async def _call_again(self, phone: Phone, attendant: Attendant) -> None:
        call = await phone.dial(self._sip, caller=f'"{CALLER_NAME}" <sip:{CALLER}@127.0.0.1>')
        await call.wait_answered()
        await call.wait_sound()
        await call.wait_quiet(QUIET_S)
        item = await self._mine(attendant, "bot")
        assert item is not None, "the second call has no conversation"
        said = (await attendant.get(f"/api/conversations/{item['session_id']}"))["timeline"]
        greeting = next((entry["text"] for entry in said if entry["author"] == "bot"), "")
        self._result.second_call_greeting = greeting
        self._timeline.step(f"6. called again, the bot says: {greeting}")
        self._timeline.check(CALLER_NAME.split()[0] in greeting, "the known customer is greeted by name")
        await call.hang_up()

    async def _until_queued(self, attendant: Attendant) -> None:
        """Until the caller's conversation waits for a person, as the console's own list tells."""
        async with asyncio.timeout(30):
            while not await self._mine(attendant, "waiting", "assigned"):
                await asyncio.sleep(0.05)

    async def _mine(self, attendant: Attendant, *statuses: str) -> dict[str, Any] | None:
        items = (await attendant.get("/api/attendance/queue?status=all"))["items"]
        return next((item for item in items if not statuses or item["status"] in statuses), None)

    async def _conversation(self, attendant: Attendant) -> dict[str, Any]:
        item = await self._mine(attendant, "resolved", "active")
        assert item is not None, "the conversation is gone from the list"
        found: dict[str, Any] = await attendant.get(f"/api/conversations/{item['session_id']}")
        return found


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
