"""我的工单: everything about the customer's own matters, nothing of anybody else's, no words of staff."""

from __future__ import annotations

from typing import Any

import pytest

from core.errors import IllegalMove, Invalid, NotFound
from tests.tickets.world import LIN, World
from tickets.lists import Wanted
from tickets.privacy.scope import ALL


async def test_the_list_has_a_sentence_for_what_comes_next_and_an_unread_mark(any_world: World) -> None:
    ticket = await any_world.human()
    (item,) = await _list(any_world, ticket.customer_id)
    assert (item["serial"], item["state"], item["unread"]) == (ticket.serial, "new", 0)
    assert "尽快" in item["next_step"]
    await any_world.pass_time(days=2)
    await any_world.tickets.answer(ticket.serial, LIN, "已经帮您查到订单", "m-1")
    (item,) = await _list(any_world, ticket.customer_id)
    assert (item["state"], item["unread"]) == ("in_progress", 1)
    detail = await any_world.tickets.customer_detail(ticket.customer_id, ticket.serial)
    assert [line["kind"] for line in detail["history"]][:2] == ["system", "customer"]
    assert ("agent", "已经帮您查到订单") in [(line["kind"], line["text"]) for line in detail["history"]]
    (item,) = await _list(any_world, ticket.customer_id)
    assert item["unread"] == 0


async def _list(world: World, customer_id: str) -> list[dict[str, Any]]:
    async with world.db.read() as tx:
        return await world.tickets.customer_list(tx, customer_id)


async def test_the_chat_knows_its_matter_the_open_survey_and_what_is_unread(world: World) -> None:
    ticket = await world.human()

    async def about() -> tuple[str | None, str | None, int]:
        async with world.db.read() as tx:
            found = await world.tickets.customer_state(tx, await world.conversation(str(ticket.conversation_id)))
        return found.serial, found.survey_serial, found.unread

    assert await about() == (ticket.serial, None, 0)
    await world.pass_time(hours=1)
    await world.tickets.answer(ticket.serial, LIN, "您好", "m-1")
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    assert await about() == (None, ticket.serial, 1)
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 4, True, "")
    assert (await about())[1] is None


async def test_somebody_elses_ticket_is_not_found(world: World) -> None:
    ticket = await world.human()
    other = await world.human(who="v-2")
    for act in (
        world.tickets.customer_detail(other.customer_id, ticket.serial),
        world.tickets.customer_words(other.customer_id, ticket.serial, "你好"),
        world.tickets.customer_closes(other.customer_id, ticket.serial),
        world.tickets.customer_reopens(other.customer_id, ticket.serial, ""),
        world.tickets.customer_rates(other.customer_id, ticket.serial, 4, True, ""),
    ):
        with pytest.raises(NotFound):
            await act


async def test_words_on_the_ticket_reach_the_conversation_and_wait_for_a_person(any_world: World) -> None:
    ticket = await any_world.human()
    await any_world.tickets.wait_customer(ticket.serial, LIN, "请补充订单号", "m-1")
    await any_world.tickets.customer_words(ticket.customer_id, ticket.serial, "订单号 7788")
    said = await any_world.seen(str(ticket.conversation_id))
    assert (said[-1].author, said[-1].text) == ("customer", "订单号 7788")
    assert (await any_world.ticket(ticket.serial)).state == "in_progress"
    found, _ = await any_world.tickets.page(_all("7788"), reader=ALL)
    assert [each["serial"] for each in found] == [ticket.serial]
    with pytest.raises(Invalid):
        await any_world.tickets.customer_words(ticket.customer_id, ticket.serial, " ")
    await any_world.tickets.customer_closes(ticket.customer_id, ticket.serial)
    with pytest.raises(IllegalMove):
        await any_world.tickets.customer_words(ticket.customer_id, ticket.serial, "再说一句")


async def test_a_promised_time_is_told_but_not_the_words_of_staff(world: World) -> None:
    ticket = await world.human()
    at = world.clock.now().replace(hour=10, minute=30)
    await world.tickets.set_next_step(ticket.serial, LIN, text="找财务老陈催账", who=None, at=at, tell=True)
    detail = await world.tickets.customer_detail(ticket.customer_id, ticket.serial)
    assert "11月21日 18:30" in detail["next_step"]
    assert "老陈" not in str(detail)


async def test_feedback_has_a_page_of_its_own_where_the_answer_stands(any_world: World) -> None:
    made = await any_world.tickets.feedback(
        channel_id=any_world.channel_ids["web"],
        channel_kind="web",
        kind="suggestion",
        text="片头能不能一键跳过",
        phone="13812345678",
        email=None,
    )
    assert (made.tier, made.state, made.category_id, made.team_id) == (2, "new", "advice/feature", "product")
    token = any_world.tickets.ticket_link(made.id).rpartition("/")[2]
    customer_id, serial = await any_world.tickets.by_link(token)
    await any_world.tickets.answer(made.serial, LIN, "谢谢您的建议,已经排进计划", "m-1")
    detail = await any_world.tickets.customer_detail(customer_id, serial)
    assert [line["text"] for line in detail["history"] if line["kind"] == "agent"] == ["谢谢您的建议,已经排进计划"]
    with pytest.raises(NotFound):
        await any_world.tickets.by_link(token[:-3] + "abc")


def _all(text: str) -> Wanted:
    return Wanted(view="all", text=text)
