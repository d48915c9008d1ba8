"""Which line a matter stands in, who may take it, and how long it may take: pure functions of values."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean

from core.people.store import DEFAULT_TEAM
from handoff.presence import AgentPresence

# With fewer measured conversations than this an estimate would be a guess, and is not given.
FEWEST_SAMPLES = 5
# An estimate is said in steps of this size: seconds would pretend a precision that nobody has.
_STEP_S = 30

Memberships = Mapping[str, Collection[str]]


def line_for(team_id: str, roster: Mapping[str, AgentPresence], memberships: Memberships) -> str | None:
    """The line in which somebody can be met now: the team's own when one of it is there, else the common one.

    None when nobody is there at all. Anybody may take from the common line.
    """
    there = [agent_id for agent_id, agent in roster.items() if agent.takes_work]
    if not there:
        return None
    if team_id != DEFAULT_TEAM and any(team_id in memberships.get(agent_id, ()) for agent_id in there):
        return team_id
    return DEFAULT_TEAM


def may_take(team_id: str, own_teams: Collection[str], *, watches: bool) -> bool:
    """Whether somebody of these teams may take from a line; who watches over all may take from all."""
    return watches or team_id == DEFAULT_TEAM or team_id in own_teams


def takers(team_id: str, roster: Mapping[str, AgentPresence], memberships: Memberships) -> list[AgentPresence]:
    """Who is there and may take from a line."""
    return [
        agent
        for agent_id, agent in roster.items()
        if agent.takes_work and may_take(team_id, memberships.get(agent_id, ()), watches=False)
    ]


def estimate_s(place: int, agents: Sequence[AgentPresence], service_times_s: Sequence[float]) -> int | None:
    """How long until it is one's turn, from measured conversations; None when that cannot be known honestly.

    With `place` people ahead and fewer free hands than that, so many conversations must end first; with all
    hands busy one ends every (mean length / hands).
    """
    hands = sum(agent.capacity for agent in agents)
    if hands == 0 or len(service_times_s) < FEWEST_SAMPLES:
        return None
    free = sum(agent.room for agent in agents)
    must_end = place + 1 - free
    if must_end <= 0:
        return _STEP_S
    return max(1, math.ceil(must_end * fmean(service_times_s) / hands / _STEP_S)) * _STEP_S
