"""Likeness of meaning. The cosines of e5 all lie between 0.7 and 1, so they are taken from the release's own centre.

With the mean vector of all phrasings removed, unrelated texts have a likeness near zero and the order is better. The
index keeps the plain vectors; the centred cosine follows from the plain product and two numbers a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knowledge_base.index import VectorIndex
from knowledge_base.types import FloatArray, IntArray

_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Dense:
    """The vectors of a release. `rows` says which text each vector of the index belongs to."""

    index: VectorIndex
    rows: IntArray
    mean: FloatArray
    mean_products: FloatArray
    """Product of each vector with the mean."""
    lengths: FloatArray
    """Length of each vector after the mean is taken off."""

    @classmethod
    def of(cls, index: VectorIndex, rows: IntArray, phrasings: FloatArray) -> Dense:
        """`phrasings` are the vectors that the mean is taken over: questions, without passages."""
        mean = phrasings.mean(axis=0) if len(phrasings) else np.zeros(index.dim, np.float32)
        products = index.matrix @ mean
        lengths = np.sqrt(np.maximum(1.0 - 2.0 * products + mean @ mean, _TINY))
        return cls(index, rows, mean.astype(np.float32), products.astype(np.float32), lengths.astype(np.float32))

    def likeness(self, vector: FloatArray, at: IntArray | None = None) -> FloatArray:
        """Centred cosines with all vectors, or with those at some positions of the index."""
        matrix = self.index.matrix if at is None else self.index.matrix[at]
        products = self.mean_products if at is None else self.mean_products[at]
        lengths = self.lengths if at is None else self.lengths[at]
        length = float(np.linalg.norm(vector - self.mean)) or 1.0
        centred = matrix @ vector - products - np.float32(vector @ self.mean) + np.float32(self.mean @ self.mean)
        return np.asarray(centred / (lengths * np.float32(length)), np.float32)
