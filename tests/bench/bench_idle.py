"""The product with nobody calling: processor and memory of all its processes."""

from __future__ import annotations

import asyncio
import os
import time

from tests.bench.__main__ import Bench
from tests.bench.usage import cpu_s, pss_mb, tree
from tests.product import running

ABOUT = "the idle product: percent of one core, PSS in MB"


async def run(bench: Bench) -> None:
    seconds = float(bench.options.get("seconds", "20"))
    async with running():
        await asyncio.sleep(20)  # models loaded, prompts rendered
        for _ in range(bench.runs):
            processes = tree(os.getpid())
            before, began = cpu_s(processes), time.monotonic()
            await asyncio.sleep(seconds)
            bench.add("core_pct", 100 * (cpu_s(processes) - before) / (time.monotonic() - began), "%")
            sizes = pss_mb(processes)
            own = sizes.pop("tests.bench", 0.0)  # this program stands where the supervisor does
            bench.add("pss_mb", sum(sizes.values()) + own, "MB")
        for name, size in sizes.items():
            bench.add(f"pss_mb.{name}", size, "MB")
