"""Erasure of one customer: words, contacts and files go; serial numbers, times and figures stay without a person."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, or_, select, update

from bot.tables import conversations, customers, episodes, exchanges, identities, media, messages
from core.db import Tx
from core.ids import new_id
from core.tables import erasures, files
from core.webhooks.store import forget_subjects as forget_calls
from handoff.tables import drafts, handoffs
from knowledge_base.tables import choice_labels, gaps
from tickets.loop.tables import guest_words, notices
from tickets.search import ticket_terms
from tickets.tables import compensations, surveys, ticket_events, ticket_files, tickets

_GONE = "〔已按要求删除〕"


async def erase_customer(tx: Tx, customer_id: str, *, by: str, now: datetime, data: Path) -> int:
    """Erase a customer and put them on the erasure list; return 1, or 0 when nothing of them was left.

    Twice is harmless. A file is removed from disk only when nobody else's upload has the same content.
    """
    left = await tx.scalar(select(func.count()).select_from(identities).where(identities.c.customer_id == customer_id))
    listed = await tx.first(select(erasures.c.id).where(erasures.c.customer_id == customer_id))
    if listed is None:
        await tx.execute(
            erasures.insert().values(
                id=new_id("era"), customer_id=customer_id, requested_at=now, done_at=now, requested_by=by
            )
        )
    if not left:
        return 0
    own = [row.id for row in await tx.all(select(conversations.c.id).where(conversations.c.customer_id == customer_id))]
    mine = [row.id for row in await tx.all(select(tickets.c.id).where(tickets.c.customer_id == customer_id))]
    said = [row.id for row in await tx.all(select(exchanges.c.id).where(exchanges.c.conversation_id.in_(own)))]
    await tx.execute(
        update(messages).where(messages.c.conversation_id.in_(own)).values(text=_GONE, payload={}, dedupe_key=None)
    )
    await tx.execute(delete(media).where(media.c.customer_id == customer_id))
    await tx.execute(update(conversations).where(conversations.c.id.in_(own)).values(last_text=_GONE))
    await tx.execute(update(episodes).where(episodes.c.conversation_id.in_(own)).values(slots={}))
    await tx.execute(update(handoffs).where(handoffs.c.conversation_id.in_(own)).values(packet="{}"))
    await tx.execute(delete(drafts).where(drafts.c.conversation_id.in_(own)))
    await tx.execute(delete(gaps).where(gaps.c.customer_id == customer_id))
    await tx.execute(delete(choice_labels).where(choice_labels.c.exchange_id.in_(said)))
    await tx.execute(
        update(tickets)
        .where(tickets.c.id.in_(mine))
        .values(
            title=_GONE,
            description=None,
            fields={},
            solution=None,
            next_step=None,
            escalation_summary=None,
            cause_text=None,
            result_reason=None,
            alternative=None,
            source_url=None,
            source_text=None,
            terms=None,
        )
    )
    await tx.execute(delete(ticket_terms).where(ticket_terms.c.ticket_id.in_(mine)))
    await tx.execute(update(ticket_events).where(ticket_events.c.ticket_id.in_(mine)).values(text=None))
    await tx.execute(update(surveys).where(surveys.c.ticket_id.in_(mine)).values(text=None))
    await tx.execute(
        update(compensations).where(compensations.c.ticket_id.in_(mine)).values(what=None, reason=_GONE, decision=None)
    )
    await tx.execute(update(guest_words).where(guest_words.c.ticket_id.in_(mine)).values(text=_GONE))
    await tx.execute(delete(notices).where(notices.c.ticket_id.in_(mine)))
    await forget_calls(tx, [f"ticket:{ticket_id}" for ticket_id in mine])
    await tx.execute(
        update(customers)
        .where(customers.c.id == customer_id)
        .values(name=None, account=None, phone=None, email=None, level="", profile={}, tags=[])
    )
    # The account on the platform is the person; without it a new message begins a new customer.
    for row in await tx.all(select(identities.c.id).where(identities.c.customer_id == customer_id)):
        await tx.execute(
            update(identities).where(identities.c.id == row.id).values(external_id=f"erased-{row.id}", proven=False)
        )
    await _erase_files(tx, customer_id, mine, data)
    return 1


async def _erase_files(tx: Tx, customer_id: str, mine: list[str], data: Path) -> None:
    """What they sent, and what staff put beside their tickets."""
    beside = [
        row.file_id for row in await tx.all(select(ticket_files.c.file_id).where(ticket_files.c.ticket_id.in_(mine)))
    ]
    theirs = or_(files.c.owner == customer_id, files.c.id.in_(beside))
    rows = await tx.all(select(files).where(theirs))
    await tx.execute(delete(files).where(theirs))
    await tx.execute(delete(ticket_files).where(ticket_files.c.ticket_id.in_(mine)))
    for row in rows:
        if not await tx.scalar(select(func.count()).select_from(files).where(files.c.sha256 == row.sha256)):
            path = data / "files" / row.sha256[:2] / row.sha256
            tx.after_commit(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]
