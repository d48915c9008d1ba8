"""Closing the loop in a browser: a survey on a phone, 我的工单 with files, the way to the head, a guest."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

from PIL import Image
from playwright.sync_api import BrowserContext, FilePayload, Page, expect

from tests.browser.customer import Phone, Widget
from tests.browser.staff import Desk
from tests.fixtures.system import System

LINK = re.compile(r"https?://\S+/s/([\w.-]+)")


def call(desk: Desk, method: str, path: str, body: Any = None) -> Any:
    """One request as this person, where the page itself is not what is tried."""
    base, slot = desk.home.partition("/desk/")[0], desk.home.partition("/u/")[2].partition("/")[0]
    api, headers = desk.page.request, {"X-Desk-Slot": slot, "Origin": base}
    session = api.get(f"{base}/api/v1/session", headers=headers).json()
    headers |= {"X-CSRF-Token": session["csrf"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body)
    answer = api.fetch(f"{base}/api/v1{path}", method=method, headers=headers, data=data)
    assert answer.ok, answer.text()
    return answer.json() if answer.status != 204 else None


def newest(desk: Desk, words: str) -> str:
    """The number of the open ticket that holds these words."""
    found = call(desk, "GET", f"/tickets?view=all&q={words}")["items"]
    return str(found[0]["serial"])


def resolved(desk: Desk, serial: str, solution: str) -> None:
    call(desk, "POST", f"/tickets/{serial}/confirm", {})
    call(desk, "POST", f"/tickets/{serial}/resolve", {"solution": solution})


def picture() -> FilePayload:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, "PNG")
    return FilePayload(name="shot.png", mimeType="image/png", buffer=out.getvalue())


def at(page: Page, system: System, url: str) -> None:
    """Open one of our links on this system's own address."""
    page.goto(system.url + "/" + url.split("/", 3)[3])


def test_a_survey_on_a_phone_leads_from_a_no_to_the_head_of_the_house(
    system: System,
    new_page: Callable[..., Page],
    new_context: Callable[..., BrowserContext],
    new_desk: Callable[[str], Desk],
) -> None:
    # A matter on WeChat, answered from the ticket; conclusion and survey arrive there, the latter with a link.
    phone = Phone.of(new_page(phone=True), system, "wechat", "loop-1")
    phone.say("年卡钱扣了两遍 转人工")
    supervisor = new_desk("supervisor")
    phone.hears(re.compile("工单|人工"))
    serial = newest(supervisor, "年卡")
    resolved(supervisor, serial, "第二笔已经原路退回。")
    phone.hears("处理经过")
    asked = phone.hears(LINK).inner_text()
    found = LINK.search(asked)
    assert found is not None
    assert len(found.group(1)) <= 60

    # Its page, on a phone.
    page = new_page(phone=True)
    at(page, system, found.group())
    expect(page.get_by_text("第二笔已经原路退回。")).to_be_visible()
    page.get_by_role("button", name="提交评价").click()
    expect(page.get_by_role("alert")).to_have_text("请先选一个表情")
    page.locator(".face-1").click()
    page.get_by_role("radio", name="没解决", exact=True).click()
    page.get_by_role("radio", name="3", exact=True).click()
    page.get_by_role("button", name="提交评价").click()
    expect(page.locator("form.survey .done")).to_contain_text("专家会接手")

    # The ticket's own page: a file with its progress, then the one sentence for the head.
    page.reload()
    page.get_by_role("link", name="查看处理经过").click()
    page.locator("input[type=file]").set_input_files(picture())
    expect(page.get_by_role("button", name="shot.png")).to_be_visible()
    page.get_by_role("button", name="shot.png").click()
    expect(page.get_by_role("dialog", name="查看图片").get_by_role("img")).to_be_visible()
    page.get_by_role("button", name="关闭").click()
    page.get_by_role("button", name="直接找负责人").click()
    page.get_by_role("button", name="发送给负责人").click()
    expect(page.get_by_text("请写一句话")).to_be_visible()
    page.get_by_placeholder("用一句话说明您最希望解决什么").fill("钱到底什么时候退？")
    page.get_by_role("button", name="发送给负责人").click()
    expect(page.locator(".head-said")).to_contain_text(re.compile("最晚 .+ 前亲自答复您"))

    # The head's link opens nothing for others, and everything for the head.
    supervisor.open_ticket(serial)
    expect(supervisor.page.get_by_text("钱到底什么时候退？").first).to_be_visible()
    seat = next(one for one in call(supervisor, "GET", f"/tickets/{serial}")["guests"] if one["kind"] == "executive")
    at(supervisor.page, system, seat["url"])
    expect(supervisor.page.get_by_text("请先确认是您本人")).to_be_visible()
    expect(supervisor.page.locator("body")).not_to_contain_text("钱到底什么时候退？")
    head = new_context()
    Desk.as_role(head.new_page(), system, "executive")
    desk = head.new_page()
    at(desk, system, seat["url"])
    desk.get_by_role("button", name="我已登录，直接查看").click()
    expect(desk.locator(".asked")).to_contain_text("钱到底什么时候退？")
    expect(desk.locator(".matter")).to_contain_text("不满意")
    desk.get_by_role("textbox").fill("今天退，由我盯到到账。")
    desk.get_by_role("button", name="以我的名义发给用户").click()
    expect(desk.locator(".asked")).to_contain_text("您已经答复过")
    phone.hears("今天退，由我盯到到账。")
    page.reload()
    expect(page.locator(".head-said")).to_contain_text("已经答复您")


def test_my_tickets_in_the_widget_by_words_and_by_hand(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    page = new_page(phone=True)
    widget = Widget.on_shop(page, system)
    widget.answer_to("发票抬头开错了 转人工")
    supervisor = new_desk("supervisor")
    serial = newest(supervisor, "抬头")
    resolved(supervisor, serial, "已经重开。")
    expect(widget.root.locator("form.survey")).to_be_visible()
    widget.rate(1, solved=False)
    expect(widget.root.locator("form.survey .done")).to_contain_text("专家会接手")

    # By words one sentence is asked, which goes up word for word.
    answer = widget.answer_to("叫你们老板出来")
    expect(answer).to_contain_text("一句话")
    widget.say("发票到底什么时候到？")
    expect(widget.root.locator(".rows .notice").last).to_contain_text("前会亲自答复您")

    # 我的工单 says so, and carries more words and a file.
    widget.open_tickets()
    widget.root.locator("button.ticket-line", has_text=serial).click()
    ticket = widget.root.locator("article.ticket")
    expect(ticket.locator(".head-said")).to_contain_text("亲自答复您")
    ticket.locator("input[type=file]").set_input_files(picture())
    expect(ticket.get_by_role("button", name="shot.png")).to_be_visible()
    ticket.get_by_label("补充说明").fill("邮箱没有变")
    ticket.get_by_role("button", name="提交", exact=True).click()
    expect(ticket.locator(".history")).to_contain_text("邮箱没有变")
    ticket.get_by_role("button", name="已解决", exact=True).click()
    ticket.get_by_role("button", name="确认已解决").click()
    expect(ticket).to_contain_text("已结束")


def test_a_guest_is_let_into_one_ticket_and_out_again(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    widget = Widget.on_shop(new_page(), system)
    widget.answer_to("买的周边少发一件，电话 13812345678，转人工")
    supervisor = new_desk("supervisor")
    serial = newest(supervisor, "周边")
    supervisor.open_ticket(serial)
    supervisor.page.get_by_role("button", name="邀请", exact=True).click()
    sheet = supervisor.page.get_by_role("dialog", name="邀请协作人")
    sheet.get_by_role("button", name="生成链接").click()
    expect(sheet).to_contain_text("请填写姓名")
    sheet.get_by_role("textbox", name=re.compile("姓名")).fill("王店长")
    sheet.get_by_role("textbox", name=re.compile("所在部门或单位")).fill("云上百货")
    sheet.get_by_role("textbox", name=re.compile("想请对方做什么")).fill("请确认库存并补发")
    sheet.get_by_text("允许直接答复用户").click()
    sheet.get_by_role("button", name="生成链接").click()
    link = sheet.get_by_role("textbox", name="复制链接").input_value()
    sheet.get_by_role("button", name="关闭", exact=True).last.click()

    guest = new_page(phone=True)
    at(guest, system, link)
    expect(guest.locator(".matter")).to_contain_text("沈明澈 请您协助处理")
    expect(guest.locator("body")).not_to_contain_text("13812345678")
    guest.get_by_label("写下您的答复").fill("有货，今天补发")
    guest.get_by_role("button", name="发送给团队").click()
    expect(guest.locator(".word.mine")).to_contain_text("有货，今天补发")
    guest.get_by_text("直接答复用户", exact=True).click()
    guest.get_by_label("写下您的答复").fill("您好，今天就给您补发。")
    guest.get_by_role("button", name="发送给用户").click()
    expect(widget.bubbles("agent").last).to_contain_text("今天就给您补发")

    head = supervisor.page.get_by_role("button", name=re.compile("^协作人"))
    guests = supervisor.page.locator("section.fold").filter(has=head)
    expect(guests).to_contain_text("有货，今天补发")
    guests.get_by_role("button", name="取消链接").click()
    supervisor.page.get_by_role("dialog").get_by_role("button", name="取消链接").click()
    expect(guests).to_contain_text("已取消")
    token = link.rpartition("/")[2]
    assert guest.request.get(f"{system.url}/api/v1/g/{token}").status == 404
