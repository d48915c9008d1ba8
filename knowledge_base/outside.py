"""Sentences that belong to no service: what a release learns "none of mine" from, beside its own articles left out."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core.normaliser import normalise

_FILE = Path(__file__).parent / "data" / "out_of_scope.txt"


@cache
def outside_texts() -> tuple[str, ...]:
    """All of them in normal form, each once. Whoever builds a release with vectors hands in theirs."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    texts = (normalise(line) for line in lines if line and not line.startswith("#"))
    return tuple(dict.fromkeys(text for text in texts if text))
