"""Conclusions and surveys arrive on the way that is left, once; what none carries waits for the next contact."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.episodes import end_episode
from bot.store import customers, episodes
from bot.types import Delivered
from core.errors import Invalid
from tests.tickets.world import LIN, World
from tickets import surveys
from tickets.loop.conclusion import Result, checked
from tickets.loop.tables import notices
from tickets.store import Ticket
from tickets.surveys import Survey

DEAD = Delivered("failed", "window_closed")


async def rounds(world: World, ticket: Ticket) -> list[Survey]:
    async with world.db.read() as tx:
        return await surveys.of_ticket(tx, ticket.id)


async def sent(world: World) -> list[Any]:
    async with world.db.read() as tx:
        return list(await tx.all(select(notices).order_by(notices.c.created_at, notices.c.id)))


async def settle(world: World) -> None:
    """Let every look at what was sent come to its end."""
    for _ in range(4):
        await world.pass_time(minutes=2)


async def hook_says(world: World, state: str) -> None:
    async with world.db.begin() as tx:
        await tx.execute(update(notices).values(state=state))


async def left_contact(world: World, ticket: Ticket, **contact: str | None) -> None:
    async with world.db.begin() as tx:
        given = {"phone": None, "email": None, **contact}
        await customers.leave_contact(tx, ticket.customer_id, consent_at=world.clock.now(), **given)


async def test_a_conclusion_says_result_history_and_what_to_do(world: World) -> None:
    ticket = await world.resolved()
    said = (await world.seen(str(ticket.conversation_id)))[-2].text
    assert ticket.serial in said
    assert "已经为您补上会员时长。" in said
    assert "11月21日 10:00 收到您的反馈" in said
    assert "14 天内都可以重新打开" in said


async def test_what_cannot_be_solved_says_why_and_what_else(world: World) -> None:
    ticket = await world.human()
    wish: dict[str, Any] = {"solution": "这一集没有版权", "by": LIN, "result_kind": "unsolvable"}
    async with world.db.begin() as tx:
        with pytest.raises(Invalid):
            await world.tickets.resolve(tx, ticket.id, **wish)
    async with world.db.begin() as tx:
        await world.tickets.resolve(tx, ticket.id, **wish, reason="版权到期", alternative="可以看同系列的其他三季")
    said = (await world.seen(str(ticket.conversation_id)))[-2].text
    assert "原因：版权到期" in said
    assert "可以看同系列的其他三季" in said
    await world.check_history(ticket.id)


async def test_a_follow_up_names_its_team_and_becomes_its_ticket(any_world: World) -> None:
    ticket = await any_world.human()
    at = any_world.clock.now() + timedelta(hours=30)
    async with any_world.db.begin() as tx:
        await any_world.tickets.resolve(
            tx,
            ticket.id,
            solution="已定位，等新版本",
            by=LIN,
            result_kind="follow_up",
            follow_up_team_id="technical",
            follow_up_at=at,
        )
    said = (await any_world.seen(str(ticket.conversation_id)))[-2].text
    assert "技术支持中心" in said
    assert "11月22日 16:" in said
    made = await any_world.newest(str(ticket.conversation_id))
    assert (made.previous_id, made.team_id, made.state, made.promised_at) == (ticket.id, "technical", "new", at)
    assert made.title.startswith("后续：")
    await any_world.check_history(made.id)


def test_a_result_has_what_its_kind_needs(world: World) -> None:
    now = world.clock.now()
    for bad in (
        Result("solved", "  "),
        Result("unsolvable", "x", reason="因为"),
        Result("follow_up", "x", team_id="technical"),
        Result("follow_up", "x", team_id="technical", at=now),
        Result("other", "x"),
        Result("solved", "x", cause="weather"),
    ):
        with pytest.raises(Invalid):
            checked(bad, now)


async def test_a_failed_channel_leads_to_mail_and_then_to_a_short_message(hooked: World) -> None:
    ticket = await hooked.human(channel="wechat", who="o-1")
    await left_contact(hooked, ticket, phone="13812345678", email="a@b.example")
    await hooked.delivery.run_due()
    hooked.outbox.answers[:] = [DEAD] * 50
    await hooked.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    await hooked.pass_time(seconds=3)
    (mail,) = await sent(hooked)
    assert (mail.hook, mail.kind, mail.recipient) == ("mail", "conclusion", "a@b.example")
    assert "已经退款。" in mail.text
    assert (await hooked.ticket(ticket.serial)).state == "to_report"
    await hook_says(hooked, "failed")
    await hooked.pass_time(seconds=6)
    *_, short = await sent(hooked)
    assert (short.hook, short.recipient) == ("sms", "13812345678")
    assert "已经退款" not in short.text
    assert len(short.text) < 200
    await hook_says(hooked, "sent")
    await hooked.pass_time(minutes=1)
    assert (await hooked.ticket(ticket.serial)).state == "resolved"
    await settle(hooked)
    await hook_says(hooked, "sent")
    await settle(hooked)
    (survey,) = await rounds(hooked, ticket)
    assert survey.sent_by == "mail"
    assert [each.kind for each in await sent(hooked)].count("survey") == 1
    await hooked.check_history(ticket.id)


async def test_without_any_way_it_waits_for_the_next_contact(any_world: World) -> None:
    world = any_world
    ticket = await world.human(channel="wechat", who="o-1")
    await world.delivery.run_due()
    world.outbox.answers[:] = [DEAD] * 50
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    await world.pass_time(minutes=10)
    assert (await world.ticket(ticket.serial)).state == "to_report"
    assert "conclusion_failed" in await world.kinds(ticket)
    world.outbox.answers.clear()
    await world.says("在吗", channel="wechat", who="o-1")
    await settle(world)
    assert (await world.ticket(ticket.serial)).state == "resolved"
    said = await world.seen(str(ticket.conversation_id))
    assert sum("已经退款。" in each.text for each in said) == 2
    (survey,) = await rounds(world, ticket)
    assert survey.sent_by == "channel"


async def test_a_survey_that_nothing_carried_is_asked_at_the_next_contact_and_only_then(world: World) -> None:
    ticket = await world.human(channel="wechat", who="o-1")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    await world.delivery.run_due()
    world.outbox.answers[:] = [DEAD] * 50
    await settle(world)
    (survey,) = await rounds(world, ticket)
    assert survey.sent_by == "none"
    world.outbox.answers.clear()
    await world.says("你好", channel="wechat", who="o-1")
    await settle(world)
    again = await rounds(world, ticket)
    assert [(each.id, each.sent_by) for each in again] == [(survey.id, "channel")]
    said = await world.seen(str(ticket.conversation_id))
    asked = [each for each in said if [choice.id for choice in each.choices][:1] == ["rating:4"]]
    assert len(asked) == 2
    await world.says("再问一句", channel="wechat", who="o-1")
    await settle(world)
    said = await world.seen(str(ticket.conversation_id))
    assert len([each for each in said if [c.id for c in each.choices][:1] == ["rating:4"]]) == 2


async def test_news_go_to_the_contact_once_per_absence(hooked: World) -> None:
    ticket = await hooked.human()
    await left_contact(hooked, ticket, phone="13812345678")
    await hooked.pass_time(hours=1)
    for number in range(3):
        await hooked.tickets.answer(ticket.serial, LIN, f"进展 {number}", f"n-{number}")
        await hooked.pass_time(minutes=20)
    (told,) = await sent(hooked)
    assert (told.kind, told.hook) == ("news", "sms")
    assert "进展" not in told.text
    assert (await hooked.ticket(ticket.serial)).customer_unread == 3
    await hooked.tickets.customer_detail(ticket.customer_id, ticket.serial)
    assert (await hooked.ticket(ticket.serial)).customer_unread == 0
    await hooked.tickets.answer(ticket.serial, LIN, "又有进展", "n-9")
    await hooked.pass_time(minutes=20)
    assert len(await sent(hooked)) == 2


async def test_who_reads_soon_gets_no_messenger(hooked: World) -> None:
    ticket = await hooked.human()
    await left_contact(hooked, ticket, email="a@b.example")
    await hooked.pass_time(hours=1)
    await hooked.tickets.answer(ticket.serial, LIN, "进展", "n-1")
    await hooked.tickets.customer_detail(ticket.customer_id, ticket.serial)
    await hooked.pass_time(minutes=20)
    assert await sent(hooked) == []


async def test_the_bots_answer_is_asked_about_once_and_a_no_makes_it_a_persons_matter(any_world: World) -> None:
    world = any_world
    accepted = await world.says("忘记密码怎么办")
    ticket = await world.newest(accepted.conversation_id)
    async with world.db.begin() as tx:
        conversation = await world.conversation(accepted.conversation_id)
        assert conversation.episode_id is not None
        episode = await episodes.get(tx, conversation.episode_id)
        await end_episode(tx, world.tickets, episode, reason="silence", now=world.clock.now())
    said = await world.seen(accepted.conversation_id)
    assert [each.id for each in said[-1].choices] == ["solved:yes", "solved:no"]
    await world.says(choice="solved:no")
    fresh = await world.ticket(ticket.serial)
    assert (fresh.tier, fresh.state, fresh.reason) == (2, "new", "unhappy")
    (survey,) = await rounds(world, ticket)
    assert (survey.solved, survey.rating) == (False, None)
    assert (await world.kinds(ticket)).count("asked_if_solved") == 1
    await world.check_history(ticket.id)
