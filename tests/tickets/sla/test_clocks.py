"""The clocks: a table worked out by hand, and what holds for any history."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.calendar import DAYS, Calendar, delivered_days, parse_calendar
from core.clock import SHANGHAI, UTC
from tickets.sla.clocks import ClockKind, ClockState, Fact, Goal, Outcome, What, clocks


class Row(NamedTuple):
    """One line of the table; its head explains the columns."""

    shows: str
    calendar: str
    promises: str
    facts: str
    now: str
    clock: str
    expected: str


def _table() -> list[Row]:
    lines = (Path(__file__).parent / "clocks.table").read_text(encoding="utf-8").splitlines()
    return [Row(*(each.strip() for each in line.split("|"))) for line in lines if line and not line.startswith("#")]


TABLE = _table()
_DELIVERED = delivered_days(2026)
assert _DELIVERED is not None
_WEEK = DAYS[:5]
CALENDARS: dict[str, Calendar] = {
    "office": parse_calendar(
        "Asia/Shanghai", {day: [["09:00", "12:00"], ["13:30", "18:00"]] for day in _WEEK}, *_DELIVERED
    ),
    "always": parse_calendar("Asia/Shanghai", {day: [["00:00", "24:00"]] for day in DAYS}),
    "ny": parse_calendar("America/New_York", {day: [["09:00", "17:00"]] for day in _WEEK}),
    "sundays": parse_calendar("America/New_York", {"sun": [["00:00", "24:00"]]}),
    "london": parse_calendar("Europe/London", {day: [["09:00", "17:00"]] for day in _WEEK}),
    "kolkata": parse_calendar("Asia/Kolkata", {day: [["10:00", "19:00"]] for day in _WEEK}),
}
_LENGTH = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?$")


def moment(text: str) -> datetime:
    """`11-23 09:00`, `11-23 09:00:30`, or a full moment with its zone."""
    if "T" in text:
        return datetime.fromisoformat(text).astimezone(UTC)
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI).astimezone(UTC)


def seconds(text: str) -> int:
    found = _LENGTH.match(text)
    assert found is not None, text
    return int(found[1] or 0) * 3600 + int(found[2] or 0) * 60


def goals(text: str) -> dict[ClockKind, Goal]:
    made = {}
    for each in filter(None, text.split("; ")):
        kind, promise = each.split(" ")
        promise, _, calendar = promise.partition("@")
        limit, _, warn = promise.partition("/")
        made[ClockKind(kind)] = Goal(
            seconds(limit), seconds(warn) if warn else None, CALENDARS[calendar] if calendar else None
        )
    return made


def fact(text: str) -> Fact:
    size = 1 if "T" in text.split(" ")[0] else 2
    words = text.split(" ")
    at, what, rest = moment(" ".join(words[:size])), words[size], " ".join(words[size + 1 :])
    told = what.startswith("told_")
    return Fact(at, What(what.removeprefix("told_")), moment(rest) if rest else None, told)


def check(state: ClockState, expected: str) -> None:
    for each in expected.split(", "):
        name, _, value = each.partition(" ")
        match name:
            case "due":
                assert state.due == (None if value == "none" else moment(value)), each
            case "warn":
                assert state.warn_at == (None if value == "none" else moment(value)), each
            case "breached":
                assert state.breached == (None if value == "none" else moment(value)), each
            case "stopped":
                assert state.stopped == moment(value), each
            case "started":
                assert state.started == moment(value), each
            case "spent":
                assert state.spent_s == float(value) * 60, each
            case "paused":
                assert state.paused, each
            case "running":
                assert state.stopped is None, each
                assert not state.paused, each
            case _:
                assert state.outcome is Outcome(name), each


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.shows)
def test_the_table(row: Row) -> None:
    facts = [fact(each) for each in row.facts.split("; ")]
    states = clocks(facts, goals(row.promises), CALENDARS[row.calendar], moment(row.now))
    kind, number = row.clock.split(" ")
    found = [each for each in states if each.kind == kind and each.round == int(number)]
    if row.expected == "-":
        assert found == []
        return
    [state] = found
    check(state, row.expected)


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 60
    assert len({row.shows for row in TABLE}) == len(TABLE)


_START = datetime(2026, 9, 28, 1, 0, tzinfo=UTC)
_GOALS: dict[ClockKind, Goal] = {kind: Goal(3600.0 * 5) for kind in ClockKind if kind is not ClockKind.NEXT_STEP}
_HISTORIES = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 16),
        st.sampled_from([what for what in What if what not in (What.STEP, What.STEP_GONE)]),
    ),
    max_size=14,
).map(
    lambda pairs: [Fact(_START + timedelta(minutes=at), what) for at, what in sorted(pairs, key=lambda pair: pair[0])]
)


@given(_HISTORIES, st.integers(0, 60 * 24 * 20), st.sampled_from(["office", "always", "ny"]))
def test_any_history_gives_clocks_that_hang_together(history: list[Fact], later: int, calendar: str) -> None:
    now = _START + timedelta(minutes=later)
    states = clocks(history, _GOALS, CALENDARS[calendar], now)
    for state in states:
        assert (state.outcome is None) == (state.stopped is None)
        assert not (state.paused and state.stopped)
        assert state.spent_s >= 0
        if state.outcome is Outcome.BROKEN:
            assert state.breached is not None
            assert state.breached < state.stopped  # type: ignore[operator]  # broken ones have stopped
        if state.outcome is Outcome.KEPT:
            assert state.spent_s <= state.limit_s + 1e-6
        if state.warn_at is not None and state.due is not None:
            assert state.started <= state.warn_at <= state.due
    running = [state.kind for state in states if state.stopped is None]
    assert len(running) == len(set(running)), "one clock of a kind at a time"


@given(_HISTORIES, st.integers(0, 60 * 24 * 10), st.integers(0, 60 * 24 * 10))
def test_time_alone_never_moves_what_was_computed(history: list[Fact], first: int, more: int) -> None:
    """A timer set for a moment is still right when that moment has come, as long as nothing happens."""
    past = [each for each in history if each.at <= _START + timedelta(minutes=first)]
    one = clocks(past, _GOALS, CALENDARS["office"], _START + timedelta(minutes=first))
    other = clocks(past, _GOALS, CALENDARS["office"], _START + timedelta(minutes=first + more))
    assert [(each.kind, each.round, each.due, each.warn_at) for each in one] == [
        (each.kind, each.round, each.due, each.warn_at) for each in other
    ]
