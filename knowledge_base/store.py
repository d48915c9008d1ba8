"""SQL of the knowledge base: articles and their revisions, questions with the ids of the index, vectors, releases."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.db import Tx
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.normaliser import normalise
from knowledge_base.tables import (
    article_revisions,
    articles,
    choice_labels,
    current_release,
    gaps,
    questions,
    releases,
    vectors,
)

FloatArray = npt.NDArray[np.float32]
# What fits into the column of a question's text; passages are cut below it.
PASSAGE_CHARACTERS = 380
_IN_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Content:
    """What an editor writes: one revision of an article."""

    title: str
    question: str
    variants: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class ArticleRow:
    """An article with its draft's and its live content."""

    id: str
    key: str
    area: str
    category_id: str
    public: bool
    draft_revision: int
    published_revision: int | None
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    updated_by: str
    draft: Content
    live: Content | None

    @property
    def state(self) -> str:
        """draft (never published), changed, published or archived."""
        if self.archived_at is not None:
            return "archived"
        if self.published_revision is None:
            return "draft"
        return "published" if self.published_revision == self.draft_revision else "changed"


@dataclass(frozen=True, slots=True)
class Revision:
    """One line of an article's history."""

    revision: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Release:
    """An immutable published index: which revision of which article it holds."""

    id: str
    number: int
    kind: str
    manifest: Mapping[str, Any]
    note: str
    at: datetime
    by: str

    @property
    def articles(self) -> dict[str, int]:
        """Revision by article id."""
        return dict(self.manifest["articles"])


def passages(answer: str) -> list[str]:
    """Cut an answer's Markdown into passages for search: paragraphs and steps, without marks."""
    plain = re.sub(r"!\[[^\]]*\]\([^)]*\)|[#*_`>|]|\[([^\]]*)\]\([^)]*\)", r"\1", answer)
    found: list[str] = []
    for block in re.split(r"\n\s*\n", plain):
        text = " ".join(line.strip(" -") for line in block.splitlines() if line.strip(" -"))
        found.extend(text[i : i + PASSAGE_CHARACTERS] for i in range(0, len(text), PASSAGE_CHARACTERS))
    return [each for each in dict.fromkeys(found) if len(each) >= 4]


def content_hash(text: str) -> str:
    """The key of a text's vector."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()


async def create(
    tx: Tx,
    content: Content,
    *,
    key: str | None,
    area: str,
    category_id: str,
    public: bool,
    by: str,
    now: datetime,
    demo: bool = False,
) -> str:
    """Make an article as a draft; return its id. Raises Conflict when the key is taken."""
    article_id = new_id("art")
    key = key or article_id
    if await tx.first(select(articles.c.id).where(articles.c.key == key)) is not None:
        raise Conflict("key taken", text_id="error.article_key")
    await tx.execute(
        insert(articles).values(
            id=article_id,
            key=key,
            area=area,
            category_id=category_id,
            public=public,
            draft_revision=1,
            demo=demo,
            created_at=now,
            updated_at=now,
            updated_by=by,
        )
    )
    await _write_revision(tx, article_id, 1, content, by, now)
    return article_id


async def save(
    tx: Tx,
    article_id: str,
    content: Content,
    *,
    base_revision: int,
    area: str,
    category_id: str,
    public: bool,
    by: str,
    now: datetime,
) -> int:
    """Write the next draft revision. Raises Conflict when somebody saved after `base_revision`, NotFound."""
    changed = await tx.count(
        update(articles)
        .where(articles.c.id == article_id, articles.c.draft_revision == base_revision)
        .values(
            draft_revision=base_revision + 1,
            area=area,
            category_id=category_id,
            public=public,
            archived_at=None,
            updated_at=now,
            updated_by=by,
        )
    )
    if changed == 0:
        if await tx.first(select(articles.c.id).where(articles.c.id == article_id)) is None:
            raise NotFound("article")
        raise Conflict("saved by somebody else", text_id="error.article_changed")
    await _write_revision(tx, article_id, base_revision + 1, content, by, now)
    return base_revision + 1


async def _write_revision(tx: Tx, article_id: str, revision: int, content: Content, by: str, now: datetime) -> None:
    await tx.execute(
        insert(article_revisions).values(
            article_id=article_id,
            revision=revision,
            title=content.title,
            question=content.question,
            variants=list(content.variants),
            answer=content.answer,
            at=now,
            by=by,
        )
    )


async def archive(tx: Tx, article_id: str, *, by: str, now: datetime) -> None:
    """Take an article out of the next release. Raises NotFound."""
    changed = await tx.count(
        update(articles).where(articles.c.id == article_id).values(archived_at=now, updated_at=now, updated_by=by)
    )
    if changed == 0:
        raise NotFound("article")


def _joined() -> Any:
    draft, live = article_revisions.alias("draft"), article_revisions.alias("live")
    # The draft's own number would be a second column of the name `draft_revision`.
    columns = [*articles.c, live.c.revision.label("live_revision")]
    for side in (draft, live):
        columns += [side.c[name].label(f"{side.name}_{name}") for name in ("title", "question", "variants", "answer")]
    return (
        select(*columns)
        .join(draft, and_(draft.c.article_id == articles.c.id, draft.c.revision == articles.c.draft_revision))
        .join(
            live,
            and_(live.c.article_id == articles.c.id, live.c.revision == articles.c.published_revision),
            isouter=True,
        )
    )


def _content(row: Row[Any], side: str) -> Content:
    values = row._mapping
    return Content(
        values[f"{side}_title"],
        values[f"{side}_question"],
        tuple(values[f"{side}_variants"]),
        values[f"{side}_answer"],
    )


def _article(row: Row[Any]) -> ArticleRow:
    return ArticleRow(
        id=row.id,
        key=row.key,
        area=row.area,
        category_id=row.category_id,
        public=row.public,
        draft_revision=row.draft_revision,
        published_revision=row.published_revision,
        archived_at=row.archived_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
        draft=_content(row, "draft"),
        live=_content(row, "live") if row.live_revision is not None else None,
    )


async def get(tx: Tx, article_id: str) -> ArticleRow:
    """An article by id or key. Raises NotFound."""
    row = await tx.first(_joined().where((articles.c.id == article_id) | (articles.c.key == article_id)))
    if row is None:
        raise NotFound("article")
    return _article(row)


async def all_articles(tx: Tx, *, archived: bool = False) -> list[ArticleRow]:
    """Every article, in order of area and birth."""
    query = _joined().order_by(articles.c.created_at, articles.c.id)
    if not archived:
        query = query.where(articles.c.archived_at.is_(None))
    return [_article(row) for row in await tx.all(query)]


async def history(tx: Tx, article_id: str, limit: int = 50) -> list[Revision]:
    """The latest revisions, newest first."""
    query = select(article_revisions.c.revision, article_revisions.c.at, article_revisions.c.by)
    query = query.where(article_revisions.c.article_id == article_id)
    rows = await tx.all(query.order_by(article_revisions.c.revision.desc()).limit(limit))
    return [Revision(row.revision, row.at, row.by) for row in rows]


async def contents(tx: Tx, wanted: Mapping[str, int]) -> dict[str, tuple[int, Content, bool]]:
    """The named revisions: article id → (revision, content, public)."""
    rows = await tx.all(
        select(article_revisions, articles.c.public)
        .join(articles, articles.c.id == article_revisions.c.article_id)
        .where(article_revisions.c.article_id.in_(list(wanted)))
        if len(wanted) <= _IN_LIMIT
        else select(article_revisions, articles.c.public).join(
            articles, articles.c.id == article_revisions.c.article_id
        )
    )
    return {
        row.article_id: (
            row.revision,
            Content(row.title, row.question, tuple(row.variants), row.answer),
            row.public,
        )
        for row in rows
        if wanted.get(row.article_id) == row.revision
    }


async def categories(tx: Tx) -> dict[str, str]:
    """The category of every article, as its editor named it."""
    return {row.id: row.category_id for row in await tx.all(select(articles.c.id, articles.c.category_id))}


async def number_questions(tx: Tx, wanted: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], int]:
    """Give each (article id, kind, text) its id in the index; a text that had one keeps it for good."""
    by_article = {article_id for article_id, _, _ in wanted}
    rows = await tx.all(select(questions))
    known = {(row.article_id, row.kind, row.text): int(row.id) for row in rows if row.article_id in by_article}
    missing = [each for each in dict.fromkeys(wanted) if each not in known]
    statement = sqlite.insert(questions) if tx.connection.dialect.name == "sqlite" else postgresql.insert(questions)
    for at in range(0, len(missing), 200):
        part = missing[at : at + 200]
        # Somebody may number the same text in the same moment (two gateways rebuild at once).
        await tx.execute(
            statement.values([{"article_id": a, "kind": k, "text": t} for a, k, t in part]).on_conflict_do_nothing(
                index_elements=["article_id", "kind", "text"]
            )
        )
    if missing:
        rows = await tx.all(select(questions))
        known = {(row.article_id, row.kind, row.text): int(row.id) for row in rows if row.article_id in by_article}
    return {each: known[each] for each in wanted}


async def known_vectors(tx: Tx, hashes: Iterable[str], model_id: str) -> dict[str, FloatArray]:
    """The stored vectors of one model by content hash."""
    found: dict[str, FloatArray] = {}
    wanted = list(dict.fromkeys(hashes))
    for at in range(0, len(wanted), _IN_LIMIT):
        rows = await tx.all(
            select(vectors.c.content_hash, vectors.c.vector).where(
                vectors.c.model_id == model_id, vectors.c.content_hash.in_(wanted[at : at + _IN_LIMIT])
            )
        )
        found.update({row.content_hash: np.frombuffer(row.vector, "<f4") for row in rows})
    return found


async def keep_vectors(tx: Tx, model_id: str, fresh: Mapping[str, FloatArray]) -> None:
    """Store vectors; known ones stay."""
    statement = sqlite.insert(vectors) if tx.connection.dialect.name == "sqlite" else postgresql.insert(vectors)
    rows = [
        {"content_hash": key, "model_id": model_id, "vector": np.asarray(vector, "<f4").tobytes()}
        for key, vector in fresh.items()
    ]
    for at in range(0, len(rows), 200):
        await tx.execute(
            statement.values(rows[at : at + 200]).on_conflict_do_nothing(index_elements=["content_hash", "model_id"])
        )


def _release(row: Row[Any]) -> Release:
    return Release(row.id, row.number, row.kind, row.manifest, row.note, row.at, row.by)


async def current(tx: Tx) -> Release | None:
    """The release that answers now; None before the first."""
    row = await tx.first(select(releases).join(current_release, current_release.c.release_id == releases.c.id))
    return None if row is None else _release(row)


async def release(tx: Tx, release_id: str) -> Release:
    """A release. Raises NotFound."""
    row = await tx.first(select(releases).where(releases.c.id == release_id))
    if row is None:
        raise NotFound("release")
    return _release(row)


async def list_releases(tx: Tx, limit: int = 50) -> list[Release]:
    """The latest releases, newest first."""
    return [_release(row) for row in await tx.all(select(releases).order_by(releases.c.number.desc()).limit(limit))]


async def make_current(
    tx: Tx, manifest: Mapping[str, Any], *, kind: str, note: str, by: str, now: datetime, demo: bool = False
) -> Release:
    """Write a release, point at it, and set the articles' published revisions to its own.

    Raises Conflict when another release was made at the same moment.
    """
    number = int(await tx.scalar(select(func.coalesce(func.max(releases.c.number), 0)))) + 1
    release_id = new_id("rel")
    await tx.execute(
        insert(releases).values(
            id=release_id, number=number, kind=kind, manifest=dict(manifest), note=note, at=now, by=by, demo=demo
        )
    )
    changed = await tx.count(update(current_release).values(release_id=release_id, at=now))
    if changed == 0:
        await tx.execute(insert(current_release).values(one=1, release_id=release_id, at=now))
    await tx.execute(update(articles).where(articles.c.published_revision.is_not(None)).values(published_revision=None))
    for article_id, revision in manifest["articles"].items():
        await tx.execute(update(articles).where(articles.c.id == article_id).values(published_revision=revision))
    return await release(tx, release_id)


async def add_gap(
    tx: Tx,
    *,
    text: str,
    conversation_id: str,
    customer_id: str,
    exchange_id: str,
    decision: str,
    nearest_article_id: str | None,
    nearest_probability: float | None,
    now: datetime,
) -> None:
    """Remember a question without an answer; one per exchange."""
    statement = sqlite.insert(gaps) if tx.connection.dialect.name == "sqlite" else postgresql.insert(gaps)
    await tx.execute(
        statement.values(
            id=new_id("gap"),
            text=text,
            normalised=normalise(text),
            conversation_id=conversation_id,
            customer_id=customer_id,
            exchange_id=exchange_id,
            decision=decision,
            nearest_article_id=nearest_article_id,
            nearest_probability=None if nearest_probability is None else round(nearest_probability * 1000),
            at=now,
            demo=False,
        ).on_conflict_do_nothing(index_elements=["exchange_id"])
    )


async def recent_gaps(tx: Tx, since: datetime, limit: int = 2000) -> list[Row[Any]]:
    """Gaps since a moment, newest first."""
    return await tx.all(select(gaps).where(gaps.c.at >= since).order_by(gaps.c.at.desc()).limit(limit))


async def add_label(tx: Tx, *, exchange_id: str, query: str, article_id: str | None, now: datetime) -> None:
    """Remember which choice was tapped."""
    await tx.execute(
        insert(choice_labels).values(
            id=new_id("lab"), exchange_id=exchange_id, query=query, article_id=article_id, at=now
        )
    )


async def clear_demo(tx: Tx) -> None:
    """Remove what the demo brought, before a real knowledge base begins."""
    await tx.execute(delete(gaps).where(gaps.c.demo.is_(True)))
