"""Figures by HTTP: who may see, set and take them; files that open; tickets behind a figure; targets with a record."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select, update

from core.redis_client import connect
from core.settings import Settings
from core.tables import audit
from gateway.app import application, running
from tests.tickets.test_http import REDIS_NUMBERS, House
from tickets.figures.definitions import FIGURES
from tickets.tables import tickets


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite with a logical Redis database of its own."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


async def figure(house: House, who: dict[str, str], name: str, query: str = "period=day") -> dict[str, Any]:
    house.services.figures.forget_looking()
    told = await house.call("GET", f"/figures/overview?{query}", 200, who)
    return next(each for each in told["figures"] if each["id"] == name)


async def test_managers_see_figures_and_nothing_else_and_agents_see_none(house: House) -> None:
    """What the roles of the service rules say, on every address of the figures."""
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    manager, agent = await house.person("chief", "manager"), await house.person("agent-a", "agent", "payment")
    boss = await house.person("boss", "supervisor")
    reads = ("overview", "cut", "faults", "choices", "definitions", "file")
    for path in reads:
        await house.call("GET", f"/figures/{path}", 401, {})
        await house.call("GET", f"/figures/{path}", 403, agent)
    for path in reads[:-1]:
        await house.call("GET", f"/figures/{path}", 200, manager)
    await house.call("GET", "/figures/tickets?figure=volume&period=day", 403, agent)
    await house.call("GET", "/figures/tickets?figure=volume&period=day", 403, manager)
    await house.call("GET", "/tickets", 403, manager)
    await house.call("GET", f"/tickets/{serial}", 403, manager)
    for who in (manager, agent):
        await house.call("PUT", "/figures/targets/csat", 403, who, {"target": 0.9})
        await house.call("DELETE", "/figures/targets/csat", 403, who)
    house.services.figures.forget_looking()
    shown = await house.call("GET", "/figures/tickets?figure=volume&period=day", 200, boss)
    assert [each["serial"] for each in shown["items"]] == [serial]
    none = await house.call("GET", "/figures/tickets?figure=csat&period=day", 200, boss)
    assert (none["total"], none["items"]) == (0, [])
    await house.call("GET", "/figures/tickets?figure=nonsense&period=day", 404, boss)


async def test_a_target_is_set_judged_taken_back_and_recorded(house: House) -> None:
    await house.customer("密码忘了登不上去怎么办")
    boss = await house.person("boss", "supervisor")
    delivered = await figure(house, boss, "tier_1_share")
    assert (delivered["value"], delivered["target"], delivered["met"], delivered["target_own"]) == (1, 0.6, True, False)
    # The other way round: there, less is better.
    assert (await figure(house, boss, "tier_3_share"))["met"] is True
    await house.call("PUT", "/figures/targets/answer_time", 204, boss, {"target": 0.001})
    slow = await figure(house, boss, "answer_time")
    assert (slow["target"], slow["target_own"]) == (0.001, True)
    await house.call("PUT", "/figures/targets/tier_1_share", 204, boss, {"target": None})
    assert (await figure(house, boss, "tier_1_share"))["met"] is None
    await house.call("DELETE", "/figures/targets/tier_1_share", 204, boss)
    assert (await figure(house, boss, "tier_1_share"))["target"] == 0.6
    for name, value, status in (
        ("csat", 1.2, 422),
        ("csat", -0.1, 422),
        ("answer_time", 1e12, 422),
        ("nps", -101, 422),
        ("volume", 10, 422),
        ("nonsense", 1, 404),
    ):
        told = await house.call("PUT", f"/figures/targets/{name}", status, boss, {"target": value})
        assert told["error"]["message"]
    await house.call("PUT", "/figures/targets/csat", 422, boss, {"target": "high"})
    async with house.services.db.read() as tx:
        rows = await tx.all(select(audit.c.action, audit.c.object).where(audit.c.action.like("figures.%")))
    assert sorted((row.action, row.object) for row in rows) == [
        ("figures.target", "answer_time"),
        ("figures.target", "tier_1_share"),
        ("figures.target_reset", "tier_1_share"),
    ]


async def test_files_open_with_chinese_heads_and_no_formula(house: House) -> None:
    """A CSV that Excel reads as UTF-8, a workbook with every table; names from outside are masked and harmless."""
    _, serial = await house.customer("看视频一直转圈 卡顿 黑屏", "转人工")
    evil = '=HYPERLINK("http://x.example")'
    async with house.services.db.begin() as tx:
        await tx.execute(
            update(tickets)
            .where(tickets.c.serial == serial)
            .values(
                merchant=evil,
                live_room="13812345678 直播间",
                category_id="technical/playback",
                fields={"city": "@杭州", "network_provider": "电信"},
            )
        )
    manager = await house.person("chief", "manager")
    await house.services.figures.rebuild()

    async def taken(query: str) -> tuple[bytes, str]:
        async with house.client.get(f"/api/v1/figures/file?{query}", headers=manager) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Content-Disposition"].startswith("attachment; ")
            return await response.read(), response.content_type

    content, media = await taken("format=csv&period=day&table=merchant")
    assert media == "text/csv"
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[0][:2] == ["名称", "工单量 (件)"]
    assert (rows[1][0], rows[1][1]) == (f"'{evil}", "1")
    assert len(rows[0]) == len(FIGURES) + 1
    # Nothing to divide by stands as a dash, never as nought.
    assert rows[1][rows[0].index("净推荐值（NPS） (分)")] == "—"

    content, media = await taken("format=xlsx&period=day")
    assert media.endswith("spreadsheetml.sheet")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames[:3] == ["指标", "按时间", "按渠道"]
    assert {"一周时段", "播放故障", "热门问题", "按直播间"} <= set(book.sheetnames)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    words = {cell.value for cell in cells}
    assert {f"'{evil}", "138****5678 直播间", "'@杭州"} <= words
    first = {row[0]: row for row in book["指标"].iter_rows(min_row=2, values_only=True)}
    assert first["工单量"][1] == 1
    assert first["一级自助占比"][6] == "未达标"

    english = {**manager, "Accept-Language": "en"}
    async with house.client.get("/api/v1/figures/file?format=csv&period=day", headers=english) as response:
        assert "First-response rate" in await response.text()
    for query in ("format=exe", "format=csv&table=secrets", "format=csv&period=month&at=yesterday"):
        await house.call("GET", f"/figures/file?{query}", 422, manager)
    async with house.services.db.read() as tx:
        rows_ = await tx.all(select(audit.c.object, audit.c.data).where(audit.c.action == "figures.exported"))
    assert [(row.object, row.data["format"]) for row in rows_] == [
        ("merchant", "csv"),
        ("all", "xlsx"),
        ("figures", "csv"),
    ]


async def test_periods_and_filters_are_checked(house: House) -> None:
    boss = await house.person("boss", "supervisor")
    for query in (
        "period=year",
        "period=custom&from=2026-02-30",
        "period=custom&from=2026-11-02&to=2026-11-01",
        "period=custom&from=2000-01-01&to=2026-01-01",
        "tier=9",
        "days=0",
        "at=0001-01-01&period=week",
    ):
        await house.call("GET", f"/figures/overview?{query}", 422, boss)
    await house.call("GET", "/figures/cut?by=customer", 422, boss)
    told = await house.call("GET", "/figures/overview?period=quarter&at=2026-08-15", 200, boss)
    assert (told["period"]["from"], told["period"]["to"]) == ("2026-07-01", "2026-09-30")
    assert (told["period"]["before_from"], told["period"]["before_to"]) == ("2026-04-01", "2026-06-30")
    assert {each["value"] for each in told["figures"]} == {0, None}
