"""The speech service's doors and its client over real HTTP, with engines that answer without a model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from agents.errors import SpeechOverloaded, SpeechRefused, SpeechUnavailable
from agents.ports import Recognition
from agents.speech import SpeechClient, wav
from agents.speech.app import build
from agents.speech.engines import Engines
from agents.stt import SttTraits
from agents.tts import TtsTraits
from config.agents import SpeechSettings
from config.section import Secret

KEY = "a key"


class EchoRecogniser:
    """Hears the number of samples; stands still while ``held``."""

    traits = SttTraits("echo", frozenset({"pt"}), max_audio_s=30)

    def __init__(self) -> None:
        self.held = threading.Event()
        self.held.set()
        self.seen: list[tuple[str, str, tuple[str, ...]]] = []

    def recognise(self, pcm: bytes, *, language: str, prompt: str = "", options: tuple[str, ...] = ()) -> Recognition:
        self.held.wait(10)
        self.seen.append((language, prompt, options))
        return Recognition(f"{len(pcm) // 2} samples", 0.5)

    def transcribe_file(self, samples: object, *, language: str, prompt: str = "") -> str:
        return f"{len(samples)} samples in {language}"  # type: ignore[arg-type]


class LetterSynthesiser:
    """One sample a letter."""

    traits = TtsTraits("letters", "1", frozenset({"pf_dora", "pm_alex"}), frozenset({"pt"}))

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str, *, voice: str, language: str) -> bytes:
        self.said.append(sentence)
        return sentence.encode("utf-16-le")


class Service:
    def __init__(self, state: Path, **settings: int) -> None:
        made = SpeechSettings(port=0, api_key=Secret(KEY), stt_workers=1, **settings)  # type: ignore[arg-type]
        self.engines = Engines(made, state)
        self.ear, self.mouth = EchoRecogniser(), LetterSynthesiser()
        self._app = build(made, self.engines)
        self.url = ""

    async def start(self, *, load: bool = True) -> None:
        self._runner = web.AppRunner(self._app, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        if load:
            self.load()

    def load(self) -> None:
        """As ``Engines.load`` does it, with engines of the test's own."""
        engines = self.engines
        engines._recogniser, engines._synthesiser = self.ear, self.mouth
        for part, ready in ((engines.stt, engines._stt_ready), (engines.tts, engines._tts_ready)):
            part.state = "ready"
            ready.set()

    async def stop(self) -> None:
        self.ear.held.set()
        await self._runner.cleanup()
        await self.engines.close()


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    service = Service(tmp_path, max_waiting=2)
    await service.start()
    yield service
    await service.stop()
    await until(lambda: not any(t.name.startswith(("stt", "tts")) for t in threading.enumerate()))


@pytest.fixture
async def client(service: Service) -> AsyncIterator[SpeechClient]:
    async with SpeechClient(service.url, KEY) as client:
        yield client


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def spoken(client: SpeechClient, text: str, voice: str = "") -> str:
    return b"".join([piece async for piece in client.synthesise(text, voice=voice)]).decode("utf-16-le")


async def test_a_turn_comes_back_as_text(service: Service, client: SpeechClient) -> None:
    heard = await client.recognise(bytes(640), language="es", prompt="ação & reação", options=("sim", "não"))
    assert heard == Recognition("320 samples", 0.5)
    assert service.ear.seen == [("es", "ação & reação", ("sim", "não"))]


async def test_text_comes_back_as_sound_sentence_by_sentence(service: Service, client: SpeechClient) -> None:
    assert await spoken(client, "Olá! Custa R$ 5.") == "Olá!Custa cinco reais."
    assert service.mouth.said == ["Olá!", "Custa cinco reais."]


async def test_a_sentence_is_made_once(service: Service, client: SpeechClient) -> None:
    await asyncio.gather(*(spoken(client, "Bom dia.") for _ in range(5)))
    async with SpeechClient(service.url, KEY) as another:
        await spoken(another, "Bom dia.")
    assert service.mouth.said == ["Bom dia."]


async def test_rendered_prompts_are_on_disk_and_served_before_any_model_is_loaded(
    service: Service, client: SpeechClient, tmp_path: Path
) -> None:
    assert await client.render(["Bom dia. Tudo bem?", "Bom dia."]) == 2
    await client.wait_ready(5, rendered=True)
    assert await client.render(["Bom dia. Tudo bem?"]) == 0
    restarted = Service(tmp_path)
    await restarted.start(load=False)
    async with SpeechClient(restarted.url, KEY) as fresh:
        assert await spoken(fresh, "Tudo bem?") == "Tudo bem?"
        assert not (await fresh.health()).ready
    await restarted.stop()
    assert restarted.mouth.said == []


async def test_a_known_prompt_is_spoken_while_the_service_is_gone(service: Service, client: SpeechClient) -> None:
    await spoken(client, "Um momento.")
    await service.stop()
    assert await spoken(client, "Um momento.") == "Um momento."
    with pytest.raises(SpeechUnavailable):
        await spoken(client, "Outra frase.")
    with pytest.raises(SpeechUnavailable):
        await client.recognise(bytes(640), language="pt")
    assert "unreachable" in (await client.health()).status


async def test_an_unknown_voice_is_refused_by_name(client: SpeechClient, service: Service) -> None:
    service.mouth.traits = TtsTraits("kokoro", "1", frozenset({"pf_dora"}), frozenset({"pt"}))
    with pytest.raises(SpeechRefused, match="pf_dora"):
        await spoken(client, "Olá.", voice="../../etc/passwd")


@pytest.mark.parametrize("key", ["", "wrong", "é"])
async def test_nothing_but_health_without_the_key(service: Service, key: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
        for path in ("/recognise", "/synthesise", "/render", "/v1/audio/speech", "/v1/audio/transcriptions"):
            assert (await http.post(service.url + path)).status == 401
        assert (await http.get(service.url + "/metrics")).status == 401
        assert (await http.get(service.url + "/health")).status == 200


async def test_too_much_work_is_refused_with_a_time_to_come_back(service: Service, client: SpeechClient) -> None:
    service.ear.held.clear()
    asked = [asyncio.create_task(client.recognise(bytes(640), language="pt")) for _ in range(3)]
    await until(lambda: service.engines.stt_work.waiting == 2)
    with pytest.raises(SpeechOverloaded) as refused:
        await client.recognise(bytes(640), language="pt")
    assert refused.value.retry_after_s == 1
    service.ear.held.set()
    assert len(await asyncio.gather(*asked)) == 3


async def test_a_caller_who_goes_on_speaking_takes_his_guess_out_of_the_queue(
    service: Service, client: SpeechClient
) -> None:
    service.ear.held.clear()
    running = asyncio.create_task(client.recognise(bytes(640), language="pt"))
    await until(lambda: service.engines.stt_work._busy == 1)
    guess = asyncio.create_task(client.recognise(bytes(640), language="pt", priority="speculative"))
    await until(lambda: service.engines.stt_work.waiting == 1)
    guess.cancel()
    await until(lambda: service.engines.stt_work.waiting == 0)
    service.ear.held.set()
    await running
    assert service.engines.stt_work.stats.abandoned == 1


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/synthesise", b"{", "not JSON"),
        ("/synthesise", b"[]", "not a JSON object"),
        ("/synthesise", b'{"text": 5}', "at most"),
        ("/synthesise", b'{"text": "' + b"a" * 5000 + b'"}', "at most"),
        ("/render", b'{"texts": "a"}', "list"),
        ("/v1/audio/speech", b'{"input": "a", "response_format": "mp3"}', "wav"),
        ("/v1/audio/transcriptions", b"{}", "multipart"),
        ("/recognise?priority=urgent", b"", "priority"),
        ("/recognise", bytes(40 * 32_000), "30 s"),
    ],
)
async def test_bad_requests_say_what_is_wrong(service: Service, path: str, body: bytes, says: str) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        answer = await http.post(service.url + path, data=body)
        assert answer.status == 400
        assert says in (await answer.json())["error"]["message"]


async def test_the_openai_doors(service: Service) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        form = aiohttp.FormData({"model": "whisper-1", "language": "pt"})
        form.add_field("file", wav.write(bytes(3200), 8_000), filename="a.wav", content_type="audio/wav")
        answer = await http.post(service.url + "/v1/audio/transcriptions", data=form)
        assert await answer.json() == {"text": "3200 samples in pt"}
        body = {"model": "tts-1", "input": "Olá.", "voice": "pm_alex"}
        sound = await (await http.post(service.url + "/v1/audio/speech", json=body)).read()
        assert sound[:4] == b"RIFF"
        assert sound[44:] == "Olá.".encode("utf-16-le")
        form = aiohttp.FormData()
        form.add_field("file", b"this is no sound", filename="a.ogg")
        answer = await http.post(service.url + "/v1/audio/transcriptions", data=form)
        assert answer.status == 400


async def test_metrics_count(service: Service, client: SpeechClient) -> None:
    await client.recognise(bytes(640), language="pt")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:
        text = await (await http.get(service.url + "/metrics")).text()
    assert 'attendance_speech_done_total{kind="stt"} 1' in text


async def test_a_model_that_is_missing_leaves_the_other_working(tmp_path: Path) -> None:
    settings = SpeechSettings(stt_model=str(tmp_path / "nowhere"), tts_voice=str(tmp_path / "no.onnx"))
    engines = Engines(settings, tmp_path)
    await engines.load()
    assert engines.stt.state == engines.tts.state == "failed"
    assert "nowhere" in engines.stt.error
    with pytest.raises(SpeechUnavailable, match="nowhere"):
        await engines.recognise(bytes(640), language="pt", prompt="", options=(), priority="final")
    await engines.close()
