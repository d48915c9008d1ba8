"""`world`: tickets on SQLite; `any_world`: the same test on SQLite and on PostgreSQL."""

import pytest

from core.db import Database
from tests.tickets.world import World, build


@pytest.fixture
async def world(db: Database) -> World:
    return await build(db)


@pytest.fixture
async def any_world(any_db: Database) -> World:
    return await build(any_db)
