"""A release as something to search: built whole, immutable, shared by all threads, kept in a folder.

    question ──► word for word a phrasing? ──► answer
        └──► candidates (vectors, words) ──► ranker ──► guards ──► probability ──► answer | ask | none

`build_release` takes seconds when it learns and far less when it is handed what an earlier release learned; both are
for a thread. `search` takes about a millisecond for a thousand articles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from core.normaliser import normalise
from knowledge_base import files
from knowledge_base.calibration import Head, Learned, Ways, delivered, learn, solve_classes, train_classes
from knowledge_base.classes import Classes
from knowledge_base.corpus import Corpus, lay_out, same_examples
from knowledge_base.features import Found, find, first_features, prepare_query
from knowledge_base.files import ENGINE_VERSION, Stored
from knowledge_base.guards import SETBACK, Guards
from knowledge_base.guards import delivered as delivered_guards
from knowledge_base.index import use_one_thread
from knowledge_base.types import (
    Decision,
    FloatArray,
    Hit,
    IndexedArticle,
    SearchResult,
    SearchSettings,
    Vectors,
)

__all__ = ["ENGINE_VERSION", "ReleaseIndex", "build_release"]

# More than anybody types as a question; the rest of a pasted page would only blur it.
_LONGEST_QUESTION = 400


def build_release(
    articles: Sequence[IndexedArticle],
    vectors: Vectors | None,
    settings: SearchSettings | None = None,
    *,
    outside: Mapping[str, FloatArray] | None = None,
    learned: Learned | None = None,
    before: ReleaseIndex | None = None,
    release: str = "",
) -> ReleaseIndex:
    """Index these articles. Without vectors the release knows words only.

    `outside` are the vectors of `outside.outside_texts()`, from which it learns to refuse. With `learned` from an
    earlier release nothing is learned anew: a publish keeps ranker and thresholds. Vectors must be of one model.
    Beside it, what the release `before` made of the same phrasings is taken over; the index is the same without it.
    """
    use_one_thread()
    settings = settings or SearchSettings()
    vectors = vectors or {}
    dim = next((len(vector) for vector in vectors.values()), 0)
    corpus = lay_out(articles, vectors, dim, before.corpus if before else None)
    if learned is not None:
        if before is not None and before.learned == learned and same_examples(before.corpus, corpus):
            return ReleaseIndex(corpus, before.classes, learned, settings, release)
        return ReleaseIndex(corpus, solve_classes(corpus, learned), learned, settings, release)
    trained = train_classes(corpus)
    classes = Ways(
        trained.dense.classes if trained.dense else None, trained.lexical.classes if trained.lexical else None
    )
    return ReleaseIndex(corpus, classes, learn(corpus, trained, outside or {}, settings), settings, release)


def build_unlearned(articles: Sequence[IndexedArticle], settings: SearchSettings | None = None) -> ReleaseIndex:
    """Index these articles by words, with the delivered ranker and thresholds: in a third of the time."""
    use_one_thread()
    corpus = lay_out(articles, {}, 0)
    known = delivered(corpus)
    return ReleaseIndex(corpus, solve_classes(corpus, known), known, settings or SearchSettings(), "")


class ReleaseIndex:
    """One release. Never changes; a new release is a new object, and the old one serves until nobody holds it."""

    def __init__(
        self, corpus: Corpus, classes: Ways[Classes], learned: Learned, settings: SearchSettings, release: str
    ) -> None:
        use_one_thread()
        self.corpus = corpus
        self.classes = classes
        self._settings = settings
        self.learned = learned
        self.release = release
        self._guards = Guards((*delivered_guards(), *settings.opposites))
        self._sides = [self._article_sides(number) for number in range(len(corpus.articles))]

    @property
    def articles(self) -> int:
        """How many articles can be found."""
        return len(self.corpus.articles)

    @property
    def texts(self) -> int:
        """How many texts were handed in with its articles."""
        return sum(len(article.texts) for article in self.corpus.articles)

    @property
    def dim(self) -> int:
        """Length of the vectors; 0 when the release knows words only."""
        return self.corpus.dense.index.dim if self.corpus.dense else 0

    def search(self, query: str, vector: FloatArray | None = None, limit: int = 5) -> SearchResult:
        """Find what answers this question. Without a vector, or with one of another length, words alone decide."""
        text = normalise(query)[:_LONGEST_QUESTION]
        if vector is not None and (vector.shape != (self.dim,) or not np.isfinite(vector).all()):
            vector = None
        lexical = vector is None
        if not text or not self.corpus.articles:
            return SearchResult(Decision.NONE, (), self.release, lexical=lexical)
        exact = self._exact(text)
        if len(exact) == 1:
            hit = self._hit(exact[0], 1.0, 1.0)
            return SearchResult(Decision.ANSWER, (hit,), self.release, exact=True, lexical=lexical)
        if exact:
            hits = tuple(self._hit(row, 1.0, 1.0 / len(exact)) for row in exact[:limit])
            return SearchResult(Decision.ASK, hits, self.release, exact=True, lexical=lexical)
        return self._ranked(text, vector, limit)

    def _exact(self, text: str) -> list[int]:
        """The phrasings that are this question, one for each article."""
        rows = self.corpus.exact.get(text, ())
        by_article = {int(self.corpus.article_of[row]): row for row in reversed(rows)}
        return sorted(by_article.values())

    def _ranked(self, text: str, vector: FloatArray | None, limit: int) -> SearchResult:
        corpus = self.corpus
        head: Head = self.learned.lexical if vector is None else self.learned.dense
        classes = self.classes.lexical if vector is None else self.classes.dense
        found = find(corpus, classes, prepare_query(corpus, text, vector))
        if not len(found.articles):
            return SearchResult(Decision.NONE, (), self.release, lexical=vector is None)
        against = self._against(text, found)
        scores = head.scores(found) - np.float32(SETBACK) * against
        order = np.argsort(-scores, kind="stable")
        first, among = head.probabilities(first_features(found, scores, len(text)))
        zones = head.zones
        may_answer = not against[order[0]]
        if first >= zones.answer_from and may_answer:
            decision = Decision.ANSWER
        else:
            decision = Decision.ASK if among >= zones.ask_from else Decision.NONE
        shares = np.exp(scores - scores[order[0]])
        hits = tuple(
            self._hit(int(found.best_rows[at]), float(scores[at]), first * float(shares[at])) for at in order[:limit]
        )
        return SearchResult(decision, hits, self.release, lexical=vector is None)

    def _against(self, text: str, found: Found) -> FloatArray:
        """1 for each candidate that speaks of the opposite."""
        asked = self._guards.asked(text)
        conflicts = [self._guards.conflict(asked, self._sides[article]) for article in found.articles]
        return np.array(conflicts, np.float32)

    def _article_sides(self, number: int) -> bytes:
        article = self.corpus.articles[number]
        texts = [row.text for row in self.corpus.rows[self.corpus.phrasing_rows(number)]]
        return self._guards.answered([*texts, normalise(article.title)])

    def _hit(self, row: int, score: float, probability: float) -> Hit:
        found = self.corpus.rows[row]
        article = self.corpus.articles[found.article]
        texts = {text.question_id: text.text for text in article.texts}
        return Hit(
            article_id=article.article_id,
            question_id=found.question_id,
            question=texts[found.question_id],
            score=score,
            probability=probability,
            revision=article.revision,
            public=article.public,
        )

    def save(self, folder: Path) -> None:
        """Keep it in a folder, which appears whole or not at all; one that is there already stays."""
        stored = Stored(self.corpus, self.classes.dense, self.classes.lexical, self.learned, self._settings)
        files.save(stored, self.release, folder)

    @classmethod
    def load(cls, folder: Path) -> ReleaseIndex:
        """Read what `save` wrote. Raises ValueError when a file is damaged or of another engine."""
        stored, release = files.load(folder)
        return cls(stored.corpus, Ways(stored.dense, stored.lexical), stored.learned, stored.settings, release)
