"""Exact vector search by FAISS: the only module that imports it.

An index is built whole, then only read: FAISS allows any number of searches at once but no change beside them. Ids are
those that SQL issued. Adding an id that is there already would keep both vectors, so ids must be distinct.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import faiss  # noqa: TID251 - this is the one module that may.
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # It ships no types.

from knowledge_base.types import FloatArray, IntArray


@cache
def use_one_thread() -> None:
    """Keep FAISS and numpy to the calling thread, for the whole process; called again it does nothing.

    The service has its own concurrency, and threads inside a search of a millisecond get in each other's way: on two
    busy cores they made it ten times slower.
    """
    faiss.omp_set_num_threads(1)
    threadpool_limits(1)


class VectorIndex:
    """Vectors of length one under int64 ids, searched by inner product."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.ids: IntArray = faiss.vector_to_array(index.id_map).astype(np.int64)
        flat: Any = faiss.downcast_index(index.index)
        self._flat = flat
        size = int(flat.ntotal) * int(flat.d)
        # A view of what FAISS holds, so that the vectors are in memory once. It lives as long as the index does.
        self._matrix: FloatArray = (
            faiss.rev_swig_ptr(flat.get_xb(), size).reshape(-1, int(flat.d))
            if size
            else np.empty((0, int(flat.d)), np.float32)
        )

    @classmethod
    def of(cls, ids: IntArray, vectors: FloatArray, dim: int) -> VectorIndex:
        """Index these rows. Raises ValueError on a doubled id."""
        if len(np.unique(ids)) != len(ids):
            raise ValueError("an id stands twice in the index")
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        if len(ids):
            index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.ascontiguousarray(ids, np.int64))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Read what `save` wrote. The caller has checked the file: FAISS trusts what it reads."""
        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        """Write the index into one file."""
        faiss.write_index(self._index, str(path))

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def matrix(self) -> FloatArray:
        """All vectors as rows, in the order of `ids`. Not to be written to."""
        return self._matrix

    def nearest(self, vector: FloatArray, limit: int) -> IntArray:
        """Positions (in `ids`) of the nearest vectors, best first; fewer than `limit` when there are fewer."""
        limit = min(limit, len(self.ids))
        if limit == 0:
            return np.empty(0, np.int64)
        query = np.ascontiguousarray(vector.reshape(1, -1), np.float32)
        _, positions = self._flat.search(query, limit)
        found: IntArray = positions[0].astype(np.int64)
        return found[found >= 0]
