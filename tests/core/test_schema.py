"""Migrations: from nothing to the models, on both databases."""

import warnings
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import gateway.tables
from core.db import create_engine, metadata
from core.schema import migrate, newest, revision_of

assert gateway.tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("postgres_url")).replace("postgresql://", "postgresql+asyncpg://")


async def test_migrations_lead_to_the_models_and_twice_is_harmless(empty_url: str) -> None:
    assert await revision_of(empty_url) is None
    assert await migrate(empty_url) == newest()
    assert await migrate(empty_url) == newest()
    engine = create_engine(empty_url)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    # SQLite reports partial indexes without their condition; names and columns are compared all the same.
    assert [each for each in differences if each[0] != "modify_default"] == []


def _differences(connection: Connection) -> Any:
    with warnings.catch_warnings():
        # SQLite cannot tell what an index over an expression holds; PostgreSQL's are compared.
        warnings.filterwarnings("ignore", message=".*expression-based index.*")
        return compare_metadata(MigrationContext.configure(connection, opts={"include_name": _is_modelled}), metadata)


def _is_modelled(name: str | None, kind: str, parents: Any) -> bool:
    """Full-text indexes are made by statements of their own: SQLite's tables, PostgreSQL's column and index."""
    if kind == "table":
        return not (name or "").startswith("ticket_terms_fts")
    return not (parents.get("table_name") == "ticket_terms" and name in ("words", "ix_ticket_terms_words"))
