"""The audit chain: each record carries the hash of the one before, so that an edit or a gap shows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Insert, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import Clock, rfc3339
from core.db import Database, Tx
from core.statements import Statement
from core.tables import audit, numbers

_GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record as shown to who may read the audit."""

    number: int
    at: datetime
    actor: str
    action: str
    object: str
    data: dict[str, Any]


def _hash(number: int, at: str, actor: str, action: str, obj: str, data: dict[str, Any], previous: str) -> str:
    body = json.dumps([number, at, actor, action, obj, data, previous], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()


class Audit:
    """Write and verify. A record is part of the transaction of what it records: both stand or neither."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def write(self, tx: Tx, actor: str, action: str, obj: str, **data: Any) -> None:
        """Append a record. `data` holds ids, codes and field names, never customers' words or secrets."""
        # The running number's row is the lock that keeps the chain single-file on PostgreSQL too.
        last = await next_number(tx, "audit")
        previous = await tx.scalar(select(audit.c.hash).where(audit.c.number == last - 1)) or _GENESIS
        at = self._clock.now()
        # Times are hashed as they are stored, to the microsecond.
        await tx.execute(
            insert(audit).values(
                number=last,
                at=at,
                actor=actor,
                action=action,
                object=obj,
                data=data,
                previous=previous,
                hash=_hash(last, rfc3339(at), actor, action, obj, data, previous),
            )
        )

    async def page(self, tx: Tx, *, before: int | None = None, limit: int = 100) -> list[AuditRecord]:
        """The latest records, newest first, at most `limit`, below number `before`."""
        query = select(audit).order_by(audit.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(audit.c.number < before)
        return [
            AuditRecord(row.number, row.at, row.actor, row.action, row.object, row.data) for row in await tx.all(query)
        ]

    async def first_bad(self, db: Database) -> int | None:
        """The number of the first record that was changed, removed or put in; None when the chain is whole."""
        previous, expected = _GENESIS, 1
        async with db.read() as tx:
            for row in await tx.all(select(audit).order_by(audit.c.number)):
                good = _hash(row.number, rfc3339(row.at), row.actor, row.action, row.object, row.data, previous)
                if row.number != expected or row.previous != previous or row.hash != good:
                    return expected
                previous, expected = row.hash, expected + 1
            issued = await tx.scalar(select(numbers.c.value).where(numbers.c.name == "audit"))
        return None if (issued or 0) == expected - 1 else expected


def _first(inserted: sqlite.Insert | postgresql.Insert) -> Insert:
    """Two first users may meet here: the second one's insert becomes the update. Both databases know the clause."""
    return (
        inserted.values(name=bindparam("name"), value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": numbers.c.value + 1})
        .returning(numbers.c.value)
    )


_NEXT_NUMBER = Statement(
    numbers.update()
    .where(numbers.c.name == bindparam("row_name"))
    .values(value=numbers.c.value + 1)
    .returning(numbers.c.value)
)
_FIRST_SQLITE = Statement(_first(sqlite.insert(numbers)))
_FIRST = Statement(_first(postgresql.insert(numbers)))


async def next_number(tx: Tx, name: str) -> int:
    """The next of a running number, from 1, without gaps, in the transaction that uses it."""
    row = await _NEXT_NUMBER.first(tx, row_name=name)
    if row is None:
        row = await (_FIRST if tx.sqlite is None else _FIRST_SQLITE).first(tx, name=name)
    assert row is not None
    return int(row[0])
