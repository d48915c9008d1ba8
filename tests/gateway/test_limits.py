"""Buckets: what is taken is gone, what is given back is there, and Redis going away stops nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.errors import RateLimited
from core.redis_client import connect
from gateway.limits import Limit, Limits

SLOW = Limit("test", burst=3, per_s=0.001)


@pytest.fixture(params=["redis", "no redis"])
async def limits(request: pytest.FixtureRequest, redis_url: str) -> AsyncIterator[Limits]:
    redis = connect(redis_url if request.param == "redis" else "redis://127.0.0.1:1")
    yield Limits(redis, f"test:{request.node.name}")
    await redis.aclose()


async def test_a_bucket_runs_empty_and_says_when_to_come_back(limits: Limits) -> None:
    for _ in range(3):
        await limits.take(SLOW, "甲")
    with pytest.raises(RateLimited) as refused:
        await limits.take(SLOW, "甲")
    assert 0 < refused.value.retry_after_s <= 1001
    await limits.take(SLOW, "乙")


async def test_what_is_given_back_can_be_taken_again_but_never_more(limits: Limits) -> None:
    for _ in range(3):
        await limits.take(SLOW, "丙")
    await limits.give_back(SLOW, "丙")
    await limits.take(SLOW, "丙")
    with pytest.raises(RateLimited):
        await limits.take(SLOW, "丙")
    for _ in range(9):
        await limits.give_back(SLOW, "丙")
    for _ in range(3):
        await limits.take(SLOW, "丙")
    with pytest.raises(RateLimited):
        await limits.take(SLOW, "丙")


async def test_many_at_once_never_take_more_than_there_is(limits: Limits) -> None:
    taken = await asyncio.gather(*(limits.take(SLOW, "丁") for _ in range(10)), return_exceptions=True)
    assert sum(each is None for each in taken) == 3
