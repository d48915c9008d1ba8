"""The classifier's queue: what nobody and nothing has sorted, the oldest of the most urgent first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, true

from bot.store import messages
from bot.types import Author
from core.clock import rfc3339
from core.db import Tx
from core.masking import mask_text
from tickets import categories
from tickets.sorting import store
from tickets.sorting.service import suggestions
from tickets.sorting.tables import corrections
from tickets.store import UNSORTED, Ticket, value
from tickets.tables import tickets

_MOST_SAID, _MOST_CHARACTERS = 6, 600
Briefs = Callable[[Tx, Iterable[Ticket]], Awaitable[list[dict[str, Any]]]]


async def page(
    tx: Tx, briefs: Briefs, *, limit: int, staff_id: str, since: datetime, scope: ColumnElement[bool] | None = None
) -> dict[str, Any]:
    """The head of the queue with words and suggestions, how many wait, and how many this person has sorted since."""
    waiting = and_(store.waiting(), true() if scope is None else scope)
    rows = await tx.all(
        select(tickets).where(waiting).order_by(tickets.c.priority, tickets.c.created_at, tickets.c.id).limit(limit)
    )
    found = [value(row) for row in rows]
    guesses = await store.guesses_of(tx, [each.id for each in found])
    tree = await categories.load(tx)
    items = [
        {
            **brief,
            "description": mask_text((ticket.description or "")[:_MOST_CHARACTERS]),
            "said": await _said(tx, ticket),
            "fields": {key: mask_text(str(each)) for key, each in ticket.fields.items() if key != "problem"},
            "first_received_at": rfc3339(ticket.first_received_at),
            "suggestions": suggestions(guesses.get(ticket.id), tree),
        }
        for ticket, brief in zip(found, await briefs(tx, found), strict=True)
    ]
    return {
        "items": items,
        "waiting": int(await tx.scalar(select(func.count()).select_from(tickets).where(waiting)) or 0),
        "sorted_today": int(
            await tx.scalar(
                select(func.count(corrections.c.ticket_id.distinct())).where(
                    corrections.c.staff_id == staff_id,
                    corrections.c.at >= since,
                    corrections.c.category_id != UNSORTED,
                )
            )
            or 0
        ),
    }


async def _said(tx: Tx, ticket: Ticket) -> list[str]:
    """The customer's first words, masked."""
    if ticket.conversation_id is None:
        return []
    found = [each.text for each in await messages.of_ticket(tx, ticket.id) if each.author is Author.CUSTOMER]
    return [mask_text(text[:_MOST_CHARACTERS]) for text in found[:_MOST_SAID] if text.strip()]


__all__ = ["page"]
