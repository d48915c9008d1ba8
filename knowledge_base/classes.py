"""Which article a phrasing belongs to, learned from all phrasings of the release at once.

Nearest neighbours compare a question with one phrasing at a time. Kernel ridge regression weighs all of them: each
article is a class, each phrasing an example, and words that tell articles apart count for more than words they share.
It has what a release needs: it is solved in one step (a second for two thousand phrasings), and what it would have
said of any phrasing, had that phrasing or its whole article been missing, follows from the same solution. Those are
the examples that ranker and thresholds are learned from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge_base.types import FloatArray

# The solution is a dense matrix of phrasings × phrasings: 5,000 take 200 MB and some ten seconds once.
MAX_PHRASINGS = 5_000
# Scores are phrasings × articles: above this size a search would take too long.
MAX_SCORES = 6_000_000
# How much a single example is mistrusted. The results are flat between 0.3 and 3.
_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Classes:
    """One weight for each phrasing and article."""

    weights: FloatArray

    def scores(self, likeness: FloatArray) -> FloatArray:
        """A score for each article, from a question's likeness with each phrasing."""
        return np.asarray(kernel(likeness) @ self.weights, np.float32)


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


def solve(likeness: FloatArray, article_of: npt.NDArray[np.int32], articles: int) -> Classes:
    """The classes alone, in a third of the time: for a release that has nothing to learn."""
    system, targets = _system(likeness, article_of, articles)
    return Classes(np.linalg.solve(system, targets).astype(np.float32))


def _system(
    likeness: FloatArray, article_of: npt.NDArray[np.int32], articles: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    size = len(article_of)
    targets = np.zeros((size, articles), np.float64)
    targets[np.arange(size), article_of] = 1.0
    return kernel(likeness).astype(np.float64) + _RIDGE * np.eye(size), targets


def train(likeness: FloatArray, article_of: npt.NDArray[np.int32], articles: int) -> Trained:
    """`likeness` is between all phrasings, square; `article_of` names the article of each by number."""
    system, targets = _system(likeness, article_of, articles)
    inverse = np.linalg.inv(system)
    weights = inverse @ targets
    without_phrasing = targets - weights / np.diag(inverse)[:, None]
    without_article = np.empty_like(targets)
    for article in range(articles):
        rows = np.flatnonzero(article_of == article)
        if len(rows):
            block = inverse[np.ix_(rows, rows)]
            without_article[rows] = targets[rows] - np.linalg.solve(block, weights[rows])
            without_article[rows, article] = 0.0
    return Trained(
        Classes(weights.astype(np.float32)),
        without_phrasing.astype(np.float32),
        without_article.astype(np.float32),
    )
