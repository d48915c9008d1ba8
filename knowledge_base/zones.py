"""Two thresholds on two probabilities: answer, ask which was meant, or give up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knowledge_base.logistic import Array

# How questions are mixed in the life of a service, for the precision that the threshold promises.
_IN_SCOPE, _NO_ARTICLE, _OUTSIDE = 0.85, 0.05, 0.10
# Of the questions whose article is among the choices, so many may be given up instead of asked about.
_LOST_CHOICES = 0.008
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Zones:
    """Answer when the first is right with at least `answer_from`; ask when one of the choices is with `ask_from`."""

    answer_from: float
    ask_from: float


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Questions that learning did not see, with their probabilities and what was true.

    `kind`: 0 has an article, 1 is of this service but its article was left out, 2 belongs to no service.
    """

    kind: Array
    first: Array
    first_right: Array
    among: Array
    among_right: Array


def choose(held_out: HeldOut, delivered: Zones, precision: float, false_answers: float, needless: float) -> Zones:
    """The widest zones that keep the wanted shares on held-out questions. With too few of them, the delivered ones."""
    asked = held_out.kind == 0
    if asked.sum() < _FEWEST:
        return delivered
    return Zones(
        _answer_from(held_out, precision, false_answers),
        _ask_from(held_out, needless),
    )


def _answer_from(held_out: HeldOut, precision: float, false_answers: float) -> float:
    """The lowest probability above which enough answers are right and few enough outsiders get one."""
    weights = np.zeros(len(held_out.kind))
    for kind, share in enumerate((_IN_SCOPE, _NO_ARTICLE, _OUTSIDE)):
        of_kind = held_out.kind == kind
        weights[of_kind] = share / max(1, int(of_kind.sum()))
    order = np.argsort(-held_out.first, kind="stable")
    given = np.cumsum(weights[order])
    right = np.cumsum((weights * held_out.first_right)[order])
    outsiders = held_out.kind[order] == 2
    false = np.cumsum(outsiders) / max(1, int(outsiders.sum()))
    fits = (right >= precision * given) & (false <= false_answers)
    # A handful of answers proves nothing: the share must hold for a tenth of the questions or more.
    fits &= given >= 0.1 * _IN_SCOPE
    if not fits.any():
        return float(min(0.99, held_out.first.max()))
    return float(held_out.first[order][np.flatnonzero(fits)[-1]])


def _ask_from(held_out: HeldOut, needless: float) -> float:
    """Low enough to lose few good choices, and high enough to spare most outsiders, where both can be had."""
    good = held_out.among[(held_out.kind == 0) & (held_out.among_right > 0)]
    keep = float(np.quantile(good, _LOST_CHOICES)) if len(good) else 0.5
    # Where both cannot be had, twice the loss is accepted, not more.
    most = float(np.quantile(good, 2 * _LOST_CHOICES)) if len(good) else 0.5
    outsiders = held_out.among[held_out.kind == 2]
    spare = float(np.quantile(outsiders, 1.0 - needless)) if len(outsiders) else 0.0
    return min(max(keep, spare), max(keep, most))
