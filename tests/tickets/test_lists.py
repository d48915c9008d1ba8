"""The desk's lists: work in order of urgency, found by two characters, page by page, with numbers masked."""

from __future__ import annotations

import pytest

from core.errors import Invalid
from tests.tickets.world import LIN, QIN, SHEN, World
from tickets.lists import Wanted
from tickets.privacy.scope import ALL, Reader


async def serials(world: World, staff_id: str = "", team_ids: tuple[str, ...] = (), **wanted: object) -> list[str]:
    reader = Reader(staff_id, team_ids, everything=True)
    found, _ = await world.tickets.page(Wanted(**wanted), reader=reader)  # type: ignore[arg-type]  # named by each test
    return [each["serial"] for each in found]


async def test_each_view_holds_its_own(any_world: World) -> None:
    bots = await any_world.newest((await any_world.says("密码忘了", who="v-0")).conversation_id)
    waiting = await any_world.human(who="v-1")
    mine = await any_world.human(who="v-2", text="发票开错了抬头")
    await any_world.tickets.confirm(mine.serial, LIN)
    experts = await any_world.human(who="v-3", text="重复扣费两次")
    await any_world.tickets.escalate(experts.serial, LIN, to="expert", summary="需要专家核对")
    reviewed = await any_world.human(who="v-4", text="视频黑屏没声音")
    await any_world.tickets.escalate(reviewed.serial, LIN, to="supervisor", summary="请主管看一下")
    done = await any_world.resolved(who="v-5")

    assert set(await serials(any_world)) == {waiting.serial, mine.serial, experts.serial, reviewed.serial}
    assert await serials(any_world, LIN.staff_id, view="mine") == [mine.serial]
    assert set(await serials(any_world, team_ids=("payment",), view="team")) == {waiting.serial, mine.serial}
    assert set(await serials(any_world, view="expert")) == {experts.serial, reviewed.serial}
    assert await serials(any_world, view="review") == [reviewed.serial]
    assert await serials(any_world, view="resolved") == [done.serial]
    assert bots.serial in await serials(any_world, view="all")
    with pytest.raises(Invalid):
        await serials(any_world, view="nonsense")


async def test_the_urgent_stand_first_and_pages_join_without_gaps(any_world: World) -> None:
    for number in range(7):
        ticket = await any_world.human(who=f"v-{number}")
        ticket = await any_world.tickets.change(ticket.serial, LIN, ticket.version, priority=number % 4 + 1)
    whole, rest = await any_world.tickets.page(Wanted(), reader=ALL)
    assert rest is None
    assert [each["priority"] for each in whole] == sorted(each["priority"] for each in whole)
    for view in ("open", "all"):
        joined: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            wanted = Wanted(view=view, limit=3, cursor=cursor)
            page, cursor = await any_world.tickets.page(wanted, reader=ALL)
            joined += [each["serial"] for each in page]
        assert joined == await serials(any_world, view=view)
        assert len(joined) == 7
    with pytest.raises(Invalid):
        await serials(any_world, cursor="bm9uc2Vuc2U")


async def test_search_finds_two_characters_words_and_numbers(any_world: World) -> None:
    ticket = await any_world.human(text="会员扣了钱 想申请退款 iPhone 15 订单7788")
    found = ["退款", "申请退款", "退 款", "退", "款", "iPhone", "ipho", "7788", "會員", "扣了钱 退款"]
    found += ["fl-20261121-000001", "20261121", "2026112", "1", "退款 iphone"]
    missing = [
        "iphone15",
        "778",
        "扣了钱退款",
        "物流",
        "退款 物流",
        "%",
        "_",
        "'; drop table tickets; --",
        '"',
        "*",
        "NOT",
    ]
    for text in found + missing:
        expected = [ticket.serial] if text in found else []
        assert await serials(any_world, view="all", text=text) == expected, text


async def test_filters_narrow_and_a_category_holds_its_children(any_world: World) -> None:
    paid = await any_world.human(who="v-1")
    plays = await any_world.human(who="v-2", text="视频黑屏没声音")
    assert await serials(any_world, category="payment") == [paid.serial]
    assert await serials(any_world, category="technical/playback") == [plays.serial]
    assert await serials(any_world, team="technical", channel="web", state="new") == [plays.serial]
    assert await serials(any_world, priority=1) == []


async def test_numbers_of_people_are_masked_wherever_staff_read(world: World) -> None:
    ticket = await world.human(text="我手机13812345678邮箱xiaoli@example.com充值没到账")
    found = str(await world.tickets.page(Wanted(), reader=ALL))
    found += str(await world.tickets.detail(ticket.serial, {"ticket.write"}))
    assert "13812345678" not in found
    assert "xiaoli@" not in found
    assert "138****5678" in found


async def test_the_detail_tells_the_history_in_words(any_world: World) -> None:
    ticket = await any_world.resolved()
    await any_world.tickets.customer_rates(ticket.customer_id, ticket.serial, 1, False, "还是不行")
    await any_world.tickets.confirm(ticket.serial, QIN)
    detail = await any_world.tickets.detail(ticket.serial, {"ticket.write", "ticket.review"})
    told = {each["kind"]: each for each in detail["events"]}
    assert told["result_written"]["old"].startswith("处理中 · 无 · 跟进")
    assert told["result_written"]["new"].startswith("待反馈用户 · 已解决")
    assert told["rated"]["text"] == "不满意:还是不行"
    assert (told["reopened"]["actor_name"], told["confirmed"]["actor_name"]) == ("用户", QIN.name)
    assert "专家组" in str(told["reopened"]["new"])
    assert detail["exchanges"][0]["answered_by"] == "bot"
    assert [(each["round"], each["rating"]) for each in detail["surveys"]] == [(1, 1)]
    assert "review" in detail["allowed"]
    await any_world.tickets.review(ticket.serial, SHEN, finding="确实漏查", agree=True)
    assert await serials(any_world, view="review") == []
