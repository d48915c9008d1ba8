"""Two gateways over one PostgreSQL, one killed: the other takes over what it held, nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.turns import LEASE_S
from tests.recovery.conftest import NewRun, history_of
from tests.recovery.customers import Customer, crowd
from tests.recovery.load import Load, kill, kill_at_random
from tests.recovery.stand_in import StandIn

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole run")]

# What a busy machine may add to a promise of seconds.
_SLACK_S = 25.0


async def test_turns_of_a_dead_gateway_are_taken_over_within_the_lease(
    new_run: NewRun, stand_in: StandIn, postgres_url: str
) -> None:
    """It dies while the assistant is asked; its claims run out, and the survivor answers from the conversation."""
    run = await new_run(DATABASE_URL=postgres_url, GATEWAYS="2", RASA_TIMEOUT_S="5")
    async with crowd(run.url) as session:
        customers = [await Customer.meet(session) for _ in range(12)]
        stand_in.before_turn.clear()
        seqs = await asyncio.gather(*(customer.says("怎么开发票") for customer in customers))
        async with asyncio.timeout(_SLACK_S):
            await stand_in.arrived.wait()
        await kill(run, "gateway-1")
        stand_in.before_turn.set()
        async with asyncio.timeout(LEASE_S + _SLACK_S):
            await asyncio.gather(*(each.hears_after(seq) for each, seq in zip(customers, seqs, strict=True)))
    found = await history_of(run, customers, postgres_url)
    assert not found.problems, found
    assert set(stand_in.turns.values()) == {1}


async def test_nothing_is_lost_or_doubled_when_one_of_two_is_killed(
    new_run: NewRun, stand_in: StandIn, postgres_url: str
) -> None:
    """Three times, at random moments, under load."""
    run = await new_run(DATABASE_URL=postgres_url, GATEWAYS="2")
    load = Load(run, count=20, seed=3)
    going = asyncio.create_task(load.go())
    try:
        await kill_at_random(run, "gateway-1", 3, random.Random(11), (0.5, 5.0))
    finally:
        load.stop()
        await going
    found = await history_of(run, load.customers, postgres_url)
    assert not found.problems, found
    assert found.exchanges > 20
    assert not [exchange_id for exchange_id, times in stand_in.turns.items() if times > 1]
