"""What was written is found by two characters, words and numbers, on both databases, and by nothing once erased."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.db import Database, create_engine
from core.schema import migrate
from gateway.erasure import erase_customer
from tests.tickets.world import LIN, START, World
from tickets.lists import Wanted
from tickets.privacy.scope import ALL
from tickets.search import Index, asked_terms, index_terms, joined_terms, marks, snippet, ticket_terms


async def found(world: World, text: str, **wanted: object) -> list[str]:
    page, _ = await world.tickets.page(Wanted(view="all", text=text, **wanted), reader=ALL)  # type: ignore[arg-type]  # named by each test
    return [each["serial"] for each in page]


async def test_all_that_is_said_and_written_is_found(any_world: World) -> None:
    ticket = await any_world.human(text="会员扣了钱没到账 订单号 XY20261121-88 帮忙看看")
    other = await any_world.human(who="v-2", text="视频黑屏没声音")
    await any_world.says("我用的是小米平板,系统 HyperOS 2", who="v-1")
    await any_world.tickets.note(ticket.serial, LIN, "渠道单已经核对,等支付宝回执")
    fresh = await any_world.ticket(ticket.serial)
    await any_world.tickets.change(fresh.serial, LIN, fresh.version, fields={"order_number": "ZZ9988776655"})
    for text in (
        "平板",
        "hyperos",
        "HyperOS 2",
        "渠道单",
        "回执",
        "zz9988776655",
        "xy20261121",
        "88",
        "会员 平板 回执",
        "沒到賬",
    ):
        assert await found(any_world, text) == [ticket.serial], text
    assert await found(any_world, "黑屏") == [other.serial]
    assert await found(any_world, "平板 黑屏") == []
    assert set(await found(any_world, "FL-20261121")) == {ticket.serial, other.serial}


async def test_a_follow_up_and_a_single_character_are_found_newest_first(any_world: World) -> None:
    serials = [(await any_world.human(who=f"v-{number}", text=f"会员退款 第{number}次")).serial for number in range(5)]
    assert await found(any_world, "退款") == serials[::-1]
    joined: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        wanted = Wanted(view="all", text="退", limit=2, cursor=cursor)
        page, cursor = await any_world.tickets.page(wanted, reader=ALL)
        joined += [each["serial"] for each in page]
    assert joined == serials[::-1]


async def test_what_was_found_says_where(world: World) -> None:
    await world.human(text="会员退款\n昨天晚上在平板上买的连续包月,今天想取消")
    (one,), _ = await world.tickets.page(Wanted(view="all", text="退款"), reader=ALL)
    assert (one["title"], one["marks"], one["snippet"]) == ("会员退款", [[2, 4]], None)
    (one,), _ = await world.tickets.page(Wanted(view="all", text="連續包月"), reader=ALL)
    start, end = one["snippet"]["marks"][0]
    assert (one["marks"], one["snippet"]["text"][start:end]) == ([], "连续包月")


async def test_erased_words_are_found_no_more(any_world: World, tmp_path: Path) -> None:
    ticket = await any_world.human(text="会员扣了钱 想申请退款")
    assert await found(any_world, "退款") == [ticket.serial]
    async with any_world.db.begin() as tx:
        await erase_customer(tx, ticket.customer_id, by="test", now=START, data=tmp_path)
    assert await found(any_world, "退款") == []


async def test_keyed_hashes_in_place_of_words_are_found_as_well(any_world: World) -> None:
    def keyed(term: str) -> str:
        return hmac.new(b"key", term.encode(), hashlib.sha256).hexdigest()[:16]

    ticket = await any_world.human(text="视频黑屏没声音")
    index = Index(keyed)
    async with any_world.db.begin() as tx:
        await index.forget(tx, [ticket.id])
        await index.add(tx, ticket.id, ["会员扣了钱 想申请退款"])
        stored = await tx.scalar(sa.select(ticket_terms.c.terms))
        assert "退款" not in stored
        for text, hit in (("退款", True), ("申请退款", True), ("黑屏", False)):
            condition = index.matches(text, sqlite=any_world.db.sqlite)
            assert condition is not None
            rows = await tx.all(sa.select(ticket_terms.c.ticket_id).where(condition))
            assert [row.ticket_id for row in rows] == ([ticket.id] if hit else []), text


async def test_terms_of_earlier_releases_are_moved_and_found(any_url: str) -> None:
    await migrate(any_url, "0007")
    engine = create_engine(any_url)
    now = datetime(2026, 11, 1, tzinfo=UTC)
    async with engine.begin() as connection:
        reflected = sa.MetaData()
        await connection.run_sync(lambda sync: reflected.reflect(sync, only=["tickets"]))
        table = reflected.tables["tickets"]
        naive = now.replace(tzinfo=None) if any_url.startswith("sqlite") else now
        base = {
            "customer_id": "cus_1",
            "channel_kind": "web",
            "tier": 2,
            "state": "new",
            "priority": 3,
            "category_id": "unsorted",
            "title": "=会员退款",
            "fields": {},
            "review_wanted": False,
            "reopened_count": 0,
            "first_received_at": naive,
            "customer_unread": 0,
            "version": 1,
            "demo": False,
            "created_at": naive,
            "updated_at": naive,
        }
        for number, terms in ((1, "= 会员 员退 退款 7788 "), (2, "= 黑屏 "), (3, None)):
            row = {**base, "id": f"tck_{number}", "serial": f"FL-20261101-00000{number}", "terms": terms}
            await connection.execute(sa.insert(table).values(**row))
    await engine.dispose()
    await migrate(any_url)
    db = Database(any_url)
    async with db.read() as tx:
        for text, wanted in (
            ("退款", ["tck_1"]),
            ("7788", ["tck_1"]),
            ("黑屏", ["tck_2"]),
            ("20261101-000003", ["tck_3"]),
        ):
            condition = Index().matches(text, sqlite=db.sqlite)
            assert condition is not None
            rows = await tx.all(sa.select(ticket_terms.c.ticket_id).where(condition))
            assert [row.ticket_id for row in rows] == wanted, text
        assert await tx.scalar(sa.text("SELECT count(*) FROM tickets WHERE terms IS NOT NULL")) == 0
    async with db.begin() as tx:
        await Index().add(tx, "tck_3", ["我要退款"])
        await tx.execute(sa.text("DELETE FROM tickets WHERE id = 'tck_1'"))
    async with db.read() as tx:
        condition = Index().matches("退款", sqlite=db.sqlite)
        assert condition is not None
        rows = await tx.all(sa.select(ticket_terms.c.ticket_id).where(condition))
        assert [row.ticket_id for row in rows] == ["tck_3"]
    await db.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"
    return str(request.getfixturevalue("postgres_url")).replace("postgresql://", "postgresql+asyncpg://")


def test_terms_are_pairs_words_numbers_and_last_characters() -> None:
    assert index_terms("我要退款!") == ["我要", "要退", "退款", "款"]
    assert index_terms("iPhone15 退") == ["iphone15", "退", "退"]
    assert index_terms("䷀䷁ 😀") == []


def test_spaces_part_a_question_and_long_ones_are_cut() -> None:
    assert asked_terms("退款 失败") == [[("退款", False)], [("失败", False)]]
    assert [forms[0][0] for forms in asked_terms("退款失败")] == ["退款", "款失", "失败"]
    assert asked_terms("退") == [[("退", True)]]
    assert len(asked_terms("很长的一段话" * 20)) <= 16
    assert asked_terms("😀 !!! %") == []


def test_a_row_of_terms_stays_bounded() -> None:
    row = joined_terms(" 退款 ", (f"t{number}" for number in range(10_000)))
    assert len(row.split()) == 6_000
    assert row.startswith(" 退款 t0 ")


def test_marks_stand_where_the_words_do() -> None:
    assert marks("會員退款iPhone", "会员 IPHONE") == [[0, 2], [4, 10]]
    assert marks("退退款", "退款") == [[1, 3]]
    assert marks("黑屏", "退款") == []
    assert snippet("没有", "退款") is None
