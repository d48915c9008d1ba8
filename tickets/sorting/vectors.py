"""One vector for a matter, however long: its first sentence counts as much as all that follows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tickets.sorting.features import FloatArray, opening, pieces

Encode = Callable[[Sequence[str]], FloatArray]


def cut(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Opening and pieces of all texts in order, and how many each text has."""
    cut_up = [[opening(text), *pieces(text)] for text in texts]
    return [piece for each in cut_up for piece in each], [len(each) for each in cut_up]


def joined(vectors: FloatArray, lengths: Sequence[int]) -> FloatArray:
    """A row for each text, of length one."""
    rows, at = [], 0
    for length in lengths:
        # Earlier pieces say what a matter is about; later ones tell its story.
        weights = (1.0 / np.sqrt(np.arange(1, length))).astype(np.float32)
        body = _unit(np.asarray(weights @ vectors[at + 1 : at + length], np.float32))
        rows.append(_unit(vectors[at] + body))
        at += length
    return np.asarray(np.stack(rows), np.float32) if rows else np.empty((0, 0), np.float32)


def of_texts(texts: Sequence[str], encode: Encode) -> FloatArray:
    """The vectors of some texts by an encoder that answers at once."""
    parts, lengths = cut(texts)
    return joined(encode(parts), lengths)


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


__all__ = ["Encode", "cut", "joined", "of_texts"]
