"""The servers that tests and the parent start: the right one, and what it holds survives a crash."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
import redis.asyncio

from core.schema import newest, revision_of
from core.settings import Settings
from gateway.launch.redis_server import NoRedis, answers, find_redis, write_configuration
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.redis import RedisProcess


def script(path: Path, text: str) -> Path:
    """An executable stand-in for a program on PATH."""
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


async def test_what_redis_was_told_survives_a_kill(new_redis: Callable[[], RedisProcess]) -> None:
    """A killed server comes back with what it had acknowledged, under the same address."""
    server = new_redis()
    async with redis.asyncio.Redis.from_url(server.url) as client:
        await client.set("键", "值")
    server.restart()
    async with redis.asyncio.Redis.from_url(server.url) as client:
        assert await client.get("键") == "值".encode()
    assert not answers(server.socket_path, "a wrong password")


def test_an_old_server_on_path_is_passed_over_for_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 6 has no LMPOP: it is not used although it comes first."""
    script(tmp_path / "redis-server", "echo 'Redis server v=6.2.14 sha=0'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_redis().origin == "embedded"


def test_without_a_usable_server_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is emulated: the operator hears what was looked at and which setting helps."""
    script(tmp_path / "redis-server", "exit 127")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRedis, match="FRONTLINE_REDIS_URL"):
        find_redis("path")


def test_the_configuration_is_for_the_owner_only(tmp_path: Path) -> None:
    """It holds the password."""
    path = write_configuration(tmp_path, tmp_path / "redis.sock", "secret")
    assert path.stat().st_mode & 0o777 == 0o600


async def test_each_test_has_a_database_of_its_own(postgres_server: PostgresServer, postgres_url: str) -> None:
    """A copy holds what its template held, and dropping it leaves the template alone."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute("CREATE TABLE word (text text)")
    await connection.execute("INSERT INTO word VALUES ('星屿')")
    await connection.close()
    template = postgres_url.split("?")[0].rsplit("/", 1)[1]
    copy = postgres_server.create(template)
    assert postgres_server.run("SELECT text FROM word", copy) == "星屿"
    postgres_server.drop(copy)
    assert postgres_server.run("SELECT count(*) FROM word", template) == "1"


async def test_a_copy_of_the_migrated_template_has_the_newest_schema(migrated_postgres_url: str) -> None:
    """Tests that need tables do not pay for a migration each."""
    assert await revision_of(Settings(database_url=migrated_postgres_url).database) == newest()
