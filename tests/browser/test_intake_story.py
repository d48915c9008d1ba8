"""What comes beside chat: an agent writes a caller's matter down, a phone sends one with a picture, an admin tells
another system and takes a sheet in."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.staff import Desk
from tests.browser.watch import Watch
from tests.fixtures.system import System

_SERIAL = re.compile(r"FL-\d{8}-\d{6}")


def _picture(name: str) -> FilePayload:
    written = io.BytesIO()
    Image.new("RGB", (320, 200), "teal").save(written, "PNG")
    return FilePayload(name=name, mimeType="image/png", buffer=written.getvalue())


def _shown_serial(page: Page) -> str:
    found = _SERIAL.search(page.locator(".serial").first.inner_text())
    assert found is not None
    return found.group()


def test_a_phone_sends_a_matter_with_a_picture_and_follows_it(system: System, new_page: Callable[..., Page]) -> None:
    page = new_page(phone=True)
    page.goto(f"{system.url}/feedback?app_version=8.1.0&device_model=Phone%20X&live_room=8801")
    expect(page.get_by_text("将一并提交：Phone X · 8.1.0")).to_be_visible()
    page.get_by_text("遇到问题").click()
    page.get_by_role("textbox", name="一句话说明").fill("看视频一直卡顿怎么办")
    expect(page.get_by_text("看看这些能不能帮到您")).to_be_visible()
    page.get_by_role("textbox", name="内容").fill("今晚八点开始一直转圈，换了网络也不行。")
    page.locator("input[type=file]").set_input_files([_picture("一.png"), _picture("二.png")])
    expect(page.locator(".shot.there")).to_have_count(2)
    page.get_by_role("button", name="移除 二.png").click()
    expect(page.locator(".shot")).to_have_count(1)
    # What was begun is still there after the web view was reloaded; pictures are not.
    page.reload()
    expect(page.get_by_role("textbox", name="内容")).to_have_value(re.compile("今晚八点"))
    page.locator("input[type=file]").set_input_files([_picture("一.png")])
    expect(page.locator(".shot.there")).to_have_count(1)
    page.get_by_role("textbox", name="手机号").fill("13800007731")
    page.get_by_role("checkbox").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="提交").dblclick()
    expect(page.get_by_role("heading", name="已收到，感谢您")).to_be_visible()
    assert _shown_serial(page)
    page.get_by_role("link", name="查看进展").click()
    expect(page).to_have_url(re.compile("/t/"))
    expect(page.locator("article.ticket")).to_contain_text("今晚八点开始一直转圈")


def test_an_agent_writes_down_what_a_caller_says(system: System, new_desk: Callable[[str], Desk]) -> None:
    desk = new_desk("agent")
    page = desk.page
    for number, title in enumerate(("来电反映会员被扣两次", "又来电催促退款")):
        desk.visit("tickets")
        page.get_by_role("button", name="新建工单").click()
        dialog = page.get_by_role("dialog", name="新建工单")
        if number == 0:
            dialog.get_by_role("textbox", name="客户称呼").fill("罗知夏")
            dialog.get_by_role("textbox", name="手机号").fill("13800007742")
        else:
            dialog.get_by_role("textbox", name="查找客户").fill("7742")
            dialog.get_by_role("button", name=re.compile("罗知夏")).click()
            expect(dialog.get_by_text("这位客户还有 1 件事没有了结")).to_be_visible()
        dialog.get_by_role("textbox", name="客户原话").fill("我这个月被扣了两次钱，要退款")
        dialog.locator("input[type=file]").set_input_files([_picture("账单.png")])
        expect(dialog.locator(".uploads li")).to_have_count(1)
        dialog.get_by_role("textbox", name="标题").fill(title)
        expect(dialog.get_by_text(re.compile("建议：.*退款"))).to_be_visible()
        dialog.get_by_role("button", name="采用").click()
        expect(dialog.locator(".uploads progress")).to_have_count(0)
        if number == 0:
            dialog.get_by_role("button", name="建立工单").click()
            expect(dialog.get_by_text("留联系方式要先征得客户同意")).to_be_visible()
            dialog.get_by_text("客户同意用此联系方式").click()
        dialog.get_by_role("button", name="建立工单").click()
        expect(page).to_have_url(re.compile(r"/tickets/FL-"))
        expect(page.get_by_text(title).first).to_be_visible()
        expect(page.get_by_text("13800007742")).to_have_count(0)


def test_an_admin_tells_another_system_and_takes_a_sheet_in(
    system: System, new_desk: Callable[[str], Desk], watch: Watch, tmp_path: Path
) -> None:
    desk = new_desk("admin")
    page = desk.page
    desk.visit("settings/webhooks")
    page.get_by_role("button", name="添加回调").first.click()
    dialog = page.get_by_role("dialog", name="添加回调")
    dialog.get_by_role("textbox", name="名称").fill("客户系统")
    dialog.get_by_role("textbox", name="回调地址").fill("https://127.0.0.1/hook")
    dialog.get_by_text("新工单", exact=True).click()
    with watch.refusals(422):
        dialog.get_by_role("button", name="保存").click()
        expect(page.get_by_text("回调地址不能指向内网")).to_be_visible()
    dialog.get_by_role("textbox", name="回调地址").fill("https://nobody.invalid/hook")
    dialog.get_by_role("button", name="保存").click()
    expect(dialog.locator("code")).to_contain_text("whk_")
    dialog.get_by_role("button", name="关闭", exact=True).last.click()
    row = page.locator("li.hook", has_text="客户系统")
    row.get_by_role("button", name="测试").click()
    expect(page.get_by_text(re.compile("测试没有送达"))).to_be_visible()
    row.get_by_role("button", name="记录").click()
    log = page.get_by_role("dialog", name=re.compile("客户系统"))
    expect(log.get_by_role("row").nth(1)).to_contain_text("未送达")
    log.get_by_role("button", name="详情").click()
    expect(log.locator("pre")).to_contain_text('"kind": "ping"')

    desk.visit("settings/imports")
    sheet = tmp_path / "旧系统.csv"
    sheet.write_bytes("标题,手机,渠道\n导入的会员问题,13800007753,电话\n,13900007754,电话\n".encode("gb18030"))
    page.locator("input[type=file]").set_input_files(sheet)
    expect(page.get_by_text("1 行可导入")).to_be_visible()
    expect(page.get_by_text("标题和描述都是空的")).to_be_visible()
    page.get_by_role("button", name="导入 1 行").click()
    expect(page.get_by_text("新建 1 · 已有 0 · 有误 1").first).to_be_visible()
    expect(page.get_by_text("已完成").first).to_be_visible()
