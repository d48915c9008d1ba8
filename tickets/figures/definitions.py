"""Every figure once: what is added up over what, which way is better, and the delivered target.

Names and the formula in words stand in the message catalogue under `figure.<id>.name` and `figure.<id>.how`. A figure
is a pure function of sums; without anything to divide by it has no value, which is not the same as nought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tickets.figures.tables import MEASURES

Sums = Mapping[str, float]
# What cannot be added up over tickets: the busiest hour, and what was open when the period ended.
SEPARATE = ("peak", "backlog", "backlog_s")


class Unit(StrEnum):
    """How a value is read."""

    COUNT = "count"
    SHARE = "share"
    SECONDS = "seconds"
    SCORE = "score"


class Better(StrEnum):
    """Which way is better."""

    HIGH = "high"
    LOW = "low"
    NEITHER = "neither"


class Group(StrEnum):
    """Where a figure stands on the page."""

    VOLUME = "volume"
    SPEED = "speed"
    SOLVING = "solving"
    CONTENT = "content"
    SELF = "self"
    PROMISE = "promise"


@dataclass(frozen=True, slots=True)
class Figure:
    """`over` divided by `of`; without `of`, `over` itself. `scale` turns the quotient into the unit."""

    id: str
    group: Group
    over: str
    of: str = ""
    unit: Unit = Unit.SHARE
    better: Better = Better.HIGH
    target: float | None = None
    scale: float = 1.0

    def value(self, sums: Sums) -> float | None:
        """The figure over these sums, or None when there was nothing to count it from."""
        if not self.of:
            return sums.get(self.over, 0)
        whole = sums.get(self.of, 0)
        return sums.get(self.over, 0) / whole * self.scale if whole else None

    def is_met(self, value: float | None, target: float | None) -> bool | None:
        """Whether the target is reached; None without value, target or direction."""
        if value is None or target is None or self.better is Better.NEITHER:
            return None
        return value >= target if self.better is Better.HIGH else value <= target


_V, _S, _R, _C, _B, _P = (
    Group.VOLUME,
    Group.SPEED,
    Group.SOLVING,
    Group.CONTENT,
    Group.SELF,
    Group.PROMISE,
)
_LOW, _NEITHER = Better.LOW, Better.NEITHER

FIGURES: tuple[Figure, ...] = (
    Figure("volume", _V, "matters", unit=Unit.COUNT, better=_NEITHER),
    Figure("peak_load", _V, "peak", unit=Unit.COUNT, better=_NEITHER),
    Figure("tier_1_share", _V, "tier_1", "matters", target=0.60),
    Figure("tier_2_share", _V, "tier_2", "matters", better=_LOW, target=0.35),
    Figure("tier_3_share", _V, "tier_3", "matters", better=_LOW, target=0.05),
    Figure("backlog", _V, "backlog", unit=Unit.COUNT, better=_LOW),
    Figure("backlog_age", _V, "backlog_s", "backlog", unit=Unit.SECONDS, better=_LOW),
    Figure("answer_rate", _S, "answered", "talked", target=1.0),
    Figure("answer_time", _S, "answer_s", "answered", unit=Unit.SECONDS, better=_LOW, target=30),
    Figure("person_answer_rate", _S, "person_answered", "people"),
    Figure("person_answer_time", _S, "person_s", "person_answered", unit=Unit.SECONDS, better=_LOW),
    Figure("person_in_time", _S, "person_in_time", "people"),
    Figure("reply_time", _S, "reply_ms", "replies", unit=Unit.SECONDS, better=_LOW, scale=0.001),
    Figure("bot_reply_time", _S, "bot_reply_ms", "bot_replies", unit=Unit.SECONDS, better=_LOW, scale=0.001),
    Figure("confirm_time", _S, "confirm_s", "confirmed_by_team", unit=Unit.SECONDS, better=_LOW, target=7_200),
    Figure("solving_time", _S, "conclude_s", "concluded", unit=Unit.SECONDS, better=_LOW),
    Figure("first_contact", _R, "once", "concluded"),
    Figure("final_solution", _R, "settled", "ended", target=0.985),
    Figure("spoken_solution", _R, "settled", "spoke", target=0.985),
    Figure("confirmed_share", _R, "said_yes", "ended"),
    Figure("silent_share", _R, "silent", "ended", better=_LOW),
    Figure("solved_share", _R, "solved", "matters"),
    Figure("escalation", _R, "escalated", "people", better=_LOW),
    Figure("reopen", _R, "reopened", "told", better=_LOW),
    Figure("explained_again", _R, "explained_again", "people", better=_LOW, target=0.08),
    Figure("csat", _C, "content", "rated"),
    Figure("csat_response", _C, "given", "asked"),
    Figure("nps", _C, "recommend_net", "recommend_rated", unit=Unit.SCORE, scale=100),
    Figure("own_satisfaction", _B, "own_content", "own_voted", target=0.92),
    Figure("containment", _B, "contained", "stayed", target=0.60),
    Figure("transfer", _B, "transferred", "bot_talks", better=_LOW),
    Figure("bounce", _B, "bounced", "bot_talks", better=_LOW),
    Figure("sla", _P, "kept", "promised"),
    Figure("executive_used", _P, "top_asked", unit=Unit.COUNT, better=_NEITHER),
    Figure("executive_in_time", _P, "top_in_time", "top_asked", target=1.0),
    Figure("executive_solved", _P, "top_solved", "top_asked"),
)

BY_ID = {each.id: each for each in FIGURES}


def nothing() -> dict[str, float]:
    """Sums over nobody."""
    return dict.fromkeys((*MEASURES, *SEPARATE), 0.0)


def added(parts: list[Sums]) -> dict[str, float]:
    """Sums over several parts; the peak is the highest, and what stands open is that of the last."""
    whole = nothing()
    for each in parts:
        for name in MEASURES:
            whole[name] += each.get(name, 0)
        whole["peak"] = max(whole["peak"], each.get("peak", 0))
    if parts:
        whole["backlog"], whole["backlog_s"] = parts[-1].get("backlog", 0), parts[-1].get("backlog_s", 0)
    return whole
