"""What is promised to whom: policies in order, matched by what the matter is; and the delivered ones.

For each kind of clock the first policy that fits and names a limit for that kind counts, so a policy for one area may
say only what is special about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.calendar import Calendar
from core.errors import Invalid
from tickets.sla.clocks import ClockKind, Goal

_MINUTE = 60
_HOUR = 3600
_LONGEST_S = 400 * 24 * _HOUR
# Kinds that a policy may speak of; a next step brings its own time.
KINDS = tuple(kind for kind in ClockKind if kind is not ClockKind.NEXT_STEP)


@dataclass(frozen=True, slots=True)
class Limit:
    """So much working time, and when to warn (None: at three quarters)."""

    limit_s: int
    warn_s: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """Which matters; an empty field means "any". Categories match with all that lies under them."""

    categories: tuple[str, ...] = ()
    priorities: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What policies look at."""

    category_id: str
    priority: int
    channel_kind: str
    level: str | None
    tier: int


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. Without `calendar_id` the hours of the ticket's team count."""

    id: str
    name: str
    match: Match = Match()
    limits: Mapping[ClockKind, Limit] = field(default_factory=dict)
    calendar_id: str | None = None
    enabled: bool = True


def fits(match: Match, subject: Subject) -> bool:
    """Whether a matter is one of these."""
    if match.categories and not any(
        subject.category_id == each or subject.category_id.startswith(f"{each}/") for each in match.categories
    ):
        return False
    return (
        (not match.priorities or subject.priority in match.priorities)
        and (not match.channels or subject.channel_kind in match.channels)
        and (not match.levels or (subject.level or "") in match.levels)
        and (not match.tiers or subject.tier in match.tiers)
    )


def goals_for(policies: Iterable[Policy], subject: Subject, calendars: Mapping[str, Calendar]) -> dict[ClockKind, Goal]:
    """What is promised about this matter, by kind of clock. A calendar that is gone counts as the team's."""
    found: dict[ClockKind, Goal] = {}
    for policy in policies:
        if not policy.enabled or not fits(policy.match, subject):
            continue
        calendar = calendars.get(policy.calendar_id) if policy.calendar_id else None
        for kind, limit in policy.limits.items():
            if kind not in found:
                found[kind] = Goal(limit.limit_s, limit.warn_s, calendar, policy.id)
    return found


def checked(policy: Policy) -> Policy:
    """The policy, cleaned. Raises Invalid when it promises nothing, or what no clock can measure."""
    name = policy.name.strip()
    if not name:
        raise Invalid("name is empty", text_id="error.text_empty")
    if not policy.limits:
        raise Invalid("no limits", text_id="error.sla_no_limits")
    for kind, limit in policy.limits.items():
        if kind not in KINDS:
            raise Invalid("kind")
        if not 0 < limit.limit_s <= _LONGEST_S:
            raise Invalid("limit", text_id="error.sla_limit")
        if limit.warn_s is not None and not 0 < limit.warn_s < limit.limit_s:
            raise Invalid("warn", text_id="error.sla_warn")
    return replace(policy, name=name)


def limits_json(policy: Policy) -> dict[str, Any]:
    """The limits as they are stored and shown."""
    return {
        kind.value: {"limit_s": limit.limit_s, "warn_s": limit.warn_s}
        for kind in KINDS
        if (limit := policy.limits.get(kind)) is not None
    }


def limits_of(stored: Mapping[str, Mapping[str, Any]]) -> dict[ClockKind, Limit]:
    """The limits out of their stored form. Raises Invalid for a kind that does not exist."""
    try:
        return {ClockKind(kind): Limit(int(one["limit_s"]), one.get("warn_s")) for kind, one in stored.items()}
    except ValueError as exc:
        raise Invalid("kind") from exc


DELIVERED: Sequence[Policy] = (
    Policy(
        "technical",
        "技术问题",
        Match(categories=("technical",)),
        # The team aims at two hours; four are the breach.
        {ClockKind.CONFIRM: Limit(4 * _HOUR, 2 * _HOUR), ClockKind.RESOLUTION: Limit(48 * _HOUR)},
    ),
    Policy(
        "content-report",
        "内容与违规举报",
        Match(categories=("content/report", "content/host", "content/misleading", "content/copyright")),
        {ClockKind.RESOLUTION: Limit(24 * _HOUR)},
    ),
    Policy(
        "urgent",
        "紧急事项",
        Match(priorities=(1,)),
        {
            ClockKind.CONFIRM: Limit(30 * _MINUTE),
            ClockKind.NEXT_RESPONSE: Limit(15 * _MINUTE),
            ClockKind.RESOLUTION: Limit(8 * _HOUR),
        },
    ),
    Policy(
        "chat",
        "网站聊天与站内信",
        Match(channels=("web",)),
        {ClockKind.FIRST_RESPONSE: Limit(3 * _MINUTE), ClockKind.NEXT_RESPONSE: Limit(30 * _MINUTE)},
    ),
    Policy(
        "social",
        "社交媒体私信与评论",
        Match(channels=("wechat", "weibo", "wecom")),
        {ClockKind.FIRST_RESPONSE: Limit(_HOUR), ClockKind.NEXT_RESPONSE: Limit(_HOUR)},
    ),
    Policy(
        "mail",
        "邮件",
        Match(channels=("mail",)),
        {ClockKind.FIRST_RESPONSE: Limit(2 * _HOUR), ClockKind.NEXT_RESPONSE: Limit(4 * _HOUR)},
    ),
    Policy(
        "everything",
        "所有事项",
        Match(),
        {
            ClockKind.CONFIRM: Limit(2 * _HOUR),
            ClockKind.FIRST_RESPONSE: Limit(2 * _HOUR),
            ClockKind.NEXT_RESPONSE: Limit(2 * _HOUR),
            ClockKind.RESOLUTION: Limit(72 * _HOUR),
            ClockKind.CONCLUSION: Limit(24 * _HOUR),
        },
    ),
)


__all__ = [
    "DELIVERED",
    "KINDS",
    "Limit",
    "Match",
    "Policy",
    "Subject",
    "checked",
    "fits",
    "goals_for",
    "limits_json",
    "limits_of",
]
