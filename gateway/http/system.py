"""Health, figures for operators, the OpenAPI document."""

from __future__ import annotations

from aiohttp import web

from core.errors import Forbidden
from gateway.http.kit import OPEN, Route, address, reply
from gateway.services import services

_OPENAPI = web.AppKey("openapi", dict)
OPENAPI = _OPENAPI


async def live(request: web.Request) -> web.StreamResponse:
    """The process runs; touches nothing else."""
    return reply({"status": "ok"})


async def ready(request: web.Request) -> web.StreamResponse:
    """200 as soon as messages are accepted, with each part's state; 503 only while messages are refused."""
    health = services(request).health
    accepting, parts = await health.report()
    data = {
        "accepting": accepting,
        "complete": all(part.state == "ok" for part in parts.values()),
        "version": health.version,
        "parts": {name: {"state": part.state, "reason": part.reason} for name, part in parts.items()},
    }
    return reply(data, 200 if accepting else 503)


async def metrics(request: web.Request) -> web.StreamResponse:
    """Counters for Prometheus; from this machine or a trusted proxy only, since they tell the load."""
    if address(request) not in ("127.0.0.1", "::1", ""):
        raise Forbidden("metrics")
    return web.Response(body=services(request).health.metrics(), content_type="text/plain", charset="utf-8")


async def openapi(request: web.Request) -> web.StreamResponse:
    return reply(request.app[_OPENAPI])


ROUTES = (
    Route("GET", "/health/live", live, OPEN),
    Route("GET", "/health/ready", ready, OPEN),
    Route("GET", "/metrics", metrics, OPEN),
    Route("GET", "/api/v1/openapi.json", openapi, OPEN, summary="This document"),
)
