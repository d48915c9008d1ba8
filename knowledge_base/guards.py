"""Words that turn an answer into its opposite or its neighbour's: 开通 and 取消, 退货 and 换货, 能 and 不能.

Embeddings and character runs find such questions alike, as they are in all but one word. When a question speaks of one
side only, and every phrasing of an article speaks of the other side only, the article is set back in the order and is
never the answer, though it may still be a choice.
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


@cache
def delivered() -> tuple[Opposites, ...]:
    """The pairs that hold for any service."""
    pairs = json.loads(_FILE.read_text(encoding="utf-8"))
    return tuple(Opposites(tuple(left), tuple(right)) for left, right in pairs)


class Guards:
    """Pairs of opposites, ready to be looked for."""

    def __init__(self, opposites: Iterable[Opposites]) -> None:
        self._pairs = [_compile(pair) for pair in dict.fromkeys(opposites)]

    def sides(self, texts: Sequence[str]) -> bytes:
        """For each pair, which sides stand in any of these normalised texts: none, one or both."""
        return bytes(self._side(pattern, left, texts) for pattern, left in self._pairs)

    def conflict(self, asked: bytes, answered: bytes) -> bool:
        """Does a question with these sides contradict an article with those?"""
        return any(
            a | b == _LEFT | _RIGHT and a in (_LEFT, _RIGHT) and b in (_LEFT, _RIGHT)
            for a, b in zip(asked, answered, strict=True)
        )

    def _side(self, pattern: re.Pattern[str], left: frozenset[str], texts: Sequence[str]) -> int:
        found = 0
        for text in texts:
            for match in pattern.finditer(text):
                found |= _LEFT if match.group() in left else _RIGHT
            if found == _LEFT | _RIGHT:
                break
        return found


def _compile(pair: Opposites) -> tuple[re.Pattern[str], frozenset[str]]:
    left = {normalise(word) for word in pair.left} - {""}
    right = {normalise(word) for word in pair.right} - {""} - left
    # The longest word first: 不能 is not 能.
    words = sorted(left | right, key=lambda word: (-len(word), word))
    return re.compile("|".join(map(re.escape, words)) or r"(?!)"), frozenset(left)
