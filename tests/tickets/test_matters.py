"""What staff do beside handling: compensation within limits, files, snooze, split, links, many tickets at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bot.store import messages
from bot.tables import exchanges
from core.errors import Conflict, Forbidden, IllegalMove, Invalid, NotFound
from core.tables import files
from tests.tickets.world import LIN, QIN, SHEN, START, ZHOU, World
from tickets.attachments import Opener
from tickets.store import Ticket

AGENT = ("agent",)
LINS = Opener(LIN.staff_id, ("payment",), {"ticket.read", "ticket.write"})
QINS = Opener(QIN.staff_id, ("experts",), {"ticket.read", "ticket.write"})
SHENS = Opener(SHEN.staff_id, ("experts",), {"ticket.read", "ticket.review"})


async def working(world: World, **more: str) -> Ticket:
    """A matter that LIN has taken on."""
    return await world.tickets.confirm((await world.human(**more)).serial, LIN)


# Compensation.


async def test_within_the_limit_it_is_given_at_once_and_above_a_supervisor_decides(any_world: World) -> None:
    ticket, give = await working(any_world), any_world.tickets.ask_compensation
    small = await give(ticket.serial, LIN, AGENT, kind="membership_days", amount=3, what=None, reason="卡顿一晚")
    assert (small.state, small.decided_by) == ("approved", LIN.staff_id)
    # What was given before counts: 3 + 5 is more than an agent's 7.
    big = await give(ticket.serial, LIN, AGENT, kind="membership_days", amount=5, what=None, reason="第二晚也卡")
    assert (big.state, big.decided_by) == ("waiting", None)
    assert {"type": "compensation", "serial": ticket.serial} in [event for _, event in any_world.notifier.events]
    with pytest.raises(Conflict):
        await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="已补时长。")
    with pytest.raises(Forbidden):
        await any_world.tickets.decide_compensation(big.id, LIN, approve=True, words="")
    waiting = await any_world.tickets.waiting_compensations(SHEN.staff_id)
    assert [(each["id"], each["ticket"]["serial"]) for each in waiting] == [(big.id, ticket.serial)]
    done = await any_world.tickets.decide_compensation(big.id, SHEN, approve=True, words="同意")
    assert (done.state, done.decided_name) == ("approved", SHEN.name)
    with pytest.raises(Conflict):
        await any_world.tickets.decide_compensation(big.id, SHEN, approve=False, words="不")
    resolved = await any_world.tickets.resolve_serial(ticket.serial, LIN, solution="已补时长。")
    said = [each.text for each in await any_world.seen(str(resolved.conversation_id)) if each.author == "agent"]
    assert "会员时长 3 天、会员时长 5 天" in said[-1]
    await any_world.check_history(ticket.id)


async def test_a_refusal_says_why_and_ones_own_wish_can_be_taken_back(world: World) -> None:
    ticket, give = await working(world), world.tickets.ask_compensation
    one = await give(ticket.serial, LIN, AGENT, kind="refund", amount=9_900, what=None, reason="重复扣费")
    with pytest.raises(Invalid):
        await world.tickets.decide_compensation(one.id, SHEN, approve=False, words=" ")
    refused = await world.tickets.decide_compensation(one.id, SHEN, approve=False, words="账单只有一笔")
    assert (refused.state, refused.decision) == ("refused", "账单只有一笔")
    two = await give(ticket.serial, LIN, AGENT, kind="other", amount=100, what="贴纸", reason="小礼物")
    with pytest.raises(Forbidden):
        await world.tickets.withdraw_compensation(two.id, ZHOU)
    assert (await world.tickets.withdraw_compensation(two.id, LIN)).state == "withdrawn"
    assert (await world.tickets.resolve_serial(ticket.serial, LIN, solution="已核对。")).state == "resolved"


async def test_what_makes_no_sense_is_not_given(world: World) -> None:
    ticket, give = await working(world), world.tickets.ask_compensation
    for kind, amount, what, reason in (
        ("gold", 1, None, "好"),
        ("coupon", 0, None, "好"),
        ("coupon", 100, None, " "),
        ("other", 100, None, "好"),
    ):
        with pytest.raises(Invalid):
            await give(ticket.serial, LIN, AGENT, kind=kind, amount=amount, what=what, reason=reason)
    await world.tickets.resolve_serial(ticket.serial, LIN, solution="好了。")
    with pytest.raises(IllegalMove):
        await give(ticket.serial, LIN, AGENT, kind="coupon", amount=100, what=None, reason="好")


# Snooze.


async def test_a_snoozed_ticket_wakes_at_its_time_and_once(any_world: World) -> None:
    ticket = await working(any_world)
    at = any_world.clock.now() + timedelta(hours=30)
    await any_world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=None, at=at)
    ticket = await any_world.tickets.snooze(ticket.serial, LIN, any_world.clock.now() + timedelta(hours=5), "等财务")
    assert ticket.snoozed_until is not None
    await any_world.pass_time(hours=5, seconds=1)
    assert (await any_world.ticket(ticket.serial)).snoozed_until is None
    assert (await any_world.kinds(ticket)).count("woken") == 1


async def test_the_customers_words_and_a_step_that_is_over_wake_it_too(world: World) -> None:
    ticket = await working(world)
    await world.tickets.snooze(ticket.serial, LIN, world.clock.now() + timedelta(days=3))
    await world.says("有结果了吗")
    assert (await world.ticket(ticket.serial)).snoozed_until is None
    await world.tickets.snooze(ticket.serial, LIN, world.clock.now() + timedelta(days=3))
    await world.pass_time(hours=20)
    ticket = await world.ticket(ticket.serial)
    assert (ticket.snoozed_until, (await world.kinds(ticket))[-1]) == (None, "next_step_overdue")
    with pytest.raises(Invalid):
        await world.tickets.snooze(ticket.serial, LIN, world.clock.now() - timedelta(hours=1))
    await world.check_history(ticket.id)


# Split and links.


async def test_chosen_words_become_a_linked_ticket_with_what_answered_them(any_world: World) -> None:
    ticket = await working(any_world)
    await any_world.says("另外 直播间的鞋子质量太差 要退货")
    async with any_world.db.read() as tx:
        said = await messages.of_ticket(tx, ticket.id)
    chosen = next(each for each in said if "鞋子" in each.text)
    made = await any_world.tickets.split(ticket.serial, LIN, message_ids=[chosen.id], title="鞋子退货")
    assert (made.title, made.state, made.tier, made.previous_id) == ("鞋子退货", "new", 2, ticket.id)
    assert (made.customer_id, made.conversation_id) == (ticket.customer_id, ticket.conversation_id)
    assert made.first_received_at == chosen.at
    async with any_world.db.read() as tx:
        assert [each.id for each in await messages.of_ticket(tx, made.id)] == [chosen.id]
        rows = await tx.all(select(exchanges.c.ticket_id).where(exchanges.c.message_id == chosen.id))
        assert [row.ticket_id for row in rows] == [made.id]
    here = (await any_world.tickets.matter(ticket.serial, LINS))["links"]
    there = (await any_world.tickets.matter(made.serial, LINS))["links"]
    assert [(each["kind"], each["serial"]) for each in here] == [("split_of", made.serial)]
    assert [(each["kind"], each["serial"]) for each in there] == [("split", ticket.serial)]
    for each in (ticket, made):
        await any_world.check_history(each.id)


async def test_a_split_wants_some_of_the_customers_words_and_leaves_some(world: World) -> None:
    ticket = await working(world)
    async with world.db.read() as tx:
        said = await messages.of_ticket(tx, ticket.id)
    theirs = [each.id for each in said if each.author == "customer"]
    others = [each.id for each in said if each.author != "customer"]
    with pytest.raises(Invalid):
        await world.tickets.split(ticket.serial, LIN, message_ids=theirs, title="")
    with pytest.raises(Invalid):
        await world.tickets.split(ticket.serial, LIN, message_ids=others[:1], title="")
    with pytest.raises(NotFound):
        await world.tickets.split(ticket.serial, LIN, message_ids=["msg_elsewhere"], title="")


async def test_links_are_drawn_once_seen_from_both_ends_and_taken_away(world: World) -> None:
    one, two = await working(world), await world.human(who="v-2")
    await world.tickets.link(one.serial, LIN, other=two.serial, kind="caused_by")
    await world.tickets.link(one.serial, LIN, other=two.serial, kind="related")
    for here, there, kind in ((one, two, "related"), (two, one, "related"), (one, two, "caused_by")):
        with pytest.raises(Conflict):
            await world.tickets.link(here.serial, LIN, other=there.serial, kind=kind)
    with pytest.raises(Conflict):
        await world.tickets.link(one.serial, LIN, other=one.serial, kind="related")
    with pytest.raises(Invalid):
        await world.tickets.link(one.serial, LIN, other=two.serial, kind="split")
    seen = (await world.tickets.matter(two.serial, LINS))["links"]
    assert {each["kind"] for each in seen} == {"caused_by_of", "related"}
    for each in seen:
        await world.tickets.unlink(two.serial, LIN, each["id"])
    assert (await world.tickets.matter(one.serial, LINS))["links"] == []
    for ticket in (one, two):
        await world.check_history(ticket.id)


async def test_merging_keeps_history_and_links_readable_from_both(world: World) -> None:
    one = await working(world)
    await world.tickets.resolve_serial(one.serial, LIN, solution="好了。")
    await world.says("转人工")
    two = await world.newest(str(one.conversation_id))
    other = await world.human(who="v-9")
    await world.tickets.link(two.serial, LIN, other=other.serial, kind="related")
    await world.tickets.reopen(one.serial, LIN, "同一件事")
    await world.tickets.merge(two.serial, one.serial, SHEN)
    merged, kept = [await world.tickets.matter(each.serial, LINS) for each in (two, one)]
    assert {each["kind"] for each in merged["links"]} >= {"merged_into", "related"}
    assert [each["kind"] for each in kept["links"]] == ["took_in"]
    assert (await world.kinds(two))[-1] == "merged"


# Files.


async def _uploaded(world: World, file_id: str, owner: str) -> None:
    async with world.db.begin() as tx:
        await tx.execute(
            insert(files).values(
                id=file_id,
                owner=owner,
                kind="image",
                name="账单 13812345678.png",
                content_type="image/png",
                bytes=10,
                sha256="0" * 64,
                public=False,
                created_at=START,
            )
        )


async def test_a_file_says_what_it_shows_and_who_may_open_it(any_world: World) -> None:
    ticket = await working(any_world)
    await _uploaded(any_world, "fil_1", f"staff:{LIN.staff_id}")
    await any_world.tickets.put_file(ticket.serial, LIN, "fil_1", description="两笔扣款的账单", access="team")
    with pytest.raises(NotFound):
        await any_world.tickets.put_file(ticket.serial, ZHOU, "fil_1", description="", access="staff")
    for opener, allowed in ((LINS, True), (SHENS, True), (QINS, False)):
        shown = (await any_world.tickets.matter(ticket.serial, opener))["files"]
        assert [(each["description"], each["access"], each["open"]) for each in shown] == [
            ("两笔扣款的账单", "team", allowed)
        ]
        assert "13812345678" not in str(shown)
        async with any_world.db.read() as tx:
            assert await any_world.tickets.may_open_file(tx, "fil_1", opener) is allowed
    with pytest.raises(NotFound):
        await any_world.tickets.describe_file(ticket.serial, QIN, QINS, "fil_1", description=None, access="staff")
    await any_world.tickets.describe_file(ticket.serial, LIN, LINS, "fil_1", description="账单", access="supervisors")
    async with any_world.db.read() as tx:
        assert not await any_world.tickets.may_open_file(tx, "fil_1", LINS)
    with pytest.raises(Invalid):
        await any_world.tickets.describe_file(ticket.serial, SHEN, SHENS, "fil_1", description=None, access="nobody")
    assert (await any_world.kinds(ticket))[-2:] == ["file_added", "file_access"]


# People, followers, tags, many at once.


async def test_the_people_of_a_matter_are_read_from_its_history(world: World) -> None:
    ticket = await working(world)
    await world.tickets.note(ticket.serial, ZHOU, "账单查过了")
    at = world.clock.now() + timedelta(hours=3)
    await world.tickets.set_next_step(ticket.serial, LIN, text="请专家看", who=QIN.staff_id, at=at)
    people = (await world.tickets.matter(ticket.serial, LINS))["people"]
    assert [each["name"] for each in people] == ["用户", LIN.name, ZHOU.name, QIN.name]
    assert people[2]["did"] == ["内部备注"]


async def test_followers_hear_of_what_others_do(any_world: World) -> None:
    ticket = await working(any_world)
    for _ in range(2):
        await any_world.tickets.follow(ticket.serial, ZHOU, on=True)
    any_world.notifier.events.clear()
    await any_world.tickets.note(ticket.serial, LIN, "在查")
    await any_world.tickets.note(ticket.serial, ZHOU, "我也看看")
    told = [(topic, event["kind"]) for topic, event in any_world.notifier.events if event["type"] == "followed"]
    assert told == [(f"staff:{ZHOU.staff_id}", "note")]
    shown = await any_world.tickets.matter(ticket.serial, Opener(ZHOU.staff_id, (), set()))
    assert (shown["following"], [each["name"] for each in shown["followers"]]) == (True, [ZHOU.name])
    await any_world.tickets.follow(ticket.serial, ZHOU, on=False)
    assert (await any_world.ticket(ticket.serial)).followers == 0


async def test_tags_are_clean_suggested_by_use_and_told_in_the_history(world: World) -> None:
    one, two = await working(world), await world.human(who="v-2")
    one = await world.tickets.change(one.serial, LIN, one.version, tags=[" #双11 ", "退款慢", "双11"])
    assert one.tags == ["双11", "退款慢"]
    await world.tickets.change(two.serial, LIN, two.version, tags=["双11"])
    assert await world.tickets.tag_words() == ["双11", "退款慢"]
    assert await world.tickets.tag_words("退") == ["退款慢"]
    with pytest.raises(Invalid):
        await world.tickets.change(one.serial, LIN, one.version, tags=["很" * 21])
    changes = (await world.tickets.detail(one.serial, set()))["events"][-1]["changes"]
    assert changes == [{"name": "标签", "old": None, "new": "双11、退款慢"}]
    await world.check_history(one.id)


async def test_many_at_once_each_stand_or_fall_alone(any_world: World) -> None:
    one, two = await working(any_world), await any_world.human(who="v-2")
    ended = await any_world.resolved(who="v-3")
    wish = {"priority": 1, "assignee_id": ZHOU.staff_id, "tags_add": ["大促"]}
    done = await any_world.tickets.bulk([one.serial, two.serial, ended.serial, "FL-20260101-000001"], SHEN, wish)
    assert [each["ok"] for each in done] == [True, True, False, False]
    assert done[2]["error"] == {"code": "conflict", "message": "工单已经结束。"}
    for serial in (one.serial, two.serial):
        ticket = await any_world.ticket(serial)
        assert (ticket.priority, ticket.assignee_id, ticket.tags) == (1, ZHOU.staff_id, ["大促"])
        await any_world.check_history(ticket.id)
    done = await any_world.tickets.bulk([one.serial], SHEN, {"tags_remove": ["大促"], "team_id": "technical"})
    ticket = await any_world.ticket(one.serial)
    assert (done[0]["ok"], ticket.tags, ticket.team_id, ticket.state) == (True, None, "technical", "new")
    with pytest.raises(Invalid):
        await any_world.tickets.bulk([one.serial], SHEN, {})
