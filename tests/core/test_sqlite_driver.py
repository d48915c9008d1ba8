"""Our connection to SQLite keeps the promises that SQLAlchemy's dialect and cancelled requests rely on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

import gateway.tables
from core.db import Database, metadata
from core.tables import numbers

assert gateway.tables


@pytest.fixture(params=[False, True], ids=["thread", "inline"])
async def database(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}", inline=request.param)
    async with made.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.close()


async def test_returning_and_counts(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(insert(numbers), [{"name": f"n{number}", "value": number} for number in range(5)])
        row = await tx.first(
            update(numbers).where(numbers.c.name == "n3").values(value=33).returning(numbers.c.value, numbers.c.name)
        )
        assert row is not None
        assert tuple(row) == (33, "n3")
        assert await tx.count(update(numbers).where(numbers.c.value < 3).values(value=0)) == 3
        assert await tx.count(update(numbers).where(numbers.c.name == "nobody").values(value=0)) == 0


async def test_errors_keep_their_kind(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(insert(numbers).values(name="a", value=1))

    async def again() -> None:
        async with database.begin() as tx:
            await tx.execute(insert(numbers).values(name="a", value=2))

    with pytest.raises(IntegrityError):
        await again()


async def test_readers_go_on_beside_a_writer(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(insert(numbers).values(name="a", value=1))
        async with database.read() as reader:
            assert await reader.scalar(select(func.count()).select_from(numbers)) == 0
    async with database.read() as reader:
        assert await reader.scalar(select(func.count()).select_from(numbers)) == 1


async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    started = asyncio.Event()

    async def write() -> None:
        async with database.begin() as tx:
            await tx.execute(insert(numbers).values(name="cancelled", value=1))
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.begin() as tx:
        await tx.execute(insert(numbers).values(name="next", value=1))
    async with database.read() as tx:
        assert [row.name for row in await tx.all(select(numbers.c.name))] == ["next"]


async def test_many_cancelled_at_random_moments_leave_whole_transactions(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.begin() as tx:
            await tx.execute(insert(numbers).values(name=f"a{number}", value=1))
            await tx.execute(insert(numbers).values(name=f"b{number}", value=1))

    tasks = [asyncio.create_task(write(number)) for number in range(60)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0)
        if number % 3 == 0:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with database.read() as tx:
        names = {row.name for row in await tx.all(select(numbers.c.name))}
    assert {name[1:] for name in names if name[0] == "a"} == {name[1:] for name in names if name[0] == "b"}
