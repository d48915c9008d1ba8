"""A release in a folder: plain data with a manifest of hashes, never pickle.

    manifest.json   versions, and the SHA-256 of each other file
    content.json    articles, texts, settings, what was learned
    terms.json      the vocabularies of the inverted lists
    arrays.npz      every array
    index.faiss     the vectors, where there are any

The folder is a cache that can be made again from SQL. It is written beside its name, synced and renamed, so that a
reader sees it whole or not at all; FAISS and numpy read a file only after its hash was checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from core import normaliser
from knowledge_base import words
from knowledge_base.calibration import Learned
from knowledge_base.classes import Classes
from knowledge_base.corpus import Corpus, Row
from knowledge_base.dense import Dense
from knowledge_base.index import VectorIndex
from knowledge_base.lexical import Postings
from knowledge_base.types import IndexedArticle, IndexedText, Opposites, SearchSettings, TextKind

ENGINE_VERSION = 2
"""Raise it when the same articles would be laid out, learned from or kept differently."""

_LISTS = ("runs", "phrasing_words", "body_words")
_MANIFEST = "manifest.json"
_VERSIONS = {"engine": ENGINE_VERSION, "normaliser": normaliser.VERSION, "words": words.VERSION}

Arrays = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What a release consists of."""

    corpus: Corpus
    dense: Classes | None
    lexical: Classes | None
    learned: Learned
    settings: SearchSettings


def save(stored: Stored, release: str, folder: Path) -> None:
    """Write the folder. One that is there already is left as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        _write(stored, release, scratch)
        try:
            scratch.rename(folder)
        except OSError:
            if not (folder / _MANIFEST).is_file():
                raise
        _sync(folder.parent)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write(stored: Stored, release: str, folder: Path) -> None:
    corpus = stored.corpus
    arrays: Arrays = {
        "article_of": corpus.article_of,
        "starts": corpus.starts,
        "passage_starts": corpus.passage_starts,
        "vector_at": corpus.vector_at,
    }
    for way, classes in (("dense", stored.dense), ("lexical", stored.lexical)):
        if classes is not None:
            arrays[f"classes.{way}"] = classes.weights
    vocabularies = {}
    for name in _LISTS:
        postings: Postings = getattr(corpus, name)
        vocabularies[name] = list(postings.vocabulary)
        for part in ("starts", "documents", "weights", "idf", "frequency"):
            arrays[f"{name}.{part}"] = getattr(postings, part)
        arrays[f"{name}.sizes"] = np.array([postings.size, postings.unknown_idf], np.float64)
    if corpus.dense is not None:
        corpus.dense.index.save(folder / "index.faiss")
        for part in ("rows", "mean", "mean_products", "lengths"):
            arrays[f"vectors.{part}"] = getattr(corpus.dense, part)
    with (folder / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for keywords of its own.
    content = {
        "release": release,
        "articles": [asdict(article) for article in corpus.articles],
        "rows": [[row.question_id, row.article, row.kind, row.text] for row in corpus.rows],
        "phrasings": corpus.phrasings,
        "exact": corpus.exact,
        "settings": asdict(stored.settings),
        "learned": stored.learned.to_json(),
    }
    _write_json(folder / "content.json", content)
    _write_json(folder / "terms.json", vocabularies)
    hashes = {path.name: _hash(path) for path in sorted(folder.iterdir())}
    _write_json(folder / _MANIFEST, {"versions": _VERSIONS, "files": hashes})
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def load(folder: Path) -> tuple[Stored, str]:
    """Check every hash, then read. Raises ValueError or OSError; the caller builds it again then."""
    manifest = _read_json(folder / _MANIFEST)
    if manifest.get("versions") != _VERSIONS:
        raise ValueError("the folder was written by another version")
    present = {path.name for path in folder.iterdir()} - {_MANIFEST}
    if present != set(manifest["files"]):
        raise ValueError("a file is missing, or one is too many")
    for name, digest in manifest["files"].items():
        if _hash(folder / name) != digest:
            raise ValueError(f"{name} is damaged")
    try:
        content = _read_json(folder / "content.json")
        terms = _read_json(folder / "terms.json")
        with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
            arrays: dict[str, Any] = dict(archive.items())
        return _stored(content, terms, arrays, folder / "index.faiss"), str(content["release"])
    except (KeyError, TypeError, RuntimeError, BadZipFile) as exc:
        raise ValueError(f"the folder cannot be read: {exc}") from exc


def _stored(content: dict[str, Any], terms: dict[str, Any], arrays: dict[str, Any], index: Path) -> Stored:
    dense = None
    if index.is_file():
        parts = {part: arrays[f"vectors.{part}"] for part in ("rows", "mean", "mean_products", "lengths")}
        dense = Dense(index=VectorIndex.load(index), **parts)
    corpus = Corpus(
        articles=tuple(_article(value) for value in content["articles"]),
        rows=tuple(Row(i, article, TextKind(kind), text) for i, article, kind, text in content["rows"]),
        phrasings=int(content["phrasings"]),
        article_of=arrays["article_of"],
        starts=arrays["starts"],
        passage_starts=arrays["passage_starts"],
        exact={text: tuple(rows) for text, rows in content["exact"].items()},
        runs=_postings("runs", terms, arrays),
        phrasing_words=_postings("phrasing_words", terms, arrays),
        body_words=_postings("body_words", terms, arrays),
        dense=dense,
        vector_at=arrays["vector_at"],
    )
    learned = Learned.from_json(content["learned"])
    weights = {"dense": learned.dense.vector_weight, "lexical": 1.0}
    known = {
        way: Classes(arrays[key], weight) for way, weight in weights.items() if (key := f"classes.{way}") in arrays
    }
    settings = content["settings"]
    opposites = tuple(Opposites(tuple(o["left"]), tuple(o["right"])) for o in settings.pop("opposites"))
    return Stored(
        corpus=corpus,
        dense=known.get("dense"),
        lexical=known.get("lexical"),
        learned=learned,
        settings=SearchSettings(**settings, opposites=opposites),
    )


def _article(value: dict[str, Any]) -> IndexedArticle:
    texts = tuple(IndexedText(t["question_id"], TextKind(t["kind"]), t["text"]) for t in value.pop("texts"))
    return IndexedArticle(**value, texts=texts)


def _postings(name: str, terms: dict[str, Any], arrays: dict[str, Any]) -> Postings:
    size, unknown_idf = arrays[f"{name}.sizes"].tolist()
    parts = {part: arrays[f"{name}.{part}"] for part in ("starts", "documents", "weights", "idf", "frequency")}
    vocabulary = {term: at for at, term in enumerate(terms[name])}
    return Postings(vocabulary=vocabulary, size=int(size), unknown_idf=unknown_idf, **parts)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} is not an object")
    return value


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
