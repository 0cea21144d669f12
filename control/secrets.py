"""Secrets and ports that the product makes for itself on first start, kept in files only their owner can read."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from pathlib import Path


def keep_secret(path: Path) -> str:
    """The secret kept at *path*, made on first use."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    value = secrets.token_urlsafe(32)
    write_private(path, value)
    return value


def write_private(path: Path, text: str) -> None:
    """Write *text* to *path* with mode 0600; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def free_port(ip: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that is free now on *ip*."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((ip, 0))
        return int(probe.getsockname()[1])
