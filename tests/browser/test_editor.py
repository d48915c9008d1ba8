"""The editor changes a sentence, tries it, publishes it, and takes it back."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.fixtures.system import System


def test_a_changed_sentence_is_tried_published_and_rolled_back(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    editor = new_desk("editor")
    page = editor.page
    editor.visit("knowledge")
    page.get_by_role("textbox", name="搜索").fill("忘记密码怎么找回")
    page.get_by_text("忘记密码怎么找回", exact=True).first.click()
    answer = page.get_by_role("textbox", name="答案")
    before = "就能马上设一个新密码"
    after = "一分钟就能设好新密码"
    expect(answer).to_have_value(re.compile(before))
    answer.fill(answer.input_value().replace(before, after))
    expect(page.locator(".look")).to_contain_text(after)

    # What would the bot say? Draft and live side by side; nothing is saved yet.
    tried = page.get_by_role("complementary", name="机器人会怎么答")
    tried.get_by_role("textbox").fill("密码忘了登不上去怎么办")
    tried.get_by_role("button", name="试问").click()
    expect(tried.get_by_text("直接回答")).to_have_count(2)
    expect(tried.get_by_text("本文").first).to_be_visible()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_text("草稿已保存")).to_be_visible()

    # A draft changes nothing for customers.
    widget = Widget.on_shop(new_page(), system)
    expect(widget.answer_to("忘记密码了怎么办")).to_contain_text(before)

    editor.visit("knowledge/publish")
    page.get_by_role("button", name="发布 1 项改动").click()
    expect(page).to_have_url(re.compile("/knowledge/releases"))
    expect(widget.answer_to("忘记密码了怎么办")).to_contain_text(after)

    page.get_by_role("button", name="回退到这一版").first.click()
    page.get_by_role("dialog").get_by_role("button", name="回退到这一版").click()
    expect(page.get_by_text("已回退")).to_be_visible()
    expect(widget.answer_to("忘记密码了怎么办")).to_contain_text(before)
