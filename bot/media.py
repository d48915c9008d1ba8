"""Files that customers sent on platforms: fetched after the message was acknowledged, kept by what they are.

A platform gives five seconds for the acknowledgement and three days for the file. The message is therefore stored and
answered at once, with the kind that the customer sent; the file joins it when it is here. Fetching is done from rows,
so a crash costs a try and no file.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import structlog

from bot.ports import Notifier, Outbox
from bot.signals import tell_message
from bot.store import media, messages
from bot.store.media import Wanted
from core.clock import Clock
from core.counters import Counters
from core.db import Database
from core.errors import DatabaseUnavailable, FrontlineError, Unavailable
from core.files import Files
from core.tasks import together

log = structlog.get_logger(__name__)

# Longer than any fetch may take.
LEASE_S = 120.0
TRIES = 8
_FIRST_BACK_OFF_S = 5.0
_LONGEST_BACK_OFF_S = 3600.0
_POLL_S = 1.0
# Each holds a whole file in memory while it is checked.
_PARALLEL = 4


class MediaLoop:
    """Fetches what is due, for ever. Several gateways may run one each."""

    def __init__(
        self, db: Database, clock: Clock, outbox: Outbox, files: Files, notifier: Notifier, counters: Counters
    ) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self._files = files
        self._notifier = notifier
        self._counters = counters

    async def run(self) -> None:
        """Fetch for ever. Ends only by cancellation."""
        while True:
            try:
                if await self.run_due():
                    continue
            except DatabaseUnavailable as exc:
                log.warning("media.database_unavailable", detail=exc.detail)
            except Exception:
                log.exception("media.failed")
            await asyncio.sleep(_POLL_S)

    async def run_due(self) -> int:
        """Fetch what is due now and wait for it; returns how many files were tried."""
        now = self._clock.now()
        async with self._db.begin() as tx:
            wanted = await media.claim(tx, now, now + timedelta(seconds=LEASE_S), _PARALLEL)
        if wanted:
            await together(*(self._fetch(each) for each in wanted))
        return len(wanted)

    async def _fetch(self, wanted: Wanted) -> None:
        fetched = await self._outbox.fetch(wanted.channel_id, wanted.reference)
        error, final = fetched.error, fetched.state == "failed"
        stored = None
        if fetched.data is not None:
            try:
                stored = await self._files.store(
                    fetched.data, name=fetched.name or wanted.name, owner=wanted.customer_id, voice=True
                )
            except Unavailable as exc:
                error = exc.code
            except FrontlineError as exc:
                error, final = exc.code, True
        async with self._db.begin() as tx:
            if stored is not None:
                message = await messages.attach(
                    tx,
                    wanted.message_id,
                    {
                        "attachment_id": stored.id,
                        "kind": stored.kind,
                        "name": stored.name,
                        "bytes": stored.bytes,
                    },
                )
                await media.settle(tx, wanted.message_id, media.DONE)
            elif final or wanted.attempts >= TRIES:
                message = await messages.attach(tx, wanted.message_id, None)
                await media.settle(tx, wanted.message_id, media.FAILED, error=error)
                log.warning("media.lost", message_id=wanted.message_id, error=error)
            else:
                wait = min(_LONGEST_BACK_OFF_S, _FIRST_BACK_OFF_S * 2 ** (wanted.attempts - 1))
                wait = max(fetched.retry_after_s, wait * random.uniform(0.75, 1.25))  # noqa: S311 - spreads retries
                due_at = self._clock.now() + timedelta(seconds=wait)
                await media.settle(tx, wanted.message_id, media.PENDING, error=error, due_at=due_at)
                return
            tell_message(tx, self._notifier, message)
        self._counters.count("media", state=media.DONE if stored is not None else media.FAILED)


__all__ = ["LEASE_S", "TRIES", "MediaLoop"]
