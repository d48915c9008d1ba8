"""`make bench-retrieval`: the search engine on real questions, beside what it must beat.

Each set is a folder with `kb.jsonl` (phrasings; the same `group` is the same answer), `queries.jsonl` (questions with
the `group` that answers them) and, where there is one, `oos.jsonl` (what belongs nowhere). Systems, on the same rows:

    char TF-IDF      cosine of character runs of one to three, the best phrasing of each group
    cosine           the encoder's plain cosine, likewise
    words only       our engine while the encoder is down
    words + vectors  our engine

`right_at_5%_false` is the share of questions answered rightly by the threshold at which 5 % of what belongs nowhere
gets an answer. `answered`, `precision` and `nowhere_answered` are at the zones that the release itself learned.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import publish
from core.normaliser import normalise
from knowledge_base.encoder.backends import Backend
from knowledge_base.encoder.build import default_model
from knowledge_base.encoder.choice import load
from knowledge_base.engine import ReleaseIndex, build_release
from knowledge_base.lexical import tfidf, unit_query
from knowledge_base.outside import outside_texts
from knowledge_base.types import Decision, FloatArray, IndexedArticle, IndexedText, TextKind
from knowledge_base.words import grams

_REPOSITORY = Path(__file__).resolve().parent.parent
_MODELS = Path(os.environ.get("FRONTLINE_DATA", _REPOSITORY / ".data")) / "models"
# A large set is searched by a sample, the same one each time.
_MOST_QUERIES = 2_000
_RESAMPLES = 1_000
_FALSE = 0.05

Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One folder: phrasings with their groups, questions with theirs, and what belongs nowhere."""

    name: str
    phrasings: list[tuple[str, str, str]]
    queries: list[tuple[str, str]]
    nowhere: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system says to one question: groups best first, how sure it is of the first, and its decision."""

    groups: list[str]
    sure: float
    decision: Decision | None = None


def main() -> int:
    """Exit status 0 also without data: then it says so and measures nothing."""
    folder = Path(os.environ.get("FRONTLINE_DATASETS", _REPOSITORY.parent / "shared" / "data")) / "retrieval"
    sets = [read(each) for each in sorted(folder.glob("*/")) if (each / "queries.jsonl").is_file()]
    if not sets:
        print(f"No sets under {folder}: set FRONTLINE_DATASETS to a folder that holds retrieval/NAME/*.jsonl.")
        return 0
    wanted = set(sys.argv[1:])
    encode = encoder(load(default_model(_MODELS), threads=1).backend)
    outside = dict(zip(outside_texts(), encode(outside_texts()), strict=True))
    numbers = {each.name: measure(each, encode, outside) for each in sets if not wanted or each.name in wanted}
    publish("retrieval", numbers)
    return 0


def read(folder: Path) -> DataSet:
    """Rows of one folder."""
    kb = [(row["group"], row["text"], row.get("answer", "")) for row in _rows(folder / "kb.jsonl")]
    queries = [(row["text"], row["group"]) for row in _rows(folder / "queries.jsonl")][:_MOST_QUERIES]
    nowhere = [row["text"] for row in _rows(folder / "oos.jsonl")] if (folder / "oos.jsonl").is_file() else []
    return DataSet(folder.name, kb, queries, nowhere)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


Encode = Callable[[Sequence[str]], FloatArray]


def encoder(backend: Backend) -> Encode:
    """The encoder with its vectors kept between runs, as a large set takes minutes."""
    folder = _REPOSITORY / "benchmarks" / "results" / "vectors"
    folder.mkdir(parents=True, exist_ok=True)

    def encode(texts: Sequence[str]) -> FloatArray:
        forms = [normalise(text) for text in texts]
        path = folder / (hashlib.sha256(f"{backend.name}{forms}".encode()).hexdigest()[:24] + ".npy")
        if not path.is_file():
            np.save(path, backend.encode(forms))
        return np.asarray(np.load(path), np.float32)

    return encode


def measure(data: DataSet, encode: Encode, outside: dict[str, FloatArray]) -> dict[str, Scores]:
    """All systems on one set."""
    print(f"{data.name}: {len(data.phrasings)} phrasings, {len(data.queries)} questions", file=sys.stderr)
    vectors = encode([text for _, text, _ in data.phrasings])
    asked = [text for text, _ in data.queries]
    query_vectors = encode(asked)
    nowhere_vectors = encode(data.nowhere) if data.nowhere else np.empty((0, vectors.shape[1]), np.float32)
    began = time.perf_counter()
    index = build_release(articles(data), dict(enumerate(vectors)), outside=outside)
    built_s = time.perf_counter() - began
    systems: dict[str, Callable[[str, FloatArray], Outcome]] = {
        "char TF-IDF": _floor(data),
        "cosine": _cosine(data, vectors),
        "words only": lambda text, _: _ours(index, text, None),
        "words + vectors": lambda text, vector: _ours(index, text, vector),
    }
    results = {}
    right: dict[str, list[bool]] = {}
    for name, answer in systems.items():
        began = time.perf_counter()
        found = [answer(text, vector) for text, vector in zip(asked, query_vectors, strict=True)]
        took_ms = (time.perf_counter() - began) * 1000 / max(1, len(found))
        strays = [answer(text, vector) for text, vector in zip(data.nowhere, nowhere_vectors, strict=True)]
        right[name] = [o.groups[:1] == [group] for o, (_, group) in zip(found, data.queries, strict=True)]
        results[name] = score(found, [group for _, group in data.queries], strays) | {"ms": took_ms}
    results["words + vectors"]["build_s"] = built_s
    low, high = interval(right["words + vectors"], right["cosine"])
    print(f"{data.name}: ours over cosine at first place {low:+.3f} to {high:+.3f} (95 %)", file=sys.stderr)
    return results


def articles(data: DataSet) -> list[IndexedArticle]:
    """Each group is an article, and its phrasings are variants under their row numbers."""
    texts: dict[str, list[IndexedText]] = {}
    for number, (group, text, _) in enumerate(data.phrasings):
        texts.setdefault(group, []).append(IndexedText(number, TextKind.VARIANT, text))
    return [IndexedArticle(group, 1, "", each[0].text, tuple(each)) for group, each in texts.items()]


def score(found: list[Outcome], groups: list[str], strays: list[Outcome]) -> Scores:
    """Shares over all questions."""
    total = max(1, len(found))
    pairs = list(zip(found, groups, strict=True))
    shares = {f"hit@{k}": sum(group in o.groups[:k] for o, group in pairs) / total for k in (1, 3, 5)}
    if strays:
        # The highest threshold that lets at most one in twenty through.
        limit = sorted((o.sure for o in strays), reverse=True)[int(_FALSE * len(strays))]
        sure = [o for o, group in pairs if o.sure > limit and o.groups[:1] == [group]]
        shares["right_at_5%_false"] = len(sure) / total
    given = [(o, group) for o, group in pairs if o.decision is Decision.ANSWER]
    if any(o.decision is not None for o in found):
        shares["answered"] = len(given) / total
        shares["precision"] = sum(o.groups[:1] == [group] for o, group in given) / max(1, len(given))
        shares["right_or_choice"] = sum(group in _shown(o) for o, group in pairs) / total
        if strays:
            answered = sum(o.decision is Decision.ANSWER for o in strays)
            shares["nowhere_answered"] = answered / len(strays)
    return shares


def _shown(outcome: Outcome) -> list[str]:
    """What a customer would see."""
    shown = {Decision.ANSWER: 1, Decision.ASK: 3, Decision.NONE: 0}
    return outcome.groups[: shown[outcome.decision or Decision.NONE]]


def interval(ours: list[bool], theirs: list[bool]) -> tuple[float, float]:
    """Paired bootstrap of the difference: the same questions are drawn for both."""
    difference = np.array(ours, float) - np.array(theirs, float)
    draws = np.random.default_rng(1).integers(0, len(difference), (_RESAMPLES, len(difference)))
    low, high = np.quantile(difference[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _ours(index: ReleaseIndex, text: str, vector: FloatArray | None) -> Outcome:
    result = index.search(text, vector, 5)
    sure = result.results[0].probability if result.results else 0.0
    return Outcome([hit.article_id for hit in result.results], sure, result.decision)


def _floor(data: DataSet) -> Callable[[str, FloatArray], Outcome]:
    postings = tfidf([grams(normalise(text)) for _, text, _ in data.phrasings])
    groups = [group for group, _, _ in data.phrasings]

    def answer(text: str, _: FloatArray) -> Outcome:
        return _best(postings.scores(unit_query(postings, grams(normalise(text)))), groups)

    return answer


def _cosine(data: DataSet, vectors: FloatArray) -> Callable[[str, FloatArray], Outcome]:
    groups = [group for group, _, _ in data.phrasings]
    return lambda _, vector: _best(vectors @ vector, groups)


def _best(scores: FloatArray, groups: list[str]) -> Outcome:
    """The five best groups by their best phrasing."""
    found: dict[str, float] = {}
    for at in np.argsort(-scores, kind="stable")[:200]:
        found.setdefault(groups[at], float(scores[at]))
        if len(found) == 5:
            break
    return Outcome(list(found), next(iter(found.values()), 0.0))


if __name__ == "__main__":
    sys.exit(main())
