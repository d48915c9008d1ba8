"""What the figures page and programs ask for. Facts are brought up to date before anything is added up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, func, select

from bot.ports import Texts
from core.clock import Clock, rfc3339
from core.db import Database, Tx
from core.errors import Invalid, NotFound
from core.masking import mask_text
from core.people.store import PeopleStore
from tickets import categories
from tickets.categories import Tree
from tickets.figures import gathering, reading, targets
from tickets.figures.asking import Asked, bucket_of
from tickets.figures.asking import asked as parse
from tickets.figures.definitions import BY_ID, FIGURES, Figure, added
from tickets.figures.tables import ticket_facts
from tickets.figures.targets import Target

log = structlog.get_logger(__name__)

CUTS = ("channel", "team", "agent", "category", "merchant", "live_room", "reason", "tier", "time")
# Whoever reads waits for so many; more are counted in the background, and the page says so.
_AT_ONCE = 1_000
_PAUSE_S = 30.0
_FRESH_S = 5.0
_TOP = 20
_LISTED = 50
_CODED = {"channel": "ticket.channel", "tier": "ticket.tier", "reason": "figure.reason"}

Titles = Callable[[Tx, Sequence[str]], Awaitable[Mapping[str, str]]]


class Figures:
    """One per gateway. Holds no figures, only when it last looked whether any fact has fallen behind."""

    def __init__(self, db: Database, clock: Clock, texts: Texts, people: PeopleStore, zone: ZoneInfo) -> None:
        self._db = db
        self._clock = clock
        self._texts = texts
        self._people = people
        self.zone = zone
        self._looked = float("-inf")
        self._counting = asyncio.Lock()

    # Facts.

    async def run(self) -> None:
        """Keep facts near their tickets, so that whoever opens the page does not wait. Ends by cancellation."""
        while True:
            await self.catch_up()
            await asyncio.sleep(_PAUSE_S)

    async def catch_up(self, limit: int | None = None) -> int:
        """Count what has fallen behind, at most `limit` tickets; return how many are left."""
        async with self._counting:
            async with self._db.read() as tx:
                waiting = await gathering.behind(tx, self.zone)
            now = waiting if limit is None else waiting[:limit]
            for at in range(0, len(now), gathering.CHUNK):
                await gathering.count(self._db, now[at : at + gathering.CHUNK], self.zone)
            self._looked = time.monotonic()
            return len(waiting) - len(now)

    async def rebuild(self) -> int:
        """Count everything anew; return how many tickets there are."""
        await gathering.forget_all(self._db)
        await self.catch_up()
        async with self._db.read() as tx:
            return int(await tx.scalar(select(func.count()).select_from(ticket_facts)) or 0)

    async def _fresh(self) -> int:
        """Bring facts up to date unless that was done a moment ago; how many are still being counted."""
        if time.monotonic() - self._looked < _FRESH_S:
            return 0
        if self._counting.locked():
            # The background is at it; on a big installation that may take a while.
            async with self._db.read() as tx:
                return len(await gathering.behind(tx, self.zone))
        return await self.catch_up(_AT_ONCE)

    def forget_looking(self) -> None:
        """Let the next reader look again at once (tests, and whoever has just changed something)."""
        self._looked = float("-inf")

    # What is asked.

    def asked(self, query: Mapping[str, str]) -> Asked:
        """A query as values, with today as it is here. Raises Invalid."""
        return parse(query, self._clock.now().astimezone(self.zone).date())

    async def overview(self, asked: Asked, titles: Titles, language: str) -> dict[str, Any]:
        """All figures with target, period before and course, and what the charts of the page show."""
        left = await self._fresh()
        now = self._clock.now()
        async with self._db.read() as tx:
            hours = await reading.per_hour(tx, asked, asked.days)
            earlier_hours = await reading.per_hour(tx, asked, asked.before)
            days = await reading.per_day(tx, asked, asked.days, hours, now=now, zone=self.zone)
            before = await reading.per_day(tx, asked, asked.before, earlier_hours, now=now, zone=self.zone)
            wanted = await targets.load(tx)
            named = await self._namer(tx, language)
            shares = {by: await self._counts(tx, asked, by, named) for by in ("channel", "category", "team", "reason")}
            questions = await self._questions(tx, asked, titles)
        buckets = in_buckets(asked, days)
        whole, earlier = added(list(days.values())), added(list(before.values()))
        return {
            "period": _period(asked),
            "counting": left,
            "made_at": rfc3339(now),
            "figures": [self._card(each, whole, earlier, buckets, wanted[each.id], language) for each in FIGURES],
            "buckets": [each.isoformat() for each in buckets],
            "volume": [
                {"bucket": at.isoformat(), **{f"tier_{tier}": sums[f"tier_{tier}"] for tier in (1, 2, 3)}}
                for at, sums in buckets.items()
            ],
            "shares": shares,
            "hours": hour_of_week(hours),
            "funnel": [{"key": key, "count": whole[key]} for key in ("matters", "people", "tier_3", "top_asked")],
            "endings": [
                {"key": "said_yes", "count": whole["said_yes"]},
                {"key": "silent", "count": whole["silent"]},
                {"key": "open", "count": whole["matters"] - whole["ended"]},
            ],
            "questions": questions,
        }

    def _card(
        self,
        figure: Figure,
        whole: Mapping[str, float],
        earlier: Mapping[str, float],
        buckets: Mapping[date, Mapping[str, float]],
        target: Target,
        language: str,
    ) -> dict[str, Any]:
        value = figure.value(whole)
        return {
            **self.definition(figure, language),
            "value": value,
            "over": whole[figure.over],
            "of": whole[figure.of] if figure.of else None,
            "target": target.value,
            "target_own": target.own,
            "met": figure.is_met(value, target.value),
            "before": figure.value(earlier),
            "trend": [figure.value(each) for each in buckets.values()],
        }

    def definition(self, figure: Figure, language: str) -> dict[str, Any]:
        """What a figure is, in words."""
        return {
            "id": figure.id,
            "group": figure.group.value,
            "name": self._texts.get(f"figure.{figure.id}.name", language),
            "how": self._texts.get(f"figure.{figure.id}.how", language),
            "unit": figure.unit.value,
            "better": figure.better.value,
            "delivered_target": figure.target,
        }

    async def definitions(self, language: str) -> list[dict[str, Any]]:
        """All figures with the targets in force."""
        async with self._db.read() as tx:
            wanted = await targets.load(tx)
        return [
            {**self.definition(each, language), "target": wanted[each.id].value, "target_own": wanted[each.id].own}
            for each in FIGURES
        ]

    async def cut(self, asked: Asked, by: str, language: str) -> list[dict[str, Any]]:
        """Every figure per value of one dimension (or per bucket of time), the largest first. Raises Invalid."""
        if by not in CUTS:
            raise Invalid("by")
        await self._fresh()
        now = self._clock.now()
        async with self._db.read() as tx:
            if by == "time":
                hours = await reading.per_hour(tx, asked, asked.days)
                days = await reading.per_day(tx, asked, asked.days, hours, now=now, zone=self.zone)
                found = {at.isoformat(): sums for at, sums in in_buckets(asked, days).items()}
            else:
                found = await reading.cut(tx, asked, by, asked.days, now=now, zone=self.zone)
            named = await self._namer(tx, language)
        rows = [
            {
                "key": key,
                "name": key if by == "time" else named(by, key),
                "values": {each.id: each.value(sums) for each in FIGURES},
            }
            for key, sums in found.items()
        ]
        if by == "time":
            return rows
        return sorted(rows, key=lambda row: (row["key"] == "", -(row["values"]["volume"] or 0), row["key"]))

    async def faults(self, asked: Asked) -> list[dict[str, Any]]:
        """Playback faults by city, provider, device and app version."""
        await self._fresh()
        async with self._db.read() as tx:
            return [
                {key: mask_text(value) if isinstance(value, str) else value for key, value in row.items()}
                for row in await reading.faults(tx, asked, asked.days)
            ]

    async def behind(
        self,
        asked: Asked,
        figure_id: str,
        *,
        misses: bool,
        scope: ColumnElement[bool],
        briefs: Callable[[Tx, list[str]], Awaitable[Any]],
    ) -> dict[str, Any]:
        """The newest tickets that a figure was counted from, within `scope`. Raises NotFound for an unknown figure."""
        figure = BY_ID.get(figure_id)
        if figure is None:
            raise NotFound("figure")
        await self._fresh()
        async with self._db.read() as tx:
            query = reading.behind(asked, figure, asked.days, misses=misses).where(scope)
            total = await tx.scalar(select(func.count()).select_from(query.subquery()))
            ids = [str(row.ticket_id) for row in await tx.all(query.limit(_LISTED))]
            return {"total": int(total or 0), "items": await briefs(tx, ids), "next": None}

    async def choices(self, language: str) -> dict[str, list[dict[str, str]]]:
        """What the filters offer: what tickets have said so far."""
        async with self._db.read() as tx:
            named = await self._namer(tx, language)
            return {
                name: [{"key": key, "name": named(name, key)} for key in await reading.values(tx, name)]
                for name in ("channel", "team", "agent", "category", "merchant", "live_room")
            }

    async def _counts(self, tx: Tx, asked: Asked, by: str, named: Callable[[str, str], str]) -> list[dict[str, Any]]:
        column = ticket_facts.c[by]
        number = func.sum(ticket_facts.c.people if by == "reason" else ticket_facts.c.matters)
        query = (
            select(column.label("key"), number.label("number"))
            .where(
                ticket_facts.c.day >= asked.days.first.isoformat(),
                ticket_facts.c.day <= asked.days.last.isoformat(),
                *asked.where(),
            )
            .group_by(column)
            .order_by(number.desc(), column)
        )
        return [
            {"key": str(row.key), "name": named(by, str(row.key)), "count": int(row.number)}
            for row in await tx.all(query)
            if row.number
        ]

    async def _questions(self, tx: Tx, asked: Asked, titles: Titles) -> list[dict[str, Any]]:
        now = await reading.questions(tx, asked, asked.days)
        before = await reading.questions(tx, asked, asked.before)
        top = sorted(now, key=lambda key: (-now[key][0], key))[:_TOP]
        names = await titles(tx, top)
        return [
            {
                "article_id": key,
                "title": names.get(key, key),
                "count": now[key][0],
                "solved": now[key][1] / now[key][0],
                "people": now[key][2] / now[key][0],
                "before": before.get(key, (0, 0, 0))[0],
            }
            for key in top
        ]

    async def _namer(self, tx: Tx, language: str) -> Callable[[str, str], str]:
        tree: Tree = await categories.load(tx)
        teams = {team.id: team.name for team in await self._people.teams(tx)}
        agents = [row[0] for row in await tx.all(select(ticket_facts.c.agent).distinct())]
        people = await self._people.names(tx, [each for each in agents if each])

        def name(by: str, key: str) -> str:
            if not key:
                return self._texts.get(f"figure.none.{by}", language)
            if by in _CODED:
                text_id = f"{_CODED[by]}.{key}"
                said = self._texts.get(text_id, language)
                return key if said == text_id else said
            match by:
                case "team":
                    return teams.get(key, key)
                case "agent":
                    return people.get(key, key)
                case "category":
                    return tree.name(key)
                case _:
                    return mask_text(key)

        return name

    # Targets.

    async def set_target(self, figure_id: str, value: float | None, by: str, audit: Callable[..., Any]) -> None:
        """Set a target, with a record of who did. Raises NotFound, Invalid."""
        async with self._db.begin() as tx:
            await targets.put(tx, figure_id, value, by=by, now=self._clock.now())
            await audit(tx, by, "figures.target", figure_id, target=value)

    async def reset_target(self, figure_id: str, by: str, audit: Callable[..., Any]) -> None:
        """Go back to the delivered target. Raises NotFound."""
        async with self._db.begin() as tx:
            await targets.reset(tx, figure_id)
            await audit(tx, by, "figures.target_reset", figure_id)


def in_buckets(asked: Asked, days: Mapping[date, Mapping[str, float]]) -> dict[date, dict[str, float]]:
    """Sums per bucket; a first or last bucket may be cut by the period."""
    parts: dict[date, list[Mapping[str, float]]] = defaultdict(list)
    for day, sums in days.items():
        parts[bucket_of(asked.bucket, day)].append(sums)
    return {at: added(list(found)) for at, found in parts.items()}


def hour_of_week(hours: Mapping[tuple[date, int], int]) -> list[list[int]]:
    """Monday first, each with 24 hours."""
    found: Counter[tuple[int, int]] = Counter()
    for (day, hour), number in hours.items():
        found[day.weekday(), hour] += number
    return [[found[day, hour] for hour in range(24)] for day in range(7)]


def _period(asked: Asked) -> dict[str, Any]:
    return {
        "kind": asked.kind,
        "from": asked.days.first.isoformat(),
        "to": asked.days.last.isoformat(),
        "before_from": asked.before.first.isoformat(),
        "before_to": asked.before.last.isoformat(),
        "bucket": asked.bucket,
    }


__all__ = ["CUTS", "Figures", "hour_of_week", "in_buckets"]
