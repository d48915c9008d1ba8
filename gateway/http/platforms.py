"""Where platforms call: `/connectors/{kind}/{account}`. The answer waits for the database, never for the bot."""

from __future__ import annotations

from aiohttp import web

from connectors.seam import MAX_PUSH_BYTES
from gateway.http.kit import PLATFORM, Route, read_limited
from gateway.services import services


async def check(request: web.Request) -> web.StreamResponse:
    """The platform's URL check: its echo, byte for byte."""
    parts = services(request)
    connector, channel = await parts.connectors.channel(request.match_info["kind"], request.match_info["account"])
    return web.Response(text=connector.check(channel, request.query), content_type="text/plain")


async def push(request: web.Request) -> web.StreamResponse:
    """One push. Stored first, acknowledged then; a repeat is acknowledged alike."""
    parts = services(request)
    raw = await read_limited(request, MAX_PUSH_BYTES)
    kind, account = request.match_info["kind"], request.match_info["account"]
    answer = await parts.connectors.push(kind, account, request.query, raw, parts.intake)
    return web.Response(text=answer, content_type="text/plain")


ROUTES = (
    Route("GET", "/connectors/{kind}/{account}", check, PLATFORM),
    Route("POST", "/connectors/{kind}/{account}", push, PLATFORM),
)
