"""The real scripts on a real Redis against a simple model: whatever happens in whatever order, the line stays true."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from dataclasses import dataclass

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from core.clock import FakeClock, millis
from core.redis_client import connect
from handoff.keys import Keys, score
from handoff.line import Admission, Line, Place, Standing
from handoff.presence import GRACE_S, Presence, Status
from tests.handoff.times import START

TEAMS = ("general", "payment")
AGENTS = ("stf_a", "stf_b", "stf_c")
LEASE_MS = 10_000


@dataclass
class Modelled:
    """What the model knows of one handoff. `agent` also while offered."""

    team: str
    priority: int
    since: int
    place: Place = Place.WAITING
    agent: str = ""
    until: int = 0


class LineMachine(RuleBasedStateMachine):
    """Joins, priorities, admissions, decisions, refusals, leases that run out, agents who come and go, moves
    between teams, and a server that loses everything."""

    url: str
    numbers = itertools.count()

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.clock = FakeClock(START)
        self.keys = Keys(f"t{secrets.token_hex(4)}")
        self.redis: Redis = self.runner.run(self._connect())
        self.line = Line(self.redis, self.keys)
        self.presence = Presence(self.redis, self.keys, self.clock)
        self.model: dict[str, Modelled] = {}
        self.capacity: dict[str, int] = {}
        self.status: dict[str, Status] = {}
        self.seen: dict[str, int] = {}
        for capacity, agent in enumerate(AGENTS, start=1):
            self.say(agent, Status.ONLINE, capacity)

    async def _connect(self) -> Redis:
        return connect(self.url)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self._clear())
            self.runner.close()

    async def _clear(self) -> None:
        async for key in self.redis.scan_iter(f"{self.keys.prefix}:*"):
            await self.redis.delete(key)
        await self.redis.aclose()

    @property
    def now(self) -> int:
        return millis(self.clock.now())

    def load(self, agent: str) -> int:
        return sum(1 for one in self.model.values() if one.agent == agent)

    def pick(self, number: int, place: Place) -> str:
        found = sorted(key for key, one in self.model.items() if one.place is place)
        return found[number % len(found)]

    def some(self, *places: Place) -> bool:
        return any(one.place in places for one in self.model.values())

    def standing(self, handoff_id: str) -> Standing:
        one = self.model[handoff_id]
        return Standing(handoff_id, one.team, one.place, one.priority, one.since, one.agent, self.now)

    @rule(team=st.sampled_from(TEAMS), priorities=st.lists(st.integers(1, 4), min_size=1, max_size=4))
    def join(self, team: str, priorities: list[int]) -> None:
        for priority in priorities:
            self.join_one(team, priority)
            self.clock.advance(milliseconds=priority % 2)

    def join_one(self, team: str, priority: int) -> None:
        handoff_id = f"hnd_{next(self.numbers):06}"
        ahead = self.runner.run(self.line.join(handoff_id, team, priority, self.now))
        expected = sum(
            1
            for other, one in self.model.items()
            if one.place is Place.WAITING
            and one.team == team
            and (score(one.priority, one.since), other) < (score(priority, self.now), handoff_id)
        )
        assert ahead == expected
        self.model[handoff_id] = Modelled(team, priority, self.now)

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 50))
    def join_again(self, number: int) -> None:
        handoff_id = sorted(self.model)[number % len(self.model)]
        one = self.model[handoff_id]
        assert self.runner.run(self.line.join(handoff_id, one.team, one.priority, one.since)) is None

    @rule(agent=st.sampled_from(AGENTS), status=st.sampled_from(Status), capacity=st.integers(1, 3))
    def say(self, agent: str, status: Status, capacity: int) -> None:
        self.runner.run(self.presence.say(agent, status, "", capacity))
        self.status[agent], self.capacity[agent], self.seen[agent] = status, capacity, self.now

    @rule(seconds=st.integers(1, 20), agents=st.sets(st.sampled_from(AGENTS), min_size=2))
    def time_passes(self, seconds: int, agents: set[str]) -> None:
        """Most agents are heard of all the time; one may fall silent."""
        self.clock.advance(seconds=seconds)
        self.runner.run(self.presence.beat(agents))
        for agent in agents & set(self.status):
            self.seen[agent] = self.now

    @rule()
    def agents_go(self) -> None:
        gone = {agent for agent, at in self.seen.items() if at < self.now - GRACE_S * 1000}
        assert set(self.runner.run(self.presence.gone())) == gone
        assert self.runner.run(self.presence.gone()) == []
        for agent in gone:
            del self.seen[agent]
        # A beat brings an agent back with what they said last.
        for handoff_id, one in self.model.items():
            if one.agent in gone and one.place is Place.ACTIVE:
                one.place, one.agent = Place.WAITING, ""
                assert self.runner.run(self.line.settle(self.standing(handoff_id))) is Place.ACTIVE

    @precondition(lambda self: bool(self.model))
    @rule(wishes=st.lists(st.tuples(st.sampled_from(AGENTS), st.integers(0, 50)), min_size=1, max_size=4))
    def take(self, wishes: list[tuple[str, int]]) -> None:
        for agent, number in wishes:
            self.take_one(agent, number)

    def take_one(self, agent: str, number: int) -> None:
        handoff_id = sorted(self.model)[number % len(self.model)]
        one = self.model[handoff_id]
        said = self.runner.run(
            self.line.take(
                handoff_id,
                one.team,
                agent,
                until_ms=self.now + LEASE_MS,
                seen_after_ms=self.presence.alive_since_ms,
            )
        )
        alive = self.seen.get(agent, -1) >= self.presence.alive_since_ms
        if one.agent:
            assert said is (Admission.YOURS if one.agent == agent else Admission.GONE)
        elif not alive or self.status[agent] not in (Status.ONLINE, Status.BUSY):
            assert said is Admission.OFFLINE
        elif self.load(agent) >= self.capacity[agent]:
            assert said is Admission.FULL
        else:
            assert said is Admission.TAKEN
            one.place, one.agent, one.until = Place.OFFERED, agent, self.now + LEASE_MS

    @precondition(lambda self: self.some(Place.OFFERED))
    @rule(number=st.integers(0, 50), accepted=st.booleans())
    def decide(self, number: int, accepted: bool) -> None:
        handoff_id = self.pick(number, Place.OFFERED)
        one = self.model[handoff_id]
        one.place = Place.ACTIVE if accepted else Place.WAITING
        one.agent = one.agent if accepted else ""
        assert self.runner.run(self.line.settle(self.standing(handoff_id))) is Place.OFFERED
        assert self.runner.run(self.line.settle(self.standing(handoff_id))) is one.place

    @rule()
    def leases_run_out(self) -> None:
        """A gateway died between admission and decision; SQL never heard of it."""
        ids = self.runner.run(self.line.run_out(self.now))
        assert set(ids) == {
            key for key, one in self.model.items() if one.place is Place.OFFERED and one.until <= self.now
        }
        for handoff_id in ids:
            one = self.model[handoff_id]
            one.place, one.agent = Place.WAITING, ""
            self.runner.run(self.line.settle(self.standing(handoff_id)))

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 50))
    def leave_or_end(self, number: int) -> None:
        handoff_id = sorted(self.model)[number % len(self.model)]
        one = self.model.pop(handoff_id)
        wanted = Standing(handoff_id, one.team, Place.NONE)
        assert self.runner.run(self.line.settle(wanted)) is one.place
        assert self.runner.run(self.line.settle(wanted)) is Place.NONE

    @precondition(lambda self: bool(self.model))
    @rule(number=st.integers(0, 50), team=st.sampled_from(TEAMS))
    def move(self, number: int, team: str) -> None:
        handoff_id = sorted(self.model)[number % len(self.model)]
        one = self.model[handoff_id]
        one.team = team
        if one.place is Place.OFFERED:
            one.place, one.agent = Place.WAITING, ""
        self.runner.run(self.line.settle(self.standing(handoff_id)))

    @rule()
    def everything_is_lost_and_rebuilt(self) -> None:
        """The line comes back from what SQL knows; leases are gone, agents are heard of with their next beat."""
        self.runner.run(self._lose())
        assert not self.runner.run(self.line.is_built())
        for one in self.model.values():
            if one.place is Place.OFFERED:
                one.place, one.agent = Place.WAITING, ""
        self.runner.run(self.line.settle_all([self.standing(each) for each in sorted(self.model, reverse=True)]))
        self.runner.run(self.line.mark_built(self.now))
        self.runner.run(self.presence.beat(self.status))
        self.seen = dict.fromkeys(self.status, self.now)

    async def _lose(self) -> None:
        async for key in self.redis.scan_iter(f"{self.keys.prefix}:*"):
            await self.redis.delete(key)
        await self.redis.script_flush()

    @invariant()
    def line_and_model_agree(self) -> None:
        if not hasattr(self, "runner"):
            return
        snapshot = self.runner.run(self.line.snapshot(TEAMS))
        for team in TEAMS:
            expected = sorted(
                (score(one.priority, one.since), key)
                for key, one in self.model.items()
                if one.place is Place.WAITING and one.team == team
            )
            assert snapshot.waiting[team] == [key for _, key in expected]
        assert set(snapshot.offered) == {key for key, one in self.model.items() if one.place is Place.OFFERED}
        assert set(snapshot.active) == {key for key, one in self.model.items() if one.place is Place.ACTIVE}
        assert snapshot.holder == {key: one.agent for key, one in self.model.items() if one.agent}
        assert snapshot.load == {agent: self.load(agent) for agent in AGENTS if self.load(agent)}
        assert snapshot.origin == {key: one.team for key, one in self.model.items()}

    @invariant()
    def each_place_is_the_number_ahead(self) -> None:
        if not hasattr(self, "runner"):
            return
        for team in TEAMS:
            waiting = self.runner.run(self.line.waiting(team))
            for ahead, handoff_id in enumerate(waiting):
                assert self.runner.run(self.line.place(handoff_id, team)) == ahead


def test_the_line_agrees_with_a_simple_model(redis_url: str) -> None:
    """A hundred stories of up to forty steps."""

    class Machine(LineMachine):
        url = redis_url

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=100,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
