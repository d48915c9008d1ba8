"""Sums over facts, in SQL. Each function is one or two statements; what they mean stands in `definitions.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, or_, select

from core.db import Tx
from tickets.figures.asking import Asked, Days
from tickets.figures.definitions import Figure, nothing
from tickets.figures.facts import PLAYBACK
from tickets.figures.tables import DIMENSIONS, MEASURES, ticket_facts
from tickets.tables import tickets

FAULT_DIMENSIONS = ("city", "provider", "device", "app_version")
_facts = ticket_facts.c
_SUMS = [func.coalesce(func.sum(_facts[name]), 0).label(name) for name in MEASURES]
MOST_ROWS = 500


def _within(days: Days) -> list[ColumnElement[bool]]:
    return [_facts.day >= days.first.isoformat(), _facts.day <= days.last.isoformat()]


async def per_day(
    tx: Tx, asked: Asked, days: Days, hours: Mapping[tuple[date, int], int], *, now: datetime, zone: ZoneInfo
) -> dict[date, dict[str, float]]:
    """All sums of each day, days without anything included. `hours` are those of `per_hour`."""
    found = {day: nothing() for day in days.each()}
    query = select(_facts.day, *_SUMS).where(*_within(days), *asked.where()).group_by(_facts.day)
    for row in await tx.all(query):
        found[date.fromisoformat(row.day)].update(_numbers(row))
    for (day, _), count in hours.items():
        found[day]["peak"] = max(found[day]["peak"], count)
    await _backlog(tx, asked, days, found, now=now, zone=zone)
    return found


async def per_hour(tx: Tx, asked: Asked, days: Days) -> dict[tuple[date, int], int]:
    """How many matters began in each hour that had any."""
    query = (
        select(_facts.day, _facts.hour, func.sum(_facts.matters).label("number"))
        .where(*_within(days), *asked.where())
        .group_by(_facts.day, _facts.hour)
    )
    return {(date.fromisoformat(row.day), row.hour): int(row.number) for row in await tx.all(query)}


async def _backlog(
    tx: Tx, asked: Asked, days: Days, found: dict[date, dict[str, float]], *, now: datetime, zone: ZoneInfo
) -> None:
    """What stood open when each day ended, and for how long: everything that came before it less what had left."""
    changes: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for column, sign in ((_facts.wanted_day, 1), (_facts.left_day, -1)):
        query = (
            select(column.label("day"), func.count().label("number"), func.sum(_facts.wanted_unix).label("unix"))
            .where(_facts.people == 1, column <= days.last.isoformat(), *asked.where())
            .group_by(column)
        )
        for row in await tx.all(query):
            changes[row.day][0] += sign * int(row.number)
            changes[row.day][1] += sign * int(row.unix)
    count = unix = 0
    waiting = sorted(changes)
    for day in days.each():
        while waiting and waiting[0] <= day.isoformat():
            more, since = changes[waiting.pop(0)]
            count, unix = count + more, unix + since
        end = min(now, datetime.combine(day + timedelta(days=1), time(), zone))
        found[day]["backlog"] = count
        found[day]["backlog_s"] = count * int(end.timestamp()) - unix


async def cut(
    tx: Tx, asked: Asked, by: str, days: Days, *, now: datetime, zone: ZoneInfo
) -> dict[str, dict[str, float]]:
    """All sums by the values of one dimension."""
    assert by in DIMENSIONS
    column = _facts[by]
    found: dict[str, dict[str, float]] = {}
    for row in await tx.all(select(column.label("key"), *_SUMS).where(*_within(days), *asked.where()).group_by(column)):
        found[str(row.key)] = nothing() | _numbers(row)
    peaks = (
        select(column.label("key"), func.sum(_facts.matters).label("number"))
        .where(*_within(days), *asked.where())
        .group_by(column, _facts.day, _facts.hour)
    )
    for row in await tx.all(peaks):
        sums = found[str(row.key)]
        sums["peak"] = max(sums["peak"], int(row.number))
    end = min(now, datetime.combine(days.last + timedelta(days=1), time(), zone))
    standing = (
        select(column.label("key"), func.count().label("number"), func.sum(_facts.wanted_unix).label("unix"))
        .where(
            _facts.people == 1,
            _facts.wanted_day <= days.last.isoformat(),
            or_(_facts.left_day.is_(None), _facts.left_day > days.last.isoformat()),
            *asked.where(),
        )
        .group_by(column)
    )
    for row in await tx.all(standing):
        sums = found.setdefault(str(row.key), nothing())
        sums["backlog"] = int(row.number)
        sums["backlog_s"] = int(row.number) * int(end.timestamp()) - int(row.unix)
    # A double counts nothing, and neither does a value that only doubles have.
    return {key: sums for key, sums in found.items() if sums["matters"] or sums["backlog"]}


async def faults(tx: Tx, asked: Asked, days: Days) -> list[dict[str, Any]]:
    """Playback faults by city, provider, device and app version, the most frequent first."""
    columns = [_facts[name] for name in FAULT_DIMENSIONS]
    count = func.sum(_facts.matters)
    query = (
        select(*columns, count.label("number"), func.sum(_facts.people).label("people"))
        .where(*_within(days), *asked.where(), _facts.category.in_(PLAYBACK), _facts.matters == 1)
        .group_by(*columns)
        .order_by(count.desc(), *columns)
    )
    return [
        {**{name: getattr(row, name) for name in FAULT_DIMENSIONS}, "count": int(row.number), "people": int(row.people)}
        for row in await tx.all(query)
    ]


async def questions(tx: Tx, asked: Asked, days: Days) -> dict[str, tuple[int, int, int]]:
    """Article → (how often it answered first, solved, given to a person)."""
    query = (
        select(
            _facts.article,
            func.sum(_facts.matters).label("number"),
            func.sum(_facts.solved).label("solved"),
            func.sum(_facts.people).label("people"),
        )
        .where(*_within(days), *asked.where(), _facts.article != "", _facts.matters == 1)
        .group_by(_facts.article)
    )
    return {row.article: (int(row.number), int(row.solved), int(row.people)) for row in await tx.all(query)}


async def values(tx: Tx, name: str) -> list[str]:
    """What a dimension has been so far, for choosing a filter."""
    column = _facts[name]
    rows = await tx.all(select(column).where(column != "").distinct().order_by(column).limit(MOST_ROWS))
    return [str(row[0]) for row in rows]


def behind(asked: Asked, figure: Figure, days: Days, *, misses: bool) -> Select[Any]:
    """The tickets that a figure counts; with `misses` those that it counts in the whole but not in the part."""
    # The sums of a share are noughts and ones; of a time, only its divisor says whom it counts.
    part, whole = _facts.get(figure.over), _facts.get(figure.of)
    conditions: list[ColumnElement[bool]] = [*_within(days), *asked.where()]
    if figure.over.startswith("backlog"):
        conditions = [
            _facts.people == 1,
            _facts.wanted_day <= days.last.isoformat(),
            or_(_facts.left_day.is_(None), _facts.left_day > days.last.isoformat()),
            *asked.where(),
        ]
    elif misses and part is not None and whole is not None:
        conditions += [whole > 0, part < whole]
    elif figure.over.endswith(("_s", "_ms")) and whole is not None:
        conditions.append(whole > 0)
    elif part is not None:
        conditions.append(part > 0)
    else:
        conditions.append(_facts.matters > 0)
    found = select(_facts.ticket_id).join(tickets, tickets.c.id == _facts.ticket_id)
    return found.where(*conditions).order_by(_facts.received_at.desc(), _facts.ticket_id)


def _numbers(row: Any) -> dict[str, float]:
    return {name: int(row._mapping[name]) for name in MEASURES}
