"""The ticket service: everything about tickets that the gateway hands to others.

Base        neighbours and small steps
Closing     result → conclusion → survey → closed or reopened
Book        what conversations write (bot.ports.TicketBook)
Work        what staff do with it: take it on, answer, promise, hand up, end
Matters     what staff do beside that: compensation, files, followers, snooze, split, links, many at once
Intake      how matters come in beside chat
CustomerSide   what customers see and do
Lists       what the desk reads
"""

from __future__ import annotations

from typing import Any

from bot.ports import TicketBook
from tickets.base import JOB_DELIVERED, JOB_NEXT_STEP, JOB_SELF_SOLVED, JOB_SILENCE, JOB_WAKE, About
from tickets.customer import CustomerSide
from tickets.executive import Executive
from tickets.followers import Followers
from tickets.guests import Guests
from tickets.intake.layer import Intake
from tickets.lists import Lists
from tickets.loop.asking import JOB_AGAIN, JOB_CARRY, JOB_NEWS, JOB_SURVEY, JOB_SURVEY_SENT
from tickets.loop.notices import NoticeLog
from tickets.matters import Matters
from tickets.playbooks.service import Playbooks
from tickets.search import Search
from tickets.sla.part import Sla
from tickets.sorting.service import Sorting


class Tickets(CustomerSide, Intake, Lists, Matters):
    """One per gateway; holds no state of its own. Timers are set as durable jobs and carried out by their loop."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.search = self.add(Search(self.kit))
        self.sla = self.add(Sla(self.kit))
        self._jobs.on(JOB_SILENCE, self._on_silence)
        self._jobs.on(JOB_SELF_SOLVED, self._on_self_solved)
        self._jobs.on(JOB_DELIVERED, self._on_delivered)
        self._jobs.on(JOB_SURVEY, self._on_survey)
        self._jobs.on(JOB_SURVEY_SENT, self._on_survey_sent)
        self._jobs.on(JOB_CARRY, self._on_carry)
        self._jobs.on(JOB_AGAIN, self._on_again)
        self._jobs.on(JOB_NEWS, self._on_news)
        self._jobs.on(JOB_NEXT_STEP, self._on_next_step)
        self._jobs.on(JOB_WAKE, self._on_wake)
        self.followers = self.add(Followers(self.kit))
        self.sorting = self.add(Sorting(self.kit))
        self.playbooks = self.add(Playbooks(self.kit, reopen=self._reopen, new=self._new))
        self.guests = self.add(Guests(self.kit, self._mark_unread))
        self.top = self.add(Executive(self.kit, self, self.guests))
        self.add(NoticeLog(self.kit))

    def _as_book(self) -> TicketBook:
        return self


__all__ = ["About", "Tickets"]
