"""A stand-in for the assistant that speaks the wire of `nlu/README.md` and can be stopped at every point of a turn.

A turn is recorded when it ends, as the real one does it; the same exchange again waits for a turn that still runs and
is answered with what was recorded. Whoever asked may be dead by then: the turn goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "stand-in-token-for-tests"
_MODEL = "stand-in.tar.gz"


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class StandIn:
    """`before_turn` and `before_answer` are gates: closed (`clear`), turns wait there."""

    url: str = ""
    posts: Counter[str] = field(default_factory=Counter)
    """How often each exchange was posted."""
    turns: Counter[str] = field(default_factory=Counter)
    """How often each exchange became a turn of a conversation."""
    before_turn: asyncio.Event = field(default_factory=_open_gate)
    before_answer: asyncio.Event = field(default_factory=_open_gate)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when somebody posts."""
    recorded: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a turn is recorded."""
    _events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def receive(self, request: web.Request) -> web.Response:
        """One turn."""
        body = await request.json()
        sender, exchange_id = body["sender"], body["metadata"]["exchange_id"]
        self.posts[exchange_id] += 1
        self.arrived.set()
        async with self._locks[sender]:
            known = self._answer_to(sender, exchange_id)
            if known is None:
                await self.before_turn.wait()
                known = self._take(sender, exchange_id, body)
                self.recorded.set()
        await self.before_answer.wait()
        return web.json_response([{"recipient_id": sender, "custom": custom} for custom in known])

    async def tracker(self, request: web.Request) -> web.Response:
        """What is recorded of a conversation."""
        return web.json_response({"events": self._events[request.match_info["sender"]]})

    async def status(self, request: web.Request) -> web.Response:
        """Always ready."""
        return web.json_response({"model_file": _MODEL, "model_id": "stand-in"})

    def _take(self, sender: str, exchange_id: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        self.turns[exchange_id] += 1
        intent = {"name": "faq", "confidence": 0.9}
        common: dict[str, Any] = {
            "exchange_id": exchange_id,
            "text_id": None,
            "params": {},
            "choices": [],
            "intent": intent,
        }
        bookkeeping: dict[str, Any] = {"ranking": [intent], "active_form": None, "requested_slot": None, "slots": {}}
        said = [{"kind": "faq"} | common, {"kind": "turn"} | common | bookkeeping]
        self._events[sender].append({"event": "user", "text": body["message"], "metadata": body["metadata"]})
        self._events[sender] += [{"event": "bot", "data": {"custom": custom}} for custom in said]
        return said

    def _answer_to(self, sender: str, exchange_id: str) -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] | None = None
        for event in self._events[sender]:
            if event["event"] == "user":
                if found is not None:
                    break
                found = [] if event["metadata"]["exchange_id"] == exchange_id else None
            elif found is not None:
                found.append(event["data"]["custom"])
        return found


@asynccontextmanager
async def standing_in() -> AsyncIterator[StandIn]:
    """Serve one on a free loopback port."""
    found = StandIn()
    app = web.Application()
    app.router.add_post("/webhooks/rest/webhook", found.receive)
    app.router.add_get("/conversations/{sender}/tracker", found.tracker)
    app.router.add_get("/status", found.status)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield found
    finally:
        found.before_turn.set()
        found.before_answer.set()
        await runner.cleanup()
