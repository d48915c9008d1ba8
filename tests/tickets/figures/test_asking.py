"""Periods as values: every day in one of each kind, the period before ends where this one begins."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from core.messages import Catalogue
from tickets.figures.asking import Days, asked, bucket_of, whole
from tickets.figures.definitions import BY_ID, FIGURES, SEPARATE, Better, added, nothing
from tickets.figures.export import safe
from tickets.figures.tables import MEASURES

DAYS = st.dates(date(2020, 1, 1), date(2032, 12, 31))


@given(DAYS, st.sampled_from(["day", "week", "month", "quarter"]))
def test_each_day_is_in_one_period_and_periods_touch(day: date, kind: str) -> None:
    found = whole(kind, day)
    assert found.first <= day <= found.last
    assert all(whole(kind, each) == found for each in found.each())
    after = whole(kind, found.last + timedelta(days=1))
    assert after.first == found.last + timedelta(days=1)
    assert len(found) in {"day": {1}, "week": {7}, "month": {28, 29, 30, 31}, "quarter": {90, 91, 92}}[kind]


@given(DAYS, DAYS, st.sampled_from(["day", "week", "month", "quarter"]))
def test_a_period_that_runs_is_compared_with_as_many_days(day: date, today: date, kind: str) -> None:
    found = asked({"period": kind, "at": day.isoformat()}, today)
    assert found.before.last < found.days.first
    assert len(found.before) <= max(len(found.days), 92)
    if found.days.first <= today < whole(kind, day).last:
        assert found.days.last == today
        assert len(found.before) <= len(found.days)
    buckets = {bucket_of(found.bucket, each) for each in found.days.each()}
    assert len(buckets) <= 31


def test_own_days_and_what_they_are_compared_with() -> None:
    today = date(2026, 11, 21)
    assert asked({}, today).days == Days(date(2026, 10, 23), today)
    found = asked({"from": "2026-11-01", "to": "2026-11-10"}, today)
    assert found.before == Days(date(2026, 10, 22), date(2026, 10, 31))
    with pytest.raises(Invalid):
        asked({"from": "2026-11-10", "to": "2026-11-01"}, today)


def test_figures_name_only_what_is_counted_and_have_words_in_both_languages() -> None:
    texts = Catalogue()
    known = {*MEASURES, *SEPARATE}
    assert len(BY_ID) == len(FIGURES)
    for each in FIGURES:
        assert each.over in known
        assert not each.of or each.of in known
        assert each.better is not Better.NEITHER or each.target is None
        for language in ("zh-CN", "en"):
            assert {f"figure.{each.id}.name", f"figure.{each.id}.how"} <= texts.ids(language)


@given(st.lists(st.fixed_dictionaries({name: st.integers(0, 9) for name in ("matters", "tier_1", "peak", "backlog")})))
def test_adding_days_loses_nothing(parts: list[dict[str, int]]) -> None:
    found = added([nothing() | each for each in parts])
    assert found["matters"] == sum(each["matters"] for each in parts)
    assert found["peak"] == max((each["peak"] for each in parts), default=0)
    assert found["backlog"] == (parts[-1]["backlog"] if parts else 0)
    share = BY_ID["tier_1_share"].value(found)
    assert (share is None) == (found["matters"] == 0)


@pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@sum", "\tx", "\r=1"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert str(safe(text)).startswith("'")
    assert safe(-2) == -2
    assert safe(None) == "—"
