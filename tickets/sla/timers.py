"""When a promise's time has come: it is warned of, broken, told up the chain, in its timer's own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from core.calendar import after_open_seconds
from core.db import Tx
from core.errors import NotFound
from core.jobs import Job
from tickets.parts import Kit
from tickets.sla import keeper
from tickets.sla.bells import Bells
from tickets.sla.chain import House, house, people_of
from tickets.sla.clocks import ClockKind
from tickets.sla.keeper import Kept
from tickets.sla.rules import Rules, RulesKept
from tickets.sla.store import ClockRow
from tickets.store import SYSTEM, Ticket


class Timers:
    """The handlers of `sla.warn`, `sla.breach` and `sla.chain`; a timer whose ticket is gone does nothing."""

    def __init__(self, kit: Kit, rules: RulesKept, bells: Bells) -> None:
        self._kit = kit
        self._rules = rules
        self._bells = bells

    async def _held(self, tx: Tx, job: Job) -> tuple[Kept, Rules] | None:
        rules = await self._rules.get(tx)
        try:
            ticket = await self._kit.lock(tx, job.key)
        except NotFound:
            return None
        if rules is None:
            return None
        [kept] = await keeper.look(tx, [ticket], rules, self._kit.clock.now())
        return kept, rules

    async def _write(self, tx: Tx, kept: Kept, job: Job, changed: Mapping[str, ClockRow]) -> None:
        now = tuple(changed.get(row.id, row) for row in kept.now)
        await keeper.write(tx, self._kit.jobs, replace(kept, now=now), consumed=(job.kind,))

    async def on_warn(self, tx: Tx, job: Job) -> None:
        """Three quarters of a promise are gone, or as much as its policy says."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self._kit.clock.now()
        due = [row for row in kept.now if row.runs and row.warn_at and row.warn_at <= now and row.warned_at is None]
        changed = {row.id: replace(row, warned_at=now) for row in due}
        promised: datetime | None = None
        for row in due:
            until = await self._bells.customer(tx, kept.ticket, row, rules)
            if until is not None:
                changed[row.id] = replace(changed[row.id], told_at=now)
                if row.kind == ClockKind.RESOLUTION:
                    promised = until
        await self._write(tx, kept, job, changed)
        if not due:
            return
        staff = await house(tx, self._kit.people)
        told, ticket = people_of("agent", kept.ticket, staff, None), kept.ticket
        for row in due:
            values = {"promised_at": promised} if promised and row.kind == ClockKind.RESOLUTION else {}
            text = self._bells.text("warning", row, staff, told)
            ticket = await self._kit.change(tx, ticket, "sla_warning", SYSTEM, text=text, **values)
        self._bells.staff(tx, ticket, told, "warning")
        await self._bells.robots(tx, ticket, "warning", due)

    async def on_breach(self, tx: Tx, job: Job) -> None:
        """A promise is broken."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self._kit.clock.now()
        due = [row for row in kept.now if row.runs and row.due_at and row.due_at <= now and row.noted_at is None]
        staff = await house(tx, self._kit.people)
        first, told = self._step(0, kept.ticket, staff, rules)
        next_at = self._next_at(first, kept.ticket, rules)
        changed = {row.id: replace(row, noted_at=now, chain_step=first + 1, chain_at=next_at) for row in due}
        await self._write(tx, kept, job, changed)
        ticket = kept.ticket
        for row in due:
            # That a next step is overdue is the ticket's own event, and its people were told with it.
            if row.kind != ClockKind.NEXT_STEP:
                text = self._bells.text("broken", row, staff, told)
                ticket = await self._kit.change(tx, ticket, "sla_breached", SYSTEM, text=text)
                self._bells.staff(tx, ticket, told, "broken")
        if due:
            await self._bells.robots(tx, ticket, "breach", due)

    async def on_chain(self, tx: Tx, job: Job) -> None:
        """It is still broken, so the next of the chain is told."""
        held = await self._held(tx, job)
        if held is None:
            return
        (kept, rules), now = held, self._kit.clock.now()
        due = [row for row in kept.now if row.runs and row.chain_at and row.chain_at <= now]
        staff = await house(tx, self._kit.people)
        changed: dict[str, ClockRow] = {}
        lines: list[str] = []
        reached: list[str] = []
        for row in due:
            step, told = self._step(row.chain_step, kept.ticket, staff, rules)
            changed[row.id] = replace(row, chain_step=step + 1, chain_at=self._next_at(step, kept.ticket, rules))
            if told:
                lines.append(self._bells.chain_text(rules.settings.chain[step].who, row, staff, told))
                reached += told
        await self._write(tx, kept, job, changed)
        if lines:
            ticket = await self._kit.change(tx, kept.ticket, "sla_chain", SYSTEM, text="\n".join(lines))
            self._bells.staff(tx, ticket, reached, "chain")

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
        return after_open_seconds(rules.calendar(ticket.team_id), self._kit.clock.now(), chain[step + 1].after_s)


__all__ = ["Timers"]
