"""A few figures over the last days, each read from the tickets themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
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


async def overview(tx: Tx, *, now: datetime, days: int, zone: ZoneInfo, texts: Texts, tree: Tree) -> dict[str, Any]:
    """Volume per day, channel, state, tier and category, ratings, and the hours of the week, in local time."""
    today = now.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    rows = await tx.all(
        select(
            tickets.c.created_at,
            tickets.c.channel_kind,
            tickets.c.state,
            tickets.c.tier,
            tickets.c.category_id,
        ).where(tickets.c.created_at >= since)
    )
    rated = await tx.all(select(surveys.c.rating).where(surveys.c.answered_at >= since))
    per_day: dict[str, Counter[str]] = {(first + timedelta(days=each)).isoformat(): Counter() for each in range(days)}
    hours = [[0] * HOURS_PER_DAY for _ in range(DAYS_PER_WEEK)]
    for row in rows:
        at = row.created_at.astimezone(zone)
        hours[at.weekday()][at.hour] += 1
        per_day.setdefault(at.date().isoformat(), Counter())[str(row.tier)] += 1
    return {
        "days": days,
        "per_day": [
            {"day": day, "total": sum(tiers.values()), "by_tier": dict(tiers)} for day, tiers in sorted(per_day.items())
        ],
        "per_channel": _shares(Counter(row.channel_kind for row in rows), "ticket.channel", texts),
        "per_state": _shares(Counter(row.state for row in rows), "ticket.state", texts),
        "per_tier": _shares(Counter(str(row.tier) for row in rows), "ticket.tier", texts),
        "per_category": [
            {"key": key, "name": tree.name(key), "count": count}
            for key, count in Counter(row.category_id for row in rows).most_common()
        ],
        "ratings": _shares(Counter(str(row.rating) for row in rated if row.rating), "ticket.rating", texts),
        "hour_of_week": hours,
        "targets": _TARGETS,
    }


def _shares(counts: Mapping[str, int], prefix: str, texts: Texts) -> list[dict[str, Any]]:
    return [
        {"key": key, "name": texts.get(f"{prefix}.{key}"), "count": count}
        for key, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
