"""Several people in one browser, each in a tab: nobody logs anybody out."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.watch import Watch
from tests.fixtures.system import System

PEOPLE = {"客服": "林小岛", "专家": "秦望舒", "主管": "沈明澈", "知识编辑": "方知行", "管理员": "管理员小屿"}


def expect_person(tab: Page, name: str) -> None:
    """Still logged in as this one, asked of the gateway anew."""
    tab.reload()
    expect(tab.get_by_role("button", name=f"我的账号: {name}")).to_be_visible()


def test_five_roles_work_beside_each_other(
    system: System, watch: Watch, new_context: Callable[..., BrowserContext]
) -> None:
    start = new_context().new_page()
    start.goto(f"{system.url}/demo")
    tabs: dict[str, Page] = {}
    for role in PEOPLE:
        with start.expect_popup() as opened:
            start.locator("#roles button", has=start.get_by_text(role, exact=True)).click()
        tab = opened.value
        expect(tab.get_by_role("navigation", name="主导航")).to_be_visible()
        tabs[role] = tab
    slots = {tab.url.partition("/u/")[2].partition("/")[0] for tab in tabs.values()}
    assert len(slots) == len(PEOPLE)
    for role, tab in tabs.items():
        expect_person(tab, PEOPLE[role])

    # One leaves; the others stay.
    leaving = tabs.pop("专家")
    with watch.refusals(401):
        leaving.get_by_role("button", name="我的账号").click()
        leaving.get_by_role("menuitem", name="退出登录").click()
        expect(leaving.get_by_role("heading", name="登录坐席工作台")).to_be_visible()
        leaving.close()
    for role, tab in tabs.items():
        expect_person(tab, PEOPLE[role])
