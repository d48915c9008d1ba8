"""Editing what is promised: policies, chain, calendars. Each edit is audited and holds for running clocks at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from core.calendar import BadCalendar, BadDays, delivered_days, read_days, without_year
from core.clock import rfc3339
from core.db import Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.people.store import ALWAYS, OFFICE, CalendarRow
from core.people.tables import teams
from tickets.sla import store
from tickets.sla.clocks import ClockKind, Fact, What, clocks
from tickets.sla.part import Sla
from tickets.sla.policy import Policy, Subject, checked, goals_for
from tickets.sla.store import WHO, Step

_LONGEST_WAIT_S = 30 * 24 * 3600
# What a trial shows: everything that a person's matter meets, one after the other.
_STORY = (What.WANTED, What.ANSWERED, What.WROTE, What.RESULT)


@dataclass(frozen=True, slots=True)
class Trial:
    """A matter that does not exist, to see what would be promised about it."""

    category_id: str
    priority: int
    channel_kind: str
    tier: int
    level: str | None
    team_id: str
    at: datetime


class SlaAdmin:
    """One per gateway. `by` is the staff id for the audit."""

    def __init__(self, sla: Sla) -> None:
        self._sla = sla
        self._kit = sla.kit

    async def policies(self) -> tuple[list[Policy], store.SlaSettings]:
        """Everything that is promised, and what stands beside it."""
        async with self._kit.db.read() as tx:
            return await store.policies(tx), await store.settings(tx)

    async def save(self, by: str, policy: Policy, *, new: bool) -> Policy:
        """Write a policy; a new one stands in front of the others. Raises Invalid, NotFound."""
        policy = checked(replace(policy, id=new_id("sla")) if new else policy)
        async with self._kit.db.begin() as tx:
            known = {each.id for each in await store.policies(tx)}
            if not new and policy.id not in known:
                raise NotFound("policy")
            if policy.calendar_id is not None and await self._kit.people.calendar(tx, policy.calendar_id) is None:
                raise Invalid("calendar_id")
            await store.save_policy(tx, policy, self._kit.clock.now())
            await self._edited(tx, by, "sla.policy_added" if new else "sla.policy_changed", policy.id)
        await self._sla.recount()
        return policy

    async def remove(self, by: str, policy_id: str) -> None:
        """Remove a policy. Raises NotFound."""
        async with self._kit.db.begin() as tx:
            if not await store.remove_policy(tx, policy_id):
                raise NotFound("policy")
            await self._edited(tx, by, "sla.policy_removed", policy_id)
        await self._sla.recount()

    async def order(self, by: str, ids: Sequence[str]) -> None:
        """Put all policies into this order. Raises Invalid unless each is named once."""
        async with self._kit.db.begin() as tx:
            if sorted(ids) != sorted(each.id for each in await store.policies(tx)):
                raise Invalid("order", text_id="error.sla_order")
            await store.order_policies(tx, ids)
            await self._edited(tx, by, "sla.policies_ordered", "sla")
        await self._sla.recount()

    async def save_chain(self, by: str, *, chain: Sequence[Step], head_id: str | None, tell: Collection[str]) -> None:
        """Say whom a broken promise reaches, and of which delays customers are told. Raises Invalid."""
        who = [step.who for step in chain]
        waits = all(0 <= step.after_s <= _LONGEST_WAIT_S for step in chain)
        if len(set(who)) != len(who) or not set(who) <= set(WHO) or not waits:
            raise Invalid("chain", text_id="error.sla_chain")
        if not set(tell) <= {kind.value for kind in ClockKind}:
            raise Invalid("tell")
        async with self._kit.db.begin() as tx:
            if head_id is not None and await self._kit.people.is_disabled(tx, head_id):
                raise Invalid("head_id")
            await store.save_settings(tx, chain=chain, head_id=head_id, tell=sorted(tell))
            await self._edited(tx, by, "sla.chain_changed", "sla")

    async def tried(self, trial: Trial) -> list[dict[str, Any]]:
        """What would be promised about such a matter: each clock begun at that moment."""
        async with self._kit.db.read() as tx:
            rules = await self._sla.rules.get(tx)
        if rules is None:
            return []
        subject = Subject(trial.category_id, trial.priority, trial.channel_kind, trial.level, trial.tier)
        goals = goals_for(rules.policies, subject, rules.calendars)
        found = clocks([Fact(trial.at, what) for what in _STORY], goals, rules.calendar(trial.team_id), trial.at)
        return [
            {
                "kind": each.kind.value,
                "due_at": rfc3339(each.due) if each.due else None,
                "warn_at": rfc3339(each.warn_at) if each.warn_at else None,
                "policy_id": each.policy_id,
                "policy": rules.policy_name(each.policy_id),
            }
            for each in found
        ]

    # Calendars.

    async def save_calendar(self, by: str, row: CalendarRow, *, new: bool) -> CalendarRow:
        """Write a calendar. Raises Invalid when it cannot be used, NotFound."""
        row = replace(row, id=new_id("cal")) if new else row
        async with self._kit.db.begin() as tx:
            known = await self._kit.people.calendar(tx, row.id)
            if not new and known is None:
                raise NotFound("calendar")
            try:
                await self._kit.people.save_calendar(tx, row)
            except BadCalendar as exc:
                raise Invalid(str(exc), text_id="error.calendar", reason=str(exc)) from exc
            await self._edited(tx, by, "calendar.added" if new else "calendar.changed", row.id)
        await self._sla.recount()
        return row

    async def import_days(self, by: str, calendar_id: str, year: int, text: str) -> CalendarRow:
        """Replace one year's days off and worked weekend days; without words the delivered ones of that year.

        Raises Invalid naming the line that cannot be read, or when a year has no delivered days; NotFound.
        """
        if text.strip():
            try:
                off, worked = read_days(text)
            except BadDays as exc:
                raise Invalid(str(exc), text_id="error.calendar_days", line=exc.line) from exc
        else:
            days = delivered_days(year)
            if days is None:
                raise Invalid("no delivered days", text_id="error.calendar_none", year=year)
            off, worked = days
        async with self._kit.db.read() as tx:
            known = await self._kit.people.calendar(tx, calendar_id)
        if known is None:
            raise NotFound("calendar")
        fresh = replace(
            known,
            holidays=tuple(sorted({*without_year(known.holidays, year), *off})),
            workdays=tuple(sorted({*without_year(known.workdays, year), *worked})),
        )
        return await self.save_calendar(by, fresh, new=False)

    async def remove_calendar(self, by: str, calendar_id: str) -> None:
        """Remove a calendar that nobody uses. Raises Conflict, NotFound."""
        async with self._kit.db.begin() as tx:
            if await self._kit.people.calendar(tx, calendar_id) is None:
                raise NotFound("calendar")
            used = any(each.calendar_id == calendar_id for each in await store.policies(tx))
            delivered = calendar_id in (ALWAYS, OFFICE)
            if used or delivered or not await self._kit.people.remove_calendar(tx, calendar_id):
                raise Conflict("calendar is used", text_id="error.calendar_used")
            await self._edited(tx, by, "calendar.removed", calendar_id)

    async def give_calendar(self, by: str, team_id: str, calendar_id: str) -> None:
        """Let a team work by a calendar. Raises NotFound, Invalid."""
        async with self._kit.db.begin() as tx:
            if await self._kit.people.calendar(tx, calendar_id) is None:
                raise Invalid("calendar_id")
            if not await tx.count(update(teams).where(teams.c.id == team_id).values(calendar_id=calendar_id)):
                raise NotFound("team")
            await self._edited(tx, by, "team.calendar_changed", team_id, calendar=calendar_id)
        await self._sla.recount()

    async def _edited(self, tx: Tx, by: str, action: str, obj: str, **data: Any) -> None:
        await self._sla.edited(tx)
        await self._kit.audit.write(tx, by, action, obj, **data)


__all__ = ["SlaAdmin", "Trial"]
