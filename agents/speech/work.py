"""A bounded priority queue in front of a few worker threads.

Overflow: a job that doesn't fit pushes out the least important waiting one, if that is less important than itself,
else it is refused. Less important kinds are shed earlier, while there is still room for what matters.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import count
from typing import Any, TypeVar

from ..errors import SpeechOverloaded

T = TypeVar("T")


class Priority(IntEnum):
    """Smaller is more important."""

    FINAL = 0  # a person waits for this
    SPECULATIVE = 1  # a person may be waiting for this in a moment
    INTERIM = 2  # text that will be replaced
    BACKGROUND = 3  # prompts that may be needed one day


@dataclass(slots=True)
class WorkStats:
    done: int = 0
    failed: int = 0
    shed: int = 0  # refused or pushed out
    abandoned: int = 0  # given up by the one who asked, before it started
    busy_s: float = 0.0


@dataclass(slots=True, eq=False)
class Job:
    work: Callable[[], Any]
    priority: Priority
    answer: asyncio.Future[Any]
    started: bool = False


@dataclass(eq=False)
class Workers:
    """*threads* threads, at most *max_waiting* jobs waiting. Everything but the work itself runs on the loop."""

    name: str
    threads: int
    max_waiting: int
    stats: WorkStats = field(default_factory=WorkStats)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)
        self._heap: list[tuple[int, int, Job]] = []
        self._order = count()
        self._busy = 0
        # Soft limits: how many may wait before this kind is refused at once.
        self._room = {
            Priority.FINAL: self.max_waiting,
            Priority.SPECULATIVE: min(self.max_waiting, 4 * self.threads),
            Priority.INTERIM: min(self.max_waiting, self.threads),
            Priority.BACKGROUND: self.max_waiting,
        }

    @property
    def waiting(self) -> int:
        return sum(1 for _, _, job in self._heap if not job.started and not job.answer.done())

    async def run(self, work: Callable[[], T], priority: Priority) -> T:
        """Do *work* in a thread, in its turn.  Cancelled before it started: it never starts.

        Raises:
            SpeechOverloaded: too much waits already, or something more important needed the place.
        """
        job = self.submit(work, priority)
        try:
            result: T = await job.answer
        except asyncio.CancelledError:
            if not job.started:
                self.stats.abandoned += 1
            raise
        return result

    def submit(self, work: Callable[[], Any], priority: Priority) -> Job:
        """Queue *work* and return its job; the answer is the job's future. Raises as ``run``."""
        if self._busy >= self.threads and self.waiting >= self._room[priority]:
            self._make_room(priority)
        job = Job(work, priority, asyncio.get_running_loop().create_future())
        self._push(job)
        self._start()
        return job

    def promote(self, job: Job, priority: Priority) -> None:
        """A waiting job has become more important."""
        if not job.started and priority < job.priority:
            job.priority = priority
            self._push(job)  # its old place in the heap is skipped once it has started

    def close(self) -> None:
        """Give up what waits; what runs is let run to its end in its thread."""
        for _, _, job in self._heap:
            if not job.answer.done():
                job.answer.cancel()
        self._heap.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _push(self, job: Job) -> None:
        heapq.heappush(self._heap, (int(job.priority), next(self._order), job))

    def _make_room(self, priority: Priority) -> None:
        waiting = [job for _, _, job in self._heap if not job.started and not job.answer.done()]
        least = max(waiting, key=lambda job: job.priority, default=None)
        self.stats.shed += 1
        if priority is not Priority.FINAL or least is None or least.priority <= priority:
            raise SpeechOverloaded(f"{self.name}: {len(waiting)} requests wait", retry_after_s=1.0)
        least.answer.set_exception(SpeechOverloaded(f"{self.name}: pushed out by more important work"))

    def _start(self) -> None:
        while self._busy < self.threads and self._heap:
            _, _, job = heapq.heappop(self._heap)
            if job.started or job.answer.done():
                continue
            job.started = True
            self._busy += 1
            loop = asyncio.get_running_loop()
            done = loop.run_in_executor(self._pool, job.work)
            done.add_done_callback(partial(self._finish, job, loop.time()))

    def _finish(self, job: Job, began_s: float, done: asyncio.Future[Any]) -> None:
        self._busy -= 1
        self.stats.busy_s += asyncio.get_running_loop().time() - began_s
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self.stats.failed += 1
        else:
            self.stats.done += 1
        if not job.answer.done():
            if done.cancelled():
                job.answer.cancel()
            elif error is not None:
                job.answer.set_exception(error)
            else:
                job.answer.set_result(done.result())
        self._start()
