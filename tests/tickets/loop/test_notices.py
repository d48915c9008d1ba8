"""Notices reach the hook signed, are tried again, and each once, also with two gateways."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from core.counters import Counters
from core.settings import Settings
from tests.tickets.world import World, build
from tickets.loop import notices as outbox
from tickets.loop.notices import NoticeLoop
from tickets.loop.tables import notices

SECRET = "s3cret"


@dataclass
class Hook:
    """A hook that writes down what it gets, and answers what it is told to."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        return web.Response(status=self.answers.pop(0) if self.answers else 204)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made, app = Hook(), web.Application()
    app.router.add_post("/mail", made.take)
    async with TestServer(app) as server:
        made.url = str(server.make_url("/mail"))
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def loop_of(world: World, hook: Hook, session: aiohttp.ClientSession) -> NoticeLoop:
    settings = replace(Settings(), mail_hook_url=hook.url, hook_secret=SECRET)
    return NoticeLoop(world.db, world.clock, settings, session, Counters())


async def left(world: World) -> str:
    ticket = await world.human()
    async with world.db.begin() as tx:
        return await outbox.put(
            tx,
            ticket.id,
            kind="news",
            hook="mail",
            recipient="lin@xin.example",
            subject="有新消息",
            text="请打开链接查看",
            now=world.clock.now(),
        )


async def row(world: World) -> Any:
    async with world.db.read() as tx:
        return await tx.first(select(notices))


async def test_a_post_is_signed_and_names_itself(world: World, hook: Hook, session: aiohttp.ClientSession) -> None:
    notice_id = await left(world)
    assert await loop_of(world, hook, session).run_due() == 1
    ((headers, body),) = hook.posts
    assert headers["Idempotency-Key"] == notice_id
    signed = hmac.new(SECRET.encode(), headers["X-Frontline-Timestamp"].encode() + b"." + body, hashlib.sha256)
    assert headers["X-Frontline-Signature"] == f"sha256={signed.hexdigest()}"
    assert "请打开链接查看".encode() in body
    assert ((await row(world)).state, (await row(world)).status) == ("sent", 204)
    assert await loop_of(world, hook, session).run_due() == 0


async def test_a_hook_that_is_down_is_tried_again_and_one_that_refuses_is_not(
    world: World, hook: Hook, session: aiohttp.ClientSession
) -> None:
    await left(world)
    loop = loop_of(world, hook, session)
    hook.answers = [503, 429, 400]
    for expected in ("pending", "pending", "failed"):
        assert await loop.run_due() == 1
        assert (await row(world)).state == expected
        assert await loop.run_due() == 0
        world.clock.advance(hours=1)
    assert await loop.run_due() == 0
    assert (await row(world)).attempts == 3


async def test_two_gateways_post_it_once(any_db: Any, hook: Hook, session: aiohttp.ClientSession) -> None:
    world = await build(any_db)
    await left(world)
    await asyncio.gather(*(loop_of(world, hook, session).run_due() for _ in range(3)))
    assert len(hook.posts) == 1


async def test_one_that_was_being_sent_when_its_gateway_died_is_sent_again(
    world: World, hook: Hook, session: aiohttp.ClientSession
) -> None:
    await left(world)
    loop = loop_of(world, hook, session)
    assert len(await loop._claim()) == 1
    assert await loop.run_due() == 0
    world.clock.advance(seconds=outbox.LEASE_S + 1)
    assert await loop.run_due() == 1
    assert (await row(world)).state == "sent"


async def test_without_a_hook_nothing_is_touched(world: World, session: aiohttp.ClientSession) -> None:
    await left(world)
    off = NoticeLoop(world.db, world.clock, Settings(), session, Counters())
    assert await off.run_due() == 0
    assert (await row(world)).state == "pending"
