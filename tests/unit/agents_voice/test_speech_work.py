"""The speech service's queue and its store of spoken sentences."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.errors import SpeechOverloaded
from agents.speech.kept import Kept
from agents.speech.work import Priority, Workers


class Gate:
    """Jobs that run until they are let go, and the order in which they began."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self._go = threading.Event()

    def job(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.began.append(name)
            self._go.wait(10)
            return name

        return work

    def open(self) -> None:
        self._go.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


def workers(max_waiting: int = 8, threads: int = 1) -> Workers:
    return Workers("ThreadPoolExecutor-test", threads, max_waiting)


async def test_what_a_person_waits_for_goes_first(gate: Gate) -> None:
    work = workers()
    names = [("first", Priority.FINAL), ("later", Priority.BACKGROUND), ("soon", Priority.SPECULATIVE)]
    jobs = [work.submit(gate.job(name), priority) for name, priority in [*names, ("now", Priority.FINAL)]]
    gate.open()
    assert [await job.answer for job in jobs] == ["first", "later", "soon", "now"]
    assert gate.began == ["first", "now", "soon", "later"]
    assert work.stats.done == 4


async def test_less_important_work_is_shed_while_there_is_room_for_the_rest(gate: Gate) -> None:
    work = workers()
    running = work.submit(gate.job("running"), Priority.FINAL)
    interim = work.submit(gate.job("interim"), Priority.INTERIM)
    with pytest.raises(SpeechOverloaded):
        await work.run(gate.job("refused"), Priority.INTERIM)
    final = work.submit(gate.job("final"), Priority.FINAL)
    gate.open()
    await asyncio.gather(running.answer, interim.answer, final.answer)
    assert "refused" not in gate.began
    assert work.stats.shed == 1


async def test_a_full_queue_gives_up_its_least_important_job_for_a_final_one(gate: Gate) -> None:
    work = workers(max_waiting=2)
    running = work.submit(gate.job("running"), Priority.FINAL)
    speculative = work.submit(gate.job("speculative"), Priority.SPECULATIVE)
    background = work.submit(gate.job("background"), Priority.BACKGROUND)
    final = work.submit(gate.job("final"), Priority.FINAL)
    with pytest.raises(SpeechOverloaded):
        await background.answer
    another = work.submit(gate.job("another"), Priority.FINAL)
    with pytest.raises(SpeechOverloaded):
        await speculative.answer
    with pytest.raises(SpeechOverloaded) as refused:
        work.submit(gate.job("too much"), Priority.FINAL)
    assert refused.value.retry_after_s > 0
    gate.open()
    await asyncio.gather(running.answer, final.answer, another.answer)
    assert gate.began == ["running", "final", "another"]


async def test_what_nobody_waits_for_any_more_never_starts(gate: Gate) -> None:
    work = workers()
    running = work.submit(gate.job("running"), Priority.FINAL)
    given_up = asyncio.create_task(work.run(gate.job("given up"), Priority.FINAL))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    last = work.submit(gate.job("last"), Priority.FINAL)
    gate.open()
    await asyncio.gather(running.answer, last.answer)
    assert gate.began == ["running", "last"]
    assert work.stats.abandoned == 1
    assert work.waiting == 0


async def test_a_prompt_that_is_suddenly_needed_overtakes(gate: Gate) -> None:
    work = workers()
    jobs = [work.submit(gate.job(name), Priority.BACKGROUND) for name in ("a", "b", "c")]
    work.promote(jobs[2], Priority.FINAL)
    gate.open()
    await asyncio.gather(*(job.answer for job in jobs))
    assert gate.began == ["a", "c", "b"]


async def test_a_job_that_fails_fails_its_asker_alone() -> None:
    work = workers()
    with pytest.raises(ZeroDivisionError):
        await work.run(lambda: 1 // 0, Priority.FINAL)
    assert await work.run(lambda: 1, Priority.FINAL) == 1
    assert (work.stats.failed, work.stats.done) == (1, 1)


def test_a_rendered_prompt_outlives_the_process_and_a_name_does_not(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.put("greeting", b"olaa", disk=True)
    kept.put("name", b"anaa", disk=False)
    again = Kept(tmp_path)
    assert again.get("greeting") == b"olaa"
    assert again.get("name") is None
    assert kept.get("name") == b"anaa"


def test_the_store_is_bounded_in_memory_and_on_disk(tmp_path: Path) -> None:
    kept = Kept(tmp_path, memory_bytes=100, disk_bytes=250)
    for number in range(10):
        kept.put(f"k{number}", bytes(50), disk=True)
    assert sum(f"k{number}" in kept._memory for number in range(10)) == 2
    assert kept.trim() == 5
    assert sum(path.stat().st_size for path in tmp_path.glob("*.pcm")) <= 250


def test_a_disk_that_refuses_costs_only_the_copy(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    kept = Kept(folder)
    folder.rmdir()
    folder.write_text("not a folder")
    kept.put("k", b"pcmm", disk=True)
    assert kept.get("k") == b"pcmm"


def test_another_voice_or_language_is_another_sound() -> None:
    keys = {Kept.key("Olá.", voice, language, "1") for voice in ("a", "b") for language in ("pt", "es")}
    assert len(keys) == 4
