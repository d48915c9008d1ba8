"""What is known of a question and an article together: the numbers that ranking and probability are learned from.

The same code serves a search and learning. For learning, a phrasing of the release plays the question, and `Without`
takes it, or its whole article, out of everything it is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knowledge_base.classes import Classes
from knowledge_base.corpus import Corpus, Int32Array
from knowledge_base.lexical import bm25_query, unit_query
from knowledge_base.types import FloatArray, IntArray
from knowledge_base.words import grams, words

PAIR = ("class", "vector", "vector_top3", "runs", "words", "body_vector", "body_words", "body_top3")
"""Of a question and an article."""

# Candidates from each side. More than enough: the right article is below the thirtieth text in one case of a thousand.
_NEAREST = 64
_LEXICAL = 48
_BODIES = 8
_ABSENT = -1.0
# Below this all are equally unlike, whether compared or absent.
_LEAST = -0.5
# An article without passages is taken to have a middling one. Without classes too, where a phrasing is all there is to
# go by, it follows the best phrasing instead, about as passages do where there are some.
_BODY, _BODY_SHARE = 0.3, 0.7


@dataclass(frozen=True, slots=True)
class Without:
    """What to leave out: one phrasing or a whole article, with the class scores that go with it."""

    rows: slice
    article: int | None
    class_scores: FloatArray | None


@dataclass(frozen=True, slots=True)
class Query:
    """A question in normal form, cut once. `vector` is None when words alone must do."""

    text: str
    vector: FloatArray | None
    runs: dict[str, float]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The candidate articles of a question by number, and a row of features for each."""

    articles: IntArray
    pairs: FloatArray
    best_rows: IntArray
    """The phrasing of each article that is most like the question."""
    known: float
    """Share of the question's weight in words that the release has seen at all."""


def prepare_query(corpus: Corpus, text: str, vector: FloatArray | None) -> Query:
    """Cut a normalised question for this release."""
    return Query(text, vector, unit_query(corpus.runs, grams(text)), words(text))


def find(corpus: Corpus, classes: Classes | None, query: Query, without: Without | None = None) -> Found:
    """Candidates and their features. Without any, the arrays are empty."""
    runs = corpus.runs.scores(query.runs)
    asked_words = corpus.phrasing_words.scores(bm25_query(corpus.phrasing_words, query.words))
    bodies = corpus.body_words.scores(bm25_query(corpus.body_words, query.words))
    if without is not None:
        runs[without.rows] = asked_words[without.rows] = _ABSENT
    lexical: list[IntArray] = [
        corpus.article_of[_top(scores, _LEXICAL)].astype(np.int64) for scores in (runs, asked_words)
    ]
    lexical.append(_top(bodies, _BODIES))
    likeness, passages = _likeness(corpus, query, None if classes else np.unique(np.concatenate(lexical)))
    if without is not None:
        likeness[without.rows] = _ABSENT
    class_scores = _class_scores(classes, likeness, runs, without)
    best_passages = np.full(len(corpus.articles), _ABSENT, np.float32)
    np.maximum.at(best_passages, corpus.article_of[corpus.phrasings :], passages)
    near_articles = corpus.article_of[_top(likeness, _NEAREST)].astype(np.int64)
    found: list[IntArray] = [*lexical, near_articles, _top(best_passages, _BODIES)]
    if class_scores is not None:
        found.append(_top(class_scores, _BODIES))
    articles = np.unique(np.concatenate(found)).astype(np.int64)
    if without is not None and without.article is not None:
        articles = articles[articles != without.article]
    if not len(articles):
        return Found(articles, np.empty((0, len(PAIR)), np.float32), articles, 0.0)
    segments = _Segments(corpus.starts, articles)
    near, runs, asked_words = likeness[segments.rows], runs[segments.rows], asked_words[segments.rows]
    nearest, most_words = segments.highest(near), segments.highest(asked_words)
    has_body = corpus.passage_starts[articles + 1] > corpus.passage_starts[articles]
    body_top3 = np.zeros(len(articles), np.float32)
    if has_body.any():
        body_segments = _Segments(corpus.passage_starts, articles[has_body])
        body_top3[has_body] = body_segments.mean_of_three(passages[body_segments.rows - corpus.phrasings])
    pairs = np.stack(
        [
            np.zeros(len(articles), np.float32) if class_scores is None else class_scores[articles],
            nearest,
            segments.mean_of_three(near),
            segments.highest(runs),
            most_words,
            np.where(has_body, best_passages[articles], _BODY_SHARE * nearest if classes is None else _BODY),
            np.where(has_body, bodies[articles], _BODY_SHARE * most_words if classes is None else _BODY),
            np.where(has_body, body_top3, _BODY_SHARE * nearest if classes is None else _BODY),
        ],
        axis=1,
    ).astype(np.float32)
    best_rows = segments.row_of_highest(near + runs)
    return Found(articles, np.maximum(pairs, _LEAST), best_rows, _known(corpus, query, without))


class _Segments:
    """The rows of some articles one after the other, for sums over each article in a few steps. None may be empty."""

    def __init__(self, starts: Int32Array, articles: IntArray) -> None:
        lengths = (starts[articles + 1] - starts[articles]).astype(np.int64)
        self._starts = np.cumsum(lengths) - lengths
        self._lengths = lengths
        self._segment = np.repeat(np.arange(len(articles)), lengths)
        self.rows: IntArray = np.arange(int(lengths.sum())) + np.repeat(starts[articles] - self._starts, lengths)

    def highest(self, values: FloatArray) -> FloatArray:
        """The highest value of each article."""
        return np.maximum.reduceat(values, self._starts)

    def row_of_highest(self, values: FloatArray) -> IntArray:
        """The row that has it."""
        order = np.lexsort((-values, self._segment))
        return np.asarray(self.rows[order[self._starts]], np.int64)

    def mean_of_three(self, values: FloatArray) -> FloatArray:
        """The mean of the three highest values of each article, of fewer where fewer are there."""
        order = np.lexsort((-values, self._segment))
        total = np.zeros(len(self._starts), np.float32)
        count = np.zeros(len(self._starts), np.float32)
        for place in range(3):
            has = self._lengths > place
            at = values[order[self._starts[has] + place]]
            there = at > _ABSENT
            total[has] += np.where(there, at, 0.0)
            count[has] += there
        return np.where(count > 0, total / np.maximum(count, 1.0), _ABSENT).astype(np.float32)


def _likeness(corpus: Corpus, query: Query, lexical: IntArray | None) -> tuple[FloatArray, FloatArray]:
    """Centred cosines with each phrasing, and with each passage.

    Given articles that words found, only these and those of the nearest texts are looked at; the rest is absent.
    """
    dense = corpus.dense
    if dense is None or query.vector is None:
        nothing = np.zeros(len(corpus.rows), np.float32)
        return nothing[: corpus.phrasings], nothing[corpus.phrasings :]
    likeness = np.full(len(corpus.rows), _ABSENT, np.float32)
    at = None
    if lexical is not None:
        nearest = corpus.article_of[dense.rows[dense.index.nearest(query.vector, _NEAREST)]]
        at = corpus.vector_at[corpus.rows_of(np.union1d(nearest, lexical))]
        at = at[at >= 0]
    likeness[dense.rows if at is None else dense.rows[at]] = dense.likeness(query.vector, at)
    return likeness[: corpus.phrasings], likeness[corpus.phrasings :]


def _class_scores(
    classes: Classes | None, likeness: FloatArray, runs: FloatArray, without: Without | None
) -> FloatArray | None:
    if classes is None:
        return None
    if without is not None:
        return without.class_scores
    # A text whose vector is still to be made is neither like nor unlike.
    return classes.scores(np.where(likeness > _ABSENT, likeness, np.float32(0.0)), runs)


def _top(scores: FloatArray, limit: int) -> IntArray:
    """Positions of the highest scores above zero, in no order."""
    if len(scores) > limit:
        at: IntArray = np.argpartition(scores, len(scores) - limit)[len(scores) - limit :]
        return at[scores[at] > 0]
    return np.flatnonzero(scores > 0)


def _known(corpus: Corpus, query: Query, without: Without | None) -> float:
    """For a phrasing that is left out, a word that nobody else uses is unknown."""
    own = 0 if without is None else 1
    whole = known = 0.0
    for term in set(query.words):
        weight = corpus.phrasing_words.idf_of(term)
        whole += weight
        seen = corpus.phrasing_words.frequency_of(term) > own or corpus.body_words.frequency_of(term) > 0
        known += weight if seen else 0.0
    return known / whole if whole else 0.0


FIRST = (
    "bias",
    "share",
    "margin",
    "class",
    "class_margin",
    "vector",
    "vector_margin",
    "runs",
    "words",
    "body_vector",
    "body_words",
    "known",
    "length",
)
"""Of a question and the order of its candidates, for the probability that the first is right."""


def first_features(found: Found, scores: FloatArray, length: int) -> FloatArray:
    """What tells whether the first candidate is right. `scores` are the ranker's; needs one candidate at least."""
    order = np.argsort(-scores, kind="stable")
    best = order[0]
    shares = np.exp(scores - scores[best])
    others = order[1:]
    pair = dict(zip(PAIR, found.pairs[best].tolist(), strict=True))

    def margin(column: str) -> float:
        values = found.pairs[:, PAIR.index(column)]
        return float(values[best] - values[others].max()) if len(others) else 0.5

    return np.array(
        [
            1.0,
            1.0 / float(shares.sum()),
            min(float(scores[best] - scores[others[0]]), 6.0) / 3.0 if len(others) else 2.0,
            pair["class"],
            margin("class"),
            pair["vector"],
            margin("vector"),
            pair["runs"],
            pair["words"],
            pair["body_vector"],
            pair["body_words"],
            found.known,
            min(np.log1p(length) / 4.0, 1.0),
        ],
        np.float32,
    )


def stack(rows: Sequence[FloatArray]) -> FloatArray:
    """Rows as a matrix, also when there are none."""
    return np.stack(rows) if rows else np.empty((0, len(FIRST)), np.float32)
