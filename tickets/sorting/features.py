"""A matter's words as numbers: runs of one to three characters, counted in numbered boxes.

Runs are told apart by a checksum, not by a list of them, so a model holds no customer's words. What identifies a
person is masked before, and digits never become part of a run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from core.masking import mask_text
from core.normaliser import normalise

FloatArray = npt.NDArray[np.float32]

BOXES = 1 << 14
LONGEST_RUN = 3
# More than this of one matter adds time and no meaning.
MAX_CHARACTERS = 2_000
# An encoder reads about 250 characters at once; the first pieces tell what a matter is about.
_PIECE, _PIECES = 220, 4
_NUMBERS = re.compile(r"[\d*]+")
_ENDS = re.compile(r"(?<=[。!?;!?;\n])")
_OPENING = 80


def clean(text: str) -> str:
    """The text as models read it: masked, in normal form, numbers alike."""
    return _NUMBERS.sub("0", normalise(mask_text(text[:MAX_CHARACTERS])))


def opening(text: str) -> str:
    """The title or first sentence, in which most people say what they want."""
    first = next((each.strip() for each in _ENDS.split(text) if each.strip()), text)
    return first[:_OPENING]


def pieces(text: str) -> list[str]:
    """The text cut at its sentences into what an encoder reads at once; at least one piece."""
    cut: list[str] = [""]
    for sentence in _ENDS.split(text):
        for at in range(0, len(sentence), _PIECE):
            part = sentence[at : at + _PIECE]
            if len(cut[-1]) + len(part) > _PIECE and cut[-1]:
                cut.append("")
            cut[-1] += part
    return cut[:_PIECES]


def counts(texts: Sequence[str]) -> csr_matrix:
    """How often the runs of each box stand in each text, dampened by the logarithm."""
    starts, boxes, values = [0], list[int](), list[float]()
    for text in texts:
        found = Counter(
            crc32(text[at : at + size].encode()) % BOXES
            for size in range(1, LONGEST_RUN + 1)
            for at in range(len(text) - size + 1)
        )
        boxes.extend(found)
        values.extend(found.values())
        starts.append(len(boxes))
    data = 1.0 + np.log(np.array(values, np.float32))
    return csr_matrix((data, np.array(boxes, np.int32), np.array(starts, np.int32)), (len(texts), BOXES))


def rarity(counted: csr_matrix) -> FloatArray:
    """What a run of each box tells: the fewer texts have it, the more."""
    seen = np.bincount(counted.indices, minlength=BOXES)
    return np.asarray(np.log((1.0 + counted.shape[0]) / (1.0 + seen)) + 1.0, np.float32)


def unit(counted: csr_matrix, weights: FloatArray) -> csr_matrix:
    """Weighted rows of length one; a text without any run is a row of zeros."""
    weighted = counted.multiply(weights[None, :]).tocsr().astype(np.float32)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return weighted.multiply(scale[:, None]).tocsr().astype(np.float32)


def centred(vectors: FloatArray, middle: FloatArray) -> FloatArray:
    """Vectors without what all of them share, of length one. A missing vector (zeros) stays zeros."""
    moved = np.where(np.any(vectors != 0, axis=1, keepdims=True), vectors - middle, 0.0)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0), np.float32)
