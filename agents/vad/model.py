"""The model behind the gate: Silero (MIT), the ONNX file that comes inside faster-whisper.

One session serves every call of a process; what a call needs of its own is 1 KB of state. It runs in one thread of its
own, so neither the media clock nor another call waits for it.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

import numpy as np

from .. import assets
from ..errors import ModelMissing

WINDOW = 512  # samples of 16 kHz
WINDOW_S = WINDOW / 16_000
CONTEXT = 64  # samples of the window before, which the model sees again
FILE = "assets/silero_vad_v6.onnx"


class VadStream(Protocol):
    """One caller's detector: fed PCM of any length, gives one probability for every whole window."""

    async def feed(self, pcm: bytes) -> list[float]: ...

    def reset(self) -> None:
        """Forget what was heard; the next frame does not follow on the last one."""
        ...


class SharedVad(Protocol):
    def stream(self) -> VadStream: ...


class VadPool:
    """The process's model and its one thread. Loaded at the first use, or before it with ``warm``."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="vad")
        self._session: Any = None

    def stream(self) -> VadStream:
        return _SileroStream(self)

    async def warm(self) -> None:
        """Load the model now.

        Raises:
            ModelMissing: faster-whisper is not installed or its file is broken.
        """
        await asyncio.get_running_loop().run_in_executor(self._pool, self.load)

    def load(self) -> Any:
        if self._session is None:
            import onnxruntime as ort

            options = ort.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.enable_cpu_mem_arena = False
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            path = assets.package_dir("faster_whisper") / FILE
            try:
                self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # onnxruntime's own errors share no public base
                raise ModelMissing(f"the voice detector {path} can't be loaded: {error}") from error
        return self._session

    async def run(self, work: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


@cache
def process_pool() -> VadPool:
    """The one pool of this process; it lives as long as the process."""
    return VadPool()


class _SileroStream:
    def __init__(self, pool: VadPool) -> None:
        self._pool = pool
        self.reset()

    def reset(self) -> None:
        self._rest = b""
        self._context = np.zeros(CONTEXT, np.float32)
        self._hidden = np.zeros((1, 1, 128), np.float32)
        self._cell = np.zeros((1, 1, 128), np.float32)

    async def feed(self, pcm: bytes) -> list[float]:
        """As ``VadStream.feed``. One call at a time a stream.  Cancelled: the stream must be reset."""
        pcm = self._rest + pcm
        whole = len(pcm) // (2 * WINDOW)
        self._rest = pcm[whole * 2 * WINDOW :]
        if not whole:
            return []
        probabilities: list[float] = await self._pool.run(self._infer, pcm[: whole * 2 * WINDOW], whole)
        return probabilities

    def _infer(self, pcm: bytes, windows: int) -> list[float]:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0
        given = np.empty((windows, CONTEXT + WINDOW), np.float32)
        given[:, CONTEXT:] = samples.reshape(windows, WINDOW)
        given[0, :CONTEXT] = self._context
        given[1:, :CONTEXT] = given[:-1, -CONTEXT:]
        self._context = given[-1, -CONTEXT:].copy()
        feed = {"input": given, "h": self._hidden, "c": self._cell}
        out, self._hidden, self._cell = self._pool.load().run(None, feed)
        return [float(p) for p in out.ravel()]
