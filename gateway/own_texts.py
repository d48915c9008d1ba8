"""Editors' own words over the delivered texts: read again on a hint, and every few seconds without one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.store import texts
from gateway.services import Services

_LOOK_S = 5.0


def own_texts(parts: Services) -> Callable[[], Awaitable[None]]:
    """The loop that keeps the catalogue current."""

    async def run() -> None:
        with parts.fanout.watch("texts") as watch:
            while True:
                async with parts.db.read() as tx:
                    parts.texts.override(await texts.all_texts(tx))
                await watch.next(_LOOK_S)

    return run
