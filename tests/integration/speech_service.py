"""The real speech process for a test session, and a telephone line to speak to it through."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.speech import SpeechClient

KEY = "a key of the tests"
START_S = 60.0


@dataclass
class SpeechProcess:
    """``python -m agents.speech.process`` with its models in *state_dir*."""

    state_dir: Path
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    url: str = ""

    async def start(self) -> None:
        settings = self.state_dir / "settings.json"
        settings.write_text(json.dumps({"port": self.port, "api_key": KEY, "state_dir": str(self.state_dir)}))
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agents.speech.process", "--settings", str(settings),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            ready = json.loads(await self.process.stdout.readline())
        assert ready["ready"] is True
        self.url = ready["url"]
        self.port = int(self.url.rpartition(":")[2])

    async def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.terminate()
        async with asyncio.timeout(10):
            return await self.process.wait()

    async def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


@asynccontextmanager
async def speech_service(state_dir: Path) -> AsyncIterator[tuple[SpeechProcess, SpeechClient]]:
    """A running service with both models loaded, and a client of it."""
    service = SpeechProcess(state_dir)
    await service.start()
    try:
        async with SpeechClient(service.url, KEY, patience_s=START_S) as client:
            await client.wait_ready(START_S)
            yield service, client
    finally:
        await service.stop()


def over_the_telephone(pcm: bytes) -> bytes:
    """16 kHz s16le as it arrives after a G.711 mu-law line: 8 kHz, 8 bits (ITU-T G.711), and back."""
    import soxr

    line = soxr.resample(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768, 16_000, 8_000)
    linear = (line * 32767).clip(-32635, 32635).astype(np.int32)
    biased = np.minimum(np.abs(linear) + 132, 32767)
    exponent = np.clip(np.floor(np.log2(biased)).astype(np.int32) - 7, 0, 7)
    mantissa = (biased >> (exponent + 3)) & 15
    decoded = ((((mantissa << 3) + 132) << exponent) - 132) * np.where(linear < 0, -1, 1)
    back = soxr.resample(decoded.astype(np.float32) / 32768, 8_000, 16_000)
    return bytes((back * 32767).clip(-32768, 32767).astype("<i2").tobytes())
