"""Every figure against a second, naive count over the raw history; and facts that never differ from counted anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from core.db import Database
from tests.tickets.figures.naive import Matter, figures, past
from tests.tickets.figures.past import Past
from tests.tickets.world import World, build
from tickets.figures.definitions import FIGURES
from tickets.figures.service import Figures
from tickets.figures.tables import ticket_facts

SHANGHAI = ZoneInfo("Asia/Shanghai")


async def titles(_tx: Any, ids: Any) -> dict[str, str]:
    return {each: each for each in ids}


def counting(world: World, zone: ZoneInfo = SHANGHAI) -> Figures:
    return Figures(world.db, world.clock, world.texts, world.people, zone)


async def told(counted: Figures, **query: str) -> dict[str, Any]:
    """The overview's figures by id."""
    counted.forget_looking()
    overview = await counted.overview(counted.asked(query), titles, "zh-CN")
    return {each["id"]: each["value"] for each in overview["figures"]}


async def raw(world: World) -> list[Matter]:
    async with world.db.read() as tx:
        return await past(tx)


async def all_facts(db: Database) -> list[Any]:
    async with db.read() as tx:
        return [tuple(row) for row in await tx.all(select(ticket_facts).order_by(ticket_facts.c.ticket_id))]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
async def test_every_figure_is_what_the_raw_history_says(db: Database, seed: int) -> None:
    world = await build(db)
    async with db.begin() as tx:
        await world.tickets.sla.seed(tx)
    counted = counting(world)
    first = world.clock.now().astimezone(SHANGHAI).date()
    await Past(world, seed).steps(260)
    today = world.clock.now().astimezone(SHANGHAI).date()
    matters = await raw(world)
    periods = [(first, today), (first + timedelta(days=2), first + timedelta(days=6)), (today, today)]
    for start, end in periods:
        found = await told(counted, **{"from": start.isoformat(), "to": end.isoformat()})
        expected = figures(matters, start, end, SHANGHAI, world.clock.now())
        assert set(found) == set(expected) == {each.id for each in FIGURES}
        for name, value in expected.items():
            assert found[name] == (value if value is None else pytest.approx(value)), (name, start, end)
    # Something of everything has happened; a world of noughts would prove little.
    whole = figures(matters, first, today, SHANGHAI, world.clock.now())
    assert whole["volume"] > 15
    assert sum(value not in (None, 0) for value in whole.values()) > len(FIGURES) * 0.7


async def test_the_same_on_postgresql_and_on_sqlite(any_world: World) -> None:
    counted = counting(any_world)
    first = any_world.clock.now().astimezone(SHANGHAI).date()
    await Past(any_world, 11).steps(90)
    today = any_world.clock.now().astimezone(SHANGHAI).date()
    found = await told(counted, **{"from": first.isoformat(), "to": today.isoformat()})
    expected = figures(await raw(any_world), first, today, SHANGHAI, any_world.clock.now())
    assert found == {name: value if value is None else pytest.approx(value) for name, value in expected.items()}


@pytest.mark.parametrize("seed", [5, 6])
async def test_facts_kept_up_are_the_facts_counted_anew(any_db: Database, seed: int) -> None:
    """After each few steps the facts are brought up to date; in the end nothing differs from a rebuild."""
    world = await build(any_db)
    counted, played = counting(world), Past(world, seed)
    for _ in range(12):
        await played.steps(8)
        assert await counted.catch_up() == 0
    kept = await all_facts(any_db)
    assert kept
    assert await counted.rebuild() == len(kept)
    assert await all_facts(any_db) == kept


async def test_parts_add_up_to_the_whole(world: World) -> None:
    """Cut by anything, counts add up, and the sums behind every share do."""
    counted = counting(world)
    await Past(world, 7).steps(200)
    asked = counted.asked({"period": "custom", "from": "2026-11-01", "to": "2026-12-31"})
    overview = await counted.overview(asked, titles, "zh-CN")
    whole = {each["id"]: each["value"] for each in overview["figures"]}
    for by in ("channel", "team", "agent", "category", "merchant", "live_room", "reason", "tier", "time"):
        rows = await counted.cut(asked, by, "zh-CN")
        assert sum(row["values"]["volume"] for row in rows) == whole["volume"], by
        assert sum(row["values"]["executive_used"] for row in rows) == whole["executive_used"], by
        if by != "time":
            assert sum(row["values"]["backlog"] for row in rows) == whole["backlog"], by
        weighted = sum((row["values"]["tier_1_share"] or 0) * row["values"]["volume"] for row in rows)
        assert weighted == pytest.approx(whole["tier_1_share"] * whole["volume"]), by
        assert all(row["name"] for row in rows), by
    for row in await counted.cut(asked, "channel", "zh-CN"):
        counted.forget_looking()
        alone = await told(counted, **{"from": "2026-11-01", "to": "2026-12-31", "channel": row["key"]})
        assert alone == row["values"]
    assert sum(map(sum, overview["hours"])) == whole["volume"]
    assert sum(sum(each[f"tier_{tier}"] for tier in (1, 2, 3)) for each in overview["volume"]) == whole["volume"]
    assert sum(each["count"] for each in overview["endings"]) == whole["volume"]


async def test_a_day_is_the_local_day_and_moves_with_the_zone(world: World) -> None:
    """23:59 and 00:01 in Shanghai are two days there and one in London; another zone counts everything anew."""
    world.clock.set(world.clock.now().replace(hour=15, minute=59))
    await world.says("密码忘了", who="v-1")
    await world.pass_time(minutes=2)
    await world.says("密码忘了", who="v-2")
    query = {"from": "2026-11-21", "to": "2026-11-22"}
    for zone, days in (("Asia/Shanghai", [1, 1]), ("Europe/London", [2, 0]), ("Pacific/Auckland", [0, 2])):
        counted = counting(world, ZoneInfo(zone))
        overview = await counted.overview(counted.asked(query), titles, "zh-CN")
        assert [each["tier_1"] for each in overview["volume"]] == days, zone
    assert date(2026, 11, 22).weekday() == 6
    assert overview["hours"][6][4] == 1


async def test_nothing_to_divide_by_is_no_value(world: World) -> None:
    counted = counting(world)
    found = await told(counted, period="day")
    assert {found[each.id] for each in FIGURES if each.of} == {None}
    assert {found[each.id] for each in FIGURES if not each.of} == {0}
