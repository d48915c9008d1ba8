"""The tree of categories: delivered as data, kept in SQL where it may be edited, and a first guess by words.

The guess is meant to be right or silent: without a clear winner the ticket stays 待细化 and a person sorts it.
Ids are stable: a category may be renamed, moved to another team or archived, and tickets keep theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import insert, select, update

from core.db import Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.normaliser import normalise
from core.people.store import DEFAULT_TEAM, Team
from tickets.store import UNSORTED
from tickets.tables import categories

EXPERTS = "experts"
# A word of three characters or more tells so much that nothing else need be asked.
STRONG_WORDS = 9
MAX_NAME, MAX_KEYWORDS, MAX_KEYWORD, MAX_SIGNS = 32, 200, 30, 20
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
    signs: tuple[str, ...] = ()
    archived: bool = False


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
            signs=tuple(node.get("signs", ())),
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
                    signs=list(each.signs),
                )
            )


async def load(tx: Tx) -> Tree:
    """The tree as it is now."""
    rows = await tx.all(select(categories).order_by(categories.c.position, categories.c.id))
    return Tree(
        Category(
            row.id,
            row.parent_id,
            row.name,
            row.team_id,
            tuple(row.keywords),
            row.position,
            tuple(row.signs or ()),
            row.archived_at is not None,
        )
        for row in rows
    )


async def add(
    tx: Tx,
    *,
    parent_id: str | None,
    name: str,
    team_id: str,
    keywords: Sequence[str] = (),
    signs: Sequence[str] = (),
) -> str:
    """Add a category at the end of its branch and return its id. Raises Invalid, Conflict for a name that is taken."""
    tree = await load(tx)
    if parent_id is not None and tree.get(parent_id).parent_id is not None:
        raise Invalid("the tree has two levels", text_id="error.category_too_deep")
    if parent_id == UNSORTED:
        raise Invalid("parent", text_id="error.category_fixed")
    siblings = tree.children(parent_id)
    values = {"name": _name(name, siblings), "keywords": _keywords(keywords), "signs": _signs(signs)}
    slug = new_id("c").replace("_", "-").lower()[:20]
    category_id = f"{parent_id}/{slug}" if parent_id else slug
    position = max((each.position for each in siblings), default=-1) + 1
    await tx.execute(
        insert(categories).values(id=category_id, parent_id=parent_id, team_id=team_id, position=position, **values)
    )
    return category_id


async def edit(tx: Tx, category_id: str, *, now: datetime, **values: Any) -> None:
    """Change name, team_id, keywords, signs, position, archived. Raises NotFound, Invalid, Conflict.

    A branch is archived with all that hangs on it; 待细化 stays, since something must always be there.
    """
    tree = await load(tx)
    known = tree.node(category_id)
    if known is None:
        raise NotFound("category")
    columns: dict[str, Any] = {}
    if "name" in values:
        others = [each for each in tree.children(known.parent_id) if each.id != category_id]
        columns["name"] = _name(values["name"], others)
    if "keywords" in values:
        columns["keywords"] = _keywords(values["keywords"])
    if "signs" in values:
        columns["signs"] = _signs(values["signs"])
    for name in ("team_id", "position"):
        if name in values:
            columns[name] = values[name]
    if columns:
        await tx.execute(update(categories).where(categories.c.id == category_id).values(**columns))
    if "archived" in values:
        if category_id == UNSORTED:
            raise Invalid("unsorted", text_id="error.category_fixed")
        ids = [category_id]
        if values["archived"]:
            ids += [each.id for each in tree.children(category_id)]
        elif known.parent_id is not None:
            ids.append(known.parent_id)
        moment = now if values["archived"] else None
        await tx.execute(update(categories).where(categories.c.id.in_(ids)).values(archived_at=moment))


def _name(name: str, siblings: Iterable[Category]) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or "/" in name:
        raise Invalid("name", text_id="error.category_name")
    if any(each.name == name for each in siblings):
        raise Conflict("name is taken", text_id="error.category_known")
    return name


def _keywords(words: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(form for word in words if (form := normalise(word))))
    if len(kept) > MAX_KEYWORDS or any(len(word) > MAX_KEYWORD for word in kept):
        raise Invalid("keywords", text_id="error.category_keywords")
    return kept


def _signs(signs: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(sign.strip() for sign in signs if sign.strip()))
    if len(kept) > MAX_SIGNS or any(len(sign) > MAX_KEYWORD * 2 or ":" not in sign for sign in kept):
        raise Invalid("signs")
    return kept


class Tree:
    """All categories, with the questions that are asked of them."""

    def __init__(self, nodes: Iterable[Category]) -> None:
        self._nodes = {each.id: each for each in nodes}
        self._parents = {each.parent_id for each in self._nodes.values()}

    def get(self, category_id: str) -> Category:
        """One category. Raises Invalid for an unknown id, and for one that is archived."""
        found = self._nodes.get(category_id)
        if found is None or found.archived:
            raise Invalid("unknown category", text_id="error.category_unknown")
        return found

    def node(self, category_id: str) -> Category | None:
        """One category, archived or not; None when there is none."""
        return self._nodes.get(category_id)

    def children(self, parent_id: str | None) -> list[Category]:
        """What hangs directly on a branch (None: the top), archived or not, in order."""
        found = [each for each in self._nodes.values() if each.parent_id == parent_id]
        return sorted(found, key=lambda each: (each.position, each.id))

    def can_hold(self, category_id: str) -> bool:
        """Whether a ticket may be sorted into it: it is there, nothing hangs on it, and it says something."""
        node = self._nodes.get(category_id)
        return node is not None and not node.archived and category_id != UNSORTED and category_id not in self._parents

    def leaves(self) -> list[Category]:
        """All categories that a ticket may be sorted into."""
        return [each for each in self._nodes.values() if self.can_hold(each.id)]

    def chosen(self, signs: Iterable[str]) -> str | None:
        """The category (or branch) that stands for what the customer chose, the most precise one."""
        wanted = set(signs)
        found = [each.id for each in self._nodes.values() if not each.archived and wanted & set(each.signs)]
        return max(found, key=lambda each: (each.count("/"), each), default=None)

    def name(self, category_id: str) -> str:
        """What people call it: 技术/播放与网络."""
        node = self._nodes.get(category_id)
        if node is None:
            return category_id
        return f"{self.name(node.parent_id)}/{node.name}" if node.parent_id else node.name

    def find(self, named: str) -> str | None:
        """The id of a category named by its id or by its names (技术/播放与网络); None when there is none."""
        found = named if named in self._nodes else None
        if found is None:
            found = next((each for each in self._nodes if self.name(each) == named), None)
        return None if found is None or self._nodes[found].archived else found

    def team_of(self, category_id: str) -> str:
        """The team that receives matters of this category."""
        node = self._nodes.get(category_id)
        return node.team_id if node else DEFAULT_TEAM

    def sort(self, text: str) -> str:
        """The category whose words stand in the text; `unsorted` without any, or when two are equally likely."""
        return self.by_words(text)[0]

    def by_words(self, text: str, among: str | None = None) -> tuple[str, int]:
        """`sort`, and how much the words tell (see STRONG_WORDS). With `among`, of this branch only."""
        said = normalise(text)
        scores = sorted(
            (
                (_score(said, each.keywords), each.id)
                for each in self.leaves()
                if among is None or each.id == among or each.id.startswith(f"{among}/")
            ),
            reverse=True,
        )
        if not scores or scores[0][0] == 0:
            return UNSORTED, 0
        if len(scores) > 1 and scores[1][0] == scores[0][0]:
            return UNSORTED, 0
        return scores[0][1], scores[0][0]

    def as_tree(self, *, archived: bool = False, full: bool = False) -> list[dict[str, Any]]:
        """The tree in the order in which it is shown. `full`: with what editors see."""
        return self._children(None, archived, full)

    def _children(self, parent_id: str | None, archived: bool, full: bool) -> list[dict[str, Any]]:
        return [
            {
                "id": each.id,
                "name": each.name,
                "team_id": each.team_id,
                **(
                    {"keywords": list(each.keywords), "signs": list(each.signs), "archived": each.archived}
                    if full
                    else {}
                ),
                "children": self._children(each.id, archived, full),
            }
            for each in self.children(parent_id)
            if archived or not each.archived
        ]


def _score(said: str, keywords: Iterable[str]) -> int:
    # A long word says much more than a short one (「支付失败」 against 「合作」), so lengths count squared.
    found = {word for word in keywords if word and word in said}
    # A word inside a longer one that was found too is no second sign.
    return sum(_weight(word) for word in found if not any(word != other and word in other for other in found))


def _weight(word: str) -> int:
    # 「怎么开」 tells that somebody asks, not what about.
    return 1 if word.startswith(_ASKING) else len(word) ** 2
