"""What the desk's lists read, on both databases."""

from __future__ import annotations

import pytest

from bot.store import conversations, messages
from bot.types import Author, Kind
from core.errors import Invalid
from handoff import inbox, store
from tests.handoff.world import CHEN, LIN, World


async def test_lists_show_what_they_are_called(any_world: World) -> None:
    """The line in order with places, mine, the team's, and all; unread counts the customer's words only."""
    world = any_world
    await world.online(LIN, CHEN)
    usual, urgent = await world.waiting_customer(), await world.waiting_customer(priority=1)
    payment = await world.waiting_customer(team="payment")
    mine = await world.waiting_customer()
    await world.service.accept(mine.id, LIN)
    with_bot = await world.customer()
    async with world.db.read() as tx:
        assert [row.handoff_id for row in await inbox.line(tx, ["general"])] == [urgent.id, usual.id]
        assert {row.handoff_id for row in await inbox.line(tx, None)} == {urgent.id, usual.id, payment.id}
        assert await inbox.positions(tx) == {urgent.id: 0, usual.id: 1, payment.id: 0}
        own = await inbox.page(tx, "mine", staff_id="stf_lin", team_ids=["general"])
        assert [(row.conversation_id, row.ticket_id) for row in own] == [(mine.conversation_id, mine.ticket_id)]
        team = await inbox.page(tx, "team", staff_id="stf_lin", team_ids=["general"])
        assert {row.conversation_id for row in team} == {each.conversation_id for each in (usual, urgent, mine)}
        everything = await inbox.page(tx, "all", staff_id="stf_lin", team_ids=[])
        assert len(everything) == 5
        last = everything[1]
        assert last.last_at is not None
        rest = await inbox.page(tx, "all", staff_id="stf_lin", team_ids=[], before=(last.last_at, last.conversation_id))
        assert [row.conversation_id for row in rest] == [row.conversation_id for row in everything[2:]]
        assert await inbox.unread(tx, [mine.conversation_id, with_bot]) == {mine.conversation_id: 1, with_bot: 1}
        with pytest.raises(Invalid):
            await inbox.page(tx, "nobody's", staff_id="stf_lin", team_ids=[])
    async with world.db.begin() as tx:
        await messages.append(
            tx,
            conversation_id=mine.conversation_id,
            author=Author.AGENT,
            kind=Kind.TEXT,
            text="您好",
            at=world.clock.now(),
        )
        await conversations.read_up_to(tx, mine.conversation_id, 1, by_agent=True)
    async with world.db.read() as tx:
        assert await inbox.unread(tx, [mine.conversation_id]) == {}


async def test_a_draft_is_kept_per_person_and_conversation(any_world: World) -> None:
    """The last words count; empty words remove it."""
    world = any_world
    one = await world.customer()
    for text in ("您", "您好"):
        async with world.db.begin() as tx:
            await store.save_draft(tx, "stf_lin", one, text, world.clock.now())
    async with world.db.read() as tx:
        assert await store.draft(tx, "stf_lin", one) == "您好"
        assert await store.draft(tx, "stf_chen", one) is None
    async with world.db.begin() as tx:
        await store.save_draft(tx, "stf_lin", one, "", world.clock.now())
    async with world.db.read() as tx:
        assert await store.draft(tx, "stf_lin", one) is None
