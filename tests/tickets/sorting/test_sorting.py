"""Sorting through the service: choice, words, model, the queue, corrections, versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.types import Speaker
from core.db import Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import StaffId
from tests.tickets.sorting.test_model import _SAID, _WHEN
from tests.tickets.world import LIN, World
from tickets import categories
from tickets.sorting import store
from tickets.sorting.service import Sorting
from tickets.sorting.tables import corrections
from tickets.sorting.trainer import Seed
from tickets.store import CUSTOMER, Ticket
from tickets.tables import tickets

BAI = Speaker(StaffId("stf_bai"), "白一舟")
# Words of no keyword list, so that only a model can know.
_ODD = ("小鱼缸总在打转", "小鱼缸今天又打转", "这个小鱼缸打转了", "小鱼缸打转看不成")


async def seeds(tx: Tx) -> Sequence[Seed]:
    """Sentences of three categories, and odd ones of a fourth."""
    found = [
        Seed(said.format(when), category, f"{category}-{number}")
        for category, sentences in _SAID.items()
        for number, said in enumerate(sentences)
        for when in _WHEN
    ]
    odd = [f"{said}{when}" for said in _ODD for when in _WHEN]
    return found + [Seed(said, "技术/客户端", f"odd-{number}") for number, said in enumerate(odd)]


async def settle(world: World) -> None:
    """Let what is in line be sorted."""
    world.clock.advance(seconds=5)
    sorting = world.tickets.sorting
    sorting._looked_at = -100.0
    await sorting.refresh()
    while await sorting.work_due():
        pass


async def trained(world: World) -> int:
    """A classifier that knows the seeds serves."""
    sorting = world.tickets.sorting
    sorting._seeds = seeds
    outcome = await sorting.train(made_by="test")
    assert outcome.activated, outcome.report
    return outcome.number


async def unsorted(world: World, text: str, who: str = "v-1") -> Ticket:
    """A person's matter whose words are on no list."""
    ticket = await world.human(who=who, text=text)
    assert ticket.category_id == "unsorted"
    return ticket


async def test_without_a_model_words_sort_and_the_rest_waits_for_a_person(any_world: World) -> None:
    """Nothing is invented where nothing is known."""
    world = any_world
    ticket = await unsorted(world, "小鱼缸总在打转呀")
    await settle(world)
    assert (await world.ticket(ticket.serial)).category_id == "unsorted"
    async with world.db.read() as tx:
        assert [row.id for row in await tx.all(select(tickets.c.id).where(store.waiting()))] == [ticket.id]


async def test_the_model_sorts_what_words_do_not_after_the_turn(any_world: World) -> None:
    """Sorted by the bot, moved to the category's team while nobody is at it, with a guess kept beside it."""
    world = any_world
    number = await trained(world)
    ticket = await unsorted(world, "小鱼缸总在打转呢")
    await settle(world)
    sorted_now = await world.ticket(ticket.serial)
    assert (sorted_now.category_id, sorted_now.team_id) == ("technical/client", "technical")
    assert (await world.kinds(sorted_now))[-1] == "sorted"
    async with world.db.read() as tx:
        guess = (await store.guesses_of(tx, [ticket.id]))[ticket.id]
    assert guess.sure
    assert guess.category_id == "technical/client"
    assert number == 1
    await world.check_history(ticket.id)


async def test_what_the_model_is_unsure_of_waits_in_the_queue_with_its_guess(world: World) -> None:
    """待细化 stays, and the suggestion is there for the person."""
    await trained(world)
    ticket = await unsorted(world, "嗯嗯嗯 qwerty zxcvb")
    await settle(world)
    assert (await world.ticket(ticket.serial)).category_id == "unsorted"
    async with world.db.read() as tx:
        guess = (await store.guesses_of(tx, [ticket.id]))[ticket.id]
    assert not guess.sure
    assert 0 < guess.probability < 1


async def test_a_persons_word_is_kept_and_learned(any_world: World) -> None:
    """The machine never sorts over it, and it stands as a correction beside what the model had thought."""
    world = any_world
    await trained(world)
    ticket = await unsorted(world, "小鱼缸总在打转了")
    await world.tickets.change(ticket.serial, BAI, ticket.version, category_id="payment/invoice")
    await world.says("小鱼缸又打转", who="v-1")
    await settle(world)
    assert (await world.ticket(ticket.serial)).category_id == "payment/invoice"
    async with world.db.read() as tx:
        (row,) = await tx.all(select(corrections))
        found = [each for each in await store.examples(tx) if each.corrected]
    assert (row.category_id, row.before_id, row.staff_id) == ("payment/invoice", "unsorted", "stf_bai")
    assert [each.category_id for each in found] == ["payment/invoice"]


async def test_what_the_customer_chose_comes_before_words(world: World) -> None:
    """A suggestion by the form's type is a suggestion, whatever words stand in it."""
    async with world.db.begin() as tx:
        ref = await world.tickets.open_for(
            tx,
            conversation_id=None,  # type: ignore[arg-type]  # from a form, no chat
            customer_id="cus_1",  # type: ignore[arg-type]  # nobody in particular
            channel_id=world.channel_ids["web"],
            channel_kind="web",
            text="没有什么特别的词",
            profile={},
        )
        ticket = await world.tickets.kit.lock(tx, ref.ticket_id)
        fields = {"feedback_kind": "suggestion"}
        await world.tickets.kit.change(tx, ticket, "form_done", CUSTOMER, fields=fields)
    await settle(world)
    async with world.db.read() as tx:
        (row,) = await tx.all(select(tickets))
    assert row.category_id == "advice/feature"


async def test_a_worse_version_is_made_but_does_not_sort(world: World) -> None:
    """Two examined versions on the same rows: the present one keeps its place, and can be left and taken up by hand."""
    first = await trained(world)

    async def muddled(tx: Tx) -> Sequence[Seed]:
        rows = list(await seeds(tx))
        kinds = sorted({each.category for each in rows})
        # The right words under wrong names, but for every third one.
        return [
            Seed(each.text, each.category if at % 3 == 0 else kinds[at % len(kinds)], each.group)
            for at, each in enumerate(rows)
        ]

    sorting = world.tickets.sorting
    sorting._seeds = muddled
    outcome = await sorting.train(made_by="test")
    exam = outcome.report["exam"]
    if exam["candidate"] < exam["present"]:
        assert (outcome.activated, outcome.reason) == (False, "worse")
    status = await sorting.status()
    assert [each["number"] for each in status["versions"]] == [2, 1]
    await sorting.activate(outcome.number, BAI)
    await sorting.activate(first, BAI)
    assert [each["number"] for each in (await sorting.status())["versions"] if each["active"]] == [first]
    await sorting.activate(None, BAI)
    assert not any(each["active"] for each in (await sorting.status())["versions"])
    with pytest.raises(NotFound):
        await sorting.activate(99, BAI)


async def test_enough_corrections_put_a_training_in_line(world: World) -> None:
    """Fifty corrections, or a week: the line holds the training, whoever takes it."""
    sorting = world.tickets.sorting
    sorting._seeds = seeds
    for number in range(50):
        ticket = await world.tickets.create(
            LIN, channel_id=world.channel_ids["web"], title=f"嗯嗯 {number}", description="", category_id="unsorted"
        )
        await world.tickets.change(ticket.serial, BAI, ticket.version, category_id="payment/invoice")
    async with world.db.read() as tx:
        assert await store.is_in_line(tx, store.TRAIN)
    while await sorting.work_due():
        pass
    (version,) = (await sorting.status())["versions"]
    assert version["active"]
    assert version["report"]["corrected"] > 0
    assert version["report"]["seeded"] > 0
    assert 0 < version["report"]["coverage"] <= 1
    assert {each["name"] for each in version["report"]["categories"]} >= {"会员与支付/发票", "技术/客户端"}


async def test_with_too_little_to_learn_there_is_no_version(world: World) -> None:
    """Said by name, not by a bad model."""
    with pytest.raises(Conflict) as refused:
        await world.tickets.sorting.train(made_by="test")
    assert refused.value.text_id == "error.too_few_examples"


async def test_the_weekly_training_sets_itself_again(world: World) -> None:
    """A durable timer, once set at the first start."""
    sorting = world.tickets.sorting
    async with world.db.begin() as tx:
        await sorting.seed(tx)
        await sorting.seed(tx)
    await world.pass_time(minutes=2)
    async with world.db.read() as tx:
        assert await store.is_in_line(tx, store.TRAIN)
    await sorting.work_due()
    await world.pass_time(days=8)
    async with world.db.read() as tx:
        assert await store.is_in_line(tx, store.TRAIN)


async def test_the_tree_is_edited_and_tickets_keep_their_category(any_world: World) -> None:
    """Added, renamed, moved, archived, brought back; an archived one takes nothing more and keeps its name."""
    world = any_world
    ticket = await world.human(text="发票怎么开呀")
    async with world.db.begin() as tx:
        made = await categories.add(tx, parent_id="payment", name="礼品卡", team_id="payment", keywords=["礼品卡"])
        await categories.edit(tx, made, now=world.clock.now(), name="礼品卡与兑换", team_id="general")
        tree = await categories.load(tx)
        assert (tree.sort("礼品卡用不了"), tree.team_of(made)) == (made, "general")
        with pytest.raises(Conflict):
            await categories.add(tx, parent_id="payment", name="发票", team_id="payment")
        with pytest.raises(Invalid):
            await categories.add(tx, parent_id=made, name="第三层", team_id="payment")
        with pytest.raises(Invalid):
            await categories.edit(tx, "unsorted", now=world.clock.now(), archived=True)
        await categories.edit(tx, "payment", now=world.clock.now(), archived=True)
        tree = await categories.load(tx)
    assert tree.name(ticket.category_id) == "会员与支付/发票"
    assert tree.sort("发票怎么开呀") == "unsorted"
    assert "payment" not in {each["id"] for each in tree.as_tree()}
    with pytest.raises(Invalid):
        await world.tickets.change(ticket.serial, BAI, ticket.version, category_id="payment/refund")
    async with world.db.begin() as tx:
        await categories.edit(tx, "payment/invoice", now=world.clock.now(), archived=False)
        tree = await categories.load(tx)
    assert tree.sort("发票怎么开呀") == "payment/invoice"
    assert (await world.ticket(ticket.serial)).category_id == "payment/invoice"


async def test_what_is_in_line_is_taken_once(any_world: World) -> None:
    """Two gateways that look at the same moment share the work; what came in meanwhile is not lost."""
    world = any_world
    ticket = await unsorted(world, "嗯嗯嗯 qwerty")
    now = world.clock.now() + timedelta(seconds=10)
    async with world.db.begin() as tx:
        taken = await store.claim(tx, now, 10)
        assert [each.key for each in taken] == [ticket.id]
        assert await store.claim(tx, now, 10) == []
        await store.put(tx, ticket.id, now + timedelta(seconds=3))
        await store.finish(tx, taken[0])
        assert await store.is_in_line(tx, ticket.id)
        # Whoever took it and died leaves it to others.
        (again,) = await store.claim(tx, now + timedelta(seconds=5), 10)
        assert await store.claim(tx, now + timedelta(minutes=5), 10)
        await store.finish(tx, again)
        assert not await store.is_in_line(tx, ticket.id)


async def test_a_gateway_takes_up_the_version_that_another_made(any_world: World) -> None:
    """The weights travel by SQL."""
    world = any_world
    await trained(world)
    other = Sorting(world.tickets.kit)
    await other.refresh()
    guess = await other.think("小鱼缸打转了呀")
    assert guess is not None
    assert guess.category_id == "technical/client"
