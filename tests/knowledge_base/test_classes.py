"""What the classes say of a phrasing that was left out is what classes learned without it would say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from knowledge_base.classes import VECTOR_WEIGHTS, Examples, kernel, solve, train, train_best

ARTICLE_OF = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3], np.int32)


def examples() -> Examples:
    """Ten phrasings of four articles, alike by chance."""
    vectors = np.random.default_rng(5).normal(size=(10, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = (vectors @ vectors.T).astype(np.float32)
    return Examples(likeness, np.abs(likeness) * np.float32(0.5), ARTICLE_OF, 4)


def without(rows: npt.NDArray[np.bool_]) -> Examples:
    """The same with some phrasings taken out."""
    whole = examples()
    keep = np.ix_(~rows, ~rows)
    return Examples(whole.likeness[keep], whole.runs[keep], ARTICLE_OF[~rows], 4)


def test_a_phrasing_left_out_is_judged_as_by_classes_without_it() -> None:
    """The shortcut and the long way agree."""
    whole, trained = examples(), train(examples(), 2.0)
    for row in range(len(ARTICLE_OF)):
        out = np.arange(len(ARTICLE_OF)) == row
        scores = solve(without(out), 2.0).scores(whole.likeness[row, ~out], whole.runs[row, ~out])
        assert np.allclose(trained.without_phrasing[row], scores, atol=1e-4)


def test_an_article_left_out_is_judged_as_by_classes_without_it() -> None:
    """For all its phrasings at once."""
    whole, trained = examples(), train(examples(), 1.0)
    for article in range(4):
        out = np.asarray(article == ARTICLE_OF)
        classes = solve(without(out), 1.0)
        for row in np.flatnonzero(out):
            scores = classes.scores(whole.likeness[row, ~out], whole.runs[row, ~out])
            scores[article] = 0.0
            assert np.allclose(trained.without_article[row], scores, atol=1e-4)


def test_solving_alone_gives_the_same_classes() -> None:
    """The quick way of a publish and the thorough one of learning."""
    trained, solved = train(examples(), 3.0), solve(examples(), 3.0)
    assert np.allclose(trained.classes.weights, solved.weights, atol=1e-4)
    assert solved.vector_weight == 3.0


def test_meaning_counts_as_much_as_finds_most() -> None:
    """The chosen weight is one of those tried, and none of the others finds more."""

    def right(weight: float) -> float:
        return float(np.mean(train(examples(), weight).without_phrasing.argmax(axis=1) == ARTICLE_OF))

    chosen = train_best(examples()).classes.vector_weight
    assert right(chosen) == max(right(weight) for weight in VECTOR_WEIGHTS)


def test_close_neighbours_count_more_than_their_number() -> None:
    """The kernel is convex for likenesses above nothing."""
    close, half = kernel(np.array([1.0, 0.5], np.float32))
    assert close > 2 * half
