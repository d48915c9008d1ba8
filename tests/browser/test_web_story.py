"""The whole story of a customer on the website, from the first question to the last smile."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.fixtures.system import System

QUESTION = "密码忘了登不上去怎么办"
ARTICLE = "忘记密码怎么找回"


def test_from_the_question_over_a_person_to_the_expert(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    widget = Widget.on_shop(new_page(), system)

    # The bot answers what it knows, and offers a person where it does not.
    answer = widget.answer_to(QUESTION)
    expect(answer.locator(".answer-title")).to_have_text(ARTICLE)
    expect(answer.get_by_role("link", name=ARTICLE)).to_be_visible()
    widget.answer_to("你们家的火星分店几点打烊")
    expect(widget.root.locator("button.choice.human")).to_be_visible()

    # Into the line, which an agent in another window takes from.
    agent = new_desk("agent")
    agent.be("在线")
    widget.ask_for_person()
    expect(widget.queue_card).to_contain_text(re.compile("马上轮到您|前面还有"))
    agent.accept_first()

    # The agent sees everything that is known.
    expect(agent.context).to_contain_text("客户要求人工")
    expect(agent.context).to_contain_text(QUESTION)
    tried = agent.context.locator("li", has_text=ARTICLE)
    expect(tried).to_contain_text(re.compile(r"\d+\s*%"))
    talk = agent.page.get_by_role("log")
    for said in (QUESTION, "你们家的火星分店几点打烊", "转人工"):
        expect(talk.locator(".message.customer", has_text=said)).to_be_visible()
    expect(agent.page.get_by_text("设备与环境")).to_be_visible()
    serial = agent.serial()

    # A person writes; the customer sees who, and sees it being written.
    expect(widget.queue_card).to_be_hidden()
    expect(widget.root.locator(".head-name")).to_have_text("林小岛")
    agent.reply_field.press_sequentially("您好", delay=20)
    expect(widget.root.locator(".typing")).to_contain_text("对方正在输入")
    agent.reply("您好，我来帮您看一下账号。")
    expect(widget.bubbles("agent").last).to_contain_text("我来帮您看一下账号")

    # The conclusion goes out with the survey, and the customer is not content.
    agent.resolve("已为您重置密码，请用短信里的新密码登录。")
    expect(widget.bubbles("agent").last).to_contain_text("请用短信里的新密码登录")
    widget.rate(1, solved=False)
    expect(widget.root.locator("form.survey .done")).to_contain_text("专家会接手")

    # An expert has it at the top, the supervisor has it to review.
    expert = new_desk("expert")
    expert.visit("tickets?view=expert")
    expert.has_on_top(serial)
    supervisor = new_desk("supervisor")
    supervisor.visit("tickets?view=review")
    supervisor.has_on_top(serial)

    # The expert answers from the ticket; the customer, still on the page, is content now.
    expert.open_ticket(serial)
    expert.answer_ticket("我是专家，重新核对了您的账号。")
    expect(widget.bubbles("agent").last).to_contain_text("重新核对了您的账号")
    expert.resolve_ticket("账号已解除锁定，可以正常登录。")
    expect(widget.bubbles("agent").last).to_contain_text("账号已解除锁定")
    expect(widget.root.locator("form.survey")).to_have_count(1)
    widget.rate(3, solved=True)
    expect(widget.root.locator("form.survey .done")).to_contain_text("感谢您的评价")
    expect(expert.page.locator("header.head")).to_contain_text("已关闭")
    expect(expert.page.locator("header.head")).to_contain_text("用户确认")
    widget.open_tickets()
    expect(widget.root.locator(".ticket-line", has_text=serial)).to_contain_text("已结束")


def test_nobody_is_there_and_the_answer_waits_for_the_customer(
    system: System, new_context: Callable[..., BrowserContext], new_desk: Callable[[str], Desk]
) -> None:
    browser_of_customer = new_context()
    page = browser_of_customer.new_page()
    widget = Widget.on_shop(page, system)
    widget.answer_to(QUESTION)
    widget.ask_for_person()
    expect(widget.bubbles("bot").last).to_contain_text("现在没有客服在线")

    # One contact, and not without consent.
    widget.root.get_by_role("button", name="留下联系方式").click()
    form = widget.root.locator("form.contact")
    form.get_by_label("手机号").fill("13800001234")
    form.get_by_role("button", name="提交").click()
    expect(form.get_by_role("alert")).to_have_text("请先勾选同意")
    form.get_by_role("checkbox").check()
    form.get_by_role("button", name="提交").click()
    expect(form.get_by_role("status")).to_contain_text("已记下")
    page.close()

    # Later an agent finds the ticket in the team's list, with the number masked, and answers from it.
    agent = new_desk("agent")
    agent.visit("tickets?view=team")
    agent.first_ticket.click()
    expect(agent.page.locator("header.head")).to_contain_text("待处理")
    expect(agent.page.get_by_text("138****1234")).to_be_visible()
    agent.answer_ticket("您好，密码已经为您重置，请查收短信。")

    # The customer comes back, and the mark is there before anything is opened.
    page = browser_of_customer.new_page()
    page.goto(system.shop_url)
    widget = Widget(page)
    expect(widget.root.locator(".badge")).to_have_text("1")
    widget.open()
    expect(widget.bubbles("agent").last).to_contain_text("密码已经为您重置")
    widget.open_tickets()
    widget.root.locator("button.ticket-line").first.click()
    expect(widget.root.locator("article.ticket")).to_contain_text("密码已经为您重置")
    agent.resolve_ticket("密码已重置。")
