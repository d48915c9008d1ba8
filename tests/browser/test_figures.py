"""The figures page in a browser: read, filtered, looked behind, aimed at, taken along; on a phone; and who may not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
from playwright.sync_api import Locator, Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.fixtures.system import System


def card(page: Page, figure: str) -> Locator:
    return page.locator(f"article[data-figure={figure}]")


def ask_something(page: Page, system: System) -> None:
    """One matter that needs a person, so that there is something to count."""
    widget = Widget.on_shop(page, system)
    widget.say("看视频一直转圈卡顿黑屏，转人工")
    expect(widget.bubbles("bot").first).to_be_visible()


def test_a_supervisor_reads_looks_behind_and_sets_a_target(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk], tmp_path: Path
) -> None:
    ask_something(new_page(), system)
    desk = new_desk("supervisor")
    page = desk.page
    desk.visit("figures?period=day")
    expect(page.get_by_role("heading", level=1, name="报表")).to_be_visible()
    volume = card(page, "volume")
    expect(volume.locator(".value")).to_have_text(re.compile(r"^[1-9]"))

    # How it is counted is one rest of the mouse away.
    volume.get_by_role("button", name=re.compile("^怎么算的")).hover()
    expect(page.get_by_role("tooltip")).to_contain_text("首次收到的工单数")

    # The tickets behind a number.
    volume.locator("button.value").click()
    drawer = page.get_by_role("dialog", name="工单量：相关工单")
    expect(drawer.get_by_role("link").first).to_contain_text("FL-")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()

    # A target of one's own, judged at once, and taken back.
    share = card(page, "tier_1_share")
    expect(share).to_contain_text("目标 ≥ 60.0%")
    share.get_by_role("button", name="设置目标：一级自助占比").click()
    sheet = page.get_by_role("dialog", name="设置目标：一级自助占比")
    sheet.get_by_role("textbox").fill("很多")
    sheet.get_by_role("button", name="保存目标").click()
    expect(sheet).to_contain_text("请填写一个数字")
    sheet.get_by_role("textbox").fill("0")
    sheet.get_by_role("button", name="保存目标").click()
    expect(sheet).to_be_hidden()
    expect(share).to_contain_text("目标 ≥ 0.0%")
    expect(share.get_by_text("达标", exact=True)).to_be_visible()
    share.get_by_role("button", name="设置目标：一级自助占比").click()
    sheet.get_by_role("button", name="恢复默认").click()
    expect(share).to_contain_text("目标 ≥ 60.0%")

    # A filter stands in the address and survives a reload.
    page.get_by_role("tab", name="对比").click()
    page.get_by_role("tab", name="渠道").click()
    page.get_by_role("button", name="网页", exact=True).click()
    expect(page).to_have_url(re.compile("channel=web"))
    page.reload()
    expect(card(page, "volume").locator(".value")).to_have_text(re.compile(r"^[1-9]"))
    expect(page).to_have_url(re.compile("channel=web"))

    # The workbook opens and says the same.
    page.get_by_role("button", name="导出").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="全部表格").click()
    path = tmp_path / "figures.xlsx"
    download.value.save_as(path)
    first = next(openpyxl.load_workbook(path)["指标"].iter_rows(min_row=2, max_row=2, values_only=True))
    assert first[0] == "工单量"
    assert str(first[1]) == card(page, "volume").locator(".value").inner_text()


def test_every_view_has_a_face_also_where_nothing_was_counted(new_desk: Callable[[str], Desk]) -> None:
    desk = new_desk("supervisor")
    page = desk.page
    nothing = "figures?period=day&at=2021-03-01"
    desk.visit(nothing)
    expect(page.get_by_text("这段时间还没有工单")).to_be_visible()
    for view, words in (
        ("spread", "这段时间还没有数据"),
        ("cuts", "这段时间还没有数据"),
        ("faults", "这段时间没有播放故障"),
        ("questions", "这段时间还没有机器人答过的问题"),
    ):
        desk.visit(f"{nothing}&view={view}")
        expect(page.get_by_text(words).first).to_be_visible()


def test_a_phone_shows_all_of_it_without_moving_sideways(system: System, new_page: Callable[..., Page]) -> None:
    desk = Desk.as_role(new_page(phone=True), system, "supervisor")
    page = desk.page
    for view in ("overview", "spread", "cuts", "faults", "questions"):
        desk.visit(f"figures?view={view}")
        expect(page.get_by_role("heading", level=1, name="报表")).to_be_visible()
        expect(page.get_by_role("tab", name="总览")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_agent_has_no_way_to_colleagues_figures(new_desk: Callable[[str], Desk]) -> None:
    desk = new_desk("agent")
    expect(desk.page.get_by_role("link", name="报表")).to_have_count(0)
    desk.visit("figures")
    expect(desk.page).to_have_url(re.compile("/forbidden"))
