"""The pool's side of the nursery (``sip.pj.nursery``): the process that forks workers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

from .errors import WorkerError

BORN_S: Final = 10.0  # loading pjsua2 for the first time included
MAX_PACKET: Final = 64 * 1024


class Birth:
    """A forked process, known by a pidfd: that one and never another with the same number."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, OSError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


class Nursery:
    """Starts with the first ``fork`` and again after its own death; workers it bore live on without it."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._starting = asyncio.Lock()

    async def fork(self, options: dict[str, Any], control: socket.socket) -> Birth:
        """A new worker with *control* as its socket; ``options["index"]`` tells it from others being born.

        Raises:
            WorkerError: none was born within BORN_S, or the nursery died.
        """
        async with self._starting:
            if self._socket is None:
                await self._start()
        assert self._socket is not None
        born: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[options["index"]] = born
        try:
            socket.send_fds(self._socket, [json.dumps(options).encode()], [control.fileno()])
            async with asyncio.timeout(BORN_S):
                return Birth(await born)
        except (OSError, TimeoutError) as error:
            raise WorkerError(f"no worker was born: {error!r}") from error
        finally:
            self._waiting.pop(options["index"], None)

    async def close(self) -> None:
        self._gone()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _start(self) -> None:
        if self._process is not None:
            await self._process.wait()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "sip.pj.nursery", str(theirs.fileno()), pass_fds=(theirs.fileno(),),
                cwd=Path(__file__).parent.parent, stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr.fileno(),
            )  # fmt: skip
        finally:
            theirs.close()
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._read)

    def _read(self) -> None:
        assert self._socket is not None
        try:
            packet = self._socket.recv(MAX_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._gone()
            return
        message = json.loads(packet)
        born = self._waiting.get(message["index"])
        if born is not None and not born.done():
            born.set_result(message["pid"])

    def _gone(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        for born in self._waiting.values():
            if not born.done():
                born.set_exception(WorkerError("the nursery died"))
