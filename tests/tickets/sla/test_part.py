"""Promises around real tickets: started, kept, warned of, broken, told up the chain; each once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.types import Author, Kind
from core.audit import Audit
from core.clock import FakeClock
from core.db import Database
from core.ids import new_id
from core.jobs import Jobs
from core.people.tables import staff
from core.robots.robots import Robot
from core.robots.tables import robot_messages
from core.robots.wire import RobotKind
from core.settings import Settings
from tests.fakes import RecordingNotifier
from tests.tickets.world import LIN, QIN, SHEN, START, ZHOU, World, build
from tickets import store as tickets_store
from tickets.service import Tickets
from tickets.sla import store
from tickets.sla.admin import SlaAdmin
from tickets.sla.clocks import ClockKind
from tickets.sla.policy import Limit, Policy
from tickets.sla.store import ClockRow
from tickets.store import Ticket
from tickets.tables import tickets as tickets_table


@pytest.fixture
async def house(any_db: Database) -> World:
    """A world with the delivered promises; 林小岛 and 周晨光 are agents, 秦望舒 an expert, 沈明澈 the supervisor."""
    return await promised(any_db)


async def promised(db: Database) -> World:
    world = await build(db)
    async with db.begin() as tx:
        await world.tickets.sla.seed(tx)
        for who, role in ((QIN, "expert"), (SHEN, "supervisor")):
            await tx.execute(update(staff).where(staff.c.id == who.staff_id).values(roles=[role]))
    await world.jobs.run_due()
    return world


async def clocks(world: World, ticket: Ticket) -> dict[tuple[str, int], ClockRow]:
    async with world.db.read() as tx:
        rows = (await store.clocks_of(tx, [ticket.id]))[ticket.id]
    return {(row.kind, row.round): row for row in rows}


async def told(world: World, ticket: Ticket, kind: str) -> list[str]:
    async with world.db.read() as tx:
        return [each.text or "" for each in await tickets_store.events_of(tx, ticket.id) if each.kind == kind]


async def test_a_bots_matter_runs_no_clock(house: World) -> None:
    accepted = await house.says("密码忘了怎么办")
    ticket = await house.newest(accepted.conversation_id)
    assert await clocks(house, ticket) == {}
    assert ticket.sla_clock is None


async def test_clocks_begin_when_a_person_is_wanted_and_not_at_the_bots_answer(house: World) -> None:
    ticket = await house.human()
    found = await clocks(house, ticket)
    assert set(found) == {("confirm", 1), ("first_response", 1), ("resolution", 1)}
    first = found["first_response", 1]
    assert first.started_at == ticket.person_wanted_at
    assert first.due_at == first.started_at + timedelta(minutes=3)
    fresh = await house.ticket(ticket.serial)
    assert (fresh.sla_clock, fresh.sla_due_at) == ("first_response", first.due_at)


async def test_the_bots_words_do_not_stop_the_clock_for_a_person(house: World) -> None:
    ticket = await house.human()
    await house.says("密码忘了怎么办")
    assert (await clocks(house, ticket))["first_response", 1].runs


async def test_a_persons_words_stop_it_and_the_customers_next_ones_start_another(house: World) -> None:
    ticket = await house.human()
    await house.tickets.answer(ticket.serial, LIN, "您好，我来看一下", "m1")
    found = await clocks(house, ticket)
    assert found["first_response", 1].outcome == "kept"
    assert found["confirm", 1].outcome == "kept"
    house.clock.advance(minutes=5)
    await house.says("好的，麻烦快一点")
    found = await clocks(house, ticket)
    assert found["next_response", 1].runs
    house.clock.advance(minutes=1)
    await house.tickets.answer(ticket.serial, LIN, "已经在查了", "m2")
    assert (await clocks(house, ticket))["next_response", 1].outcome == "kept"


async def test_a_solved_matter_leaves_no_clock_and_no_timer(house: World) -> None:
    ticket = await house.resolved()
    found = await clocks(house, ticket)
    assert found, "there were some"
    assert all(row.outcome == "kept" for row in found.values())
    assert ("conclusion", 1) in found
    fresh = await house.ticket(ticket.serial)
    assert (fresh.sla_clock, fresh.sla_due_at, fresh.sla_breached) == (None, None, False)
    kinds = await house.kinds(ticket)
    await house.pass_time(hours=60)
    assert [each for each in await house.kinds(ticket) if each.startswith("sla_")] == []
    assert kinds == await house.kinds(ticket)


async def test_waiting_for_the_customer_stops_the_clock_of_the_solution(house: World) -> None:
    ticket = await house.human()
    await house.tickets.answer(ticket.serial, LIN, "您好", "m1")
    house.clock.advance(hours=1)
    await house.tickets.wait_customer(ticket.serial, LIN, "请发一下订单号", "m2")
    paused = (await clocks(house, ticket))["resolution", 1]
    assert (paused.paused, paused.due_at) == (True, None)
    assert (await house.ticket(ticket.serial)).sla_clock != "resolution"
    await house.pass_time(days=20)
    assert await told(house, ticket, "sla_breached") == []
    await house.says("订单号是 20261121001")
    again = (await clocks(house, ticket))["resolution", 1]
    assert not again.paused
    assert again.due_at is not None
    left = timedelta(seconds=again.limit_s - again.spent_s)
    assert abs(again.due_at - house.clock.now() - left) < timedelta(seconds=5)


async def test_a_warning_and_a_breach_are_each_one_event_with_the_clocks_name(house: World) -> None:
    ticket = await house.human()
    await house.pass_time(seconds=136)
    assert [each.splitlines()[0][:6] for each in await told(house, ticket, "sla_warning")] == ["首次人工响应"]
    await house.pass_time(minutes=2)
    [breach] = await told(house, ticket, "sla_breached")
    assert "首次人工响应" in breach
    assert "林小岛" in breach, "nobody has it, so its team was told"
    await house.pass_time(minutes=10)
    assert len(await told(house, ticket, "sla_warning")) == 1
    fresh = await house.ticket(ticket.serial)
    assert fresh.sla_breached
    await house.check_history(ticket.id)


async def test_the_customer_is_told_before_the_promise_breaks_and_once(house: World) -> None:
    ticket = await house.human()
    assert ticket.conversation_id is not None
    await house.pass_time(seconds=136)
    await house.pass_time(minutes=30)
    notices = [
        each
        for each in await house.seen(ticket.conversation_id)
        if each.author is Author.SYSTEM and each.kind is Kind.NOTICE and "最晚" in each.text
    ]
    assert len(notices) == 1
    assert ticket.serial in notices[0].text
    assert notices[0].at < ticket.person_wanted_at + timedelta(minutes=3)  # type: ignore[operator]  # it is wanted


async def test_a_broken_promise_goes_up_the_chain_step_by_step(house: World) -> None:
    ticket = await house.human()
    await house.pass_time(minutes=4)
    assert await told(house, ticket, "sla_chain") == []
    # There is no senior agent, so the supervisor's wait counts from the agent's step.
    await house.pass_time(minutes=15)
    assert "主管：沈明澈" in (await told(house, ticket, "sla_chain"))[0]
    await house.pass_time(minutes=60)
    assert "专家组：" in (await told(house, ticket, "sla_chain"))[1]
    await house.pass_time(minutes=120)
    assert "客服负责人：" in (await told(house, ticket, "sla_chain"))[2]
    said = [event for topic, event in house.notifier.events if topic == f"staff:{SHEN.staff_id}"]
    assert {"type": "sla", "serial": ticket.serial, "state": "chain"} in said


async def test_the_chain_ends_where_the_promise_is_kept_at_last(house: World) -> None:
    ticket = await house.human()
    await house.pass_time(minutes=4)
    await house.tickets.answer(ticket.serial, LIN, "抱歉让您久等", "m1")
    await house.pass_time(hours=5)
    assert [each for each in await told(house, ticket, "sla_chain") if "首次" in each] == []
    assert (await clocks(house, ticket))["first_response", 1].outcome == "broken"


async def test_a_next_step_that_is_overdue_goes_up_the_chain_too(house: World) -> None:
    ticket = await house.human()
    await house.tickets.answer(ticket.serial, LIN, "您好", "m1")
    due = house.clock.now() + timedelta(hours=1)
    await house.tickets.set_next_step(ticket.serial, LIN, text="给用户回电", who=LIN.staff_id, at=due)
    fresh = await house.ticket(ticket.serial)
    assert (fresh.sla_clock, fresh.sla_due_at) == ("next_step", due)
    await house.pass_time(hours=1)
    await house.pass_time(minutes=15)
    [line] = await told(house, ticket, "sla_chain")
    assert line.startswith("下一步")
    assert "沈明澈" in line
    assert await told(house, ticket, "sla_breached") == [], "the overdue step is the ticket's own event"


async def test_reopening_starts_a_new_round(house: World) -> None:
    ticket = await house.resolved()
    await house.tickets.reopen(ticket.serial, SHEN, "用户来电说还是不行")
    found = await clocks(house, ticket)
    assert found["resolution", 2].runs
    assert found["first_response", 2].runs
    assert found["resolution", 1].outcome == "kept"


async def test_merging_ends_the_clocks_of_the_double(house: World) -> None:
    first = await house.human()
    assert first.conversation_id is not None
    other = await house.tickets.create(
        LIN, channel_id=house.channel_ids["web"], title="支付失败", description="同一件事"
    )
    async with house.db.begin() as tx:
        await tx.execute(
            update(tickets_table).where(tickets_table.c.id == other.id).values(customer_id=first.customer_id)
        )
    await house.tickets.merge(other.serial, first.serial, LIN)
    assert {row.outcome for row in (await clocks(house, other)).values()} == {"dropped"}
    assert (await house.ticket(other.serial)).sla_clock is None
    assert all(row.runs for row in (await clocks(house, first)).values())


async def test_what_was_written_down_by_hand_waits_for_no_first_words(house: World) -> None:
    made = await house.tickets.create(LIN, channel_id=house.channel_ids["web"], title="电话反馈", description="来电")
    assert set(await clocks(house, made)) == {("confirm", 1), ("resolution", 1)}


async def test_everything_that_fell_due_while_all_was_stopped_happens_once(house: World) -> None:
    """Three hours without a process: two new ones on the same database make up for it, together once."""
    ticket = await house.human()
    one, other = await second(house), await second(house)
    for each in (one, other):
        each.clock.set(house.clock.now() + timedelta(hours=3))
    for _ in range(12):
        await asyncio.gather(one.jobs.run_due(), other.jobs.run_due())
    kinds = await house.kinds(ticket)
    assert kinds.count("sla_breached") == 2, "first words after three minutes, the confirmation after two hours"
    assert kinds.count("sla_warning") == 2
    found = await told(house, ticket, "sla_breached")
    assert sorted(each[:4] for each in found) == ["确认接手", "首次人工"]
    await house.check_history(ticket.id)


async def second(world: World) -> World:
    """Another process on the same database: everything but the database is its own."""
    clock = FakeClock(START)
    jobs, notifier = Jobs(world.db, clock, new_id("gtw")), RecordingNotifier()
    tickets = Tickets(world.db, clock, notifier, jobs, world.texts, Audit(clock), world.links, world.people, Settings())
    tickets.join(owners=world.handoffs, outbox=world.outbox)
    return replace(world, clock=clock, jobs=jobs, notifier=notifier, tickets=tickets)


async def test_robots_hear_of_it_without_a_customers_word(house: World) -> None:
    async with house.db.begin() as tx:
        await house.tickets.sla.robots.save(
            tx,
            Robot("rbt_1", "值班群", RobotKind.WECOM, "https://example.org/?key=k", None, ("warning", "breach"), ()),
        )
    ticket = await house.human(text="我叫王小明 电话 13800138000 支付失败了 怎么办")
    await house.pass_time(minutes=4)
    async with house.db.read() as tx:
        rows = await tx.all(select(robot_messages).order_by(robot_messages.c.created_at))
    assert [row.topic for row in rows] == ["warning", "breach"]
    for row in rows:
        said = f"{row.title} {row.lines} {row.url}"
        assert ticket.serial in said
        assert "王小明" not in said
        assert "138" not in said.replace(ticket.serial, "")
        assert "支付失败了" not in said


async def test_another_teams_people_confirm_anew(house: World) -> None:
    ticket = await house.human()
    await house.tickets.confirm(ticket.serial, ZHOU)
    fresh = await house.ticket(ticket.serial)
    await house.tickets.change(ticket.serial, ZHOU, fresh.version, team_id="technical")
    found = await clocks(house, ticket)
    assert found["confirm", 1].outcome == "kept"
    assert found["confirm", 2].runs


async def test_a_word_between_result_and_delivery_does_not_lose_the_delivery(house: World) -> None:
    ticket = await house.human(channel="wechat")
    await house.tickets.answer(ticket.serial, LIN, "您好", "m1")
    await house.tickets.resolve_serial(ticket.serial, LIN, solution="已经为您补上会员时长。")
    await house.tickets.note(ticket.serial, LIN, "已核对")
    await house.pass_time(minutes=2)
    assert (await house.ticket(ticket.serial)).state == "resolved"
    assert (await clocks(house, ticket))["conclusion", 1].outcome == "kept"


async def test_a_promise_that_an_edit_made_longer_may_break_again(house: World) -> None:
    ticket = await house.human()
    await house.pass_time(minutes=4)
    admin = SlaAdmin(house.tickets.sla)
    await admin.save("stf_boss", Policy("", "慢", limits={ClockKind.FIRST_RESPONSE: Limit(3600)}), new=True)
    first = (await clocks(house, ticket))["first_response", 1]
    assert (first.noted_at, first.breached_at, first.chain_at) == (None, None, None)
    await house.pass_time(hours=1)
    assert sum("首次人工响应" in each for each in await told(house, ticket, "sla_breached")) == 2


async def test_a_promise_that_nobody_makes_any_more_is_dropped(house: World) -> None:
    ticket = await house.human()
    admin = SlaAdmin(house.tickets.sla)
    for policy in (await admin.policies())[0]:
        await admin.remove("stf_boss", policy.id)
    assert {row.outcome for row in (await clocks(house, ticket)).values()} == {"dropped"}
    assert (await house.ticket(ticket.serial)).sla_clock is None
    await house.pass_time(days=5)
    assert await told(house, ticket, "sla_breached") == []
