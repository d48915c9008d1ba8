"""Texts cut into terms: words, character pairs and short runs of characters.

Chinese has no spaces and no segmenter is always right, so a text counts as its dictionary words and its pairs of
characters at once. Both sides of a search are cut by the same functions, after the same normalisation.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

import jieba

VERSION = 1
"""Changes whenever a text may be cut another way; part of every index's identity."""

_CHINESE = "\u3400-\u4dbf\u4e00-\u9fff"
_RUNS = re.compile(rf"[{_CHINESE}]+|[a-z]+|[0-9]+|[^\W_{_CHINESE}a-z0-9]+")
_LONGEST_WORD = 40


@cache
def _segmenter() -> Any:
    """jieba with its own dictionary, loaded on first use in about a second.

    Its usual way keeps a cache under a known name in the machine's common temporary folder and trusts what it finds
    there; this reads the dictionary itself each time instead.
    """
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def prepare() -> None:
    """Load the dictionary now, so that the first search does not pay for it."""
    _segmenter()


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """Terms for BM25 of a normalised text: search-mode words, pairs of characters, Latin words and numbers."""
    terms: list[str] = []
    for run in _RUNS.findall(text):
        if not "\u3400" <= run[0] <= "\u9fff":
            terms.append(run[:_LONGEST_WORD])
            continue
        found = set(_segmenter().cut_for_search(run))
        found.update(run[i : i + 2] for i in range(len(run) - 1))
        found.update(run if len(run) == 1 else ())
        terms.extend(sorted(found))
    return tuple(terms)


def grams(text: str) -> list[str]:
    """Runs of one to three characters of a normalised text, with repetitions."""
    return [text[i : i + size] for size in (1, 2, 3) for i in range(len(text) - size + 1)]
