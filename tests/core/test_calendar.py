"""When a team is at work: the calendar's promises, in its own zone and over changes of the clock."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import (
    DAYS,
    BadCalendar,
    BadDays,
    Calendar,
    after_open_seconds,
    delivered_days,
    is_open,
    missing_year,
    next_opening,
    open_seconds,
    parse_calendar,
    read_days,
)
from core.clock import UTC

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = [["09:00", "12:00"], ["13:30", "18:00"]]
WEEK = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), OFFICE)


def office() -> Calendar:
    """Five days with a pause at noon, and the delivered days of 2026."""
    days = delivered_days(2026)
    assert days is not None
    return parse_calendar("Asia/Shanghai", WEEK, *days)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-20T09:00", True),  # a Friday
        ("2026-11-20T08:59", False),
        ("2026-11-20T12:00", False),  # the pause has begun
        ("2026-11-20T13:30", True),
        ("2026-11-20T18:00", False),
        ("2026-11-21T10:00", False),  # a Saturday
        ("2026-10-01T10:00", False),  # a Thursday, but a day off
        ("2026-10-10T10:00", True),  # a worked Saturday has Monday's hours
        ("2026-10-10T12:30", False),
        ("2026-02-28T17:59", True),
    ],
)
def test_open_and_closed_follow_hours_days_off_and_worked_weekends(local: str, expected: bool) -> None:
    """The table of a working year, in local time of the team."""
    assert is_open(office(), datetime.fromisoformat(local).replace(tzinfo=SHANGHAI)) is expected


def test_the_zone_is_the_calendars_own() -> None:
    """01:30 UTC is half past nine in Shanghai and the evening before in New York."""
    moment = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert is_open(parse_calendar("Asia/Shanghai", WEEK), moment)
    assert not is_open(parse_calendar("America/New_York", WEEK), moment)


def test_round_the_clock_has_no_gap_at_midnight() -> None:
    """24:00 ends a day and touches 00:00 of the next."""
    always = parse_calendar("Asia/Shanghai", {day: [["00:00", "24:00"]] for day in DAYS})
    start = datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)
    assert all(is_open(always, start + timedelta(seconds=second)) for second in range(3))
    assert open_seconds(always, start, start + timedelta(days=3)) == 3 * 86_400


def test_the_next_opening_skips_the_long_holiday() -> None:
    """From the evening before 1 October to the first working day."""
    evening = datetime(2026, 9, 30, 18, 0, tzinfo=SHANGHAI)
    assert next_opening(office(), evening) == datetime(2026, 10, 8, 9, 0, tzinfo=SHANGHAI)
    inside = datetime(2026, 9, 30, 10, 0, tzinfo=SHANGHAI)
    assert next_opening(office(), inside) == inside
    assert next_opening(parse_calendar("Asia/Shanghai", {}), inside) is None


def test_a_promise_runs_only_in_working_time() -> None:
    """Two hours from Friday 17:00 end on Monday at ten."""
    friday = datetime(2026, 11, 20, 17, 0, tzinfo=SHANGHAI)
    due = after_open_seconds(office(), friday, 2 * 3600)
    assert due == datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)
    assert after_open_seconds(parse_calendar("Asia/Shanghai", {}), friday, 1) is None


def test_days_with_a_changed_clock_have_their_true_length() -> None:
    """In New York the night of 8 March 2026 lacks an hour and that of 1 November has one more."""
    nights = parse_calendar("America/New_York", {"sun": [["00:00", "06:00"]]})
    zone = ZoneInfo("America/New_York")
    lengths = [
        open_seconds(
            nights,
            datetime.combine(day, datetime.min.time(), zone),
            datetime(2026, day.month, day.day, 12, tzinfo=zone),
        )
        for day in (date(2026, 3, 8), date(2026, 11, 1), date(2026, 11, 8))
    ]
    assert lengths == [5 * 3600, 7 * 3600, 6 * 3600]


@pytest.mark.parametrize(
    ("zone", "hours", "holidays"),
    [
        ("Mars/Olympus", {}, []),
        ("Asia/Shanghai", {"someday": OFFICE}, []),
        ("Asia/Shanghai", {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}, []),
        ("Asia/Shanghai", {"mon": [["18:00", "09:00"]]}, []),
        ("Asia/Shanghai", {"mon": [["9 Uhr", "12:00"]]}, []),
        ("Asia/Shanghai", {"mon": [["09:00"]]}, []),
        ("Asia/Shanghai", {}, ["2026-02-30"]),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused(
    zone: str, hours: dict[str, list[list[str]]], holidays: list[str]
) -> None:
    """Unknown zones and days, intervals that overlap or run backwards, days that do not exist."""
    with pytest.raises(BadCalendar):
        parse_calendar(zone, hours, holidays)


def test_the_delivered_year_is_whole() -> None:
    """33 days off and six worked weekend days in 2026; other years are said to be missing."""
    days = delivered_days(2026)
    assert days is not None
    assert [len(days[0]), len(days[1])] == [33, 6]
    assert all(date.fromisoformat(day).weekday() >= 5 for day in days[1])
    assert delivered_days(1999) is None


@given(
    minutes=st.integers(0, 330 * 24 * 60),
    seconds=st.integers(1, 200 * 3600),
)
def test_a_promise_and_the_time_that_passed_agree(minutes: int, seconds: int) -> None:
    """So much working time after a start lies so much working time after it, and no earlier moment does."""
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    due = after_open_seconds(office(), begin, seconds)
    assert due is not None
    assert open_seconds(office(), begin, due) == pytest.approx(seconds)
    assert open_seconds(office(), begin, due - timedelta(seconds=1)) < seconds


def test_days_are_read_by_lines_as_people_write_them() -> None:
    text = "2027-02-05~2027-02-07 休\n\n2027-01-01，放假\n2027-01-30 班\n2027-02-20\t调休\n"
    assert read_days(text) == (
        ("2027-01-01", "2027-02-05", "2027-02-06", "2027-02-07"),
        ("2027-01-30", "2027-02-20"),
    )


@pytest.mark.parametrize(
    "line", ["2027-13-01 休", "2027-02-07~2027-02-05 休", "2027-01-01", "休 2027-01-01", "2027-01-01~2028-01-01 休"]
)
def test_a_line_that_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(BadDays) as caught:
        read_days(f"2027-01-01 休\n{line}")
    assert caught.value.line == 2


@pytest.mark.parametrize(
    ("today", "holidays", "expected"),
    [
        (date(2026, 11, 30), ("2026-10-01",), None),
        (date(2026, 12, 1), ("2026-10-01",), 2027),
        (date(2026, 12, 31), ("2026-10-01", "2027-01-01"), None),
        (date(2026, 12, 1), (), None),
        (date(2027, 1, 1), ("2026-10-01",), None),
    ],
)
def test_a_missing_year_is_told_from_december(today: date, holidays: tuple[str, ...], expected: int | None) -> None:
    assert missing_year(holidays, today) == expected
