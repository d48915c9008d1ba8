"""Least privilege as the gateway uses it."""

from __future__ import annotations

from dataclasses import dataclass

from core.audit import Audit
from core.clock import Clock
from core.db import Database
from tickets.privacy.agreement import Agreements
from tickets.privacy.openings import Openings
from tickets.privacy.reveals import Reveals


@dataclass(frozen=True, slots=True)
class Privacy:
    """Its three parts; none holds state."""

    openings: Openings
    reveals: Reveals
    agreements: Agreements

    @classmethod
    def over(cls, db: Database, clock: Clock, audit: Audit) -> Privacy:
        """All of it around one database."""
        return cls(Openings(db, clock, audit), Reveals(db, clock, audit), Agreements(db, clock, audit))
