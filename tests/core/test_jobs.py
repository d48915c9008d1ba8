"""Durable timers: each once, also with two gateways, also after a failure."""

import asyncio
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from core.clock import UTC, FakeClock
from core.db import Database, Tx
from core.jobs import Job, Jobs
from core.tables import numbers

NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


async def _note(tx: Tx, job: Job) -> None:
    await tx.execute(insert(numbers).values(name=job.key, value=1))


async def test_a_job_runs_once_when_it_is_due(any_db: Database) -> None:
    clock = FakeClock(NOW)
    one, other = Jobs(any_db, clock, "a"), Jobs(any_db, clock, "b")
    for each in (one, other):
        each.on("note", _note)
    async with any_db.begin() as tx:
        for number in range(20):
            await one.put(tx, "note", f"k{number}", NOW + timedelta(minutes=5))
    assert await one.run_due() == 0
    clock.advance(minutes=5)
    done = await asyncio.gather(one.run_due(), other.run_due())
    assert sum(done) == 20
    async with any_db.read() as tx:
        assert len(await tx.all(select(numbers))) == 20


async def test_a_job_that_fails_leaves_nothing_and_is_tried_again(db: Database) -> None:
    clock, tries = FakeClock(NOW), 0
    jobs = Jobs(db, clock, "a")

    async def flaky(tx: Tx, job: Job) -> None:
        nonlocal tries
        tries += 1
        await _note(tx, job)
        if tries == 1:
            raise RuntimeError("on purpose")

    jobs.on("note", flaky)
    async with db.begin() as tx:
        await jobs.put(tx, "note", "k", NOW)
    assert await jobs.run_due() == 0
    async with db.read() as tx:
        assert await tx.all(select(numbers)) == []
    assert await jobs.run_due() == 0
    clock.advance(seconds=31)
    assert await jobs.run_due() == 1


async def test_setting_a_job_again_moves_it(db: Database) -> None:
    clock = FakeClock(NOW)
    jobs = Jobs(db, clock, "a")
    jobs.on("note", _note)
    async with db.begin() as tx:
        await jobs.put(tx, "note", "k", NOW)
        await jobs.put(tx, "note", "k", NOW + timedelta(hours=1))
    assert await jobs.run_due() == 0
    clock.advance(hours=1)
    assert await jobs.run_due() == 1


async def test_a_cancelled_job_never_runs(db: Database) -> None:
    jobs = Jobs(db, FakeClock(NOW), "a")
    jobs.on("note", _note)
    async with db.begin() as tx:
        await jobs.put(tx, "note", "k", NOW)
    async with db.begin() as tx:
        await jobs.cancel(tx, "note", "k")
    assert await jobs.run_due() == 0
