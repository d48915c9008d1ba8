"""Every release's data opens in this one, on SQLite and on PostgreSQL, with nothing lost."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from core.clock import UTC
from core.db import Database, create_engine
from core.schema import migrate, newest, revision_of
from gateway.version import VERSION
from tickets.replay import replay
from tickets.store import events_of, get

_FOLDER = Path(__file__).parents[1] / "fixtures" / "upgrade"
RELEASES = sorted(_FOLDER.glob("*.sqlite.gz"))
_COUNTED = (
    "tickets",
    "ticket_events",
    "messages",
    "exchanges",
    "customers",
    "surveys",
    "handoffs",
    "articles",
    "audit",
)


def test_this_release_has_left_its_data() -> None:
    assert f"{VERSION}.sqlite.gz" in [path.name for path in RELEASES]


@pytest.fixture(params=RELEASES, ids=lambda path: path.name.removesuffix(".sqlite.gz"))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A copy of a release's database."""
    path = tmp_path / "frontline.db"
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    return f"sqlite+aiosqlite:///{path}"


async def _rows(url: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables, by reflection: no model of ours is asked."""
    engine = create_engine(url)
    found = {}
    async with engine.connect() as connection:
        reflected = sa.MetaData()
        await connection.run_sync(reflected.reflect)
        for table in reflected.sorted_tables:
            found[table.name] = [dict(row._mapping) for row in await connection.execute(sa.select(table))]
    await engine.dispose()
    return found


async def _whole(url: str, before: dict[str, list[dict[str, Any]]]) -> None:
    assert await revision_of(url) == newest()
    after = await _rows(url)
    for name in _COUNTED:
        assert len(after[name]) == len(before[name]), name
    db = Database(url)
    async with db.read() as tx:
        for row in before["tickets"]:
            ticket = await get(tx, row["id"])
            assert replay(await events_of(tx, row["id"]))["state"] == ticket.state
    await db.close()


async def test_sqlite_data_of_every_release_opens(old: str) -> None:
    before = await _rows(old)
    assert before["tickets"]
    await migrate(old)
    await _whole(old, before)


async def test_the_same_data_opens_on_postgresql(old: str, postgres_url: str) -> None:
    url = postgres_url.replace("postgresql://", "postgresql+asyncpg://")
    revision = await revision_of(old)
    assert revision is not None
    await migrate(url, revision)
    before = await _rows(old)
    engine = create_engine(url)
    async with engine.begin() as connection:
        reflected = sa.MetaData()
        await connection.run_sync(reflected.reflect)
        for table in reflected.sorted_tables:
            rows = [_typed(table, row) for row in before[table.name]]
            if rows and table.name != "alembic_version":
                await connection.execute(sa.insert(table), rows)
    await engine.dispose()
    await migrate(url)
    await _whole(url, before)


def _typed(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """SQLite keeps truth as numbers, times without zone and JSON as text; PostgreSQL wants them as they are."""
    typed = {}
    for column in table.columns:
        if column.computed is not None:
            continue
        value = row[column.name]
        if value is not None and isinstance(column.type, sa.Boolean):
            value = bool(value)
        elif isinstance(value, datetime):
            value = value.replace(tzinfo=UTC)
        elif isinstance(value, str) and isinstance(column.type, sa.JSON):
            value = json.loads(value)
        typed[column.name] = value
    return typed
