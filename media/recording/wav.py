"""The layout of a recording, and reading back one that a killed process may have left half-written.

RIFF, one ``fmt `` chunk of 16 bytes and one ``data`` chunk, 44 bytes in all before the samples. The sizes in it are
rewritten after each batch of samples, so at worst the file is a batch longer than it says. Functions here block: call
them in a thread.
"""

from __future__ import annotations

import math
import os
import struct
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from ..errors import NotARecording
from ..frames import RATE_HZ
from ..pcm import FULL_SCALE, MIN_DBOV

HEADER_BYTES: Final = 44
CHANNELS: Final = 2
BLOCK_BYTES: Final = 2 * CHANNELS  # one sample of each channel
MAX_DATA_BYTES: Final = 0xFFFFFFFF - HEADER_BYTES - 1 & ~(BLOCK_BYTES - 1)  # sizes have 32 bits: 18.6 hours
READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ChannelLevel:
    """How loud a channel is, as parts of full scale."""

    peak: float
    rms: float

    @property
    def dbov(self) -> float:
        return max(MIN_DBOV, 20 * math.log10(self.rms)) if self.rms > 0 else MIN_DBOV


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """A recording as it is on disk. ``levels``: left is the caller, right everybody else."""

    path: Path
    seconds: float
    channels: int
    rate_hz: int
    size: int  # bytes of the file
    levels: tuple[ChannelLevel, ...]
    lost_s: float = 0.0  # silence in place of sound that the disk didn't take in time
    paused_s: float = 0.0  # silence that was asked for

    @property
    def peak(self) -> tuple[float, ...]:
        return tuple(level.peak for level in self.levels)

    @property
    def rms(self) -> tuple[float, ...]:
        return tuple(level.rms for level in self.levels)


def header(data_bytes: int) -> bytes:
    """The 44 bytes in front of *data_bytes* of samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        HEADER_BYTES - 8 + data_bytes,
        b"WAVE",
        b"fmt ",
        16,
        1,  # PCM
        CHANNELS,
        RATE_HZ,
        RATE_HZ * BLOCK_BYTES,
        BLOCK_BYTES,
        16,
        b"data",
        data_bytes,
    )


class Loudness:
    """Peak and mean power of a channel, added up piece by piece."""

    __slots__ = ("count", "peak", "power")

    def __init__(self) -> None:
        self.peak, self.power, self.count = 0, 0.0, 0

    def add(self, x: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> None:
        if len(x):
            self.peak = max(self.peak, int(x.max()), -int(x.min()))
            y = x.astype(np.float32)
            self.power += float(np.dot(y, y))
            self.count += len(x)

    def add_silence(self, count: int) -> None:
        self.count += count

    def level(self) -> ChannelLevel:
        rms = math.sqrt(self.power / self.count) if self.count else 0.0
        return ChannelLevel(min(1.0, self.peak / FULL_SCALE), rms / FULL_SCALE)


@dataclass(frozen=True, slots=True)
class _Layout:
    channels: int
    rate_hz: int
    data_at: int
    data_bytes: int  # whole blocks that are really there
    declared: int
    ends: bool  # no other chunk follows the samples


def inspect(path: str | Path) -> RecordingInfo:
    """What is really in the WAV file at *path*, whatever its header says of its length.

    Raises:
        NotARecording: it isn't a 16-bit PCM WAV.
        OSError: it can't be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        layout = _read_layout(file, path)
        loudness = [Loudness() for _ in range(layout.channels)]
        file.seek(layout.data_at)
        left = layout.data_bytes
        while left > 0 and (piece := file.read(min(READ_BYTES - READ_BYTES % (2 * layout.channels), left))):
            left -= len(piece)
            x = np.frombuffer(piece, "<i2").reshape(-1, layout.channels)
            for channel, each in enumerate(loudness):
                each.add(x[:, channel])
        size = os.fstat(file.fileno()).st_size
    return RecordingInfo(
        path=path,
        seconds=layout.data_bytes / (2 * layout.channels) / layout.rate_hz,
        channels=layout.channels,
        rate_hz=layout.rate_hz,
        size=size,
        levels=tuple(each.level() for each in loudness),
    )


def repair(path: str | Path) -> RecordingInfo:
    """Make the header of a recording say how long it really is; half a sample at its end is cut off.

    Raises:
        NotARecording: it isn't a 16-bit PCM WAV.
        OSError: it can't be written.
    """
    path = Path(path)
    with path.open("r+b") as file:
        layout = _read_layout(file, path)
        end = layout.data_at + layout.data_bytes
        if layout.declared != layout.data_bytes or (layout.ends and os.fstat(file.fileno()).st_size != end):
            file.truncate(end)
            file.seek(layout.data_at - 4)
            file.write(struct.pack("<I", layout.data_bytes))
            file.seek(4)
            file.write(struct.pack("<I", layout.data_at - 8 + layout.data_bytes))
            file.flush()
            os.fsync(file.fileno())
    return inspect(path)


def _read_layout(file: BinaryIO, path: Path) -> _Layout:
    size = os.fstat(file.fileno()).st_size
    riff = file.read(12)
    if len(riff) < 12 or riff[:4] != b"RIFF" or riff[8:] != b"WAVE":
        raise NotARecording(f"{path} is not a WAV file")
    channels = rate = 0
    at = 12
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise NotARecording(f"{path} has no samples in it")
        name, length = head[:4], int.from_bytes(head[4:], "little")
        at += 8
        if name == b"data":
            break
        if name == b"fmt ":
            body = file.read(16)
            if len(body) < 16:
                raise NotARecording(f"{path} ends in its header")
            kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body)
            if kind != 1 or bits != 16 or not channels or not rate:
                raise NotARecording(f"{path} is not 16-bit PCM")
        at += length + (length & 1)
        file.seek(at)
    if not channels:
        raise NotARecording(f"{path} does not say what its samples are")
    there = size - at
    followed = _is_chunk(file, at + length + (length & 1), size)
    used = length if followed else there
    return _Layout(channels, rate, at, used - used % (2 * channels), length, not followed)


def _is_chunk(file: BinaryIO, at: int, size: int) -> bool:
    """Whether another chunk begins at *at*; else what is there are samples the header doesn't know of."""
    file.seek(at)
    head = file.read(8)
    fits = len(head) == 8 and at + 8 + int.from_bytes(head[4:], "little") <= size
    return fits and all(32 <= byte < 127 for byte in head[:4])


def write_wav(path: Path, pcm: bytes, *, rate_hz: int = RATE_HZ) -> None:
    """Write mono s16le *pcm* to *path*: prompts, and what a scripted phone says."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(pcm)
