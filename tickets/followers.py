"""Who follows a ticket without being responsible for it: told of every change that is not their own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, insert, select

from core.db import Tx
from tickets import store
from tickets.parts import Part
from tickets.store import Actor, Ticket
from tickets.tables import ticket_followers


class Followers(Part):
    """Tells followers by fan-out. Tickets that nobody follows cost nothing."""

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        if not now.followers:
            return
        for staff_id in await of_ticket(tx, now.id):
            if staff_id != actor.id:
                topic, event = f"staff:{staff_id}", {"type": "followed", "serial": now.serial, "kind": kind}
                tx.after_commit(lambda topic=topic, event=event: self.kit.notifier.publish(topic, event))  # type: ignore[misc]  # defaults bind the loop's values


async def of_ticket(tx: Tx, ticket_id: str) -> list[str]:
    """Staff ids, the first to follow first."""
    query = select(ticket_followers.c.staff_id).where(ticket_followers.c.ticket_id == ticket_id)
    return [row.staff_id for row in await tx.all(query.order_by(ticket_followers.c.at, ticket_followers.c.staff_id))]


async def set_following(tx: Tx, ticket: Ticket, staff_id: str, *, on: bool, now: datetime) -> None:
    """Follow, or do not any more; twice is harmless. The caller holds the ticket's row."""
    mine = (ticket_followers.c.ticket_id == ticket.id, ticket_followers.c.staff_id == staff_id)
    known = await tx.first(select(ticket_followers.c.staff_id).where(*mine))
    if on and known is None:
        await tx.execute(insert(ticket_followers).values(ticket_id=ticket.id, staff_id=staff_id, at=now))
    elif not on:
        await tx.execute(delete(ticket_followers).where(*mine))
    count = await tx.scalar(
        select(func.count()).select_from(ticket_followers).where(ticket_followers.c.ticket_id == ticket.id)
    )
    await store.note(tx, ticket.id, followers=int(count or 0))
