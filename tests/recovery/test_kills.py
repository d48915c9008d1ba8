"""kill -9 of gateway and Redis at random moments under load: each accepted message is stored and answered once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.fixtures.frontline import FrontlineRun
from tests.fixtures.system import running_system
from tests.recovery.conftest import NewRun, history_of
from tests.recovery.load import Load, kill_at_random
from tests.recovery.stand_in import StandIn

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole run")]


async def _break(run: FrontlineRun, load: Load, times: int, between_s: tuple[float, float], seed: int) -> None:
    """Kill both, each in its own rhythm, while the load runs; then let the last words be answered."""
    going = asyncio.create_task(load.go())
    try:
        async with asyncio.TaskGroup() as group:
            for number, name in enumerate(("gateway-1", "redis")):
                chance = random.Random(seed + number)
                group.create_task(kill_at_random(run, name, times, chance, between_s))
    finally:
        load.stop()
        await going


async def test_nothing_is_lost_or_doubled_when_gateway_and_redis_are_killed(new_run: NewRun, stand_in: StandIn) -> None:
    """Three times each."""
    run = await new_run()
    load = Load(run, count=25, seed=1)
    await _break(run, load, times=3, between_s=(0.2, 8.0), seed=7)
    found = await history_of(run, load.customers)
    assert not found.problems, found
    assert found.exchanges > 3 * 3, "hardly anybody was served"
    assert sum(customer.tries for customer in load.customers) > 0, "nobody noticed any of the kills"
    assert stand_in.turns, "the assistant was never asked"
    assert not [exchange_id for exchange_id, times in stand_in.turns.items() if times > 1]


@pytest.mark.soak
async def test_nothing_is_lost_or_doubled_in_twenty_kills_of_each(tmp_path: Path) -> None:
    """With encoder and the real assistant, and two hundred customers."""
    limits = {"ADDRESS_SESSIONS_PER_MIN": "1000000", "ADDRESS_REQUESTS_PER_MIN": "1000000"}
    with running_system(tmp_path, **limits) as system:
        load = Load(system, count=200, seed=2, reading_s=(2.0, 10.0))
        await _break(system, load, times=20, between_s=(1.0, 25.0), seed=20261121)
        found = await history_of(system, load.customers)
    replies = sorted(load.replies_s)
    print(
        f"\n{found.exchanges} messages in {len(load.customers)} conversations, {found.understood} with the assistant; "
        f"replies p50 {replies[len(replies) // 2]:.1f} s, longest {replies[-1]:.1f} s; "
        f"{sum(customer.tries for customer in load.customers)} calls were made again; {dict(found.decisions)}"
    )
    assert not found.problems, found
