"""Invented customers who write to the running system over the public contract, side by side."""

from __future__ import annotations

import asyncio
import random
import uuid
from typing import Any

import aiohttp

from core.settings import Settings
from knowledge_base.demo_content import read_articles

_WAIT_S = 25
_TYPING_S = (2.0, 6.0)
_NAMES = ("小满", "未晚", "安澜", "木禾", "青川", "知夏", "云舟", "南枝", "晚星", "小禾")


async def play_customers(settings: Settings, count: int) -> str:
    """Let `count` customers have a talk each; return a sentence. Prints what each says and hears."""
    chance = random.Random()  # noqa: S311 - invents customers, guards nothing
    articles = read_articles()
    async with aiohttp.ClientSession(settings.base_url) as session:
        talks = []
        for number in range(count):
            article = chance.choice(articles)
            lines = [chance.choice(article.content.variants)]
            if chance.random() < 0.5:
                lines.append(chance.choice(("还是不行", "没看懂", "有没有别的办法")))
            if chance.random() < 0.6:
                lines.append("转人工")
            talks.append(_talk(session, f"{_NAMES[number % len(_NAMES)]}{number + 1}", lines, chance))
        results = await asyncio.gather(*talks, return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    if failed:
        return f"{count - len(failed)} of {count} customers were served; the first trouble: {failed[0]!r}"
    return f"{count} customers wrote and were answered"


async def _talk(session: aiohttp.ClientSession, name: str, lines: list[str], chance: random.Random) -> None:
    opened = await _call(session, "POST", "/api/v1/chat/sessions", None, {"profile": {"city": "杭州"}})
    token, seq = opened["token"], opened["last_seq"]
    for line in lines:
        await asyncio.sleep(chance.uniform(*_TYPING_S))
        print(f"{name}: {line}")
        await _call(
            session, "POST", "/api/v1/chat/messages", token, {"client_message_id": uuid.uuid4().hex, "text": line}
        )
        heard = False
        while not heard:
            news = await _call(session, "GET", f"/api/v1/chat/messages?after_seq={seq}&wait_s={_WAIT_S}", token, None)
            for message in news["messages"]:
                seq = message["seq"]
                if message["author"] != "customer":
                    heard = True
                    print(f"  → {name}: {message['text'][:60]!r}")
            if not news["messages"]:
                break


async def _call(
    session: aiohttp.ClientSession, method: str, path: str, token: str | None, body: dict[str, Any] | None
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with session.request(method, path, json=body, headers=headers) as response:
        response.raise_for_status()
        found: dict[str, Any] = await response.json()
        return found
