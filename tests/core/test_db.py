"""Transactions: what is committed stands, what fails leaves nothing, writers queue instead of failing."""

import asyncio
import sqlite3
from datetime import datetime

import pytest
from sqlalchemy import func, insert, select

from core.audit import Audit, next_number
from core.clock import UTC, FakeClock
from core.db import Database
from core.errors import DatabaseUnavailable
from core.tables import audit, numbers

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


async def test_a_failed_transaction_leaves_nothing_and_runs_no_callback(any_db: Database) -> None:
    told: list[str] = []

    async def write_and_fail() -> None:
        async with any_db.begin() as tx:
            await tx.execute(insert(numbers).values(name="x", value=1))
            tx.after_commit(lambda: told.append("x"))
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await write_and_fail()
    async with any_db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(numbers)) == 0
    assert told == []


async def test_numbers_run_without_gaps_under_many_writers(any_db: Database) -> None:
    async def take() -> int:
        async with any_db.begin() as tx:
            return await next_number(tx, "ticket:20261121")

    found = await asyncio.gather(*(take() for _ in range(40)))
    assert sorted(found) == list(range(1, 41))


async def test_a_locked_database_is_a_clear_refusal(db: Database) -> None:
    """Another process holds the write lock for longer than we wait."""
    async with db.begin() as tx:
        await tx.execute(insert(numbers).values(name="held", value=1))
        second = Database(db.url, busy_ms=10)
        with pytest.raises(DatabaseUnavailable):
            await _write(second)
        await second.close()


async def test_waiting_for_another_process_stops_nobody_else(db: Database) -> None:
    """The wait for the file is on a thread: reads go on meanwhile, and the writer has its turn afterwards."""
    other = sqlite3.connect(db.engine.url.database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(_write(db))
    for _ in range(50):
        async with db.read() as tx:
            await tx.scalar(select(func.count()).select_from(numbers))
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    await writing
    async with db.read() as tx:
        assert await tx.scalar(select(numbers.c.value).where(numbers.c.name == "late")) == 1


async def test_nobody_else_runs_between_the_statements_of_a_write(db: Database) -> None:
    """What holds the write lock waits for nothing but its commit."""
    ran: list[str] = []

    async def elsewhere() -> None:
        ran.append("elsewhere")

    async with db.begin() as tx:
        task = asyncio.create_task(elsewhere())
        for number in range(20):
            await tx.execute(insert(numbers).values(name=str(number), value=number))
        ran.append("written")
    await task
    assert ran == ["written", "elsewhere"]


async def _write(database: Database) -> None:
    async with database.begin() as tx:
        await tx.execute(insert(numbers).values(name="late", value=1))


async def test_the_audit_chain_shows_an_edit(any_db: Database) -> None:
    clock = FakeClock(NOON)
    chain = Audit(clock)
    for number in range(5):
        async with any_db.begin() as tx:
            await chain.write(tx, "stf_1", "ticket.revealed", f"tkt_{number}", field="phone")
        clock.advance(seconds=1.25)
    assert await chain.first_bad(any_db) is None
    async with any_db.begin() as tx:
        await tx.execute(audit.update().where(audit.c.number == 3).values(actor="stf_2"))
    assert await chain.first_bad(any_db) == 3


async def test_the_audit_chain_shows_a_missing_end(any_db: Database) -> None:
    chain = Audit(FakeClock(NOON))
    async with any_db.begin() as tx:
        await chain.write(tx, "cli", "key.added", "key_1")
    async with any_db.begin() as tx:
        await chain.write(tx, "cli", "key.added", "key_2")
    async with any_db.begin() as tx:
        await tx.execute(audit.delete().where(audit.c.number == 2))
    assert await chain.first_bad(any_db) == 2
