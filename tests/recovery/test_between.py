"""A gateway that dies between its post to the assistant and the reply: the question is asked once and answered once."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.fixtures.system import running_system
from tests.recovery.conftest import NewRun, history_of
from tests.recovery.customers import Customer, crowd
from tests.recovery.load import kill, pid_of
from tests.recovery.stand_in import StandIn

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("whole run")]

_SOON_S = 60.0


async def test_killed_while_the_assistant_thinks(new_run: NewRun, stand_in: StandIn) -> None:
    """The turn is not recorded yet when the next gateway looks; it is not begun a second time."""
    run = await new_run()
    async with crowd(run.url) as session:
        customer = await Customer.meet(session)
        stand_in.before_turn.clear()
        seq = await customer.says("怎么开发票")
        async with asyncio.timeout(_SOON_S):
            await stand_in.arrived.wait()
        await kill(run, "gateway-1")
        stand_in.before_turn.set()
        await customer.hears_after(seq)
        await customer.asks("谢谢")
    found = await history_of(run, [customer])
    assert not found.problems, found
    assert set(stand_in.turns.values()) == {1}
    assert len(stand_in.turns) == found.exchanges == 2


async def test_killed_when_the_turn_is_recorded_and_nobody_hears_of_it(new_run: NewRun, stand_in: StandIn) -> None:
    """The next gateway finds in the conversation what was said, and does not post again."""
    run = await new_run()
    async with crowd(run.url) as session:
        customer = await Customer.meet(session)
        stand_in.before_answer.clear()
        seq = await customer.says("怎么开发票")
        async with asyncio.timeout(_SOON_S):
            await stand_in.recorded.wait()
        await kill(run, "gateway-1")
        await customer.hears_after(seq)
        stand_in.before_answer.set()
        await customer.asks("谢谢")
    found = await history_of(run, [customer])
    assert not found.problems, found
    assert set(stand_in.posts.values()) == {1}
    assert len(stand_in.posts) == found.exchanges == found.understood == 2


async def test_messages_of_before_and_after_the_crash_are_turns_of_their_own(
    new_run: NewRun, stand_in: StandIn
) -> None:
    """What the assistant was asked before is answered with its answer to that; what came later begins a new turn."""
    run = await new_run()
    async with crowd(run.url) as session:
        customer = await Customer.meet(session)
        stand_in.before_turn.clear()
        await customer.says("怎么开发票")
        async with asyncio.timeout(_SOON_S):
            await stand_in.arrived.wait()
        await customer.says("再问一个,密码忘了怎么办")
        await kill(run, "gateway-1")
        stand_in.before_turn.set()
        await customer.hears_after(await customer.says("还有,怎么退订"))
    found = await history_of(run, [customer])
    assert not found.problems, found
    assert found.exchanges == 3
    assert set(stand_in.turns.values()) == {1}


@pytest.mark.soak
async def test_the_real_assistant_keeps_its_answer_for_the_next_gateway(tmp_path: Path) -> None:
    """The assistant stands still while it is asked, so that the gateway dies before the answer; ten times."""
    with running_system(tmp_path) as system:
        async with crowd(system.url) as session:
            customers = [await Customer.meet(session) for _ in range(10)]
            for customer in customers:
                await customer.asks("你好")
                assistant = await pid_of(system, "assistant-0")
                os.kill(assistant, signal.SIGSTOP)
                try:
                    seq = await customer.says("我要报障,看电影一直转圈")
                    await _posted(system.data / "frontline.db")
                    await kill(system, "gateway-1")
                finally:
                    os.kill(assistant, signal.SIGCONT)
                await customer.hears_after(seq)
        found = await history_of(system, customers)
    print(f"\n{dict(found.decisions)}, {found.understood} of {found.exchanges} with the assistant")
    assert not found.problems, found


async def _posted(database: Path) -> None:
    """Until the gateway has written down that it asks."""
    async with asyncio.timeout(_SOON_S):
        while True:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                if connection.execute("SELECT 1 FROM exchanges WHERE state = 'posted'").fetchone():
                    return
            await asyncio.sleep(0.02)
