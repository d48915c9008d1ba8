"""The action endpoint that Rasa calls, on its own loopback port. Never writes; answers 200 whatever happens."""

from __future__ import annotations

import asyncio
import hmac
import json
import zlib

import structlog
from aiohttp import web

from bot.actions import exchange_id, run_action
from core.errors import TooLarge
from gateway.http.kit import MAX_BODY_BYTES, Access, Route, read_limited, reply
from gateway.services import services

log = structlog.get_logger(__name__)

# A tracker is longer than a customer's request.
_LIMIT = 16 * MAX_BODY_BYTES
# Rasa waits for the action, the customer for both; a search that takes longer is answered without.
_SEARCH_WAIT_S = 0.8


async def actions(request: web.Request) -> web.StreamResponse:
    """Carry out one custom action. A wrong token is the only refusal."""
    parts = services(request)
    shown = request.headers.get("Authorization", "")
    if not hmac.compare_digest(shown.encode(), f"Bearer {parts.settings.action_token}".encode()):
        return web.Response(status=401)
    try:
        raw = await read_limited(request, _LIMIT)
        # aiohttp undoes the encoding when it is declared; Rasa's compression setting sends it bare.
        payload = json.loads(raw if raw[:1] in (b"{", b" ") else zlib.decompress(raw))
    except (ValueError, zlib.error, TooLarge):
        log.warning("actions.unreadable")
        payload = {}
    if isinstance(payload, dict):
        found = exchange_id(payload)
        if found is not None:
            try:
                async with asyncio.timeout(_SEARCH_WAIT_S):
                    search = await parts.turns.search_of(found)
            except TimeoutError:
                search = None
            if search is not None:
                payload["search"] = search
    return reply(run_action(payload if isinstance(payload, dict) else {}))


ROUTES = (Route("POST", "/actions", actions, Access.ASSISTANT),)
