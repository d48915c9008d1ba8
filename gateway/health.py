"""Health and figures of one gateway: which part is ok, starting, degraded or down, and why."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_CHECK_LIMIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part's state: ok, starting, degraded or down; `reason` says what is the matter."""

    state: str
    reason: str = ""


Check = Callable[[], Awaitable[Part]]


class Health:
    """Ask every part, count what was served."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.registry = CollectorRegistry()
        self._checks: dict[str, Check] = {}
        self._refusing: set[str] = set()
        self._started = time.monotonic()
        self._requests = Counter(
            "frontline_http_requests_total", "Requests served.", ["method", "path", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "frontline_http_seconds",
            "Time to serve a request.",
            ["path"],
            registry=self.registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30),
        )
        self._loops: dict[str, str] = {}
        self._loop_deaths = Counter(
            "frontline_loop_deaths_total",
            "Background loops that died and were restarted.",
            ["loop"],
            registry=self.registry,
        )
        self.sockets = Gauge("frontline_sockets", "Open WebSockets.", ["kind"], registry=self.registry)

    def add(self, name: str, check: Check, *, refuses: bool = False) -> None:
        """Add a part. `refuses`: while it is down, messages are refused and readiness is 503."""
        self._checks[name] = check
        if refuses:
            self._refusing.add(name)

    def served(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def loop_died(self, name: str, reason: str) -> None:
        """A background loop died; it is restarted, and readiness says so meanwhile."""
        self._loops[name] = reason
        self._loop_deaths.labels(name).inc()

    def loop_lives(self, name: str) -> None:
        """A background loop runs (again)."""
        self._loops.pop(name, None)

    async def report(self) -> tuple[bool, dict[str, Part]]:
        """Return (messages are accepted, parts by name)."""
        parts: dict[str, Part] = {}
        for name, check in self._checks.items():
            try:
                parts[name] = await check()
            except Exception as exc:
                parts[name] = Part("down", type(exc).__name__)
        for name, reason in self._loops.items():
            parts[f"loop:{name}"] = Part("down", reason)
        accepting = all(parts[name].state in ("ok", "degraded") for name in self._refusing if name in parts)
        return accepting, parts

    def metrics(self) -> bytes:
        """The counters in Prometheus' text format."""
        return generate_latest(self.registry)
