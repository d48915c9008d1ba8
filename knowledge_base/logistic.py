"""Two small convex problems, each solved by Newton's method in a few steps: no library, no randomness.

Both pull their weights towards a prior. With few examples the prior decides, with many the examples do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_STEPS = 50
_CLOSE = 1e-8


def sigmoid(values: Array) -> Array:
    """1 / (1 + e^-x), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))


def fit_choice(examples: Sequence[tuple[Array, int]], prior: Array, strength: float) -> Array:
    """Weights under which the right row of each example has the highest softmax share.

    An example is a matrix of candidates and the number of the right one. `strength` is that of the pull to `prior`.
    """
    if not examples:
        return prior.copy()
    rows = np.concatenate([matrix for matrix, _ in examples])
    starts = np.cumsum([0, *(len(matrix) for matrix, _ in examples)])[:-1]
    lengths = np.array([len(matrix) for matrix, _ in examples])
    right = rows[starts + np.array([at for _, at in examples])]
    segment = np.repeat(np.arange(len(examples)), lengths)

    def shares(weights: Array) -> tuple[Array, float]:
        scores = rows @ weights
        top = np.maximum.reduceat(scores, starts)
        powers = np.exp(scores - top[segment])
        sums = np.add.reduceat(powers, starts)
        gap = weights - prior
        loss = float(np.sum(np.log(sums) + top) - np.sum(right @ weights) + 0.5 * strength * gap @ gap)
        return powers / sums[segment], loss

    def slopes(weights: Array) -> tuple[Array, Array]:
        share, _ = shares(weights)
        weighted = rows * share[:, None]
        means = np.add.reduceat(weighted, starts, axis=0)
        gradient = means.sum(axis=0) - right.sum(axis=0) + strength * (weights - prior)
        curvature = rows.T @ weighted - means.T @ means + strength * np.eye(len(prior))
        return gradient, curvature

    return _minimise(prior, lambda w: shares(w)[1], slopes)


def fit_binary(rows: Array, labels: Array, importance: Array, prior: Array, strength: float) -> Array:
    """Weights of a logistic regression; `importance` is how much each example counts."""
    if len(rows) == 0:
        return prior.copy()

    def loss(weights: Array) -> float:
        scores = rows @ weights
        gap = weights - prior
        return float(importance @ (np.logaddexp(0.0, scores) - labels * scores) + 0.5 * strength * gap @ gap)

    def slopes(weights: Array) -> tuple[Array, Array]:
        chances = sigmoid(rows @ weights)
        gradient = rows.T @ (importance * (chances - labels)) + strength * (weights - prior)
        spread = importance * chances * (1.0 - chances)
        return gradient, (rows * spread[:, None]).T @ rows + strength * np.eye(len(prior))

    return _minimise(prior, loss, slopes)


def _minimise(start: Array, loss, slopes) -> Array:  # type: ignore[no-untyped-def]
    weights, now = start.copy(), loss(start)
    for _ in range(_STEPS):
        gradient, curvature = slopes(weights)
        step = np.linalg.solve(curvature, gradient)
        scale = 1.0
        # A full step may overshoot far from the minimum; half steps never do for long.
        while loss(weights - scale * step) > now and scale > _CLOSE:
            scale /= 2
        weights = weights - scale * step
        before, now = now, loss(weights)
        if before - now < _CLOSE * (1.0 + abs(now)):
            break
    return weights
