"""What a playbook wants is asked for where the result is written, and somebody else's talk by a reason."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.browser.test_loop_story import call
from tests.browser.watch import Watch
from tests.fixtures.system import System


def choose(form: Locator, field: str, words: str, option: str | None = None) -> None:
    """One of the options of a field, found by typing where it has words to search."""
    box = form.get_by_role("combobox", name=field)
    box.click()
    if option is not None:
        box.fill(words)
    form.page.get_by_role("option", name=option or words).click()


def test_a_decision_is_asked_for_in_the_ticket_s_form(new_desk: Callable[[str], Desk]) -> None:
    agent = new_desk("agent")
    wish = {"title": "直播间低俗表演", "description": "请处理", "team_id": "general", "category_id": "content/report"}
    serial = str(call(agent, "POST", "/tickets", wish)["serial"])
    agent.open_ticket(serial)
    agent.ticket_act("解决…")
    form = agent.page.get_by_role("dialog", name="解决工单")
    form.get_by_role("textbox", name=re.compile("解决方案")).fill("已按社区规则处理。")
    form.get_by_role("button", name="解决并发送").click()
    for problem in ("请选择", "请填写", "做完并勾选后才能结案"):
        expect(form.locator(".el-form-item__error", has_text=problem)).to_be_visible()

    # A penalty has steps of its own.
    expect(form.get_by_role("checkbox")).to_have_count(1)
    choose(form, "处理级别", "警告")
    expect(form.get_by_role("checkbox")).to_have_count(3)
    form.get_by_role("textbox", name="依据的规则").fill("社区规则第 3 条")
    for step in form.get_by_role("checkbox").all():
        step.check()
    form.get_by_role("button", name="解决并发送").click()
    expect(form).to_be_hidden()
    expect(agent.page.locator("header.head")).to_contain_text("已解决")
    expect(agent.page.get_by_role("region", name="处理流程")).to_contain_text("结案条件已满足")


def test_the_sheet_follows_its_category_and_others_open_the_talk_by_a_reason(
    system: System, watch: Watch, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    agent = new_desk("agent")
    agent.be("在线")
    widget = Widget.on_shop(new_page(), system)
    widget.say("转人工")
    expect(widget.queue_card).to_be_visible()
    agent.accept_first()
    serial, talk = agent.serial(), agent.page.url.rpartition("/")[2]
    agent.page.get_by_role("button", name="解决", exact=True).click()
    sheet = agent.page.get_by_role("dialog", name="解决会话")
    sheet.get_by_role("textbox", name=re.compile("解决方案")).fill("已经记下您的建议。")
    choose(sheet, "分类", "客户端", "技术 / 客户端")
    expect(sheet.locator(".is-required", has_text="根因")).to_be_visible()
    sheet.get_by_role("button", name="解决并发送").click()
    expect(sheet.locator(".el-form-item__error")).to_have_text("这类问题要写明根因")
    choose(sheet, "分类", "功能", "建议与咨询 / 功能建议")
    expect(sheet.locator(".is-required", has_text="根因")).to_have_count(0)
    choose(sheet, "评估结论", "纳入计划")
    sheet.get_by_role("checkbox", name="评估").check()
    sheet.get_by_role("button", name="解决并发送").click()
    expect(sheet).to_be_hidden()
    expect(widget.bubbles("agent").last).to_contain_text("已经记下您的建议")

    # Then it is another team's, and who comes by a link says why.
    supervisor = new_desk("supervisor")
    version = call(supervisor, "GET", f"/tickets/{serial}")["version"]
    call(supervisor, "PATCH", f"/tickets/{serial}", {"version": version, "team_id": "content-review"})
    expert = new_desk("expert")
    with watch.refusals(403):
        expert.visit(f"inbox/{talk}")
        expect(expert.page.get_by_role("heading", name="这个会话不在您的团队里")).to_be_visible()
    expert.page.get_by_label("理由").fill("客户来电核对建议的进展")
    expert.page.get_by_role("button", name="说明理由并打开").click()
    expect(expert.page.get_by_role("log").get_by_text("已经记下您的建议").first).to_be_visible()
