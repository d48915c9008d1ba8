"""Alembic's entry: runs the revisions on the connection handed in by `core/schema.py`."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from core.columns import Json, SealedText, UtcTime
from core.db import metadata


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write plain types into revisions, so that no revision depends on the code of a later release."""
    if kind == "type":
        if isinstance(item, UtcTime):
            return "sa.DateTime(timezone=True)"
        if isinstance(item, Json):
            autogen.imports.add("from sqlalchemy.dialects.postgresql import JSONB")
            return 'sa.JSON().with_variant(JSONB(), "postgresql")'
        if isinstance(item, SealedText):
            return "sa.Text()"
    return False


def run() -> None:
    connection: sa.Connection = context.config.attributes["connection"]
    if connection.dialect.name == "postgresql":
        # A migration that waits for a lock stops everybody behind it; better fail and be run again.
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = '10min'")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
