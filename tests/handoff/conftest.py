"""`world`: a desk on SQLite; `any_world`: the same test on SQLite and on PostgreSQL. Redis is real in both."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.db import Database
from core.redis_client import connect
from tests.handoff.world import World, build


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def world(db: Database, redis: Redis) -> AsyncIterator[World]:
    made = await build(db, redis)
    yield made
    await made.service.settled()


@pytest.fixture
async def any_world(any_db: Database, redis: Redis) -> AsyncIterator[World]:
    made = await build(any_db, redis)
    yield made
    await made.service.settled()
