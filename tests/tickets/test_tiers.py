"""The tiers: the bot's own matters trouble nobody, a person's matter never becomes the bot's again."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bot.episodes import end_episode
from bot.store import episodes
from core.errors import IllegalMove
from core.tables import jobs
from tests.tickets.world import LIN, QIN, World
from tickets.lists import VIEWS, Wanted
from tickets.privacy.scope import ALL
from tickets.store import Ticket

PERSONS_TIMERS = ("sla.", "ticket.next_step", "ticket.silence", "ticket.wake")


async def of_the_bot(world: World) -> Ticket:
    """A question that the knowledge base answered."""
    accepted = await world.says("密码忘了怎么办")
    return await world.newest(accepted.conversation_id)


async def test_the_bots_matters_run_no_persons_clock_and_stand_in_no_list_of_work(any_world: World) -> None:
    ticket = await of_the_bot(any_world)
    assert (ticket.tier, ticket.sla_clock, ticket.sla_due_at, ticket.next_step_at) == (1, None, None, None)
    async with any_world.db.read() as tx:
        timers = [row.kind for row in await tx.all(select(jobs.c.kind).where(jobs.c.key == ticket.id))]
    assert not [kind for kind in timers if kind.startswith(PERSONS_TIMERS)]
    for view in VIEWS:
        if view == "all":
            continue
        found, _ = await any_world.tickets.page(Wanted(view=view), reader=ALL)
        assert ticket.serial not in {each["serial"] for each in found}, view


async def test_it_ends_by_the_customers_word_or_by_a_day_of_silence(any_world: World) -> None:
    said = await of_the_bot(any_world)
    await any_world.tickets.customer_closes(said.customer_id, said.serial)
    assert (await any_world.ticket(said.serial)).state == "self_solved"
    accepted = await any_world.says("密码忘了怎么办", who="v-2")
    silent = await any_world.newest(accepted.conversation_id)
    async with any_world.db.begin() as tx:
        conversation = await any_world.conversation(accepted.conversation_id)
        assert conversation.episode_id is not None
        episode = await episodes.get(tx, conversation.episode_id)
        await end_episode(tx, any_world.tickets, episode, reason="silence", now=any_world.clock.now())
    await any_world.pass_time(hours=23)
    assert (await any_world.ticket(silent.serial)).state == "new"
    await any_world.pass_time(hours=2)
    assert (await any_world.ticket(silent.serial)).state == "self_solved"


async def test_a_reported_fault_is_a_persons_matter_in_its_teams_list(world: World) -> None:
    ticket = await of_the_bot(world)
    async with world.db.begin() as tx:
        await world.tickets.person_wanted(tx, ticket.id, reason="problem_report", packet={}, queued=False)
    ticket = await world.ticket(ticket.serial)
    assert (ticket.tier, ticket.state, ticket.reason) == (2, "new", "problem_report")
    found, _ = await world.tickets.page(Wanted(view="open"), reader=ALL)
    assert ticket.serial in {each["serial"] for each in found}


async def test_a_hand_off_raises_to_two_escalation_to_three_and_nothing_lowers(any_world: World) -> None:
    ticket = await any_world.human()
    assert ticket.tier == 2
    ticket = await any_world.tickets.confirm(ticket.serial, LIN)
    ticket = await any_world.tickets.escalate(ticket.serial, LIN, to="expert", summary="需要专家核对")
    assert ticket.tier == 3
    ticket = await any_world.tickets.confirm(ticket.serial, QIN)
    ticket = await any_world.tickets.change(ticket.serial, QIN, ticket.version, team_id="payment")
    assert ticket.tier == 3
    ticket = await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="已退款。")
    await any_world.pass_time(hours=100)
    ticket = await any_world.tickets.reopen(ticket.serial, LIN, "又扣了一次")
    assert (ticket.tier, ticket.state) == (3, "new")


async def test_a_refused_move_says_which_states_allow_it(world: World) -> None:
    ticket = await world.resolved()
    with pytest.raises(IllegalMove) as refused:
        await world.tickets.confirm(ticket.serial, LIN)
    assert "待处理" in world.texts.get(refused.value.text_id, **refused.value.params)
