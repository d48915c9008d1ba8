"""The values of the search engine: what an index is made from, and what a search answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


class TextKind(StrEnum):
    """What a text is to its article. All but passages are phrasings of what customers ask."""

    TITLE = "title"
    QUESTION = "question"
    VARIANT = "variant"
    PASSAGE = "passage"


class Decision(StrEnum):
    """What to do with a search: answer it, ask which of a few was meant, or give up."""

    ANSWER = "answer"
    ASK = "ask"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class IndexedText:
    """One text that is searched, under the id that SQL issued for it."""

    question_id: int
    kind: TextKind
    text: str


@dataclass(frozen=True, slots=True)
class IndexedArticle:
    """One published revision. `title` may also stand among `texts`; only there does it have a vector."""

    article_id: str
    revision: int
    title: str
    question: str
    texts: tuple[IndexedText, ...]
    public: bool = True


@dataclass(frozen=True, slots=True)
class Opposites:
    """Words that turn an answer into its opposite: 开通 and 取消. Written in normal form, either side in any order."""

    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a release is built. The defaults are the delivered ones."""

    precision: float = 0.95
    """Share of right answers among the given ones that the threshold is learned for."""
    false_answers: float = 0.03
    """Share of sentences that belong nowhere which may get an answer, at most; more would be felt."""
    needless_choices: float = 0.35
    """Share of such sentences that may get choices. Choices cost a glance, a wrong answer costs trust."""
    choices: int = 3
    opposites: tuple[Opposites, ...] = ()
    """In addition to the delivered ones in `data/opposites.json`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One article found. `probability` is that it is what was asked; `score` orders and has no meaning of its own."""

    article_id: str
    question_id: int
    question: str
    score: float
    probability: float
    revision: int
    public: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a release says to a question. With ANSWER the first hit is it; with ASK the first few are choices."""

    decision: Decision
    results: tuple[Hit, ...]
    release: str
    exact: bool = False
    """The question is word for word one of the article's phrasings, up to normalisation."""
    lexical: bool = False
    """No vector was at hand, so words alone decided, by thresholds of their own."""


Vectors = Mapping[int, FloatArray]
"""Question id → vector of length one."""
