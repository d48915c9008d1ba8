"""What happens by itself: lost data, crashes in the middle, agents who vanish, customers who wait too long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import update

from bot.types import Mode
from core.db import Database
from core.errors import QueueUnavailable
from core.people.tables import staff
from core.redis_client import connect
from handoff import store
from handoff.keeper import MAX_SKEW_MS
from handoff.line import Admission, Place, Standing
from handoff.outlook import Bounds
from handoff.presence import GRACE_S, Status
from tests.fixtures.redis import RedisProcess
from tests.handoff.world import CHEN, LIN, ZHOU, World, build


@pytest.fixture
async def own(db: Database, new_redis: Callable[[], RedisProcess]) -> AsyncIterator[tuple[World, RedisProcess]]:
    """A world whose Redis may be killed."""
    server = new_redis()
    redis = connect(server.url)
    world = await build(db, redis)
    yield world, server
    await world.service.settled()
    await redis.aclose()
    server.kill()


async def busy_desk(world: World) -> None:
    """Seven customers in two lines and of several priorities, three of them with agents."""
    await world.online(LIN, CHEN)
    for number in range(5):
        await world.waiting_customer(priority=1 + number % 3)
    payment = [await world.waiting_customer(team="payment") for _ in range(2)]
    general = await world.service.line.waiting("general")
    await world.service.accept(general[0], LIN)
    await world.service.accept(general[3], LIN)
    await world.service.accept(payment[1].id, CHEN)


async def test_a_line_that_lost_everything_is_rebuilt_from_sql(world: World) -> None:
    """Order, priorities and who holds what come back, and nobody is taken for gone meanwhile."""
    await busy_desk(world)
    await world.lose_redis()
    assert await world.service.keeper.reconcile() == 7
    await world.line_is_as_sql_says()
    await world.service.keeper.sweep()
    assert (await world.snapshot()).load == {"stf_lin": 2, "stf_chen": 1}
    assert await world.service.keeper.reconcile() == 0


async def test_a_killed_server_comes_back_as_sql_says(own: tuple[World, RedisProcess]) -> None:
    """kill -9, work goes on in SQL meanwhile, the server starts again on its old data."""
    world, server = own
    await busy_desk(world)
    async with world.db.read() as tx:
        held = (await store.active_of(tx, "stf_lin"))[0]
    server.kill()
    # Neither joins nor acceptances now; what an agent already holds goes on in SQL.
    late = await world.customer()
    assert (await world.asks(late)).state == "queue_down"
    await world.service.give_back(held.conversation_id, LIN, "")
    await world.service.settled()
    assert (await world.conversation(held.conversation_id)).mode is Mode.BOT
    server.start()
    await world.service.keeper.reconcile()
    await world.service.keeper.reconcile()
    await world.line_is_as_sql_says()


async def test_accepting_without_redis_is_refused_in_clear_words(own: tuple[World, RedisProcess]) -> None:
    """The handoff stays in line and can be accepted once the server is back; the place is counted in SQL."""
    world, server = own
    await world.online(LIN)
    first, second = await world.waiting_customer(), await world.waiting_customer()
    server.kill()
    with pytest.raises(QueueUnavailable):
        await world.service.accept(first.id, LIN)
    assert await world.place(second.conversation_id) == 1
    assert (await world.handoff(first.id)).state == "waiting"
    server.start()
    await world.online(LIN)
    await world.service.accept(first.id, LIN)
    await world.line_is_as_sql_says()


async def test_a_gateway_that_dies_between_admission_and_decision_costs_only_the_lease(world: World) -> None:
    """The line says offered, SQL says waiting: after the lease it is in its old place, the agent's room is free."""
    await world.online(LIN, capacity=1)
    one, behind = await world.waiting_customer(), await world.waiting_customer()
    taken = await world.service.line.take(
        one.id, "general", "stf_lin", until_ms=1, seen_after_ms=world.service.presence.alive_since_ms
    )
    assert taken is Admission.TAKEN
    assert await world.service.keeper.reconcile() == 0
    assert await world.service.keeper.reconcile() == 0
    await world.service.keeper.sweep()
    await world.line_is_as_sql_says()
    assert await world.service.line.waiting("general") == [one.id, behind.id]
    await world.service.accept(one.id, LIN)


async def test_a_gateway_that_dies_after_the_decision_leaves_the_agent_with_it(world: World) -> None:
    """SQL says active, the line still has a lease: what ran out is settled by SQL, not put back."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.service.accept(one.id, LIN)
    await world.service.settled()
    await world.service.line.settle(Standing(one.id, "general", Place.WAITING, one.priority, 0))
    await world.service.line.take(one.id, "general", "stf_lin", until_ms=1, seen_after_ms=0)
    await world.service.keeper.sweep()
    await world.line_is_as_sql_says()
    assert (await world.conversation(one.conversation_id)).agent_id == "stf_lin"


async def test_differences_are_repaired_at_the_second_look_and_counted(world: World) -> None:
    """Ghosts, losses and wrong holders; one look may be a step under way."""
    await busy_desk(world)
    await world.service.settled()
    await world.service.line.join("hnd_ghost", "general", 1, 5)
    waiting = (await world.service.line.waiting("payment"))[0]
    await world.service.line.settle(Standing(waiting, "payment", Place.ACTIVE, 3, 0, "stf_zhou", 1))
    assert await world.service.keeper.reconcile() == 0
    assert await world.service.keeper.reconcile() == 2
    await world.line_is_as_sql_says()
    assert world.counters.value("handoff_repaired", kind="differed") == 2


async def test_a_wish_that_redis_never_heard_of_can_still_be_accepted(world: World) -> None:
    """The gateway died right after the commit: SQL knows it, the line does not."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.service.line.settle(Standing(one.id, "general", Place.NONE))
    await world.service.accept(one.id, LIN)
    await world.line_is_as_sql_says()


async def test_an_agent_who_vanishes_gives_everything_back_once(any_world: World) -> None:
    """After the grace: the old place in line, and the customer is told once, however many keepers sweep."""
    world = any_world
    await world.online(LIN)
    first = await world.waiting_customer()
    await world.service.accept(first.id, LIN)
    second = await world.waiting_customer()
    world.clock.advance(seconds=GRACE_S - 5)
    await world.service.keeper.sweep()
    assert (await world.conversation(first.conversation_id)).mode is Mode.AGENT
    world.clock.advance(seconds=10)
    other = world.another_gateway()
    await asyncio.gather(world.service.keeper.sweep(), other.keeper.sweep())
    await other.settled()
    found = await world.conversation(first.conversation_id)
    assert (found.mode, found.agent_id) == (Mode.WAITING, None)
    assert await world.place(first.conversation_id) == 0
    assert await world.place(second.conversation_id) == 1
    await world.online(ZHOU)
    await world.service.accept(first.id, ZHOU)
    world.clock.advance(seconds=GRACE_S + 5)
    await world.service.keeper.sweep()
    apologies = [text for text in await world.told(first.conversation_id) if "中断" in text]
    assert len(apologies) == 1
    await world.line_is_as_sql_says()


async def test_a_beat_keeps_an_agent_and_a_lost_presence_comes_back(world: World) -> None:
    """The desk's sockets beat for all agents of a gateway; what they said is told again to an emptied server."""
    await world.online(LIN, capacity=3, status=Status.BUSY)
    world.service.presence.connect("stf_lin")
    for _ in range(6):
        world.clock.advance(seconds=10)
        await world.service.presence.beat()
    assert (await world.service.presence.of("stf_lin")).status is Status.BUSY
    await world.lose_redis()
    assert (await world.service.presence.of("stf_lin")).status is Status.OFFLINE
    await world.service.presence.beat()
    found = await world.service.presence.of("stf_lin")
    assert (found.status, found.capacity) == (Status.BUSY, 3)
    world.service.presence.disconnect("stf_lin")
    world.clock.advance(seconds=GRACE_S + 1)
    await world.service.presence.beat()
    assert await world.service.presence.gone() == ["stf_lin"]


async def test_a_closed_account_lets_go_at_once(world: World) -> None:
    """No grace for somebody who may not be here at all."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.service.accept(one.id, LIN)
    async with world.db.begin() as tx:
        await tx.execute(update(staff).where(staff.c.id == "stf_lin").values(disabled_at=world.clock.now()))
    await world.service.keeper.reconcile()
    assert (await world.conversation(one.conversation_id)).mode is Mode.WAITING
    assert await world.service.presence.roster() == {}


async def test_when_everybody_leaves_the_line_the_customer_is_told_and_the_ticket_waits(world: World) -> None:
    """Not at once (somebody may be reloading), and not for ever."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.online(LIN, status=Status.OFFLINE)
    await world.service.keeper.lose_patience()
    world.clock.advance(seconds=100)
    await world.service.keeper.lose_patience()
    assert (await world.conversation(one.conversation_id)).mode is Mode.WAITING
    world.clock.advance(seconds=100)
    await world.service.keeper.lose_patience()
    assert (await world.conversation(one.conversation_id)).mode is Mode.BOT
    assert (await world.handoff(one.id)).end_reason == "nobody"
    assert world.tickets.wanted[-1]["queued"] is False
    assert "没有客服在线" in (await world.told(one.conversation_id))[-1]


async def test_who_waited_too_long_is_told_so(world: World) -> None:
    """All are busy for an hour: the ticket is answered later."""
    world.service = world.another_gateway(bounds=Bounds(longest_wait_s=600))
    await world.online(LIN)
    one = await world.waiting_customer()
    world.clock.advance(seconds=601)
    await world.online(LIN)
    await world.service.keeper.lose_patience()
    assert (await world.handoff(one.id)).end_reason == "waited"
    assert "久等" in (await world.told(one.conversation_id))[-1]
    await world.line_is_as_sql_says()


async def test_a_line_whose_team_went_home_moves_to_where_somebody_is(world: World) -> None:
    """The time of arrival is kept: it stands before those who came later."""
    await world.online(LIN, CHEN)
    payment = await world.waiting_customer(team="payment")
    general = await world.waiting_customer()
    await world.online(CHEN, status=Status.OFFLINE)
    await world.service.keeper.lose_patience()
    await world.line_is_as_sql_says()
    assert await world.service.line.waiting("general") == [payment.id, general.id]


async def test_customers_on_the_web_hear_of_their_new_place(world: World) -> None:
    """Those behind get a new version of their state; the one who was not passed gets none."""
    await world.online(LIN)
    first, second, third = [await world.waiting_customer() for _ in range(3)]
    wechat = await world.waiting_customer(channel="wechat")
    await world.service.keeper.tell_places("general")
    before = [(await world.conversation(one.conversation_id)).state_version for one in (first, second, third, wechat)]
    await world.service.accept(second.id, LIN)
    world.notifier.events.clear()
    assert await world.service.keeper.tell_places("general") == 1
    after = [(await world.conversation(one.conversation_id)).state_version for one in (first, second, third, wechat)]
    assert [late - early for early, late in zip(before, after, strict=True)] == [0, 1, 1, 0]
    topics = {topic for topic, event in world.notifier.events if event["type"] == "state"}
    assert topics == {f"conversation:{third.conversation_id}"}


async def test_a_gateway_with_a_wrong_clock_hands_out_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second off takes it out; right again takes it back in."""
    await world.online(LIN)
    one = await world.waiting_customer()
    true_time = time.time
    monkeypatch.setattr("handoff.keeper.time.time", lambda: true_time() + MAX_SKEW_MS / 1000 + 0.2)
    await world.service.keeper.compare_clocks()
    assert await world.service.outlook(None) == "queue_down"
    with pytest.raises(QueueUnavailable):
        await world.service.accept(one.id, LIN)
    monkeypatch.undo()
    await world.service.keeper.compare_clocks()
    assert await world.service.outlook(None) == "open"
    await world.service.accept(one.id, LIN)


async def test_the_loops_do_all_of_it_and_survive_a_killed_server(own: tuple[World, RedisProcess]) -> None:
    """`run` fills an emptied server by itself and goes on after it was away."""
    world, server = own
    await busy_desk(world)
    running = asyncio.create_task(world.service.run())
    try:
        server.restart()
        await world.lose_redis()
        assert await comes_back(world)
        await world.line_is_as_sql_says()
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def comes_back(world: World) -> bool:
    """Whether the server is filled again within some seconds; there is no event to wait for."""
    for _ in range(300):
        try:
            if await world.service.line.is_built():
                return True
        except QueueUnavailable:
            pass
        await asyncio.sleep(0.05)
    return False
