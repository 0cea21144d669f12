"""CPU and memory of a tree of processes, as the kernel counts them."""

from __future__ import annotations

from collections.abc import Iterable

import psutil


def tree(pid: int, but: Iterable[int] = ()) -> list[psutil.Process]:
    """The process *pid* and everything below it, without the trees of *but*."""
    left_out = {child.pid for other in but for child in [psutil.Process(other), *psutil.Process(other).children(True)]}
    root = psutil.Process(pid)
    return [process for process in [root, *root.children(recursive=True)] if process.pid not in left_out]


def cpu_s(processes: Iterable[psutil.Process]) -> float:
    """Seconds of processor time used so far; a process that has ended counts through its parent's children time."""
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def cpu_by_program(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """``cpu_s``, by the module (``sip.pj.nursery``) or program that each process runs."""
    used: dict[str, float] = {}
    for process in processes:
        try:
            name, times = program(process), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used[name] = used.get(name, 0.0) + times.user + times.system
    return used


def program(process: psutil.Process) -> str:
    command = process.cmdline()
    if "postgres" in process.name():
        return "postgres"
    module = "python" in process.name() and "-m" in command[:-1]
    return str(command[command.index("-m") + 1] if module else process.name())


def pss_mb(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """Proportional set size in MB (10^6 bytes): shared pages counted once, divided among those that share them."""
    sizes: dict[str, float] = {}
    for process in processes:
        try:
            name = program(process)
            size = process.memory_full_info().pss / 1e6
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        sizes[name] = sizes.get(name, 0.0) + size
    return sizes
