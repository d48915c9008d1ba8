"""An agent's ticket day in a browser: take it on, promise, note, compensate, conclude; a supervisor approves."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.staff import Desk
from tests.browser.test_loop_story import call

TITLE = "投屏没有声音"


def by_hand(desk: Desk) -> str:
    """A ticket of somebody who telephoned."""
    wish = {"title": TITLE, "description": "电视投屏后只有画面", "team_id": "general", "category_id": "advice/guidance"}
    return str(call(desk, "POST", "/tickets", wish)["serial"])


def test_an_agent_takes_a_matter_to_its_end_in_place(new_desk: Callable[[str], Desk]) -> None:
    agent = new_desk("agent")
    serial = by_hand(agent)
    agent.open_ticket(serial)
    page = agent.page

    # Who takes it on and names no step has one made for them.
    agent.ticket_act("确认处理")
    bar = page.locator(".next")
    expect(bar).to_contain_text("跟进处理，给用户进展")

    # A step of one's own, by key, with a kind and a time.
    page.keyboard.press("n")
    sheet = page.get_by_role("dialog", name="下一步")
    sheet.get_by_role("radio", name="复测").click()
    sheet.get_by_label("做什么").fill("换一台电视复测")
    sheet.get_by_role("button", name="明天 10:00").click()
    sheet.get_by_role("button", name="保存").click()
    expect(bar).to_contain_text("换一台电视复测")
    expect(bar).to_contain_text("复测")

    # Title, tag and cause are changed where they stand; the history names what changed.
    page.get_by_role("button", name=re.compile("修改标题")).click()
    page.get_by_role("textbox", name="修改标题").fill("投屏只有画面没有声音")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("投屏只有画面没有声音"))).to_be_visible()
    page.get_by_role("button", name="添加标签").click()
    page.get_by_role("textbox", name="添加标签").fill("投屏")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="经过")).to_contain_text("标签：投屏")

    # More than an agent may give waits for a supervisor, and the conclusion waits with it.
    page.get_by_role("region", name="资料").get_by_role("button", name="补偿", exact=True).last.click()
    give = page.get_by_role("dialog", name="给用户补偿")
    give.get_by_label("天数").fill("31")
    give.get_by_label("原因").fill("整月无法投屏")
    expect(give).to_contain_text("超过您的权限（7 天）")
    give.get_by_role("button", name="提交审批").click()
    expect(page.get_by_text("待主管审批")).to_be_visible()
    page.keyboard.press("r")
    end = page.get_by_role("dialog", name="解决工单")
    expect(end).to_contain_text("还有补偿等主管审批")
    end.get_by_role("button", name="取消").click()

    supervisor = new_desk("supervisor")
    supervisor.visit("compensations")
    wish = supervisor.page.locator("li", has_text=serial)
    wish.get_by_role("button", name="批准", exact=True).click()
    expect(wish).to_have_count(0)

    # What cannot be had is said with its reason and something else instead.
    expect(page.get_by_text("已批准")).to_be_visible()
    page.keyboard.press("r")
    end.get_by_role("tab", name="无法解决").click()
    end.get_by_role("button", name="解决并发送").click()
    expect(end).to_contain_text("请给用户一个替代办法")
    end.get_by_role("textbox", name=re.compile("^原因|\\*?原因")).fill("这台电视不支持该音频格式")
    end.get_by_role("textbox", name=re.compile("替代办法")).fill("可以在电视端直接登录观看")
    end.get_by_role("button", name="解决并发送").click()
    expect(end).to_be_hidden()
    aside = page.get_by_role("region", name="资料")
    expect(aside).to_contain_text("这台电视不支持该音频格式")
    expect(page.locator("header.head")).to_contain_text("已解决")


def test_an_admin_adds_a_field_and_it_is_asked_for(new_desk: Callable[[str], Desk]) -> None:
    admin = new_desk("admin")
    admin.visit("settings/fields")
    admin.page.get_by_role("button", name="新增字段").click()
    sheet = admin.page.get_by_role("dialog", name="新增字段")
    sheet.get_by_label("名称").fill("音响型号")
    sheet.get_by_role("button", name="保存").click()
    expect(admin.page.get_by_role("cell", name="音响型号")).to_be_visible()
    agent = new_desk("agent")
    serial = by_hand(agent)
    agent.open_ticket(serial)
    aside = agent.page.get_by_role("region", name="资料")
    expect(aside).to_contain_text("音响型号")
    admin.page.get_by_role("row", name=re.compile("音响型号")).get_by_role("button", name="停用").click()
    expect(admin.page.get_by_role("row", name=re.compile("音响型号.*已停用"))).to_be_visible()
