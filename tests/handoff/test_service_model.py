"""The whole hand-off, SQL and Redis together, against a simple model: crashes fall between any two steps.

A "crash" here leaves things as a killed gateway would: Redis was told and SQL was not, or the other way round.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from bot.types import Mode, Speaker
from core.clock import millis
from core.db import Database, metadata
from core.errors import Conflict, OfferGone
from core.ids import ConversationId
from core.redis_client import connect
from handoff import store
from handoff.presence import GRACE_S
from tests.handoff.world import LIN, ZHOU, World, build

AGENTS = (LIN, ZHOU)


@dataclass
class Modelled:
    """What the model knows: who has the handoff (nobody: it waits), and where it stands."""

    conversation_id: str
    priority: int
    since: int
    agent: str = ""


class HandoffMachine(RuleBasedStateMachine):
    """Wishes, acceptances, departures, vanishing agents, crashes and lost data."""

    url: str
    folder: Path

    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.world: World = self.runner.run(self._build())
        self.model: dict[str, Modelled] = {}
        self.alive = {agent.staff_id for agent in AGENTS}

    async def _build(self) -> World:
        path = self.folder / "model.db"
        path.unlink(missing_ok=True)
        for each in self.folder.glob("model.db-*"):
            each.unlink()
        database = Database(f"sqlite+aiosqlite:///{path}")
        async with database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        world = await build(database, connect(self.url))
        await world.online(*AGENTS, capacity=2)
        return world

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.runner.run(self._check())
            self.runner.run(self._close())
            self.runner.close()

    async def _close(self) -> None:
        await self.world.lose_redis()
        await self.world.redis.aclose()
        await self.world.db.close()

    def waiting(self) -> list[str]:
        line = [(one.priority, one.since, key) for key, one in self.model.items() if not one.agent]
        return [key for _, _, key in sorted(line)]

    def held(self, agent: Speaker) -> list[str]:
        return sorted(key for key, one in self.model.items() if one.agent == agent.staff_id)

    async def _check(self) -> None:
        """After the keeper has looked twice, SQL, Redis and the model agree."""
        await self.world.service.presence.beat(self.alive)
        keeper = self.world.service.keeper
        await self.world.service.settled()
        await keeper.reconcile()
        await keeper.sweep()
        await keeper.reconcile()
        await self.world.line_is_as_sql_says()
        async with self.world.db.read() as tx:
            rows = await store.all_open(tx)
        assert [one.id for one in rows if one.state == store.WAITING] == self.waiting()
        assert {one.id: one.agent_id for one in rows if one.agent_id} == {
            key: one.agent for key, one in self.model.items() if one.agent
        }
        for ahead, handoff_id in enumerate(self.waiting()):
            assert await self.world.place(self.model[handoff_id].conversation_id) == ahead
        for one in self.model.values():
            found = await self.world.conversation(one.conversation_id)
            assert found.mode is (Mode.AGENT if one.agent else Mode.WAITING)

    @rule(priorities=st.lists(st.integers(1, 4), min_size=1, max_size=3))
    def wish(self, priorities: list[int]) -> None:
        if not self.alive:
            self.come_back()
        for priority in priorities:
            # Each customer takes a second, in which the desks are heard of.
            self.runner.run(self.world.service.presence.beat(self.alive))
            one = self.runner.run(self.world.waiting_customer(priority=priority))
            self.model[one.id] = Modelled(one.conversation_id, priority, millis(one.waiting_since))

    @precondition(lambda self: bool(self.model))
    @rule(agent=st.sampled_from(AGENTS), number=st.integers(0, 20))
    def accept(self, agent: Speaker, number: int) -> None:
        handoff_id = sorted(self.model)[number % len(self.model)]
        one = self.model[handoff_id]
        expected: type[Exception] | None = None
        if one.agent:
            expected = None if one.agent == agent.staff_id else OfferGone
        elif agent.staff_id not in self.alive or len(self.held(agent)) >= 2:
            expected = Conflict
        assert self.runner.run(self._accept(handoff_id, agent)) is expected
        if expected is None:
            one.agent = agent.staff_id

    async def _accept(self, handoff_id: str, agent: Speaker) -> type[Exception] | None:
        try:
            await self.world.service.accept(handoff_id, agent)
        except (OfferGone, Conflict) as refused:
            return type(refused)
        return None

    @precondition(lambda self: bool(self.waiting()) and bool(self.alive))
    @rule(agent=st.sampled_from(AGENTS), number=st.integers(0, 20), decided=st.booleans(), told=st.booleans())
    def a_gateway_dies_while_accepting(self, agent: Speaker, number: int, decided: bool, told: bool) -> None:
        """Admitted, then killed before or after the decision; the lease runs out."""
        handoff_id = self.waiting()[number % len(self.waiting())]
        self.runner.run(self._half_accept(handoff_id, agent, decided, told))

    async def _half_accept(self, handoff_id: str, agent: Speaker, decided: bool, told: bool) -> None:
        service, one = self.world.service, await self.world.handoff(handoff_id)
        await service.settled()
        if told:
            now = millis(self.world.clock.now())
            seen = service.presence.alive_since_ms
            said = await service.line.take(one.id, one.team_id, agent.staff_id, until_ms=now, seen_after_ms=seen)
            if said.value != "taken":
                return
        if decided and len(self.held(agent)) < 2 and agent.staff_id in self.alive:
            async with self.world.db.begin() as tx:
                await service._steps.give(tx, one, agent, 2)
            self.model[handoff_id].agent = agent.staff_id
        await service.keeper.sweep()

    @precondition(lambda self: bool(self.waiting()))
    @rule(number=st.integers(0, 20), told=st.booleans())
    def leave(self, number: int, told: bool) -> None:
        handoff_id = self.waiting()[number % len(self.waiting())]
        one = self.model.pop(handoff_id)
        self.runner.run(self._leave(one.conversation_id, told))

    async def _leave(self, conversation_id: str, told: bool) -> None:
        async with self.world.db.begin() as tx:
            assert await self.world.service.leave(tx, ConversationId(conversation_id), "left")
            if not told:
                tx._after_commit.clear()  # The gateway died right after the commit.

    @precondition(lambda self: any(one.agent for one in self.model.values()))
    @rule(number=st.integers(0, 20), told=st.booleans())
    def finish(self, number: int, told: bool) -> None:
        handoff_id = sorted(key for key, one in self.model.items() if one.agent)
        picked = handoff_id[number % len(handoff_id)]
        one = self.model.pop(picked)
        self.runner.run(self._finish(one.conversation_id, told))

    async def _finish(self, conversation_id: str, told: bool) -> None:
        async with self.world.db.begin() as tx:
            assert await self.world.service.finish(tx, conversation_id)
            if not told:
                tx._after_commit.clear()
        await self.world.service.settled()
        if not told:
            # The agent's room is free again once the keeper has looked twice.
            await self.world.service.keeper.reconcile()
            await self.world.service.keeper.reconcile()

    @precondition(lambda self: bool(self.alive))
    @rule(agent=st.sampled_from(AGENTS))
    def vanish(self, agent: Speaker) -> None:
        """Not heard of for longer than the grace, while the others are."""
        if agent.staff_id not in self.alive:
            return
        self.runner.run(self.world.service.settled())
        self.world.clock.advance(seconds=GRACE_S + 1)
        self.alive.discard(agent.staff_id)
        self.runner.run(self.world.service.presence.beat(self.alive))
        self.runner.run(self.world.service.keeper.sweep())
        for key in self.held(agent):
            self.model[key].agent = ""

    @rule()
    def come_back(self) -> None:
        self.runner.run(self.world.online(*AGENTS, capacity=2))
        self.alive = {agent.staff_id for agent in AGENTS}

    @rule()
    def everything_in_redis_is_lost(self) -> None:
        self.runner.run(self._lose())

    async def _lose(self) -> None:
        await self.world.service.settled()
        await self.world.lose_redis()
        await self.world.service.keeper.reconcile()
        await self.world.service.presence.beat(self.alive)

    @rule()
    def look(self) -> None:
        self.runner.run(self._check())


def test_sql_redis_and_the_model_agree_whatever_dies(redis_url: str, tmp_path: Path) -> None:
    """Thirty stories of up to thirty steps on SQLite."""

    class Machine(HandoffMachine):
        url = redis_url
        folder = tmp_path

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
