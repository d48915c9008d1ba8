"""Saved views: a name for filters, order and columns, of one's own or shared with a team of one's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update

from core.clock import Clock
from core.db import Database, Tx
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from tickets.lists import SORTS, VIEWS, Wanted
from tickets.privacy.tables import ticket_views

# A list of names that nobody can survey helps nobody.
MOST = 30
_FILTERS = frozenset({"view", "state", "category", "team", "channel", "priority", "q"})


@dataclass(frozen=True, slots=True)
class SavedView:
    """One view. `team_id` names the team it is shared with."""

    id: str
    staff_id: str
    team_id: str | None
    name: str
    filters: Mapping[str, str]
    sort: str
    columns: tuple[str, ...]

    def wanted(self) -> Wanted:
        """The list it stands for."""
        text = self.filters.get("priority", "")
        return Wanted(
            view=self.filters.get("view") or "open",
            state=self.filters.get("state", ""),
            category=self.filters.get("category", ""),
            team=self.filters.get("team", ""),
            channel=self.filters.get("channel", ""),
            priority=int(text) if text.isdigit() else None,
            text=self.filters.get("q", ""),
            sort=self.sort,
        )


class Views:
    """Keeps them. Who shares a view stays its owner: the team sees it, only the owner changes it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def of(self, tx: Tx, staff_id: str, team_ids: Collection[str]) -> list[SavedView]:
        """One's own and those of one's teams, oldest first."""
        seen = or_(ticket_views.c.staff_id == staff_id, ticket_views.c.team_id.in_(list(team_ids)))
        rows = await tx.all(select(ticket_views).where(seen).order_by(ticket_views.c.created_at, ticket_views.c.id))
        return [_value(row) for row in rows]

    async def save(self, staff_id: str, team_ids: Collection[str], **values: Any) -> str:
        """Make a view; return its id. Raises Invalid, Forbidden for a foreign team, Conflict beyond `MOST`."""
        row = _checked(values, team_ids)
        now, view_id = self._clock.now(), new_id("viw")
        async with self._db.begin() as tx:
            mine = select(func.count()).select_from(ticket_views).where(ticket_views.c.staff_id == staff_id)
            if await tx.scalar(mine) >= MOST:
                raise Conflict("too many views", text_id="error.views_most")
            await tx.execute(
                insert(ticket_views).values(id=view_id, staff_id=staff_id, created_at=now, updated_at=now, **row)
            )
        return view_id

    async def change(self, staff_id: str, team_ids: Collection[str], view_id: str, **values: Any) -> None:
        """Change one's own view as a whole. Raises NotFound for anybody else's."""
        row = _checked(values, team_ids)
        own = (ticket_views.c.id == view_id, ticket_views.c.staff_id == staff_id)
        async with self._db.begin() as tx:
            if not await tx.count(update(ticket_views).where(*own).values(updated_at=self._clock.now(), **row)):
                raise NotFound("view")

    async def remove(self, staff_id: str, view_id: str) -> None:
        """Delete one's own view. Raises NotFound for anybody else's."""
        async with self._db.begin() as tx:
            own = (ticket_views.c.id == view_id, ticket_views.c.staff_id == staff_id)
            if not await tx.count(delete(ticket_views).where(*own)):
                raise NotFound("view")


def _checked(values: Mapping[str, Any], team_ids: Collection[str]) -> dict[str, Any]:
    name, filters = str(values["name"]).strip(), dict(values["filters"])
    if not 1 <= len(name) <= 40:
        raise Invalid("name", text_id="error.view_name")
    if set(filters) - _FILTERS or any(not isinstance(each, str) or len(each) > 200 for each in filters.values()):
        raise Invalid("filters")
    if filters.get("view", "open") not in VIEWS or (values["sort"] and values["sort"] not in SORTS):
        raise Invalid("view or sort")
    if values["team_id"] is not None and values["team_id"] not in team_ids:
        raise Forbidden("team")
    columns = [str(each)[:20] for each in values["columns"]][:20]
    kept = {key: value for key, value in filters.items() if value}
    return {"name": name, "filters": kept, "sort": values["sort"], "columns": columns, "team_id": values["team_id"]}


def _value(row: Row[Any]) -> SavedView:
    return SavedView(row.id, row.staff_id, row.team_id, row.name, row.filters, row.sort, tuple(row.columns))


__all__ = ["SavedView", "Views"]
