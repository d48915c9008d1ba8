"""The machine's own Chromium under Playwright, quiet and without a window."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# Two cores carry the assistant, the encoder, two gateways' worth of tests and the browser.
PATIENCE_MS = 30_000.0


def find_chromium() -> str | None:
    """Where it is installed; `FRONTLINE_CHROMIUM` names another one."""
    named = os.environ.get("FRONTLINE_CHROMIUM")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def running_chromium(path: str) -> Iterator[Browser]:
    """One browser; every person of a story gets a context of their own from it."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
