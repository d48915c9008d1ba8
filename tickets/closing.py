"""Closing the loop: result → conclusion delivered → survey → closed by the customer's word, or reopened by it.

Nothing whose last answer is 不满意, or "not solved", is closed by silence.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.store import messages
from bot.types import Choice, Delivery, Speaker
from core.clock import rfc3339
from core.db import Tx
from core.errors import IllegalMove, Invalid
from core.jobs import Job
from core.people.store import Team
from tickets import store, surveys
from tickets.base import (
    JOB_DELIVERED,
    JOB_NEXT_STEP,
    JOB_SELF_SOLVED,
    JOB_SILENCE,
    REOPEN_WITHIN,
    Base,
    actor_of,
    added_terms,
    raised,
)
from tickets.categories import EXPERTS
from tickets.loop.conclusion import RESULT_KINDS, Result, checked, conclusion
from tickets.states import Ground, Move, Party, State, after, is_open, may
from tickets.store import CUSTOMER, SYSTEM, Actor, Ticket
from tickets.surveys import Survey

log = structlog.get_logger(__name__)

# How soon to look again whether a platform took the conclusion; the last one repeats.
_LOOK_AGAIN_S = (2.0, 5.0, 15.0, 60.0, 300.0)
_UNHAPPY_TIER = 3


class Closing(Base):
    """From the written result to the end, and back."""

    async def resolve(
        self,
        tx: Tx,
        ticket_id: str,
        *,
        solution: str,
        by: Speaker,
        result_kind: str = "solved",
        category_id: str | None = None,
        reason: str | None = None,
        alternative: str | None = None,
        follow_up_team_id: str | None = None,
        follow_up_at: datetime | None = None,
        cause: str | None = None,
        cause_text: str | None = None,
    ) -> Ticket:
        """Write the result and send the conclusion on the original channel; the episode ends and the bot has the
        conversation again. Resolved at once where browsers fetch, elsewhere when the platform took the message.

        无法解决 needs `reason` and `alternative`; 转后续 needs a team and a time to come, and makes a linked ticket of
        that team. Raises Invalid for what is missing, IllegalMove from a state where there is nothing to resolve.
        """
        now, actor = self._clock.now(), actor_of(by)
        words = checked(
            Result(
                kind=result_kind,
                solution=solution,
                reason=reason,
                alternative=alternative,
                team_id=follow_up_team_id,
                at=follow_up_at,
                cause=cause,
                cause_text=cause_text,
            ),
            now,
        )
        team = await self._follow_up_team(tx, words)
        ticket = await self._taken(tx, await self._lock(tx, ticket_id), by)
        values: dict[str, Any] = words.columns()
        if category_id is not None:
            values["category_id"] = category_id
        if ticket.assignee_id is None:
            values["assignee_id"] = by.staff_id
        ticket = await self._change(
            tx,
            ticket,
            "result_written",
            actor,
            text=words.solution,
            state=after(ticket.state, Move.RESOLVE, Party.STAFF).value,
            next_step=None,
            next_step_by=None,
            next_step_at=None,
            **values,
        )
        if team is not None:
            await self._follow_up(tx, ticket, actor)
        if ticket.conversation_id is None:
            return await self._delivered(tx, ticket)
        text = await self._conclusion(tx, ticket, team)
        message = await self._voice.say(tx, ticket, text, at=now, by=by)
        await self._voice.conclude(tx, ticket, now)
        await self._mark_unread(tx, ticket)
        if message.delivery is Delivery.NONE:
            return await self._delivered(tx, ticket)
        await self._look_later(tx, ticket, {"message_id": message.id, "version": ticket.version, "tries": 0})
        return ticket

    async def _follow_up_team(self, tx: Tx, result: Result) -> Team | None:
        if result.kind != "follow_up":
            return None
        team = await self._people.team(tx, result.team_id or "")
        if team is None:
            raise Invalid("unknown team", text_id="error.follow_up_team")
        return team

    async def _follow_up(self, tx: Tx, ticket: Ticket, actor: Actor) -> None:
        """The team's own ticket for what goes on, once: a result that is written anew has it already."""
        at = ticket.follow_up_at
        assert at is not None
        known = [each for each in await store.of_customer(tx, ticket.customer_id) if each.previous_id == ticket.id]
        if any(is_open(each.state) and each.reason == "follow_up" for each in known):
            return
        promise = self._texts.get("ticket.follow_up.step", serial=ticket.serial)
        made = await self._new(
            tx,
            actor,
            customer_id=ticket.customer_id,
            conversation_id=ticket.conversation_id,
            channel_id=ticket.channel_id,
            channel_kind=ticket.channel_kind,
            tier=max(2, ticket.tier),
            priority=ticket.priority,
            category_id=ticket.category_id,
            team_id=ticket.follow_up_team_id,
            title=self._texts.get("ticket.follow_up.title", title=ticket.title)[:200],
            description=ticket.solution,
            fields=dict(ticket.fields),
            terms=added_terms(ticket.terms, ticket.serial),
            reason="follow_up",
            person_wanted_at=self._clock.now(),
            previous_id=ticket.id,
            promised_at=at,
            next_step=promise,
            next_step_at=at,
            next_step_kind="other",
            next_step_told=True,
            last_customer_at=ticket.last_customer_at,
            demo=ticket.demo,
        )
        await self._jobs.put(tx, JOB_NEXT_STEP, made.id, at)

    async def _conclusion(self, tx: Tx, ticket: Ticket, team: Team | None) -> str:
        """What the customer is told, made of the result, what they get for it, and the short history."""
        given = await self._compensations(tx, ticket)
        name = team.name if team else ""
        return conclusion(ticket, self._texts, self._zone, now=self._clock.now(), given=given, team=name)

    async def _compensations(self, tx: Tx, ticket: Ticket) -> list[str]:
        """What was approved for the customer, in words."""
        return []

    async def _taken(self, tx: Tx, ticket: Ticket, by: Speaker) -> Ticket:
        """The ticket after a person of the team took it on, which writing a result implies."""
        if ticket.state != State.NEW:
            return ticket
        values: dict[str, Any] = {}
        if ticket.tier == 1:
            values = {"tier": 2, "person_wanted_at": self._clock.now()}
        return await self._change(
            tx,
            ticket,
            "confirmed",
            actor_of(by),
            state=after(ticket.state, Move.CONFIRM, Party.STAFF).value,
            assignee_id=ticket.assignee_id or by.staff_id,
            confirmed_at=ticket.confirmed_at or self._clock.now(),
            **values,
        )

    async def _look_later(self, tx: Tx, ticket: Ticket, payload: dict[str, Any]) -> None:
        wait = _LOOK_AGAIN_S[min(payload["tries"], len(_LOOK_AGAIN_S) - 1)]
        await self._jobs.put(tx, JOB_DELIVERED, ticket.id, self._clock.now() + timedelta(seconds=wait), payload)

    async def _on_delivered(self, tx: Tx, job: Job) -> None:
        """Look what became of a conclusion that had to be sent to a platform."""
        ticket = await self._lock(tx, job.key)
        if ticket.state != State.TO_REPORT or ticket.version != job.payload["version"]:
            return
        message = await messages.get(tx, job.payload["message_id"])
        match message.delivery:
            case Delivery.PENDING | Delivery.SENDING:
                await self._look_later(tx, ticket, {**job.payload, "tries": job.payload["tries"] + 1})
            case Delivery.SENT | Delivery.NONE:
                await self._delivered(tx, ticket)
            case Delivery.FAILED | Delivery.DROPPED:
                # The result stays to be told; the agent sees why and finds another way.
                await self._change(tx, ticket, "conclusion_failed", SYSTEM, text=message.delivery_error)

    async def _delivered(self, tx: Tx, ticket: Ticket) -> Ticket:
        now = self._clock.now()
        ticket = await self._change(
            tx,
            ticket,
            "resolved",
            SYSTEM,
            state=after(ticket.state, Move.DELIVER, Party.SYSTEM).value,
            resolved_at=now,
            closed_at=None,
            close_ground=None,
        )
        await self._expect_silence(tx, ticket)
        await self._send_survey(tx, ticket)
        return ticket

    async def _expect_silence(self, tx: Tx, ticket: Ticket) -> None:
        """Close it when nothing is heard from now on for long enough."""
        assert ticket.resolved_at is not None
        due = self._clock.now() + timedelta(hours=self._settings.close_silence_h)
        await self._jobs.put(tx, JOB_SILENCE, ticket.id, due, {"resolved_at": rfc3339(ticket.resolved_at)})

    async def _send_survey(self, tx: Tx, ticket: Ticket) -> None:
        """Open the survey of this conclusion on the original channel, once."""
        if ticket.conversation_id is None:
            return
        survey = await self._new_round(tx, ticket)
        await self._voice.survey(tx, ticket, stands=True)
        if self._voice.pushes(ticket):
            url = f"{self._settings.base_url}/s/{self._links.link('survey', survey.id)}"
            await self._voice.say(
                tx,
                ticket,
                self._texts.get("ticket.survey.ask_with_link", serial=ticket.serial, url=url),
                at=self._clock.now(),
                choices=self._faces(),
            )
        else:
            # The widget draws the four faces itself; the buttons are for other programs and for the record.
            await self._voice.say(
                tx,
                ticket,
                self._texts.get("ticket.survey.ask", serial=ticket.serial),
                at=self._clock.now(),
                choices=self._faces(),
            )

    def _faces(self) -> list[Choice]:
        return [Choice(f"rating:{rating}", self._texts.get(f"ticket.rating.{rating}")) for rating in (4, 3, 2, 1)]

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

    async def _rate(
        self, tx: Tx, ticket: Ticket, rating: int, solved: bool | None, text: str, survey: Survey | None = None
    ) -> Ticket:
        """Take an answer to the survey. The same answer again changes nothing; another one replaces it.

        Without `survey` it is about the last conclusion. An answer about an earlier one is kept and moves nothing.
        """
        if not 1 <= rating <= 4:
            raise Invalid("rating")
        standing = await self._standing(tx, ticket)
        if survey is None:
            survey = standing or await self._to_rate(tx, ticket)
            standing = standing or (None if is_open(ticket.state) else survey)
        if solved is None and rating >= surveys.CONTENT:
            solved = True
        words = text.strip() or None
        if (survey.rating, survey.solved, survey.text) == (rating, solved, words):
            return ticket
        await surveys.answer(tx, survey.id, rating=rating, solved=solved, text=words, now=self._clock.now())
        ticket = await self._change(tx, ticket, "rated", CUSTOMER, text=self._rating_text(rating, words))
        if standing is None or standing.id != survey.id:
            return ticket
        await self._voice.survey(tx, ticket, stands=False)
        if rating == surveys.UNHAPPY or solved is False:
            return await self._unhappy(tx, ticket)
        if solved and ticket.state == State.RESOLVED:
            return await self._confirmed(tx, ticket)
        return ticket

    async def _to_rate(self, tx: Tx, ticket: Ticket) -> Survey:
        """What an unasked answer is about: a conclusion without survey, or the last survey of a reopened ticket."""
        rounds = await surveys.of_ticket(tx, ticket.id)
        if ticket.state in (State.RESOLVED, State.CLOSED, State.SELF_SOLVED):
            return await self._new_round(tx, ticket)
        if not rounds:
            raise IllegalMove("nothing to rate yet", text_id="error.nothing_to_rate")
        return rounds[-1]

    def _rating_text(self, rating: int, words: str | None) -> str:
        label = self._texts.get(f"ticket.rating.{rating}")
        return f"{label}:{words}" if words else label

    async def _unhappy(self, tx: Tx, ticket: Ticket) -> Ticket:
        """The customer is not content: back to work, more urgent, for an expert, under the supervisor's eyes."""
        if ticket.tier == 1:
            return await self._to_person(tx, ticket, reason="unhappy", actor=CUSTOMER)
        if not may(ticket.state, Move.REOPEN, Party.CUSTOMER):
            # It is being worked on already; what changes is who looks at it.
            return await self._change(tx, ticket, "review_wanted", SYSTEM, review_wanted=True)
        return await self._reopen(
            tx, ticket, "reopened", CUSTOMER, tier=_UNHAPPY_TIER, team_id=EXPERTS, escalated_to="expert"
        )

    async def _reopen(
        self, tx: Tx, ticket: Ticket, kind: str, actor: Actor, *, text: str | None = None, **values: Any
    ) -> Ticket:
        party = Party.CUSTOMER if actor is CUSTOMER else Party.STAFF
        await self._jobs.cancel(tx, JOB_SILENCE, ticket.id)
        await self._voice.survey(tx, ticket, stands=False)
        return await self._change(
            tx,
            ticket,
            kind,
            actor,
            text=text,
            **{
                "state": after(ticket.state, Move.REOPEN, party).value,
                "priority": raised(ticket.priority),
                "reopened_count": ticket.reopened_count + 1,
                "review_wanted": True,
                "assignee_id": None,
                "close_ground": None,
                "closed_at": None,
                "resolved_at": None,
                "tier": max(2, ticket.tier),
                **values,
            },
        )

    async def _reopen_by_customer(self, tx: Tx, ticket: Ticket, text: str) -> Ticket:
        """The customer's own wish to go on, on their word, within the time for it."""
        if ticket.tier == 1 or not self._is_fresh(ticket):
            raise IllegalMove("too late to reopen", text_id="error.reopen_too_late")
        return await self._reopen(tx, ticket, "reopened", CUSTOMER, text=text.strip() or None)

    def _is_fresh(self, ticket: Ticket) -> bool:
        ended = ticket.closed_at or ticket.resolved_at
        return ended is not None and self._clock.now() - ended <= REOPEN_WITHIN

    async def _confirmed(self, tx: Tx, ticket: Ticket, actor: Actor = CUSTOMER) -> Ticket:
        """The customer says that it is solved."""
        await self._jobs.cancel(tx, JOB_SILENCE, ticket.id)
        await self._jobs.cancel(tx, JOB_SELF_SOLVED, ticket.id)
        now = self._clock.now()
        if ticket.tier == 1:
            state = after(ticket.state, Move.SELF_SOLVE, Party.CUSTOMER, tier=1)
            return await self._change(tx, ticket, "self_solved", actor, state=state.value, closed_at=now)
        return await self._change(
            tx,
            ticket,
            "closed",
            actor,
            state=after(ticket.state, Move.CUSTOMER_CONFIRMS, Party.CUSTOMER).value,
            close_ground=Ground.CUSTOMER_CONFIRMED.value,
            closed_at=now,
            next_step=None,
            next_step_by=None,
            next_step_at=None,
        )

    async def _on_silence(self, tx: Tx, job: Job) -> None:
        """Nobody said anything since the conclusion."""
        ticket = await self._lock(tx, job.key)
        if ticket.state != State.RESOLVED or ticket.resolved_at is None:
            return
        if job.payload["resolved_at"] != rfc3339(ticket.resolved_at):
            return
        last = await surveys.last_answered(tx, ticket.id)
        if last is not None and last.is_unhappy:
            await self._change(tx, ticket, "kept_open", SYSTEM, review_wanted=True)
            return
        await self._voice.survey(tx, ticket, stands=False)
        await self._change(
            tx,
            ticket,
            "closed",
            SYSTEM,
            state=after(ticket.state, Move.SILENCE, Party.SYSTEM).value,
            close_ground=Ground.CUSTOMER_SILENT.value,
            closed_at=self._clock.now(),
        )

    async def _on_self_solved(self, tx: Tx, job: Job) -> None:
        """The bot's answer stood for a day and the customer did not come back."""
        ticket = await self._lock(tx, job.key)
        if ticket.tier != 1 or ticket.state != State.NEW:
            return
        if await store.last_event(tx, ticket.id, ("not_solved",)) is not None:
            # They said that it did not help, so their silence is not consent.
            await self._to_person(tx, ticket, reason="not_solved", actor=SYSTEM)
            return
        state = after(ticket.state, Move.SELF_SOLVE, Party.SYSTEM, tier=1)
        await self._change(tx, ticket, "self_solved", SYSTEM, state=state.value, closed_at=self._clock.now())

    @abstractmethod
    async def _to_person(
        self, tx: Tx, ticket: Ticket, *, reason: str, actor: Actor, text: str | None = None, **values: Any
    ) -> Ticket:
        """Raise the ticket to a person; kept by `Book`."""

    @abstractmethod
    async def _new(self, tx: Tx, actor: Actor, **values: Any) -> Ticket:
        """Open a ticket; kept by `Book`."""

    @abstractmethod
    async def _mark_unread(self, tx: Tx, ticket: Ticket) -> None:
        """Note news for a customer who is away; kept by `Book`."""


__all__ = ["RESULT_KINDS", "Closing"]
