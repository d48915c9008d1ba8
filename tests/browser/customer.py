"""A customer's hands: the widget on the demo shop, and the phones behind the local platforms."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.fixtures.system import System


class Widget:
    """The chat on a page that carries it. Playwright's selectors see through the open shadow root."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator("frontline-widget")
        self.launcher = self.root.locator("button.launcher")
        self.panel = self.root.locator("section.panel")
        self.field = self.root.locator("textarea.field")
        self.rows = self.root.locator(".rows .row, .rows .notice")

    @classmethod
    def on_shop(cls, page: Page, system: System) -> Widget:
        """On the demo's shop, which is another origin than the gateway; the panel is open."""
        page.goto(system.shop_url)
        widget = cls(page)
        widget.open()
        return widget

    def open(self) -> None:
        self.launcher.click()
        expect(self.field).to_be_visible()

    def say(self, text: str) -> None:
        """Write and press Enter."""
        self.field.fill(text)
        self.field.press("Enter")

    def bubbles(self, author: str) -> Locator:
        """Messages of customer (`own`), `bot` or `agent`, oldest first."""
        return self.root.locator(f".rows .row.{author}")

    def answer_to(self, text: str) -> Locator:
        """Say it and wait for the bot's next message."""
        before = self.bubbles("bot").count()
        self.say(text)
        answer = self.bubbles("bot").nth(before)
        expect(answer).to_be_visible()
        return answer

    def ask_for_person(self) -> None:
        self.root.locator("button.human").first.click()

    @property
    def queue_card(self) -> Locator:
        return self.root.locator(".queue")

    def texts(self) -> list[str]:
        """Every line that was said, in order."""
        return [_squeezed(text) for text in self.root.locator(".rows .line").all_inner_texts()]

    def rate(self, rating: int, *, solved: bool) -> None:
        """Answer the newest survey that is shown; 4 is best."""
        form = self.root.locator("form.survey").last
        form.locator(f".face-{rating}").click()
        form.get_by_role("radio", name="解决了" if solved else "没解决", exact=True).click()
        form.get_by_role("button", name="提交评价").click()

    def open_tickets(self) -> None:
        self.root.get_by_role("tab", name=re.compile("我的工单")).click()


class Phone:
    """The page of a WeChat or Weibo customer."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.bubbles = page.locator("#talk .bubble:not(.mine)")

    @classmethod
    def of(cls, page: Page, system: System, kind: str, user: str) -> Phone:
        page.goto(f"{system.url}/demo/{kind}?user={user}")
        return cls(page)

    def say(self, text: str) -> None:
        self.page.locator("#text").fill(text)
        self.page.get_by_role("button", name="发送").click()

    def hears(self, words: str | re.Pattern[str]) -> Locator:
        """Wait for a bubble with these words; the newest one of them."""
        found = self.bubbles.filter(has_text=words)
        expect(found.first).to_be_visible()
        return found.last

    def choose(self, label: str) -> None:
        self.page.locator("#talk button.choice:enabled", has_text=label).last.click()


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
