"""What must never happen on any page: an error on the console, a breach of the policy, a request to somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Page, Request

# Chromium's own lines about a network that is not there. Expected while a test cuts it, and only then.
_OF_THE_NETWORK = ("net::ERR_", "WebSocket connection to")
# A policy that only reports would not be seen on the console, so the event itself is turned into a line.
_TELL_BREACHES = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} on ${location.href}`));
"""


class Watch:
    """Listens to every page of the contexts handed to it."""

    def __init__(self, *allowed_origins: str) -> None:
        self._hosts = {urlsplit(origin).netloc for origin in allowed_origins}
        self._faults: list[str] = []
        self._cut = False
        self._refusals: tuple[str, ...] = ()

    def over(self, context: BrowserContext) -> None:
        """Listen to all its pages, those that are opened later included."""
        context.add_init_script(_TELL_BREACHES)
        context.on("request", self._requested)
        context.on("page", self._opened)

    @contextmanager
    def network_cut(self) -> Iterator[None]:
        """Lines about a missing network are expected inside."""
        self._cut = True
        try:
            yield
        finally:
            self._cut = False

    @contextmanager
    def refusals(self, *statuses: int) -> Iterator[None]:
        """Answers with these statuses are expected inside; Chromium writes a line for each."""
        self._refusals = tuple(f"status of {status} " for status in statuses)
        try:
            yield
        finally:
            self._refusals = ()

    def verify(self) -> None:
        """Fail with everything that was wrong since the last time."""
        faults, self._faults = self._faults, []
        assert not faults, "\n".join(faults)

    def _opened(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._threw(page, error))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        if self._cut and any(part in message.text for part in _OF_THE_NETWORK):
            return
        if any(part in message.text for part in self._refusals):
            return
        self._faults.append(f"console on {message.location.get('url', '')}: {message.text}")

    def _threw(self, page: Page, error: Error) -> None:
        self._faults.append(f"error on {page.url}: {error}")

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc not in self._hosts:
            self._faults.append(f"a request to another host: {request.url}")
