"""Enter that ends a word of an input method must not send: in the widget, at the desk, on the phone page."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.customer import Phone, Widget
from tests.browser.staff import Desk
from tests.fixtures.system import System


def compose(page: Page, field: Locator, pinyin: str, word: str) -> None:
    """Write with an input method, and end the word with Enter as people do who want the letters or the first hit."""
    field.focus()
    devtools = page.context.new_cdp_session(page)
    for length in range(1, len(pinyin) + 1):
        devtools.send(
            "Input.imeSetComposition", {"text": pinyin[:length], "selectionStart": length, "selectionEnd": length}
        )
    # While it composes, the method has the keys: the page sees Enter with the code of "in process".
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    devtools.send("Input.insertText", {"text": word})
    devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    devtools.detach()
    expect(field).to_have_value(word)


def test_enter_while_composing_does_not_send(
    system: System, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    agent = new_desk("agent")
    agent.be("在线")
    widget = Widget.on_shop(new_page(), system)
    compose(widget.page, widget.field, "zhuanrengong", "转人工")
    expect(widget.bubbles("own")).to_have_count(0)
    widget.field.press("Enter")
    expect(widget.bubbles("own")).to_have_count(1)
    expect(widget.queue_card).to_be_visible()

    agent.accept_first()
    compose(agent.page, agent.reply_field, "ninhao", "您好")
    expect(agent.page.get_by_role("log").get_by_text("您好", exact=True)).to_have_count(0)
    agent.reply_field.press("Enter")
    expect(widget.bubbles("agent").last).to_contain_text("您好")
    agent.resolve("已经好了。")

    phone = Phone.of(new_page(), system, "wechat", "小满")
    compose(phone.page, phone.page.locator("#text"), "nihao", "你好")
    expect(phone.page.locator("#talk .mine")).to_have_count(0)
    phone.page.locator("#text").press("Enter")
    expect(phone.page.locator("#talk .mine")).to_have_count(1)
    expect(phone.bubbles.first).to_be_visible()
