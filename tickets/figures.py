"""A few figures over the last days, each read from the tickets themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.ports import Texts
from core.db import Tx
from tickets.categories import Tree
from tickets.tables import surveys, tickets

HOURS_PER_DAY = 24
DAYS_PER_WEEK = 7
# The delivered wishes: what tier one should solve, and how content its users should be.
_TARGETS = {"tier_1": 0.60, "tier_2": 0.35, "tier_3": 0.05, "content": 0.92}


@dataclass(frozen=True, slots=True)
class Counted:
    """What was read for a number of days: tickets as (created, channel, state, tier, category), and ratings."""

    first: date
    days: int
    zone: ZoneInfo
    tickets: tuple[tuple[datetime, str, str, int, str], ...]
    ratings: tuple[int, ...]


async def read(tx: Tx, *, now: datetime, days: int, zone: ZoneInfo) -> Counted:
    """Read what the figures of the last `days` local days are made of, today included."""
    first = now.astimezone(zone).date() - timedelta(days=days - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    rows = await tx.all(
        select(
            tickets.c.created_at, tickets.c.channel_kind, tickets.c.state, tickets.c.tier, tickets.c.category_id
        ).where(tickets.c.created_at >= since)
    )
    rated = await tx.all(select(surveys.c.rating).where(surveys.c.answered_at >= since, surveys.c.rating.is_not(None)))
    return Counted(first, days, zone, tuple(tuple(row) for row in rows), tuple(row.rating for row in rated))


def overview(counted: Counted, texts: Texts, tree: Tree) -> dict[str, Any]:
    """Volume per day, channel, state, tier and category, ratings, and the hours of the week, in local time."""
    per_day: dict[str, Counter[str]] = {
        (counted.first + timedelta(days=each)).isoformat(): Counter() for each in range(counted.days)
    }
    hours = [[0] * HOURS_PER_DAY for _ in range(DAYS_PER_WEEK)]
    for created_at, _, _, tier, _ in counted.tickets:
        at = created_at.astimezone(counted.zone)
        hours[at.weekday()][at.hour] += 1
        per_day.setdefault(at.date().isoformat(), Counter())[str(tier)] += 1
    return {
        "days": counted.days,
        "per_day": [
            {"day": day, "total": sum(tiers.values()), "by_tier": dict(tiers)} for day, tiers in sorted(per_day.items())
        ],
        "per_channel": _shares(Counter(each[1] for each in counted.tickets), "ticket.channel", texts),
        "per_state": _shares(Counter(each[2] for each in counted.tickets), "ticket.state", texts),
        "per_tier": _shares(Counter(str(each[3]) for each in counted.tickets), "ticket.tier", texts),
        "per_category": [
            {"key": key, "name": tree.name(key), "count": count}
            for key, count in Counter(each[4] for each in counted.tickets).most_common()
        ],
        "ratings": _shares(Counter(str(each) for each in counted.ratings), "ticket.rating", texts),
        "hour_of_week": hours,
        "targets": _TARGETS,
    }


def _shares(counts: Mapping[str, int], prefix: str, texts: Texts) -> list[dict[str, Any]]:
    return [
        {"key": key, "name": texts.get(f"{prefix}.{key}"), "count": count}
        for key, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
