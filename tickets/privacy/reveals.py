"""Seeing what is masked: one value, for one minute, for a reason, in the audit. The value itself is never kept here:
each look reads it anew, and after its minute the server has nothing to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_, select

from bot.tables import customers, identities, messages
from core.audit import Audit
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.masking import mask_text
from tickets import store
from tickets.privacy.openings import checked_reason
from tickets.privacy.tables import reveals
from tickets.store import Ticket

SHOWN_FOR = timedelta(minutes=1)
# What can be shown; those with a key name a field of the customer or ticket, a message, or an identity's number.
WHATS = frozenset({"phone", "email", "name", "profile", "title", "description", "field", "message", "identity"})


class RevealOver(NotFound):
    """Its minute is over; a new reason opens a new one."""

    code = "reveal_over"


@dataclass(frozen=True, slots=True)
class Reveal:
    """A value and until when it is shown."""

    id: str
    value: str
    until: datetime


class Reveals:
    """Shows and records. Whether the reader may open the ticket at all is decided before."""

    def __init__(self, db: Database, clock: Clock, audit: Audit) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit

    async def show(self, staff_id: str, serial: str, *, what: str, key: str, reason: str) -> Reveal:
        """Show one value of a ticket or its customer. Raises Invalid, NotFound when there is nothing."""
        said = checked_reason(reason)
        if what not in WHATS or len(key) > 80:
            raise Invalid("what")
        now = self._clock.now()
        async with self._db.begin() as tx:
            ticket = await store.by_serial(tx, serial)
            value = await _value(tx, ticket, what, key)
            reveal_id, until = new_id("rvl"), now + SHOWN_FOR
            await tx.execute(
                insert(reveals).values(
                    id=reveal_id,
                    ticket_id=ticket.id,
                    staff_id=staff_id,
                    what=what,
                    key=key,
                    reason=said,
                    at=now,
                    until=until,
                )
            )
            await self._audit.write(
                tx, staff_id, "value.revealed", ticket.serial, what=what, key=mask_text(key), reason=mask_text(said)
            )
        return Reveal(reveal_id, value, until)

    async def again(self, staff_id: str, serial: str, reveal_id: str) -> Reveal:
        """The same value within its minute, for who asked for it. Raises RevealOver."""
        async with self._db.read() as tx:
            ticket = await store.by_serial(tx, serial)
            row = await tx.first(
                select(reveals).where(
                    reveals.c.id == reveal_id, reveals.c.ticket_id == ticket.id, reveals.c.staff_id == staff_id
                )
            )
            if row is None or row.until <= self._clock.now():
                raise RevealOver("reveal")
            return Reveal(row.id, await _value(tx, ticket, row.what, row.key), row.until)


async def _value(tx: Tx, ticket: Ticket, what: str, key: str) -> str:
    match what:
        case "title":
            found: Any = ticket.title
        case "description":
            found = ticket.description
        case "field":
            found = ticket.fields.get(key)
        case "message":
            # The thread of the customer at hand: it goes on over several tickets.
            own = or_(messages.c.ticket_id == ticket.id, messages.c.conversation_id == ticket.conversation_id)
            found = await tx.scalar(select(messages.c.text).where(messages.c.id == key, own))
        case "identity":
            mine = identities.c.customer_id == ticket.customer_id
            found = await tx.scalar(select(identities.c.external_id).where(mine, identities.c.id == key))
        case _:
            found = await _of_customer(tx, ticket.customer_id, what, key)
    if found is None or found == "":
        raise NotFound("nothing to show")
    return str(found)


async def _of_customer(tx: Tx, customer_id: str, what: str, key: str) -> Any:
    row = await tx.first(select(customers).where(customers.c.id == customer_id))
    if row is None:
        return None
    return row.profile.get(key) if what == "profile" else getattr(row, what)


__all__ = ["SHOWN_FOR", "Reveal", "RevealOver", "Reveals"]
