"""Writing at the desk: Chinese input methods, a line that is cut, files, and the door."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.browser.watch import Watch
from tests.fixtures.system import System

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f00050001ff"
    "a9d2bd3e0000000049454e44ae426082"
)


@pytest.fixture
def talk(system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]) -> tuple[Widget, Desk]:
    """A customer and the agent who has just accepted them."""
    agent = new_desk("agent")
    agent.be("在线")
    customer = Widget.on_shop(new_page(), system)
    customer.say("转人工")
    agent.accept_first()
    return customer, agent


def test_enter_chooses_a_word_while_it_is_composed_and_sends_afterwards(talk: tuple[Widget, Desk]) -> None:
    """What an input method has composed is sent whole, and nothing before it is finished."""
    customer, agent = talk
    field, said = agent.reply_field, "您好，马上为您核对订单"
    field.focus()
    typing = agent.page.context.new_cdp_session(agent.page)
    # Not a real word, as pinyin looks before a word is chosen.
    typing.send("Input.imeSetComposition", {"text": "nin'hao", "selectionStart": 7, "selectionEnd": 7})
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "keyCode": 229, "bubbles": True})
    expect(agent.page.locator(".outgoing")).to_have_count(0)
    expect(field).to_have_value("nin'hao")
    typing.send("Input.insertText", {"text": said})
    field.press("Enter")
    expect(field).to_have_value("")
    expect(customer.bubbles("agent").filter(has_text=said)).to_have_count(1)
    assert "nin'hao" not in "".join(customer.texts())


def test_what_is_said_while_the_line_is_cut_is_there_once_afterwards(talk: tuple[Widget, Desk], watch: Watch) -> None:
    """The thin bar says it, a failed message waits for its retry, and nothing is missing or doubled."""
    customer, agent = talk
    with watch.network_cut():
        agent.page.context.set_offline(True)
        expect(agent.page.get_by_text("网络已断开")).to_be_visible()
        agent.reply_field.fill("这句在断线时写下")
        agent.reply_field.press("Enter")
        expect(agent.page.get_by_text("发送失败")).to_be_visible()
        customer.say("我还在的")
        agent.page.context.set_offline(False)
        expect(agent.page.get_by_text("网络已断开")).to_be_hidden()
        stream = agent.page.get_by_role("log")
        expect(stream.get_by_text("我还在的")).to_have_count(1)
        agent.page.get_by_role("button", name="重试").click()
    expect(customer.bubbles("agent").filter(has_text="这句在断线时写下")).to_have_count(1)
    expect(stream.get_by_text("这句在断线时写下")).to_have_count(1)


def test_a_picture_goes_to_the_customer(talk: tuple[Widget, Desk]) -> None:
    """Chosen by hand, shown with its progress, sent with the next Enter."""
    customer, agent = talk
    picker = agent.page.locator("input[type=file]")
    picker.set_input_files({"name": "步骤.png", "mimeType": "image/png", "buffer": _PNG})
    expect(agent.page.locator(".uploads")).to_contain_text("步骤.png")
    send = agent.page.get_by_role("button", name="发送", exact=True)
    expect(send).to_be_enabled()
    send.click()
    expect(agent.page.get_by_role("log").get_by_role("button", name="步骤.png")).to_be_visible()
    expect(customer.bubbles("agent").locator("img, canvas")).to_have_count(1)


def test_the_door_refuses_a_wrong_password_in_words(
    system: System, new_page: Callable[..., Page], watch: Watch
) -> None:
    """Nobody is told which of the two was wrong, and the page stays usable."""
    page = new_page()
    with watch.refusals(401):
        page.goto(f"{system.url}/desk/u/7/tickets")
        expect(page).to_have_url(re.compile("/desk/u/7/login"))
        page.get_by_role("textbox", name="账号").fill("nobody")
        page.get_by_role("textbox", name="密码").fill("not-this-one")
        page.get_by_role("textbox", name="密码").press("Enter")
        expect(page.get_by_role("alert")).to_have_text("账号或密码不正确")
        expect(page.get_by_role("button", name="登录")).to_be_enabled()
