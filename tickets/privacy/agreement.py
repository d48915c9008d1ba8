"""The confidentiality agreement: who has not accepted its present version is served no customer's record.

A new text is a new version, accepted anew by everybody. Programs (API keys) accept nothing: whoever made the key did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from core.audit import Audit
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Conflict, Forbidden, Invalid
from core.people.tables import staff
from tickets.privacy.tables import agreement_acceptances, agreements

MAX_LENGTH = 20_000
MIN_LENGTH = 20


class AgreementRequired(Forbidden):
    """The agreement in force is not accepted; `POST /api/v1/agreement/accept` does it."""

    code = "agreement_required"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The text in force."""

    version: int
    text: str
    published_at: datetime


class Agreements:
    """Reads, changes and records. Holds no state: a new version is in force everywhere at once."""

    def __init__(self, db: Database, clock: Clock, audit: Audit) -> None:
        self._db = db
        self._clock = clock
        self._audit = audit

    async def current(self, tx: Tx) -> Agreement | None:
        """The last version, or None while there is none."""
        row = await tx.first(select(agreements).order_by(agreements.c.version.desc()).limit(1))
        return Agreement(row.version, row.text, row.published_at) if row else None

    async def is_accepted(self, tx: Tx, staff_id: str) -> bool:
        """Whether this person has accepted the version in force; true while there is none."""
        newest = select(func.max(agreements.c.version)).scalar_subquery()
        accepted = select(agreement_acceptances.c.version).where(
            agreement_acceptances.c.staff_id == staff_id, agreement_acceptances.c.version == newest
        )
        row = await tx.first(select(newest.label("newest"), accepted.scalar_subquery().label("accepted")))
        return row is not None and (row.newest is None or row.accepted is not None)

    async def check(self, staff_id: str) -> None:
        """Raises AgreementRequired unless the version in force is accepted."""
        async with self._db.read() as tx:
            if not await self.is_accepted(tx, staff_id):
                raise AgreementRequired("agreement")

    async def accept(self, staff_id: str, version: int, *, how: str = "desk") -> None:
        """Record the acceptance. Twice is harmless; Conflict when another version is in force by now."""
        async with self._db.begin() as tx:
            current = await self.current(tx)
            if current is None or current.version != version:
                raise Conflict("another version", text_id="error.agreement_changed")
            await self._accept(tx, staff_id, version, how)

    async def accept_for_demo(self, staff_id: str) -> None:
        """Record that the demo's log-in stood for reading. Only accounts of the demo are meant."""
        async with self._db.read() as tx:
            demo = await tx.scalar(select(staff.c.demo).where(staff.c.id == staff_id))
            if not demo or await self.is_accepted(tx, staff_id):
                return
        async with self._db.begin() as tx:
            if (current := await self.current(tx)) is not None:
                await self._accept(tx, staff_id, current.version, "demo")

    async def _accept(self, tx: Tx, staff_id: str, version: int, how: str) -> None:
        one = (agreement_acceptances.c.staff_id == staff_id, agreement_acceptances.c.version == version)
        if await tx.first(select(agreement_acceptances.c.at).where(*one)) is not None:
            return
        values = {"staff_id": staff_id, "version": version, "at": self._clock.now(), "how": how}
        await tx.execute(insert(agreement_acceptances).values(**values))
        await self._audit.write(tx, staff_id, "agreement.accepted", str(version), how=how)

    async def publish(self, text: str, *, by: str) -> int:
        """Put a new version in force. Raises Invalid when it says too little, Conflict when nothing changed."""
        async with self._db.begin() as tx:
            return await self.publish_in(tx, text, by=by)

    async def publish_in(self, tx: Tx, text: str, *, by: str) -> int:
        """`publish` in an open transaction."""
        words = text.strip()
        if not MIN_LENGTH <= len(words) <= MAX_LENGTH:
            raise Invalid("text", text_id="error.agreement_text")
        current = await self.current(tx)
        if current is not None and current.text == words:
            raise Conflict("the same text", text_id="error.agreement_same")
        version = current.version + 1 if current else 1
        await tx.execute(
            insert(agreements).values(version=version, text=words, published_at=self._clock.now(), published_by=by)
        )
        await self._audit.write(tx, by, "agreement.published", str(version))
        return version

    async def accepted_by(self, tx: Tx) -> list[dict[str, Any]]:
        """Everybody with an account, and when they accepted the version in force."""
        newest = select(func.max(agreements.c.version)).scalar_subquery()
        theirs = (agreement_acceptances.c.staff_id == staff.c.id) & (agreement_acceptances.c.version == newest)
        rows = await tx.all(
            select(staff.c.id, staff.c.display_name, agreement_acceptances.c.at, agreement_acceptances.c.how)
            .select_from(staff)
            .join(agreement_acceptances, theirs, isouter=True)
            .where(staff.c.disabled_at.is_(None))
            .order_by(staff.c.display_name)
        )
        return [dict(row._mapping) for row in rows]


__all__ = ["Agreement", "AgreementRequired", "Agreements"]
