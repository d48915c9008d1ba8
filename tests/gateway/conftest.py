"""A whole gateway on a free port, in demo mode, one per test module: HTTP and sockets as other programs use them."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from gateway.launch.sockets import free_port
from gateway.seed_demo import PASSWORD
from gateway.services import Services

Json = dict[str, Any]
_REDIS_NUMBERS = itertools.cycle(range(1, 16))


@dataclass
class Answer:
    """One HTTP answer."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.body["error"]["code"])


@dataclass
class Gateway:
    """A running gateway and a browserless client of it."""

    url: str
    services: Services
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Call; `body` is sent as JSON unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, self.url + path, data=data, headers=named) as response:
            raw = await response.read()
            parsed = json.loads(raw) if response.content_type == "application/json" and raw else raw
            return Answer(response.status, parsed, response.headers)

    async def customer(self, **wish: Any) -> Customer:
        """A new (or returning) customer of the website."""
        opened = await self.call("POST", "/api/v1/chat/sessions", wish)
        assert opened.status == 201, opened.body
        return Customer(self, opened.body)

    async def staff(self, name: str, slot: int = 0) -> Staff:
        """A member of the demo's staff, logged in."""
        opened = await self.call("POST", "/api/v1/session", {"name": name, "password": PASSWORD}, X_Desk_Slot=str(slot))
        assert opened.status == 201, opened.body
        cookie = opened.headers["Set-Cookie"].split(";", 1)[0]
        return Staff(self, cookie, opened.body["csrf"], slot, opened.body)


@dataclass
class Customer:
    """A customer with a session."""

    gateway: Gateway
    opened: Json
    seen: int = 0
    state: Json = field(default_factory=dict)

    @property
    def token(self) -> str:
        return str(self.opened["token"])

    async def call(self, method: str, path: str, body: Any = None) -> Answer:
        return await self.gateway.call(method, f"/api/v1/chat/{path}", body, Authorization=f"Bearer {self.token}")

    async def says(self, text: str) -> int:
        """Send a text; returns its seq."""
        sent = await self.call("POST", "messages", {"client_message_id": uuid.uuid4().hex, "text": text})
        assert sent.status == 202, sent.body
        return int(sent.body["seq"])

    async def hears(self, wanted: int = 1) -> list[Json]:
        """What others say next: at least `wanted` messages."""
        heard: list[Json] = []
        while len(heard) < wanted:
            known = self.state.get("version", 0)
            news = await self.call("GET", f"messages?after_seq={self.seen}&after_state={known}&wait_s=25")
            assert news.status == 200
            self.state = news.body["state"]
            if news.body["messages"]:
                self.seen = news.body["messages"][-1]["seq"]
            else:
                assert self.state["version"] > known, f"nothing was said; state {self.state}"
            heard += [each for each in news.body["messages"] if each["author"] != "customer"]
        return heard


@dataclass
class Staff:
    """A member of staff in a tab of their own."""

    gateway: Gateway
    cookie: str
    csrf: str
    slot: int
    session: Json

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        own = {"Cookie": self.cookie, "X_Desk_Slot": str(self.slot), "X_CSRF_Token": self.csrf}
        return await self.gateway.call(method, f"/api/v1/{path}", body, **(own | headers))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory, redis_url: str) -> AsyncIterator[Gateway]:
    """One per module: its database is shared by the module's tests, which therefore use customers of their own."""
    number = next(_REDIS_NUMBERS)
    url = f"{redis_url}?db={number}" if redis_url.startswith("unix:") else f"{redis_url}/{number}"
    redis = connect(url)
    await redis.flushdb()
    await redis.aclose()
    port = free_port()
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        port=port,
        host="127.0.0.1",
        demo=True,
        redis_url=url,
        turn_gather_s=0.05,
        data_quota_mb=0,
    )
    async with running(settings) as services:
        runner = web.AppRunner(application(services), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with aiohttp.ClientSession() as session:
            yield Gateway(f"http://127.0.0.1:{port}", services, session)
        await runner.cleanup()
