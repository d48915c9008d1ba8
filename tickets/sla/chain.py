"""Up the chain: who is told of a broken promise, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from core.db import Tx
from core.people.roles import Role
from core.people.store import PeopleStore
from core.people.tables import staff, staff_skills
from tickets.categories import EXPERTS
from tickets.store import Ticket

# A skill that marks those of a team who are asked first when something is late.
SENIOR_SKILL = "senior"


@dataclass(frozen=True, slots=True)
class House:
    """Who works here, as the chain needs it; without those whose account is closed."""

    names: Mapping[str, str]
    roles: Mapping[str, frozenset[str]]
    teams: Mapping[str, frozenset[str]]
    seniors: frozenset[str]

    def members(self, team_id: str | None) -> list[str]:
        """The people of a team."""
        return [each for each in self.names if team_id in self.teams.get(each, ())]

    def holders(self, role: Role) -> list[str]:
        """The people with a role."""
        return [each for each in self.names if role.value in self.roles[each]]


async def house(tx: Tx, people: PeopleStore) -> House:
    """Read the house, in three small statements."""
    rows = await tx.all(
        select(staff.c.id, staff.c.display_name, staff.c.roles)
        .where(staff.c.disabled_at.is_(None))
        .order_by(staff.c.created_at, staff.c.id)
    )
    seniors = await tx.all(select(staff_skills.c.staff_id).where(staff_skills.c.skill == SENIOR_SKILL))
    return House(
        names={row.id: row.display_name for row in rows},
        roles={row.id: frozenset(row.roles) for row in rows},
        teams=await people.memberships(tx),
        seniors=frozenset(row.staff_id for row in seniors),
    )


def people_of(who: str, ticket: Ticket, house: House, head_id: str | None) -> list[str]:
    """Whom one step reaches; nobody when the house has no such person."""
    team = house.members(ticket.team_id)
    match who:
        case "agent":
            return [ticket.assignee_id] if ticket.assignee_id in house.names and ticket.assignee_id else team
        case "senior":
            senior = [each for each in team if each in house.seniors or Role.EXPERT.value in house.roles[each]]
            return [each for each in senior if each != ticket.assignee_id]
        case "supervisor":
            supervisors = house.holders(Role.SUPERVISOR)
            return [each for each in supervisors if each in team] or supervisors
        case "expert":
            return house.members(EXPERTS)
        case "head":
            if head_id in house.names and head_id:
                return [head_id]
            return house.holders(Role.MANAGER) or house.holders(Role.SUPERVISOR)
        case _:
            return []


__all__ = ["SENIOR_SKILL", "House", "house", "people_of"]
