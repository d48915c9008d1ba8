"""What somebody wants figures of: a period of local days, and filters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_

from core.errors import Invalid
from tickets.figures.tables import ticket_facts

KINDS = ("day", "week", "month", "quarter", "custom")
FILTERS = ("channel", "team", "agent", "category", "merchant", "live_room", "tier")
DEFAULT_DAYS = 30
MAX_DAYS = 732
_DAY_BUCKETS = 31
_WEEK_BUCKETS = 26 * 7


@dataclass(frozen=True, slots=True)
class Days:
    """Local days from `first` to `last`, both included."""

    first: date
    last: date

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def each(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range(len(self))]


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, the one before it to compare with, and filters (column → value)."""

    kind: str
    days: Days
    before: Days
    filters: Mapping[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """How its course is drawn: by day, week or month."""
        if len(self.days) <= _DAY_BUCKETS:
            return "day"
        return "week" if len(self.days) <= _WEEK_BUCKETS else "month"

    def where(self) -> list[ColumnElement[bool]]:
        """The filters as conditions; a category includes its children."""
        found: list[ColumnElement[bool]] = []
        for name, value in self.filters.items():
            column = ticket_facts.c[name]
            if name == "category":
                found.append(or_(column == value, column.startswith(f"{value}/", autoescape=True)))
            elif name == "tier":
                found.append(column == int(value))
            else:
                found.append(column == value)
        return found


def asked(query: Mapping[str, str], today: date) -> Asked:
    """Read a query: `period`, `at` (a day within it) or `from` and `to`, and filters. Raises Invalid."""
    kind = query.get("period") or "custom"
    if kind not in KINDS:
        raise Invalid("period")
    filters = {name: query[name] for name in FILTERS if query.get(name)}
    if filters.get("tier", "1") not in ("1", "2", "3"):
        raise Invalid("tier")
    if kind == "custom":
        last = _day(query, "to") or today
        first = _day(query, "from") or last - timedelta(days=DEFAULT_DAYS - 1)
        if not timedelta(0) <= last - first < timedelta(days=MAX_DAYS):
            raise Invalid("from and to")
        days = Days(first, last)
        return Asked(kind, days, Days(first - timedelta(days=len(days)), first - timedelta(days=1)), filters)
    days = whole(kind, _day(query, "at") or today)
    before = whole(kind, days.first - timedelta(days=1))
    if days.first <= today < days.last:
        # What has not happened yet is not compared: the same days of the period before, as far as it has them.
        days = Days(days.first, today)
        before = Days(before.first, min(before.last, before.first + timedelta(days=len(days) - 1)))
    return Asked(kind, days, before, filters)


def whole(kind: str, within: date) -> Days:
    """The day, week (from Monday), month or quarter that a day lies in."""
    match kind:
        case "day":
            return Days(within, within)
        case "week":
            monday = within - timedelta(days=within.weekday())
            return Days(monday, monday + timedelta(days=6))
        case "month":
            first = within.replace(day=1)
            return Days(first, _next_month(first, 1) - timedelta(days=1))
        case _:
            first = within.replace(month=(within.month - 1) // 3 * 3 + 1, day=1)
            return Days(first, _next_month(first, 3) - timedelta(days=1))


def bucket_of(bucket: str, day: date) -> date:
    """The first day of the bucket that a day falls into."""
    if bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == "month" else day


def _next_month(first: date, months: int) -> date:
    month = first.month - 1 + months
    return first.replace(year=first.year + month // 12, month=month % 12 + 1)


def _day(query: Mapping[str, Any], name: str) -> date | None:
    text = query.get(name)
    if not text:
        return None
    try:
        found = date.fromisoformat(str(text))
    except ValueError as exc:
        raise Invalid(f"{name} is no day") from exc
    if not 2000 <= found.year <= 2199:
        raise Invalid(f"{name} is no day of ours")
    return found
