"""The demo knowledge base: read from `demo/*.yaml` and imported once, in demo mode only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import func, select

from core.db import Tx
from knowledge_base import store
from knowledge_base.store import Content
from knowledge_base.tables import articles
from knowledge_base.types import Opposites

FOLDER = Path(__file__).parent / "demo"
_NOT_ARTICLES = {"titles", "golden", "opposites", "hot", "unanswered"}


@dataclass(frozen=True, slots=True)
class DemoArticle:
    """One article of the files."""

    key: str
    category: str
    area: str
    content: Content
    public: bool


def read_articles() -> list[DemoArticle]:
    """All articles of the demo."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.stem in _NOT_ARTICLES:
            continue
        for each in yaml.safe_load(path.read_text(encoding="utf-8")):
            content = Content(each["title"], each["question"], tuple(each["variants"]), each["answer"])
            found.append(DemoArticle(each["key"], each["category"], each["area"], content, each["public"]))
    return found


def read_golden() -> list[tuple[str, str]]:
    """Golden questions: (question, article key)."""
    return [(each["question"], each["article"]) for each in _load("golden")]


def read_opposites() -> tuple[Opposites, ...]:
    """Pairs of words that must not be taken for each other."""
    return tuple(Opposites(tuple(each["left"]), tuple(each["right"])) for each in _load("opposites"))


def _load(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


async def import_demo(tx: Tx, now: datetime) -> bool:
    """Write the demo's articles and release them, when there is no article at all; True when that was done."""
    if await tx.scalar(select(func.count()).select_from(articles)):
        return False
    released = {}
    for each in read_articles():
        article_id = await store.create(
            tx,
            each.content,
            key=each.key,
            area=each.area,
            category_id=each.category,
            public=each.public,
            by="demo",
            now=now,
            demo=True,
        )
        released[article_id] = 1
    await store.make_current(
        tx, {"articles": released}, kind="publish", note="演示知识库", by="demo", now=now, demo=True
    )
    return True
