"""What is accepted stands once, in order, with everything around it."""

from __future__ import annotations

import asyncio

import pytest

from bot.store import channels, conversations, customers
from bot.types import Kind, Mode
from core.errors import Conflict, Invalid, NotFound
from tests.bot.world import LIN, World


async def test_a_first_message_makes_everything_around_it(world: World) -> None:
    accepted = await world.says("会员怎么退款", run=False, profile={"city": "杭州"})
    assert (accepted.seq, accepted.repeated) == (1, False)
    conversation = await world.conversation(accepted.conversation_id)
    assert (conversation.mode, conversation.epoch, conversation.last_text) == (Mode.BOT, 0, "会员怎么退款")
    assert conversation.turn_due_at == world.woken[0]
    [exchange] = await world.exchanges(accepted.conversation_id)
    assert (exchange.state, exchange.message_id) == ("open", accepted.message_id)
    assert [words for _, words in world.tickets.written] == ["会员怎么退款"]
    assert ("conversation:" + accepted.conversation_id, {"type": "message", "seq": 1}) in world.notifier.events


async def test_a_repeat_changes_nothing_and_is_answered_as_the_first(any_world: World) -> None:
    first = await any_world.says("你好", key="k", run=False)
    again = await any_world.says("你好", key="k", run=False)
    assert (again.seq, again.message_id, again.repeated) == (first.seq, first.message_id, True)
    assert len(await any_world.messages(first.conversation_id)) == 1
    with pytest.raises(Conflict):
        await any_world.says("再见", key="k", run=False)


async def test_two_first_messages_at_once_are_both_stored(any_world: World) -> None:
    """Two sockets, one new visitor: one identity, one conversation, one ticket, two messages."""
    both = await asyncio.gather(*(any_world.says(f"第{n}句", run=False) for n in range(6)))
    assert len({each.conversation_id for each in both}) == 1
    assert sorted(each.seq for each in both) == [1, 2, 3, 4, 5, 6]
    assert len({each.ticket_id for each in await any_world.exchanges(both[0].conversation_id)}) == 1


async def test_the_same_message_at_once_is_stored_once(any_world: World) -> None:
    both = await asyncio.gather(*(any_world.says("在吗", key="same", run=False) for _ in range(5)))
    assert {each.seq for each in both} == {1}
    assert sum(not each.repeated for each in both) == 1


async def test_silence_ends_an_episode_and_the_next_message_begins_one(world: World) -> None:
    first = await world.says("你好")
    world.clock.advance(minutes=31)
    await world.says("退款", run=False)
    old, new = await world.exchanges(first.conversation_id)
    assert old.episode_id != new.episode_id
    assert old.ticket_id != new.ticket_id
    assert world.tickets.ended == [(old.ticket_id, "silence")]


async def test_elsewhere_an_episode_lasts_a_day(world: World) -> None:
    first = await world.says("你好", channel="wechat")
    world.clock.advance(hours=23)
    await world.says("还在吗", channel="wechat", run=False)
    assert len({each.episode_id for each in await world.exchanges(first.conversation_id)}) == 1


async def test_silence_never_ends_what_a_person_has(world: World) -> None:
    first = await world.says("你好")
    async with world.db.begin() as tx:
        await world.handoffs.take(tx, first.conversation_id, LIN)
    world.clock.advance(hours=3)
    await world.says("还在吗", run=False)
    exchanges = await world.exchanges(first.conversation_id)
    assert len({each.episode_id for each in exchanges}) == 1
    assert exchanges[-1].decision == "person"
    assert await world.turns.run_due() == 0


async def test_the_sweep_ends_what_nobody_came_back_to(world: World) -> None:
    first = await world.says("你好")
    assert await world.conversations.silence.sweep() == 0
    world.clock.advance(minutes=31)
    assert await world.conversations.silence.sweep() == 1
    assert (await world.conversation(first.conversation_id)).episode_id is None
    assert world.tickets.ended[0][1] == "silence"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "/restart",
        "／restart",
        "'; DROP TABLE messages;--",
        "‮אבג",
        "👍",
        "​x",
        "a\x00b",
        "\ud800",
    ],
)
async def test_odd_texts_are_stored_as_text(any_world: World, text: str) -> None:
    accepted = await any_world.says(text, run=False)
    [stored] = await any_world.messages(accepted.conversation_id)
    assert stored.text == text.replace("\x00", "").replace("\ud800", "?")


async def test_what_is_empty_or_too_long_is_refused(world: World) -> None:
    for text in ("", "   ", "\x00", "字" * 4001):
        with pytest.raises(Invalid):
            await world.says(text, run=False)


async def test_a_closed_channel_takes_nothing(world: World) -> None:
    async with world.db.begin() as tx:
        await channels.set_disabled(tx, world.channel_ids["web"], world.clock.now())
    with pytest.raises(NotFound):
        await world.says("你好", run=False)


async def test_a_button_that_was_never_shown_is_refused(world: World) -> None:
    await world.says("你好")
    with pytest.raises(Invalid):
        await world.says(choice="article:art_秘密", run=False)
    accepted = await world.says(choice="person", run=False)
    message = await world.last(accepted.conversation_id)
    assert (message.kind, message.text, message.choice_id) == (Kind.CHOICE, "转人工", "human")


async def test_a_failing_neighbour_leaves_nothing_half_done(world: World) -> None:
    world.tickets.broken = True
    with pytest.raises(RuntimeError):
        await world.says("你好", key="k", run=False)
    world.tickets.broken = False
    accepted = await world.says("你好", key="k", run=False)
    assert (accepted.seq, accepted.repeated) == (1, False)


async def test_meeting_somebody_twice_gives_the_same_conversation(any_world: World) -> None:
    web = any_world.channel_ids["web"]
    met = await asyncio.gather(*(any_world.intake.meet(web, "v-9", name="小明") for _ in range(4)))
    assert len(set(met)) == 1
    said = await any_world.says("你好", who="v-9", run=False)
    assert said.conversation_id == met[0].conversation_id


async def test_levels_are_believed_on_proof_only(world: World) -> None:
    web = world.channel_ids["web"]
    loose = await world.intake.meet(web, "v-1", level="黑金", proven=False)
    proven = await world.intake.meet(web, "user:1", level="黑金", proven=True)
    async with world.db.read() as tx:
        assert (await customers.get(tx, loose.customer_id)).level == ""
        assert (await customers.get(tx, proven.customer_id)).level == "黑金"
        assert (await conversations.get(tx, proven.conversation_id)).id != loose.conversation_id
