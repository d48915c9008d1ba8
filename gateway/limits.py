"""Rate limits: token buckets per visitor and per address, kept in Redis, in this process while Redis is down.

A limit protects the others, so it must never be the reason why everything stops: without Redis each gateway
counts for itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

import gateway.keys as keys
from core.errors import RateLimited
from core.redis_scripts import Script

_LOCAL_BUCKETS = 20_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket: `burst` tokens at most, `per_s` regained each second."""

    name: str
    burst: float
    per_s: float


class Limits:
    """Take tokens. One bucket per limit and key."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._prefix = prefix
        self._script = Script(redis, Path(__file__).parent / "lua" / "take.lua")
        self._local: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, limit: Limit, key: str, tokens: float = 1.0) -> None:
        """Take tokens or raise RateLimited with the time after which one is there again."""
        name = keys.limit(self._prefix, limit.name, key)
        now = time.time()
        try:
            wait_ms = int(await self._script(keys=[name], args=[limit.burst, limit.per_s, int(now * 1000), tokens]))
        except (RedisError, OSError, TimeoutError):
            wait_ms = self._take_locally(name, limit, now, tokens)
        if wait_ms > 0:
            raise RateLimited(wait_ms / 1000, limit.name)

    async def give_back(self, limit: Limit, key: str) -> None:
        """Return a token that was taken for something that turned out well."""
        await self.take(limit, key, -1.0)

    def _take_locally(self, name: str, limit: Limit, now: float, tokens: float) -> int:
        level, at = self._local.pop(name, (limit.burst, now))
        level = min(limit.burst, level + (now - at) * limit.per_s)
        allowed = level >= tokens
        self._local[name] = (min(limit.burst, level - tokens) if allowed else level, now)
        if len(self._local) > _LOCAL_BUCKETS:
            self._local.popitem(last=False)
        return 0 if allowed else int((tokens - level) / limit.per_s * 1000) + 1
