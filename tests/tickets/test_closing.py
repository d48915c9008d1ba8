"""The loop: result, conclusion, survey, and only then closed, by the customer's word or by silence."""

from __future__ import annotations

import pytest

from bot.types import Delivered
from core.errors import Conflict, IllegalMove, Invalid, NotFound
from tests.tickets.world import LIN, QIN, SHEN, World
from tickets import surveys
from tickets.surveys import Survey


async def rounds(world: World, ticket_id: str) -> list[Survey]:
    async with world.db.read() as tx:
        return await surveys.of_ticket(tx, ticket_id)


async def test_the_conclusion_goes_out_and_the_survey_opens_once(any_world: World) -> None:
    ticket = await any_world.resolved()
    assert (ticket.state, ticket.solution, ticket.assignee_id) == ("resolved", "已经为您补上会员时长。", LIN.staff_id)
    conversation = await any_world.conversation(str(ticket.conversation_id))
    assert (conversation.mode.value, conversation.survey_ticket_id, conversation.episode_id) == ("bot", ticket.id, None)
    said = await any_world.seen(conversation.id)
    assert "已经为您补上会员时长。" in said[-2].text
    assert said[-2].staff_name == LIN.name
    assert [each.id for each in said[-1].choices] == ["rating:4", "rating:3", "rating:2", "rating:1"]
    await any_world.pass_time(hours=20)
    assert len(await rounds(any_world, ticket.id)) == 1
    assert await any_world.seen(conversation.id) == said
    await any_world.check_history(ticket.id)


async def test_a_content_customer_closes_it_with_their_own_ground(any_world: World) -> None:
    ticket = await any_world.resolved()
    await any_world.says("非常满意")
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.close_ground) == ("closed", "customer_confirmed")
    assert (await any_world.conversation(str(ticket.conversation_id))).survey_ticket_id is None
    (survey,) = await rounds(any_world, ticket.id)
    assert (survey.rating, survey.solved, survey.staff_id) == (4, True, LIN.staff_id)
    await any_world.check_history(ticket.id)


async def test_an_unhappy_customer_gets_an_expert_and_the_supervisors_eye(any_world: World) -> None:
    ticket = await any_world.resolved()
    accepted = await any_world.says(choice="rating:1")
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.tier, ticket.team_id, ticket.priority) == ("new", 3, "experts", 2)
    assert (ticket.assignee_id, ticket.review_wanted, ticket.reopened_count) == (QIN.staff_id, True, 1)
    assert ticket.serial in (await any_world.seen(accepted.conversation_id))[-1].text
    await any_world.tickets.confirm(ticket.serial, QIN)
    await any_world.tickets.resolve_serial(ticket.serial, QIN, solution="重新核对后已退款。")
    await any_world.says("满意")
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.close_ground) == ("closed", "customer_confirmed")
    assert [each.rating for each in await rounds(any_world, ticket.id)] == [1, 3]
    await any_world.check_history(ticket.id)


async def test_the_same_hands_do_not_take_it_again_while_others_are_there(world: World) -> None:
    ticket = await world.human()
    await world.tickets.confirm(ticket.serial, QIN)
    await world.tickets.resolve_serial(ticket.serial, QIN, solution="请重启。")
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "没用")
    with pytest.raises(Conflict):
        await world.tickets.confirm(ticket.serial, QIN)
    assert (await world.tickets.confirm(ticket.serial, SHEN)).assignee_id == SHEN.staff_id


async def test_not_solved_reopens_whatever_the_face_says(world: World) -> None:
    ticket = await world.resolved()
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 4, False, "")
    assert (await world.ticket(ticket.serial)).state == "new"


async def test_the_survey_twice_is_harmless_and_another_answer_replaces_the_first(any_world: World) -> None:
    ticket = await any_world.resolved()
    for _ in range(2):
        await any_world.tickets.customer_rates(ticket.customer_id, ticket.serial, 2, True, "还行")
    first = await any_world.ticket(ticket.serial)
    assert (first.state, first.close_ground) == ("closed", "customer_confirmed")
    assert (await any_world.kinds(ticket)).count("rated") == 1
    await any_world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "又坏了")
    second = await any_world.ticket(ticket.serial)
    assert (second.state, second.reopened_count) == ("new", 1)
    await any_world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "又坏了")
    third = await any_world.ticket(ticket.serial)
    assert third.version == second.version
    (survey,) = await rounds(any_world, ticket.id)
    assert (survey.rating, survey.text) == (1, "又坏了")
    await any_world.check_history(ticket.id)


async def test_an_answer_by_link_counts_like_any_other(world: World) -> None:
    ticket = await world.resolved()
    (survey,) = await rounds(world, ticket.id)
    token = world.links.link("survey", survey.id)
    assert (await world.tickets.survey_by_link(token))["survey"] is None
    await world.tickets.rate_by_link(token, 1, False, "没解决")
    assert (await world.ticket(ticket.serial)).review_wanted
    # Later the matter has gone on; the old page is still good for a changed mind, and moves nothing.
    await world.tickets.rate_by_link(token, 4, True, "其实好了")
    assert (await world.ticket(ticket.serial)).state == "new"
    answer = (await world.tickets.survey_by_link(token))["survey"]
    assert answer == {"rating": 4, "solved": True, "text": "其实好了", "recommend": None}
    with pytest.raises(NotFound):
        await world.tickets.survey_by_link(world.links.link("ticket", survey.id))


async def test_silence_closes_on_its_own_ground(any_world: World) -> None:
    ticket = await any_world.resolved()
    await any_world.pass_time(hours=71)
    assert (await any_world.ticket(ticket.serial)).state == "resolved"
    await any_world.pass_time(hours=1)
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.close_ground) == ("closed", "customer_silent")
    await any_world.check_history(ticket.id)


async def test_nothing_is_closed_by_silence_while_the_last_answer_is_unhappy(any_world: World) -> None:
    ticket = await any_world.resolved()
    await any_world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "")
    await any_world.tickets.confirm(ticket.serial, QIN)
    await any_world.tickets.resolve_serial(ticket.serial, QIN, solution="已重新处理。")
    await any_world.tickets.review(ticket.serial, SHEN, finding="第一次没查订单", agree=False)
    await any_world.pass_time(days=30)
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.review_wanted) == ("resolved", True)
    with pytest.raises(IllegalMove):
        await any_world.tickets.close(ticket.serial, SHEN)


async def test_words_on_a_resolved_ticket_are_no_silence(world: World) -> None:
    ticket = await world.resolved()
    await world.pass_time(hours=50)
    await world.tickets.customer_words(ticket.customer_id, ticket.serial, "我再看看")
    await world.pass_time(hours=50)
    assert (await world.ticket(ticket.serial)).state == "resolved"
    await world.pass_time(hours=22)
    assert (await world.ticket(ticket.serial)).state == "closed"


async def test_elsewhere_it_is_resolved_when_the_platform_took_the_conclusion(any_world: World) -> None:
    ticket = await any_world.human(channel="wechat", who="o-1")
    await any_world.pass_time(seconds=5)
    await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    assert (await any_world.ticket(ticket.serial)).state == "to_report"
    await any_world.pass_time(seconds=3)
    assert (await any_world.ticket(ticket.serial)).state == "resolved"
    await any_world.pass_time(seconds=3)
    assert "/s/" in any_world.outbox.sent[-1].text
    assert "已经退款。" in any_world.outbox.sent[-2].text


async def test_a_conclusion_that_cannot_be_delivered_leaves_the_result_to_be_told(world: World) -> None:
    ticket = await world.human(channel="wechat", who="o-1")
    await world.pass_time(seconds=5)
    world.outbox.answers = [Delivered("failed", "window_closed")]
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    await world.pass_time(seconds=5)
    ticket = await world.ticket(ticket.serial)
    assert ticket.state == "to_report"
    assert (await world.kinds(ticket))[-1] == "conclusion_failed"
    await world.says("在吗", channel="wechat", who="o-1")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已经退款。")
    await world.pass_time(seconds=5)
    assert (await world.ticket(ticket.serial)).state == "resolved"


async def test_a_result_needs_words(world: World) -> None:
    ticket = await world.human()
    with pytest.raises(Invalid):
        await world.tickets.resolve_serial(ticket.serial, LIN, solution="  ")
    assert (await world.ticket(ticket.serial)).state == "new"


async def test_the_customer_may_reopen_for_fourteen_days(world: World) -> None:
    ticket = await world.resolved()
    await world.tickets.customer_closes(ticket.customer_id, ticket.serial)
    await world.tickets.customer_closes(ticket.customer_id, ticket.serial)
    await world.pass_time(days=14)
    await world.tickets.customer_reopens(ticket.customer_id, ticket.serial, "又不行了")
    ticket = await world.ticket(ticket.serial)
    assert (ticket.state, ticket.team_id, ticket.priority, ticket.reopened_count) == ("new", "payment", 2, 1)
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    await world.tickets.customer_closes(ticket.customer_id, ticket.serial)
    await world.pass_time(days=14, seconds=1)
    with pytest.raises(IllegalMove):
        await world.tickets.customer_reopens(ticket.customer_id, ticket.serial, "")
    await world.check_history(ticket.id)


async def test_an_unhappy_word_on_the_bots_answer_makes_it_a_persons_matter(world: World) -> None:
    accepted = await world.says("密码忘了")
    ticket = await world.newest(accepted.conversation_id)
    with pytest.raises(IllegalMove):
        await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "")
    await world.tickets.customer_closes(ticket.customer_id, ticket.serial)
    assert (await world.ticket(ticket.serial)).state == "self_solved"
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "没用")
    ticket = await world.ticket(ticket.serial)
    assert (ticket.tier, ticket.state, ticket.reason) == (2, "new", "unhappy")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="已重置。")
    assert len(await rounds(world, ticket.id)) == 2
