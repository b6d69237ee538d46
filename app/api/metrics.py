"""What Prometheus reads: latency, ends by kind, queue and children."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest

_BUCKETS = (0.002, 0.005, 0.008, 0.012, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Numbers in `Evaluator.status()` that are shown as gauges: key -> (name, help).
_GAUGES = {
    "children": ("gradwalk_children", "Jailed processes, waiting or running."),
    "idle": ("gradwalk_children_idle", "Jailed processes that wait for a program."),
    "running": ("gradwalk_programs_running", "Programs that run now."),
    "queued": ("gradwalk_programs_queued", "Requests that wait for a process."),
}


class Metrics:
    """One registry an application, so that tests and replicas don't mix."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "gradwalk_request_seconds",
            "Time from the request's head to the end of the answer.",
            ("route", "method", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._programs = Histogram(
            "gradwalk_program_seconds",
            "Time that a program took, with its wait for a process, by how it ended.",
            ("end",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "gradwalk_refused_total",
            "Programs that were not run, by reason.",
            ("reason",),
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_Pool(status))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, status).observe(seconds)

    def program(self, end: str, seconds: float) -> None:
        """`end` is "ok" or the kind of the trace's error."""
        self._programs.labels(end).observe(seconds)

    def refused(self, reason: str) -> None:
        self._refused.labels(reason).inc()

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Pool:
    """Reads the pool's own numbers at the moment of the scrape."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        status = self._status()
        for key, (name, text) in _GAUGES.items():
            if key in status:
                yield GaugeMetricFamily(name, text, value=float(status[key]))
