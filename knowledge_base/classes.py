"""Which article a phrasing belongs to, learned from all phrasings of the release at once.

Nearest neighbours compare a question with one phrasing at a time. Kernel ridge regression weighs all of them: each
article is a class, each phrasing an example, and words that tell articles apart count for more than words they share.
It has what a release needs: it is solved in one step (half a second for three thousand phrasings), and what it would
have said of any phrasing, had that phrasing or its whole article been missing, follows from the same solution. Those
are the examples that ranker and thresholds are learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, get_lapack_funcs

from knowledge_base.types import FloatArray

# The solution is a dense matrix of phrasings × phrasings: 5,000 take 100 MB and some ten seconds to learn.
MAX_PHRASINGS = 5_000
# Scores are phrasings × articles: above this size a search would take too long.
MAX_SCORES = 6_000_000
# How much a single example is mistrusted. The results are flat between 0.3 and 3.
_RIDGE = 1.0
VECTOR_WEIGHTS = (1.0, 2.0, 3.0)


@dataclass(frozen=True, slots=True)
class Classes:
    """One weight for each phrasing and article, and how much more meaning counts than spelling."""

    weights: FloatArray
    vector_weight: float

    def scores(self, likeness: FloatArray, runs: FloatArray) -> FloatArray:
        """A score for each article, from a question's likeness with each phrasing in meaning and in spelling."""
        return np.asarray(kernel(self.vector_weight * likeness + runs) @ self.weights, np.float32)


@dataclass(frozen=True, slots=True)
class Trained:
    """Classes, and what they would say of each phrasing if it (or its article) had not been there."""

    classes: Classes
    without_phrasing: FloatArray
    without_article: FloatArray


def kernel(likeness: FloatArray) -> FloatArray:
    """The square makes close neighbours count more than their number."""
    return likeness + likeness * likeness


def can_train(phrasings: int, articles: int) -> bool:
    """Is the release small enough, and are there at least two classes?"""
    return articles > 1 and phrasings <= MAX_PHRASINGS and phrasings * articles <= MAX_SCORES


@dataclass(frozen=True, slots=True)
class Examples:
    """All phrasings of a release held against each other (square matrices), and the article of each by number."""

    likeness: FloatArray
    runs: FloatArray
    article_of: npt.NDArray[np.int32]
    articles: int


def solve(examples: Examples, vector_weight: float) -> Classes:
    """The classes alone, in a third of the time: for a release that has nothing to learn."""
    system, targets = _system(examples, vector_weight)
    factor = cho_factor(system, overwrite_a=True, check_finite=False)
    return Classes(np.ascontiguousarray(cho_solve(factor, targets, check_finite=False)), vector_weight)


def train_best(examples: Examples) -> Trained:
    """Try how much meaning should count, and keep what finds most phrasings that were left out.

    Where customers say the same thing in other words, meaning should count three times as much as spelling; where few
    words make the difference, no more.
    """
    best, found = train(examples, VECTOR_WEIGHTS[0]), -1.0
    for weight in VECTOR_WEIGHTS:
        trained = best if weight == best.classes.vector_weight else train(examples, weight)
        right = float(np.mean(trained.without_phrasing.argmax(axis=1) == examples.article_of))
        if right > found:
            best, found = trained, right
    return best


def _system(examples: Examples, vector_weight: float) -> tuple[FloatArray, FloatArray]:
    """Positive definite, as sums of cosines and their element-wise squares are: so the cheapest solver will do."""
    size = len(examples.article_of)
    targets = np.zeros((size, examples.articles), np.float32)
    targets[np.arange(size), examples.article_of] = 1.0
    together = kernel(np.float32(vector_weight) * examples.likeness + examples.runs)
    together[np.diag_indices(size)] += np.float32(_RIDGE)
    return together, targets


def train(examples: Examples, vector_weight: float) -> Trained:
    """The classes, and what they would say of each phrasing if something were missing."""
    system, targets = _system(examples, vector_weight)
    factor, _ = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
    (invert,) = get_lapack_funcs(("potri",), (factor,))
    triangle, _ = invert(factor, lower=True)
    inverse = np.tril(triangle) + np.tril(triangle, -1).T
    weights = inverse @ targets
    without_phrasing = targets - weights / np.diag(inverse)[:, None]
    without_article = np.empty_like(targets)
    for article in range(examples.articles):
        rows = np.flatnonzero(examples.article_of == article)
        if len(rows):
            block = inverse[np.ix_(rows, rows)]
            without_article[rows] = targets[rows] - np.linalg.solve(block, weights[rows])
            without_article[rows, article] = 0.0
    return Trained(Classes(np.ascontiguousarray(weights), vector_weight), without_phrasing, without_article)
