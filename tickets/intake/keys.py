"""What has come in already: a sender's own key, or a hash of what was said, leads to the one ticket made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.db import Tx
from core.errors import Conflict
from tickets.intake.tables import intake_keys


def hash_of(told: Any) -> str:
    """A hash of everything that was told; the order of keys does not matter."""
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


async def claim(tx: Tx, scope: str, key: str, told_hash: str, ticket_id: str, now: datetime) -> str | None:
    """Claim a key for a new ticket: None when it is ours, else the ticket it led to before.

    Raises Conflict when it came with other words then. Two who claim at once wait for each other.
    """
    kind = sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert
    values = {"scope": scope, "key": key, "hash": told_hash, "ticket_id": ticket_id, "created_at": now}
    if await tx.count(kind(intake_keys).values(**values).on_conflict_do_nothing()) == 1:
        return None
    row = await tx.first(
        select(intake_keys.c.hash, intake_keys.c.ticket_id).where(
            intake_keys.c.scope == scope, intake_keys.c.key == key
        )
    )
    assert row is not None
    if row.hash != told_hash:
        raise Conflict("same key, other body", text_id="error.same_key")
    return str(row.ticket_id)


async def known(tx: Tx, scope: str, keys: Iterable[str]) -> set[str]:
    """Those of these keys that led to a ticket already."""
    wanted = list(keys)
    found: set[str] = set()
    # Databases bound how many values one statement may carry.
    for start in range(0, len(wanted), 500):
        rows = await tx.all(
            select(intake_keys.c.key).where(
                intake_keys.c.scope == scope, intake_keys.c.key.in_(wanted[start : start + 500])
            )
        )
        found.update(row.key for row in rows)
    return found
