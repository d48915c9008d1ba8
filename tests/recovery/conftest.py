"""Whole systems to be broken: real parents, gateways, databases and Redis, on ports and folders of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from core.db import Database
from core.settings import Settings
from tests.fixtures.frontline import FrontlineRun
from tests.recovery.customers import Customer, crowd
from tests.recovery.history import Findings, check, settled
from tests.recovery.stand_in import TOKEN, StandIn, standing_in

OPEN_WITHIN_S = 120.0
# Everybody sits behind one address here; and nobody has to wait for the first words of a turn to be followed by more.
_SETTINGS = {
    "DEMO": "1",
    "DEMO_HISTORY": "0",
    "TURN_GATHER_S": "0.1",
    "VISITOR_BURST": "10000",
    "ADDRESS_SESSIONS_PER_MIN": "1000000",
    "ADDRESS_REQUESTS_PER_MIN": "1000000",
}

NewRun = Callable[..., Awaitable[FrontlineRun]]


@pytest.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    """An assistant that can be stopped at every point of a turn."""
    async with standing_in() as found:
        yield found


@pytest.fixture
async def new_run(tmp_path: Path, stand_in: StandIn) -> AsyncIterator[NewRun]:
    """Starts `frontline run` with the stand-in; returns when messages are accepted."""
    made: list[FrontlineRun] = []

    async def make(data: Path | None = None, **settings: str) -> FrontlineRun:
        own = _SETTINGS | {"RASA_URLS": stand_in.url, "RASA_TOKEN": TOKEN}
        run = FrontlineRun(data or tmp_path / f"run{len(made)}", **(own | settings))
        made.append(run)
        run.start()
        await asyncio.to_thread(run.wait_for, "open: messages are accepted", OPEN_WITHIN_S)
        return run

    yield make
    for run in made:
        run.kill()


async def history_of(run: FrontlineRun, customers: list[Customer], url: str = "") -> Findings:
    """Wait until nothing is owed, let everybody read, and hold the run's database to what these customers know."""
    database = Database(Settings(data=run.data, database_url=url).database)
    try:
        await settled(database)
        async with crowd(run.url) as session:
            for customer in customers:
                await customer.reads_everything(session)
        return await check(database, customers, sorted((run.data / "assistant").glob("tracker-*.db")))
    finally:
        await database.close()
