"""Keeping the stored clocks true: computed anew from what happened whenever something did, written where they differ.

A clock that has ended is never touched again: what an edit promises from now on does not rewrite what was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from bot.tables import customers
from core.db import Tx
from tickets import store as tickets_store
from tickets.sla import facts as history
from tickets.sla import store
from tickets.sla.clocks import ClockState, Fact, Outcome, clocks
from tickets.sla.rules import Rules
from tickets.sla.store import ClockRow
from tickets.store import Ticket

if TYPE_CHECKING:
    from core.jobs import Jobs

JOB_WARN = "sla.warn"
JOB_BREACH = "sla.breach"
JOB_CHAIN = "sla.chain"


@dataclass(frozen=True, slots=True)
class Kept:
    """A ticket's clocks as they were stored, and as they are now."""

    ticket: Ticket
    old: tuple[ClockRow, ...]
    now: tuple[ClockRow, ...]


async def look(
    tx: Tx, found: Sequence[Ticket], rules: Rules, now: datetime, extra: Mapping[str, Sequence[Fact]] | None = None
) -> list[Kept]:
    """Compute the clocks of some tickets, which the caller holds; nothing is written.

    `extra` are facts that may not stand in SQL yet; one that does already changes nothing.
    """
    ids = [ticket.id for ticket in found]
    known = await store.clocks_of(tx, ids)
    facts = await history.read(tx, ids)
    levels = await _levels(tx, found) if rules.by_level else {}
    kept: list[Kept] = []
    for ticket in found:
        happened = facts[ticket.id]
        if extra and ticket.id in extra:
            happened = history.merged(happened, extra[ticket.id])
        goals = rules.goals(ticket, levels.get(ticket.customer_id))
        states = clocks(happened, goals, rules.calendar(ticket.team_id), now)
        old = tuple(known[ticket.id])
        kept.append(Kept(ticket, old, tuple(_rows(ticket, old, states, now))))
    return kept


async def _levels(tx: Tx, found: Iterable[Ticket]) -> dict[str, str | None]:
    ids = {ticket.customer_id for ticket in found}
    rows = await tx.all(select(customers.c.id, customers.c.level).where(customers.c.id.in_(ids)))
    return {row.id: row.level for row in rows}


def _rows(ticket: Ticket, old: Sequence[ClockRow], states: Sequence[ClockState], now: datetime) -> Iterable[ClockRow]:
    known = {(row.kind, row.round): row for row in old}
    for state in states:
        row = known.pop((state.kind.value, state.round), None)
        if row is None:
            row = _fresh(ticket, state)
        elif not row.runs:
            yield row
            continue
        yield _brought_to(row, state)
    for row in known.values():
        # One that runs is promised no more; one from after `now` belongs to a past that is being played.
        if row.runs and row.started_at <= now:
            row = replace(row, stopped_at=now, outcome=Outcome.DROPPED.value, chain_at=None)
        yield row


def _fresh(ticket: Ticket, state: ClockState) -> ClockRow:
    return ClockRow(
        id=store.new_clock_id(),
        ticket_id=ticket.id,
        kind=state.kind.value,
        round=state.round,
        policy_id=state.policy_id,
        started_at=state.started,
        due_at=state.due,
        warn_at=state.warn_at,
        limit_s=state.limit_s,
        spent_s=0.0,
        paused=state.paused,
        breached_at=state.breached,
        stopped_at=None,
        outcome=None,
        demo=ticket.demo,
    )


def _brought_to(row: ClockRow, state: ClockState) -> ClockRow:
    values: dict[str, Any] = {
        "policy_id": state.policy_id,
        "started_at": state.started,
        "due_at": state.due,
        "warn_at": state.warn_at,
        "limit_s": state.limit_s,
        "paused": state.paused,
        "breached_at": state.breached,
        "stopped_at": state.stopped,
        "outcome": state.outcome.value if state.outcome else None,
    }
    if state.paused or state.stopped is not None:
        values["spent_s"] = state.spent_s
    if state.stopped is not None:
        values["chain_at"] = None
    elif row.noted_at is not None and state.breached is None:
        # An edit gave it more time, so a breach of the new promise is a new one.
        values |= {"noted_at": None, "chain_step": 0, "chain_at": None}
    if state.breached is None and state.warn_at is not None and row.warned_at and state.warn_at > row.warned_at:
        values["warned_at"] = None
    return replace(row, **values)


async def write(tx: Tx, jobs: Jobs, kept: Kept, consumed: Sequence[str] = ()) -> None:
    """Store what differs: clocks, the ticket's mark, the timers. `consumed` timers have just gone off."""
    old = {row.id: row for row in kept.old}
    await store.add_clocks(tx, [row for row in kept.now if row.id not in old])
    for row in kept.now:
        known = old.get(row.id)
        if known is not None and (changes := store.differing(known, row)):
            await store.set_clock(tx, row.id, **changes)
    mark = mark_of(kept.now)
    if mark != mark_of(kept.old):
        await tickets_store.note(tx, kept.ticket.id, **mark)
    before, after = timers(kept.old), timers(kept.now)
    for kind, due_at in after.items():
        if kind in consumed or due_at != before[kind]:
            if due_at is not None:
                await jobs.put(tx, kind, kept.ticket.id, due_at)
            elif kind not in consumed:
                await jobs.cancel(tx, kind, kept.ticket.id)


def timers(rows: Iterable[ClockRow]) -> dict[str, datetime | None]:
    """When each of the ticket's three timers goes off next."""
    running = [row for row in rows if row.runs]
    return {
        JOB_WARN: min((row.warn_at for row in running if row.warn_at and row.warned_at is None), default=None),
        JOB_BREACH: min((row.due_at for row in running if row.due_at and row.noted_at is None), default=None),
        JOB_CHAIN: min((row.chain_at for row in running if row.chain_at), default=None),
    }


def mark_of(rows: Iterable[ClockRow]) -> dict[str, Any]:
    """What the ticket's own row says of its clocks: the running one that ends first, else one that stands still."""
    found = tuple(rows)
    running = [row for row in found if row.runs]
    first = min((row for row in running if row.due_at), key=lambda row: row.due_at or row.started_at, default=None)
    if first is None:
        first = next((row for row in running if row.paused), None)
    return {
        "sla_clock": first.kind if first else None,
        "sla_due_at": first.due_at if first else None,
        "sla_warn_at": first.warn_at if first else None,
        "sla_breached": any(row.breached_at for row in found),
    }


__all__ = ["JOB_BREACH", "JOB_CHAIN", "JOB_WARN", "Kept", "look", "mark_of", "timers", "write"]
