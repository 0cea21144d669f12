"""Password hashing: argon2id (RFC 9106), on two threads of its own, so that no request waits on the event loop for it.

A hash takes some 50 ms and 64 MiB on purpose. Two at a time bound what a flood of sign-ins can take; the others queue
for a thread, and the limiter keeps that queue short.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..errors import Invalid

MIN_LENGTH = 10
MAX_LENGTH = 1024  # bytes; beyond it hashing would be a way to keep the processor busy
THREADS = 2
T = TypeVar("T")
# One-time passwords are read from a terminal and typed: no look-alikes.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class Passwords:
    """Hashes and checks. Close it: it owns threads."""

    def __init__(self, *, time_cost: int = 3, memory_kib: int = 65536) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._nobody = ""  # hash of a password no one has: what unknown users are checked against

    async def hash(self, password: str) -> str:
        return await self._run(self._hasher.hash, _bytes(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether *password* is the one that was hashed. *stored* None (no such user) takes as long and is False."""
        if not self._nobody:
            self._nobody = await self.hash(secrets.token_urlsafe(24))
        return await self._run(self._verify, stored or self._nobody, _bytes(password)) and stored is not None

    def outdated(self, stored: str) -> bool:
        """The hash was made with other parameters than today's; make it anew when the password is at hand."""
        return self._hasher.check_needs_rehash(stored)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _verify(self, stored: str, password: bytes) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def one_time_password() -> str:
    """Four groups of four, 79 bits: for a person to type once."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))


def check_new(password: str, *, email: str = "") -> None:
    """
    Raises:
        Invalid: too short, too long, or the user's own address. Length is what counts (NIST SP 800-63B §3.1.1).
    """
    if len(password) < MIN_LENGTH:
        raise Invalid(f"a password has at least {MIN_LENGTH} characters", code="password_too_short", field="new")
    if len(password.encode()) > MAX_LENGTH:
        raise Invalid("the password is too long", code="password_too_long", field="new")
    if password.strip().lower() == email.lower() or len(set(password)) < 4:
        raise Invalid("the password is too easy to guess", code="password_too_simple", field="new")


def _bytes(password: str) -> bytes:
    """The same key typed on two keyboards gives the same bytes (NFKC, as NIST SP 800-63B advises)."""
    return unicodedata.normalize("NFKC", password[:MAX_LENGTH]).encode()
