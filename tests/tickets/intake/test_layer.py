"""Matters that come beside chat: by hand, from pages and programs, out of sheets."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from bot.store import customers, messages
from core.db import Database
from core.errors import Conflict, Invalid, NotFound
from core.tables import files
from tests.tickets.world import LIN, START, World, build
from tickets.intake.imports import Imports
from tickets.intake.layer import uploaded_for
from tickets.intake.told import Told
from tickets.tables import tickets


@pytest.fixture
async def world(any_db: Database) -> World:
    return await build(any_db)


async def _upload(world: World, file_id: str, owner: str) -> str:
    async with world.db.begin() as tx:
        await tx.execute(
            insert(files).values(
                id=file_id,
                owner=owner,
                kind="image",
                name="截图.png",
                content_type="image/png",
                bytes=10,
                sha256="0" * 64,
                public=False,
                created_at=START,
            )
        )
    return file_id


async def _count(world: World) -> int:
    async with world.db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(tickets)))


async def test_a_matter_by_hand_holds_where_it_came_from_and_when(world: World) -> None:
    shot = await _upload(world, "fil_1", f"staff:{LIN.staff_id}")
    made = await world.tickets.create(
        LIN,
        channel_id=world.channel_ids["web"],
        title="群里反映看直播卡顿",
        description="三位群友同一时间卡顿",
        channel_kind="qq_group",
        customer_name="海棠",
        phone="13812345678",
        told=Told(
            text="",
            source="qq_group",
            source_url="https://example.com/g/1",
            source_text="海棠：今晚的球赛一直转圈\n海棠：换网络也不行",
            fields={"live_room": "8801", "city": "成都"},
            files=(shot,),
            received_at=START - timedelta(hours=2),
        ),
        take=True,
    )
    assert (made.state, made.assignee_id, made.tier, made.source) == ("in_progress", LIN.staff_id, 2, "qq_group")
    assert (made.live_room, made.first_received_at, made.created_by) == (
        "8801",
        START - timedelta(hours=2),
        LIN.staff_id,
    )
    assert made.category_id == "technical/playback"
    async with world.db.read() as tx:
        said = await messages.of_ticket(tx, made.id)
    assert [each.text for each in said if each.author.value == "customer"] == [
        "海棠：今晚的球赛一直转圈\n海棠：换网络也不行"
    ]
    await world.check_history(made.id)


async def test_a_customer_is_found_masked_and_keeps_what_is_open(world: World) -> None:
    first = await world.tickets.create(
        LIN, channel_id=world.channel_ids["web"], title="重复扣费", customer_name="王小棠", phone="13812345678"
    )
    for asked in ("小棠", "5678", "13812345678", first.serial.lower()):
        [found] = await world.tickets.find_customers(asked)
        assert found["id"] == first.customer_id
        assert (found["phone_masked"], [each["serial"] for each in found["open"]]) == ("138****5678", [first.serial])
        assert "13812345678" not in str(found)
    for asked in ("", "棠", "678", "%%", "不存在的人"):
        assert await world.tickets.find_customers(asked) == []
    second = await world.tickets.create(
        LIN, channel_id=world.channel_ids["web"], title="又扣了一次", customer_id=first.customer_id
    )
    assert second.customer_id == first.customer_id
    assert second.conversation_id != first.conversation_id
    async with world.db.read() as tx:
        assert (await customers.get(tx, first.customer_id)).phone == "13812345678"


async def test_feedback_sent_twice_under_one_key_is_one_matter(world: World) -> None:
    async def send(text: str = "看直播卡", digest: str = "h1") -> str:
        made = await world.tickets.feedback(
            channel_id=world.channel_ids["web"],
            channel_kind="web",
            kind="problem",
            text=text,
            key="tap-0001",
            told_hash=digest,
        )
        return made.serial

    serials = await asyncio.gather(*(send() for _ in range(5)))
    assert len(set(serials)) == 1
    with pytest.raises(Conflict):
        await send("别的内容", "h2")
    assert await _count(world) == 1


async def test_feedback_brings_its_pictures_once_and_only_its_own(world: World) -> None:
    channel_id = world.channel_ids["web"]
    picture = await _upload(world, "fil_1", uploaded_for(channel_id))
    other = await _upload(world, "fil_2", "cus_somebody")
    made = await world.tickets.feedback(
        channel_id=channel_id,
        channel_kind="web",
        kind="report",
        text="主播虚假宣传",
        told=Told(text="主播虚假宣传", source="live_room", fields={"live_room": "8801"}, files=(picture,)),
    )
    async with world.db.read() as tx:
        said = await messages.of_ticket(tx, made.id)
        owner = await tx.scalar(select(files.c.owner).where(files.c.id == picture))
    assert [each.kind.value for each in said] == ["text", "image"]
    assert (owner, made.live_room, made.source, made.tier) == (made.customer_id, "8801", "live_room", 2)
    for file_id in (picture, other):
        with pytest.raises(NotFound):
            await world.tickets.feedback(
                channel_id=channel_id,
                channel_kind="web",
                kind="report",
                text="再来一次",
                told=Told(text="再来一次", source="page", files=(file_id,)),
            )
    assert await _count(world) == 1


@pytest.mark.parametrize(
    "told",
    [
        Told(text="问题", source="moon"),
        Told(text="问题", source="forum", source_url="javascript:alert(1)"),
        Told(text="问题", source="forum", received_at=START + timedelta(days=1)),
        Told(text="问题", source="forum", files=tuple(f"fil_{number}" for number in range(10))),
    ],
)
async def test_what_cannot_be_is_refused(world: World, told: Told) -> None:
    with pytest.raises(Invalid):
        await world.tickets.feedback(
            channel_id=world.channel_ids["web"], channel_kind="web", kind="problem", text="问题", told=told
        )
    assert await _count(world) == 0


def _imports(world: World) -> Imports:
    return Imports(world.db, world.clock, world.tickets, world.people, "Asia/Shanghai")


_SHEET = "编号,标题,描述,手机,分类,提交时间\n" + "".join(
    f"A-{number},会员没到账 {number},付了钱没有会员,138000{number:05d},权益,2026-11-{1 + number % 20:02d} 20:00\n"
    for number in range(65)
)


async def test_a_sheet_is_looked_at_before_and_each_row_is_taken_in_once(world: World) -> None:
    one = _imports(world)
    made, seen = await one.add("旧系统.csv", _SHEET.encode("gb18030"), LIN)
    assert (seen["ready"], seen["known"], seen["refused"], seen["encoding"]) == (65, 0, 0, "GBK")
    assert seen["rows"][0]["phone_masked"] == "138****0000"
    assert await _count(world) == 0
    async with world.db.begin() as tx:
        await one.start(tx, made.id)
    done = await one.finish(made.id)
    assert (done.state, done.made, done.position) == ("done", 65, 65)
    assert await _count(world) == 65
    again, seen = await one.add("旧系统.csv", _SHEET.encode(), LIN)
    assert (seen["ready"], seen["known"]) == (0, 65)
    async with world.db.begin() as tx:
        await one.start(tx, again.id)
    assert (await one.finish(again.id)).known == 65
    assert await _count(world) == 65
    with pytest.raises(Conflict):
        async with world.db.begin() as tx:
            await one.start(tx, again.id)


async def test_two_gateways_and_a_stop_in_between_lose_and_double_nothing(world: World) -> None:
    one, other = _imports(world), _imports(world)
    made, _ = await one.add("旧系统.csv", _SHEET.encode(), LIN)
    async with world.db.begin() as tx:
        await one.start(tx, made.id)
    assert await one._step(made.id)
    async with world.db.begin() as tx:
        await one.stop(tx, made.id)
    assert not await other._step(made.id)
    assert await _count(world) == 10
    async with world.db.begin() as tx:
        await other.start(tx, made.id)
    await asyncio.gather(one.run_due(), other.run_due())
    async with world.db.read() as tx:
        done = await one.get(tx, made.id)
    assert (done.state, done.made, done.known) == ("done", 65, 0)
    assert await _count(world) == 65


async def test_imported_rows_of_one_contact_are_one_customer(world: World) -> None:
    one = _imports(world)
    text = "标题,手机\n第一件,13812345678\n第二件,138 1234 5678\n第三件,13912345678\n"
    made, _ = await one.add("a.csv", text.encode(), LIN)
    async with world.db.begin() as tx:
        await one.start(tx, made.id)
    await one.finish(made.id)
    async with world.db.read() as tx:
        rows = await tx.all(select(tickets.c.title, tickets.c.customer_id, tickets.c.source).order_by(tickets.c.serial))
    assert rows[0].customer_id == rows[1].customer_id != rows[2].customer_id
    assert {row.source for row in rows} == {"import"}
