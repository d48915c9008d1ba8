"""The pictures of the product for README and for looking at: `python -m tests.browser.screenshots`.

Starts the whole system with the demo's history, plays a few customers into it, and writes docs/pictures.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, ViewportSize, expect

from tests.browser.chromium import find_chromium, running_chromium
from tests.browser.customer import Phone, Widget
from tests.browser.staff import Desk
from tests.fixtures.frontline import ROOT
from tests.fixtures.system import System, running_system

MOST_BYTES = 200_000
_WIDE = ViewportSize(width=1440, height=900)
_NARROW = ViewportSize(width=390, height=844)


class Camera:
    """Opens pages of the wanted look and writes what they show."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser = browser
        self._folder = folder

    def context(self, *, phone: bool = False, dark: bool = False) -> BrowserContext:
        """One person's browser."""
        context = self._browser.new_context(
            viewport=_NARROW if phone else _WIDE,
            has_touch=phone,
            is_mobile=phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            color_scheme="dark" if dark else "light",
        )
        context.set_default_timeout(60_000)
        return context

    def page(self, *, phone: bool = False, dark: bool = False) -> Page:
        """A page in a browser of its own."""
        return self.context(phone=phone, dark=dark).new_page()

    def take(self, name: str, of: Page | Locator) -> None:
        """Write a picture with few colours: pages have few, and the repository should stay small."""
        page = of if isinstance(of, Page) else of.page
        # Short words that pass are not part of the page.
        expect(page.locator(".el-message")).to_have_count(0)
        expect(page.locator(".skeleton:visible, .el-skeleton:visible")).to_have_count(0)
        page.evaluate("document.fonts.ready.then(() => true)")
        picture = Image.open(io.BytesIO(of.screenshot(animations="disabled"))).convert("RGB")
        written = io.BytesIO()
        picture.quantize(256, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        assert len(written.getvalue()) <= MOST_BYTES, f"{name} has {len(written.getvalue())} bytes"
        (self._folder / f"{name}.png").write_bytes(written.getvalue())
        print(f"{name}.png, {len(written.getvalue()) // 1000} kB", flush=True)


def main() -> int:
    """Make them all; the exit code says whether that was possible."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    folder: Path = parser.parse_args().out
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium: install it, or name one in FRONTLINE_CHROMIUM", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        running_system(Path(data) / "data", DEMO_HISTORY="1") as system,
        running_chromium(chromium) as browser,
    ):
        camera = Camera(browser, folder)
        _people(camera, system)
        _knowledge(camera, system)
        _figures(camera, system)
        _customer_pages(camera, system)
    return 0


def _people(camera: Camera, system: System) -> None:
    """One talk from both sides, with others waiting."""
    agent = Desk.as_role(camera.page(), system, "agent")
    agent.be("在线")
    # The others come first, so that the line has somebody in it after the first was taken.
    member = camera.page()
    member.goto(system.shop_url)
    member.get_by_label("以会员身份登录").select_option("林小满")
    widget = Widget(member)
    widget.open()
    widget.answer_to("密码忘了登不上去怎么办").get_by_role("button", name="没帮助").click()
    camera.take("widget", member)
    widget.say("收不到验证码，急着看今晚的直播")
    expect(widget.bubbles("bot").nth(1)).to_be_visible()
    widget.ask_for_person()
    expect(widget.queue_card).to_be_visible()
    for kind, user, question in (("wechat", "未晚", "扣了两次会员费"), ("weibo", "安澜", "看直播一直转圈")):
        phone = Phone.of(camera.page(), system, kind, user)
        phone.say(question)
        expect(phone.bubbles.first).to_be_visible()
        phone.say("转人工")
        phone.hears("转接人工")
        if kind == "wechat":
            phone.hears("马上就轮到您")
            camera.take("wechat", phone.page.locator("section.phone"))
    agent.accept_first()
    agent.reply("您好小满，我是林小岛。验证码发到了您绑定的旧手机号，我帮您换成现在这个。")
    expect(widget.bubbles("agent").last).to_contain_text("旧手机号")
    widget.say("好的，新号是这个，麻烦快一点")
    expect(agent.page.get_by_role("log")).to_contain_text("麻烦快一点")
    expect(agent.page.locator(".rows li").first).to_contain_text("麻烦快一点")
    agent.page.get_by_role("button", name="查看转人工原因").click()
    newest = agent.page.get_by_role("button", name="有新消息")
    if newest.is_visible():
        newest.click()
    camera.take("desk", agent.page)
    serial = agent.serial()
    agent.resolve("已换绑到新手机号，请用新号收验证码登录。")
    widget.rate(1, solved=False)
    expect(widget.root.locator("form.survey .done")).to_be_visible()

    expert = Desk.as_role(camera.page(), system, "expert")
    expert.open_ticket(serial)
    expert.answer_ticket("您好，我是专家秦望舒。新号已经生效，刚才的直播也为您开了回看。")
    camera.take("ticket", expert.page)
    expert.visit("tickets?view=open")
    expect(expert.first_ticket).to_be_visible()
    camera.take("tickets", expert.page)

    night = Desk.as_role(camera.page(dark=True), system, "agent")
    night.visit("inbox")
    night.tab("团队")
    night.page.locator(".rows li").first.click()
    expect(night.page.get_by_role("log")).to_be_visible()
    camera.take("desk-dark", night.page)
    supervisor = Desk.as_role(camera.page(), system, "supervisor")
    supervisor.visit("board")
    expect(supervisor.page.get_by_text("最长等待")).to_be_visible()
    camera.take("board", supervisor.page)
    agent.go_home()


def _knowledge(camera: Camera, system: System) -> None:
    editor = Desk.as_role(camera.page(), system, "editor")
    editor.visit("knowledge")
    editor.page.get_by_text("忘记密码怎么找回", exact=True).first.click()
    tried = editor.page.get_by_role("complementary", name="机器人会怎么答")
    tried.get_by_role("textbox").fill("密码忘了登不上去怎么办")
    tried.get_by_role("button", name="试问").click()
    expect(tried.get_by_text("直接回答")).to_have_count(2)
    camera.take("knowledge", editor.page)


def _figures(camera: Camera, system: System) -> None:
    supervisor = Desk.as_role(camera.page(), system, "supervisor")
    supervisor.visit("figures")
    expect(supervisor.page.locator("canvas, svg[class*=chart]").nth(3)).to_be_visible()
    camera.take("figures", supervisor.page)


def _customer_pages(camera: Camera, system: System) -> None:
    help_centre = camera.page()
    help_centre.goto(f"{system.url}/help")
    expect(help_centre.locator(".popular-card").first).to_be_visible()
    camera.take("help", help_centre)
    phone = Widget.on_shop(camera.page(phone=True), system)
    phone.answer_to("看视频一直卡顿怎么办")
    camera.take("phone", phone.page)


if __name__ == "__main__":
    sys.exit(main())
