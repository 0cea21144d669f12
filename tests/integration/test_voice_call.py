"""A whole conversation without a telephone: a scripted caller pushes frames at a voice, with the real models."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from agents.events import Final, VoiceEvent
from agents.pipeline import Expect, Transcriber, Voice
from agents.speech import SpeechClient, caller_says
from agents.vad import VadPool
from agents.words import matched
from config.agents import VoiceSettings
from media.clock import MediaClock
from media.frames import SILENCE, Frame, split
from tests.integration.speech_service import over_the_telephone, speech_service

GREETING = "Olá! Você ligou para a Minha Empresa."
MENU = "Diga vendas, suporte, ou o que precisa."
OPTIONS = ("vendas", "suporte", "atendente")
HUMAN = "Quero falar com um atendente."
LOUD = 600  # of 32768: a sample that is no background


class Caller:
    """Speaks recorded sentences into a voice, 20 ms at a time, and notes when what was heard."""

    def __init__(self, voice: Voice) -> None:
        self._voice, self._says = voice, deque[Frame]()
        self.last_word_s = self.first_heard_s = self.last_heard_s = 0.0
        self.costs_us: list[float] = []

    def tick(self, number: int) -> None:
        frame = self._says.popleft() if self._says else SILENCE
        now_s = time.perf_counter()
        self._voice.push(frame)
        heard = self._voice.pull()
        self.costs_us.append((time.perf_counter() - now_s) * 1e6)
        if frame is not SILENCE and np.abs(np.frombuffer(frame, "<i2").astype(np.int32)).max() > LOUD:
            self.last_word_s = now_s
        if heard is not None:
            self.first_heard_s = self.first_heard_s or now_s
            self.last_heard_s = now_s

    def speak(self, pcm: bytes) -> None:
        self.first_heard_s = 0.0
        self._says.extend(split(pcm))


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voice")


@pytest.fixture
async def speech(state_dir: Path) -> AsyncIterator[SpeechClient]:
    async with speech_service(state_dir) as (_, client):
        await client.render([GREETING, MENU, "Certo."], voice="pf_dora", language="pt-BR")
        await client.wait_ready(120, rendered=True)
        yield client


@pytest.fixture
async def vad() -> AsyncIterator[VadPool]:
    pool = VadPool()
    await pool.warm()
    yield pool
    pool.close()


async def test_a_conversation(speech: SpeechClient, vad: VadPool) -> None:
    said = {text: over_the_telephone(await caller_says(speech, text)) for text in (HUMAN, "Vendas.", "Sim.")}
    events: list[VoiceEvent] = []
    voice = Voice(speech, VoiceSettings(), language="pt-BR", voice="pf_dora", emit=events.append, vad=vad)
    caller, clock, loop = Caller(voice), MediaClock(), asyncio.get_running_loop()
    clock.add(caller.tick)
    try:
        await voice.start()
        began_s = time.perf_counter()
        greeting = await voice.say(GREETING)
        assert greeting.heard_text == GREETING
        print(f"\nvoice: first audio of a rendered prompt {1000 * (caller.first_heard_s - began_s):.0f} ms")

        for text, options in ((HUMAN, OPTIONS), ("Vendas.", OPTIONS), ("Sim.", ("sim", "não"))):
            loop.call_later(0.3, caller.speak, said[text])
            heard = await voice.ask(Expect(timeout_s=10, options=options))
            assert matched(heard.text, options) is not None, (text, heard)
            assert matched(text, options) == matched(heard.text, options)
            await voice.say("Certo.")
            answered_ms = 1000 * (caller.first_heard_s - caller.last_word_s)
            print(f"voice: {text} -> {heard.text!r}, answered {answered_ms:.0f} ms")

        assert (await voice.ask(Expect(timeout_s=0.5))).via == "timeout"

        began: list[float] = []
        loop.call_later(1.0, lambda: (began.append(time.perf_counter()), caller.speak(said["Vendas."])))
        prompt = await voice.say(f"{GREETING} {MENU} {GREETING} {MENU}", expect=Expect(options=OPTIONS))
        assert prompt.interrupted
        assert prompt.heard_s > 1.0
        assert prompt.heard_text
        print(f"voice: barge-in stopped the prompt after {1000 * (caller.last_heard_s - began[0]):.0f} ms")
        assert matched((await voice.ask(Expect(options=OPTIONS))).text, OPTIONS) == "vendas"

        costs = np.array(caller.costs_us)
        print(f"voice: a tick costs {np.median(costs):.1f} us (median), {np.percentile(costs, 99):.0f} us (99 %)")
        assert len([event for event in events if isinstance(event, Final)]) == 4
    finally:
        clock.close()
        await voice.close()


async def test_a_transcript_of_two_phrases(speech: SpeechClient, vad: VadPool) -> None:
    events: list[VoiceEvent] = []
    scribe = Transcriber(speech, VoiceSettings(), language="pt-BR", speaker="cliente", emit=events.append, vad=vad)
    await scribe.start()
    frames = [SILENCE] * 50
    for text in (HUMAN, "Onde está o meu pedido?"):
        frames += [*split(over_the_telephone(await caller_says(speech, text))), *[SILENCE] * 75]
    for frame in frames:
        scribe.push(frame)
        await asyncio.sleep(0.01)  # twice as fast as on the telephone
    await scribe.close()
    finals = [event for event in events if isinstance(event, Final)]
    assert len(finals) == 2, finals
    assert "falar" in finals[0].text
    assert "pedido" in finals[1].text
    assert 0.9 < finals[0].start_s < 1.4
    assert finals[0].end_s < finals[1].start_s < finals[1].end_s < len(frames) * 0.02
