"""The classifier: one ridge regression over meaning and spelling, and a probability that means what it says.

    scores = weight · vector·V + runs·R + bias      probability = softmax(sharpness · scores)

Solved in one step in its dual form. What it would say of a fifth of the examples, had it not seen them, follows from
the same solution; from these held-out answers come the sharpness, the threshold and the report. Each fifth holds
whole groups (a customer's matters, an article's questions), so that nothing is examined on what it has learned.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, get_lapack_funcs
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix

from tickets.sorting.features import BOXES, FloatArray, centred, counts, rarity, unit

FOLDS = 5
# The solution is a matrix of examples × examples: 2,500 take 25 MB and a second.
MAX_EXAMPLES = 2_500
MIN_EXAMPLES = 40
# A model says something by itself when it is right this often; below, a person sorts.
PRECISION = 0.85
_RIDGES = (0.3, 1.0)
_VECTOR_WEIGHTS = (1.0, 2.0, 4.0)
# Numbers are chosen on so many examples at most, since each choice costs one solution.
_TRIED_ON = 1_200
_SHARPNESS = (1.0, 60.0)
# The threshold lies between these: examples that are easy to tell apart would push it to the very top.
_LOWEST, _SAFE = 0.35, 0.95
_LEAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Example:
    """A text whose category is known. `group` keeps together what must be held out together."""

    text: str
    category_id: str
    group: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Guess:
    """What the model says: categories with probabilities, best first, and whether it would act on it."""

    items: tuple[tuple[str, float], ...]
    sure: bool

    @property
    def category_id(self) -> str:
        return self.items[0][0]

    @property
    def probability(self) -> float:
        return self.items[0][1]


@dataclass(frozen=True, slots=True)
class Head:
    """All that is learned for one way of reading: with vectors, or by words alone (`vectors` is empty then)."""

    categories: tuple[str, ...]
    runs: FloatArray
    rarity: FloatArray
    vectors: FloatArray
    middle: FloatArray
    bias: FloatArray
    sharpness: float
    threshold: float

    def probabilities(self, texts: Sequence[str], vectors: FloatArray | None) -> FloatArray:
        """A row for each text (cleaned), a column for each category."""
        scores = np.asarray(unit(counts(texts), self.rarity) @ self.runs.astype(np.float32)) + self.bias
        if vectors is not None and self.vectors.size:
            scores = scores + centred(vectors, self.middle) @ self.vectors.astype(np.float32)
        return softmax(scores * self.sharpness)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a head said of examples that it had not seen, and what was right, as numbers of categories."""

    categories: tuple[str, ...]
    probabilities: FloatArray
    right: npt.NDArray[np.int64]
    threshold: float


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples ready to be learned from: runs counted, vectors beside them where an encoder was there."""

    rows: tuple[Example, ...]
    counted: csr_matrix
    vectors: FloatArray | None
    folds: npt.NDArray[np.int64]

    def at(self, rows: npt.NDArray[np.int64]) -> Examples:
        """Some of them."""
        vectors = None if self.vectors is None else self.vectors[rows]
        return Examples(tuple(self.rows[i] for i in rows), self.counted[rows], vectors, self.folds[rows])


def fold_of(group: str) -> int:
    """Which fifth a group belongs to: the same one in every training, so that versions can be compared."""
    return crc32(f"exam:{group}".encode()) % FOLDS


def prepare(rows: Sequence[Example], vectors: FloatArray | None) -> Examples:
    """Count what stands in the texts (cleaned already). Takes a tenth of a millisecond for a sentence."""
    folds = np.array([fold_of(each.group) for each in rows], np.int64)
    return Examples(tuple(rows), counts([each.text for each in rows]), vectors, folds)


def learn(examples: Examples, *, with_vectors: bool) -> tuple[Head, HeldOut]:
    """Solve, hold out each fifth, and set sharpness and threshold by what was held out."""
    labels = sorted({each.category_id for each in examples.rows})
    ridge, weight = _choose(examples, labels, with_vectors)
    return _learn(examples, labels, ridge, weight if with_vectors else 0.0)


def _learn(examples: Examples, labels: list[str], ridge: float, weight: float) -> tuple[Head, HeldOut]:
    number = {label: at for at, label in enumerate(labels)}
    right = np.array([number[each.category_id] for each in examples.rows], np.int64)
    targets = np.eye(len(labels), dtype=np.float32)[right]
    rare = rarity(examples.counted)
    runs = unit(examples.counted, rare)
    together = np.asarray((runs @ runs.T).todense(), np.float32) + np.float32(1.0)
    middle, dense = np.empty(0, np.float32), np.empty((0, 0), np.float32)
    if weight and examples.vectors is not None:
        there = np.any(examples.vectors != 0, axis=1)
        middle = np.asarray(examples.vectors[there].mean(axis=0), np.float32)
        dense = centred(examples.vectors, middle)
        together += np.float32(weight) * (dense @ dense.T)
    mistrust = np.array([ridge / each.weight for each in examples.rows], np.float32)
    together[np.diag_indices(len(targets))] += mistrust
    inverse = _inverse(together)
    solved = np.asarray(inverse @ targets, np.float32)
    held_out = np.zeros_like(targets)
    for fold in range(FOLDS):
        rows = np.flatnonzero(examples.folds == fold)
        if len(rows):
            block = inverse[np.ix_(rows, rows)].astype(np.float64)
            held_out[rows] = targets[rows] - np.linalg.solve(block, solved[rows].astype(np.float64))
    importance = np.array([each.weight for each in examples.rows], np.float64)
    sharpness = _sharpness(held_out, right, importance)
    probabilities = softmax(held_out * sharpness)
    threshold = threshold_of(probabilities, right, importance)
    head = Head(
        categories=tuple(labels),
        runs=np.asarray(runs.T @ solved, np.float16),
        rarity=rare.astype(np.float16).astype(np.float32),
        vectors=np.asarray(weight * (dense.T @ solved), np.float16) if dense.size else np.empty((0, 0), np.float16),
        middle=middle,
        bias=np.asarray(solved.sum(axis=0), np.float32),
        sharpness=sharpness,
        threshold=threshold,
    )
    return head, HeldOut(tuple(labels), probabilities, right, threshold)


def _choose(examples: Examples, labels: list[str], with_vectors: bool) -> tuple[float, float]:
    """How much an example is mistrusted and how much meaning counts more than spelling, by what was held out."""
    some = examples
    if len(examples.rows) > _TRIED_ON:
        some = examples.at(np.sort(np.random.default_rng(1).permutation(len(examples.rows))[:_TRIED_ON]))
        labels = sorted({each.category_id for each in some.rows})
    best, lowest = (_RIDGES[0], _VECTOR_WEIGHTS[0]), np.inf
    for ridge in _RIDGES:
        for weight in _VECTOR_WEIGHTS if with_vectors else (0.0,):
            _, held = _learn(some, labels, ridge, weight)
            loss = _surprise(held.probabilities, held.right, np.ones(len(held.right)))
            if loss < lowest:
                best, lowest = (ridge, weight), loss
    return best


def _inverse(system: FloatArray) -> FloatArray:
    factor, _ = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
    (invert,) = get_lapack_funcs(("potri",), (factor,))
    triangle, _ = invert(factor, lower=True)
    return np.asarray(np.tril(triangle) + np.tril(triangle, -1).T, np.float32)


def softmax(scores: FloatArray) -> FloatArray:
    """Shares that sum to one in each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def _surprise(probabilities: FloatArray, right: npt.NDArray[np.int64], importance: npt.NDArray[np.float64]) -> float:
    said = np.clip(probabilities[np.arange(len(right)), right], 1e-6, 1.0)
    return float(-(importance * np.log(said)).sum() / importance.sum())


def _sharpness(scores: FloatArray, right: npt.NDArray[np.int64], importance: npt.NDArray[np.float64]) -> float:
    """The factor under which held-out probabilities are least surprised."""
    found = minimize_scalar(
        lambda factor: _surprise(softmax(scores * np.float32(factor)), right, importance),
        bounds=_SHARPNESS,
        method="bounded",
    )
    return float(found.x)


def threshold_of(probabilities: FloatArray, right: npt.NDArray[np.int64], importance: npt.NDArray[np.float64]) -> float:
    """The lowest probability from which on held-out answers were right often enough."""
    top = probabilities.max(axis=1)
    order = np.argsort(-top)
    weights = importance[order]
    hits = (probabilities.argmax(axis=1) == right)[order] * weights
    # One miss is added, so that a handful of lucky hits proves nothing.
    precise = np.cumsum(hits) / (np.cumsum(weights) + 1.0)
    # Equal probabilities are acted on together or not at all.
    last_of_equals = np.append(np.diff(top[order]) != 0, True)
    good = np.flatnonzero((precise >= PRECISION) & last_of_equals)
    return float(np.clip(top[order[good[-1]]], _LOWEST, _SAFE)) if len(good) else _SAFE


@dataclass(frozen=True, slots=True)
class Classifier:
    """A version: what serves, with vectors and by words, and what sits the exam (learned without the first fifth)."""

    dense: Head | None
    lexical: Head
    exam_dense: Head | None
    exam_lexical: Head

    def guess(self, text: str, vector: FloatArray | None, *, among: Sequence[str] = (), most: int = 5) -> Guess:
        """What a text (cleaned) is about. With `among` only these categories (or their branches) count."""
        head = self.dense if vector is not None and self.dense is not None else self.lexical
        row = head.probabilities([text], None if vector is None else vector[None, :])[0]
        return _guess(head, row, among, most)

    def to_bytes(self) -> bytes:
        """Everything as one file without code in it."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, head in (
            ("dense", self.dense),
            ("lexical", self.lexical),
            ("exam_dense", self.exam_dense),
            ("exam_lexical", self.exam_lexical),
        ):
            if head is None:
                continue
            arrays[f"{name}.categories"] = np.array(head.categories)
            arrays[f"{name}.numbers"] = np.array([head.sharpness, head.threshold])
            for part in ("runs", "rarity", "vectors", "middle", "bias"):
                value = getattr(head, part)
                arrays[f"{name}.{part}"] = value.astype(np.float16) if part == "rarity" else value
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # the stub takes `allow_pickle` for one of them
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Classifier:
        """What `to_bytes` gave. Raises ValueError or KeyError on anything else."""
        with np.load(io.BytesIO(data), allow_pickle=False) as file:

            def head(name: str) -> Head | None:
                if f"{name}.bias" not in file:
                    return None
                sharpness, threshold = (float(each) for each in file[f"{name}.numbers"])
                return Head(
                    categories=tuple(str(each) for each in file[f"{name}.categories"]),
                    runs=file[f"{name}.runs"],
                    rarity=file[f"{name}.rarity"].astype(np.float32),
                    vectors=file[f"{name}.vectors"],
                    middle=file[f"{name}.middle"],
                    bias=file[f"{name}.bias"],
                    sharpness=sharpness,
                    threshold=threshold,
                )

            lexical, exam = head("lexical"), head("exam_lexical")
            if lexical is None or exam is None or lexical.runs.shape[0] != BOXES:
                raise ValueError("not a classifier of this release")
            return cls(head("dense"), lexical, head("exam_dense"), exam)


def _guess(head: Head, row: FloatArray, among: Sequence[str], most: int) -> Guess:
    share = 1.0
    if among:
        inside = np.array([any(each == one or each.startswith(f"{one}/") for one in among) for each in head.categories])
        if inside.any():
            row = np.where(inside, row, 0.0).astype(np.float64)
            share = float(row.sum())
            row = row / max(share, 1e-30)
    order = np.argsort(-row)[:most]
    items = tuple((head.categories[at], round(float(row[at]), 4)) for at in order if row[at] > 0)
    # Where the model believes in another branch altogether, its choice within this one is no more than a guess.
    return Guess(items, bool(row[order[0]] >= head.threshold) and share >= _LEAST_SHARE)
