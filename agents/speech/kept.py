"""Sentences already spoken: the latest in memory, rendered prompts also on disk.

Only what ``render`` was asked for goes to disk: prompts of a flow, never a caller's name. The disk folder is bounded;
the files unused for longest give way.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections import OrderedDict
from pathlib import Path


class Kept:
    """PCM by key. Methods that touch the disk block for a millisecond or less; call them in a thread under load."""

    def __init__(self, folder: Path, *, memory_bytes: int = 24 << 20, disk_bytes: int = 256 << 20) -> None:
        self._folder, self._memory_bytes, self._disk_bytes = folder, memory_bytes, disk_bytes
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self.hits = self.misses = 0
        folder.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def key(sentence: str, voice: str, language: str, engine: str) -> str:
        return hashlib.sha256("\x00".join((engine, voice, language, sentence)).encode()).hexdigest()[:40]

    def has(self, key: str) -> bool:
        return key in self._memory or self._path(key).exists()

    def on_disk(self, key: str) -> bool:
        return self._path(key).exists()

    def get(self, key: str) -> bytes | None:
        pcm = self._memory.get(key)
        if pcm is None:
            with contextlib.suppress(OSError):
                pcm = self._path(key).read_bytes()
                os.utime(self._path(key))
                self._remember(key, pcm)
        else:
            self._memory.move_to_end(key)
        if pcm is None:
            self.misses += 1
        else:
            self.hits += 1
        return pcm

    def put(self, key: str, pcm: bytes, *, disk: bool) -> None:
        """Keep *pcm*; with *disk* it outlives the process. A full disk costs the copy on disk, nothing else."""
        self._remember(key, pcm)
        if disk:
            with contextlib.suppress(OSError):
                self._write(key, pcm)

    def trim(self) -> int:
        """Bring the folder below its bound; how many files gave way."""
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*.pcm"))
        total, gone = sum(size for _, size, _ in files), 0
        for _, size, path in files:
            if total <= self._disk_bytes:
                break
            path.unlink(missing_ok=True)
            total, gone = total - size, gone + 1
        return gone

    def _remember(self, key: str, pcm: bytes) -> None:
        self._size += len(pcm) - len(self._memory.pop(key, b""))
        self._memory[key] = pcm
        while self._size > self._memory_bytes and self._memory:
            self._size -= len(self._memory.popitem(last=False)[1])

    def _write(self, key: str, pcm: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".part")
        try:
            with os.fdopen(handle, "wb") as part:
                part.write(pcm)
            os.replace(name, self._path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.pcm"
