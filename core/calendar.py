"""When a team is at work: several intervals a day, days off, worked weekend days (调休), a time zone of its own.

Everything here is a pure function of values; the machine's zone is never looked at. A day's intervals are local
wall-clock times, turned into moments one by one, so that days with a changed clock have their true length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.clock import UTC

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A worked weekend day has the hours of this day, unless its own weekday has hours anyway.
_MODEL_WORKDAY = "mon"
# Longer than any run of days off; a calendar without an hour in that time is closed for good.
_HORIZON_DAYS = 400
_MIDNIGHT = "24:00"
_DATA = Path(__file__).parent / "data"
_WORKED_WORDS = frozenset({"班", "上班", "调休", "work"})
_DAYS_LINE = re.compile(
    r"(?P<first>\d{4}-\d\d-\d\d)(?:\s*[~～至]\s*(?P<last>\d{4}-\d\d-\d\d))?[\s,，\t]*"
    r"(?P<kind>休|放假|假|off|班|上班|调休|work)$"
)
# Longer than the longest holiday, shorter than a mistyped year.
_LONGEST_RANGE_DAYS = 31


class BadCalendar(ValueError):
    """The calendar cannot be used; the text says which part of it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Minutes after local midnight, from (inclusive) to (exclusive); 1440 ends the day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """A team's hours. `holidays` are closed whatever the weekday; `workdays` are open although it is weekend."""

    timezone: ZoneInfo
    hours: Mapping[str, tuple[Interval, ...]]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()


def parse_calendar(
    timezone: str,
    hours: Mapping[str, Sequence[Sequence[str]]],
    holidays: Sequence[str] = (),
    workdays: Sequence[str] = (),
) -> Calendar:
    """Read the stored form. Raises BadCalendar for unknown zones and days, and for intervals that overlap."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadCalendar(f"unknown time zone {timezone!r}") from exc
    if unknown := set(hours) - set(DAYS):
        raise BadCalendar(f"unknown day {sorted(unknown)[0]!r}")
    try:
        off, worked = (frozenset(date.fromisoformat(day) for day in days) for days in (holidays, workdays))
    except ValueError as exc:
        raise BadCalendar(str(exc)) from exc
    return Calendar(zone, {day: _intervals(day, pairs) for day, pairs in hours.items()}, off, worked)


def is_open(calendar: Calendar, moment: datetime) -> bool:
    """Whether the moment lies in working time."""
    day = moment.astimezone(calendar.timezone).date()
    return any(start <= moment < end for start, end in _spans(calendar, day))


def next_opening(calendar: Calendar, moment: datetime) -> datetime | None:
    """The moment itself when it is open, else the start of the next interval; None when there is none."""
    for start, end in _spans_from(calendar, moment):
        if end > moment:
            return max(start, moment).astimezone(UTC)
    return None


def open_seconds(calendar: Calendar, start: datetime, end: datetime) -> float:
    """Working time between two moments; 0 when `end` is not after `start`."""
    total = 0.0
    for opens, closes in _spans_from(calendar, start, until=end):
        total += max(0.0, (min(closes, end) - max(opens, start)).total_seconds())
    return total


def after_open_seconds(calendar: Calendar, start: datetime, seconds: float) -> datetime | None:
    """The moment when so much working time has passed since `start`; None when that never comes."""
    left = seconds
    for opens, closes in _spans_from(calendar, start):
        begin = max(opens, start)
        room = (closes - begin).total_seconds()
        if room < 0:
            continue
        if left <= room:
            return (begin + timedelta(seconds=left)).astimezone(UTC)
        left -= room
    return None


def delivered_days(year: int) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Days off and worked weekend days of mainland China, as delivered; None for a year that we do not have."""
    path = _DATA / f"calendar_cn_{year}.json"
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return tuple(data["holidays"]), tuple(data["workdays"])


class BadDays(ValueError):
    """A line of an import cannot be read; `line` says which, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}")
        self.line = line


def read_days(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Days off and worked weekend days out of lines such as `2027-02-15~2027-02-21 休` or `2027-02-14,班`.

    Both lists are in order and without doubles. Raises BadDays, also for a range that ends before it starts.
    """
    off: set[str] = set()
    worked: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        found = _DAYS_LINE.match(line.strip())
        if found is None:
            raise BadDays(number)
        try:
            first = date.fromisoformat(found["first"])
            last = date.fromisoformat(found["last"] or found["first"])
        except ValueError as exc:
            raise BadDays(number) from exc
        if not 0 <= (last - first).days <= _LONGEST_RANGE_DAYS:
            raise BadDays(number)
        chosen = worked if found["kind"] in _WORKED_WORDS else off
        chosen.update((first + timedelta(days=each)).isoformat() for each in range((last - first).days + 1))
    return tuple(sorted(off)), tuple(sorted(worked))


def without_year(days: Sequence[str], year: int) -> tuple[str, ...]:
    """The days of other years."""
    return tuple(day for day in days if not day.startswith(f"{year}-"))


def missing_year(holidays: Sequence[str], today: date) -> int | None:
    """The next year when December has begun and none of its days off is known; None when there is nothing to do.

    A calendar that knows no days off at all, such as one round the clock, lacks nothing.
    """
    if today.month != 12 or not holidays:
        return None
    year = today.year + 1
    return None if any(day.startswith(f"{year}-") for day in holidays) else year


def _intervals(day: str, pairs: Sequence[Sequence[str]]) -> tuple[Interval, ...]:
    found = []
    for pair in pairs:
        if len(pair) != 2:
            raise BadCalendar(f"{day}: an interval has a start and an end")
        found.append(Interval(_minutes(pair[0]), _minutes(pair[1])))
    found.sort(key=lambda each: each.start)
    previous = 0
    for each in found:
        if each.start < previous or each.end <= each.start:
            raise BadCalendar(f"{day}: intervals overlap or end before they start")
        previous = each.end
    return tuple(found)


def _minutes(text: str) -> int:
    if text == _MIDNIGHT:
        return 1440
    try:
        parsed = time.fromisoformat(text)
    except ValueError as exc:
        raise BadCalendar(f"{text!r} is not a time of day") from exc
    if parsed.second or parsed.microsecond or parsed.tzinfo:
        raise BadCalendar(f"{text!r} is not a time of day in minutes")
    return parsed.hour * 60 + parsed.minute


def _hours_of(calendar: Calendar, day: date) -> tuple[Interval, ...]:
    if day in calendar.holidays:
        return ()
    own = calendar.hours.get(DAYS[day.weekday()], ())
    if day in calendar.workdays and not own:
        return calendar.hours.get(_MODEL_WORKDAY, ())
    return own


def _spans(calendar: Calendar, day: date) -> Iterator[tuple[datetime, datetime]]:
    """The day's intervals as moments in UTC: arithmetic within one zone would ignore a change of the clock."""
    for each in _hours_of(calendar, day):
        yield _moment(calendar, day, each.start), _moment(calendar, day, each.end)


def _moment(calendar: Calendar, day: date, minutes: int) -> datetime:
    if minutes == 1440:
        day, minutes = day + timedelta(days=1), 0
    local = datetime.combine(day, time(minutes // 60, minutes % 60), calendar.timezone)
    return local.astimezone(UTC)


def _spans_from(
    calendar: Calendar, start: datetime, until: datetime | None = None
) -> Iterator[tuple[datetime, datetime]]:
    day = start.astimezone(calendar.timezone).date()
    last = until.astimezone(calendar.timezone).date() if until else day + timedelta(days=_HORIZON_DAYS)
    while day <= last:
        yield from _spans(calendar, day)
        day += timedelta(days=1)
