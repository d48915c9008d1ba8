"""The pages that customers reach without the shop: help, feedback, ticket; and the widget on a phone."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.customer import Widget
from tests.fixtures.system import System


def test_the_widget_fills_a_phone(system: System, new_page: Callable[..., Page]) -> None:
    page = new_page(phone=True)
    widget = Widget.on_shop(page, system)
    box = widget.panel.bounding_box()
    assert box is not None
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)
    answer = widget.answer_to("看视频一直卡顿怎么办")
    answer.get_by_role("button", name="展开步骤").click()
    expect(answer.get_by_role("listitem").first).to_be_visible()
    answer.get_by_role("button", name="没帮助").click()
    expect(widget.root.locator("button.choice.human")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_help_centre_is_searched_and_leads_to_the_chat(system: System, new_page: Callable[..., Page]) -> None:
    page = new_page(phone=True)
    page.goto(f"{system.url}/help")
    page.get_by_role("searchbox").fill("密码忘了登不上去")
    page.locator(".found-line", has_text="忘记密码怎么找回").click()
    expect(page).to_have_url(re.compile(r"/help/[^?]+$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("忘记密码怎么找回")
    page.get_by_role("button", name="联系在线客服").click()
    expect(Widget(page).field).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("忘记密码怎么找回")


def test_feedback_has_a_number_and_a_page_of_its_own(system: System, new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto(f"{system.url}/feedback")
    page.get_by_text("提建议").click()
    page.get_by_role("textbox", name="内容").fill("希望能按演员找节目。")
    page.get_by_role("textbox", name="手机号").fill("13800005678")
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("alert")).to_have_text("请先勾选同意")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="提交").click()
    expect(page.get_by_role("heading", name="已收到，感谢您")).to_be_visible()
    expect(page.locator(".serial")).to_contain_text(re.compile(r"FL-\d{8}-\d{6}"))
    page.get_by_role("link", name="查看进展").click()
    expect(page).to_have_url(re.compile("/t/"))
    expect(page.locator("article.ticket")).to_contain_text("希望能按演员找节目")
    page.get_by_role("textbox", name="补充说明").fill("导演也要。")
    page.get_by_role("button", name="提交").click()
    expect(page.locator(".history")).to_contain_text("导演也要")
