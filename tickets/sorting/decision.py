"""Where a matter belongs, from everything that is known of it: one pure decision, in the order of trust.

a person's word > what the customer chose > plain words > the model when it is sure > weak words > 待细化
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tickets.categories import STRONG_WORDS, Tree
from tickets.sorting.model import Guess
from tickets.store import UNSORTED


class Way(StrEnum):
    """What decided."""

    CHOSEN = "chosen"
    WORDS = "words"
    MODEL = "model"
    WEAK_WORDS = "weak_words"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to go by. `chosen` is a category or a whole branch; a branch narrows everything that follows."""

    text: str
    chosen: str | None = None
    guess: Guess | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The category and what decided."""

    category_id: str
    way: Way


def decide(tree: Tree, known: Known) -> Decision:
    """Sort, or say that a person must."""
    if known.chosen is not None and tree.can_hold(known.chosen):
        return Decision(known.chosen, Way.CHOSEN)
    by_words, strength = tree.by_words(known.text, known.chosen)
    if strength >= STRONG_WORDS:
        return Decision(by_words, Way.WORDS)
    guess = known.guess
    if guess is not None and guess.sure and tree.can_hold(guess.category_id):
        return Decision(guess.category_id, Way.MODEL)
    if by_words != UNSORTED:
        return Decision(by_words, Way.WEAK_WORDS)
    return Decision(UNSORTED, Way.NOTHING)


def may_replace(tree: Tree, present: str, known: Known, decision: Decision) -> bool:
    """Whether a machine may put this decision in place of what stands.

    What stands is either nothing, or what words said at first. Anything else came from an article that answered, or
    from a person, and stays.
    """
    if decision.category_id in (UNSORTED, present):
        return False
    return present == UNSORTED or present == tree.by_words(known.text)[0]


__all__ = ["Decision", "Known", "Way", "decide", "may_replace"]
