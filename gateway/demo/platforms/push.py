"""How a platform pushes: five seconds, three deliveries in all, the same body each time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

DELIVERIES = 3
ANSWER_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push: how often it was delivered, and the last answer (status 0: none)."""

    deliveries: int
    status: int
    body: str


async def push(
    session: aiohttp.ClientSession,
    url: str,
    query: Mapping[str, str],
    body: bytes,
    content_type: str,
    *,
    deliveries: int = 1,
) -> Pushed:
    """Deliver until it is acknowledged, at most three times; `deliveries` forces repeats, as the field has seen."""
    status, answer, done = 0, "", 0
    while done < DELIVERIES:
        done += 1
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                async with session.post(
                    url, params=dict(query), data=body, headers={"Content-Type": content_type}
                ) as response:
                    status, answer = response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError):
            status, answer = 0, ""
        if status == 200 and done >= deliveries:
            break
    return Pushed(done, status, answer)
