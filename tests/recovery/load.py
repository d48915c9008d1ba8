"""Load with accidents: customers who talk until told to stop, and somebody who kills programs at random moments."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle

import aiohttp

from tests.fixtures.frontline import FrontlineRun
from tests.recovery.customers import Customer, crowd
from tests.recovery.lines import Turn, talks

_LOOK_EVERY_S = 0.05
_BACK_WITHIN_S = 150.0


@dataclass
class Load:
    """Customers over the public contract, one talk after the other, until `stop`."""

    run: FrontlineRun
    count: int
    seed: int
    reading_s: tuple[float, float] = (0.0, 0.5)
    customers: list[Customer] = field(default_factory=list)
    replies_s: list[float] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def go(self) -> None:
        """Let them talk; returns when all of them have heard the answer to their last word."""
        async with crowd(self.run.url) as session, asyncio.TaskGroup() as group:
            for number, turns in enumerate(talks(self.count, 30, self.seed)):
                group.create_task(self._talk(session, turns, random.Random(self.seed * 1000 + number)))

    def stop(self) -> None:
        """Let everybody finish the turn they are in."""
        self._stop.set()

    async def _talk(self, session: aiohttp.ClientSession, turns: Sequence[Turn], chance: random.Random) -> None:
        customer = await Customer.meet(session)
        self.customers.append(customer)
        for turn in cycle(turns):
            if self._stop.is_set():
                return
            self.replies_s.append(await customer.asks(*turn))
            await asyncio.sleep(chance.uniform(*self.reading_s))


async def kill_at_random(
    run: FrontlineRun, name: str, times: int, chance: random.Random, between_s: tuple[float, float]
) -> None:
    """SIGKILL one program again and again: a random while after messages are accepted again, or, one time in four,
    after it was started, ready or not."""
    for _ in range(times):
        if chance.random() < 0.75:
            await accepting(run)
        await asyncio.sleep(chance.uniform(*between_s))
        await kill(run, name)


async def accepting(run: FrontlineRun) -> None:
    """Until messages are accepted."""
    until = time.monotonic() + _BACK_WITHIN_S
    async with aiohttp.ClientSession(run.url, trust_env=False, timeout=aiohttp.ClientTimeout(10)) as session:
        while True:
            try:
                async with session.get("/health/ready") as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, OSError, TimeoutError):
                pass
            assert time.monotonic() < until, "messages are not accepted again"
            await asyncio.sleep(_LOOK_EVERY_S)


async def kill(run: FrontlineRun, name: str) -> None:
    """SIGKILL one program; returns when its parent has started it anew."""
    before = await pid_of(run, name)
    os.kill(before, signal.SIGKILL)
    until = time.monotonic() + _BACK_WITHIN_S
    while run.pids().get(name, before) == before:
        assert time.monotonic() < until, f"{name} did not come back"
        await asyncio.sleep(_LOOK_EVERY_S)


async def pid_of(run: FrontlineRun, name: str) -> int:
    """The process of one program, as soon as there is one."""
    until = time.monotonic() + _BACK_WITHIN_S
    while (pid := run.pids().get(name)) is None:
        assert time.monotonic() < until, f"{name} does not run"
        await asyncio.sleep(_LOOK_EVERY_S)
    return pid
