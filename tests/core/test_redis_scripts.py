"""Scripts survive a server that has forgotten them, and calls may share a round trip."""

from collections.abc import Callable
from pathlib import Path

from core.redis_client import answers, connect
from core.redis_scripts import Script
from tests.fixtures.redis import RedisProcess


def adding(folder: Path) -> Path:
    """A script that adds to a counter."""
    path = folder / "add.lua"
    path.write_text("return redis.call('INCRBY', KEYS[1], ARGV[1])", encoding="utf-8")
    return path


async def test_a_restarted_server_is_taught_again(tmp_path: Path, new_redis: Callable[[], RedisProcess]) -> None:
    """The first call after a flush or a crash carries the text by itself."""
    server = new_redis()
    async with connect(server.url) as redis:
        add = Script(redis, adding(tmp_path))
        assert await add(keys=["数"], args=[2]) == 2
        await redis.script_flush()
        assert await add(keys=["数"], args=[3]) == 5
        server.restart()
        assert await add(keys=["数"], args=[1]) == 6
        server.kill()
        assert not await answers(redis)


async def test_many_calls_share_a_round_trip(tmp_path: Path, redis_url: str) -> None:
    """Answers come in the order of the calls, also on a server that never saw the script."""
    async with connect(redis_url) as redis:
        await redis.script_flush()
        add = Script(redis, adding(tmp_path))
        assert await add.many([]) == []
        keys = ["test:scripts:many"]
        assert await add.many([(keys, [1]), (keys, [10]), (keys, [100])]) == [1, 11, 111]
        await redis.delete(*keys)
