"""The clocks beside each ticket: started, stopped and moved with every change; warnings, breaches and the chain.

Timers are durable jobs, one of each kind per ticket, and each notes in the ticket's history what it did, so after
hours without a running process every warning, breach and step is made up for, once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select

from core.calendar import missing_year
from core.clock import rfc3339
from core.db import Tx
from core.jobs import Handler, Job
from core.robots.robots import Robots
from tickets import store as tickets_store
from tickets.parts import Kit, Part
from tickets.sla import keeper, store
from tickets.sla.bells import Bells
from tickets.sla.clocks import ClockKind, Fact, What
from tickets.sla.keeper import JOB_BREACH, JOB_CHAIN, JOB_WARN
from tickets.sla.mark import sla_mark
from tickets.sla.rules import Rules, RulesKept
from tickets.sla.store import ClockRow
from tickets.sla.tables import sla_clocks
from tickets.sla.timers import Timers
from tickets.states import OPEN, is_open
from tickets.store import Actor, Ticket
from tickets.tables import tickets

# Columns that bear on a promise or on what happened to it.
_BEARS = (
    "state",
    "tier",
    "priority",
    "category_id",
    "team_id",
    "next_step_at",
    "next_step_told",
)
_PASSED_ON = frozenset({"handed_over", "escalated", "result_written"})
_SPOKEN = frozenset({ClockKind.FIRST_RESPONSE.value, ClockKind.NEXT_RESPONSE.value})
_AT_ONCE = 200
_OPEN_MATTERS = and_(tickets.c.state.in_([each.value for each in OPEN]), tickets.c.tier > 1)
JOB_RECOUNT = "sla.recount"
JOB_CALENDAR = "sla.calendar"
_ALL = "all"
_RECOUNT_LATER = timedelta(seconds=60)


class Sla(Part):
    """Everything about promised times."""

    name = "sla"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.robots = Robots(kit.db, kit.clock)
        self.rules = RulesKept(kit.people)
        self.asleep = False
        """While a past is played nothing is computed; `catch_up` then does it for all of it at once."""
        self.bells = Bells(kit, self.robots)
        self.timers = Timers(kit, self.rules, self.bells)
        self._zone = ZoneInfo(kit.settings.timezone)

    def jobs(self) -> Mapping[str, Handler]:
        return {
            JOB_WARN: self.timers.on_warn,
            JOB_BREACH: self.timers.on_breach,
            JOB_CHAIN: self.timers.on_chain,
            JOB_RECOUNT: self._on_recount,
            JOB_CALENDAR: self._on_calendar,
        }

    # What happens to tickets.

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        if self.asleep or now.tier == 1 or kind.startswith("sla_"):
            return
        if before is not None and kind not in _PASSED_ON and _same(before, now):
            return
        await self._settle(tx, now)

    async def customer_wrote(self, tx: Tx, ticket: Ticket, text: str, at: datetime) -> None:
        if self.asleep or ticket.tier == 1 or ticket.first_human_reply_at is None or not is_open(ticket.state):
            return
        if not await self._runs(tx, ticket):
            await self._settle(tx, ticket, Fact(at, What.WROTE))

    async def answered(self, tx: Tx, ticket: Ticket, by: str, staff_id: str | None, at: datetime) -> None:
        if self.asleep or ticket.tier == 1 or by != "agent":
            return
        if await self._runs(tx, ticket):
            await self._settle(tx, ticket, Fact(at, What.ANSWERED))

    async def _runs(self, tx: Tx, ticket: Ticket) -> bool:
        """Whether somebody waits for words: the one thing that words can change."""
        rows = (await store.clocks_of(tx, [ticket.id]))[ticket.id]
        return any(row.runs and row.kind in _SPOKEN for row in rows)

    async def _settle(self, tx: Tx, ticket: Ticket, *extra: Fact) -> None:
        rules = await self.rules.get(tx)
        if rules is None:
            return
        [kept] = await keeper.look(tx, [ticket], rules, self.kit.clock.now(), {ticket.id: extra})
        await keeper.write(tx, self.kit.jobs, kept)

    # Many at once: after an edit, after an upgrade, after a played past.

    async def seed(self, tx: Tx) -> None:
        """Write the delivered policies where there are none; open matters get their clocks from a timer."""
        now = self.kit.clock.now()
        if await store.seed(tx, now):
            await self.kit.jobs.put(tx, JOB_RECOUNT, _ALL, now)
            await self.kit.jobs.put(tx, JOB_CALENDAR, _ALL, now)

    async def edited(self, tx: Tx) -> None:
        """Somebody edited what clocks depend on. Should the process die within `recount`, a timer goes on."""
        await store.bump(tx)
        await self.kit.jobs.put(tx, JOB_RECOUNT, _ALL, self.kit.clock.now() + _RECOUNT_LATER)

    async def recount(self) -> int:
        """Bring the clocks of all open matters to the present rules; returns how many tickets were looked at.

        In batches, each a transaction of its own, so that nobody waits for all of them.
        """
        looked, after = 0, ""
        while True:
            async with self.kit.db.begin() as tx:
                found = await self._some(tx, _OPEN_MATTERS, after)
                if not found:
                    await self.kit.jobs.cancel(tx, JOB_RECOUNT, _ALL)
                    return looked
            looked, after = looked + len(found), found[-1].serial

    async def catch_up(self) -> int:
        """Compute the clocks of every matter that has none, ended ones too."""
        missing = ~select(sla_clocks.c.id).where(sla_clocks.c.ticket_id == tickets.c.id).exists()
        looked, after = 0, ""
        while True:
            async with self.kit.db.begin() as tx:
                found = await self._some(tx, and_(tickets.c.tier > 1, missing), after)
            if not found:
                return looked
            looked, after = looked + len(found), found[-1].serial

    async def _some(self, tx: Tx, which: Any, after: str) -> list[Ticket]:
        rules = await self.rules.get(tx)
        if rules is None:
            return []
        query = select(tickets).where(which, tickets.c.serial > after).order_by(tickets.c.serial).limit(_AT_ONCE)
        found = [tickets_store.value(row) for row in await tx.all(query.with_for_update())]
        for kept in await keeper.look(tx, found, rules, self.kit.clock.now()):
            await keeper.write(tx, self.kit.jobs, kept)
        return found

    async def _on_recount(self, tx: Tx, job: Job) -> None:
        if self.asleep:
            return
        found = await self._some(tx, _OPEN_MATTERS, str(job.payload.get("after", "")))
        if found:
            await self.kit.jobs.put(tx, JOB_RECOUNT, _ALL, self.kit.clock.now(), {"after": found[-1].serial})

    async def _on_calendar(self, tx: Tx, job: Job) -> None:
        """Look once a day whether December has begun without next year's days off; say so once a week."""
        now = self.kit.clock.now()
        later = timedelta(days=1)
        year = await self.year_missing(tx)
        if year is not None:
            later = timedelta(days=7)
            texts = self.kit.texts
            await self.robots.tell(
                tx,
                "alarm",
                title=texts.get("sla.alarm.calendar", year=year),
                lines=[texts.get("sla.alarm.calendar.line", year=year)],
            )
        await self.kit.jobs.put(tx, JOB_CALENDAR, _ALL, now + later)

    async def year_missing(self, tx: Tx) -> int | None:
        """The year whose days off some calendar lacks although it is near, or None."""
        today = self.kit.clock.now().astimezone(self._zone).date()
        found = [missing_year(row.holidays, today) for row in await self.kit.people.calendars(tx)]
        return next((year for year in found if year is not None), None)

    # What the desk shows.

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> Any:
        rules = await self.rules.get(tx)
        if rules is None:
            return None
        rows = (await store.clocks_of(tx, [ticket.id]))[ticket.id]
        now = self.kit.clock.now()
        mark = sla_mark(ticket, now) or {"clock": None, "due_at": None, "state": None}
        return {**mark, "clocks": [self._view(row, rules, now) for row in rows]}

    def _view(self, row: ClockRow, rules: Rules, now: datetime) -> dict[str, Any]:
        if row.stopped_at is not None:
            state = row.outcome
        elif row.paused:
            state = "paused"
        elif row.due_at is not None and row.due_at <= now:
            state = "broken"
        else:
            state = "warning" if row.warn_at is not None and row.warn_at <= now else "running"
        return {
            "kind": row.kind,
            "kind_text": self.bells.clock_name(row.kind),
            "round": row.round,
            "state": state,
            "runs": row.runs,
            "started_at": rfc3339(row.started_at),
            "due_at": _time(row.due_at),
            "warn_at": _time(row.warn_at),
            "breached_at": _time(row.breached_at),
            "stopped_at": _time(row.stopped_at),
            "told_at": _time(row.told_at),
            "limit_s": row.limit_s,
            "spent_s": row.spent_s,
            "policy": rules.policy_name(row.policy_id),
        }


def _same(before: Ticket, now: Ticket) -> bool:
    return all(getattr(before, name) == getattr(now, name) for name in _BEARS)


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


__all__ = ["JOB_RECOUNT", "Sla"]
