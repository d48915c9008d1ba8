"""A database whose transactions all belong to one bigger transaction.

The demo's history runs through the same services as real traffic. Each of them opens transactions of its own; here
these are parts of one that is committed for many customers at once, so that nobody ever sees half a story, and a
history of months takes less than a minute.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.db import Database, Tx


class BatchDatabase(Database):
    """Use within `batch()`; what runs after a commit (wake-ups, fan-out) is dropped: nobody waits for the past."""

    def __init__(self, whole: Database) -> None:
        self.url = whole.url
        self.sqlite = whole.sqlite
        self.engine = whole.engine
        self._whole = whole
        self._tx: Tx | None = None

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Tx]:
        """Open the bigger transaction; it stands at the end of the block, or not at all."""
        async with self._whole.begin() as outer:
            self._tx = Tx(outer.connection)
            try:
                yield self._tx
            finally:
                self._tx = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        assert self._tx is not None, "outside of a batch"
        yield self._tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        assert self._tx is not None, "outside of a batch"
        yield self._tx

    async def close(self) -> None:
        """The engine is the whole's."""
