"""The next step: every open ticket past 待处理 has one; it is reminded of, told where it is a promise, never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import IllegalMove, Invalid
from tests.tickets.world import LIN, QIN, ZHOU, World
from tickets import rules
from tickets.store import Ticket


def has_step(ticket: Ticket) -> bool:
    return all((ticket.next_step, ticket.next_step_by, ticket.next_step_at, ticket.next_step_kind))


async def test_who_confirms_without_a_step_has_one_made_within_the_teams_hours(any_world: World) -> None:
    ticket = await any_world.human()
    assert ticket.next_step_at is None
    ticket = await any_world.tickets.confirm(ticket.serial, LIN)
    assert has_step(ticket)
    assert (ticket.next_step_kind, ticket.next_step_by) == ("follow", LIN.staff_id)
    assert ticket.next_step_at == any_world.clock.now() + timedelta(hours=8)
    await any_world.check_history(ticket.id)


async def test_the_rules_say_how_soon_a_step_of_the_house_is_due(world: World) -> None:
    async with world.db.begin() as tx:
        await rules.save(tx, limits={}, step_hours={"3": 2}, by="stf_admin", now=world.clock.now())
    world.tickets.forget_settings()
    ticket = await world.human()
    ticket = await world.tickets.confirm(ticket.serial, LIN)
    assert ticket.next_step_at == world.clock.now() + timedelta(hours=2)
    async with world.db.begin() as tx:
        with pytest.raises(Invalid):
            await rules.save(tx, limits={}, step_hours={"3": 0}, by="stf_admin", now=world.clock.now())


async def test_a_step_of_the_house_changes_with_the_state_and_a_persons_stays(any_world: World) -> None:
    ticket = await any_world.human(channel="wechat")
    ticket = await any_world.tickets.confirm(ticket.serial, LIN)
    ticket = await any_world.tickets.wait_customer(ticket.serial, LIN, "请发一下订单号", "m-1")
    assert (ticket.next_step_kind, has_step(ticket)) == ("customer", True)
    await any_world.says("订单 20261121001", channel="wechat")
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.next_step_kind, has_step(ticket)) == ("in_progress", "follow", True)
    at = any_world.clock.now() + timedelta(hours=30)
    await any_world.tickets.set_next_step(ticket.serial, LIN, text="等商家回单", who=None, at=at, kind="merchant")
    ticket = await any_world.tickets.wait_customer(ticket.serial, LIN, "方便发张截图吗", "m-2")
    assert (ticket.next_step_kind, ticket.next_step_at) == ("merchant", at)
    ticket = await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="已补发。")
    assert (ticket.state, ticket.next_step_kind, has_step(ticket)) == ("to_report", "report", True)
    await any_world.pass_time(minutes=1)
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.next_step, ticket.next_step_at, ticket.next_step_kind) == (
        "resolved",
        None,
        None,
        None,
    )
    await any_world.check_history(ticket.id)


async def test_new_hands_hold_the_step_that_the_old_ones_left(world: World) -> None:
    ticket = await world.human()
    at = world.clock.now() + timedelta(hours=20)
    await world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=None, at=at, kind="callback")
    ticket = await world.tickets.escalate(ticket.serial, LIN, to="expert", summary="需要专家核对账单")
    assert (ticket.next_step, ticket.next_step_by) == ("回电", None)
    ticket = await world.tickets.confirm(ticket.serial, QIN)
    assert (ticket.next_step_by, ticket.next_step_at) == (QIN.staff_id, at)


async def test_a_step_is_reminded_of_before_and_goes_up_once_when_it_is_over(any_world: World) -> None:
    ticket = await any_world.human()
    at = any_world.clock.now() + timedelta(hours=4)
    await any_world.tickets.set_next_step(ticket.serial, LIN, text="回电告知进度", who=ZHOU.staff_id, at=at)
    await any_world.pass_time(hours=3, minutes=44)
    assert _due(any_world) == []
    await any_world.pass_time(minutes=1, seconds=1)
    assert _due(any_world) == [(f"staff:{ZHOU.staff_id}", True)]
    await any_world.pass_time(minutes=15)
    assert set(_due(any_world)[1:]) == {(f"staff:{ZHOU.staff_id}", False), (f"staff:{LIN.staff_id}", False)}
    await any_world.pass_time(hours=30)
    assert (await any_world.kinds(ticket)).count("next_step_overdue") == 1


def _due(world: World) -> list[tuple[str, bool]]:
    return [(topic, event["soon"]) for topic, event in world.notifier.events if event["type"] == "due"]


async def test_a_reminder_that_slept_with_the_house_is_not_said_after_the_time(world: World) -> None:
    ticket = await world.human()
    at = world.clock.now() + timedelta(hours=1)
    await world.tickets.set_next_step(ticket.serial, LIN, text="复测", who=None, at=at, kind="retest")
    await world.pass_time(hours=4)
    assert {soon for _, soon in _due(world)} == {False}


async def test_a_promise_is_told_on_the_customers_channel_with_its_time(any_world: World) -> None:
    ticket = await any_world.human(channel="wechat")
    at = any_world.clock.now() + timedelta(hours=3)
    ticket = await any_world.tickets.set_next_step(
        ticket.serial, LIN, text="核对账单后给老李回电", who=None, at=at, kind="callback", tell=True
    )
    assert (ticket.promised_at, ticket.next_step_told) == (at, True)
    said = (await any_world.seen(str(ticket.conversation_id)))[-1].text
    assert ("11月21日 13:00" in said, "老李" in said, "回电" in said) == (True, False, True)
    assert (await any_world.kinds(ticket))[-1] == "promised"
    await any_world.check_history(ticket.id)


async def test_a_step_that_was_carried_out_is_told_and_the_next_one_follows(world: World) -> None:
    ticket = await world.human()
    at = world.clock.now() + timedelta(hours=3)
    await world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=None, at=at, kind="callback")
    later = at + timedelta(hours=3)
    await world.tickets.set_next_step(ticket.serial, LIN, text="复测", who=None, at=later, kind="retest", done=True)
    assert (await world.kinds(ticket))[-2:] == ["step_done", "next_step"]


async def test_a_step_in_the_past_or_of_no_kind_is_refused(world: World) -> None:
    ticket = await world.human()
    now = world.clock.now()
    with pytest.raises(Invalid):
        await world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=None, at=now - timedelta(hours=1))
    with pytest.raises(Invalid):
        await world.tickets.set_next_step(
            ticket.serial, LIN, text="回电", who=None, at=now + timedelta(hours=1), kind="follow"
        )
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    with pytest.raises(IllegalMove):
        await world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=None, at=now + timedelta(hours=1))
