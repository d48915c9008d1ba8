"""Everything stops for three hours and starts again: whatever fell due meanwhile happens, and happens once.

With one gateway on SQLite, and with two that start at the same moment on PostgreSQL.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from bot.episodes import SilenceSweep
from core.db import Database
from core.people.tables import staff
from core.settings import Settings
from core.tables import jobs
from tests.tickets.lives import HEAD
from tests.tickets.world import LIN, START, World, build, gateway
from tickets import store, surveys
from tickets.tables import tickets

# What carrying out a timer of each kind leaves in the history of the ticket that it is about.
LEAVES = {
    "sla.warn": "sla_warning",
    "sla.breach": "sla_breached",
    "ticket.delivered": "resolved",
    "ticket.executive": "executive_overdue",
    "ticket.next_step": "next_step_overdue",
    "ticket.self_solved": "self_solved",
    "ticket.silence": "closed",
    "ticket.wake": "woken",
}
STOPPED = timedelta(hours=3)


@pytest.fixture
async def world(any_db: Database) -> World:
    """With promises, and with a head of the house, who may be asked."""
    made = await build(any_db)
    async with any_db.begin() as tx:
        head = {"id": HEAD.staff_id, "name": "head", "display_name": HEAD.name, "roles": ["executive"]}
        await tx.execute(insert(staff).values(**head, created_at=START))
        await made.tickets.sla.seed(tx)
    return made


async def _until(world: World, moment: datetime) -> None:
    """Live on to a moment."""
    assert moment >= world.clock.now()
    await world.pass_time(seconds=(moment - world.clock.now()).total_seconds())


async def _fill(world: World) -> dict[str, str]:
    """Matters whose timers end within the hours that follow; kind of timer → ticket id. Ends when all stops."""
    await _until(world, START + timedelta(days=4))
    head = await world.resolved(who="v-head")
    await world.tickets.customer_rates(head.customer_id, head.serial, 1, False, "")
    asked = await world.tickets.customer_asks_head(head.customer_id, head.serial, "请给个说法")
    assert asked is not None
    stop = datetime.fromisoformat(asked["due_at"]) - timedelta(hours=1)
    settings = Settings()

    moments = {
        "ticket.self_solved": stop + timedelta(hours=1) - timedelta(hours=24),
        "ticket.silence": stop + timedelta(hours=2) - timedelta(hours=settings.close_silence_h),
    }
    found: dict[str, str] = {"ticket.executive": head.id}
    if moments["ticket.silence"] < world.clock.now():
        # The answer is promised sooner than silence closes, so that matter is put back in time.
        world.clock.set(moments["ticket.silence"])
    for kind, moment in sorted(moments.items(), key=lambda each: each[1]):
        await _until(world, max(moment, world.clock.now()))
        if kind == "ticket.silence":
            found[kind] = (await world.resolved(who="v-silent")).id
        else:
            accepted = await world.says("密码忘了", who="v-alone")
            world.clock.advance(seconds=settings.episode_silence_web_s + 60)
            sweep = SilenceSweep(world.db, world.clock, settings, world.tickets, world.notifier)
            assert await sweep.sweep() > 0
            found[kind] = (await world.newest(accepted.conversation_id)).id
    await _until(world, stop)
    step = await world.human(who="v-step")
    await world.tickets.set_next_step(
        step.serial, LIN, text="回电", who=None, at=world.clock.now() + timedelta(hours=1), kind="callback"
    )
    asleep = await world.human(who="v-asleep")
    await world.tickets.snooze(asleep.serial, LIN, world.clock.now() + timedelta(hours=2), "等回执")
    told = await world.human(who="oOpen-told", channel="wechat")
    await world.tickets.resolve_serial(told.serial, LIN, solution="好了。")
    waiting = await world.human(who="v-waiting")
    return found | {
        "ticket.next_step": step.id,
        "ticket.wake": asleep.id,
        "ticket.delivered": told.id,
        "sla.warn": waiting.id,
        "sla.breach": waiting.id,
    }


async def _history(world: World) -> dict[str, Counter[str]]:
    async with world.db.read() as tx:
        ids = [row.id for row in await tx.all(select(tickets.c.id))]
        return {each: Counter(event.kind for event in await store.events_of(tx, each)) for each in ids}


async def _run(gateways: list[World]) -> None:
    """Let all work at once until nothing is left to do."""

    async def work(one: World) -> int:
        return await one.delivery.run_due() + await one.jobs.run_due()

    while any(await asyncio.gather(*(work(each) for each in gateways))):
        pass


async def test_whatever_fell_due_meanwhile_happens_once(world: World) -> None:
    about = await _fill(world)
    before = await _history(world)
    async with world.db.read() as tx:
        due_by = world.clock.now() + STOPPED
        set_now = {row.kind for row in await tx.all(select(jobs.c.kind).where(jobs.c.due_at <= due_by))}
    assert set(LEAVES) <= set_now, "a timer that should end within these hours is not set"

    world.clock.advance(seconds=STOPPED.total_seconds())
    names = ["gtw_again"] if world.db.sqlite else ["gtw_one", "gtw_two"]
    gateways = [gateway(world.db, world.clock, world.channel_ids, name) for name in names]
    await _run(gateways)
    # Whoever looked after a message before it was sent looks again a little later.
    world.clock.advance(minutes=5)
    await _run(gateways)

    after = await _history(world)
    for kind, event in LEAVES.items():
        ticket_id = about[kind]
        happened = after[ticket_id][event] - before[ticket_id][event]
        # Two promises were broken on the one that waits: the first words, and that somebody takes it on.
        wanted = {1, 2} if kind.startswith("sla.") else {1}
        assert happened in wanted, f"{event} happened {happened} times by {kind}"
    async with world.db.read() as tx:
        for ticket_id in after:
            rounds = await surveys.of_ticket(tx, ticket_id)
            assert len(rounds) == after[ticket_id]["resolved"], "one survey for each conclusion"
    sent = [each.text for one in gateways for each in one.outbox.sent]
    assert len(sent) == len(set(sent)), "something was sent twice"
    for ticket_id in after:
        await world.check_history(ticket_id)

    # Started once more at the same moment, nobody finds anything to do.
    await _run([gateway(world.db, world.clock, world.channel_ids, "gtw_third")])
    assert await _history(world) == after
