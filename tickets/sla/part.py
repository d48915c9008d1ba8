"""The clocks beside each ticket: started, stopped and moved with every change; warnings, breaches and the chain.

Timers are durable jobs, one of each kind per ticket, and each notes in the ticket's history what it did, so after
hours without a running process every warning, breach and step is made up for, once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select

from bot.types import Kind
from core.calendar import after_open_seconds, missing_year
from core.clock import rfc3339
from core.db import Tx
from core.errors import NotFound
from core.jobs import Handler, Job
from core.robots.robots import Robots
from tickets import categories
from tickets import store as tickets_store
from tickets.parts import Kit, Part
from tickets.sla import keeper, store
from tickets.sla.chain import House, house, people_of
from tickets.sla.clocks import ClockKind, Fact, What
from tickets.sla.keeper import JOB_BREACH, JOB_CHAIN, JOB_WARN, Kept
from tickets.sla.mark import sla_mark
from tickets.sla.rules import Rules, RulesKept
from tickets.sla.store import ClockRow
from tickets.sla.tables import sla_clocks
from tickets.states import OPEN, is_open
from tickets.store import SYSTEM, Actor, Ticket
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
# A customer who is told of a delay gets half of the promise again, and never less than this.
_MORE_SHARE = 0.5
_LEAST_MORE_S = 600.0
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
        self.speaks = True
        """Whether customers, colleagues and robots are told: not about a past that was just played."""
        self._zone = ZoneInfo(kit.settings.timezone)

    def jobs(self) -> Mapping[str, Handler]:
        return {
            JOB_WARN: self._on_warn,
            JOB_BREACH: self._on_breach,
            JOB_CHAIN: self._on_chain,
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

    # Timers.

    async def _held(self, tx: Tx, job: Job) -> tuple[Kept, Rules] | None:
        rules = await self.rules.get(tx)
        try:
            ticket = await self.kit.lock(tx, job.key)
        except NotFound:
            return None
        if rules is None:
            return None
        [kept] = await keeper.look(tx, [ticket], rules, self.kit.clock.now())
        return kept, rules

    async def _write(self, tx: Tx, kept: Kept, job: Job, changed: Mapping[str, ClockRow]) -> None:
        now = tuple(changed.get(row.id, row) for row in kept.now)
        await keeper.write(tx, self.kit.jobs, replace(kept, now=now), consumed=(job.kind,))

    async def _on_warn(self, tx: Tx, job: Job) -> None:
        """Three quarters of a promise are gone, or as much as its policy says."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self.kit.clock.now()
        due = [row for row in kept.now if row.runs and row.warn_at and row.warn_at <= now and row.warned_at is None]
        changed = {row.id: replace(row, warned_at=now) for row in due}
        promised: datetime | None = None
        if self.speaks:
            for row in due:
                until = await self._tell_customer(tx, kept.ticket, row, rules)
                if until is not None:
                    changed[row.id] = replace(changed[row.id], told_at=now)
                    if row.kind == ClockKind.RESOLUTION:
                        promised = until
        await self._write(tx, kept, job, changed)
        if not due:
            return
        staff = await house(tx, self.kit.people)
        told, ticket = people_of("agent", kept.ticket, staff, None), kept.ticket
        for row in due:
            values = {"promised_at": promised} if promised and row.kind == ClockKind.RESOLUTION else {}
            text = self._text("warning", row, staff, told)
            ticket = await self.kit.change(tx, ticket, "sla_warning", SYSTEM, text=text, **values)
        self._tell_staff(tx, ticket, told, "warning")
        await self._tell_robots(tx, ticket, "warning", due)

    async def _on_breach(self, tx: Tx, job: Job) -> None:
        """A promise is broken."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self.kit.clock.now()
        due = [row for row in kept.now if row.runs and row.due_at and row.due_at <= now and row.noted_at is None]
        staff = await house(tx, self.kit.people)
        first, told = self._step(0, kept.ticket, staff, rules)
        next_at = self._next_at(first, kept.ticket, rules)
        changed = {row.id: replace(row, noted_at=now, chain_step=first + 1, chain_at=next_at) for row in due}
        await self._write(tx, kept, job, changed)
        ticket = kept.ticket
        for row in due:
            # That a next step is overdue is the ticket's own event, and its people were told with it.
            if row.kind != ClockKind.NEXT_STEP:
                text = self._text("broken", row, staff, told)
                ticket = await self.kit.change(tx, ticket, "sla_breached", SYSTEM, text=text)
                self._tell_staff(tx, ticket, told, "broken")
        if due:
            await self._tell_robots(tx, ticket, "breach", due)

    async def _on_chain(self, tx: Tx, job: Job) -> None:
        """It is still broken, so the next of the chain is told."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self.kit.clock.now()
        due = [row for row in kept.now if row.runs and row.chain_at and row.chain_at <= now]
        staff = await house(tx, self.kit.people)
        changed: dict[str, ClockRow] = {}
        lines: list[str] = []
        reached: list[str] = []
        for row in due:
            step, told = self._step(row.chain_step, kept.ticket, staff, rules)
            changed[row.id] = replace(row, chain_step=step + 1, chain_at=self._next_at(step, kept.ticket, rules))
            if told:
                lines.append(self._chain_text(rules.settings.chain[step].who, row, staff, told))
                reached += told
        await self._write(tx, kept, job, changed)
        if lines:
            ticket = await self.kit.change(tx, kept.ticket, "sla_chain", SYSTEM, text="\n".join(lines))
            self._tell_staff(tx, ticket, reached, "chain")

    def _step(self, wanted: int, ticket: Ticket, staff: House, rules: Rules) -> tuple[int, list[str]]:
        """The first step from `wanted` on that reaches somebody, and whom; a step without people costs no time."""
        chain = rules.settings.chain
        for number in range(wanted, len(chain)):
            told = people_of(chain[number].who, ticket, staff, rules.settings.head_id)
            if told:
                return number, told
        return len(chain), []

    def _next_at(self, step: int, ticket: Ticket, rules: Rules) -> datetime | None:
        """When the step after this one is told: so much of the team's working time from now."""
        chain = rules.settings.chain
        if step + 1 >= len(chain):
            return None
        return after_open_seconds(rules.calendar(ticket.team_id), self.kit.clock.now(), chain[step + 1].after_s)

    # Telling.

    async def _tell_customer(self, tx: Tx, ticket: Ticket, row: ClockRow, rules: Rules) -> datetime | None:
        """Tell of the delay before the promise breaks, once per promise; returns the new time that was named."""
        if ticket.conversation_id is None or row.told_at is not None or row.kind not in rules.settings.tell:
            return None
        now = self.kit.clock.now()
        more = max(_LEAST_MORE_S, row.limit_s * _MORE_SHARE)
        until = after_open_seconds(rules.calendar(ticket.team_id), max(row.due_at or now, now), more)
        if until is None:
            return None
        text = self.kit.texts.get(f"sla.delay.{row.kind}", serial=ticket.serial, when=self._local(until))
        await self.kit.voice.say(tx, ticket, text, at=now, kind=Kind.NOTICE)
        return until

    def _tell_staff(self, tx: Tx, ticket: Ticket, staff_ids: Collection[str], state: str) -> None:
        if not self.speaks:
            return
        for staff_id in dict.fromkeys(staff_ids):
            topic, event = f"staff:{staff_id}", {"type": "sla", "serial": ticket.serial, "state": state}
            tx.after_commit(lambda topic=topic, event=event: self.kit.notifier.publish(topic, event))  # type: ignore[misc]  # defaults bind the loop's values

    async def _tell_robots(self, tx: Tx, ticket: Ticket, topic: str, rows: Sequence[ClockRow]) -> None:
        if not self.speaks:
            return
        texts = self.kit.texts
        tree = await categories.load(tx)
        team = await self.kit.people.team(tx, ticket.team_id) if ticket.team_id else None
        names = "、".join(self._clock_name(row.kind) for row in rows)
        due = min((row.due_at for row in rows if row.due_at), default=None)
        lines = [
            texts.get("sla.robot.serial", serial=ticket.serial),
            texts.get("sla.robot.category", category=tree.name(ticket.category_id)),
            texts.get("sla.robot.team", team=team.name if team else texts.get("ticket.value.none")),
        ]
        if due is not None:
            lines.append(texts.get("sla.robot.due", when=self._local(due)))
        await self.robots.tell(
            tx,
            topic,
            title=texts.get(f"sla.robot.{topic}", clocks=names),
            lines=lines,
            url=f"{self.kit.settings.base_url}/desk/u/0/tickets/{ticket.serial}",
            team_id=ticket.team_id,
        )

    def _text(self, what: str, row: ClockRow, staff: House, told: Sequence[str]) -> str:
        when = self._local(row.due_at) if row.due_at else ""
        said = self.kit.texts.get(f"sla.event.{what}", clock=self._clock_name(row.kind), when=when)
        if not told:
            return said
        return f"{said}\n{self.kit.texts.get('sla.event.told', names=self._names(staff, told))}"

    def _chain_text(self, who: str, row: ClockRow, staff: House, told: Sequence[str]) -> str:
        return self.kit.texts.get(
            "sla.event.chain",
            clock=self._clock_name(row.kind),
            who=self.kit.texts.get(f"sla.who.{who}"),
            names=self._names(staff, told),
        )

    def _names(self, staff: House, told: Sequence[str]) -> str:
        return "、".join(staff.names.get(each, each) for each in dict.fromkeys(told))

    def _clock_name(self, kind: str) -> str:
        return self.kit.texts.get(f"sla.clock.{kind}")

    def _local(self, moment: datetime) -> str:
        here = moment.astimezone(self._zone)
        return f"{here.month}月{here.day}日 {here:%H:%M}"

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
            "kind_text": self._clock_name(row.kind),
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
