"""Questions with known categories, for the classifier while there are few sorted tickets: the published articles'."""

from __future__ import annotations

from collections.abc import Sequence

from core.db import Tx
from knowledge_base import store
from tickets.sorting.trainer import Seed


async def seeds(tx: Tx) -> Sequence[Seed]:
    """Every phrasing of what is published, under its article's category; drafts teach nothing."""
    found = []
    for row in await store.all_articles(tx):
        if row.live is None or not row.category_id:
            continue
        for text in dict.fromkeys((row.live.question, *row.live.variants)):
            found.append(Seed(text, row.category_id, row.key))
    return found


__all__ = ["seeds"]
