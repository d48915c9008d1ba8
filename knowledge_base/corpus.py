"""A release laid out for search: its texts as rows, grouped by article, and what a query is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.normaliser import normalise
from knowledge_base.dense import Dense
from knowledge_base.index import VectorIndex
from knowledge_base.lexical import Postings, bm25, tfidf
from knowledge_base.types import FloatArray, IndexedArticle, IntArray, TextKind, Vectors
from knowledge_base.words import grams, words

Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Row:
    """One searched text in normal form."""

    question_id: int
    article: int
    kind: TextKind
    text: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """Phrasings come first, grouped by article and in the order of articles; passages follow in the same order."""

    articles: tuple[IndexedArticle, ...]
    rows: tuple[Row, ...]
    phrasings: int
    article_of: Int32Array
    """Number of the article of each row."""
    starts: Int32Array
    """Where the phrasings of each article begin; one more entry at the end."""
    passage_starts: Int32Array
    """The same for passages."""
    exact: dict[str, tuple[int, ...]]
    """Normal form of a phrasing → its rows."""
    runs: Postings
    """Character runs of phrasings, by cosine."""
    phrasing_words: Postings
    body_words: Postings
    """Words of title and passages of each article: what the answer says, whatever customers call it."""
    dense: Dense | None
    vector_at: IntArray
    """Position of each row's vector in the index, or -1."""

    @property
    def asked(self) -> list[str]:
        """All phrasings in normal form."""
        return [row.text for row in self.rows[: self.phrasings]]

    def phrasing_rows(self, article: int) -> slice:
        """The phrasings of one article."""
        return slice(int(self.starts[article]), int(self.starts[article + 1]))

    def rows_of(self, articles: IntArray) -> IntArray:
        """All rows of some articles, passages included."""
        spans = [
            np.arange(starts[article], starts[article + 1])
            for article in articles
            for starts in (self.starts, self.passage_starts)
        ]
        return np.concatenate(spans).astype(np.int64) if spans else np.empty(0, np.int64)


def lay_out(articles: Sequence[IndexedArticle], vectors: Vectors, dim: int, before: Corpus | None = None) -> Corpus:
    """Normalise, cut and index. Articles without any phrasing are left out; `dim` 0 makes no vector index.

    What a release `before` made of the same phrasings is taken over: most publishes change an answer only.
    """
    kept = tuple(a for a in articles if _phrasings(a))
    rows = [row for number, a in enumerate(kept) for row in _phrasings(a, number)]
    phrasings = len(rows)
    rows += [row for number, a in enumerate(kept) for row in _passages(a, number)]
    article_of = np.array([row.article for row in rows], np.int32)
    numbers = np.arange(len(kept) + 1)
    starts = np.searchsorted(article_of[:phrasings], numbers).astype(np.int32)
    passage_starts = (phrasings + np.searchsorted(article_of[phrasings:], numbers)).astype(np.int32)
    exact: dict[str, tuple[int, ...]] = {}
    for at, row in enumerate(rows[:phrasings]):
        if row.text:
            exact[row.text] = (*exact.get(row.text, ()), at)
    for number, article in enumerate(kept):
        exact.setdefault(normalise(article.title), (int(starts[number]),))
    exact.pop("", None)
    asked = [row.text for row in rows[:phrasings]]
    same = before if before is not None and before.asked == asked else None
    dense, vector_at = _dense(rows, phrasings, vectors, dim)
    return Corpus(
        articles=kept,
        rows=tuple(rows),
        phrasings=phrasings,
        article_of=article_of,
        starts=starts,
        passage_starts=passage_starts,
        exact=exact,
        runs=same.runs if same else tfidf([grams(text) for text in asked]),
        phrasing_words=same.phrasing_words if same else bm25([words(text) for text in asked]),
        body_words=bm25(_bodies(kept, rows[phrasings:])),
        dense=dense,
        vector_at=vector_at,
    )


def _phrasings(article: IndexedArticle, number: int = 0) -> list[Row]:
    """Each normal form once; of doubles the first stays, and the title counts only when nothing else says it."""
    order = {TextKind.QUESTION: 0, TextKind.VARIANT: 1, TextKind.TITLE: 2}
    texts = sorted((t for t in article.texts if t.kind in order), key=lambda t: order[t.kind])
    seen: dict[str, Row] = {}
    for text in texts:
        form = normalise(text.text)
        if form:
            seen.setdefault(form, Row(text.question_id, number, text.kind, form))
    return list(seen.values())


def _passages(article: IndexedArticle, number: int) -> list[Row]:
    return [
        Row(text.question_id, number, text.kind, normalise(text.text))
        for text in article.texts
        if text.kind is TextKind.PASSAGE
    ]


def _bodies(articles: Sequence[IndexedArticle], passages: Sequence[Row]) -> list[list[str]]:
    bodies = [list(words(normalise(article.title))) for article in articles]
    for row in passages:
        bodies[row.article].extend(words(row.text))
    return bodies


def _dense(rows: list[Row], phrasings: int, vectors: Vectors, dim: int) -> tuple[Dense | None, IntArray]:
    vector_at = np.full(len(rows), -1, np.int64)
    having = [at for at, row in enumerate(rows) if row.question_id in vectors] if dim else []
    if not having:
        return None, vector_at
    vector_at[having] = np.arange(len(having))
    matrix = np.stack([vectors[rows[at].question_id] for at in having]).astype(np.float32)
    ids = np.array([rows[at].question_id for at in having], np.int64)
    asked = np.array([at < phrasings for at in having])
    index = VectorIndex.of(ids, matrix, dim)
    return Dense.of(index, np.array(having, np.int64), matrix[asked]), vector_at


def same_examples(one: Corpus, other: Corpus) -> bool:
    """Whether both teach the same about which phrasing belongs to which article."""
    return (
        len(one.articles) == len(other.articles)
        and one.asked == other.asked
        and np.array_equal(one.article_of[: one.phrasings], other.article_of[: other.phrasings])
        and np.array_equal(_vectors_of(one), _vectors_of(other))
    )


def _vectors_of(corpus: Corpus) -> FloatArray:
    """The vectors of all phrasings as they came, zeros where there is none."""
    at = corpus.vector_at[: corpus.phrasings]
    dim = corpus.dense.index.dim if corpus.dense is not None else 0
    found = np.zeros((len(at), dim), np.float32)
    if corpus.dense is not None:
        found[at >= 0] = corpus.dense.index.matrix[at[at >= 0]]
    return found


def phrasing_vectors(corpus: Corpus) -> FloatArray:
    """Centred vectors of length one of all phrasings, zeros where there is none: their products are likenesses."""
    if corpus.dense is None:
        return np.zeros((corpus.phrasings, 1), np.float32)
    dense = corpus.dense
    centred = np.zeros((corpus.phrasings, dense.index.dim), np.float32)
    at = corpus.vector_at[: corpus.phrasings]
    having = at >= 0
    centred[having] = (dense.index.matrix[at[having]] - dense.mean) / dense.lengths[at[having], None]
    return centred
