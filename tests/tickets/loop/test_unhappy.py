"""A customer who is not content: other hands, more urgent, reviewed; again: one step up by itself."""

from __future__ import annotations

from tests.tickets.world import LIN, QIN, SHEN, World
from tickets import surveys


async def test_each_further_no_goes_one_step_up(any_world: World) -> None:
    world = any_world
    ticket = await world.resolved()
    steps = []
    for expected in ("expert", "supervisor", "head"):
        await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, f"还是不行 {expected}")
        now = await world.ticket(ticket.serial)
        steps.append((now.escalated_to, now.unhappy_count, now.state, now.review_wanted))
        assert now.assignee_id not in (None, LIN.staff_id)
        by = next(each for each in (QIN, SHEN) if each.staff_id == now.assignee_id)
        await world.tickets.confirm(ticket.serial, by)
        await world.tickets.resolve_serial(ticket.serial, by, solution="重新处理好了。")
    assert steps == [("expert", 1, "new", True), ("supervisor", 2, "new", True), ("head", 3, "new", True)]
    assert (await world.kinds(ticket)).count("went_up") == 2
    said = [each.text for each in await world.seen(str(ticket.conversation_id))]
    assert any("主管亲自跟进" in each for each in said)
    await world.check_history(ticket.id)


async def test_the_other_expert_takes_it_over(world: World) -> None:
    ticket = await world.human()
    await world.tickets.confirm(ticket.serial, QIN)
    await world.tickets.resolve_serial(ticket.serial, QIN, solution="请重启。")
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "没用")
    assert (await world.ticket(ticket.serial)).assignee_id == SHEN.staff_id


async def test_the_same_no_twice_counts_once(world: World) -> None:
    ticket = await world.resolved()
    for words in ("不行", "不行", "真的不行"):
        await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, words)
    assert (await world.ticket(ticket.serial)).unhappy_count == 1


async def test_not_solved_in_words_is_the_last_answer_too(world: World) -> None:
    ticket = await world.resolved()
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 2, None, "")
    async with world.db.begin() as tx:
        await world.tickets.customer_said(tx, ticket.id, "not_solved", text="还是没到账")
    fresh = await world.ticket(ticket.serial)
    assert (fresh.state, fresh.unhappy_count) == ("new", 1)


async def test_how_likely_they_recommend_us_comes_with_the_survey_or_after_it(world: World) -> None:
    ticket = await world.resolved()
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 4, True, "")
    version = (await world.ticket(ticket.serial)).version
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 4, True, "", recommend=9)
    async with world.db.read() as tx:
        (survey,) = await surveys.of_ticket(tx, ticket.id)
    assert (survey.rating, survey.recommend) == (4, 9)
    assert (await world.ticket(ticket.serial)).version == version
