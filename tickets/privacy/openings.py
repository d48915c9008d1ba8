"""Opening a ticket that is not one's own: refused until a reason is given, then allowed for a while, and audited."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from core.audit import Audit
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Forbidden, Invalid, NotFound
from core.ids import new_id
from core.masking import mask_text
from tickets.privacy.scope import Reader, in_scope, may_open
from tickets.privacy.tables import ticket_openings
from tickets.tables import tickets

# A shift: long enough to finish a matter, short enough that access does not pile up.
OPEN_FOR = timedelta(hours=8)
MIN_REASON, MAX_REASON = 4, 200


class ReasonRequired(Forbidden):
    """The ticket is outside the reader's teams; `POST …/open` with a reason opens it."""

    code = "reason_required"


def checked_reason(reason: str) -> str:
    """A reason that says something. Raises Invalid."""
    said = " ".join(reason.split())
    if not MIN_REASON <= len(said) <= MAX_REASON:
        raise Invalid("reason", text_id="error.reason")
    return said


class Openings:
    """Asks and grants. Holds no state."""

    def __init__(self, db: Database, clock: Clock, audit: Audit) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit

    async def check(self, reader: Reader, serial: str) -> None:
        """Let the reader through to this ticket. Raises NotFound, or ReasonRequired outside their scope."""
        await self.check_all(reader, [serial])

    async def check_all(self, reader: Reader, serials: Collection[str]) -> None:
        """The same for several at once: all or none."""
        wanted = sorted({serial.upper() for serial in serials})
        async with self._db.read() as tx:
            if reader.everything:
                return
            allowed = may_open(reader, self._clock.now()).label("allowed")
            rows = await tx.all(select(tickets.c.serial, allowed).where(tickets.c.serial.in_(wanted)))
        if len(rows) < len(wanted):
            raise NotFound("ticket")
        if not all(row.allowed for row in rows):
            raise ReasonRequired("outside the teams")

    async def check_id(self, tx: Tx, reader: Reader, ticket_ids: Collection[str]) -> None:
        """Let the reader through when at least one of these tickets (by id) is theirs. Raises ReasonRequired."""
        if reader.everything:
            return
        query = select(tickets.c.id).where(tickets.c.id.in_(list(ticket_ids)), may_open(reader, self._clock.now()))
        if await tx.first(query.limit(1)) is None:
            raise ReasonRequired("outside the teams")

    async def check_customer(self, tx: Tx, reader: Reader, customer_id: str) -> None:
        """Let the reader through when at least one of the customer's tickets is theirs. Raises ReasonRequired."""
        if reader.everything:
            return
        theirs = select(tickets.c.id).where(tickets.c.customer_id == customer_id)
        if await tx.first(theirs.where(may_open(reader, self._clock.now())).limit(1)) is None:
            raise ReasonRequired("outside the teams")

    async def open(self, reader: Reader, serial: str, reason: str) -> datetime | None:
        """Open a ticket by a reason; return until when, or None when none was needed. Raises NotFound, Invalid."""
        said = checked_reason(reason)
        now = self._clock.now()
        async with self._db.begin() as tx:
            row = await tx.first(
                select(tickets.c.id, in_scope(reader).label("own")).where(tickets.c.serial == serial.upper())
            )
            if row is None:
                raise NotFound("ticket")
            if row.own:
                return None
            until = now + OPEN_FOR
            await tx.execute(
                insert(ticket_openings).values(
                    id=new_id("opn"), ticket_id=row.id, staff_id=reader.staff_id, reason=said, at=now, until=until
                )
            )
            await self._audit.write(
                tx, reader.staff_id, "ticket.opened_outside", serial.upper(), reason=mask_text(said), hours=8
            )
        return until


__all__ = ["OPEN_FOR", "Openings", "ReasonRequired", "checked_reason"]
