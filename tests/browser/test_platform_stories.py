"""The same story where customers have only a phone and the platform's messenger."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.customer import Phone
from tests.browser.staff import Desk
from tests.fixtures.system import System


@pytest.mark.parametrize(("kind", "user", "channel"), [("wechat", "未晚", "微信"), ("weibo", "安澜", "微博")])
def test_from_the_question_over_a_person_to_the_expert(
    kind: str,
    user: str,
    channel: str,
    system: System,
    new_page: Callable[..., Page],
    new_desk: Callable[[str], Desk],
) -> None:
    agent = new_desk("agent")
    agent.be("在线")
    phone = Phone.of(new_page(), system, kind, user)
    phone.say("密码忘了登不上去怎么办")
    phone.hears("用绑定的手机号或邮箱收一条验证码")
    phone.say("转人工")
    phone.hears("正在为您转接人工")

    agent.accept_first()
    expect(agent.page.locator("header.head")).to_contain_text(channel)
    expect(agent.context).to_contain_text("忘记密码怎么找回")
    expect(agent.page.get_by_role("log").get_by_text("密码忘了登不上去怎么办", exact=True)).to_be_visible()
    serial = agent.serial()
    agent.reply("您好，我来帮您看一下账号。")
    phone.hears("我来帮您看一下账号")
    agent.resolve("已为您重置密码，请用短信里的新密码登录。")
    phone.hears("请用短信里的新密码登录")

    # Not content: in a word here, on the page behind the link there.
    asked = phone.hears("满意吗")
    if kind == "wechat":
        phone.say("不满意")
    else:
        link = re.search(r"http\S+/s/\S+", asked.inner_text())
        assert link is not None
        page = new_page()
        page.goto(link[0])
        page.locator(".face-1").click()
        page.get_by_role("radio", name="没解决").click()
        page.get_by_role("button", name="提交评价").click()
        expect(page.get_by_role("status")).to_contain_text("专家会接手")
    phone.hears("很抱歉")

    expert = new_desk("expert")
    expert.visit("tickets?view=expert")
    expert.has_on_top(serial)
    supervisor = new_desk("supervisor")
    supervisor.visit("tickets?view=review")
    supervisor.has_on_top(serial)
    # The word of discontent was an answer, not a question of its own.
    expert.visit("tickets?view=all")
    expect(expert.page.locator("tbody tr", has_text="不满意")).to_have_count(0)

    expert.open_ticket(serial)
    expert.answer_ticket("我是专家，重新核对了您的账号。")
    phone.hears("重新核对了您的账号")
    expert.resolve_ticket("账号已解除锁定，可以正常登录。")
    phone.hears("账号已解除锁定")
    expect(phone.bubbles.filter(has_text="满意吗")).to_have_count(2)
    phone.say("满意")
    expect(expert.page.locator("header.head")).to_contain_text("已关闭")
