"""Chosen messages, with what answered them, move to another ticket: one talk was about two matters."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import update

from bot.tables import exchanges, messages
from core.db import Tx


async def put_on_ticket(tx: Tx, message_ids: Collection[str], ticket_id: str) -> None:
    """Put these messages and their exchanges on a ticket. Their conversation and episode stay what they were."""
    ids = list(message_ids)
    await tx.execute(update(messages).where(messages.c.id.in_(ids)).values(ticket_id=ticket_id))
    await tx.execute(update(exchanges).where(exchanges.c.message_id.in_(ids)).values(ticket_id=ticket_id))
