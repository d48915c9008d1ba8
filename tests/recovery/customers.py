"""Web customers as a program sees them: they write over the public contract, and try again when nobody answers.

    async with crowd(url) as session:
        customer = await Customer.meet(session)
        reply_s = await customer.asks("怎么开发票")

A customer remembers every message that was accepted and everything that was heard, so that `history.check` can hold
the database to it afterwards.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

# Who was cut off looks again this soon, as the widget does.
_TRY_AGAIN_S = 0.25
_POLL_S = 15
_CALL_LIMIT_S = 40.0
# Longer than any restart of ours, with its growing wait, on a busy machine.
PATIENCE_S = 180.0


class NobodyAnswers(AssertionError):
    """A customer's patience is over."""


@asynccontextmanager
async def crowd(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Connections for as many customers as like to come."""
    connector = aiohttp.TCPConnector(limit=0)
    limit = aiohttp.ClientTimeout(total=_CALL_LIMIT_S)
    async with aiohttp.ClientSession(url, connector=connector, timeout=limit, trust_env=False) as session:
        yield session


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that was accepted."""

    client_message_id: str
    text: str
    seq: int


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the customer's page received it."""

    seq: int
    author: str
    text: str


@dataclass
class Customer:
    """One visitor with a page open."""

    session: aiohttp.ClientSession
    conversation_id: str
    token: str
    seen: int
    sent: list[Sent] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    tries: int = 0
    """Calls that had to be made again."""
    refusals: set[int] = field(default_factory=set)
    """Statuses that were neither success nor a clear refusal to be tried again."""

    @classmethod
    async def meet(cls, session: aiohttp.ClientSession, profile: dict[str, str] | None = None) -> Customer:
        """Open a session, however long that takes."""
        customer = cls(session, "", "", 0)
        opened = await customer._call("POST", "sessions", {"profile": profile or {}})
        customer.conversation_id, customer.token = opened["conversation_id"], opened["token"]
        customer.seen = opened["last_seq"]
        return customer

    async def says(self, text: str) -> int:
        """Send one message until it is accepted, always under the same id; returns its seq."""
        body = {"client_message_id": uuid.uuid4().hex, "text": text}
        accepted = await self._call("POST", "messages", body)
        self.sent.append(Sent(body["client_message_id"], text, int(accepted["seq"])))
        return int(accepted["seq"])

    async def asks(self, *texts: str) -> float:
        """Say it all and wait for what is answered to the last of it; returns the seconds from the last word on."""
        seq, began = 0, time.monotonic()
        for text in texts:
            began = time.monotonic()
            seq = await self.says(text)
        await self.hears_after(seq)
        return time.monotonic() - began

    async def hears_after(self, seq: int) -> Heard:
        """Read on until somebody else has spoken after `seq`."""
        until = time.monotonic() + PATIENCE_S
        while True:
            for each in self.heard:
                if each.seq > seq and each.author != "customer":
                    return each
            if time.monotonic() > until:
                raise NobodyAnswers(f"{self.conversation_id}: nothing after seq {seq}")
            await self.reads(wait_s=_POLL_S)

    async def reads(self, wait_s: int = 0) -> bool:
        """One look at what is new; whether there may be more."""
        news = await self._call("GET", f"messages?after_seq={self.seen}&after_state={2**50}&wait_s={wait_s}")
        for message in news["messages"]:
            self.heard.append(Heard(message["seq"], message["author"], message["text"]))
            self.seen = message["seq"]
        return bool(news["has_more"])

    async def reads_everything(self, session: aiohttp.ClientSession) -> None:
        """Whatever is left, perhaps over a new connection."""
        self.session = session
        while await self.reads():
            pass

    async def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call until it works. What is tried again is safe to be done twice, or never happened."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                async with self.session.request(method, f"/api/v1/chat/{path}", json=body, headers=headers) as answer:
                    if answer.status < 300:
                        found: dict[str, Any] = await answer.json()
                        return found
                    if answer.status not in (429, 503):
                        self.refusals.add(answer.status)
                    trouble = f"{answer.status} {(await answer.text())[:300]}"
            except (aiohttp.ClientError, OSError, TimeoutError) as problem:
                trouble = repr(problem)
            self.tries += 1
            if time.monotonic() > until:
                raise NobodyAnswers(f"{method} {path.partition('?')[0]}: {trouble}")
            await asyncio.sleep(_TRY_AGAIN_S)
