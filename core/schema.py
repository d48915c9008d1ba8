"""Bring a database to the schema of this release, and tell which schema it has."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from core.db import create_engine

_FOLDER = Path(__file__).parent / "migrations"


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """The revision of this release."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def migrate(url: str, to: str = "head") -> str:
    """Apply every missing revision in one transaction; return the newest. Harmless when none is missing.

    `to` names an earlier revision (tests of upgrades begin there).
    """
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(frontline_write=True)
            async with connection.begin():
                await connection.run_sync(lambda sync: command.upgrade(_config(sync), to))
    finally:
        await engine.dispose()
    return newest()


async def revision_of(url: str) -> str | None:
    """The revision a database has; None for an empty one."""
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()


async def write_revision(url: str, message: str, rev_id: str) -> None:
    """Write a new revision from the difference between models and database (developers only)."""
    engine = create_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(
                lambda sync: command.revision(_config(sync), message, autogenerate=True, rev_id=rev_id)
            )
    finally:
        await engine.dispose()
