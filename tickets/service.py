"""The ticket service: everything about tickets that the gateway hands to others.

Base        neighbours and small steps
Closing     result → conclusion → survey → closed or reopened
Book        what conversations write (bot.ports.TicketBook)
Work        what staff do
CustomerSide   what customers see and do
Lists       what the desk reads
"""

from __future__ import annotations

from typing import Any

from bot.ports import TicketBook
from tickets.base import JOB_DELIVERED, JOB_NEXT_STEP, JOB_SELF_SOLVED, JOB_SILENCE, About
from tickets.customer import CustomerSide
from tickets.lists import Lists


class Tickets(CustomerSide, Lists):
    """One per gateway; holds no state of its own. Timers are set as durable jobs and carried out by their loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._jobs.on(JOB_SILENCE, self._on_silence)
        self._jobs.on(JOB_SELF_SOLVED, self._on_self_solved)
        self._jobs.on(JOB_DELIVERED, self._on_delivered)
        self._jobs.on(JOB_NEXT_STEP, self._on_next_step)

    def _as_book(self) -> TicketBook:
        return self


__all__ = ["About", "Tickets"]
