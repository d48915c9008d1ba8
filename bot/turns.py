"""Turns: who answers what, when. One at a time per conversation, many conversations side by side.

    open ──claim──▶ running ──apply──▶ closed, or open again when messages came meanwhile
                       └──the claim runs out (crash)──▶ open

Claims stand in SQL and need nothing else; `wake` only saves waiting.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from bot.assistant import Assistant
from bot.mind import Mind
from bot.outcome import Outcome
from bot.ports import Answers, Handoffs, Notifier, Texts, TicketBook
from bot.replies import Replies
from bot.signals import tell_message
from bot.store import conversations, messages
from bot.turn import Applied, Hand
from bot.types import Author, Kind, Mode
from bot.work import Work, claim
from core.clock import Clock
from core.counters import Counters
from core.db import Database
from core.errors import DatabaseUnavailable
from core.ids import new_id
from core.settings import Settings
from core.tasks import end

log = structlog.get_logger(__name__)

# Longer than the longest turn (below) plus a wait for the write lock; a turn left by a crash is taken up after it.
LEASE_S = 20.0
_THINK_LIMIT_S = 6.0
_APPLY_AGAIN_S = (0.2, 1.0)
_POLL_S = 0.5
_PARALLEL = 64
_CLAIM_AT_ONCE = 16


class Turns:
    """The loop. `run_due` is the same for tests and for the demo's history, without waiting."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        settings: Settings,
        assistant: Assistant,
        answers: Answers,
        handoffs: Handoffs,
        tickets: TicketBook,
        texts: Texts,
        notifier: Notifier,
        counters: Counters,
        *,
        owner: str,
    ) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._assistant = assistant
        self._handoffs = handoffs
        self._texts = texts
        self._notifier = notifier
        self._counters = counters
        self._owner = owner
        self._mind = Mind(db, assistant, answers, handoffs, tickets, texts)
        self._hand = Hand(db, clock, answers, handoffs, tickets, texts, notifier)
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self, due_at: datetime) -> None:
        """Say that a turn is due at that moment, so that it need not wait for the next look."""
        delay = (due_at - self._clock.now()).total_seconds()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if delay <= 0:
            self._wake.set()
        else:
            loop.call_later(delay + 0.002, self._wake.set)

    async def search_of(self, exchange_id: str) -> dict[str, Any] | None:
        """The knowledge search of a running turn, for the action endpoint; None when it is not run here."""
        return await self._mind.search_of(exchange_id)

    async def run(self) -> None:
        """Take turns for ever. On cancellation running turns are abandoned; somebody claims them again."""
        if self._db.sqlite:
            # SQLite serves one gateway, so whatever is claimed was left by one that is gone.
            await self._release()
        try:
            while True:
                woken = self._wake.is_set()
                self._wake.clear()
                try:
                    claimed = await self._claim(_PARALLEL - len(self._running), look=not woken)
                except DatabaseUnavailable as exc:
                    log.warning("turns.database_unavailable", detail=exc.detail)
                    claimed = []
                except Exception:
                    log.exception("turns.claim_failed")
                    claimed = []
                for work in claimed:
                    self._start(work)
                if len(claimed) < _CLAIM_AT_ONCE:
                    await self._pause()
        finally:
            await end(self._running)

    async def run_due(self) -> int:
        """Run what is due now and wait for it; returns how many turns ran."""
        ran = 0
        while claimed := await self._claim(_CLAIM_AT_ONCE):
            await asyncio.gather(*(self._take(work) for work in claimed))
            ran += len(claimed)
        return ran

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_POLL_S):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _start(self, work: Work) -> None:
        task = asyncio.create_task(self._take(work), name=f"turn-{work.conversation.id}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        # A place is free, and the conversation may have more to answer.
        self._wake.set()

    async def _claim(self, free: int, *, look: bool = True) -> list[Work]:
        """Claim what is due; `look` first where idling is likelier than work, so that no write lock is taken for it."""
        if free <= 0:
            return []
        now = self._clock.now()
        if look:
            async with self._db.read() as tx:
                if not await conversations.anything_due(tx, now):
                    return []
        async with self._db.begin() as tx:
            return await claim(
                tx,
                now=now,
                token=new_id(self._owner[:13]),
                until=now + timedelta(seconds=LEASE_S),
                limit=min(free, _CLAIM_AT_ONCE),
                may_ask=self._assistant.up,
            )

    async def _release(self) -> None:
        try:
            async with self._db.begin() as tx:
                released = await conversations.release_claims(tx)
            if released:
                log.info("turns.released", count=released)
        except DatabaseUnavailable as exc:
            log.warning("turns.database_unavailable", detail=exc.detail)

    async def _take(self, work: Work) -> None:
        """One turn from claim to close. Whatever goes wrong, the customer hears something, once."""
        request_id = new_id("req")
        started = time.monotonic()
        with bound_contextvars(request_id=request_id, conversation_id=work.conversation.id, exchange_id=work.key):
            try:
                async with asyncio.timeout(_THINK_LIMIT_S):
                    outcome = await self._mind.think(work, request_id)
                applied = await self._apply(work, outcome)
            except DatabaseUnavailable as exc:
                # Nothing can be said either; the claim runs out and the turn is taken up again.
                log.warning("turn.database_unavailable", detail=exc.detail)
                return
            except Exception:
                log.exception("turn.failed")
                await self._apologise(work)
                return
            self._log(work, outcome, applied, time.monotonic() - started)
            if applied is Applied.DONE and outcome.handover is not None and work.channel.kind != "web":
                await self._tell_place(work)

    async def _apply(self, work: Work, outcome: Outcome) -> Applied:
        """Apply, and again when the database was only too busy: the thinking is done, and the claim still holds.

        If an attempt stood without our hearing of it, the next one finds the claim gone and writes nothing.
        """
        for pause_s in _APPLY_AGAIN_S:
            try:
                return await self._hand.apply(work, outcome)
            except DatabaseUnavailable as exc:
                log.warning("turn.database_unavailable", detail=exc.detail, again=True)
                await asyncio.sleep(pause_s)
        return await self._hand.apply(work, outcome)

    async def _apologise(self, work: Work) -> None:
        self._counters.count("turns_failed")
        try:
            await self._hand.apologise(work)
        except DatabaseUnavailable as exc:
            log.warning("turn.database_unavailable", detail=exc.detail)
        except Exception:
            log.exception("turn.apology_failed")

    async def _tell_place(self, work: Work) -> None:
        """Channels that show no state hear the place in line once, on entering."""
        try:
            placed = await self._handoffs.place(work.conversation.id)
            if placed is None or placed.queue_position is None:
                return
            reply = Replies(self._texts, work.language).place(placed.queue_position, placed.eta_s)
            async with self._db.begin() as tx:
                fresh = await conversations.get(tx, work.conversation.id, lock=True)
                if fresh.mode is not Mode.WAITING:
                    return
                message = await messages.append(
                    tx,
                    conversation_id=fresh.id,
                    author=Author.SYSTEM,
                    kind=Kind.NOTICE,
                    text=reply.text,
                    at=self._clock.now(),
                    episode_id=work.episode.id,
                    ticket_id=work.episode.ticket_id,
                    delivery=messages.first_delivery(work.channel.kind),
                    demo=work.channel.demo,
                )
                tell_message(tx, self._notifier, message)
        except Exception:
            log.exception("turn.place_not_told")

    def _log(self, work: Work, outcome: Outcome, applied: Applied, took_s: float) -> None:
        """One summary line per turn; never the customer's words."""
        self._counters.count("turns", decision=str(outcome.finding.decision), applied=applied.value)
        self._counters.observe("turn_seconds", took_s)
        log.info(
            "turn.done",
            applied=applied.value,
            decision=str(outcome.finding.decision),
            intent=outcome.finding.intent,
            confidence=outcome.finding.confidence,
            exchanges=len(work.items),
            release_id=outcome.finding.release_id,
            took_ms=int(took_s * 1000),
        )
