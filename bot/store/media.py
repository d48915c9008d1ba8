"""Files that customers sent on a platform and we must fetch there: one row per message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from bot.tables import media
from bot.types import MediaRef
from core.db import Tx

PENDING, DONE, FAILED = "pending", "done", "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file to fetch."""

    message_id: str
    channel_id: str
    customer_id: str
    reference: str
    name: str
    attempts: int


async def want(tx: Tx, *, message_id: str, channel_id: str, customer_id: str, ref: MediaRef, now: datetime) -> None:
    """Note a file to fetch, in the transaction of its message."""
    await tx.execute(
        insert(media).values(
            message_id=message_id,
            channel_id=channel_id,
            customer_id=customer_id,
            reference=ref.reference,
            name=ref.name,
            state=PENDING,
            attempts=0,
            due_at=now,
        )
    )


async def claim(tx: Tx, now: datetime, until: datetime, limit: int) -> list[Wanted]:
    """Take what is due for fetching until `until`; of two gateways one gets each row."""
    rows = await tx.all(
        select(media).where(media.c.state == PENDING, media.c.due_at <= now).order_by(media.c.due_at).limit(limit)
    )
    taken = []
    for row in rows:
        changed = await tx.count(
            update(media)
            .where(media.c.message_id == row.message_id, media.c.state == PENDING, media.c.due_at == row.due_at)
            .values(due_at=until, attempts=row.attempts + 1)
        )
        if changed:
            taken.append(
                Wanted(row.message_id, row.channel_id, row.customer_id, row.reference, row.name, row.attempts + 1)
            )
    return taken


async def settle(
    tx: Tx, message_id: str, state: str, *, error: str | None = None, due_at: datetime | None = None
) -> None:
    """Write what became of it; `pending` again with a later time is another try."""
    values = {"state": state, "error": error[:80] if error else None}
    if due_at is not None:
        await tx.execute(update(media).where(media.c.message_id == message_id).values(**values, due_at=due_at))
    else:
        await tx.execute(update(media).where(media.c.message_id == message_id).values(**values))
