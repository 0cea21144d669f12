"""``attendance serve``: starts the product's processes in order, restarts what dies, stops them in order.

    PostgreSQL ─► rooms, speech ─► control ─► media × M ─► sip

A child gets its settings as a JSON file only we can read, says ``{"ready": true, …}`` on its standard output when it
serves, and stops by itself when its standard input closes, so that none outlives us. Ports left to chance are chosen
here once: a process that is restarted comes back where the others look for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from control.blueprint import Blueprint
from control.db.embedded import EmbeddedPostgres
from control.secrets import write_private

READY_S = 60.0  # a process that is not serving by then is started again
STOP_S = 8.0  # from SIGTERM to SIGKILL
BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)  # before the n-th restart within HEALTHY_S of the last
HEALTHY_S = 60.0
LOG_BYTES = 20_000_000

log = logging.getLogger(__name__)


class StartFailed(Exception):
    """A process did not come up; the message names its log file."""


@dataclass(slots=True)
class Child:
    """One supervised process: its program, its settings and what it said when it became ready."""

    name: str
    module: str
    settings: Mapping[str, Any]
    run_dir: Path
    log_dir: Path
    about: dict[str, Any] = field(default_factory=dict)  # its ready line
    restarts: int = 0
    process: asyncio.subprocess.Process | None = None
    _log: BinaryIO | None = None

    @property
    def log_path(self) -> Path:
        return self.log_dir / f"{self.name}.log"

    async def start(self) -> None:
        """Start it and wait for its ready line.

        Raises:
            StartFailed: it ended or said nothing within READY_S.
        """
        path = self.run_dir / f"{self.name}.json"
        write_private(path, json.dumps(self.settings))
        self._log = _open_log(self.log_path)
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.module, "--settings", str(path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._log,
            env=_environment(), start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(READY_S):
                line = await self.process.stdout.readline()
            self.about = json.loads(line)
        except (TimeoutError, ValueError) as error:
            await self.stop()
            raise StartFailed(f"{self.name} did not start; its log is {self.log_path}") from error

    async def ended(self) -> int:
        """Wait for its end; its exit code."""
        assert self.process is not None
        assert self.process.stdout is not None
        while await self.process.stdout.read(65536):
            pass  # nothing is expected after the ready line, but a full pipe would stop the process
        return await self.process.wait()

    async def stop(self) -> None:
        """SIGTERM, STOP_S to finish, then SIGKILL."""
        process = self.process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                log.warning("process_killed", extra={"child": self.name})
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None


class Supervisor:
    """Owns every process of one ``attendance serve``. ``async with`` starts and stops them all."""

    def __init__(self, blueprint: Blueprint, parts: frozenset[str] = frozenset({"all"})) -> None:
        self.blueprint = blueprint
        self.parts = parts
        self.children: list[Child] = []
        self._watchers: list[asyncio.Task[None]] = []
        self.database: EmbeddedPostgres | None = None  # where there is one
        self._stopping = False

    async def __aenter__(self) -> Supervisor:
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        plan = self.blueprint
        if self._wants("control") and not plan.database_url:
            self.database = EmbeddedPostgres(plan.state_dir, port=plan.database_port)
            plan.database_url = await asyncio.to_thread(self.database.start)
            self._watchers.append(asyncio.create_task(self._watch_database(self.database), name="watch postgres"))
        first = [spec for spec in plan.processes() if spec.stage == 0 and self._wants(spec.part)]
        await asyncio.gather(*(self._launch(spec.name, spec.module, spec.settings) for spec in first))
        for spec in plan.processes():
            if spec.stage > 0 and self._wants(spec.part):
                await self._launch(spec.name, spec.module, spec.settings)

    def _wants(self, part: str) -> bool:
        return "all" in self.parts or part in self.parts

    async def _launch(self, name: str, module: str, settings: Mapping[str, Any]) -> None:
        child = Child(name, module, settings, self.blueprint.run_dir, self.blueprint.log_dir)
        self.children.append(child)
        await child.start()
        self._watchers.append(asyncio.create_task(self._watch(child), name=f"watch {name}"))

    async def _watch(self, child: Child) -> None:
        """Restart *child* whenever it ends by itself, later and later while it keeps dying."""
        failures, started = 0, time.monotonic()
        while True:
            code = await child.ended()
            if self._stopping:
                return
            failures = 1 if time.monotonic() - started > HEALTHY_S else failures + 1
            log.error("process_ended", extra={"child": child.name, "exit_code": code, "failures": failures})
            await child.stop()
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S)) - 1])
            started = time.monotonic()
            child.restarts += 1
            try:
                await child.start()
                log.warning("process_restarted", extra={"child": child.name, "seconds": time.monotonic() - started})
            except StartFailed as error:
                log.error("process_not_restarted", extra={"child": child.name, "error": str(error)})

    async def _watch_database(self, database: EmbeddedPostgres) -> None:
        """Start PostgreSQL again when it ends by itself; its port stays, so that everybody finds it."""
        while True:
            await database.wait()
            log.error("process_ended", extra={"child": "postgres"})
            await asyncio.sleep(BACKOFF_S[0])
            try:
                await asyncio.to_thread(database.start)
            except Exception as error:
                log.error("process_not_restarted", extra={"child": "postgres", "error": str(error)})
                await asyncio.sleep(BACKOFF_S[-1])

    def about(self, name: str) -> dict[str, Any]:
        """What the process *name* said when it became ready; empty when it does not run here."""
        return next((child.about for child in self.children if child.name == name), {})

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for child in reversed(self.children):  # doors first, the database last
            await child.stop()
        if self.database is not None:
            await asyncio.to_thread(self.database.stop)


async def run(blueprint: Blueprint, parts: frozenset[str]) -> int:
    """Serve until SIGINT or SIGTERM; prints what a person needs to begin."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = time.monotonic()
    try:
        async with Supervisor(blueprint, parts) as product:
            print(welcome(product, time.monotonic() - began), flush=True)
            await stop.wait()
            print("Stopping…", flush=True)
    except StartFailed as error:
        print(f"attendance: {error}", file=sys.stderr)
        return 1
    return 0


def welcome(product: Supervisor, seconds: float) -> str:
    """The few lines a person acts on after the start."""
    control, sip = product.about("control"), product.about("sip")
    lines = [f"Attendance is up ({seconds:.1f} s)."]
    if control:
        lines.append(f"  Console   {control['url']}")
        first = control.get("first_user")
        if first:
            lines.append(f"            sign in as {first['email']}  one-time password {first['password']}")
    if sip.get("sip"):
        lines.append(f"  SIP       {sip['sip']}  (any SIP phone, no registration)")
        lines.append("  Try it    call that address from a softphone, or run: ./dev demo")
    elif sip:
        lines.append(f"  SIP       not available: {sip.get('reason', 'unknown')}")
    lines.append(f"  Logs      {product.blueprint.log_dir}")
    lines.append("  Stop      Ctrl-C")
    return "\n".join(lines)


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return open(path, "ab", buffering=0)


def _environment() -> dict[str, str]:
    """Our environment, with the numeric libraries told not to spin: dozens of processes share few cores."""
    quiet = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "MALLOC_ARENA_MAX": "2"}
    return {**quiet, **os.environ, "PYTHONUNBUFFERED": "1"}
