"""What a release learns from itself: the ranker, the probabilities and the zones.

Every phrasing plays a question once while it is taken out of the index (its own article should be found), and once
while its whole article is taken out (nothing should be found). Sentences that belong to no service are the third kind.
From these come a ranker (a softmax over candidates), two probabilities (the first is right; one of the choices is) and,
on questions held out from them, the zones. Without vectors the same is learned from words alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from knowledge_base.classes import Classes, Examples, Trained, can_train, solve, train, train_best
from knowledge_base.corpus import Corpus, phrasing_vectors
from knowledge_base.features import FIRST, PAIR, Found, Query, Without, find, first_features, prepare_query, stack
from knowledge_base.logistic import Array, fit_binary, fit_choice, sigmoid
from knowledge_base.outside import outside_texts
from knowledge_base.types import FloatArray, IntArray, SearchSettings
from knowledge_base.zones import HeldOut, Zones, choose

_PRIOR_FILE = Path(__file__).parent / "data" / "prior.json"

# Examples of each kind. A few dozen numbers are learned, and each example costs about a millisecond.
_PHRASINGS, _LEFT_OUT = 900, 400
# Below this, what is delivered is better than what can be learned.
_FEWEST = 40
_RANKER_STRENGTH, _PROBABILITY_STRENGTH = 2.0, 0.5
_FOLDS = 5
# How much the three kinds of examples count together: asked, article left out, outside.
_SHARES = (0.60, 0.15, 0.25)
_SEED = 20_260_101

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Head:
    """All that is learned for one way of searching: with vectors, or with words alone."""

    ranker: tuple[float, ...]
    first: tuple[float, ...]
    among: tuple[float, ...]
    zones: Zones
    vector_weight: float = 1.0
    """How much more meaning counts than spelling in the classes."""

    def scores(self, found: Found) -> FloatArray:
        """The ranker's score of each candidate."""
        return np.asarray(found.pairs @ np.array(self.ranker, np.float32), np.float32)

    def probabilities(self, features: FloatArray) -> tuple[float, float]:
        """That the first is right, and that one of the choices is. The second is never the lower."""
        row = features.astype(np.float64)
        first = float(sigmoid(np.array([row @ np.array(self.first)]))[0])
        return first, max(first, float(sigmoid(np.array([row @ np.array(self.among)]))[0]))


@dataclass(frozen=True, slots=True)
class Learned:
    """Kept from publish to publish, so that a changed article changes nothing about the others."""

    dense: Head
    lexical: Head

    def to_json(self) -> dict[str, Any]:
        """Plain values for a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Learned:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError on anything else."""
        return cls(dense=_head(value["dense"]), lexical=_head(value["lexical"]))


def _head(value: Mapping[str, Any]) -> Head:
    numbers = {name: tuple(float(x) for x in value[name]) for name in ("ranker", "first", "among")}
    if len(numbers["ranker"]) != len(PAIR) or len(numbers["first"]) != len(FIRST) != len(numbers["among"]):
        raise ValueError("learned numbers of another engine")
    zones = Zones(float(value["zones"]["answer_from"]), float(value["zones"]["ask_from"]))
    return Head(numbers["ranker"], numbers["first"], numbers["among"], zones, float(value["vector_weight"]))


@cache
def _delivered(with_classes: bool) -> Learned:
    """What is used until a release can learn, and what learning is pulled towards. Learned from the demo's articles."""
    known = json.loads(_PRIOR_FILE.read_text(encoding="utf-8"))
    return Learned.from_json(known["with_classes" if with_classes else "without_classes"])


@dataclass(frozen=True, slots=True)
class Ways(Generic[_T]):
    """Something for each of the two ways of searching; None where the release is too large or has no vectors."""

    dense: _T | None
    lexical: _T | None


def delivered(corpus: Corpus) -> Learned:
    """What serves until something was learned from these articles."""
    return _delivered(can_train(corpus.phrasings, len(corpus.articles)))


def solve_classes(corpus: Corpus, learned: Learned) -> Ways[Classes]:
    """The classes of a release that has nothing to learn."""
    dense, lexical = _examples_of_classes(corpus)
    return Ways(solve(dense, learned.dense.vector_weight) if dense else None, solve(lexical, 1.0) if lexical else None)


def train_classes(corpus: Corpus) -> Ways[Trained]:
    """The classes, and what they would say if a phrasing or an article were missing."""
    dense, lexical = _examples_of_classes(corpus)
    return Ways(train_best(dense) if dense else None, train(lexical, 1.0) if lexical else None)


def _examples_of_classes(corpus: Corpus) -> tuple[Examples | None, Examples | None]:
    """With vectors and without; None where there are none, or the release is too large."""
    articles = len(corpus.articles)
    if not can_train(corpus.phrasings, articles):
        return None, None
    runs = corpus.runs.products()
    article_of = corpus.article_of[: corpus.phrasings]
    lexical = Examples(np.zeros_like(runs), runs, article_of, articles)
    if corpus.dense is None:
        return None, lexical
    vectors = phrasing_vectors(corpus)
    return Examples(vectors @ vectors.T, runs, article_of, articles), lexical


def learn(corpus: Corpus, brain: Ways[Trained], outside: Mapping[str, FloatArray], settings: SearchSettings) -> Learned:
    """Learn both heads. `outside` are vectors of `outside_texts()`; without them they teach words only."""
    delivered = _delivered(brain.lexical is not None)
    lexical = _learn_head(corpus, brain.lexical, dict.fromkeys(outside_texts()), delivered.lexical, settings, False)
    if corpus.dense is None:
        return Learned(delivered.dense, lexical)
    dense = _learn_head(corpus, brain.dense, dict(outside), delivered.dense, settings, True)
    return Learned(dense, lexical)


@dataclass(frozen=True, slots=True)
class _Example:
    kind: int
    found: Found
    right: int
    length: int


def _learn_head(
    corpus: Corpus,
    trained: Trained | None,
    outside: Mapping[str, FloatArray | None],
    delivered: Head,
    settings: SearchSettings,
    with_vectors: bool,
) -> Head:
    chance = np.random.default_rng(_SEED)
    examples = [e for e in _examples(corpus, trained, outside, chance, with_vectors) if len(e.found.articles)]
    asked = [e for e in examples if e.kind == 0]
    if len(asked) < _FEWEST:
        return replace(delivered, vector_weight=trained.classes.vector_weight) if trained else delivered
    choices = [
        (e.found.pairs.astype(np.float64), int(at[0]))
        for e in asked
        if len(at := np.flatnonzero(e.found.articles == e.right))
    ]
    ranker = fit_choice(choices, np.array(delivered.ranker), _RANKER_STRENGTH)
    rows, first_right, among_right = _judge(examples, ranker, settings.choices)
    kinds = np.array([e.kind for e in examples])
    importance = _importance(kinds)

    def fitted(labels: Array, prior: Sequence[float]) -> tuple[Array, Array]:
        def fit(at: IntArray) -> Array:
            return fit_binary(rows[at], labels[at], importance[at], np.array(prior), _PROBABILITY_STRENGTH)

        return fit(np.arange(len(rows))), _held_out(rows, fit, chance)

    first, first_held_out = fitted(first_right, delivered.first)
    among, among_held_out = fitted(among_right, delivered.among)
    held_out = HeldOut(kinds, first_held_out, first_right, among_held_out, among_right)
    zones = choose(held_out, delivered.zones, settings.precision, settings.false_answers, settings.needless_choices)
    weight = trained.classes.vector_weight if trained else delivered.vector_weight
    return Head(tuple(ranker.tolist()), tuple(first.tolist()), tuple(among.tolist()), zones, weight)


def _examples(
    corpus: Corpus,
    trained: Trained | None,
    outside: Mapping[str, FloatArray | None],
    chance: np.random.Generator,
    with_vectors: bool,
) -> list[_Example]:
    classes: Classes | None = trained.classes if trained else None
    order = chance.permutation(corpus.phrasings)
    examples: list[_Example] = []

    def query(row: int) -> Query:
        at = int(corpus.vector_at[row])
        vector = corpus.dense.index.matrix[at] if with_vectors and corpus.dense is not None and at >= 0 else None
        return prepare_query(corpus, corpus.rows[row].text, vector)

    def add(kind: int, asked: Query, without: Without | None, right: int) -> None:
        examples.append(_Example(kind, find(corpus, classes, asked, without), right, len(asked.text)))

    several = [row for row in order if _size(corpus, row) > 1]
    for row in several[:_PHRASINGS]:
        scores = trained.without_phrasing[row] if trained else None
        add(0, query(row), Without(slice(row, row + 1), None, scores), int(corpus.article_of[row]))
    if len(examples) < _FEWEST:
        return []
    for row in order[:_LEFT_OUT]:
        article = int(corpus.article_of[row])
        scores = trained.without_article[row] if trained else None
        add(1, query(row), Without(corpus.phrasing_rows(article), article, scores), -1)
    for text, vector in outside.items():
        # What a release knows word for word is not outside of it.
        if text not in corpus.exact:
            add(2, prepare_query(corpus, text, vector if with_vectors else None), None, -1)
    return examples


def _size(corpus: Corpus, row: int) -> int:
    span = corpus.phrasing_rows(int(corpus.article_of[row]))
    return int(span.stop) - int(span.start)


def _judge(examples: Sequence[_Example], ranker: Array, choices: int) -> tuple[Array, Array, Array]:
    """Features of the first candidate, whether it is right, and whether one of the choices is."""
    rows, first, among = [], [], []
    for example in examples:
        scores = np.asarray(example.found.pairs @ ranker, np.float32)
        order = np.argsort(-scores, kind="stable")
        found = example.found.articles[order]
        rows.append(first_features(example.found, scores, example.length))
        first.append(found[0] == example.right)
        among.append(example.right in found[:choices])
    return stack(rows).astype(np.float64), np.array(first, np.float64), np.array(among, np.float64)


def _importance(kinds: Array) -> Array:
    """Each kind counts by its share, whatever the number of its examples."""
    importance = np.zeros(len(kinds))
    asked = max(1, int((kinds == 0).sum()))
    for kind, share in enumerate(_SHARES):
        of_kind = kinds == kind
        importance[of_kind] = share / _SHARES[0] * asked / max(1, int(of_kind.sum()))
    return importance


def _held_out(rows: Array, fit: Callable[[IntArray], Array], chance: np.random.Generator) -> Array:
    """The probability of each example by weights that were learned without it."""
    fold = chance.integers(0, _FOLDS, len(rows))
    probabilities: Array = np.zeros(len(rows))
    for each in range(_FOLDS):
        inside = np.flatnonzero(fold == each)
        probabilities[inside] = sigmoid(np.asarray(rows[inside] @ fit(np.flatnonzero(fold != each))))
    return probabilities
