"""Telling the customer the result and asking what they think of it, on whatever way reaches them.

A conclusion, or a survey, that one way did not carry goes on to the next (`reach.py`); what none carries waits until
the customer turns up again, wherever that is. One survey per conclusion, on whichever way.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select

from bot.store import conversations, messages
from bot.types import Choice, Kind
from core.clock import rfc3339
from core.db import Tx
from core.jobs import Job
from core.statements import Statement
from tickets import store, surveys
from tickets.base import JOB_DELIVERED, Base
from tickets.loop import notices
from tickets.loop.conclusion import conclusion
from tickets.loop.reach import CHANNEL, NOWHERE, OTHER, Carried, News, Reach, faces
from tickets.states import State, is_open
from tickets.store import SYSTEM, Ticket
from tickets.surveys import Survey
from tickets.tables import surveys as surveys_table
from tickets.tables import tickets

JOB_SURVEY = "ticket.survey"
JOB_SURVEY_SENT = "ticket.survey_sent"
JOB_CARRY = "ticket.carry"
JOB_AGAIN = "ticket.again"
JOB_NEWS = "ticket.news"

# Channels that the customer reads.
_READ = frozenset({"web", "wechat", "weibo", "wecom", "mail"})
# Who looks within this time needs no messenger.
NEWS_AFTER = timedelta(minutes=5)


_UNSENT = and_(surveys_table.c.sent_by == NOWHERE, surveys_table.c.answered_at.is_(None))
_WAITS_FOR = Statement(
    select(tickets.c.id)
    .outerjoin(surveys_table, and_(surveys_table.c.ticket_id == tickets.c.id, _UNSENT))
    .where(
        tickets.c.customer_id == bindparam("customer_id"),
        tickets.c.state.in_((State.TO_REPORT.value, State.RESOLVED.value)),
        or_(tickets.c.state == State.TO_REPORT.value, surveys_table.c.id.is_not(None)),
    )
)


class Asking(Base):
    """The messages of the loop and their ways. What moves states stands in `Closing`."""

    @property
    def reach(self) -> Reach:
        """The ways to the customer."""
        return Reach(self.kit)

    # The conclusion.

    async def _conclusion(self, tx: Tx, ticket: Ticket) -> str:
        """What the customer is told, made of the result, what they get for it, and the short history."""
        team = await self._people.team(tx, ticket.follow_up_team_id) if ticket.follow_up_team_id else None
        given = await self._compensations(tx, ticket)
        name = team.name if team else ""
        return conclusion(ticket, self._texts, self._zone, now=self._clock.now(), given=given, team=name)

    async def _compensations(self, tx: Tx, ticket: Ticket) -> list[str]:
        """What was approved for the customer, in words; kept by `Work`."""
        return []

    async def _conclusion_news(self, tx: Tx, ticket: Ticket) -> News:
        url = self.ticket_link(ticket.id)
        text = f"{await self._conclusion(tx, ticket)}\n\n{self._texts.get('loop.page', url=url)}"
        return News(
            "conclusion",
            text,
            self._texts.get("loop.sms.conclusion", serial=ticket.serial, url=url),
            self._texts.get("loop.subject.conclusion", serial=ticket.serial),
        )

    async def _look_later(self, tx: Tx, ticket: Ticket, payload: dict[str, Any]) -> None:
        """Look again, after a while, what became of a conclusion that was sent."""
        due = self._clock.now() + self.reach.look_after(payload["tries"])
        await self._jobs.put(tx, JOB_DELIVERED, ticket.id, due, payload)

    async def _on_delivered(self, tx: Tx, job: Job) -> None:
        """Look what became of a conclusion that had to be sent; what failed goes on to the next way."""
        ticket = await self._lock(tx, job.key)
        payload = job.payload
        # A later result has put this timer anew; notes and warnings meanwhile are no reason to look away.
        if ticket.state != State.TO_REPORT:
            return
        # Timers that an earlier release left name a message only.
        tried = {"way": payload.get("way", CHANNEL), "object_id": payload.get("object_id") or payload["message_id"]}
        state, reason = await self.reach.fate(tx, tried)
        if state == "pending":
            await self._look_later(tx, ticket, {**payload, "tries": payload["tries"] + 1})
        elif state == "sent":
            await self._delivered(tx, ticket)
        else:
            await self._conclude_on(tx, ticket, after=tried["way"], reason=reason)

    async def _conclude_on(self, tx: Tx, ticket: Ticket, *, after: str, reason: str | None) -> Ticket:
        """Send the conclusion on the ways that are left. Without any it stays to be told; its people see why."""
        carried = await self.reach.go(tx, ticket, await self._conclusion_news(tx, ticket), after=after)
        if carried is None:
            return await self._change(tx, ticket, "conclusion_failed", SYSTEM, text=reason)
        ticket = await self._change(
            tx, ticket, "conclusion_sent", SYSTEM, text=self._texts.get(f"loop.way.{carried.way}")
        )
        if not carried.pending:
            return await self._delivered(tx, ticket)
        await self._look_later(tx, ticket, {**carried.payload(), "version": ticket.version, "tries": 0})
        return ticket

    # The survey.

    async def _send_survey(self, tx: Tx, ticket: Ticket) -> None:
        """Open the survey of this conclusion, at once or after the time of the settings."""
        if self._settings.survey_delay_h > 0:
            assert ticket.resolved_at is not None
            due = self._clock.now() + timedelta(hours=self._settings.survey_delay_h)
            await self._jobs.put(tx, JOB_SURVEY, ticket.id, due, {"resolved_at": rfc3339(ticket.resolved_at)})
        else:
            await self._ask(tx, ticket)

    async def _on_survey(self, tx: Tx, job: Job) -> None:
        ticket = await self._lock(tx, job.key)
        same = ticket.resolved_at is not None and job.payload["resolved_at"] == rfc3339(ticket.resolved_at)
        if ticket.state == State.RESOLVED and same and await self._standing(tx, ticket) is None:
            await self._ask(tx, ticket)

    async def _ask(self, tx: Tx, ticket: Ticket) -> Survey:
        survey = await self._new_round(tx, ticket)
        await self._voice.survey(tx, ticket, stands=True)
        news = self._survey_news(ticket, survey)
        # Nobody looks at the thread of a telephone call; the survey's page and the ticket's have the question.
        after = "" if ticket.channel_kind in _READ else CHANNEL
        carried = await self.reach.go(tx, ticket, news, after=after)
        await self._survey_goes(tx, survey, carried, tries=0)
        return survey

    def survey_link(self, survey_id: str) -> str:
        """The address of a survey's page."""
        return f"{self._settings.base_url}/s/{self._links.link('survey', survey_id)}"

    def ticket_link(self, ticket_id: str) -> str:
        """The address of the customer's page of a ticket."""
        return f"{self._settings.base_url}/t/{self._links.link('ticket', ticket_id)}"

    def _survey_news(self, ticket: Ticket, survey: Survey) -> News:
        url = self.survey_link(survey.id)
        # The widget draws the four faces itself; there the buttons are for other programs and for the record.
        text_id = "ticket.survey.ask" if ticket.channel_kind == "web" else "ticket.survey.ask_with_link"
        return News(
            "survey",
            self._texts.get(text_id, serial=ticket.serial, url=url),
            self._texts.get("loop.sms.survey", serial=ticket.serial, url=url),
            self._texts.get("loop.subject.survey", serial=ticket.serial),
            tuple(faces(self._texts)),
        )

    async def _survey_goes(self, tx: Tx, survey: Survey, carried: Carried | None, *, tries: int) -> None:
        if carried is None:
            await surveys.sent_by(tx, survey.id, NOWHERE)
        elif carried.pending:
            due = self._clock.now() + self.reach.look_after(tries)
            await self._jobs.put(tx, JOB_SURVEY_SENT, survey.id, due, {**carried.payload(), "tries": tries})
        else:
            await surveys.sent_by(tx, survey.id, carried.way)

    async def _on_survey_sent(self, tx: Tx, job: Job) -> None:
        """Look what became of a survey that had to be sent; what failed goes on to the next way."""
        survey = await surveys.get(tx, job.key)
        if survey is None:
            return
        state, _ = await self.reach.fate(tx, job.payload)
        way, tries = str(job.payload["way"]), int(job.payload["tries"])
        if state == "pending":
            await self._survey_goes(tx, survey, Carried(way, job.payload["object_id"], True), tries=tries + 1)
        elif state == "sent":
            await surveys.sent_by(tx, survey.id, way)
        else:
            ticket = await self._lock(tx, survey.ticket_id)
            if survey.answered_at is not None or is_open(ticket.state):
                await surveys.sent_by(tx, survey.id, NOWHERE)
                return
            url = self.survey_link(survey.id)
            news = self._survey_news(ticket, survey)
            linked = self._texts.get("ticket.survey.ask_with_link", serial=ticket.serial, url=url)
            news = News(news.kind, linked, news.short, news.subject, news.choices)
            await self._survey_goes(tx, survey, await self.reach.go(tx, ticket, news, after=way), tries=0)

    async def _standing(self, tx: Tx, ticket: Ticket) -> Survey | None:
        """The survey of the present conclusion, or None when the ticket is open or nobody was asked yet."""
        ended_at = ticket.resolved_at or ticket.closed_at
        if is_open(ticket.state) or ended_at is None:
            return None
        rounds = await surveys.of_ticket(tx, ticket.id)
        return rounds[-1] if rounds and rounds[-1].sent_at >= ended_at else None

    async def _new_round(self, tx: Tx, ticket: Ticket) -> Survey:
        return await surveys.open_round(
            tx, ticket.id, now=self._clock.now(), staff_id=ticket.assignee_id, demo=ticket.demo
        )

    # 「解决了吗」: the light survey of what the bot answered.

    async def ask_if_solved(self, tx: Tx, ticket: Ticket) -> None:
        """Ask once, when the talk about a matter of the bot's fell silent, whether the answer helped."""
        asked = await store.last_event(tx, ticket.id, ("asked_if_solved", "not_solved", "person_wanted"))
        if ticket.conversation_id is None or ticket.last_reply_at is None or asked is not None:
            return
        ticket = await self._change(tx, ticket, "asked_if_solved", SYSTEM)
        await self._voice.survey(tx, ticket, stands=True)
        choices = [Choice(f"solved:{each}", self._texts.get(f"loop.light.{each}")) for each in ("yes", "no")]
        await self._voice.say(
            tx, ticket, self._texts.get("loop.light.ask"), at=self._clock.now(), kind=Kind.TEXT, choices=choices
        )

    async def _light_answer(self, tx: Tx, ticket: Ticket, *, solved: bool) -> None:
        """Keep the answer to 「解决了吗」 as the round of a survey, so that it counts like any other."""
        survey = await self._new_round(tx, ticket)
        await surveys.sent_by(tx, survey.id, CHANNEL)
        await surveys.answer(tx, survey.id, rating=None, solved=solved, text=None, now=self._clock.now())
        await self._voice.survey(tx, ticket, stands=False)

    async def _was_asked_if_solved(self, tx: Tx, ticket: Ticket) -> bool:
        """Whether the light question stands without an answer."""
        if await store.last_event(tx, ticket.id, ("asked_if_solved",)) is None:
            return False
        return not await surveys.of_ticket(tx, ticket.id)

    # What no way carried is told when the customer turns up again.

    async def _waits_for(self, tx: Tx, customer_id: str) -> list[str]:
        """Ids of the customer's tickets with a conclusion or a survey that no way carried."""
        return list(dict.fromkeys(row[0] for row in await _WAITS_FOR.all(tx, customer_id=customer_id)))

    async def _came_back(self, tx: Tx, ticket: Ticket) -> None:
        """The customer wrote: what waits for them is told in a transaction of its own, right after this one."""
        for waiting in await self._waits_for(tx, ticket.customer_id):
            payload = {"conversation_id": ticket.conversation_id}
            await self._jobs.put(tx, JOB_AGAIN, waiting, self._clock.now(), payload)

    async def _on_again(self, tx: Tx, job: Job) -> None:
        """The customer is here again: tell what could not be told, ask what could not be asked."""
        ticket = await self._lock(tx, job.key)
        here = job.payload.get("conversation_id") == ticket.conversation_id
        after = "" if here else CHANNEL
        if ticket.state == State.TO_REPORT:
            if await store.last_event(tx, ticket.id, ("result_written", "conclusion_failed", "conclusion_sent")) == (
                "conclusion_failed"
            ):
                await self._conclude_on(tx, ticket, after=after, reason="unreachable")
            return
        survey = await self._standing(tx, ticket)
        if ticket.state != State.RESOLVED or survey is None or survey.answered_at is not None:
            return
        if survey.sent_by != NOWHERE:
            return
        # The same round once more: it never arrived, so it is no second survey.
        await self._voice.survey(tx, ticket, stands=True)
        carried = await self.reach.go(tx, ticket, self._survey_news(ticket, survey), after=after)
        await self._survey_goes(tx, survey, carried, tries=0)

    # News for a customer who is away: to the contact given, once per absence.

    async def _news_later(self, tx: Tx, ticket: Ticket) -> None:
        """Tell of news by mail or short message when the customer has not seen them in a while. Where a platform
        carries them to the customer's own telephone they need no second messenger."""
        hooked = notices.enabled(self._settings, notices.MAIL) or notices.enabled(self._settings, notices.SMS)
        if hooked and not self._voice.pushes(ticket):
            await self._jobs.put(
                tx, JOB_NEWS, ticket.customer_id, self._clock.now() + NEWS_AFTER, {"ticket_id": ticket.id}
            )

    async def _on_news(self, tx: Tx, job: Job) -> None:
        ticket = await self._lock(tx, job.payload["ticket_id"])
        if ticket.customer_unread == 0 or await self._was_told(tx, ticket):
            return
        url = self.mine_link(ticket.customer_id)
        news = News(
            "news",
            self._texts.get("loop.mail.news", serial=ticket.serial, title=ticket.title, url=url),
            self._texts.get("loop.sms.news", serial=ticket.serial, url=url),
            self._texts.get("loop.subject.news", serial=ticket.serial),
        )
        if await self.reach.go(tx, ticket, news, after=OTHER) is not None:
            await store.note(tx, ticket.id, told_at=self._clock.now())

    async def _was_told(self, tx: Tx, ticket: Ticket) -> bool:
        """Whether the customer has read the news in the chat, or was told of some since they were last here."""
        here = await conversations.of_customer(tx, ticket.customer_id)
        if any(each.id == ticket.conversation_id and each.customer_read_seq >= each.last_seq for each in here):
            return True
        told = await tx.scalar(select(func.max(tickets.c.told_at)).where(tickets.c.customer_id == ticket.customer_id))
        seen = max((each.last_customer_at for each in here if each.last_customer_at), default=None)
        return told is not None and (seen is None or told > seen)

    def mine_link(self, customer_id: str) -> str:
        """The address of the page of all of a customer's tickets."""
        return f"{self._settings.base_url}/my/{self._links.link('mine', customer_id)}"

    # Anything else that must arrive, such as the answer of the head of the house.

    async def _carry(self, tx: Tx, ticket: Ticket, news: News) -> Carried | None:
        """Send it, and on the next way when the first one fails."""
        carried = await self.reach.go(tx, ticket, news)
        if carried is not None and carried.pending:
            await self._watch(tx, ticket, news.kind, carried, tries=0)
        return carried

    async def _watch(self, tx: Tx, ticket: Ticket, kind: str, carried: Carried, *, tries: int) -> None:
        payload = {**carried.payload(), "ticket_id": ticket.id, "kind": kind, "tries": tries}
        await self._jobs.put(
            tx, JOB_CARRY, carried.object_id, self._clock.now() + self.reach.look_after(tries), payload
        )

    async def _on_carry(self, tx: Tx, job: Job) -> None:
        payload = job.payload
        state, _ = await self.reach.fate(tx, payload)
        if state == "sent":
            return
        ticket = await self._lock(tx, payload["ticket_id"])
        tried = Carried(payload["way"], payload["object_id"], True)
        if state == "pending":
            await self._watch(tx, ticket, payload["kind"], tried, tries=payload["tries"] + 1)
            return
        if payload["way"] in ("mail", "sms"):
            # Its words are the hook's; the ticket's page still has them.
            return
        message = await messages.get(tx, payload["object_id"])
        url = self.ticket_link(ticket.id)
        news = News(
            payload["kind"],
            message.text,
            self._texts.get("loop.sms.news", serial=ticket.serial, url=url),
            self._texts.get("loop.subject.news", serial=ticket.serial),
        )
        carried = await self.reach.go(tx, ticket, news, after=payload["way"])
        if carried is not None and carried.pending:
            await self._watch(tx, ticket, payload["kind"], carried, tries=0)

    @abstractmethod
    async def _delivered(self, tx: Tx, ticket: Ticket) -> Ticket:
        """The conclusion reached the customer; kept by `Closing`."""


__all__ = ["JOB_AGAIN", "JOB_CARRY", "JOB_NEWS", "JOB_SURVEY", "JOB_SURVEY_SENT", "Asking"]
