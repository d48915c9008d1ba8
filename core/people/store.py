"""Teams, their members and hours, and skills: read and written here. Accounts and log-in are the gateway's.

Every method takes the open transaction, so that a caller may change several things at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select, update

from core.calendar import DAYS, Calendar, delivered_days, parse_calendar
from core.db import Tx
from core.people.tables import calendars, staff, staff_skills, team_members, teams

# Matters that nobody sorted, and those whose own team is away, stand in this team's line.
DEFAULT_TEAM = "general"
ALWAYS = "always"
OFFICE = "office"


@dataclass(frozen=True, slots=True)
class Team:
    """A group of people with one line and one calendar. `id` is a slug such as `payment`."""

    id: str
    name: str
    calendar_id: str = ALWAYS
    position: int = 0
    demo: bool = False


@dataclass(frozen=True, slots=True)
class CalendarRow:
    """A calendar as it is stored and edited."""

    id: str
    name: str
    timezone: str = "Asia/Shanghai"
    hours: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    holidays: tuple[str, ...] = ()
    workdays: tuple[str, ...] = ()

    def parsed(self) -> Calendar:
        """The form that answers questions. Raises BadCalendar."""
        return parse_calendar(self.timezone, self.hours, self.holidays, self.workdays)


def delivered_calendars(year: int) -> tuple[CalendarRow, ...]:
    """Round the clock, and an office week with the year's days off where they are known."""
    off, worked = delivered_days(year) or ((), ())
    week = {day: [["09:00", "18:00"]] for day in DAYS[:5]}
    return (
        CalendarRow(ALWAYS, "全天候", hours={day: [["00:00", "24:00"]] for day in DAYS}),
        CalendarRow(OFFICE, "工作时间", hours=week, holidays=off, workdays=worked),
    )


class PeopleStore:
    """SQL of teams and calendars. Holds no state; share one between all tasks."""

    async def teams(self, tx: Tx) -> list[Team]:
        """All teams in the order in which they are shown."""
        rows = await tx.all(select(teams).order_by(teams.c.position, teams.c.id))
        return [_team(row._mapping) for row in rows]

    async def team(self, tx: Tx, team_id: str) -> Team | None:
        """One team, or None."""
        row = await tx.first(select(teams).where(teams.c.id == team_id))
        return _team(row._mapping) if row else None

    async def save_team(self, tx: Tx, team: Team) -> None:
        """Create the team or overwrite it; its calendar must exist."""
        values = {"name": team.name, "calendar_id": team.calendar_id, "position": team.position, "demo": team.demo}
        if not await tx.count(update(teams).where(teams.c.id == team.id).values(values)):
            await tx.execute(insert(teams).values(id=team.id, **values))

    async def remove_team(self, tx: Tx, team_id: str) -> None:
        """Delete the team and its memberships; people and tickets stay."""
        await tx.execute(delete(teams).where(teams.c.id == team_id))

    async def members(self, tx: Tx, team_id: str) -> tuple[str, ...]:
        """Staff ids of a team, without those whose account is disabled."""
        found = await tx.all(
            select(team_members.c.staff_id)
            .join(staff, staff.c.id == team_members.c.staff_id)
            .where(team_members.c.team_id == team_id, staff.c.disabled_at.is_(None))
            .order_by(team_members.c.staff_id)
        )
        return tuple(row.staff_id for row in found)

    async def memberships(self, tx: Tx) -> dict[str, frozenset[str]]:
        """Staff id → ids of the teams; whoever is in no team is missing."""
        found: dict[str, set[str]] = {}
        for row in await tx.all(select(team_members.c.staff_id, team_members.c.team_id)):
            found.setdefault(row.staff_id, set()).add(row.team_id)
        return {staff_id: frozenset(ids) for staff_id, ids in found.items()}

    async def teams_of(self, tx: Tx, staff_id: str) -> list[Team]:
        """The teams of one person, in the order in which they are shown."""
        rows = await tx.all(
            select(teams)
            .join(team_members, team_members.c.team_id == teams.c.id)
            .where(team_members.c.staff_id == staff_id)
            .order_by(teams.c.position, teams.c.id)
        )
        return [_team(row._mapping) for row in rows]

    async def set_teams(self, tx: Tx, staff_id: str, team_ids: Iterable[str]) -> None:
        """Make these the person's teams, and no others."""
        await tx.execute(delete(team_members).where(team_members.c.staff_id == staff_id))
        values = [{"team_id": team_id, "staff_id": staff_id} for team_id in sorted(set(team_ids))]
        if values:
            await tx.execute(insert(team_members), values)

    async def skills_of(self, tx: Tx, staff_id: str) -> tuple[str, ...]:
        """The person's skills in alphabetical order."""
        query = select(staff_skills.c.skill).where(staff_skills.c.staff_id == staff_id).order_by(staff_skills.c.skill)
        return tuple(row.skill for row in await tx.all(query))

    async def set_skills(self, tx: Tx, staff_id: str, skills: Iterable[str]) -> None:
        """Make these the person's skills, and no others."""
        await tx.execute(delete(staff_skills).where(staff_skills.c.staff_id == staff_id))
        values = [{"staff_id": staff_id, "skill": skill} for skill in sorted(set(skills))]
        if values:
            await tx.execute(insert(staff_skills), values)

    async def names(self, tx: Tx, staff_ids: Iterable[str]) -> dict[str, str]:
        """Staff id → the name that others see, for those that exist."""
        wanted = sorted(set(staff_ids))
        if not wanted:
            return {}
        rows = await tx.all(select(staff.c.id, staff.c.display_name).where(staff.c.id.in_(wanted)))
        return {row.id: row.display_name for row in rows}

    async def is_disabled(self, tx: Tx, staff_id: str) -> bool:
        """Whether the account is disabled or gone."""
        row = await tx.first(select(staff.c.disabled_at).where(staff.c.id == staff_id))
        return row is None or row.disabled_at is not None

    async def calendars(self, tx: Tx) -> list[CalendarRow]:
        """All calendars by name."""
        rows = await tx.all(select(calendars).order_by(calendars.c.name, calendars.c.id))
        return [_calendar(row._mapping) for row in rows]

    async def calendar(self, tx: Tx, calendar_id: str) -> CalendarRow | None:
        """One calendar, or None."""
        row = await tx.first(select(calendars).where(calendars.c.id == calendar_id))
        return _calendar(row._mapping) if row else None

    async def calendar_of_team(self, tx: Tx, team_id: str) -> Calendar | None:
        """The hours of a team, or None when there is no such team."""
        query = select(calendars).join(teams, teams.c.calendar_id == calendars.c.id).where(teams.c.id == team_id)
        row = await tx.first(query)
        return _calendar(row._mapping).parsed() if row else None

    async def save_calendar(self, tx: Tx, row: CalendarRow) -> None:
        """Create the calendar or overwrite it. Raises BadCalendar and changes nothing when it cannot be used."""
        row.parsed()
        values = {
            "name": row.name,
            "timezone": row.timezone,
            "hours": {day: [list(pair) for pair in pairs] for day, pairs in row.hours.items()},
            "holidays": list(row.holidays),
            "workdays": list(row.workdays),
        }
        if not await tx.count(update(calendars).where(calendars.c.id == row.id).values(values)):
            await tx.execute(insert(calendars).values(id=row.id, **values))

    async def remove_calendar(self, tx: Tx, calendar_id: str) -> bool:
        """Delete the calendar; False when it does not exist or a team still has it."""
        if await tx.first(select(teams.c.id).where(teams.c.calendar_id == calendar_id).limit(1)):
            return False
        return await tx.count(delete(calendars).where(calendars.c.id == calendar_id)) > 0


def _team(row: Mapping[Any, Any]) -> Team:
    return Team(row["id"], row["name"], row["calendar_id"], row["position"], row["demo"])


def _calendar(row: Mapping[Any, Any]) -> CalendarRow:
    return CalendarRow(
        id=row["id"],
        name=row["name"],
        timezone=row["timezone"],
        hours=row["hours"],
        holidays=tuple(row["holidays"]),
        workdays=tuple(row["workdays"]),
    )
