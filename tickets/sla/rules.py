"""Policies, settings and hours, read again only when somebody edited them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from core.calendar import Calendar
from core.db import Tx
from core.people.store import ALWAYS, PeopleStore, delivered_calendars
from core.people.tables import teams
from tickets.sla import store
from tickets.sla.clocks import ClockKind, Goal
from tickets.sla.policy import Policy, Subject, goals_for
from tickets.sla.store import SlaSettings
from tickets.store import Ticket

_ROUND_THE_CLOCK = delivered_calendars(1)[0].parsed()
# Without a conversation nobody waits for words in it.
_SPOKEN = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything that bears on clocks besides the tickets themselves."""

    version: int
    policies: tuple[Policy, ...]
    settings: SlaSettings
    calendars: Mapping[str, Calendar]
    team_calendars: Mapping[str, str]

    @property
    def by_level(self) -> bool:
        """Whether a customer's level matters to any policy."""
        return any(policy.match.levels for policy in self.policies)

    def calendar(self, team_id: str | None) -> Calendar:
        """A team's hours; round the clock for a team that is gone."""
        return self.calendars.get(self.team_calendars.get(team_id or "", ALWAYS), _ROUND_THE_CLOCK)

    def goals(self, ticket: Ticket, level: str | None) -> dict[ClockKind, Goal]:
        """What is promised about a ticket."""
        subject = Subject(ticket.category_id, ticket.priority, ticket.channel_kind, level, ticket.tier)
        goals = goals_for(self.policies, subject, self.calendars)
        if ticket.conversation_id is None:
            for kind in _SPOKEN:
                goals.pop(kind, None)
        return goals

    def policy_name(self, policy_id: str | None) -> str | None:
        """The name of a policy, or None when it is gone."""
        return next((policy.name for policy in self.policies if policy.id == policy_id), None)


class RulesKept:
    """The rules as of the last edit, for one gateway."""

    def __init__(self, people: PeopleStore) -> None:
        self._people = people
        self._kept: Rules | None = None

    async def get(self, tx: Tx) -> Rules | None:
        """The present rules, or None before anything was set up; one small statement unless somebody edited them."""
        version = await store.version(tx)
        if version == 0:
            return None
        if self._kept is None or self._kept.version != version:
            self._kept = await self._load(tx, version)
        return self._kept

    async def _load(self, tx: Tx, version: int) -> Rules:
        rows = await tx.all(select(teams.c.id, teams.c.calendar_id))
        return Rules(
            version=version,
            policies=tuple(await store.policies(tx)),
            settings=await store.settings(tx),
            calendars={row.id: row.parsed() for row in await self._people.calendars(tx)},
            team_calendars={row.id: row.calendar_id for row in rows},
        )


__all__ = ["Rules", "RulesKept"]
