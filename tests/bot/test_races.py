"""Two gateways over one PostgreSQL (and the same on SQLite, where they only take turns at the lock)."""

from __future__ import annotations

import asyncio

from bot.store import conversations
from bot.types import Author, Incoming, Kind, Mode
from core.errors import StaleEpoch
from core.ids import ChannelId
from tests.bot.world import LIN, World, build
from tests.fakes import ScriptedAssistant

CUSTOMERS = 12


async def _both(world: World) -> tuple[World, World]:
    assert isinstance(world.assistant, ScriptedAssistant)
    other = await build(world.db, world.assistant)
    other.handoffs.line, other.handoffs.requests = world.handoffs.line, world.handoffs.requests
    for part in (other.turns._hand, other.turns._mind, other.intake):
        part._tickets = world.tickets
    for each in (world, other):
        each.answers.known["密码"] = ("answer", False, ("忘记密码",))
    return world, other


async def test_each_turn_is_taken_once(any_world: World) -> None:
    one, two = await _both(any_world)
    said = await asyncio.gather(
        *(each.says("密码忘了", who=f"v-{n}", run=False) for n, each in enumerate([one, two] * (CUSTOMERS // 2)))
    )
    for each in (one, two):
        each.clock.advance(seconds=2)
    ran = await asyncio.gather(one.turns.run_due(), two.turns.run_due())
    assert sum(ran) == CUSTOMERS
    assert isinstance(one.assistant, ScriptedAssistant)
    assert len(one.assistant.asked) == len(one.assistant.tracker) == CUSTOMERS
    for accepted in said:
        assert [message.seq for message in await one.messages(accepted.conversation_id)] == [1, 2]


async def test_repeats_through_two_gateways_are_one_message(any_world: World) -> None:
    one, two = await _both(any_world)
    channel = ChannelId(one.channel_ids["web"])
    incoming = Incoming(channel, "v-1", "same", Kind.TEXT, "你好")
    both = await asyncio.gather(*(each.intake.accept(incoming) for each in (one, two, one, two)))
    assert {accepted.message_id for accepted in both} == {both[0].message_id}
    assert sum(not accepted.repeated for accepted in both) == 1


async def test_seqs_have_no_gaps_whoever_writes(any_world: World) -> None:
    one, two = await _both(any_world)
    first = await one.says("你好", run=False)
    await asyncio.gather(*((one, two)[n % 2].says(f"第{n}句", key=f"x{n}", run=False) for n in range(20)))
    seqs = [message.seq for message in await one.messages(first.conversation_id)]
    assert seqs == list(range(1, 22))


async def test_of_two_who_change_the_owner_one_is_late(any_world: World) -> None:
    said = await any_world.says("你好", run=False)

    async def take() -> bool:
        try:
            async with any_world.db.begin() as tx:
                await conversations.change_owner(
                    tx, said.conversation_id, expected_epoch=0, mode=Mode.AGENT, clock=any_world.clock, agent=LIN
                )
        except StaleEpoch:
            return False
        return True

    assert sorted(await asyncio.gather(*(take() for _ in range(5)))) == [False, False, False, False, True]
    assert (await any_world.conversation(said.conversation_id)).epoch == 1


async def test_an_agent_and_the_bot_at_once_never_leave_a_reply_after_the_agent(any_world: World) -> None:
    """The reply is before the take-over, or it is dropped: whichever came first, and nothing between."""
    one, _ = await _both(any_world)
    for n in range(10):
        said = await one.says("密码忘了", who=f"v-{n}", run=False)
        one.clock.advance(seconds=2)

        async def take(conversation_id: str) -> int:
            async with one.db.begin() as tx:
                await one.handoffs.take(tx, conversation_id, LIN)
                return (await conversations.get(tx, conversation_id)).last_seq

        _, taken_at = await asyncio.gather(one.turns.run_due(), take(said.conversation_id))
        after = [each for each in await one.messages(said.conversation_id) if (each.seq or 0) > taken_at]
        assert not [each for each in after if each.author is Author.BOT]
