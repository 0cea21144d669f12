"""What the product counts, as Prometheus text.

A counter lives where the thing happens (the bus, the hub, the limiter, a queue); it is *watched* here by a function
that reads it, so nothing that counts knows who asks. Every bounded queue's drops come out this way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Kind = Literal["counter", "gauge"]
Samples = float | Iterable[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class _Watched:
    kind: Kind
    name: str
    help: str
    read: Callable[[], Samples]


class Metrics:
    """One registry a process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._watched: list[_Watched] = []
        self._registry.register(self)
        self._requests = Counter(
            "attendance_http_requests", "HTTP requests.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "attendance_http_request_seconds",
            "Time to answer an HTTP request.",
            ("route",),
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
            registry=self._registry,
        )

    def watch(self, kind: Kind, name: str, help: str, read: Callable[[], Samples]) -> None:
        """Show what *read* returns: a number, or numbers with labels. It runs on the event loop and must not block."""
        self._watched.append(_Watched(kind, name, help, read))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry while it writes. A reader that fails is left out and logged: the rest still counts."""
        for watched in self._watched:
            try:
                samples = watched.read()
            except Exception:
                log.exception("metric_failed", extra={"metric": watched.name})
                continue
            labelled = [({}, float(samples))] if isinstance(samples, (int, float)) else list(samples)
            names = list(labelled[0][0]) if labelled else []
            family = CounterMetricFamily if watched.kind == "counter" else GaugeMetricFamily
            metric = family(watched.name, watched.help, labels=names)
            for labels, value in labelled:
                metric.add_metric([str(labels[name]) for name in names], value)
            yield metric
