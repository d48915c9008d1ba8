"""How good a classifier is on what it had not seen, in numbers that people can check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tickets.categories import Tree
from tickets.sorting.model import Classifier, Example, Examples, HeldOut

IntArray = npt.NDArray[np.int64]
# Below this many examined rows a comparison says nothing.
FEWEST_EXAMINED = 10
# A first version must beat chance clearly.
_LEAST_ACCURACY = 0.4
# So many of customers' own matters make an exam by themselves.
_ENOUGH_OWN = 40


@dataclass(frozen=True, slots=True)
class Exam:
    """Two versions on the same rows, which neither has learned from."""

    rows: int
    candidate: float
    present: float | None


def macro_f1(said: Sequence[str], right: Sequence[str]) -> float:
    """The mean of F1 over the categories that occur."""
    scores = [_f1(said, right, each)[2] for each in sorted(set(right))]
    return float(np.mean(scores)) if scores else 0.0


def _f1(said: Sequence[str], right: Sequence[str], label: str) -> tuple[float, float, float]:
    hits = sum(a == b == label for a, b in zip(said, right, strict=True))
    precision = hits / max(1, sum(each == label for each in said))
    recall = hits / max(1, sum(each == label for each in right))
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def quality(held: HeldOut, tree: Tree) -> dict[str, Any]:
    """Accuracy, macro-F1, what it would act on and how often that is right, and each category by itself."""
    said = [held.categories[at] for at in held.probabilities.argmax(axis=1)]
    right = [held.categories[at] for at in held.right]
    hit = np.array([a == b for a, b in zip(said, right, strict=True)])
    sure = held.probabilities.max(axis=1) >= held.threshold
    parts = []
    for label in sorted(set(right)):
        precision, recall, f1 = _f1(said, right, label)
        parts.append(
            {
                "id": label,
                "name": tree.name(label),
                "examples": right.count(label),
                "precision": round(precision, 3),
                "recall": round(recall, 3),
                "f1": round(f1, 3),
            }
        )
    return {
        "accuracy": round(float(hit.mean()), 4),
        "macro_f1": round(macro_f1(said, right), 4),
        "threshold": round(held.threshold, 4),
        "coverage": round(float(sure.mean()), 4),
        "right_when_sure": round(float(hit[sure].mean()), 4) if sure.any() else 0.0,
        "categories": parts,
    }


def words_alone(rows: Sequence[Example], tree: Tree) -> dict[str, float]:
    """What the keywords would have said of the same rows."""
    said = [tree.sort(each.text) for each in rows]
    spoke = [a == each.category_id for a, each in zip(said, rows, strict=True) if tree.can_hold(a)]
    right = [a == each.category_id for a, each in zip(said, rows, strict=True)]
    return {
        "accuracy": round(float(np.mean(right)), 4),
        "coverage": round(len(spoke) / max(1, len(rows)), 4),
        "right_when_sure": round(float(np.mean(spoke)), 4) if spoke else 0.0,
    }


def own(held: HeldOut, mask: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy on what customers wrote, the knowledge base's own questions left out."""
    right = held.probabilities.argmax(axis=1)[mask] == held.right[mask]
    return {"rows": int(mask.sum()), "accuracy": round(float(right.mean()), 4) if mask.any() else 0.0}


def examine(examples: Examples, held: HeldOut, present: Classifier | None, customers: npt.NDArray[np.bool_]) -> Exam:
    """The first fifth: what the candidate says of it without having seen it, and what the present version says.

    Once customers' own matters are enough of it, only they are asked about.
    """
    rows: IntArray = np.flatnonzero((examples.folds == 0) & customers)
    if len(rows) < _ENOUGH_OWN:
        rows = np.flatnonzero(examples.folds == 0)
    right = [examples.rows[at].category_id for at in rows]
    if len(rows) < FEWEST_EXAMINED:
        return Exam(len(rows), 0.0, None)
    said = [held.categories[at] for at in held.probabilities[rows].argmax(axis=1)]
    if present is None:
        return Exam(len(rows), macro_f1(said, right), None)
    texts = [examples.rows[at].text for at in rows]
    vectors = None if examples.vectors is None else examples.vectors[rows]
    head = present.exam_dense if vectors is not None and present.exam_dense is not None else present.exam_lexical
    shares = head.probabilities(texts, vectors)
    theirs = [head.categories[at] for at in shares.argmax(axis=1)]
    return Exam(len(rows), macro_f1(said, right), macro_f1(theirs, right))


def verdict(exam: Exam, quality_: dict[str, Any], *, loses_vectors: bool) -> tuple[bool, str]:
    """Whether to activate, and why (not): a version never makes place for a worse one."""
    if loses_vectors:
        return False, "encoder_away"
    if exam.present is None:
        good = quality_["accuracy"] >= _LEAST_ACCURACY
        return good, "first" if good else "too_weak"
    if round(exam.candidate, 3) >= round(exam.present, 3):
        return True, "not_worse"
    return False, "worse"


__all__ = ["Exam", "examine", "macro_f1", "own", "quality", "verdict", "words_alone"]
