"""Concurrent inbound calls to the whole product: each hears prompts and is recorded on both channels.

The callers are sipp's, on a line with background noise; CPU is that of every process of the product (gateway, workers,
media, control, speech, rooms, PostgreSQL, supervisor), without sipp's, while all calls are up.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import numpy as np

from media.recording import inspect
from tests.bench.__main__ import Bench
from tests.bench.sip_load import sipp_calls
from tests.bench.usage import cpu_by_program, tree
from tests.product import running, speech_ready

ABOUT = "100 calls that hear a prompt and are recorded: CPU per call, answered of offered"
FLOW = """' Fala sem parar, para medir: avisos de uns vinte segundos, um depois do outro.
FOR vez = 1 TO 50
    TALK "Olá! Obrigado por ligar. Aguarde na linha, por favor. " + _
         "Nosso horário de atendimento é das oito às dezoito horas. " + _
         "Para falar de um pedido, tenha o número em mãos. " + _
         "Esta ligação está sendo gravada. Você será atendido em instantes."
NEXT vez
"""


def noise(seconds: float, dbfs: float = -40.0) -> bytes:
    """Background of a quiet room: 16 kHz s16le."""
    level = 32767 * 10 ** (dbfs / 20)
    return (np.random.default_rng(1).normal(0, level, int(16_000 * seconds))).astype(np.int16).tobytes()


async def run(bench: Bench) -> None:
    calls = int(bench.options.get("calls", "100"))
    seconds = float(bench.options.get("seconds", "30"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "start.bas").write_text(FLOW, encoding="utf-8")
        settings = {
            "agents.dialect.flows_dir": folder,
            "sip.invites_per_second": 500.0,
            "media.processes": int(bench.options.get("media", "1")),
        }
        for _ in range(bench.runs):
            async with running(settings) as product:
                await speech_ready(product)
                await asyncio.sleep(2)
                await measure(bench, product.sip, product.state_dir, calls, seconds)


async def measure(bench: Bench, sip: str, state_dir: Path, calls: int, seconds: float) -> None:
    used: list[dict[str, float]] = []

    def take() -> None:
        used.append(cpu_by_program(tree(os.getpid())))

    with tempfile.TemporaryDirectory() as scratch:
        result = await sipp_calls(
            int(sip.rsplit(":", 1)[1]), Path(scratch), calls=calls, seconds=seconds, per_second=10,
            on_full=take, on_end=take,
            sound=noise(3.0),
        )  # fmt: skip
    await asyncio.sleep(5)  # the last writes
    both = 0
    for path in (state_dir / "recordings").rglob("*.wav"):
        info = inspect(path)
        both += info.seconds > seconds and all(level.rms > 0.001 for level in info.levels)
    before, after = used
    spent = {name: 100 * (value - before.get(name, 0.0)) / seconds / calls for name, value in after.items()}
    spent.pop("sipp", None)
    bench.add("core_pct_per_call", sum(spent.values()), "%")
    for name, value in spent.items():
        bench.add(f"core_pct_per_call.{name}", value, "%")
    bench.add("offered", result.offered, "calls")
    bench.add("answered", result.answered, "calls")
    bench.add("recorded_both_channels", both, "calls")
    bench.add("setup_p50_ms", result.setup(50), "ms")
    bench.add("setup_p95_ms", result.setup(95), "ms")
