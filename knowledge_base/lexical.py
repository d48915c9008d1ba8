"""Inverted lists with ready-made weights: a search adds up a few short arrays.

`tfidf` gives cosines between character runs, `bm25` the share of a query's weight that a document covers. Both are the
same structure with other weights. Immutable; searches in several threads are safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

from knowledge_base.types import FloatArray

Int32Array = npt.NDArray[np.int32]
# The usual values of BM25. Questions are short, so length says little and counts half.
_K1, _B = 1.2, 0.4


@dataclass(frozen=True, slots=True)
class Postings:
    """For each term its documents and the weight of the term in each; `starts` cuts the two long arrays."""

    vocabulary: dict[str, int]
    starts: Int32Array
    documents: Int32Array
    weights: FloatArray
    idf: FloatArray
    frequency: Int32Array
    size: int
    unknown_idf: float

    def scores(self, query: dict[str, float]) -> FloatArray:
        """Sum over the query's terms of its weight times the document's, for every document."""
        total = np.zeros(self.size, np.float32)
        found = [(self.vocabulary[term], weight) for term, weight in query.items() if term in self.vocabulary]
        if not found:
            return total
        spans = [slice(self.starts[term], self.starts[term + 1]) for term, _ in found]
        documents = np.concatenate([self.documents[span] for span in spans])
        parts = [self.weights[span] * np.float32(weight) for span, (_, weight) in zip(spans, found, strict=True)]
        return np.bincount(documents, np.concatenate(parts), self.size).astype(np.float32)

    def products(self) -> FloatArray:
        """The product of each document with each: for `tfidf`, all cosines at once."""
        columns = csc_array((self.weights, self.documents, self.starts), shape=(self.size, len(self.vocabulary)))
        return np.asarray((columns @ columns.T).toarray(), np.float32)

    def idf_of(self, term: str) -> float:
        """How telling a term is; one that no document has tells most."""
        at = self.vocabulary.get(term)
        return self.unknown_idf if at is None else float(self.idf[at])

    def frequency_of(self, term: str) -> int:
        """In how many documents the term stands."""
        at = self.vocabulary.get(term)
        return 0 if at is None else int(self.frequency[at])


def tfidf(documents: Sequence[Sequence[str]]) -> Postings:
    """Documents as unit vectors of (1 + log count) × idf. Query with `unit_query`."""
    counts = [Counter(terms) for terms in documents]
    frequency = Counter(term for count in counts for term in count)
    idf = {term: float(np.log((1 + len(counts)) / (1 + n)) + 1) for term, n in frequency.items()}
    rows = []
    for count in counts:
        row = {term: (1 + float(np.log(n))) * idf[term] for term, n in count.items()}
        length = float(np.sqrt(sum(w * w for w in row.values()))) or 1.0
        rows.append({term: w / length for term, w in row.items()})
    return _postings(rows, idf, frequency, float(np.log(1 + len(counts)) + 1))


def bm25(documents: Sequence[Sequence[str]]) -> Postings:
    """Documents by BM25. Query with `bm25_query`, which scales the best possible score to about one."""
    counts = [Counter(terms) for terms in documents]
    frequency = Counter(term for count in counts for term in count)
    size = len(counts)
    idf = {term: float(np.log(1 + (size - n + 0.5) / (n + 0.5))) for term, n in frequency.items()}
    lengths = [sum(count.values()) for count in counts]
    mean = (sum(lengths) / size if size else 0.0) or 1.0
    rows = [
        {term: idf[term] * n * (_K1 + 1) / (n + _K1 * (1 - _B + _B * length / mean)) for term, n in count.items()}
        for count, length in zip(counts, lengths, strict=True)
    ]
    return _postings(rows, idf, frequency, float(np.log(1 + (size + 0.5) / 0.5)))


def unit_query(postings: Postings, terms: Sequence[str]) -> dict[str, float]:
    """A query for `tfidf`: unit length over all its terms, so what no document has lowers every cosine."""
    weights = {t: (1 + float(np.log(n))) * postings.idf_of(t) for t, n in Counter(terms).items()}
    length = float(np.sqrt(sum(w * w for w in weights.values()))) or 1.0
    return {term: w / length for term, w in weights.items()}


def bm25_query(postings: Postings, terms: Sequence[str]) -> dict[str, float]:
    """A query for `bm25`: each term once, scaled by the weight that all of them have together."""
    whole = sum(postings.idf_of(term) for term in set(terms)) or 1.0
    return dict.fromkeys(set(terms), 1.0 / whole)


def _postings(
    rows: list[dict[str, float]], idf: dict[str, float], frequency: Counter[str], unknown_idf: float
) -> Postings:
    vocabulary = {term: at for at, term in enumerate(sorted(idf))}
    terms = np.fromiter((vocabulary[t] for row in rows for t in row), np.int32)
    documents = np.repeat(np.arange(len(rows), dtype=np.int32), [len(row) for row in rows])
    weights = np.fromiter((w for row in rows for w in row.values()), np.float32)
    order = np.argsort(terms, kind="stable")
    starts = np.zeros(len(vocabulary) + 1, np.int32)
    np.cumsum(np.bincount(terms, minlength=len(vocabulary)), out=starts[1:])
    return Postings(
        vocabulary=vocabulary,
        starts=starts,
        documents=documents[order],
        weights=weights[order],
        idf=np.array([idf[term] for term in vocabulary], np.float32),
        frequency=np.array([frequency[term] for term in vocabulary], np.int32),
        size=len(rows),
        unknown_idf=unknown_idf,
    )
