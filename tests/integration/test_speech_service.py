"""The speech process with its real models: what is said in Portuguese over a telephone line is understood."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agents.speech import CALLER_VOICE, SpeechClient, caller_says, write_samples
from agents.words import fold, matched
from tests.integration.speech_service import SpeechProcess, over_the_telephone, speech_service


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of one session: the models are joined and the prompts rendered once."""
    return tmp_path_factory.mktemp("speech")


def overlap(said: str, heard: str) -> float:
    """The share of what was said that was understood, word by word."""
    wanted, got = fold(said).split(), fold(heard).split()
    return sum(word in got for word in wanted) / len(wanted)


async def understood(
    client: SpeechClient, text: str, options: tuple[str, ...] = (), voice: str = CALLER_VOICE, language: str = "pt-BR"
) -> str:
    pcm = over_the_telephone(await caller_says(client, text, voice=voice, language=language))
    return (await client.recognise(pcm, language=language, options=options)).text


async def test_the_service_from_start_to_stop(models: Path, tmp_path: Path) -> None:
    """One service for all of it: starting one costs seconds of a core."""
    async with speech_service(models) as (service, client):
        await sentences_of_a_caller_are_understood(client)
        await short_answers_are_recognised_among_those_expected(client)
        await silence_and_noise_are_no_words(client)
        await other_languages_have_their_voices(client)
        await samples_are_written_once(client, tmp_path)
        await idle_costs_nothing_and_memory_is_bounded(service)
        assert await service.stop() == 0
    await a_rendered_prompt_survives_a_kill(models)


async def sentences_of_a_caller_are_understood(client: SpeechClient) -> None:
    for text, voice in (
        ("Quero falar com um atendente.", "pm_alex"),
        ("Quero falar com um atendente.", "pf_dora"),
        ("Eu gostaria de saber onde está o meu pedido.", "pm_alex"),
    ):
        heard = await understood(client, text, voice=voice)
        assert overlap(text, heard) >= 0.75, (text, heard)


async def short_answers_are_recognised_among_those_expected(client: SpeechClient) -> None:
    options = ("vendas", "suporte", "atendente")
    for text, answers in (("Vendas.", options), ("Atendente.", options), ("Sim.", ("sim", "não"))):
        heard = await understood(client, text, answers)
        assert matched(heard, answers) == fold(text), (text, heard)
    assert matched(await understood(client, "Financeiro.", options), options) is None


async def silence_and_noise_are_no_words(client: SpeechClient) -> None:
    assert (await client.recognise(bytes(32_000), language="pt-BR")).text == ""
    assert (await client.recognise(b"", language="pt-BR")).text == ""


async def other_languages_have_their_voices(client: SpeechClient) -> None:
    assert overlap("I want to talk", await understood(client, "I want to talk.", voice="", language="en")) >= 0.75
    heard = await understood(client, "Quiero hablar con una persona.", voice="", language="es")
    assert overlap("quiero hablar con", heard) >= 0.6


async def samples_are_written_once(client: SpeechClient, folder: Path) -> None:
    written = await write_samples(client, ["Vendas."], folder)
    stamp = written["Vendas."].stat().st_mtime_ns
    assert written["Vendas."].read_bytes()[:4] == b"RIFF"
    assert (await write_samples(client, ["Vendas."], folder))["Vendas."].stat().st_mtime_ns == stamp


async def idle_costs_nothing_and_memory_is_bounded(service: SpeechProcess) -> None:
    import psutil

    assert service.process is not None
    process = psutil.Process(service.process.pid)
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(2)
    busy = sum(process.cpu_times()[:2]) - before
    pss_mb = process.memory_full_info().pss / 1e6
    print(f"speech: idle {busy / 2:.1%} of a core, {pss_mb:.0f} MB PSS")
    assert busy < 0.2
    assert pss_mb < 700


async def a_rendered_prompt_survives_a_kill(models: Path) -> None:
    async with speech_service(models) as (service, client):
        await client.render(["Um momento, por favor."])
        await client.wait_ready(60, rendered=True)
        await service.kill()
        await service.start()
        async with SpeechClient(service.url, client._headers["Authorization"].removeprefix("Bearer ")) as fresh:
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            pieces = [piece async for piece in fresh.synthesise("Um momento, por favor.")]
            took_ms = 1000 * (loop.time() - began_s)
            print(f"speech: first audio {took_ms:.0f} ms, models: {(await fresh.health()).status}")
            assert sum(map(len, pieces)) > 32_000  # a second of sound, from disk, before the models were loaded


async def test_the_service_stops_when_its_parent_is_gone(tmp_path: Path) -> None:
    service = SpeechProcess(tmp_path)
    await service.start()
    assert service.process is not None
    assert service.process.stdin is not None
    service.process.stdin.close()
    async with asyncio.timeout(20):
        assert await service.process.wait() == 0
