"""Hands at the desk."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.fixtures.system import System


class Desk:
    """One person of the staff in one tab."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.home = home

    @classmethod
    def as_role(cls, page: Page, system: System, role: str) -> Desk:
        """Log in with one click, as the demo's start page does."""
        answer = page.request.post(
            f"{system.url}/demo/login",
            data={"role": role},
            headers={"Origin": system.url, "Sec-Fetch-Site": "same-origin"},
        )
        assert answer.ok, answer.text()
        home = f"{system.url}{answer.json()['url']}"
        page.goto(home)
        expect(page.get_by_role("navigation", name="主导航")).to_be_visible()
        return cls(page, home)

    def visit(self, path: str) -> None:
        self.page.goto(self.home + path)

    def be(self, status: str) -> None:
        """在线, 离线: by the switch at the lower left."""
        switch = self.page.get_by_role("button", name=re.compile("^在线状态"))
        switch.click()
        self.page.get_by_role("menuitem", name=re.compile(f"^{status}")).first.click()
        expect(self.page.get_by_role("button", name=f"在线状态: {status}")).to_be_visible()

    def go_home(self) -> None:
        """Off duty, whatever the page shows: nobody of the next story is in this one's line."""
        slot = self.home.partition("/u/")[2].partition("/")[0]
        base, headers = self.home.partition("/desk/")[0], {"X-Desk-Slot": slot}
        api = self.page.request
        answer = api.get(f"{base}/api/v1/session", headers=headers)
        session = answer.json() if answer.ok else {"staff": {"permissions": []}}
        if "desk.use" not in session["staff"]["permissions"]:
            return
        headers |= {"X-CSRF-Token": session["csrf"], "Origin": base}
        desk = f"{base}/api/v1/desk"
        for waiting in api.get(f"{desk}/queue", headers=headers).json()["items"]:
            api.post(f"{desk}/handoffs/{waiting['handoff_id']}/accept", headers=headers)
        for talk in api.get(f"{desk}/conversations?view=mine", headers=headers).json()["items"]:
            api.post(f"{desk}/conversations/{talk['conversation_id']}/return", data={}, headers=headers)
        answer = api.put(f"{desk}/presence", data={"status": "offline"}, headers=headers)
        assert answer.ok, answer.text()

    # The inbox.

    def tab(self, name: str) -> None:
        self.page.get_by_role("tablist", name="会话列表").get_by_role("tab", name=re.compile(f"^{name}")).click()

    def accept_first(self) -> None:
        """Open the line and take who is first in it."""
        self.visit("inbox")
        self.tab("等待")
        self.page.get_by_role("button", name="接入").first.click()
        expect(self.page).to_have_url(re.compile("/inbox/.+"))
        expect(self.page.get_by_role("button", name="解决", exact=True)).to_be_visible()

    def serial(self) -> str:
        """The number of the open conversation's ticket."""
        return self.page.locator("header.head a.serial").inner_text().strip()

    @property
    def context(self) -> Locator:
        return self.page.get_by_role("region", name="为什么转人工")

    @property
    def reply_field(self) -> Locator:
        return self.page.get_by_role("textbox", name="回复", exact=True)

    def reply(self, text: str) -> None:
        self.reply_field.fill(text)
        self.reply_field.press("Enter")
        expect(self.page.locator(".stream, .view").get_by_text(text).first).to_be_visible()

    def texts(self) -> list[str]:
        """What stands in the talk, in order."""
        return [text.strip() for text in self.page.get_by_role("log").locator(".bubble").all_inner_texts()]

    def resolve(self, solution: str) -> None:
        self.page.get_by_role("button", name="解决", exact=True).click()
        sheet = self.page.get_by_role("dialog", name="解决会话")
        sheet.get_by_role("textbox", name=re.compile("解决方案")).fill(solution)
        self._complete(sheet)
        sheet.get_by_role("button", name="解决并发送").click()
        expect(sheet).to_be_hidden()

    def _complete(self, sheet: Locator) -> None:
        """Name the cause where the category's playbook wants one."""
        expect(sheet.locator("form")).to_have_attribute("aria-busy", "false")
        wanted = sheet.locator(".el-form-item.is-required").get_by_role("combobox", name="根因")
        if wanted.count() > 0:
            wanted.click()
            self.page.get_by_role("option", name="用户侧").click()

    # Tickets.

    @property
    def first_ticket(self) -> Locator:
        """The row at the top of the list."""
        return self.page.locator("tbody tr").first

    def has_on_top(self, serial: str) -> None:
        """The ticket stands in the list, and nothing above it is less urgent."""
        expect(self.page.locator("tbody tr", has_text=serial)).to_have_count(1)
        rows = self.page.locator("tbody tr").all_inner_texts()
        place = next(number for number, text in enumerate(rows) if serial in text)
        urgency = ["紧急", "高", "普通", "低", "最低"]
        cells = self.page.locator("tbody td.priority span").all_inner_texts()
        ranks = [urgency.index(cell) for cell in cells[: place + 1]]
        assert max(ranks) == ranks[-1]

    def open_ticket(self, serial: str) -> None:
        self.visit(f"tickets/{serial}")
        expect(self.page.get_by_text(serial).first).to_be_visible()

    def answer_ticket(self, text: str) -> None:
        field = self.page.get_by_role("textbox", name="回复客户")
        field.fill(text)
        self.page.get_by_role("button", name="发送", exact=True).click()
        expect(self.page.get_by_role("log").get_by_text(text)).to_be_visible()

    def ticket_act(self, name: str) -> None:
        """One of the buttons, or what is folded under 更多."""
        shown = self.page.get_by_role("button", name=name, exact=True)
        if shown.count() == 0:
            self.page.get_by_role("button", name="更多", exact=True).click()
            shown = self.page.get_by_role("menuitem", name=name)
        shown.click()

    def resolve_ticket(self, solution: str) -> None:
        self.ticket_act("解决…")
        sheet = self.page.get_by_role("dialog", name="解决工单")
        sheet.get_by_role("textbox", name=re.compile("解决方案")).fill(solution)
        self._complete(sheet)
        sheet.get_by_role("button", name="解决并发送").click()
        expect(sheet).to_be_hidden()
