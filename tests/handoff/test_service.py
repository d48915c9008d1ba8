"""What customers, agents and the desk rely on: the line, the five outlooks, acceptance, and the way back."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from bot.store import messages
from bot.types import Mode, Speaker
from core.clock import UTC
from core.errors import Conflict, Forbidden, OfferGone
from core.ids import StaffId
from handoff import store
from handoff.outlook import Bounds
from handoff.presence import Status
from tests.handoff.world import CHEN, LIN, ZHOU, World, add_agents


async def test_a_wish_stands_in_line_and_an_agent_takes_it(any_world: World) -> None:
    """The whole way: bot, waiting, agent, and back to the bot."""
    world = any_world
    await world.online(LIN)
    one = await world.waiting_customer()
    assert (await world.conversation(one.conversation_id)).mode is Mode.WAITING
    assert await world.place(one.conversation_id) == 0

    assert await world.service.accept(one.id, LIN) == one.conversation_id
    found = await world.conversation(one.conversation_id)
    assert (found.mode, found.agent_id, found.agent_name) == (Mode.AGENT, "stf_lin", "小林")
    assert "小林" in (await world.told(one.conversation_id))[-1]
    assert await world.place(one.conversation_id) is None
    await world.line_is_as_sql_says()

    await world.service.give_back(one.conversation_id, LIN, "问题已说明")
    assert (await world.conversation(one.conversation_id)).mode is Mode.BOT
    assert (await world.handoff(one.id)).end_reason == "returned"
    await world.line_is_as_sql_says()


async def test_the_place_is_the_number_strictly_ahead(world: World) -> None:
    """Priority first, then time of arrival; teams do not count each other."""
    await world.online(LIN, CHEN)
    usual = [await world.waiting_customer() for _ in range(3)]
    urgent = await world.waiting_customer(priority=1)
    await world.waiting_customer(team="payment")
    assert await world.place(urgent.conversation_id) == 0
    assert [await world.place(one.conversation_id) for one in usual] == [1, 2, 3]
    line = await world.service.line.waiting("general")
    assert line == [urgent.id, *(one.id for one in usual)]
    assert [await world.service.line.place(each, "general") for each in line] == [0, 1, 2, 3]


async def test_asking_twice_returns_the_first_handoff(any_world: World) -> None:
    """One active handoff per conversation."""
    await any_world.online(LIN)
    one = await any_world.waiting_customer()
    again = await any_world.asks(one.conversation_id)
    assert (again.state, again.handoff_id) == ("waiting", one.id)
    await any_world.service.accept(one.id, LIN)
    assert (await any_world.asks(one.conversation_id)).state == "active"
    await any_world.line_is_as_sql_says()


async def test_accepting_twice_is_harmless_and_a_second_agent_hears_that_it_is_gone(any_world: World) -> None:
    """Twice by the same agent, then by another one."""
    world = any_world
    await world.online(LIN, ZHOU)
    one = await world.waiting_customer()
    first, second = await asyncio.gather(world.service.accept(one.id, LIN), world.service.accept(one.id, LIN))
    assert first == second == one.conversation_id
    await world.service.accept(one.id, LIN)
    with pytest.raises(OfferGone):
        await world.service.accept(one.id, ZHOU)
    assert len([text for text in await world.told(one.conversation_id) if "小林" in text]) == 1
    await world.line_is_as_sql_says()


async def test_nobody_takes_more_than_they_can_hold(any_world: World) -> None:
    """Capacity two: of four at once two are given, the others stay in line."""
    world = any_world
    await world.online(LIN, capacity=2)
    four = [await world.waiting_customer() for _ in range(4)]
    said = await asyncio.gather(*(world.service.accept(one.id, LIN) for one in four), return_exceptions=True)
    assert sorted(type(each).__name__ for each in said) == ["Conflict", "Conflict", "str", "str"]
    await world.line_is_as_sql_says()
    assert (await world.snapshot()).load == {"stf_lin": 2}


async def test_sql_has_the_last_word_on_capacity(world: World) -> None:
    """Even when Redis has forgotten what an agent holds, nobody is given one more than they can hold."""
    await world.online(LIN, capacity=1)
    first, second = await world.waiting_customer(), await world.waiting_customer()
    await world.service.accept(first.id, LIN)
    await world.service.settled()
    await world.redis.delete(world.keys.load)
    with pytest.raises(Conflict):
        await world.service.accept(second.id, LIN)
    assert (await world.handoff(second.id)).state == "waiting"


@pytest.mark.parametrize("status", [Status.AWAY, Status.OFFLINE])
async def test_who_is_not_there_cannot_accept(world: World, status: Status) -> None:
    """Away, offline, or silent for too long."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.online(LIN, status=status)
    with pytest.raises(Conflict):
        await world.service.accept(one.id, LIN)
    await world.online(LIN)
    world.clock.advance(seconds=31)
    with pytest.raises(Conflict):
        await world.service.accept(one.id, LIN)


async def test_another_teams_line_is_not_mine_unless_i_watch_over_all(world: World) -> None:
    """An agent of the common line may not pick from the payment team's; a supervisor may."""
    await world.online(LIN, CHEN)
    one = await world.waiting_customer(team="payment")
    with pytest.raises(Forbidden):
        await world.service.accept(one.id, LIN)
    await world.service.accept(one.id, LIN, watches=True)


async def test_leaving_the_line_keeps_the_ticket_and_frees_the_place(any_world: World) -> None:
    """Those behind move up; who left cannot be accepted any more."""
    world = any_world
    await world.online(LIN)
    first, second = await world.waiting_customer(), await world.waiting_customer()
    async with world.db.begin() as tx:
        assert await world.service.leave(tx, first.conversation_id, "left")  # type: ignore[arg-type]  # an id from SQL
    async with world.db.begin() as tx:
        assert not await world.service.leave(tx, first.conversation_id, "left")  # type: ignore[arg-type]  # an id from SQL
    assert (await world.conversation(first.conversation_id)).mode is Mode.BOT
    assert await world.place(second.conversation_id) == 0
    with pytest.raises(OfferGone):
        await world.service.accept(first.id, LIN)
    await world.line_is_as_sql_says()


async def test_declining_leaves_it_to_the_others(world: World) -> None:
    """The reason is kept, once per agent."""
    await world.online(LIN, ZHOU)
    one = await world.waiting_customer()
    await world.service.decline(one.id, LIN, "不熟悉")
    await world.service.decline(one.id, LIN, "在忙")
    declined = (await world.handoff(one.id)).why_agent["declined"]
    assert [(each["agent_id"], each["reason"]) for each in declined] == [("stf_lin", "在忙")]
    await world.service.accept(one.id, ZHOU)


async def test_the_outlook_tells_the_five_cases_apart(world: World) -> None:
    """Open, nobody online, after hours, full, queue down."""
    assert await world.service.outlook(None) == "nobody_online"
    world.clock.set(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))  # a Saturday: the payment team's office is closed
    assert await world.service.outlook("payment") == "after_hours"
    await world.online(LIN)
    assert await world.service.outlook("payment") == "open"
    world.service.prospects.in_time = False
    assert await world.service.outlook(None) == "queue_down"


async def test_a_full_line_takes_nobody(world: World) -> None:
    """The cap is per line; no handoff is made and the bot keeps the conversation."""
    world.service = world.another_gateway(bounds=Bounds(longest_line=1))
    await world.online(LIN)
    await world.waiting_customer()
    late = await world.customer()
    assert (await world.asks(late)).state == "full"
    assert (await world.conversation(late)).mode is Mode.BOT


async def test_when_the_own_team_is_away_the_common_line_takes_over(world: World) -> None:
    """A payment matter stands in the common line while only the common team is there."""
    await world.online(LIN)
    one = await world.waiting_customer(team="payment")
    assert one.team_id == "general"
    await world.service.accept(one.id, LIN)


async def test_taking_by_hand_works_from_the_bot_and_from_the_line(world: World) -> None:
    """A colleague's conversation is theirs, unless a supervisor takes it."""
    await world.online(LIN, ZHOU)
    conversation_id = await world.customer()
    await world.service.take(conversation_id, LIN)
    await world.service.take(conversation_id, LIN)
    with pytest.raises(Conflict):
        await world.service.take(conversation_id, ZHOU)
    await world.service.take(conversation_id, ZHOU, watches=True)
    assert (await world.conversation(conversation_id)).agent_id == "stf_zhou"
    waiting = await world.waiting_customer()
    await world.service.take(waiting.conversation_id, LIN)
    await world.line_is_as_sql_says()
    assert (await world.snapshot()).load == {"stf_lin": 1, "stf_zhou": 1}


async def test_an_answer_from_the_ticket_needs_no_place(world: World) -> None:
    """The agent has the conversation without presence; whoever waited in line waits no more."""
    one_bot = await world.customer()
    async with world.db.begin() as tx:
        assert await world.service.hold(tx, one_bot, LIN)
    async with world.db.begin() as tx:
        assert await world.service.hold(tx, one_bot, LIN)
        assert not await world.service.hold(tx, one_bot, ZHOU)
    assert (await world.conversation(one_bot)).agent_id == "stf_lin"
    await world.online(ZHOU)
    waiting = await world.waiting_customer()
    async with world.db.begin() as tx:
        assert await world.service.hold(tx, waiting.conversation_id, LIN)
    await world.line_is_as_sql_says()
    async with world.db.begin() as tx:
        assert await world.service.finish(tx, one_bot)
        assert not await world.service.finish(tx, one_bot)
    assert (await world.conversation(one_bot)).mode is Mode.BOT


async def test_a_conversation_is_not_a_colleagues_to_return(world: World) -> None:
    """Only the owner, or who watches over all."""
    await world.online(LIN)
    one = await world.waiting_customer()
    with pytest.raises(Conflict):
        await world.service.give_back(one.conversation_id, LIN, "")
    await world.service.accept(one.id, LIN)
    with pytest.raises(Forbidden):
        await world.service.give_back(one.conversation_id, ZHOU, "")
    await world.service.give_back(one.conversation_id, ZHOU, "", watches=True)


async def test_the_estimate_is_measured_or_not_given(world: World) -> None:
    """Without enough ended conversations nothing is promised; with them the mean length counts."""
    await world.online(LIN, capacity=1)
    first = await world.waiting_customer()
    placed = await world.service.place(first.conversation_id)  # type: ignore[arg-type]  # an id from SQL
    assert placed is not None
    assert placed.eta_s is None
    for _ in range(5):
        each = await world.waiting_customer(priority=1)
        await world.service.accept(each.id, LIN)
        world.clock.advance(minutes=4)
        await world.online(LIN, capacity=1)
        await world.service.give_back(each.conversation_id, LIN, "")
    fresh = world.another_gateway()
    await fresh.outlook(None)
    busy = await world.waiting_customer(priority=1)
    await fresh.accept(busy.id, LIN)
    await fresh.settled()
    await fresh.outlook(None)
    placed = await fresh.place(first.conversation_id)  # type: ignore[arg-type]  # an id from SQL
    assert placed is not None
    assert placed.eta_s == 240


async def test_platform_customers_are_written_to_and_browsers_fetch(world: World) -> None:
    """The word of welcome is a pending delivery on WeChat and none on the web."""
    await world.online(LIN)
    states = {}
    for channel in ("web", "wechat"):
        one = await world.waiting_customer(channel=channel)
        await world.service.accept(one.id, LIN)
        async with world.db.read() as tx:
            last = (await messages.newest(tx, one.conversation_id, 1))[-1]
        states[channel] = last.delivery.value
    assert states == {"web": "none", "wechat": "pending"}


async def test_of_a_hundred_agents_one_wins(any_world: World) -> None:
    """Two gateways, a hundred agents, one handoff: 99 clear answers."""
    world = any_world
    other = world.another_gateway()
    agents = [Speaker(StaffId(f"stf_{number:03}"), f"客服{number}") for number in range(100)]
    async with world.db.begin() as tx:
        await add_agents(tx, world.people, agents)
    await world.online(*agents)
    one = await world.waiting_customer()
    said = await asyncio.gather(
        *((world.service, other)[number % 2].accept(one.id, agent) for number, agent in enumerate(agents)),
        return_exceptions=True,
    )
    await other.settled()
    winners = [agent for agent, each in zip(agents, said, strict=True) if each == one.conversation_id]
    assert len(winners) == 1
    assert all(isinstance(each, OfferGone) for each in said if each != one.conversation_id)
    assert (await world.conversation(one.conversation_id)).agent_id == winners[0].staff_id
    await world.line_is_as_sql_says()


async def test_two_gateways_and_many_handoffs_never_exceed_anybodys_capacity(any_world: World) -> None:
    """Five agents with room for three each grab at thirty handoffs through two gateways."""
    world = any_world
    other = world.another_gateway()
    agents = [Speaker(StaffId(f"stf_{number:03}"), f"客服{number}") for number in range(5)]
    async with world.db.begin() as tx:
        await add_agents(tx, world.people, agents)
    await world.online(*agents, capacity=3)
    line = [await world.waiting_customer() for _ in range(30)]

    async def grab(agent: Speaker, service: object, offset: int) -> int:
        got = 0
        for number in range(len(line)):
            one = line[(number + offset) % len(line)]
            try:
                await service.accept(one.id, agent)  # type: ignore[attr-defined]  # either gateway's service
                got += 1
            except (OfferGone, Conflict):
                continue
        return got

    got = await asyncio.gather(
        *(grab(agent, service, 6 * number) for number, agent in enumerate(agents) for service in (world.service, other))
    )
    await other.settled()
    assert sum(got) >= 15
    async with world.db.read() as tx:
        assert [await store.count_active(tx, agent.staff_id) for agent in agents] == [3] * 5
    await world.line_is_as_sql_says()


async def test_old_service_times_are_forgotten(world: World) -> None:
    """Only the last week counts."""
    await world.online(LIN)
    one = await world.waiting_customer()
    await world.service.accept(one.id, LIN)
    world.clock.advance(seconds=100)
    await world.service.give_back(one.conversation_id, LIN, "")
    async with world.db.read() as tx:
        week = world.clock.now() - timedelta(days=7)
        assert await store.service_times_s(tx, "general", week, 10) == [pytest.approx(100, abs=1)]
        assert await store.service_times_s(tx, "general", world.clock.now() + timedelta(days=1), 10) == []
