"""`make bench-publish`: from the editor's click to the customer's answer.

A complete system of its own on free ports. An editor changes one article again and again, an answer's sentence and a
phrasing in turn, and publishes. Meanwhile somebody asks the open search every few milliseconds, and a customer asks in
the chat as soon as the publish returned: that first answer must hold the new sentence.

`known_s` is the time from the click until the search knows the sentence, `limit_s` what was promised; `publish_s` is
how long the editor waits, `cpu_s` the gateway's own time for all of it. A customer's answer also waits `gather_s` for
further words, so its time says nothing here.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from benchmarks.load import cpu_s
from benchmarks.report import publish
from gateway.seed_demo import PASSWORD
from tests.fixtures.system import System, running_system
from tests.recovery.customers import Customer, crowd

LIMIT_S = 2.0
_QUESTION = "忘记密码了怎么办"
_TITLE = "忘记密码"
_LOOK_S = 0.02


@dataclass
class Editor:
    """The knowledge editor, logged in."""

    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def meet(cls, session: aiohttp.ClientSession) -> Editor:
        """Log in as the demo's."""
        async with session.post("/api/v1/session", json={"name": "editor1", "password": PASSWORD}) as answer:
            opened = await answer.json()
            cookie = answer.headers["Set-Cookie"].split(";", 1)[0]
        return cls(session, {"Cookie": cookie, "X-Desk-Slot": "0", "X-CSRF-Token": opened["csrf"]})

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call that must succeed."""
        address = f"/api/v1/knowledge/{path}"
        async with self.session.request(method, address, json=body, headers=self.headers) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def save(self, sentence: str, variant: str | None) -> None:
        """Put a sentence before the answer, perhaps with a new phrasing."""
        shown = await self.call("GET", "articles")
        article_id = next(each["id"] for each in shown["items"] if _TITLE in each["title"])
        article = await self.call("GET", f"articles/{article_id}")
        draft = article["draft"]
        body = {
            "base_revision": draft["revision"],
            **{name: draft[name] for name in ("title", "question")},
            **{name: article[name] for name in ("area", "category_id", "public")},
            "variants": [*draft["variants"], *([variant] if variant else [])],
            "answer": f"{sentence}\n\n{draft['answer']}",
        }
        await self.call("PUT", f"articles/{article_id}", body)


@dataclass
class Measured:
    """One kind of change."""

    known_s: list[float] = field(default_factory=list)
    publish_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    stale: int = 0
    """Customers who asked after the publish and heard the old answer."""

    def numbers(self) -> dict[str, float]:
        return {
            "publishes": len(self.known_s),
            "publish_s": statistics.median(self.publish_s),
            "known_s": statistics.median(self.known_s),
            "known_max_s": max(self.known_s),
            "limit_s": LIMIT_S,
            "cpu_s": statistics.median(self.cpu_s),
            "stale_answers": self.stale,
        }


async def _known_after(session: aiohttp.ClientSession, sentence: str, began: float) -> float:
    """Seconds until the open search has the sentence."""
    while True:
        async with session.get(f"/api/v1/knowledge/search?q={quote(_QUESTION)}&limit=1") as answer:
            found = await answer.json()
        if found.get("results") and found["results"][0]["answer"].startswith(sentence):
            return time.monotonic() - began
        await asyncio.sleep(_LOOK_S)


async def measure(system: System, rounds: int) -> dict[str, dict[str, float]]:
    """Publish, look and ask."""
    kinds = {"an answer's sentence": Measured(), "a phrasing": Measured()}
    async with crowd(system.url) as session:
        editor = await Editor.meet(session)
        for number in range(rounds):
            for kind, measured in kinds.items():
                sentence = f"第 {number + 1} 次试着换一句：{kind}。"
                await editor.save(sentence, f"密码第{number + 1}回想不起来" if kind == "a phrasing" else None)
                gateway = system.pids()["gateway-1"]
                cpu, began = cpu_s(gateway), time.monotonic()
                looking = asyncio.create_task(_known_after(session, sentence, began))
                await editor.call("POST", "releases", {"note": str(number)})
                measured.publish_s.append(time.monotonic() - began)
                customer = await Customer.meet(session)
                heard = await customer.hears_after(await customer.says(_QUESTION))
                measured.stale += not heard.text.startswith(sentence)
                measured.known_s.append(await looking)
                measured.cpu_s.append(cpu_s(gateway) - cpu)
    return {kind: measured.numbers() for kind, measured in kinds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    # The search is asked more often here than anybody does from one address.
    generous = {"ADDRESS_REQUESTS_PER_MIN": "1000000"}
    with (
        tempfile.TemporaryDirectory(prefix="fl-publish-") as folder,
        running_system(Path(folder), **generous) as system,
    ):
        results = asyncio.run(measure(system, arguments.rounds))
    publish("publish", {"from the click to the answer": results})
    late = [kind for kind, numbers in results.items() if numbers["known_max_s"] > LIMIT_S or numbers["stale_answers"]]
    if late:
        sys.exit(f"\nToo late: {', '.join(late)}")


if __name__ == "__main__":
    main()
