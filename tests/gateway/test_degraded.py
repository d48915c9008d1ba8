"""Neighbours that are down: what still works, and what the customer hears instead."""

from __future__ import annotations

import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import select

from core.settings import Settings
from gateway.app import application, running
from gateway.launch.sockets import free_port
from tests.fixtures.redis import RedisProcess
from tests.gateway.conftest import Gateway
from tickets.tables import tickets


@asynccontextmanager
async def serving(data: Path, redis_url: str) -> AsyncIterator[Gateway]:
    """A gateway of its own, without assistant and encoder."""
    port = free_port()
    settings = Settings(
        data=data, port=port, host="127.0.0.1", demo=True, redis_url=redis_url, turn_gather_s=0.05, data_quota_mb=0
    )
    async with running(settings) as services:
        runner = web.AppRunner(application(services), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with aiohttp.ClientSession() as session:
            yield Gateway(f"http://127.0.0.1:{port}", services, session)
        await runner.cleanup()


async def test_without_redis_who_wants_a_person_has_a_ticket(
    tmp_path: Path, new_redis: Callable[[], RedisProcess]
) -> None:
    redis = new_redis()
    async with serving(tmp_path, redis.url) as gateway:
        agent = await gateway.staff("agent1")
        redis.kill()
        customer = await gateway.customer()
        await customer.says("转人工")
        heard = await customer.hears()
        assert customer.state["mode"] == "bot"
        assert customer.state["ticket_serial"] in heard[0]["text"]
        async with gateway.services.db.read() as tx:
            row = await tx.first(select(tickets).where(tickets.c.serial == customer.state["ticket_serial"]))
        assert row is not None
        assert (row.tier, row.state) == (2, "new")
        # Staff stay logged in, and the ticket is in their list.
        listed = await agent.call("GET", "tickets?view=open")
        assert row.serial in [each["serial"] for each in listed.body["items"]]
        ready = await gateway.call("GET", "/health/ready")
        assert (ready.status, ready.body["accepting"]) == (200, True)
        assert ready.body["parts"]["redis"]["state"] == "down"


async def test_redis_that_comes_back_is_used_again(tmp_path: Path, new_redis: Callable[[], RedisProcess]) -> None:
    redis = new_redis()
    async with serving(tmp_path, redis.url) as gateway:
        redis.kill()
        customer = await gateway.customer()
        await customer.says("在吗")
        redis.start()
        ready = await gateway.call("GET", "/health/ready")
        assert ready.body["parts"]["redis"]["state"] == "ok"


async def test_a_lost_index_is_built_again_from_sql(tmp_path: Path, redis_url: str) -> None:
    async with serving(tmp_path, redis_url) as gateway:
        await gateway.services.knowledge.refresh()
        before = await gateway.call("GET", "/api/v1/knowledge/search?q=怎么开发票")
    shutil.rmtree(tmp_path / "knowledge")
    async with serving(tmp_path, redis_url) as gateway:
        await gateway.services.knowledge.refresh()
        after = await gateway.call("GET", "/api/v1/knowledge/search?q=怎么开发票")
    assert before.body["results"]
    assert [each["article_id"] for each in after.body["results"]] == [
        each["article_id"] for each in before.body["results"]
    ]


async def test_a_damaged_index_is_built_again(tmp_path: Path, redis_url: str) -> None:
    async with serving(tmp_path, redis_url) as gateway:
        await gateway.services.knowledge.refresh()
    for path in (tmp_path / "knowledge").rglob("*"):
        if path.is_file():
            path.write_bytes(b"\x00" * 64)
    async with serving(tmp_path, redis_url) as gateway:
        await gateway.services.knowledge.refresh()
        found = await gateway.call("GET", "/api/v1/knowledge/search?q=怎么开发票")
    assert found.body["results"]


async def test_a_locked_database_refuses_clearly_and_loses_nothing(tmp_path: Path, redis_url: str) -> None:
    async with serving(tmp_path, redis_url) as gateway:
        customer = await gateway.customer()
        body = {"client_message_id": uuid.uuid4().hex, "text": "会员怎么退订"}
        holder = sqlite3.connect(tmp_path / "frontline.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        refused = await customer.call("POST", "messages", body)
        assert (refused.status, refused.code) == (503, "unavailable")
        assert "没有丢" in refused.body["error"]["message"]
        holder.execute("ROLLBACK")
        holder.close()
        again = await customer.call("POST", "messages", body)
        assert (again.status, again.body) == (202, {"seq": 1})
        assert await customer.hears()


@pytest.mark.parametrize("text", ["密码忘了怎么办", "呜啦啦巴扎黑", "我要投诉你们", "谢谢"])
async def test_without_the_assistant_the_knowledge_base_answers_alone(
    tmp_path: Path, redis_url: str, text: str
) -> None:
    async with serving(tmp_path, redis_url) as gateway:
        await gateway.services.knowledge.refresh()
        customer = await gateway.customer()
        await customer.says(text)
        heard = await customer.hears()
        assert heard[0]["author"] == "bot"
        assert heard[0]["text"]
