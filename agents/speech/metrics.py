"""Counters of the speech service as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterator

from .engines import Engines


def text(engines: Engines) -> str:
    return "\n".join(_lines(engines)) + "\n"


def _lines(engines: Engines) -> Iterator[str]:
    for work in (engines.stt_work, engines.tts_work):
        label = f'{{kind="{work.name}"}}'
        yield f"attendance_speech_waiting{label} {work.waiting}"
        yield f"attendance_speech_done_total{label} {work.stats.done}"
        yield f"attendance_speech_failed_total{label} {work.stats.failed}"
        yield f"attendance_speech_shed_total{label} {work.stats.shed}"
        yield f"attendance_speech_abandoned_total{label} {work.stats.abandoned}"
        yield f"attendance_speech_busy_seconds_total{label} {work.stats.busy_s:.3f}"
    yield f"attendance_speech_prompt_hits_total {engines.kept.hits}"
    yield f"attendance_speech_prompt_misses_total {engines.kept.misses}"
    yield f"attendance_speech_rendering {engines.rendering}"
