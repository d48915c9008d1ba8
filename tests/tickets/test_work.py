"""What staff may do: answer days later, hand up with a summary, promise the next step, never lose an update."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.store import messages
from bot.types import Author, Mode
from core.errors import Conflict, Forbidden, IllegalMove, Invalid
from tests.tickets.world import LIN, QIN, SHEN, ZHOU, World
from tickets.lists import Wanted
from tickets.privacy.scope import ALL


async def test_an_answer_days_later_begins_an_episode_with_a_person(any_world: World) -> None:
    ticket = await any_world.human()
    await any_world.pass_time(days=3)
    first = await any_world.tickets.answer(ticket.serial, LIN, "您好,充值已补上", "m-1")
    again = await any_world.tickets.answer(ticket.serial, LIN, "您好,充值已补上", "m-1")
    assert first == again
    with pytest.raises(Conflict):
        await any_world.tickets.answer(ticket.serial, LIN, "别的话", "m-1")
    conversation = await any_world.conversation(str(ticket.conversation_id))
    assert (conversation.mode, conversation.agent_id) == (Mode.AGENT, LIN.staff_id)
    said = await any_world.seen(conversation.id)
    assert [each.text for each in said if each.author == "agent"] == ["您好,充值已补上"]
    ticket = await any_world.ticket(ticket.serial)
    assert (ticket.state, ticket.customer_unread, ticket.assignee_id) == ("in_progress", 1, LIN.staff_id)
    # The customer comes back, and a person has the conversation.
    await any_world.says("收到了谢谢")
    ticket = await any_world.ticket(ticket.serial)
    assert ticket.customer_unread == 0
    await any_world.check_history(ticket.id)


async def test_a_colleague_is_not_talked_over(world: World) -> None:
    ticket = await world.human()
    await world.tickets.answer(ticket.serial, LIN, "您好", "m-1")
    with pytest.raises(Conflict):
        await world.tickets.answer(ticket.serial, ZHOU, "我也来", "m-2")
    said = await world.seen(str(ticket.conversation_id))
    assert [each.text for each in said if each.author == "agent"] == ["您好"]


async def test_asking_the_customer_waits_for_them(world: World) -> None:
    ticket = await world.human()
    await world.tickets.wait_customer(ticket.serial, LIN, "请发一下订单号", "m-1")
    assert (await world.ticket(ticket.serial)).state == "waiting_customer"
    await world.says("20261121001")
    ticket = await world.ticket(ticket.serial)
    assert ticket.state == "in_progress"
    assert (await world.kinds(ticket))[-2:] == ["asked_customer", "customer_added"]


async def test_escalation_needs_a_summary_and_is_confirmed_anew(any_world: World) -> None:
    ticket = await any_world.human()
    await any_world.tickets.confirm(ticket.serial, LIN)
    with pytest.raises(Invalid):
        await any_world.tickets.escalate(ticket.serial, LIN, to="expert", summary=" ")
    ticket = await any_world.tickets.escalate(ticket.serial, LIN, to="expert", summary="重复扣费,两笔订单都有凭证")
    assert (ticket.state, ticket.tier, ticket.team_id, ticket.priority) == ("new", 3, "experts", 2)
    assert (ticket.assignee_id, ticket.escalation_summary) == (None, "重复扣费,两笔订单都有凭证")
    ticket = await any_world.tickets.confirm(ticket.serial, QIN)
    ticket = await any_world.tickets.escalate(ticket.serial, QIN, to="supervisor", summary="需要主管定赔付")
    assert (ticket.review_wanted, ticket.escalated_to) == (True, "supervisor")
    await any_world.check_history(ticket.id)


async def test_a_promise_that_passes_is_overdue_and_told_to_its_people(any_world: World) -> None:
    ticket = await any_world.human()
    at = any_world.clock.now() + timedelta(hours=4)
    await any_world.tickets.set_next_step(ticket.serial, LIN, text="回电告知退款进度", who=ZHOU.staff_id, at=at)
    assert await any_world.tickets.page(_view("overdue"), reader=ALL) == ([], None)
    await any_world.pass_time(hours=4, seconds=1)
    found, _ = await any_world.tickets.page(_view("overdue"), reader=ALL)
    assert [(each["serial"], each["overdue"]) for each in found] == [(ticket.serial, True)]
    told = {topic for topic, event in any_world.notifier.events if event["type"] == "due"}
    assert told == {f"staff:{LIN.staff_id}", f"staff:{ZHOU.staff_id}"}
    assert (await any_world.kinds(ticket)).count("next_step_overdue") == 1


def _view(view: str) -> Wanted:
    return Wanted(view=view)


async def test_a_change_on_an_old_version_is_refused(any_world: World) -> None:
    ticket = await any_world.human()
    changed = await any_world.tickets.change(ticket.serial, LIN, ticket.version, priority=1)
    assert changed.priority == 1
    with pytest.raises(Conflict):
        await any_world.tickets.change(ticket.serial, ZHOU, ticket.version, priority=4)
    assert (await any_world.ticket(ticket.serial)).priority == 1


async def test_two_who_change_at_once_leave_one_change(any_world: World) -> None:
    ticket = await any_world.human()
    done = await asyncio.gather(
        *(any_world.tickets.change(ticket.serial, LIN, ticket.version, priority=each) for each in (1, 2, 4)),
        return_exceptions=True,
    )
    assert sum(not isinstance(each, BaseException) for each in done) == 1
    await any_world.check_history(ticket.id)


async def test_customer_and_agent_at_once_do_not_wait_for_each_other_for_ever(any_world: World) -> None:
    ticket = await any_world.human()
    await any_world.tickets.answer(ticket.serial, LIN, "您好", "m-0")
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(any_world.says(f"第{each}句") for each in range(5)),
            *(any_world.tickets.answer(ticket.serial, LIN, f"答{each}", f"m-{each + 1}") for each in range(5)),
            *(any_world.tickets.note(ticket.serial, ZHOU, f"备注{each}") for each in range(5)),
        )
    said = await any_world.seen(str(ticket.conversation_id))
    assert sum(each.author == "agent" for each in said) == 6
    assert [each.seq for each in said] == list(range(1, len(said) + 1))
    await any_world.check_history(ticket.id)


async def test_another_team_confirms_anew_and_an_unknown_one_is_refused(world: World) -> None:
    ticket = await world.human()
    ticket = await world.tickets.confirm(ticket.serial, LIN)
    with pytest.raises(Invalid):
        await world.tickets.change(ticket.serial, LIN, ticket.version, team_id="nowhere")
    ticket = await world.tickets.change(ticket.serial, LIN, ticket.version, team_id="technical")
    assert (ticket.state, ticket.team_id, ticket.assignee_id) == ("new", "technical", None)


async def test_sorting_by_hand_sends_it_to_the_categorys_team(world: World) -> None:
    ticket = await world.human(text="在不在")
    assert (ticket.category_id, ticket.team_id) == ("unsorted", "general")
    ticket = await world.tickets.change(ticket.serial, LIN, ticket.version, category_id="content/report")
    assert ticket.team_id == "content-review"


async def test_notes_are_for_colleagues_only(world: World) -> None:
    ticket = await world.human()
    await world.tickets.note(ticket.serial, LIN, "客户情绪激动,注意语气")
    assert all("情绪" not in each.text for each in await world.seen(str(ticket.conversation_id)))
    about = await world.tickets.customer_detail(ticket.customer_id, ticket.serial)
    assert "情绪" not in str(about)
    detail = await world.tickets.detail(ticket.serial, {"ticket.write"})
    assert "情绪" in str(detail["events"])


async def test_a_ticket_by_hand_has_a_customer_and_a_page_where_the_answer_stands(any_world: World) -> None:
    made = await any_world.tickets.create(
        LIN,
        channel_id=any_world.channel_ids["web"],
        title="来电反映重复扣费",
        description="用户电话反映 11 月被扣两次",
        customer_name="王女士",
        phone="13812345678",
    )
    assert (made.tier, made.state, made.category_id, made.channel_kind) == (2, "new", "payment/refund", "phone")
    await any_world.tickets.answer(made.serial, LIN, "您好", "m-1")
    page = await any_world.tickets.customer_detail(made.customer_id, made.serial)
    said = [line["text"] for line in page["history"] if line["kind"] in ("customer", "agent")]
    assert said == ["用户电话反映 11 月被扣两次", "您好"]
    await any_world.tickets.resolve_serial(made.serial, LIN, solution="已退第二笔。")
    await any_world.pass_time(minutes=2)
    assert (await any_world.ticket(made.serial)).state == "resolved"
    assert "138****5678" in str(await any_world.tickets.detail(made.serial, set()))


async def test_a_double_goes_under_the_other_ticket_of_the_same_customer(world: World) -> None:
    one = await world.human()
    other = await world.human(who="v-2")
    with pytest.raises(Forbidden):
        await world.tickets.merge(one.serial, other.serial, SHEN)
    await world.tickets.resolve_serial(one.serial, LIN, solution="好了。")
    await world.says("转人工")
    second = await world.newest(str(one.conversation_id))
    assert second.serial != one.serial
    with pytest.raises(IllegalMove):
        # Nobody works on that one any more, so what is still open would end unheard.
        await world.tickets.merge(second.serial, one.serial, SHEN)
    await world.tickets.reopen(one.serial, LIN, "同一件事")
    merged = await world.tickets.merge(second.serial, one.serial, SHEN)
    assert (merged.state, merged.close_ground, merged.merged_into) == ("merged", "merged", one.id)
    with pytest.raises(IllegalMove):
        await world.tickets.resolve_serial(merged.serial, LIN, solution="好了。")
    await world.check_history(merged.id)


async def test_who_was_talking_about_a_double_talks_about_what_goes_on(world: World) -> None:
    """Nothing more is said on the one that was put away, by nobody, and the other one can be answered."""
    one = await world.human()
    async with world.db.read() as tx:
        said = [each for each in await messages.of_ticket(tx, one.id) if each.author is Author.CUSTOMER]
    two = await world.tickets.split(one.serial, LIN, message_ids=[said[0].id], title="另一件事")
    await world.tickets.answer(one.serial, LIN, "您好", "m-1")
    await world.tickets.merge(one.serial, two.serial, SHEN)
    await world.says("那什么时候能好")
    await world.tickets.answer(two.serial, LIN, "今天之内", "m-2")
    async with world.db.read() as tx:
        texts = [each.text for each in await messages.of_ticket(tx, two.id)]
    assert texts[-2:] == ["那什么时候能好", "今天之内"]


async def test_the_desk_offers_what_the_state_allows(world: World) -> None:
    ticket = await world.human()
    all_of_them = {"ticket.write", "ticket.escalate", "ticket.review"}

    async def allowed() -> set[str]:
        return set((await world.tickets.detail(ticket.serial, all_of_them))["allowed"])

    offered = await allowed()
    assert {"confirm", "messages", "next-step", "resolve", "escalate", "wait-customer"} <= offered
    assert not {"reopen", "close", "review"} & offered
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    offered = await allowed()
    assert {"reopen", "close", "messages"} <= offered
    assert not {"confirm", "resolve", "escalate"} & offered
    assert (await world.tickets.detail(ticket.serial, {"ticket.read"}))["allowed"] == []
