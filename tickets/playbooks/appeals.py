"""Appeals: a linked ticket that is handled by somebody else than who decided."""

from __future__ import annotations

from sqlalchemy import select

from core.db import Tx
from core.errors import Conflict
from tickets.sorting.store import MACHINES
from tickets.store import Actor, Ticket
from tickets.tables import ticket_events

REASON = "appeal"
# Whoever did one of these on the first ticket has formed an opinion.
_DECIDED = ("confirmed", "result_written", "plan_step_done", "playbook_fields")
# … and may not do one of these on the appeal.
_HANDLING = frozenset({"confirmed", "result_written", "plan_step_done", "playbook_fields"})


async def deciders(tx: Tx, ticket_id: str) -> set[str]:
    """Who handled a ticket: took it on, did steps, wrote the result, or had it."""
    rows = await tx.all(
        select(ticket_events.c.actor, ticket_events.c.kind, ticket_events.c.new).where(
            ticket_events.c.ticket_id == ticket_id
        )
    )
    found = {row.actor for row in rows if row.kind in _DECIDED} - MACHINES
    return found | {str(row.new["assignee_id"]) for row in rows if (row.new or {}).get("assignee_id")}


async def check(tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor) -> None:
    """Refuse an appeal to whoever decided. Raises Conflict; the change is undone with its transaction."""
    if now.reason != REASON or now.previous_id is None:
        return
    acting = {actor.id} - MACHINES if kind in _HANDLING else set()
    if now.assignee_id and (before is None or before.assignee_id != now.assignee_id):
        acting.add(now.assignee_id)
    if acting and acting & await deciders(tx, now.previous_id):
        raise Conflict("the same person decided", text_id="error.appeal_same_person")


__all__ = ["REASON", "check", "deciders"]
