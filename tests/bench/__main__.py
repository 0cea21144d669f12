"""``./dev bench``: the benchmarks. ``./dev bench NAME --json`` runs one and prints one object.

A benchmark is a module of this package with ``ABOUT`` (one line) and ``async run(bench: Bench) -> None`` that adds
figures. It is never a test: it asserts nothing about speed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import pkgutil
import platform
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import tests.bench

ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Bench:
    """What one run collects: figures by name, each with the values of its runs."""

    runs: int
    options: dict[str, str] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    compared_with: str = ""

    def add(self, figure: str, value: float, unit: str) -> None:
        self.values.setdefault(figure, []).append(float(value))
        self.units[figure] = unit

    def figures(self) -> dict[str, Any]:
        return {
            name: {
                "value": round(statistics.median(values), 4), "unit": self.units[name],
                "min": round(min(values), 4), "median": round(statistics.median(values), 4),
                "max": round(max(values), 4), "runs": len(values),
            }
            for name, values in self.values.items()
        }  # fmt: skip


def machine() -> dict[str, Any]:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory_gb = round(psutil.virtual_memory().total / 2**30, 1)
    return {"cpu": model, "cores": psutil.cpu_count(), "memory_gb": memory_gb, "python": platform.python_version()}


def build() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def benchmarks() -> dict[str, Any]:
    found = {}
    for info in pkgutil.iter_modules(tests.bench.__path__):
        if info.name.startswith("bench_"):
            found[info.name.removeprefix("bench_")] = importlib.import_module(f"tests.bench.{info.name}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("name", nargs="?")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the benchmark")
    arguments = parser.parse_args()
    known = benchmarks()
    if arguments.name is None:
        for name, module in sorted(known.items()):
            print(f"{name:12} {module.ABOUT}")
        return 0
    if arguments.name not in known:
        print(f"no benchmark {arguments.name}; there are: {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    bench = Bench(arguments.runs, dict(item.split("=", 1) for item in arguments.set))
    asyncio.run(known[arguments.name].run(bench))
    result = {
        "name": arguments.name, "figures": bench.figures(), "compared_with": bench.compared_with,
        "machine": machine(), "build": build(),
    }  # fmt: skip
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, figure in result["figures"].items():
            spread = f"(min {figure['min']}, max {figure['max']}, runs {figure['runs']})"
            print(f"{name:28} {figure['median']:>12} {figure['unit']:6} {spread}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
