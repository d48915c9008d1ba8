"""From rows to an index: number the texts, fetch or make their vectors, build, keep the files as a cache."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from core import normaliser
from core.db import Database
from core.encoder import EncoderClient
from core.errors import EncoderUnavailable
from knowledge_base import store
from knowledge_base.calibration import Learned
from knowledge_base.engine import ENGINE_VERSION, ReleaseIndex, build_release, build_unlearned
from knowledge_base.outside import outside_texts
from knowledge_base.store import Content
from knowledge_base.types import FloatArray, IndexedArticle, IndexedText, SearchSettings, TextKind

log = structlog.get_logger(__name__)

# A publish may wait longer for vectors than a customer's question does.
_ENCODE_LIMIT_S = 60.0
# Folders of indexes beyond these are removed, oldest use first; any of them can be rebuilt.
_KEPT_FOLDERS = 8
# A publish keeps what was learned, so that a change to one article changes nothing about the others. When this share
# of the texts came or went, the release is another one and learns anew.
_LEARN_ANEW = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an index should hold: article id → (revision, content, public)."""

    contents: Mapping[str, tuple[int, Content, bool]]

    def key(self, model_id: str) -> str:
        """The cache name: equal content under equal rules gives the same index."""
        body = json.dumps(
            {
                "engine": ENGINE_VERSION,
                "normaliser": normaliser.VERSION,
                "model": model_id,
                "articles": sorted((key, revision) for key, (revision, _, _) in self.contents.items()),
                "texts": hashlib.sha256(repr(sorted(self.contents.items())).encode()).hexdigest(),
            },
            sort_keys=True,
        )
        return hashlib.sha256(body.encode()).hexdigest()[:32]


class Builder:
    """Builds indexes and keeps them in a folder. Safe to use from several gateways over one folder."""

    def __init__(self, db: Database, encoder: EncoderClient, folder: Path, settings: SearchSettings) -> None:
        self._db = db
        self._encoder = encoder
        self._folder = folder
        self._settings = settings
        # Two builds at once would only make both slower.
        self._one = asyncio.Lock()
        # For each model what its latest index learned, and from how many texts.
        self._learned: dict[str, tuple[Learned, int]] = {}
        # … and that index, from which the next one takes what stays the same.
        self._latest: dict[str, ReleaseIndex] = {}

    async def model_id(self) -> str:
        """The model that makes vectors now; "" while there is none."""
        try:
            return (await self._encoder.info()).model_id
        except EncoderUnavailable:
            return ""

    async def index(self, wanted: Wanted, model_id: str) -> ReleaseIndex:
        """Load the index from the folder, else build it. With model id "" it knows words only.

        Raises EncoderUnavailable when vectors are missing and the encoder cannot make them.
        """
        folder = self._folder / wanted.key(model_id)
        async with self._one:
            loaded = await asyncio.to_thread(self._load, folder)
            if loaded is not None:
                self._learned.setdefault(model_id, (loaded.learned, loaded.texts))
                self._latest[model_id] = loaded
                return loaded
            articles = await self._articles(wanted)
            texts = {text.question_id: text.text for article in articles for text in article.texts}
            learned, size = self._learned.get(model_id, (None, 0))
            if abs(len(texts) - size) > _LEARN_ANEW * size:
                learned = None
            vectors, outside = None, {}
            if model_id:
                vectors = await self._vectors(texts, model_id)
                outside = await self._outside(model_id) if learned is None else {}
            built = await asyncio.to_thread(
                build_release,
                articles,
                vectors,
                self._settings,
                outside=outside,
                learned=learned,
                before=self._latest.get(model_id),
            )
            self._latest[model_id] = built
            if learned is None:
                self._learned[model_id] = (built.learned, built.texts)
            await asyncio.to_thread(self._keep, built, folder)
            return built

    async def first(self, wanted: Wanted) -> tuple[ReleaseIndex, bool]:
        """An index of words for the first moments, and whether it is the one to keep.

        Where none is kept it has learned nothing of its own: learning takes most of a build, and right after the very
        first start there may be somebody who waits for an answer.
        """
        folder = self._folder / wanted.key("")
        async with self._one:
            loaded = await asyncio.to_thread(self._load, folder)
            if loaded is not None:
                self._learned.setdefault("", (loaded.learned, loaded.texts))
                return loaded, True
            articles = await self._articles(wanted)
            return await asyncio.to_thread(build_unlearned, articles, self._settings), False

    def _load(self, folder: Path) -> ReleaseIndex | None:
        if not folder.is_dir():
            return None
        try:
            index = ReleaseIndex.load(folder)
        except (OSError, ValueError, KeyError) as exc:
            log.warning("knowledge.cache_unreadable", folder=folder.name, reason=type(exc).__name__)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        folder.touch()
        return index

    def _keep(self, index: ReleaseIndex, folder: Path) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            index.save(folder)
            old = sorted((p for p in self._folder.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime)
            for each in old[:-_KEPT_FOLDERS]:
                shutil.rmtree(each, ignore_errors=True)
        except OSError as exc:
            # The index serves from memory; the next start builds it again.
            log.warning("knowledge.cache_not_written", reason=type(exc).__name__)

    async def _articles(self, wanted: Wanted) -> list[IndexedArticle]:
        texts: list[tuple[str, str, str]] = []
        for article_id, (_, content, _) in wanted.contents.items():
            texts += [(article_id, kind.value, text) for kind, text in texts_of(content)]
        async with self._db.begin() as tx:
            ids = await store.number_questions(tx, texts)
        return [
            IndexedArticle(
                article_id=article_id,
                revision=revision,
                title=content.title,
                question=content.question,
                texts=tuple(
                    IndexedText(ids[article_id, kind.value, text], kind, text) for kind, text in texts_of(content)
                ),
                public=public,
            )
            for article_id, (revision, content, public) in wanted.contents.items()
        ]

    async def _outside(self, model_id: str) -> dict[str, FloatArray]:
        """Vectors of the sentences that no service answers."""
        texts = outside_texts()
        vectors = await self._vectors(dict(enumerate(texts)), model_id)
        return {text: vectors[at] for at, text in enumerate(texts)}

    async def _vectors(self, texts: Mapping[int, str], model_id: str) -> dict[int, FloatArray]:
        hashes = {question_id: store.content_hash(text) for question_id, text in texts.items()}
        async with self._db.read() as tx:
            known = await store.known_vectors(tx, hashes.values(), model_id)
        missing = list(dict.fromkeys(texts[i] for i, each in hashes.items() if each not in known))
        if missing:
            rows = await self._encoder.encode(missing, timeout_s=_ENCODE_LIMIT_S)
            fresh = {store.content_hash(text): row for text, row in zip(missing, rows, strict=True)}
            async with self._db.begin() as tx:
                await store.keep_vectors(tx, model_id, fresh)
            known |= fresh
        return {question_id: known[each] for question_id, each in hashes.items()}


def texts_of(content: Content) -> list[tuple[TextKind, str]]:
    """Every text of an article that is searched, each once."""
    found: dict[tuple[TextKind, str], None] = {
        (TextKind.TITLE, content.title): None,
        (TextKind.QUESTION, content.question): None,
    }
    found |= {(TextKind.VARIANT, text): None for text in content.variants}
    found |= {(TextKind.PASSAGE, text): None for text in store.passages(content.answer)}
    return list(found)
