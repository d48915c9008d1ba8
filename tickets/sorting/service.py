"""Sorting beside the ticket service: every new matter is looked at right after its turn, and people's word is learned.

    opened, new words ──▶ line (SQL) ──▶ loop: vector, guess, decision ──▶ category, or 待细化 and the queue
    a person sorts    ──▶ correction ──▶ enough of them, or a week ──▶ line ──▶ training ──▶ a version, if not worse

The loop waits for the encoder outside of any transaction; a ticket is changed in one of its own, and never over a
person's word. The same version sorts in every gateway: which one it is stands in SQL and is looked up each few seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.store import conversations
from bot.types import Mode, Speaker
from core.clock import rfc3339
from core.db import Tx
from core.encoder import EncoderClient
from core.errors import Conflict, DatabaseUnavailable, EncoderUnavailable
from core.jobs import Handler, Job
from tickets import categories
from tickets.categories import Tree
from tickets.parts import Kit, Part
from tickets.sorting import store
from tickets.sorting.decision import Decision, Known, Way, decide, may_replace
from tickets.sorting.features import FloatArray, clean
from tickets.sorting.model import Classifier, Guess
from tickets.sorting.store import Version, Work
from tickets.sorting.trainer import Outcome, Seeds, Trainer, matter_text, plain
from tickets.sorting.vectors import cut, joined
from tickets.states import State, is_open
from tickets.store import BOT, UNSORTED, Actor, Ticket

log = structlog.get_logger(__name__)

JOB_TRAIN = "sorting.train"
# What is said right after the first words belongs to them.
GATHER = timedelta(seconds=3)
RETRAIN_EVERY = timedelta(days=7)
# So many corrections are worth a training before the week is over.
RETRAIN_AFTER = 50
# Soon enough after a first start to be there when it is needed, late enough not to slow it.
_FIRST_TRAINING = timedelta(seconds=60)
_BATCH = 16
_POLL_S = 1.0
_LOOK_FOR_VERSION_S = 3.0
_VECTOR_LIMIT_S = 5.0
_TRIES = 5
# Events after which there is more to go by than before.
_NEWS = frozenset({"opened", "form_done", "person_wanted", "waits_for_team"})


class Sorting(Part):
    """One per gateway. `join` names the neighbours; without them words alone sort."""

    name = "sorting"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._encoder: EncoderClient | None = None
        self._seeds: Seeds | None = None
        self._version: Version | None = None
        self._classifier: Classifier | None = None
        self._looked_at = -_LOOK_FOR_VERSION_S
        self._wake = asyncio.Event()
        self.asleep = False
        """Nothing is put in line: for a past that is played, where people's corrections are all that counts."""

    def join(self, *, encoder: EncoderClient, seeds: Seeds) -> None:
        """Name who makes vectors, and where questions with known categories come from while there is little else."""
        self._encoder, self._seeds = encoder, seeds

    # What happens to tickets.

    def jobs(self) -> Mapping[str, Handler]:
        return {JOB_TRAIN: self._on_train}

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        """Put in line what has news, and remember what a person says."""
        if before is not None and before.category_id != now.category_id and store.is_person(actor):
            await store.correct(tx, before, now, actor, self.kit.clock.now())
            await self._count_correction(tx)
            return
        # Whoever writes a matter down and names its category has sorted it.
        named = kind == "opened" and store.is_person(actor) and now.category_id != UNSORTED
        if kind in _NEWS and is_open(now.state) and not named:
            await self._line_up(tx, now)

    async def customer_wrote(self, tx: Tx, ticket: Ticket, text: str, at: datetime) -> None:
        """More words on what is still unsorted."""
        if ticket.category_id == UNSORTED and is_open(ticket.state):
            await self._line_up(tx, ticket)

    async def _line_up(self, tx: Tx, ticket: Ticket) -> None:
        if not self.asleep:
            await store.put(tx, ticket.id, self.kit.clock.now() + GATHER)

    async def _count_correction(self, tx: Tx) -> None:
        if self.asleep:
            return
        version = await store.active(tx)
        since = await store.corrections_since(tx, version.made_at if version else None)
        if since % RETRAIN_AFTER == 0:
            await store.put(tx, store.TRAIN, self.kit.clock.now())
            tx.after_commit(self._wake.set)

    async def _on_train(self, tx: Tx, job: Job) -> None:
        """A week has passed."""
        now = self.kit.clock.now()
        await store.put(tx, store.TRAIN, now)
        await self.kit.jobs.put(tx, JOB_TRAIN, "weekly", now + RETRAIN_EVERY)

    async def seed(self, tx: Tx) -> None:
        """Set the weekly training; the first one comes soon after the first start. Twice is harmless."""
        if not await store.first_training_is_set(tx, JOB_TRAIN):
            await self.kit.jobs.put(tx, JOB_TRAIN, "weekly", self.kit.clock.now() + _FIRST_TRAINING)

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> Any:
        """What the model thinks of this ticket, for whoever may sort it."""
        if not {"ticket.write", "ticket.classify"} & set(permissions):
            return None
        guess = (await store.guesses_of(tx, [ticket.id])).get(ticket.id)
        return {"suggestions": suggestions(guess, await categories.load(tx))}

    # The loop.

    async def run(self) -> None:
        """Sort what is in line, keep to the active version. Ends only by cancellation."""
        while True:
            try:
                await self.refresh()
                if await self.work_due() >= _BATCH:
                    continue
            except DatabaseUnavailable:
                log.warning("sorting.database_unavailable")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()
            self._wake.clear()

    async def work_due(self) -> int:
        """Carry out what is due; return how much was taken."""
        now = self.kit.clock.now()
        async with self.kit.db.read() as tx:
            if not await store.due(tx, now, 1):
                return 0
        async with self.kit.db.begin() as tx:
            taken = await store.claim(tx, now, _BATCH)
        if any(each.key == store.TRAIN for each in taken):
            await self._train_from_line(taken[0])
        elif taken:
            await self._sort(taken)
        return len(taken)

    async def _train_from_line(self, work: Work) -> None:
        try:
            await self.train(made_by="system")
        except Conflict as exc:
            log.info("classifier.not_trained", reason=exc.detail)
        except DatabaseUnavailable:
            raise
        except Exception:
            # A training that failed once would fail again at once; the next week or the next corrections try anew.
            log.exception("classifier.training_failed")
        async with self.kit.db.begin() as tx:
            await store.finish(tx, work)

    async def _sort(self, taken: Sequence[Work]) -> None:
        async with self.kit.db.read() as tx:
            tree = await categories.load(tx)
            found = await store.several(tx, [each.key for each in taken])
        open_ones: dict[str, Ticket] = {each.id: each for each in found if is_open(each.state)}
        texts = {key: clean(_text(each)) for key, each in open_ones.items()}
        vectors = await self._vectors(texts)
        if ended := [each for each in taken if each.key not in open_ones]:
            async with self.kit.db.begin() as tx:
                for work in ended:
                    await store.finish(tx, work)
        for work in (each for each in taken if each.key in open_ones):
            try:
                await self._sort_one(work, open_ones[work.key], tree, texts[work.key], vectors.get(work.key))
            except DatabaseUnavailable:
                raise
            except Exception:
                log.exception("sorting.failed", ticket_id=work.key)
                if work.attempts >= _TRIES:
                    async with self.kit.db.begin() as tx:
                        await store.finish(tx, work)

    async def _vectors(self, texts: Mapping[str, str]) -> dict[str, FloatArray]:
        """By ticket; empty while the encoder is away, or when the classifier reads other vectors or none."""
        version = self._version
        if self._encoder is None or version is None or not version.encoder or not texts:
            return {}
        parts, lengths = cut([plain(text) for text in texts.values()])
        try:
            if (await self._encoder.info()).model_id != version.encoder:
                return {}
            rows = joined(await self._encoder.encode(parts, timeout_s=_VECTOR_LIMIT_S), lengths)
        except EncoderUnavailable:
            return {}
        return dict(zip(texts, rows, strict=True))

    async def _sort_one(self, work: Work, seen: Ticket, tree: Tree, text: str, vector: FloatArray | None) -> None:
        chosen = tree.chosen(signs_of(seen))
        guess, number = None, 0
        if self._classifier is not None and self._version is not None and text:
            among = [chosen] if chosen else []
            guess = await asyncio.to_thread(self._classifier.guess, text, vector, among=among)
            number = self._version.number
        known = Known(_text(seen), chosen, _within(guess, tree))
        decision = decide(tree, known)
        async with self.kit.db.begin() as tx:
            await store.finish(tx, work)
            ticket = await self.kit.lock(tx, seen.id)
            if known.guess is not None:
                await store.keep_guess(tx, ticket.id, number, known.guess, self.kit.clock.now())
            if not is_open(ticket.state) or await store.sorted_by_person(tx, ticket.id):
                return
            if may_replace(tree, ticket.category_id, known, decision):
                await self._put(tx, ticket, tree, decision)

    async def _put(self, tx: Tx, ticket: Ticket, tree: Tree, decision: Decision) -> None:
        values: dict[str, Any] = {"category_id": decision.category_id}
        if await self._may_move(tx, ticket):
            values["team_id"] = tree.team_of(decision.category_id)
        await self.kit.change(tx, ticket, "sorted", BOT, **values)
        log.info("sorting.sorted", ticket_id=ticket.id, category=decision.category_id, way=decision.way.value)

    async def _may_move(self, tx: Tx, ticket: Ticket) -> bool:
        """Whether nobody can be at it yet: it is the bot's, or it waits in a team's list and in no line."""
        if ticket.tier == 1:
            return True
        if ticket.tier > 2 or ticket.state != State.NEW or ticket.assignee_id or ticket.confirmed_at:
            return False
        if ticket.conversation_id is None:
            return True
        return (await conversations.get(tx, ticket.conversation_id)).mode is Mode.BOT

    async def think(self, text: str) -> Guess | None:
        """What the model says of a text that is no ticket's; None without a model."""
        await self.refresh()
        form = clean(text)
        if self._classifier is None or not form:
            return None
        vector = (await self._vectors({"": form})).get("")
        return await asyncio.to_thread(self._classifier.guess, form, vector)

    # Versions.

    async def refresh(self) -> None:
        """Bring the active version into memory, when it is another one than before."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_FOR_VERSION_S:
            return
        self._looked_at = now
        async with self.kit.db.read() as tx:
            version = await store.active(tx)
            if version is None:
                self._version = self._classifier = None
                return
            if self._version is not None and self._version.number == version.number:
                return
            data = await store.weights(tx, version.number)
        try:
            self._classifier = await asyncio.to_thread(Classifier.from_bytes, data)
        except (ValueError, KeyError):
            # Made by another release: words alone sort until the next training.
            log.warning("classifier.unreadable", number=version.number)
            self._classifier = None
        self._version = version
        log.info("classifier.serving", number=version.number, vectors=bool(version.encoder))

    async def train(self, *, made_by: str, activate: bool = True) -> Outcome:
        """Make a version now and let it sort if it is not worse. Raises Conflict when there is too little to learn."""
        trainer = Trainer(self.kit.db, self.kit.clock, self._encoder, self._seeds)
        outcome = await trainer.train(made_by=made_by, activate=activate)
        self._looked_at = -_LOOK_FOR_VERSION_S
        return outcome

    async def train_soon(self, by: Speaker) -> None:
        """Put a training in line, in whichever gateway takes it."""
        async with self.kit.db.begin() as tx:
            await store.put(tx, store.TRAIN, self.kit.clock.now())
            await self.kit.audit.write(tx, by.staff_id, "classifier.train", "classifier")
            tx.after_commit(self._wake.set)

    async def activate(self, number: int | None, by: Speaker) -> None:
        """Let a version sort from now on, an older one too; None: words alone. Raises NotFound."""
        async with self.kit.db.begin() as tx:
            if number is None:
                await store.deactivate(tx)
            else:
                await store.activate(tx, number, self.kit.clock.now())
            await self.kit.audit.write(tx, by.staff_id, "classifier.activated", str(number or ""))
        self._looked_at = -_LOOK_FOR_VERSION_S

    async def status(self) -> dict[str, Any]:
        """All versions, and what people have sorted since the one that sorts now."""
        async with self.kit.db.read() as tx:
            found = await store.versions(tx)
            version = next((each for each in found if each.active), None)
            news = await store.corrections_since(tx, version.made_at if version else None)
            training = await store.is_in_line(tx, store.TRAIN)
        return {
            "corrections_since": news,
            "retrain_after": RETRAIN_AFTER,
            "training": training,
            "versions": [
                {
                    "number": each.number,
                    "made_at": rfc3339(each.made_at),
                    "made_by": each.made_by,
                    "vectors": bool(each.encoder),
                    "active": each.active,
                    "activated_at": rfc3339(each.activated_at) if each.activated_at else None,
                    "reason": each.reason,
                    "report": each.report,
                }
                for each in found
            ],
        }


def signs_of(ticket: Ticket) -> list[str]:
    """What the customer chose, as categories name it."""
    kind = ticket.fields.get("feedback_kind")
    signs = [f"feedback:{kind}"] if kind else []
    if ticket.source:
        signs.append(f"source:{ticket.source}")
    return [*signs, f"channel:{ticket.channel_kind}"]


def suggestions(guess: Guess | None, tree: Tree) -> list[dict[str, Any]]:
    """The model's guesses as the desk shows them, best first; categories that are gone are left out."""
    items = guess.items if guess else ()
    return [
        {"category_id": each, "category_name": tree.name(each), "probability": probability}
        for each, probability in items
        if tree.can_hold(each)
    ]


def _within(guess: Guess | None, tree: Tree) -> Guess | None:
    """A guess at what still exists, or none."""
    if guess is None or not guess.items:
        return None
    kept = tuple(each for each in guess.items if tree.can_hold(each[0]))
    return Guess(kept, guess.sure and kept[0] == guess.items[0]) if kept else None


def _text(ticket: Ticket) -> str:
    return matter_text(ticket.title, ticket.description, ticket.fields, ticket.channel_kind)


__all__ = ["RETRAIN_AFTER", "Sorting", "Way", "signs_of", "suggestions"]
