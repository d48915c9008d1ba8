"""The knowledge base as the rest of the gateway sees it: search, articles, and what editors do.

One release answers at a time. Every gateway looks which one it is (a hint at once, the row each second), gets its
index from the folder or from SQL, and swaps one reference. While the encoder is away the index knows words only.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from bot.markdown import to_html, to_text
from bot.types import ArticleView, Found, SearchAnswer
from core.clock import Clock
from core.counters import Counters
from core.db import Database, Tx
from core.encoder import EncoderClient
from core.errors import Conflict, DatabaseUnavailable, EncoderUnavailable, Invalid
from core.fanout import Fanout
from core.ids import ConversationId, CustomerId, ExchangeId
from core.normaliser import normalise
from core.settings import Settings
from knowledge_base import demo_content, store
from knowledge_base.builder import Builder, Wanted
from knowledge_base.engine import ReleaseIndex
from knowledge_base.store import ArticleRow, Content, Release
from knowledge_base.types import SearchResult, SearchSettings

log = structlog.get_logger(__name__)

_LOOK_S = 1.0
# A first question right after the first start waits this long for the index of words to be built.
_FIRST_LOAD_S = 8.0
# An index of words learns from its articles only when vectors are this long in coming: they will teach it better, and
# right after a start everything else wants the processor too.
_LEARN_WORDS_AFTER_S = 30.0
_NOTHING = "nothing was published yet"
_QUERY_CHARACTERS = 300
_KEPT_INDEXES = 3
# A customer's question waits this long for its vector, then words decide alone.
_VECTOR_LIMIT_S = 1.2
TITLE_MAX, QUESTION_MAX, ANSWER_MAX, VARIANTS_MAX = 120, 200, 20_000, 300
HELP_URL = "/help/"


@dataclass(frozen=True, slots=True)
class Live:
    """What answers now."""

    release: Release
    index: ReleaseIndex
    contents: Mapping[str, tuple[int, Content, bool]]
    model_id: str
    categories: Mapping[str, str]
    for_now: bool = False
    """Whether the index is one that learned nothing yet."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a publish would do, and whether the golden questions still find their articles."""

    added: tuple[ArticleRow, ...]
    changed: tuple[ArticleRow, ...]
    removed: tuple[ArticleRow, ...]


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden questions against an index: `failed` holds (question, wanted title, found title)."""

    total: int
    failed: tuple[tuple[str, str, str], ...]


class KnowledgeBase:
    """Implements `bot.ports.Answers`, and what the knowledge editor does."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        encoder: EncoderClient,
        fanout: Fanout,
        settings: Settings,
        counters: Counters,
    ) -> None:
        self._db = db
        self._clock = clock
        self._encoder = encoder
        self._fanout = fanout
        self._counters = counters
        self._demo = settings.demo
        opposites = demo_content.read_opposites() if settings.demo else ()
        self._builder = Builder(db, encoder, settings.data / "knowledge", SearchSettings(opposites=opposites))
        self._live: Live | None = None
        self._reason = "starting"
        self._kept: OrderedDict[str, ReleaseIndex] = OrderedDict()
        self._loading = asyncio.Lock()
        self._loaded = asyncio.Event()
        self._born = time.monotonic()

    # -- Search ---------------------------------------------------------------------------------------------------

    async def search(self, text: str, *, limit: int = 5) -> SearchAnswer:
        """Search the published release. Never raises: without encoder it is lexical, without index it says none."""
        live = self._live or await self._first_load()
        query = text[:_QUERY_CHARACTERS]
        if live is None or not normalise(query):
            return SearchAnswer("none", (), live.release.id if live else None, lexical_only=True)
        result = await self._search(live.index, query, limit, with_vector=bool(live.model_id))
        self._counters.count("searches", decision=result.decision.value, lexical=str(result.lexical).lower())
        return self._answer(result, live.contents, live.release.id)

    async def _first_load(self) -> Live | None:
        """Wait a little for the very first index after a start; None when nothing was ever published."""
        if self._reason == _NOTHING:
            return None
        try:
            async with asyncio.timeout(_FIRST_LOAD_S):
                await self._loaded.wait()
        except TimeoutError:
            return None
        return self._live

    async def _search(self, index: ReleaseIndex, query: str, limit: int, *, with_vector: bool) -> SearchResult:
        vector = None
        if with_vector:
            try:
                vector = (await self._encoder.encode([query], timeout_s=_VECTOR_LIMIT_S))[0]
            except EncoderUnavailable:
                vector = None
        return await asyncio.to_thread(index.search, query, vector, limit)

    def _answer(
        self, result: SearchResult, contents: Mapping[str, tuple[int, Content, bool]], release_id: str | None
    ) -> SearchAnswer:
        found = tuple(
            Found(
                article_id=hit.article_id,
                question_id=hit.question_id,
                title=contents[hit.article_id][1].title,
                question=hit.question,
                score=hit.score,
                probability=hit.probability,
            )
            for hit in result.results
            if hit.article_id in contents
        )
        return SearchAnswer(result.decision.value, found, release_id, exact=result.exact, lexical_only=result.lexical)

    async def article(self, article_id: str) -> ArticleView | None:
        """The published revision, or None when it is not released (any more)."""
        live = self._live
        if live is None or article_id not in live.contents:
            return None
        revision, content, _ = live.contents[article_id]
        return ArticleView(
            article_id=article_id,
            revision=revision,
            title=content.title,
            question=content.question,
            text=to_text(content.answer),
            html=to_html(content.answer),
            url=HELP_URL + article_id,
            category=live.categories.get(article_id, ""),
        )

    async def record_gap(
        self,
        tx: Tx,
        *,
        exchange_id: ExchangeId,
        conversation_id: ConversationId,
        customer_id: CustomerId,
        text: str,
        decision: str,
        nearest: SearchAnswer | None,
    ) -> None:
        """Remember a question without an answer. Twice for one exchange is harmless."""
        best = nearest.results[0] if nearest and nearest.results else None
        await store.add_gap(
            tx,
            text=text,
            conversation_id=conversation_id,
            customer_id=customer_id,
            exchange_id=exchange_id,
            decision=decision,
            nearest_article_id=best.article_id if best else None,
            nearest_probability=best.probability if best else None,
            now=self._clock.now(),
        )

    async def record_choice(self, tx: Tx, *, exchange_id: ExchangeId, query: str, article_id: str | None) -> None:
        """Remember which choice was tapped (None: 都不是)."""
        await store.add_label(tx, exchange_id=exchange_id, query=query, article_id=article_id, now=self._clock.now())

    # -- What answers now -------------------------------------------------------------------------------------------

    def status(self) -> tuple[str, str]:
        """(state, reason) for readiness."""
        live = self._live
        if live is None:
            # An empty knowledge base has nothing more to load.
            return "ok" if self._reason == _NOTHING else "starting", self._reason
        if not live.model_id:
            return "degraded", f"release {live.release.number}, words only: {self._reason}"
        return "ok", f"release {live.release.number}"

    @property
    def live(self) -> Live | None:
        """The release that answers, for pages that list its articles."""
        return self._live

    async def run(self) -> None:
        """Keep answering from the current release."""
        with self._fanout.watch("release") as watch:
            while True:
                try:
                    await self.refresh(hurry=True)
                except DatabaseUnavailable as exc:
                    self._reason = f"database: {exc.detail}"
                await watch.next(_LOOK_S)

    async def refresh(self, *, hurry: bool = False) -> None:
        """Swap to the current release, and from words to vectors as soon as the encoder is there.

        With `hurry` an index of words may have to wait a while before it learns.
        """
        async with self._loading:
            async with self._db.read() as tx:
                current = await store.current(tx)
            if current is None:
                self._reason = _NOTHING
                self._loaded.set()
                return
            live = self._live
            if live is not None and live.release.id == current.id and live.model_id:
                return
            if live is None:
                # Words first, since vectors would have to wait: an answer now is better than a good one later.
                await self._load_first(current)
            elif live.release.id != current.id:
                await self._load(current, await self._builder.model_id())
            live = self._live
            if live is not None and not live.model_id:
                model_id = await self._builder.model_id()
                if model_id:
                    await self._load(current, model_id)
                else:
                    self._reason = "the encoder is not there yet"
                    if live.for_now and not (hurry and time.monotonic() - self._born < _LEARN_WORDS_AFTER_S):
                        await self._load(current, "")

    async def _load_first(self, release: Release) -> None:
        async with self._db.read() as tx:
            contents = await store.contents(tx, release.articles)
            categories = await store.categories(tx)
        index, kept = await self._builder.first(Wanted(contents))
        self._serve(Live(release, index, contents, "", categories, for_now=not kept))

    def _serve(self, live: Live) -> None:
        self._live = live
        self._loaded.set()
        log.info(
            "knowledge.serving",
            release=live.release.number,
            articles=len(live.contents),
            vectors=bool(live.model_id),
            for_now=live.for_now,
        )

    async def _load(self, release: Release, model_id: str) -> None:
        async with self._db.read() as tx:
            contents = await store.contents(tx, release.articles)
            categories = await store.categories(tx)
        try:
            index = await self._index(Wanted(contents), model_id)
        except EncoderUnavailable as exc:
            self._reason = exc.detail
            if self._live is not None and self._live.release.id == release.id:
                return
            model_id = ""
            index = await self._index(Wanted(contents), "")
        self._serve(Live(release, index, contents, model_id, categories))

    async def _index(self, wanted: Wanted, model_id: str) -> ReleaseIndex:
        key = wanted.key(model_id)
        found = self._kept.pop(key, None) or await self._builder.index(wanted, model_id)
        self._kept[key] = found
        while len(self._kept) > _KEPT_INDEXES:
            self._kept.popitem(last=False)
        return found

    # -- What editors do --------------------------------------------------------------------------------------------

    async def create(
        self, content: Content, *, area: str, category_id: str, public: bool, by: str, key: str | None = None
    ) -> str:
        """Make an article as a draft. Raises Invalid, Conflict."""
        content = check(content)
        async with self._db.begin() as tx:
            return await store.create(
                tx,
                content,
                key=key,
                area=area,
                category_id=category_id,
                public=public,
                by=by,
                now=self._clock.now(),
            )

    async def save(
        self,
        article_id: str,
        content: Content,
        *,
        base_revision: int,
        area: str,
        category_id: str,
        public: bool,
        by: str,
    ) -> int:
        """Write the next draft. Raises Conflict when somebody else saved meanwhile."""
        content = check(content)
        async with self._db.begin() as tx:
            return await store.save(
                tx,
                article_id,
                content,
                base_revision=base_revision,
                area=area,
                category_id=category_id,
                public=public,
                by=by,
                now=self._clock.now(),
            )

    async def archive(self, article_id: str, *, by: str) -> None:
        """Take an article out of the next release."""
        async with self._db.begin() as tx:
            await store.archive(tx, article_id, by=by, now=self._clock.now())

    async def changes(self) -> Changes:
        """What a publish would do now."""
        async with self._db.read() as tx:
            rows = await store.all_articles(tx, archived=True)
        kept = [row for row in rows if row.archived_at is None]
        return Changes(
            added=tuple(row for row in kept if row.published_revision is None),
            changed=tuple(row for row in kept if row.published_revision not in (None, row.draft_revision)),
            removed=tuple(row for row in rows if row.archived_at is not None and row.published_revision is not None),
        )

    async def _draft_contents(self) -> dict[str, tuple[int, Content, bool]]:
        async with self._db.read() as tx:
            rows = await store.all_articles(tx)
        return {row.id: (row.draft_revision, row.draft, row.public) for row in rows}

    async def publish(self, *, note: str, by: str) -> Release:
        """Release all drafts. The index is ready before the swap, so no customer waits for it.

        Raises Conflict when there is nothing to publish, or when somebody published at the same moment.
        """
        contents = await self._draft_contents()
        changes = await self.changes()
        if not (changes.added or changes.changed or changes.removed):
            raise Conflict("nothing to publish", text_id="error.nothing_to_publish")
        model_id = await self._builder.model_id()
        await self._prepare(contents, model_id)
        kind = "retract" if changes.removed and not (changes.added or changes.changed) else "publish"
        manifest = {"articles": {key: revision for key, (revision, _, _) in contents.items()}, "model_id": model_id}
        return await self._make_current(manifest, kind=kind, note=note, by=by)

    async def _prepare(self, contents: Mapping[str, tuple[int, Content, bool]], model_id: str) -> None:
        try:
            await self._index(Wanted(contents), model_id)
        except EncoderUnavailable:
            await self._index(Wanted(contents), "")

    async def _make_current(self, manifest: Mapping[str, Any], *, kind: str, note: str, by: str) -> Release:
        try:
            async with self._db.begin() as tx:
                made = await store.make_current(
                    tx, manifest, kind=kind, note=note, by=by, now=self._clock.now(), demo=False
                )
                tx.after_commit(lambda: self._fanout.publish("release", {"type": "release", "release_id": made.id}))
        except IntegrityError as exc:
            raise Conflict("published at the same moment", text_id="error.publish_race") from exc
        await self.refresh()
        return made

    async def roll_back(self, release_id: str, *, by: str) -> Release:
        """Answer from an earlier release again, as a release of its own; drafts stay as they are."""
        async with self._db.read() as tx:
            old = await store.release(tx, release_id)
            present = await store.current(tx)
        if present is not None and present.manifest["articles"] == old.manifest["articles"]:
            raise Conflict("is live already", text_id="error.release_live")
        return await self._make_current(old.manifest, kind="rollback", note=f"→ {old.number}", by=by)

    async def try_question(
        self, text: str, *, article_id: str | None = None, draft: Content | None = None
    ) -> tuple[SearchAnswer, SearchAnswer]:
        """(what is answered now, what would be answered with all drafts, `draft` standing for its article)."""
        live = await self.search(text)
        contents = await self._draft_contents()
        if draft is not None:
            key = article_id or "draft"
            revision, _, public = contents.get(key, (0, draft, True))
            contents[key] = (revision, check(draft), public)
        model_id = self._live.model_id if self._live else ""
        index = await self._trial(contents, model_id)
        result = await self._search(index, text[:_QUERY_CHARACTERS], 5, with_vector=bool(model_id))
        return live, self._answer(result, contents, None)

    async def _trial(self, contents: Mapping[str, tuple[int, Content, bool]], model_id: str) -> ReleaseIndex:
        try:
            return await self._index(Wanted(contents), model_id)
        except EncoderUnavailable:
            return await self._index(Wanted(contents), "")

    async def golden(self) -> Golden:
        """Ask the golden questions of the drafts."""
        contents = await self._draft_contents()
        async with self._db.read() as tx:
            keys = {row.key: row.id for row in await store.all_articles(tx)}
        model_id = self._live.model_id if self._live else ""
        index = await self._trial(contents, model_id)
        questions = [(text, keys[key]) for text, key in demo_content.read_golden() if key in keys] if self._demo else []
        failed = []
        for text, wanted in questions:
            result = await self._search(index, text, 1, with_vector=bool(model_id))
            best = result.results[0].article_id if result.results else None
            if best != wanted:
                found = contents[best][1].title if best else "—"
                failed.append((text, contents[wanted][1].title, found))
        return Golden(len(questions), tuple(failed))

    async def find_article(self, article_id: str) -> ArticleRow:
        """An article for the editor. Raises NotFound."""
        async with self._db.read() as tx:
            return await store.get(tx, article_id)

    async def gap_groups(self, days: int = 30) -> list[dict[str, Any]]:
        """Unanswered questions of the last days, grouped by what they have in common, the largest first."""
        since = self._clock.now() - timedelta(days=days)
        async with self._db.read() as tx:
            rows = await store.recent_gaps(tx, since)
        titles = {key: content.title for key, (_, content, _) in (self._live.contents if self._live else {}).items()}
        groups: list[dict[str, Any]] = []
        for row in rows:
            bigrams = _bigrams(row.normalised)
            group = next((g for g in groups if _alike(g["_bigrams"], bigrams)), None)
            if group is None:
                nearest = row.nearest_article_id
                group = {
                    "_bigrams": bigrams,
                    "_customers": set(),
                    "texts": [],
                    "count": 0,
                    "last_at": row.at,
                    "days": [0] * days,
                    "nearest": {"article_id": nearest, "title": titles[nearest]} if nearest in titles else None,
                }
                groups.append(group)
            group["count"] += 1
            group["_customers"].add(row.customer_id)
            group["days"][min(days - 1, (self._clock.now() - row.at).days)] += 1
            if row.text not in group["texts"] and len(group["texts"]) < 5:
                group["texts"].append(row.text)
        groups.sort(key=lambda g: (-g["count"], g["texts"][0]))
        for group in groups:
            del group["_bigrams"]
            group["customers"] = len(group.pop("_customers"))
            group["days"].reverse()
        return groups[:100]


def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[i : i + 2] for i in range(max(1, len(text) - 1)))


# Half of the shorter one's character pairs: looser groups mix matters, tighter ones split one matter.
_ALIKE = 0.5


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _ALIKE * min(len(one), len(other))


def check(content: Content) -> Content:
    """Trim, drop doubled variants. Raises Invalid with words for the editor."""
    title, question = content.title.strip(), content.question.strip()
    if not 1 <= len(title) <= TITLE_MAX:
        raise Invalid("title", text_id="error.article_title")
    if not 2 <= len(question) <= QUESTION_MAX:
        raise Invalid("question", text_id="error.article_question")
    if not 1 <= len(content.answer.strip()) <= ANSWER_MAX:
        raise Invalid("answer", text_id="error.article_answer")
    variants: dict[str, str] = {}
    for each in content.variants:
        text = each.strip()
        if len(text) > QUESTION_MAX:
            raise Invalid("variant", text_id="error.article_question")
        if normalise(text) and normalise(text) != normalise(question):
            variants.setdefault(normalise(text), text)
    if len(variants) > VARIANTS_MAX:
        raise Invalid("variants", text_id="error.article_variants")
    return replace(content, title=title, question=question, variants=tuple(variants.values()))
