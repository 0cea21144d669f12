"""WAV headers and files, and any other sound file brought to 16 kHz mono."""

from __future__ import annotations

import io
import struct
import wave
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RATE_HZ = 16_000
OPEN_END = 0xFFFFFFFF  # a size nobody knows yet: players read to the end of the stream


def header(rate_hz: int, data_bytes: int | None = None) -> bytes:
    """The 44 bytes before mono s16le samples; *data_bytes* None for a stream of unknown length."""
    size = OPEN_END if data_bytes is None else data_bytes
    riff = OPEN_END if data_bytes is None else data_bytes + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, rate_hz * 2, 2, 16, b"data", size,
    )  # fmt: skip


def write(pcm: bytes, rate_hz: int = RATE_HZ) -> bytes:
    return header(rate_hz, len(pcm)) + pcm


def samples_16k(data: bytes, *, max_s: float) -> npt.NDArray[np.float32]:
    """Any sound file as mono float samples at 16 kHz: PCM WAV by hand, everything else through PyAV (ffmpeg).

    Raises:
        ValueError: it is no sound file, or longer than *max_s*.
    """
    import numpy as np

    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2:
                raise wave.Error("not 16 bit")
            if file.getnframes() > max_s * file.getframerate():
                raise ValueError(f"longer than {max_s:.0f} s")
            rate, channels = file.getframerate(), file.getnchannels()
            pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)
    except (wave.Error, EOFError):
        return _decode(data, max_s)
    mono = pcm.reshape(-1, channels).mean(axis=1, dtype=np.float32) if channels > 1 else pcm
    return resample(mono, rate, RATE_HZ)


def resample(samples: npt.NDArray[np.float32], from_hz: int, to_hz: int) -> npt.NDArray[np.float32]:
    if from_hz == to_hz:
        return samples
    import numpy as np
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)


def _decode(data: bytes, max_s: float) -> npt.NDArray[np.float32]:
    import av
    import numpy as np

    pieces: list[npt.NDArray[np.float32]] = []
    have = 0
    try:
        with av.open(io.BytesIO(data), "r") as file:
            if not file.streams.audio:
                raise ValueError("no sound in this file")
            to_house = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
            for frame in file.decode(audio=0):
                for converted in to_house.resample(frame):
                    pieces.append(np.asarray(converted.to_ndarray(), np.float32).ravel())
                    have += len(pieces[-1])
                if have > max_s * RATE_HZ:
                    raise ValueError(f"longer than {max_s:.0f} s")
    except av.FFmpegError as error:
        raise ValueError(f"not a sound file that can be read: {error}") from error
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
