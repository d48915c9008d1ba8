"""One system and one browser for all stories; people, each in a browser context of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.chromium import find_chromium, running_chromium
from tests.browser.staff import Desk
from tests.browser.watch import Watch
from tests.fixtures.system import System, running_system

_DESK = ViewportSize(width=1440, height=900)
_PHONE = ViewportSize(width=390, height=844)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them run in one process, so that the system is started once.

    First of all hooks: xdist's own reads the groups in the same round.
    """
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            for mark in (pytest.mark.browser, pytest.mark.system, pytest.mark.xdist_group("browser")):
                item.add_marker(mark)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        words = "NO CHROMIUM: no story was tried in a browser. Install chromium, or name one in FRONTLINE_CHROMIUM."
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    with running_chromium(path) as running:
        yield running


@pytest.fixture(scope="package")
def system(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Asks for the browser first: without one nothing need be started."""
    with running_system(tmp_path_factory.mktemp("system") / "data") as running:
        yield running


@pytest.fixture
def watch(system: System) -> Iterator[Watch]:
    """Judges every page of the test when it is over."""
    watching = Watch(system.url, system.shop_url)
    yield watching
    watching.verify()


@pytest.fixture
def new_context(browser: Browser, watch: Watch) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browser contexts: one is one person's browser, with cookies of its own."""
    made: list[BrowserContext] = []

    def make(*, phone: bool = False) -> BrowserContext:
        context = browser.new_context(
            viewport=_PHONE if phone else _DESK,
            has_touch=phone,
            is_mobile=phone,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)
        watch.over(context)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def new_page(new_context: Callable[..., BrowserContext]) -> Callable[..., Page]:
    """A page in a browser of its own."""
    return lambda **options: new_context(**options).new_page()


@pytest.fixture
def new_desk(new_page: Callable[..., Page], system: System) -> Iterator[Callable[[str], Desk]]:
    """Logs people in, each in a browser of their own; who is still on duty at the end goes home."""
    made: list[Desk] = []

    def make(role: str) -> Desk:
        made.append(Desk.as_role(new_page(), system, role))
        return made[-1]

    yield make
    for desk in made:
        desk.go_home()
