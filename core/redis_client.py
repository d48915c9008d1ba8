"""The connection to Redis: one place for addresses, limits and the question whether it answers."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import RedisError

# A local server answers in well under a millisecond; who waits longer than this waits for a server that is gone.
CONNECT_TIMEOUT_S = 1.0
ANSWER_TIMEOUT_S = 2.0
# One more try finds a server that has just come back. Every script of ours is safe to run twice.
_RETRIES = 1
_RETRY_AFTER_S = 0.05
# An idle connection older than this is tried with PING before it is trusted with a command.
_HEALTH_CHECK_S = 30


def connect(url: str) -> Redis:
    """Return a client for `redis://`, `rediss://` or `unix://`; values come back as bytes.

    Nothing is sent yet: the client connects on first use, and again by itself after the server was away.
    Close it with `aclose()`.
    """
    return Redis.from_url(
        url,
        decode_responses=False,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        health_check_interval=_HEALTH_CHECK_S,
        retry=Retry(ConstantBackoff(_RETRY_AFTER_S), _RETRIES),
    )


async def answers(redis: Redis) -> bool:
    """Whether the server takes commands now."""
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False
