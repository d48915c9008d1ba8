"""Learning from the deployment's own matters: gather, encode, solve, examine, and keep what is not worse.

What a person named counts fully, what a person let stand when they resolved the matter counts a third. Where a
category has little of its own, the knowledge base's questions of that category are added.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import structlog
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from core.clock import Clock
from core.db import Database, Tx
from core.encoder import MAX_TEXTS, EncoderClient
from core.errors import Conflict, EncoderUnavailable
from tickets import categories
from tickets.categories import Tree
from tickets.sorting import model, report, store
from tickets.sorting.features import FloatArray, clean
from tickets.sorting.model import Classifier, Example, Examples, Head
from tickets.sorting.vectors import cut, joined

log = structlog.get_logger(__name__)

# A category with so many examples of its own needs no help from the knowledge base.
_HELP_UP_TO = 60
_OWN, _AGREED, _SEED = 1.0, 0.35, 0.6
_SHORTEST = 3
# A batch of a training may wait long; nobody waits for it.
_ENCODE_S = 60.0


@dataclass(frozen=True, slots=True)
class Seed:
    """A question of the knowledge base with the category of its article, by id or by names."""

    text: str
    category: str
    group: str


Seeds = Callable[[Tx], Awaitable[Sequence[Seed]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training came to."""

    number: int
    activated: bool
    reason: str
    report: dict[str, Any]


def matter_text(title: str, description: str | None, fields: Any, channel_kind: str) -> str:
    """What of a ticket tells its category: the words, the form's answers, and the channel as a word of its own."""
    said = [title] if description is None or not description.startswith(title.rstrip("…")) else []
    said.append(description or "")
    if fields.get("problem"):
        said.append(str(fields["problem"]))
    return "\n".join(dict.fromkeys(each for each in said if each)) + (f"\n〔{channel_kind}〕" if channel_kind else "")


class Trainer:
    """Makes versions. Takes seconds to a minute; blocks nothing but one thread."""

    def __init__(self, db: Database, clock: Clock, encoder: EncoderClient | None, seeds: Seeds | None) -> None:
        self._db = db
        self._clock = clock
        self._encoder = encoder
        self._seeds = seeds

    async def train(self, *, made_by: str, activate: bool = True) -> Outcome:
        """Make the next version and let it sort when it is not worse. Raises Conflict when there is too little."""
        async with self._db.read() as tx:
            tree = await categories.load(tx)
            own = await store.examples(tx)
            seeds = await self._seeds(tx) if self._seeds else ()
            present = await store.active(tx)
            weights = await store.weights(tx, present.number) if present else None
        rows = _balanced(_own(own, tree), _seeds(seeds, tree))
        if len(rows) < model.MIN_EXAMPLES or len({each.category_id for each in rows}) < 2:
            raise Conflict("too few examples", text_id="error.too_few_examples", wanted=model.MIN_EXAMPLES)
        vectors, encoder = await self._vectors([each.text for each in rows])
        made, examples, found = await asyncio.to_thread(_solve, rows, vectors)
        known = Classifier.from_bytes(weights) if weights else None
        comparable = present is not None and (not present.encoder or present.encoder == encoder)
        customers = np.array([each.weight != _SEED for each in rows])
        exam = report.examine(examples, found, known if comparable or not encoder else None, customers)
        summary: dict[str, Any] = report.quality(found, tree) | {
            "examples": len(rows),
            "corrected": sum(each.weight == _OWN for each in rows),
            "agreed": sum(each.weight == _AGREED for each in rows),
            "seeded": sum(each.weight == _SEED for each in rows),
            "words_alone": report.words_alone(rows, tree),
            "own": report.own(found, customers),
            "exam": {"rows": exam.rows, "candidate": round(exam.candidate, 4), "present": exam.present},
            "present": present.number if present else None,
        }
        loses = bool(present and present.encoder and not encoder)
        good, reason = report.verdict(exam, summary, loses_vectors=loses)
        data = await asyncio.to_thread(made.to_bytes)
        now = self._clock.now()
        async with self._db.begin() as tx:
            number = await store.save(
                tx, data, encoder=encoder, report=summary, made_by=made_by, reason=reason, now=now
            )
            if good and activate:
                await store.activate(tx, number, now)
        log.info(
            "classifier.trained",
            number=number,
            active=good and activate,
            reason=reason,
            examples=len(rows),
            macro_f1=summary["macro_f1"],
        )
        return Outcome(number, good and activate, reason, summary)

    async def _vectors(self, texts: Sequence[str]) -> tuple[FloatArray | None, str]:
        """A vector for each text and the model that made them; None and "" while the encoder is away."""
        if self._encoder is None:
            return None, ""
        parts, lengths = cut([plain(text) for text in texts])
        made = []
        try:
            before = (await self._encoder.info()).model_id
            for at in range(0, len(parts), MAX_TEXTS):
                made.append(await self._encoder.encode(parts[at : at + MAX_TEXTS], timeout_s=_ENCODE_S))
            if (await self._encoder.info()).model_id != before:
                raise EncoderUnavailable("the encoder changed its model meanwhile")
        except EncoderUnavailable as exc:
            log.info("classifier.without_encoder", reason=exc.detail)
            return None, ""
        return joined(np.concatenate(made), lengths), before


def _solve(rows: Sequence[Example], vectors: FloatArray | None) -> tuple[Classifier, Examples, model.HeldOut]:
    """All four heads, on one core: the other one serves customers."""
    with threadpool_limits(limits=1):
        examples = model.prepare(rows, vectors)
        lexical, found = model.learn(examples, with_vectors=False)
        dense: Head | None = None
        if vectors is not None:
            dense, found = model.learn(examples, with_vectors=True)
        unseen = examples.at(np.flatnonzero(examples.folds != 0))
        exam_lexical, _ = model.learn(unseen, with_vectors=False)
        exam_dense = model.learn(unseen, with_vectors=True)[0] if vectors is not None else None
    return Classifier(dense, lexical, exam_dense, exam_lexical), examples, found


def _own(found: Sequence[store.Sorted], tree: Tree) -> list[Example]:
    rows = []
    for each in found:
        text = clean(matter_text(each.title, each.description, each.fields, each.channel_kind))
        # What was erased, and what says nothing, teaches nothing.
        if tree.can_hold(each.category_id) and len(text) > _SHORTEST and not each.title.startswith("〔"):
            weight = _OWN if each.corrected else _AGREED
            rows.append(Example(text, each.category_id, each.customer_id, weight))
    return rows


def _seeds(found: Sequence[Seed], tree: Tree) -> list[Example]:
    """In rounds, one question of each article after the other, so that a category is helped by all its articles.

    Each question is a group of its own: customers ask what the articles answer, in other words.
    """
    by_article: dict[str, list[Example]] = {}
    for each in found:
        category_id = tree.find(each.category)
        if category_id is not None and tree.can_hold(category_id):
            row = Example(clean(each.text), category_id, f"{each.group}:{each.text}", _SEED)
            by_article.setdefault(each.group, []).append(row)
    rounds = zip_longest(*by_article.values())
    return [row for one in rounds for row in one if row is not None]


def _balanced(own: Sequence[Example], seeds: Sequence[Example]) -> list[Example]:
    """Each text once (what a person said wins), helped by the knowledge base where there is little."""
    kept: dict[str, Example] = {}
    for each in sorted(own, key=lambda one: -one.weight):
        kept.setdefault(plain(each.text), each)
    size = Counter(each.category_id for each in kept.values())
    for each in seeds:
        if size[each.category_id] < _HELP_UP_TO and plain(each.text) not in kept:
            size[each.category_id] += 1
            kept[plain(each.text)] = each
    rows = list(kept.values())
    if len(rows) <= model.MAX_EXAMPLES:
        return rows
    # Small categories keep all they have; of large ones silent agreement goes first (it stands last).
    share, taken, chosen = model.MAX_EXAMPLES // max(1, len(size)), Counter[str](), list[Example]()
    rest: list[Example] = []
    for each in rows:
        taken[each.category_id] += 1
        (chosen if taken[each.category_id] <= share else rest).append(each)
    return chosen + rest[: model.MAX_EXAMPLES - len(chosen)]


def plain(text: str) -> str:
    """Without the word for the channel, which makes the same question look like another one."""
    return text.partition("〔")[0].strip()


__all__ = ["Outcome", "Seed", "Seeds", "Trainer", "matter_text", "plain"]
