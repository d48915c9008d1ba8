"""The mark that lists show: which clock ends first, when, and how it stands. A pure function of the ticket's row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.clock import rfc3339
from tickets.store import Ticket


def sla_mark(ticket: Ticket, now: datetime) -> dict[str, Any] | None:
    """`{clock, due_at, state}` with state running, warning, broken or paused; None when no clock runs."""
    if ticket.sla_clock is None:
        return None
    due_at = ticket.sla_due_at
    if due_at is None:
        state = "paused"
    elif due_at <= now:
        state = "broken"
    elif ticket.sla_warn_at is not None and ticket.sla_warn_at <= now:
        state = "warning"
    else:
        state = "running"
    return {"clock": ticket.sla_clock, "due_at": rfc3339(due_at) if due_at else None, "state": state}


__all__ = ["sla_mark"]
