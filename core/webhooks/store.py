"""Webhooks and their deliveries in SQL.

    waiting ──2xx──▶ sent
       │ ▲
       │ └─back-off─ any other answer, up to `MOST_ATTEMPTS`
       └──▶ dead ──re-send by hand──▶ waiting

Of one receiver and one subject only the oldest waiting delivery may be sent, so that a ticket's news arrive in
order; one that is dead holds nobody up. A claim is an UPDATE that finds the row unclaimed: of two gateways one
changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, delete, exists, func, insert, or_, select, update

from core.db import Tx
from core.errors import NotFound
from core.ids import new_id
from core.webhooks.tables import webhook_attempts, webhook_deliveries, webhooks

WAITING, SENT, DEAD = "waiting", "sent", "dead"
STATES = (WAITING, SENT, DEAD)
# Longer than a try may take.
CLAIM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One receiver."""

    id: str
    name: str
    url: str
    kinds: tuple[str, ...]
    with_text: bool
    key_number: int
    previous_until: datetime | None
    disabled_at: datetime | None
    created_by: str
    created_at: datetime

    def wants(self, kind: str) -> bool:
        """Whether it asked for this kind, by name or by its first word and a star."""
        return kind in self.kinds or f"{kind.partition('.')[0]}.*" in self.kinds


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one receiver."""

    position: int
    id: str
    webhook_id: str
    event_id: str
    kind: str
    subject: str
    body: str
    state: str
    attempts: int
    due_at: datetime
    claimed_until: datetime | None
    last_status: int | None
    last_error: str | None
    last_ms: int | None
    created_at: datetime
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try."""

    at: datetime
    status: int | None
    error: str | None
    ms: int
    answer: str | None


async def all_of(tx: Tx) -> list[Webhook]:
    """All receivers, oldest first, disabled ones too."""
    return [_webhook(row) for row in await tx.all(select(webhooks).order_by(webhooks.c.created_at, webhooks.c.id))]


async def get(tx: Tx, webhook_id: str) -> Webhook:
    """One receiver. Raises NotFound."""
    row = await tx.first(select(webhooks).where(webhooks.c.id == webhook_id))
    if row is None:
        raise NotFound("webhook")
    return _webhook(row)


async def create(tx: Tx, *, name: str, url: str, kinds: list[str], with_text: bool, by: str, now: datetime) -> Webhook:
    """A new receiver with its first key."""
    webhook_id = new_id("whk")
    await tx.execute(
        insert(webhooks).values(
            id=webhook_id,
            name=name,
            url=url,
            kinds=kinds,
            with_text=with_text,
            key_number=1,
            created_by=by,
            created_at=now,
        )
    )
    return await get(tx, webhook_id)


async def change(tx: Tx, webhook_id: str, **values: Any) -> Webhook:
    """Change columns of a receiver. Raises NotFound."""
    if values:
        await tx.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(**values))
    return await get(tx, webhook_id)


async def remove(tx: Tx, webhook_id: str) -> None:
    """Forget a receiver with all its deliveries."""
    await get(tx, webhook_id)
    ids = select(webhook_deliveries.c.id).where(webhook_deliveries.c.webhook_id == webhook_id)
    await tx.execute(delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(ids)))
    await tx.execute(delete(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id))
    await tx.execute(delete(webhooks).where(webhooks.c.id == webhook_id))


async def put(
    tx: Tx,
    *,
    webhook_id: str,
    event_id: str,
    kind: str,
    subject: str,
    body: str,
    now: datetime,
    claimed_until: datetime | None = None,
) -> Delivery:
    """Leave something to be sent, in the transaction of what happened."""
    delivery_id = new_id("whd")
    await tx.execute(
        insert(webhook_deliveries).values(
            id=delivery_id,
            webhook_id=webhook_id,
            event_id=event_id,
            kind=kind,
            subject=subject,
            body=body,
            state=WAITING,
            attempts=0,
            due_at=now,
            claimed_until=claimed_until,
            created_at=now,
        )
    )
    return await delivery(tx, delivery_id)


async def delivery(tx: Tx, delivery_id: str) -> Delivery:
    """One delivery. Raises NotFound."""
    row = await tx.first(select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id))
    if row is None:
        raise NotFound("delivery")
    return Delivery(**row._mapping)


async def claim(tx: Tx, now: datetime, limit: int) -> list[Delivery]:
    """Take what is due and nobody else has, at most one per receiver and subject."""
    older = webhook_deliveries.alias("older")
    blocked = exists(
        select(older.c.position).where(
            older.c.webhook_id == webhook_deliveries.c.webhook_id,
            older.c.subject == webhook_deliveries.c.subject,
            older.c.state == WAITING,
            older.c.position < webhook_deliveries.c.position,
        )
    )
    free = or_(webhook_deliveries.c.claimed_until.is_(None), webhook_deliveries.c.claimed_until < now)
    enabled = select(webhooks.c.id).where(webhooks.c.disabled_at.is_(None))
    rows = await tx.all(
        select(webhook_deliveries)
        .where(webhook_deliveries.c.state == WAITING, webhook_deliveries.c.due_at <= now, free, ~blocked)
        .where(webhook_deliveries.c.webhook_id.in_(enabled))
        .order_by(webhook_deliveries.c.due_at, webhook_deliveries.c.position)
        .limit(limit)
    )
    taken = []
    for row in rows:
        mine = update(webhook_deliveries).where(
            webhook_deliveries.c.id == row.id, webhook_deliveries.c.state == WAITING, free
        )
        if await tx.count(mine.values(claimed_until=now + CLAIM)):
            taken.append(Delivery(**row._mapping))
    return taken


async def settle(tx: Tx, one: Delivery, tried: Attempt, *, state: str, due_at: datetime, now: datetime) -> Delivery:
    """Write down a try and what follows from it."""
    await tx.execute(
        insert(webhook_attempts).values(
            id=new_id("wha"),
            delivery_id=one.id,
            at=tried.at,
            status=tried.status,
            error=tried.error,
            ms=tried.ms,
            answer=tried.answer,
        )
    )
    await tx.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id == one.id)
        .values(
            state=state,
            attempts=one.attempts + 1,
            due_at=due_at,
            claimed_until=None,
            last_status=tried.status,
            last_error=tried.error,
            last_ms=tried.ms,
            done_at=now if state != WAITING else None,
        )
    )
    return await delivery(tx, one.id)


async def again(tx: Tx, delivery_id: str, now: datetime) -> Delivery:
    """Send once more, with all its tries before it; what is being sent just now is left alone."""
    one = await delivery(tx, delivery_id)
    free = or_(webhook_deliveries.c.claimed_until.is_(None), webhook_deliveries.c.claimed_until < now)
    await tx.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id == one.id, free)
        .values(state=WAITING, attempts=0, due_at=now, claimed_until=None, done_at=None)
    )
    return await delivery(tx, one.id)


async def page(tx: Tx, webhook_id: str, *, state: str, before: int | None, limit: int) -> list[Delivery]:
    """The delivery log of a receiver, newest first."""
    query = select(webhook_deliveries).where(webhook_deliveries.c.webhook_id == webhook_id)
    if state:
        query = query.where(webhook_deliveries.c.state == state)
    if before is not None:
        query = query.where(webhook_deliveries.c.position < before)
    rows = await tx.all(query.order_by(webhook_deliveries.c.position.desc()).limit(limit))
    return [Delivery(**row._mapping) for row in rows]


async def attempts_of(tx: Tx, delivery_id: str) -> list[Attempt]:
    """The tries of a delivery, oldest first."""
    rows = await tx.all(
        select(webhook_attempts)
        .where(webhook_attempts.c.delivery_id == delivery_id)
        .order_by(webhook_attempts.c.at, webhook_attempts.c.id)
    )
    return [Attempt(row.at, row.status, row.error, row.ms, row.answer) for row in rows]


async def counts(tx: Tx, since: datetime) -> Mapping[str, Mapping[str, int]]:
    """Receiver → state → how many deliveries since then."""
    rows = await tx.all(
        select(webhook_deliveries.c.webhook_id, webhook_deliveries.c.state, func.count().label("number"))
        .where(or_(webhook_deliveries.c.created_at >= since, webhook_deliveries.c.state == WAITING))
        .group_by(webhook_deliveries.c.webhook_id, webhook_deliveries.c.state)
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.webhook_id, {})[row.state] = row.number
    return found


async def forget(tx: Tx, before: datetime) -> int:
    """Remove deliveries that are over since long ago; return how many."""
    over = and_(webhook_deliveries.c.state != WAITING, webhook_deliveries.c.done_at < before)
    await tx.execute(
        delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(select(webhook_deliveries.c.id).where(over)))
    )
    return await tx.count(delete(webhook_deliveries).where(over))


async def forget_subjects(tx: Tx, subjects: list[str]) -> None:
    """Remove every call about these, whatever became of it."""
    about = webhook_deliveries.c.subject.in_(subjects)
    ids = select(webhook_deliveries.c.id).where(about)
    await tx.execute(delete(webhook_attempts).where(webhook_attempts.c.delivery_id.in_(ids)))
    await tx.execute(delete(webhook_deliveries).where(about))


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(**{**row._mapping, "kinds": tuple(row.kinds)})
