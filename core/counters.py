"""Counters for `/metrics`: one registry, handed in like the clock.

A name is used with the same labels everywhere; the first use declares it. Names are lower-case words joined by
underscores, with the unit at the end (`turn_seconds`); the prefix `frontline_` is added here. Labels take few
values: kinds and codes, never ids.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Turns take tens of milliseconds, uploads and platform calls seconds.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0)


class Counters:
    """All counters of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}

    def count(self, name: str, by: float = 1, /, **labels: str) -> None:
        """Add to a counter."""
        counter = self._counters.get(name)
        if counter is None:
            counter = Counter(f"frontline_{name}", _about(name), sorted(labels), registry=self.registry)
            self._counters[name] = counter
        (counter.labels(**labels) if labels else counter).inc(by)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        """Add a duration to a histogram."""
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = Histogram(
                f"frontline_{name}", _about(name), sorted(labels), registry=self.registry, buckets=_SECONDS
            )
            self._histograms[name] = histogram
        (histogram.labels(**labels) if labels else histogram).observe(seconds)

    def show(self, name: str, value: float, /, **labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = Gauge(f"frontline_{name}", _about(name), sorted(labels), registry=self.registry)
            self._gauges[name] = gauge
        (gauge.labels(**labels) if labels else gauge).set(value)

    def value(self, name: str, /, **labels: str) -> float:
        """The present value of a counter or gauge, 0 when it was never used (for tests and the live board)."""
        for suffix in ("_total", ""):
            found = self.registry.get_sample_value(f"frontline_{name}{suffix}", labels or None)
            if found is not None:
                return found
        return 0.0

    def render(self) -> bytes:
        """Everything in Prometheus's text form (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)


def _about(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."
