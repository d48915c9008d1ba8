"""Teams, hours and skills: what is written is read again, and bad hours change nothing."""

import pytest
from sqlalchemy import insert, update

from core.calendar import BadCalendar, is_open
from core.clock import UTC
from core.db import Database, Tx
from core.people.store import ALWAYS, OFFICE, CalendarRow, PeopleStore, Team, delivered_calendars
from core.people.tables import staff
from tests.handoff.times import START


async def hire(tx: Tx, *ids: str) -> None:
    """Accounts of that name."""
    for staff_id in ids:
        await tx.execute(
            insert(staff).values(id=staff_id, name=staff_id, display_name=f"客服{staff_id}", roles=[], created_at=START)
        )


async def test_teams_members_and_skills_are_kept(any_db: Database) -> None:
    """Memberships replace each other; who is disabled is no member to count on."""
    people = PeopleStore()
    async with any_db.begin() as tx:
        for row in delivered_calendars(2026):
            await people.save_calendar(tx, row)
        await people.save_team(tx, Team("payment", "支付组", OFFICE, 2))
        await people.save_team(tx, Team("general", "综合", ALWAYS, 1))
        await people.save_team(tx, Team("payment", "支付与会员", OFFICE, 2))
        await hire(tx, "a", "b")
        await people.set_teams(tx, "a", ["payment", "general"])
        await people.set_teams(tx, "b", ["general"])
        await people.set_teams(tx, "b", ["payment"])
        await people.set_skills(tx, "a", ["english", "退款"])
        await people.set_skills(tx, "a", ["退款"])
    async with any_db.begin() as tx:
        await tx.execute(update(staff).where(staff.c.id == "b").values(disabled_at=START))
    async with any_db.read() as tx:
        assert [team.name for team in await people.teams(tx)] == ["综合", "支付与会员"]
        assert await people.members(tx, "payment") == ("a",)
        assert await people.memberships(tx) == {"a": frozenset({"general", "payment"}), "b": frozenset({"payment"})}
        assert [team.id for team in await people.teams_of(tx, "a")] == ["general", "payment"]
        assert await people.skills_of(tx, "a") == ("退款",)
        assert await people.names(tx, ["a", "nobody"]) == {"a": "客服a"}
        assert await people.is_disabled(tx, "b")
        assert await people.is_disabled(tx, "nobody")


async def test_hours_are_the_teams_own_and_bad_ones_are_refused(any_db: Database) -> None:
    """The office is closed on a Saturday in Shanghai; hours that overlap are not stored."""
    people = PeopleStore()
    async with any_db.begin() as tx:
        for row in delivered_calendars(2026):
            await people.save_calendar(tx, row)
        await people.save_team(tx, Team("payment", "支付组", OFFICE))
    async with any_db.read() as tx:
        hours = await people.calendar_of_team(tx, "payment")
        assert hours is not None
        assert is_open(hours, START)
        assert not is_open(hours, START.replace(day=21, tzinfo=UTC))
        assert await people.calendar_of_team(tx, "nobody") is None
    with pytest.raises(BadCalendar):
        async with any_db.begin() as tx:
            await people.save_calendar(tx, CalendarRow(OFFICE, "坏", hours={"mon": [["10:00", "09:00"]]}))
    async with any_db.read() as tx:
        kept = await people.calendar(tx, OFFICE)
        assert kept is not None
        assert kept.name == "工作时间"
        assert {row.id for row in await people.calendars(tx)} == {ALWAYS, OFFICE}
