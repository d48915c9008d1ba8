"""Agents speak only where they own, thumbs count, contacts are kept with consent."""

from __future__ import annotations

import pytest

from bot.types import Author, Kind, Speaker
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ids import StaffId
from tests.bot.world import LIN, World

WANG = Speaker(StaffId("stf_wang"), "小王")


async def _with_lin(world: World) -> str:
    said = await world.says("转人工")
    async with world.db.begin() as tx:
        await world.handoffs.take(tx, said.conversation_id, LIN)
    return said.conversation_id


async def test_an_agent_answers_what_was_written(world: World) -> None:
    conversation_id = await _with_lin(world)
    await world.says("会员到期了", run=False)
    world.clock.advance(seconds=40)
    written = await world.conversations.agent_says(conversation_id, LIN, client_message_id="1", text=" 我来看看 ")
    assert (written.message.author, written.message.text, written.message.staff_name) == (
        Author.AGENT,
        "我来看看",
        "小林",
    )
    last = (await world.exchanges(conversation_id))[-1]
    assert (last.state, last.answered_by, last.decision, last.latency_ms) == ("answered", "agent", "person", 40_000)
    assert world.tickets.replies[-1] == (last.ticket_id, "agent")


async def test_sending_again_writes_nothing_new(world: World) -> None:
    conversation_id = await _with_lin(world)
    first = await world.conversations.agent_says(conversation_id, LIN, client_message_id="1", text="好")
    again = await world.conversations.agent_says(conversation_id, LIN, client_message_id="1", text="好")
    assert (again.message.id, again.repeated) == (first.message.id, True)
    with pytest.raises(Conflict):
        await world.conversations.agent_says(conversation_id, LIN, client_message_id="1", text="别的")


async def test_only_the_owner_speaks(world: World) -> None:
    conversation_id = await _with_lin(world)
    with pytest.raises(Forbidden):
        await world.conversations.agent_says(conversation_id, WANG, client_message_id="1", text="好")
    async with world.db.begin() as tx:
        await world.handoffs.give_back(tx, conversation_id)
    with pytest.raises(Conflict):
        await world.conversations.agent_says(conversation_id, LIN, client_message_id="2", text="好")
    with pytest.raises(Invalid):
        await world.conversations.agent_says(conversation_id, LIN, client_message_id="3", text="  ")


async def test_what_nobody_answered_is_dropped_when_the_bot_gets_it_back(world: World) -> None:
    conversation_id = await _with_lin(world)
    await world.says("会员到期了", run=False)
    async with world.db.begin() as tx:
        await world.handoffs.give_back(tx, conversation_id)
    world.clock.advance(seconds=5)
    assert await world.turns.run_due() == 0
    assert (await world.exchanges(conversation_id))[-1].state == "dropped"


async def test_notes_are_never_seen_by_the_customer(world: World) -> None:
    conversation_id = await _with_lin(world)
    before = await world.messages(conversation_id)
    note = await world.conversations.note(conversation_id, WANG, "老客户,语气客气些")
    assert (note.seq, note.kind) == (None, Kind.NOTE)
    assert await world.messages(conversation_id) == before
    assert note.id in {each.id for each in await world.hidden(conversation_id)}


async def test_a_thumb_down_counts_once_and_offers_a_person_once(world: World) -> None:
    world.answers.known["密码"] = ("answer", False, ("忘记密码",))
    said = await world.says("密码忘了")
    answer = await world.last(said.conversation_id)
    assert answer.seq is not None
    for helpful in (False, True, False):
        await world.conversations.helpful(said.conversation_id, answer.seq, helpful)
    offer = await world.last(said.conversation_id)
    assert ([each.id for each in offer.choices], offer.seq) == (["human"], 3)
    assert (await world.episode(said.conversation_id)).failed_turns == 1
    assert world.answers.gaps == [("密码忘了", "not_helpful")]
    with pytest.raises(NotFound):
        await world.conversations.helpful(said.conversation_id, 1, True)
    await world.says("转人工")
    assert world.handoffs.requests[0].packet["articles"][0]["helpful"] is False


async def test_reading_goes_forward_only(world: World) -> None:
    conversation_id = await _with_lin(world)
    for seq in (2, 1, 99):
        await world.conversations.read(conversation_id, seq, by_agent=True)
    assert (await world.conversation(conversation_id)).agent_read_seq == 2
    world.conversations.typing(conversation_id, Author.AGENT)
    assert world.notifier.events[-1][1]["type"] == "typing"


async def test_leaving_the_line_by_button_tells_where_the_matter_is(world: World) -> None:
    said = await world.says("转人工")
    assert await world.conversations.leave_queue(said.conversation_id)
    assert not await world.conversations.leave_queue(said.conversation_id)
    [ref] = world.tickets.tickets.values()
    assert ref.serial in (await world.last(said.conversation_id)).text
