"""The tree of categories: delivered as data, kept in SQL where it may be edited, and a first guess by words.

The guess is meant to be right or silent: without a clear winner the ticket stays 待细化 and a person sorts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import insert, select

from core.db import Tx
from core.errors import Invalid
from core.normaliser import normalise
from core.people.store import DEFAULT_TEAM, Team
from tickets.store import UNSORTED
from tickets.tables import categories

EXPERTS = "experts"
_ASKING = ("怎么", "在哪", "如何")
_DATA = Path(__file__).parent / "data" / "categories.yaml"

# 分类审核 has no category of its own: it looks at what is 待细化.
DELIVERED_TEAMS = (
    Team(DEFAULT_TEAM, "综合", position=1),
    Team("technical", "技术支持中心", position=2),
    Team("payment", "支付组", position=3),
    Team("community", "社区运营", position=4),
    Team("content-review", "内容审核", position=5),
    Team("merchant", "商家服务", position=6),
    Team("partners", "商务合作", position=7),
    Team("product", "产品建议", position=8),
    Team(EXPERTS, "专家组", position=9),
    Team("sorting", "分类审核", position=10),
)


@dataclass(frozen=True, slots=True)
class Category:
    """One node of the tree."""

    id: str
    parent_id: str | None
    name: str
    team_id: str
    keywords: tuple[str, ...]
    position: int


def delivered() -> tuple[Category, ...]:
    """The delivered tree, parents before their children."""
    nodes: Sequence[Mapping[str, Any]] = yaml.safe_load(_DATA.read_text(encoding="utf-8"))
    return tuple(_flatten(nodes, None, DEFAULT_TEAM))


def _flatten(nodes: Iterable[Mapping[str, Any]], parent: Category | None, team: str) -> Iterable[Category]:
    for position, node in enumerate(nodes):
        here = Category(
            id=f"{parent.id}/{node['id']}" if parent else node["id"],
            parent_id=parent.id if parent else None,
            name=node["name"],
            team_id=node.get("team", team),
            keywords=tuple(normalise(str(word)) for word in node.get("keywords", ())),
            position=position,
        )
        yield here
        yield from _flatten(node.get("children", ()), here, here.team_id)


async def seed(tx: Tx) -> None:
    """Put delivered categories where they are missing; edited ones stay as they are."""
    known = {row.id for row in await tx.all(select(categories.c.id))}
    for each in delivered():
        if each.id not in known:
            await tx.execute(
                insert(categories).values(
                    id=each.id,
                    parent_id=each.parent_id,
                    name=each.name,
                    team_id=each.team_id,
                    keywords=list(each.keywords),
                    position=each.position,
                )
            )


async def load(tx: Tx) -> Tree:
    """The tree as it is now."""
    rows = await tx.all(select(categories).order_by(categories.c.position, categories.c.id))
    return Tree(
        Category(row.id, row.parent_id, row.name, row.team_id, tuple(row.keywords), row.position) for row in rows
    )


class Tree:
    """All categories, with the questions that are asked of them."""

    def __init__(self, nodes: Iterable[Category]) -> None:
        self._nodes = {each.id: each for each in nodes}
        self._parents = {each.parent_id for each in self._nodes.values()}

    def get(self, category_id: str) -> Category:
        """One category. Raises Invalid for an unknown id."""
        found = self._nodes.get(category_id)
        if found is None:
            raise Invalid("unknown category")
        return found

    def name(self, category_id: str) -> str:
        """What people call it: 技术/播放与网络."""
        node = self._nodes.get(category_id)
        if node is None:
            return category_id
        return f"{self.name(node.parent_id)}/{node.name}" if node.parent_id else node.name

    def find(self, named: str) -> str | None:
        """The id of a category named by its id or by its names (技术/播放与网络); None when there is none."""
        if named in self._nodes:
            return named
        return next((each for each in self._nodes if self.name(each) == named), None)

    def team_of(self, category_id: str) -> str:
        """The team that receives matters of this category."""
        node = self._nodes.get(category_id)
        return node.team_id if node else DEFAULT_TEAM

    def sort(self, text: str) -> str:
        """The category whose words stand in the text; `unsorted` without any, or when two are equally likely."""
        said = normalise(text)
        scores = sorted(
            ((_score(said, each.keywords), each.id) for each in self._nodes.values() if each.id not in self._parents),
            reverse=True,
        )
        if not scores or scores[0][0] == 0:
            return UNSORTED
        if len(scores) > 1 and scores[1][0] == scores[0][0]:
            return UNSORTED
        return scores[0][1]

    def as_tree(self) -> list[dict[str, Any]]:
        """The tree in the order in which it is shown, for the desk."""
        return self._children(None)

    def _children(self, parent_id: str | None) -> list[dict[str, Any]]:
        nodes = [each for each in self._nodes.values() if each.parent_id == parent_id]
        return [
            {
                "id": each.id,
                "name": each.name,
                "team_id": each.team_id,
                "children": self._children(each.id),
            }
            for each in sorted(nodes, key=lambda node: (node.position, node.id))
        ]


def _score(said: str, keywords: Iterable[str]) -> int:
    # A long word says much more than a short one (「支付失败」 against 「合作」), so lengths count squared.
    found = {word for word in keywords if word and word in said}
    # A word inside a longer one that was found too is no second sign.
    return sum(_weight(word) for word in found if not any(word != other and word in other for other in found))


def _weight(word: str) -> int:
    # 「怎么开」 tells that somebody asks, not what about.
    return 1 if word.startswith(_ASKING) else len(word) ** 2
