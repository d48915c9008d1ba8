"""Durable timers: rows with a due time, claimed in SQL, each carried out once.

A job is carried out in the transaction that deletes it, so its effect and its end stand together. What must
reach the network is not done by a job but left by it as a row that a delivery loop sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Insert, bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import Clock
from core.db import Database, Tx
from core.errors import DatabaseUnavailable
from core.ids import new_id
from core.statements import Changes, Statement
from core.tables import jobs

log = structlog.get_logger(__name__)

_POLL_S = 1.0
_BATCH = 50
# After a failure: 30 s, 60 s, 120 s … at most an hour; a job is never given up silently.
_FIRST_RETRY_S = 30.0
_LAST_RETRY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One due job, as its handler sees it."""

    id: str
    kind: str
    key: str
    payload: Mapping[str, Any]
    due_at: datetime


Handler = Callable[[Tx, Job], Awaitable[None]]


def _put(inserted: sqlite.Insert | postgresql.Insert) -> Insert:
    """Both databases know the clause, and SQLAlchemy writes it alike for both."""
    free = {"claimed_by": None, "claimed_until": None, "attempts": 0}
    given: dict[str, Any] = {name: bindparam(name) for name in ("id", "kind", "key", "payload", "due_at")}
    news = {"payload": inserted.excluded.payload, "due_at": inserted.excluded.due_at, **free}
    return inserted.values(**given, **free).on_conflict_do_update(index_elements=["kind", "key"], set_=news)


_PUT_SQLITE = Statement(_put(sqlite.insert(jobs)))
_PUT = Statement(_put(postgresql.insert(jobs)))
_CANCEL = Statement(delete(jobs).where(jobs.c.kind == bindparam("kind"), jobs.c.key == bindparam("key")))
# Deleting is the claim: of two gateways one gets the row, the other zero rows.
_CLAIM = Statement(delete(jobs).where(jobs.c.id == bindparam("id"), jobs.c.due_at == bindparam("due_at")))
_RETRY = Changes(jobs, jobs.c.id == bindparam("row_id"))
_DUE = (
    select(jobs.c.id, jobs.c.kind, jobs.c.key, jobs.c.payload, jobs.c.due_at, jobs.c.attempts)
    .where(
        jobs.c.due_at <= bindparam("now"),
        or_(jobs.c.claimed_until.is_(None), jobs.c.claimed_until < bindparam("now")),
    )
    .order_by(jobs.c.due_at)
    .limit(_BATCH)
)


class Jobs:
    """Set, cancel and carry out. Handlers are registered at wiring, before `run`."""

    def __init__(self, db: Database, clock: Clock, owner: str) -> None:
        self._db = db
        self._clock = clock
        self._owner = owner
        self._handlers: dict[str, Handler] = {}
        self._due: Statement | None = None

    def on(self, kind: str, handler: Handler) -> None:
        """Name who carries out jobs of a kind. The handler runs inside the job's transaction."""
        self._handlers[kind] = handler
        self._due = None

    async def put(
        self, tx: Tx, kind: str, key: str, due_at: datetime, payload: Mapping[str, Any] | None = None
    ) -> None:
        """Set the one job of this kind and key, moving it when it is set already."""
        given = {"id": new_id("job"), "kind": kind, "key": key, "payload": dict(payload or {}), "due_at": due_at}
        await (_PUT if tx.sqlite is None else _PUT_SQLITE).count(tx, **given)

    async def cancel(self, tx: Tx, kind: str, key: str) -> None:
        """Forget a job; harmless when there is none."""
        await _CANCEL.count(tx, kind=kind, key=key)

    async def run_due(self) -> int:
        """Carry out what is due now; return how many were."""
        now = self._clock.now()
        if self._due is None:
            self._due = Statement(_DUE.where(jobs.c.kind.in_(list(self._handlers))))
        async with self._db.read() as tx:
            due = await self._due.all(tx, now=now)
        done = 0
        for *job, attempts in due:
            done += await self._carry_out(Job(*job), attempts)
        return done

    async def _carry_out(self, job: Job, attempts: int) -> int:
        try:
            async with self._db.begin() as tx:
                if await _CLAIM.count(tx, id=job.id, due_at=job.due_at) == 0:
                    return 0
                await self._handlers[job.kind](tx, job)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("jobs.failed", kind=job.kind, job_id=job.id, attempts=attempts + 1)
            wait = timedelta(seconds=min(_FIRST_RETRY_S * 2**attempts, _LAST_RETRY_S))
            again = {"attempts": attempts + 1, "claimed_until": self._clock.now() + wait}
            async with self._db.begin() as tx:
                await _RETRY.write(tx, again, row_id=job.id)
            return 0
        return 1

    async def run(self) -> None:
        """The loop. Ends only by cancellation."""
        while True:
            try:
                if await self.run_due() == _BATCH:
                    continue
            except DatabaseUnavailable:
                log.warning("jobs.database_unavailable")
            await asyncio.sleep(_POLL_S)


__all__ = ["Handler", "Job", "Jobs"]
