"""The worker processes: forked ready-made, grown and shrunk by need, replaced when they die.

A worker is forked from the nursery, which has pjsua2 loaded already, so a new one is there in about 0.1 s. Its load
is what it reports, plus reservations with a time to live: pjsip drops without a word what it cannot parse, so a counter
kept here alone would leak slots.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from config.sip import SipSettings

from .errors import WorkerError
from .nursery import Birth, Nursery

Message = dict[str, Any]

RESERVE_S: Final = 5.0  # an INVITE handed to a worker that did not report the call by then freed its slot
BEAT_LOST_S: Final = 10.0  # a worker silent for this long hangs and is killed
START_S: Final = 15.0
TICK_S: Final = 0.5
STOP_S: Final = 2.0
QUICK_DEATHS: Final = 5  # deaths within DEATH_WINDOW_S after which replacements wait
DEATH_WINDOW_S: Final = 20.0
MAX_BACKOFF_S: Final = 5.0
SOCKET_BUFFER: Final = 1 << 18
log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Worker:
    """One process. ``index`` is its slot, used again by its replacement."""

    index: int
    process: Birth
    control: socket.socket
    started_s: float
    port: int = 0  # SIP port, 0 until it is ready
    calls: set[str] = field(default_factory=set)
    reserved: dict[str, float] = field(default_factory=dict)  # call -> monotonic s when it lapses
    heard_s: float = 0.0
    idle_since_s: float = 0.0
    stopping: bool = False
    lost: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def load(self) -> int:
        return len(self.calls) + len(self.reserved)

    @property
    def ready(self) -> bool:
        return self.port != 0 and not self.stopping and not self.lost


class Pool:
    """*on_message(worker, message)* and *on_lost(worker, calls)* are called on the loop; both must not block."""

    def __init__(
        self,
        settings: SipSettings,
        options: Callable[[int], Any],
        *,
        on_message: Callable[[Worker, Message], None],
        on_lost: Callable[[Worker, frozenset[str]], None],
    ) -> None:
        self._settings = settings
        self._options = options
        self._on_message = on_message
        self._on_lost = on_lost
        self._workers: dict[int, Worker] = {}
        self._by_port: dict[int, Worker] = {}
        self._starting: set[int] = set()  # slots whose process is being forked
        self._deaths: list[float] = []
        self._nursery = Nursery()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._waiting = 0
        self._closing = False
        self.born = 0
        self.died = 0

    # -- life

    async def start(self) -> None:
        """Return when ``workers_min`` are ready. Raises TimeoutError when they are not within START_S."""
        self._grow()
        self._spawn_task(self._tend(), "sip-pool-tend")
        async with asyncio.timeout(START_S):
            while sum(worker.ready for worker in self._workers.values()) < self._settings.workers_min:
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        """Ask every worker to end its calls and go; kill what is left after 2 s."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        workers = list(self._workers.values())
        for worker in workers:
            worker.stopping = True
            self.send(worker, {"type": "quit"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                while self._workers:
                    self._changed.clear()
                    await self._changed.wait()
        for worker in list(self._workers.values()):
            worker.process.kill()
            self._forget(worker)
        await self._nursery.close()

    # -- use

    def pick(self, avoid: frozenset[int] = frozenset()) -> Worker | None:
        """The least loaded ready worker with a free slot, None when all are full."""
        now = time.monotonic()
        best: Worker | None = None
        for worker in self._workers.values():
            self._lapse(worker, now)
            full = worker.load >= self._settings.calls_per_worker
            if worker.ready and not full and worker.index not in avoid and (best is None or worker.load < best.load):
                best = worker
        return best

    def reserve(self, worker: Worker, call: str) -> None:
        worker.reserved[call] = time.monotonic() + RESERVE_S
        self._grow()

    def want(self, calls: int) -> None:
        """So many calls wait for a worker: grow for them too."""
        self._waiting = calls
        self._grow()
        self._waiting = 0

    def release(self, worker: Worker, call: str) -> None:
        worker.reserved.pop(call, None)
        worker.calls.discard(call)
        if not worker.load:
            worker.idle_since_s = time.monotonic()

    def took(self, worker: Worker, call: str) -> None:
        """The worker reported the call: the reservation became a call."""
        worker.reserved.pop(call, None)
        worker.calls.add(call)

    def send(self, worker: Worker, message: Message) -> None:
        """Hand a command to a worker. One that takes no more is hung: it is killed, and its calls end as lost."""
        try:
            worker.control.send(json.dumps(message).encode())
        except BlockingIOError:
            log.error("sip_worker_stuck", extra={"worker": worker.index})
            worker.process.kill()
        except OSError:
            self._lose(worker)

    def at_port(self, port: int) -> Worker | None:
        return self._by_port.get(port)

    def at(self, index: int) -> Worker | None:
        return self._workers.get(index)

    @property
    def ready_count(self) -> int:
        return sum(worker.ready for worker in self._workers.values())

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers.values()]

    # -- inside

    def _grow(self) -> None:
        """Start as many workers as the minimum and the spare slots ask for."""
        if self._closing:
            return
        per = self._settings.calls_per_worker
        alive = [worker for worker in self._workers.values() if not worker.stopping and not worker.lost]
        count = len(alive) + len(self._starting)
        free = sum(max(0, per - worker.load) for worker in alive) + per * len(self._starting) - self._waiting
        while count < self._settings.workers_max and (
            count < self._settings.workers_min or free < self._settings.spare_slots
        ):
            index = next(i for i in range(len(self._workers) + len(self._starting) + 1) if self._vacant(i))
            self._starting.add(index)
            self._spawn_task(self._fork(index, self._backoff()), f"sip-worker-{index}-fork")
            count += 1
            free += per

    def _vacant(self, index: int) -> bool:
        return index not in self._workers and index not in self._starting

    def _backoff(self) -> float:
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < DEATH_WINDOW_S]
        quick = len(self._deaths) - QUICK_DEATHS
        return min(MAX_BACKOFF_S, 0.1 * 2.0**quick) if quick > 0 else 0.0

    async def _fork(self, index: int, delay_s: float) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        try:
            if delay_s:
                await asyncio.sleep(delay_s)
            birth = await self._nursery.fork(self._options(index), theirs)
        except WorkerError as error:
            ours.close()
            self._deaths.append(time.monotonic())
            log.error("sip_worker_not_born", extra={"error": str(error)})
            return
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            self._starting.discard(index)
        ours.setblocking(False)
        now = time.monotonic()
        worker = Worker(index, birth, ours, started_s=now, heard_s=now, idle_since_s=now)
        self._workers[index] = worker
        self.born += 1
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, self._read, worker)
        loop.add_reader(birth.pidfd, self._lose, worker)

    def _read(self, worker: Worker) -> None:
        for _ in range(64):
            try:
                packet = worker.control.recv(SOCKET_BUFFER)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._lose(worker)
                return
            worker.heard_s = time.monotonic()
            message = json.loads(packet)
            if message["type"] == "ready":
                worker.port = message["port"]
                self._by_port[worker.port] = worker
                self._changed.set()
            elif message["type"] != "beat":
                self._on_message(worker, message)

    def _lose(self, worker: Worker) -> None:
        """The process is gone, or its socket is: the end of its calls."""
        if worker.lost:
            return
        if self._workers.get(worker.index) is worker and worker.control.fileno() >= 0:
            self._drain_events(worker)
        worker.lost = True
        worker.process.kill()
        self._forget(worker)
        if worker.stopping:
            return
        self.died += 1
        self._deaths.append(time.monotonic())
        log.warning("sip_worker_lost", extra={"worker": worker.index, "calls": len(worker.calls)})
        calls = frozenset(worker.calls) | frozenset(worker.reserved)
        self._grow()
        self._on_lost(worker, calls)

    def _drain_events(self, worker: Worker) -> None:
        """What it still said before it died counts (an ``ended`` above all)."""
        with contextlib.suppress(OSError):
            while packet := worker.control.recv(SOCKET_BUFFER):
                message = json.loads(packet)
                if message["type"] not in ("ready", "beat"):
                    self._on_message(worker, message)

    def _forget(self, worker: Worker) -> None:
        loop = asyncio.get_running_loop()
        if worker.control.fileno() >= 0:
            loop.remove_reader(worker.control)
        if worker.process.pidfd >= 0:
            loop.remove_reader(worker.process.pidfd)
        worker.control.close()
        worker.process.close()
        self._changed.set()
        if self._workers.get(worker.index) is worker:
            del self._workers[worker.index]
        if self._by_port.get(worker.port) is worker:
            del self._by_port[worker.port]

    def _lapse(self, worker: Worker, now: float) -> None:
        for call in [call for call, until in worker.reserved.items() if until < now]:
            del worker.reserved[call]

    async def _tend(self) -> None:
        """Twice a second: kill what hangs, stop what idles, start what is missing."""
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            for worker in list(self._workers.values()):
                self._lapse(worker, now)
                limit = BEAT_LOST_S if worker.port else START_S
                if now - worker.heard_s > limit and not worker.lost:
                    log.error("sip_worker_hung", extra={"worker": worker.index})
                    worker.process.kill()
            self._shrink(now)
            self._grow()

    def _shrink(self, now: float) -> None:
        ready = [worker for worker in self._workers.values() if worker.ready]
        per = self._settings.calls_per_worker
        free = sum(max(0, per - worker.load) for worker in ready)
        for worker in sorted(ready, key=lambda one: -one.index):
            idle = not worker.load and now - worker.idle_since_s > self._settings.worker_idle_s
            if idle and len(ready) > self._settings.workers_min and free - per >= self._settings.spare_slots:
                worker.stopping = True
                self.send(worker, {"type": "quit"})
                ready.remove(worker)
                free -= per

    def _spawn_task(self, work: Any, name: str) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("sip_pool_task_failed", exc_info=task.exception())
