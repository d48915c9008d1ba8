"""What somebody who wants a person would meet, and what somebody in line is told: reads only."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bot.types import Placed
from core.calendar import is_open
from core.clock import Clock
from core.db import Database, Tx
from core.errors import QueueUnavailable
from core.ids import HandoffId
from core.people.store import DEFAULT_TEAM, PeopleStore
from handoff import store
from handoff.line import Line
from handoff.presence import AgentPresence, Presence
from handoff.routing import estimate_s, line_for, takers
from handoff.store import Handoff

OPEN, NOBODY_ONLINE, AFTER_HOURS, FULL, QUEUE_DOWN = "open", "nobody_online", "after_hours", "full", "queue_down"

_SAMPLES_SINCE = timedelta(days=7)
_SAMPLES = 50
# Estimates are told in half minutes; measuring more often than this would change nothing that anybody sees.
_SAMPLES_KEPT_S = 60.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a line may be, how long one may stand in it, and how long a line without anybody is kept."""

    longest_line: int = 200
    longest_wait_s: float = 3600.0
    nobody_s: float = 180.0


@dataclass(frozen=True, slots=True)
class Situation:
    """Who is there, as last seen."""

    roster: Mapping[str, AgentPresence]
    memberships: Mapping[str, Collection[str]]


class Outlook:
    """Answers from presence, calendars, the line and measured conversations. Remembers only who was there last."""

    def __init__(
        self, db: Database, clock: Clock, people: PeopleStore, line: Line, presence: Presence, bounds: Bounds
    ) -> None:
        self._db = db
        self._clock = clock
        self._people = people
        self._line = line
        self._presence = presence
        self._bounds = bounds
        self._samples: dict[str, tuple[float, list[float]]] = {}
        self.situation = Situation({}, {})
        # False while this gateway's clock disagrees with the server's: its leases would be wrong.
        self.in_time = True

    async def look(self) -> Situation:
        """Who is there now. Raises QueueUnavailable."""
        roster = await self._presence.roster()
        async with self._db.read() as tx:
            self.situation = Situation(roster, await self._people.memberships(tx))
        return self.situation

    async def of(self, team_id: str | None) -> str:
        """What a request for this team would meet now."""
        team = team_id or DEFAULT_TEAM
        try:
            situation = await self.look()
            if not self.in_time:
                return QUEUE_DOWN
            line = line_for(team, situation.roster, situation.memberships)
            if line is not None:
                return FULL if await self._line.size(line) >= self._bounds.longest_line else OPEN
        except QueueUnavailable:
            return QUEUE_DOWN
        async with self._db.read() as tx:
            hours = await self._people.calendar_of_team(tx, team)
        return NOBODY_ONLINE if hours is None or is_open(hours, self._clock.now()) else AFTER_HOURS

    def line_for(self, team_id: str | None) -> str:
        """The line in which a request stands, by who was there at the last look."""
        team = team_id or DEFAULT_TEAM
        return line_for(team, self.situation.roster, self.situation.memberships) or team

    async def placed(self, tx: Tx, one: Handoff) -> Placed:
        """Where a handoff stands; by SQL alone, so it may be asked inside a transaction."""
        if one.state != store.WAITING:
            return Placed(one.state, HandoffId(one.id))
        ahead = await store.ahead_of(tx, one)
        return Placed(store.WAITING, HandoffId(one.id), ahead, await self._estimate(tx, one.team_id, ahead))

    async def place(self, conversation_id: str) -> Placed | None:
        """The place in line now, or None when not waiting. Without Redis the place is counted in SQL."""
        async with self._db.read() as tx:
            one = await store.open_of(tx, conversation_id)
            return await self.placed(tx, one) if one is not None and one.state == store.WAITING else None

    async def _estimate(self, tx: Tx, team_id: str, ahead: int) -> int | None:
        agents = takers(team_id, self.situation.roster, self.situation.memberships)
        return estimate_s(ahead, agents, await self._service_times(tx, team_id))

    async def _service_times(self, tx: Tx, team_id: str) -> list[float]:
        at, samples = self._samples.get(team_id, (float("-inf"), []))
        if time.monotonic() - at > _SAMPLES_KEPT_S:
            samples = await store.service_times_s(tx, team_id, self._clock.now() - _SAMPLES_SINCE, _SAMPLES)
            self._samples[team_id] = (time.monotonic(), samples)
        return samples
