"""直接找负责人: who is entitled, what is promised, who may answer, and how it is counted."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.top import wants_head
from core.clock import UTC
from core.errors import Forbidden, IllegalMove, NotFound, Unauthorized
from tests.tickets.loop.conftest import YU, add_head
from tests.tickets.world import LIN, World
from tickets.loop.tables import notices
from tickets.store import Ticket


async def let_down(world: World) -> Ticket:
    ticket = await world.resolved()
    await world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "没解决")
    return await world.ticket(ticket.serial)


async def seat_token(world: World, ticket: Ticket) -> str:
    (seat,) = await world.tickets.guests.guests_of(ticket.serial, {"ticket.review"})
    assert seat["kind"] == "executive"
    return str(seat["url"]).rpartition("/")[2]


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("找你们老板", True),
        ("我要找你们领导", True),
        ("叫你们负责人出来", True),
        ("让你们领导给我打电话", True),
        ("你们老板电话", True),
        ("直接找负责人", True),
        ("我领导让我来问会员怎么开", False),
        ("我们老板要开发票", False),
        ("不用找领导", False),
        ("帮我找老板娘这部剧", False),
        ("找领导的电视剧", False),
        ("转人工", False),
        ("", False),
    ],
)
def test_the_wish_is_told_by_few_phrases(text: str, asks: bool) -> None:
    assert wants_head(text) is asks


async def test_nobody_is_entitled_before_they_were_let_down(world: World) -> None:
    ticket = await world.human()
    assert (await world.tickets.customer_detail(ticket.customer_id, ticket.serial))["executive"] is None
    with pytest.raises(IllegalMove):
        await world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请看看")
    world.handoffs.state = "open"
    await world.says("找你们老板")
    assert (await world.conversation(str(ticket.conversation_id))).mode.value == "waiting"


async def test_a_broken_promise_and_a_refused_reopening_entitle(world: World) -> None:
    ticket = await world.human()
    for tell, allowed in ((False, False), (True, True)):
        at = world.clock.now() + timedelta(hours=1)
        await world.tickets.set_next_step(ticket.serial, LIN, text="回电", who=LIN.staff_id, at=at, tell=tell)
        await world.pass_time(hours=2)
        page = await world.tickets.customer_detail(ticket.customer_id, ticket.serial)
        # A step that passed is a broken promise only where the customer had been told of it.
        assert (page["executive"] is not None and page["executive"]["allowed"]) is allowed
    other = await world.resolved(who="v-2")
    await world.tickets.customer_closes(other.customer_id, other.serial)
    await world.pass_time(days=20)
    with pytest.raises(IllegalMove):
        await world.tickets.customer_reopens(other.customer_id, other.serial, "又坏了")
    assert (await world.tickets.customer_detail(other.customer_id, other.serial))["executive"]["allowed"]


async def test_one_working_day_is_promised_and_told(any_world: World) -> None:
    world = any_world
    await add_head(world)
    ticket = await let_down(world)
    # A Saturday morning: Monday is the working day in which the answer comes.
    assert world.clock.now().astimezone(UTC) < datetime(2026, 11, 21, 3, tzinfo=UTC)
    promised = await world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请给个说法")
    assert promised is not None
    assert promised["due_at"] == "2026-11-23T10:00:00.000Z"
    said = [each.text for each in await world.seen(str(ticket.conversation_id))]
    assert "请给个说法" in said
    assert "11月23日 18:00" in said[-1]
    with pytest.raises(IllegalMove):
        await world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "再问一次")
    await world.check_history(ticket.id)


async def test_by_words_one_sentence_is_asked_and_passed_on(world: World) -> None:
    ticket = await let_down(world)
    await world.says("叫你们老板出来")
    said = await world.seen(str(ticket.conversation_id))
    assert "一句话" in said[-1].text
    await world.says("我只要把钱退给我")
    fresh = await world.ticket(ticket.serial)
    assert (fresh.executive_id, fresh.priority, fresh.review_wanted) == (YU.staff_id, 1, True)
    assert YU.name in (await world.seen(str(ticket.conversation_id)))[-1].text


async def test_the_head_sees_all_after_proof_and_answers_in_person(world: World) -> None:
    ticket = await let_down(world)
    await world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请给个说法")
    token = await seat_token(world, ticket)
    top = world.tickets.top
    locked = await top.page(token, "")
    assert locked == {"kind": "executive", "locked": True, "name": YU.name, "by_code": False}
    with pytest.raises(Forbidden):
        await world.tickets.guests.page(token)
    with pytest.raises(Unauthorized):
        await top.prove(token, staff_id=LIN.staff_id)
    with pytest.raises(Unauthorized):
        await top.answer(token, "", "冒充")
    proof = await top.prove(token, staff_id=YU.staff_id)
    page = await top.page(token, proof)
    assert page["asked"] == "请给个说法"
    assert page["matter"]["surveys"][0]["text"] == "没解决"
    assert any(each["what"] == "重新打开" for each in page["matter"]["history"])
    await top.answer(token, proof, "这件事我来负责，今天退款。")
    last = (await world.seen(str(ticket.conversation_id)))[-1]
    assert (last.text, last.staff_name) == ("这件事我来负责，今天退款。", f"{YU.name}(负责人)")
    fresh = await world.ticket(ticket.serial)
    assert fresh.executive_answered_at is not None
    assert fresh.executive_due_at is not None
    assert fresh.executive_answered_at < fresh.executive_due_at
    world.clock.advance(hours=13)
    assert (await top.page(token, proof))["locked"]
    await world.check_history(ticket.id)


async def test_a_code_by_mail_works_once_and_not_for_guessers(hooked: World) -> None:
    ticket = await let_down(hooked)
    await hooked.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请给个说法")
    token, top = await seat_token(hooked, ticket), hooked.tickets.top

    async def code() -> str:
        await top.send_code(token)
        async with hooked.db.read() as tx:
            rows = await tx.all(select(notices).where(notices.c.kind == "code").order_by(notices.c.created_at))
        found = re.search(r"\d{6}", rows[-1].text)
        assert found is not None
        return found.group()

    good = await code()
    proof = await top.prove(token, code=good)
    assert not (await top.page(token, proof))["locked"]
    with pytest.raises(Unauthorized):
        await top.prove(token, code=good)
    hooked.clock.advance(minutes=2)
    good = await code()
    wrong = "000000" if good != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await top.prove(token, code=wrong)
    with pytest.raises(Unauthorized):
        await top.prove(token, code=good)


async def test_a_late_answer_stands_on_the_supervisors_list(world: World) -> None:
    ticket = await let_down(world)
    await world.tickets.customer_asks_head(ticket.customer_id, ticket.serial, "请给个说法")
    await world.pass_time(days=4)
    assert (await world.kinds(ticket)).count("executive_overdue") == 1
    with pytest.raises(NotFound):
        await world.tickets.top.page("nonsense", "")
