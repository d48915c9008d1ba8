"""What stands between tickets: links that people draw, and those that merging, splitting and following up leave.

A link is read from its first ticket: `A caused_by B` says that B caused A. Seen from B it has the reverse name.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select

from bot.ports import Texts
from core.db import Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.masking import mask_text
from tickets import store
from tickets.store import Ticket
from tickets.tables import ticket_links, tickets

# Drawn by people. `split` and `appeal` are written by the acts of that name.
DRAWN = ("related", "duplicate", "caused_by", "appeal")
KINDS = frozenset({*DRAWN, "split"})
# What has no direction is one link, whichever end it was drawn from.
_SAME_BOTH_WAYS = frozenset({"related", "duplicate"})
_MOST = 50


@dataclass(frozen=True, slots=True)
class Relation:
    """One other ticket as seen from here. `kind` ends in `_of` when the link was drawn from the other end."""

    id: str | None
    kind: str
    other_id: str


async def draw(tx: Tx, ticket: Ticket, other: Ticket, kind: str, *, by: str, now: datetime) -> None:
    """Draw a link. Raises Invalid for a kind that there is not, Conflict when it is there or leads to itself."""
    if kind not in KINDS:
        raise Invalid("kind")
    if ticket.id == other.id:
        raise Conflict("itself", text_id="error.link_itself")
    same = and_(ticket_links.c.ticket_id == ticket.id, ticket_links.c.other_id == other.id)
    if kind in _SAME_BOTH_WAYS:
        same = or_(same, and_(ticket_links.c.ticket_id == other.id, ticket_links.c.other_id == ticket.id))
    if await tx.first(select(ticket_links.c.id).where(same, ticket_links.c.kind == kind)):
        raise Conflict("linked already", text_id="error.link_known")
    known = await tx.all(select(ticket_links.c.id).where(ticket_links.c.ticket_id == ticket.id).limit(_MOST))
    if len(known) >= _MOST:
        raise Conflict("too many links", text_id="error.link_many")
    await tx.execute(
        insert(ticket_links).values(
            id=new_id("lnk"), ticket_id=ticket.id, other_id=other.id, kind=kind, added_by=by, at=now
        )
    )


async def remove(tx: Tx, ticket: Ticket, link_id: str) -> tuple[str, str]:
    """Take a link away that a person drew: (kind, the other ticket's id). Raises NotFound."""
    row = await tx.first(
        select(ticket_links).where(
            ticket_links.c.id == link_id,
            or_(ticket_links.c.ticket_id == ticket.id, ticket_links.c.other_id == ticket.id),
            ticket_links.c.kind.in_(DRAWN),
        )
    )
    if row is None:
        raise NotFound("link")
    await tx.execute(delete(ticket_links).where(ticket_links.c.id == link_id))
    return row.kind, row.other_id if row.ticket_id == ticket.id else row.ticket_id


async def of_ticket(tx: Tx, ticket: Ticket) -> list[Relation]:
    """All relations: what it follows and what follows it, what was merged, and the links."""
    found: list[Relation] = []
    if ticket.merged_into:
        found.append(Relation(None, "merged_into", ticket.merged_into))
    if ticket.previous_id:
        found.append(Relation(None, "follows", ticket.previous_id))
    rows = await tx.all(
        select(tickets.c.id, tickets.c.merged_into, tickets.c.previous_id)
        .where(
            tickets.c.customer_id == ticket.customer_id,
            or_(tickets.c.merged_into == ticket.id, tickets.c.previous_id == ticket.id),
        )
        .order_by(tickets.c.created_at)
        .limit(_MOST)
    )
    for row in rows:
        found.append(Relation(None, "took_in" if row.merged_into == ticket.id else "followed_by", row.id))
    links = await tx.all(
        select(ticket_links)
        .where(or_(ticket_links.c.ticket_id == ticket.id, ticket_links.c.other_id == ticket.id))
        .order_by(ticket_links.c.at)
        .limit(_MOST)
    )
    for row in links:
        drawn = row.id if row.kind in DRAWN else None
        if row.ticket_id == ticket.id:
            found.append(Relation(drawn, row.kind, row.other_id))
        else:
            kind = row.kind if row.kind in _SAME_BOTH_WAYS else f"{row.kind}_of"
            found.append(Relation(drawn, kind, row.ticket_id))
    # A split off part and an appeal also follow; their own names say more.
    named = {each.other_id for each in found if each.kind.removesuffix("_of") in ("split", "appeal")}
    return [each for each in found if each.other_id not in named or each.kind not in ("follows", "followed_by")]


async def views(tx: Tx, ticket: Ticket, texts: Texts) -> list[dict[str, Any]]:
    """The relations for the desk, each with what the other ticket is and how it stands."""
    found = await of_ticket(tx, ticket)
    others = await _others(tx, {each.other_id for each in found})
    return [
        {
            "id": each.id,
            "kind": each.kind,
            "kind_text": texts.get(f"ticket.link.{each.kind}"),
            "serial": others[each.other_id].serial,
            "title": mask_text(others[each.other_id].title),
            "state": others[each.other_id].state,
            "state_text": texts.get(f"ticket.state.{others[each.other_id].state}"),
        }
        for each in found
        if each.other_id in others
    ]


async def _others(tx: Tx, ids: Collection[str]) -> dict[str, Ticket]:
    if not ids:
        return {}
    rows = await tx.all(select(tickets).where(tickets.c.id.in_(list(ids))))
    return {row.id: store.value(row) for row in rows}
