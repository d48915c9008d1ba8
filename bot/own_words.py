"""Editors' own words, kept in SQL and said by the catalogue of each gateway."""

from __future__ import annotations

import asyncio

import structlog

from bot.store import texts
from core.clock import Clock
from core.db import Database
from core.errors import NotFound
from core.messages import Catalogue

log = structlog.get_logger(__name__)

# An editor who changed a text waits no longer than this in any gateway; in the own one not at all.
_LOOK_AGAIN_S = 5.0


class OwnWords:
    """Reads the overrides into the catalogue and writes them."""

    def __init__(self, db: Database, clock: Clock, catalogue: Catalogue) -> None:
        self._db = db
        self._clock = clock
        self._catalogue = catalogue

    async def load(self) -> None:
        """Read all overrides once."""
        async with self._db.read() as tx:
            self._catalogue.override(await texts.all_texts(tx))

    async def put(self, text_id: str, language: str, text: str | None, *, by: str) -> None:
        """Say `text` from now on, or the delivered text again (None). Raises NotFound for an unknown id."""
        if self._catalogue.delivered(text_id) is None:
            raise NotFound("text")
        async with self._db.begin() as tx:
            await texts.put(tx, text_id, language, text, by=by, now=self._clock.now())
        await self.load()

    async def run(self) -> None:
        """Follow other gateways' changes, for ever."""
        while True:
            try:
                await self.load()
            except Exception:
                log.exception("texts.load_failed")
            await asyncio.sleep(_LOOK_AGAIN_S)
