"""Writing a call to disk while it happens.

    clock ── write(left, right) ─► two lists of frames ── once a second ─► writer thread: interleave, pwrite, header

At the clock's pace nothing happens but two appends. One thread writes for all recorders of a process, in order. After
each batch the header is right again, so a process that is killed leaves a file that plays, short by at most one batch.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import RecordingUnwritable
from ..frames import FRAME_S, FRAME_SAMPLES, FRAMES_PER_S, SILENCE, Frame
from ..pcm import Samples
from ..stats import Counters
from .wav import BLOCK_BYTES, CHANNELS, HEADER_BYTES, MAX_DATA_BYTES, Loudness, RecordingInfo, header

MAX_WAITING_S: Final = 30.0  # for a disk that hangs; what comes on top becomes silence
FRAME_BLOCK_BYTES: Final = FRAME_SAMPLES * BLOCK_BYTES

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RecorderStats(Counters):
    frames: int = 0
    lost: int = 0  # frames that became silence because the disk was slow or refused
    paused: int = 0
    write_errors: int = 0


@cache
def _shared_writer() -> Executor:
    return ThreadPoolExecutor(1, thread_name_prefix="ThreadPoolExecutor-recording")


class DualRecorder:
    """One call's recording. ``write`` is the bridge's, once each 20 ms; it never blocks and never raises.

    The recording's second *t* is the call's second *t*: pauses, skipped ticks and what the disk didn't take are
    silence. A disk that refuses is tried again with every batch.
    """

    def __init__(self, path: Path, descriptor: int, *, flush_s: float, writer: Executor) -> None:
        """Use ``open``."""
        self.path = path
        self.stats = RecorderStats()
        self._descriptor = descriptor
        self._writer = writer
        self._batch = max(1, round(flush_s * FRAMES_PER_S))
        self._max_waiting = max(self._batch, round(MAX_WAITING_S * FRAMES_PER_S))
        self._left: list[Frame] = []
        self._right: list[Frame] = []
        self._paused = False
        self._closing: asyncio.Future[RecordingInfo] | None = None
        self._lock = threading.Lock()  # guards _waiting, which both threads count
        self._waiting = 0  # frames handed to the writer and not yet written
        # Below: the writer's thread only, until closed.
        self._written = 0  # bytes of samples in the file
        self._owed = 0  # frames of silence to write before anything else
        self._loudness = (Loudness(), Loudness())

    @classmethod
    async def open(cls, path: str | Path, *, flush_s: float = 1.0, writer: Executor | None = None) -> DualRecorder:
        """Create the file at *path* (which must not exist yet) and record into it.

        *flush_s* is how much may be lost when the process is killed. *writer* must run one job at a time, in order;
        by default all recorders of a process share a thread.

        Raises:
            RecordingUnwritable: the folder is missing, full or not ours, or the file exists.
        """
        path = Path(path)
        writer = writer or _shared_writer()
        try:
            descriptor = await asyncio.wrap_future(writer.submit(_create, path))
        except OSError as error:
            raise RecordingUnwritable(f"{path} can't be created: {error.strerror}") from error
        return cls(path, descriptor, flush_s=flush_s, writer=writer)

    @property
    def seconds(self) -> float:
        """How long the recording is by now, counting what isn't on disk yet."""
        return self.stats.frames * FRAME_S

    @property
    def is_paused(self) -> bool:
        return self._paused

    def write(self, left: Frame, right: Frame) -> None:
        """20 ms of both channels. After ``close`` nothing happens."""
        stats = self.stats
        if self._closing is not None:
            return
        stats.frames += 1
        if self._paused:
            stats.paused += 1
            left = right = SILENCE
        self._left.append(left)
        self._right.append(right)
        if len(self._left) >= self._batch:
            self._hand_over()

    def skip(self, frames: int) -> None:
        """Time that passed without anybody looking: silence."""
        for _ in range(frames):
            self.write(SILENCE, SILENCE)

    def pause(self) -> None:
        """Record silence from now on (a card number is being read out)."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    async def close(self) -> RecordingInfo:
        """Write what is left, sync the file and say what is in it. Later calls get the same answer.

        Cancelled: the file is finished all the same.

        Raises:
            RecordingUnwritable: the disk refused to the end; what is on it up to then can be read.
        """
        if self._closing is None:
            self._hand_over()
            self._closing = asyncio.wrap_future(self._writer.submit(self._finish))
            self._closing.add_done_callback(_looked_at)
        try:
            return await asyncio.shield(self._closing)
        except OSError as error:
            raise RecordingUnwritable(f"{self.path} could not be finished: {error.strerror}") from error

    def _hand_over(self) -> None:
        left, right = self._left, self._right
        if not left:
            return
        self._left, self._right = [], []
        with self._lock:
            late = self._waiting + len(left) > self._max_waiting
            self._waiting += 0 if late else len(left)
        if late:
            self.stats.lost += len(left)
            job: Future[None] = self._writer.submit(self._owe, len(left))
        else:
            job = self._writer.submit(self._write_batch, left, right)
        job.add_done_callback(_log_failure)

    # ── on the writer's thread ────────────────────────────────────────────────────────────────────────────────────────

    def _owe(self, frames: int) -> None:
        self._owed += frames

    def _write_batch(self, left: list[Frame], right: list[Frame]) -> None:
        count = len(left)
        try:
            self._write_owed()
            data, alone = self._interleave(left, right)
            self._append(data)
            for loudness, x in zip(self._loudness, alone, strict=True):
                if x is None:
                    loudness.add_silence(count * FRAME_SAMPLES)
                else:
                    loudness.add(x)
        except OSError as error:
            self.stats.write_errors += 1
            self.stats.lost += count
            self._owed += count
            if self.stats.write_errors == 1:
                log.error("recording_write_failed", extra={"path": str(self.path), "error": str(error)})
        finally:
            with self._lock:
                self._waiting -= count

    def _interleave(self, left: list[Frame], right: list[Frame]) -> tuple[bytes, list[Samples | None]]:
        """Both channels as the file has them, and each alone (None: silence)."""
        both = np.zeros((len(left) * FRAME_SAMPLES, CHANNELS), "<i2")
        alone: list[Samples | None] = []
        for channel, frames in enumerate((left, right)):
            if all(frame is SILENCE for frame in frames):
                alone.append(None)
            else:
                x = np.frombuffer(b"".join(frames), "<i2")
                both[:, channel] = x
                alone.append(x)
        return both.tobytes(), alone

    def _write_owed(self) -> None:
        """Silence for what was lost: a hole in the file, which costs no disk."""
        if self._owed:
            for loudness in self._loudness:
                loudness.add_silence(self._owed * FRAME_SAMPLES)
            self._written += self._owed * FRAME_BLOCK_BYTES
            self._owed = 0
            os.ftruncate(self._descriptor, HEADER_BYTES + min(self._written, MAX_DATA_BYTES))

    def _append(self, data: bytes) -> None:
        if self._written + len(data) > MAX_DATA_BYTES:
            raise OSError(27, "the recording is as long as a WAV file can be")  # EFBIG
        view, at = memoryview(data), HEADER_BYTES + self._written
        while view:
            done = os.pwrite(self._descriptor, view, at)
            view, at = view[done:], at + done
        self._written += len(data)
        os.pwrite(self._descriptor, header(self._written), 0)

    def _finish(self) -> RecordingInfo:
        try:
            self._write_owed()
            os.pwrite(self._descriptor, header(min(self._written, MAX_DATA_BYTES)), 0)
            os.fsync(self._descriptor)
        finally:
            os.close(self._descriptor)
        return RecordingInfo(
            path=self.path,
            seconds=self._written / BLOCK_BYTES / (FRAMES_PER_S * FRAME_SAMPLES),
            channels=CHANNELS,
            rate_hz=FRAMES_PER_S * FRAME_SAMPLES,
            size=HEADER_BYTES + self._written,
            levels=tuple(loudness.level() for loudness in self._loudness),
            lost_s=self.stats.lost * FRAME_S,
            paused_s=self.stats.paused * FRAME_S,
        )


def _create(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, header(0), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _log_failure(job: Future[None]) -> None:
    if not job.cancelled() and (error := job.exception()) is not None:
        log.error("recording_writer_failed", exc_info=error)


def _looked_at(closing: asyncio.Future[RecordingInfo]) -> None:
    """A closer that was cancelled leaves nobody to look at the outcome."""
    if not closing.cancelled():
        closing.exception()
