"""What a conversation's tickets promise: one per episode, nothing lost, raised and never lowered silently."""

from __future__ import annotations

import pytest

from bot.episodes import SilenceSweep
from bot.store import exchanges, messages
from core.settings import Settings
from tests.tickets.world import LIN, START, World
from tickets import store


async def test_the_first_word_opens_a_ticket_with_a_number_of_the_local_day(any_world: World) -> None:
    # 02:00 UTC is the same day in Shanghai; 16:30 UTC is the next one.
    first = await any_world.says("视频好卡 一直转圈", who="v-1")
    any_world.clock.set(START.replace(hour=16, minute=30))
    second = await any_world.says("发票怎么开", who="v-2")
    one, two = await any_world.newest(first.conversation_id), await any_world.newest(second.conversation_id)
    assert (one.serial, two.serial) == ("FL-20261121-000001", "FL-20261122-000001")
    assert (one.state, one.tier, one.category_id, one.team_id) == ("new", 1, "technical/playback", "technical")
    await any_world.check_history(one.id)


async def test_a_greeting_gives_the_ticket_no_title_for_good(world: World) -> None:
    accepted = await world.says("你好")
    await world.says("钱扣了但是会员没到账")
    ticket = await world.newest(accepted.conversation_id)
    assert ticket.title == "钱扣了但是会员没到账"
    assert ticket.category_id == "payment/failed"
    assert await world.kinds(ticket) == ["opened", "sorted"]


async def test_a_wish_for_a_person_raises_the_ticket_and_asking_again_changes_nothing(any_world: World) -> None:
    ticket = await any_world.human()
    assert (ticket.tier, ticket.state, ticket.team_id, ticket.reason) == (2, "new", "payment", "explicit_wish")
    assert ticket.person_wanted_at is not None
    await any_world.says("转人工")
    again = await any_world.ticket(ticket.serial)
    assert again.person_wanted_at == ticket.person_wanted_at
    await any_world.check_history(ticket.id)


async def test_a_new_episode_continues_the_one_open_matter_with_people(world: World) -> None:
    ticket = await world.human()
    await world.pass_time(hours=5)
    accepted = await world.says("还有人吗 那个支付的事")
    assert (await world.newest(accepted.conversation_id)).serial == ticket.serial


async def test_the_bots_matter_is_solved_when_the_customer_stays_away_for_a_day(world: World) -> None:
    accepted = await world.says("密码忘了")
    ticket = await world.newest(accepted.conversation_id)
    await end_silent_episode(world)
    await world.pass_time(hours=22)
    assert (await world.ticket(ticket.serial)).state == "new"
    await world.pass_time(hours=2)
    ticket = await world.ticket(ticket.serial)
    assert (ticket.state, ticket.tier) == ("self_solved", 1)
    await world.check_history(ticket.id)


async def test_silence_after_no_is_not_consent(world: World) -> None:
    accepted = await world.says("密码忘了")
    ticket = await world.newest(accepted.conversation_id)
    async with world.db.begin() as tx:
        await world.tickets.customer_said(tx, ticket.id, "not_solved")
    await end_silent_episode(world)
    await world.pass_time(hours=25)
    ticket = await world.ticket(ticket.serial)
    assert (ticket.state, ticket.tier, ticket.reason) == ("new", 2, "not_solved")


async def end_silent_episode(world: World) -> None:
    """What the silence sweep does half an hour later."""
    await world.pass_time(hours=1)
    sweep = SilenceSweep(world.db, world.clock, Settings(), world.tickets, world.notifier)
    assert await sweep.sweep() == 1


async def test_every_exchange_stands_on_the_ticket_also_those_of_a_person(any_world: World) -> None:
    ticket = await any_world.human()
    await any_world.tickets.answer(ticket.serial, LIN, "您好,我来处理", "m-1")
    async with any_world.db.read() as tx:
        found = await exchanges.of_ticket(tx, ticket.id)
        said = await messages.of_ticket(tx, ticket.id)
    assert [each.state for each in found] == ["answered", "answered"]
    assert [each.text for each in said if each.author == "agent"] == ["您好,我来处理"]
    assert (await any_world.ticket(ticket.serial)).assignee_id == LIN.staff_id


async def test_the_form_fills_the_fields_and_unknown_stays_open(world: World) -> None:
    accepted = await world.says("你好")
    ticket = await world.newest(accepted.conversation_id)
    answers = {"problem": "电视端黑屏没声音", "since": "昨天晚上", "city": "unknown", "network_kind": "wifi"}
    async with world.db.begin() as tx:
        await world.tickets.form_done(tx, ticket.id, "report_problem_form", answers)
    ticket = await world.ticket(ticket.serial)
    assert ticket.title == "电视端黑屏没声音"
    assert ticket.fields == {"problem": "电视端黑屏没声音", "since": "昨天晚上", "network_kind": "wifi"}
    assert ticket.category_id == "technical/playback"
    await world.check_history(ticket.id)


async def test_the_old_matter_takes_the_episode_and_the_new_number_is_merged(world: World) -> None:
    old = await world.resolved()
    await world.tickets.customer_closes(old.customer_id, old.serial)
    await world.pass_time(hours=3)
    accepted = await world.says("还是支付失败")
    fresh = await world.newest(accepted.conversation_id)
    assert fresh.serial != old.serial
    await world.says(choice=f"reopen:{old.id}")
    old, fresh = await world.ticket(old.serial), await world.ticket(fresh.serial)
    assert (old.state, old.reopened_count, old.priority) == ("new", 1, 2)
    assert (fresh.state, fresh.merged_into) == ("merged", old.id)
    for each in (old, fresh):
        await world.check_history(each.id)
    async with world.db.read() as tx:
        assert [each.id for each in await store.of_customer(tx, old.customer_id) if each.state == "new"] == [old.id]


async def test_the_article_that_answered_sorts_what_no_words_have_sorted(world: World) -> None:
    accepted = await world.says("嗯那个事儿怎么弄")
    opened = await world.newest(accepted.conversation_id)
    assert opened.category_id == "unsorted"
    async with world.db.begin() as tx:
        await world.tickets.reply_sent(tx, opened.id, by="bot", category="技术/播放与网络")
        await world.tickets.reply_sent(tx, opened.id, by="bot", category="会员与支付/发票")
        ticket = await store.get(tx, opened.id)
    assert (ticket.category_id, ticket.team_id) == ("technical/playback", "technical")


async def test_a_new_matter_after_a_conclusion_is_linked_to_the_last_one(any_world: World) -> None:
    last = await any_world.resolved()
    await any_world.says("密码忘了怎么办")
    said = await any_world.seen(str(last.conversation_id))
    assert [choice.id for choice in said[-1].choices] == [f"reopen:{last.id}", "new_matter"]
    await any_world.says(choice="new_matter")
    ticket = await any_world.newest(str(last.conversation_id))
    assert (ticket.previous_id, (await any_world.kinds(ticket))[-1]) == (last.id, "new_matter")
    assert (await any_world.ticket(last.serial)).state == "resolved"
    await any_world.check_history(ticket.id)


@pytest.mark.parametrize(("words", "state"), [("已经解决了。", "closed"), ("还是不行", "new"), ("没有解决", "new")])
async def test_words_that_answer_the_conclusion_are_about_the_last_matter(world: World, words: str, state: str) -> None:
    last = await world.resolved()
    await world.says(words)
    assert (await world.newest(str(last.conversation_id))).serial == last.serial
    assert (await world.ticket(last.serial)).state == state


async def test_thanks_after_a_conclusion_are_not_asked_about(world: World) -> None:
    last = await world.resolved()
    await world.says("谢谢")
    said = await world.seen(str(last.conversation_id))
    assert not any(choice.id.startswith("reopen:") for choice in said[-1].choices)
