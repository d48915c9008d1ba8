"""The end of an episode, and the sweep that ends those that fell silent."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from bot.ports import Notifier, TicketBook
from bot.signals import tell_state
from bot.store import channels, conversations, episodes
from bot.store.episodes import Episode
from bot.types import Mode
from core.clock import Clock
from core.db import Database, Tx
from core.settings import Settings

log = structlog.get_logger(__name__)

# Tier-one tickets are closed by this sweep; a minute more or less is nobody's loss.
SWEEP_EVERY_S = 20.0
_BATCH = 100


async def end_episode(tx: Tx, tickets: TicketBook, episode: Episode, *, reason: str, now: datetime) -> bool:
    """End an episode and tell its ticket; False when it had ended already. Reasons: silence, resolved, left, merged."""
    if not await episodes.end(tx, episode.id, reason=reason, now=now):
        return False
    conversation = await conversations.get(tx, episode.conversation_id)
    if conversation.episode_id == episode.id:
        await conversations.set_episode(tx, conversation.id, None)
    await tickets.episode_ended(tx, episode.ticket_id, episode.id, reason)
    return True


class SilenceSweep:
    """Ends episodes that nobody came back to. Customers who write before the sweep came by end theirs themselves."""

    def __init__(self, db: Database, clock: Clock, settings: Settings, tickets: TicketBook, notifier: Notifier) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._tickets = tickets
        self._notifier = notifier

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            try:
                while await self.sweep() == _BATCH:
                    pass
            except Exception:
                log.exception("episodes.sweep_failed")
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self) -> int:
        """End what is over by now, at most a batch; returns how many."""
        now = self._clock.now()
        async with self._db.read() as tx:
            found = await self._silent(tx, now)
        ended = 0
        for episode in found:
            async with self._db.begin() as tx:
                conversation = await conversations.get(tx, episode.conversation_id, lock=True)
                fresh = await episodes.get(tx, episode.id)
                if conversation.mode is Mode.BOT and fresh.last_at == episode.last_at:
                    ended += await end_episode(tx, self._tickets, fresh, reason="silence", now=now)
                    tell_state(tx, self._notifier, conversation.id)
        return ended

    async def _silent(self, tx: Tx, now: datetime) -> list[Episode]:
        web: list[str] = []
        other: list[str] = []
        for channel in await channels.all_of(tx):
            (web if channel.kind == "web" else other).append(str(channel.id))
        before_web = now - timedelta(seconds=self._settings.episode_silence_web_s)
        before = now - timedelta(seconds=self._settings.episode_silence_s)
        found = await episodes.silent_since(tx, before_web, web, _BATCH)
        return (found + await episodes.silent_since(tx, before, other, _BATCH))[:_BATCH]
