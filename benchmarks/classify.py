"""`make bench-classify`: the classifier of tickets on real complaints, five-fold, beside what it must beat.

Reads each `tickets/NAME.jsonl` under FRONTLINE_DATASETS: rows with `text`, `intent` (the department) and, where there
is one, `title`. Every system learns from the same four fifths and is asked about the fifth that is left, in order:

    majority         the department that is most frequent
    char TF-IDF      character runs of one to three (seen twice at least), a linear support vector machine
    words only       our classifier while the encoder is down
    words + vectors  our classifier

`covered` and `right_when_sure` are at the threshold that the classifier set for itself from the rows it learned on;
`calibration_error` is the mean distance between the probability it gave and how often it was right (ten bins).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from benchmarks.report import publish
from benchmarks.retrieval import interval
from core.normaliser import normalise
from knowledge_base.encoder.build import default_model
from knowledge_base.encoder.choice import load
from tickets.sorting import model
from tickets.sorting.features import FloatArray, clean
from tickets.sorting.model import Example, Head
from tickets.sorting.vectors import of_texts

_REPOSITORY = Path(__file__).resolve().parent.parent
_MODELS = Path(os.environ.get("FRONTLINE_DATA", _REPOSITORY / ".data")) / "models"
_FOLDS, _SEED = 5, 20_260_101


@dataclass(frozen=True, slots=True)
class Said:
    """What a system said to one row: the label, how sure it was, and whether it would have acted."""

    label: str
    sure: float = 1.0
    acts: bool | None = None


# Texts, labels and rows to ask about → an answer for each.
System = Callable[[list[int], list[int]], list[Said]]


def main() -> int:
    """Exit status 0 also without data: then it says so and measures nothing."""
    folder = Path(os.environ.get("FRONTLINE_DATASETS", _REPOSITORY.parent / "shared" / "data")) / "tickets"
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        print(f"No sets under {folder}: set FRONTLINE_DATASETS to a folder that holds tickets/NAME.jsonl.")
        return 0
    publish("classify", {each.stem: measure(each) for each in files})
    return 0


def measure(path: Path) -> dict[str, dict[str, float]]:
    """All systems on one set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    texts = [f"{row['title']}\n{row['text']}" if row.get("title") else row["text"] for row in rows]
    labels = [row["intent"] for row in rows]
    print(f"{path.stem}: {len(rows)} rows, {len(set(labels))} labels", file=sys.stderr)
    cleaned = [clean(text) for text in texts]
    backend = load(default_model(_MODELS), threads=1).backend
    vectors = of_texts(texts, lambda parts: np.asarray(backend.encode([normalise(each) for each in parts]), np.float32))
    folds = list(StratifiedKFold(_FOLDS, shuffle=True, random_state=_SEED).split(texts, labels))
    systems: dict[str, System] = {
        "majority": lambda known, asked: _majority(labels, known, asked),
        "char TF-IDF": lambda known, asked: _tfidf(texts, labels, known, asked),
        "words only": lambda known, asked: _ours(cleaned, labels, None, known, asked),
        "words + vectors": lambda known, asked: _ours(cleaned, labels, vectors, known, asked),
    }
    results: dict[str, dict[str, float]] = {}
    right: dict[str, list[bool]] = {}
    for name, answer in systems.items():
        began, said = time.perf_counter(), dict[int, Said]()
        for known, asked in folds:
            said.update(zip(asked.tolist(), answer(known.tolist(), asked.tolist()), strict=True))
        took = time.perf_counter() - began
        in_order = [said[at] for at in range(len(rows))]
        right[name] = [each.label == label for each, label in zip(in_order, labels, strict=True)]
        results[name] = _score(in_order, labels) | {"seconds": took / _FOLDS}
    low, high = interval(right["words + vectors"], right["char TF-IDF"])
    print(f"{path.stem}: ours over char TF-IDF {low:+.3f} to {high:+.3f} (95 %)", file=sys.stderr)
    return results


def _score(said: Sequence[Said], labels: Sequence[str]) -> dict[str, float]:
    right = np.array([each.label == label for each, label in zip(said, labels, strict=True)], float)
    guessed = [each.label for each in said]
    scores = {"accuracy": float(right.mean()), "macro_f1": float(f1_score(labels, guessed, average="macro"))}
    if all(each.acts is not None for each in said):
        acts = np.array([bool(each.acts) for each in said])
        sure = np.array([each.sure for each in said])
        scores["covered"] = float(acts.mean())
        scores["right_when_sure"] = float(right[acts].mean()) if acts.any() else 0.0
        bins = np.minimum((sure * 10).astype(int), 9)
        gaps = [abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
        scores["calibration_error"] = float(sum(gaps))
    return scores


def _majority(labels: list[str], known: list[int], asked: list[int]) -> list[Said]:
    seen = [labels[at] for at in known]
    return [Said(max(sorted(set(seen)), key=seen.count))] * len(asked)


def _tfidf(texts: list[str], labels: list[str], known: list[int], asked: list[int]) -> list[Said]:
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True, min_df=2),
        LinearSVC(C=1.0),
    )
    pipeline.fit([texts[at] for at in known], [labels[at] for at in known])
    return [Said(str(each)) for each in pipeline.predict([texts[at] for at in asked])]


def _ours(
    texts: list[str], labels: list[str], vectors: FloatArray | None, known: list[int], asked: list[int]
) -> list[Said]:
    rows = [Example(texts[at], labels[at], str(at)) for at in known]
    head: Head
    head, _ = model.learn(
        model.prepare(rows, None if vectors is None else vectors[known]), with_vectors=vectors is not None
    )
    shares = head.probabilities([texts[at] for at in asked], None if vectors is None else vectors[asked])
    best = shares.argmax(axis=1)
    top = shares.max(axis=1)
    return [
        Said(head.categories[at], float(share), bool(share >= head.threshold))
        for at, share in zip(best, top, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
