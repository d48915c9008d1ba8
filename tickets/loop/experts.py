"""Who takes a matter over whose customer was not content: other hands, the least busy ones."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select

from core.db import Tx
from core.people.roles import Role
from core.people.store import PeopleStore
from core.people.tables import staff
from tickets.categories import EXPERTS
from tickets.states import OPEN
from tickets.tables import tickets

_OPEN_CODES = [each.value for each in OPEN]


async def least_busy_expert(tx: Tx, people: PeopleStore, without: Collection[str | None]) -> str | None:
    """A member of the experts with the fewest open tickets, none of `without`; None when there is nobody else."""
    return await _least_busy(tx, [each for each in await people.members(tx, EXPERTS) if each not in without])


async def least_busy_of_role(tx: Tx, role: Role, without: Collection[str | None]) -> str | None:
    """Somebody who holds the role, with the fewest open tickets, none of `without`; None when there is nobody."""
    return await _least_busy(tx, [each for each in await of_role(tx, role) if each not in without])


async def of_role(tx: Tx, role: Role) -> list[str]:
    """Staff ids of all who hold a role and may log in, the longest serving first."""
    rows = await tx.all(
        select(staff.c.id, staff.c.roles)
        .where(staff.c.disabled_at.is_(None))
        .order_by(staff.c.created_at, staff.c.name)
    )
    return [row.id for row in rows if role.value in row.roles]


async def _least_busy(tx: Tx, found: Collection[str]) -> str | None:
    if not found:
        return None
    rows = await tx.all(
        select(tickets.c.assignee_id, func.count().label("held"))
        .where(tickets.c.assignee_id.in_(list(found)), tickets.c.state.in_(_OPEN_CODES))
        .group_by(tickets.c.assignee_id)
    )
    held = {row.assignee_id: row.held for row in rows}
    return min(found, key=lambda each: (held.get(each, 0), each))


__all__ = ["least_busy_expert", "least_busy_of_role", "of_role"]
