"""Words that turn an answer into its opposite or its neighbour's: 开通 and 取消, 退货 and 换货, 能 and 不能.

Embeddings and character runs find such questions alike, as they are in all but one word. When a question speaks of one
side only and the phrasings of an article speak of the other, the article is set back in the order and is never the
answer, though it may still be a choice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from core.normaliser import normalise
from knowledge_base.types import Opposites

SETBACK = 2.0
"""Taken from the ranker's score. Between two articles that differ in the word alone, a tenth would do."""

_FILE = Path(__file__).parent / "data" / "opposites.json"
_LEFT, _RIGHT = 1, 2
# So many phrasings of one side outweigh one of the other.
_STRAY = 4


@cache
def delivered() -> tuple[Opposites, ...]:
    """The pairs that hold for any service."""
    pairs = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(Opposites(tuple(left), tuple(right)) for left, right in pairs)


class Guards:
    """Pairs of opposites, ready to be looked for."""

    def __init__(self, opposites: Iterable[Opposites]) -> None:
        self._pairs = [_compile(pair) for pair in dict.fromkeys(opposites)]

    def asked(self, text: str) -> bytes:
        """For each pair, which sides stand in a normalised question: none, one or both."""
        return bytes(_side(pattern, left, text) for pattern, left in self._pairs)

    def answered(self, phrasings: Sequence[str]) -> bytes:
        """For each pair, which side an article speaks of; both when its phrasings are of two minds."""
        return bytes(self._answered(pattern, left, phrasings) for pattern, left in self._pairs)

    def conflict(self, asked: bytes, answered: bytes) -> bool:
        """Does a question with these sides contradict an article with those?"""
        return any({a, b} == {_LEFT, _RIGHT} for a, b in zip(asked, answered, strict=True))

    def _answered(self, pattern: re.Pattern[str], left: frozenset[str], phrasings: Sequence[str]) -> int:
        found = [_side(pattern, left, text) for text in phrasings]
        lefts, rights = found.count(_LEFT), found.count(_RIGHT)
        # A stray phrasing (开通了又想取消) does not turn an article about 开通.
        if min(lefts, rights) * _STRAY <= max(lefts, rights) > 0:
            return _LEFT if lefts > rights else _RIGHT
        return _LEFT | _RIGHT if lefts or _LEFT | _RIGHT in found else 0


def _side(pattern: re.Pattern[str], left: frozenset[str], text: str) -> int:
    found = 0
    for match in pattern.finditer(text):
        found |= _LEFT if match.group() in left else _RIGHT
    return found


def _compile(pair: Opposites) -> tuple[re.Pattern[str], frozenset[str]]:
    left = {normalise(word) for word in pair.left} - {""}
    right = {normalise(word) for word in pair.right} - {""} - left
    # The longest word first: 不能 is not 能.
    words = sorted(left | right, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, words)) or r"(?!)"), frozenset(left)
