"""Closing the loop: result → conclusion delivered → survey → closed by the customer's word, or reopened by it.

Nothing whose last answer is 不满意, or "not solved", is closed by silence.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.types import Delivery, Speaker
from core.clock import rfc3339
from core.db import Tx
from core.errors import IllegalMove, Invalid
from core.jobs import Job
from core.people.roles import Role
from core.people.store import Team
from tickets import store, surveys
from tickets.base import (
    JOB_NEXT_STEP,
    JOB_SELF_SOLVED,
    JOB_SILENCE,
    REOPEN_WITHIN,
    actor_of,
    raised,
)
from tickets.categories import EXPERTS
from tickets.loop.asking import Asking
from tickets.loop.conclusion import RESULT_KINDS, Result, checked
from tickets.loop.experts import least_busy_expert, of_role
from tickets.loop.reach import CHANNEL, Carried
from tickets.states import Ground, Move, Party, State, after, is_open, may
from tickets.store import CUSTOMER, SYSTEM, Actor, Ticket
from tickets.surveys import Survey

if TYPE_CHECKING:
    from tickets.playbooks.service import Playbooks

_UNHAPPY_TIER = 3
# Which 不满意 is the supervisor's; later ones are the head of service's.
_SUPERVISORS_TURN = 2
_RECOMMEND = range(11)


class Closing(Asking):
    """From the written result to the end, and back."""

    playbooks: Playbooks

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
        playbook: Mapping[str, str] | None = None,
        steps_done: Collection[str] = (),
    ) -> Ticket:
        """Write the result and send the conclusion on the original channel; the episode ends and the bot has the
        conversation again. Resolved at once where browsers fetch, elsewhere when the platform took the message.

        无法解决 needs `reason` and `alternative`; 转后续 needs a team and a time to come, and makes a linked ticket of
        that team. `playbook` and `steps_done` complete what the category's playbook asks for before the end. Raises
        Invalid for what is missing, IllegalMove from a state where there is nothing to resolve.
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
        follows = await self._follow_up_team(tx, words) is not None
        ticket = await self._taken(tx, await self._lock(tx, ticket_id), by)
        if playbook or steps_done:
            ticket = await self.playbooks.complete(
                tx, ticket, by, category_id=category_id, values=playbook, steps=steps_done
            )
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
        if follows:
            await self._follow_up(tx, ticket, actor)
        if ticket.conversation_id is None:
            # Without a way the result was told as the matter was brought: on the telephone, face to face.
            carried = await self.reach.go(tx, ticket, await self._conclusion_news(tx, ticket))
        else:
            message = await self._voice.say(tx, ticket, await self._conclusion(tx, ticket), at=now, by=by)
            carried = Carried(CHANNEL, message.id, message.delivery is not Delivery.NONE)
        await self._voice.conclude(tx, ticket, now)
        await self._mark_unread(tx, ticket)
        if carried is None or not carried.pending:
            return await self._delivered(tx, ticket)
        await self._look_later(tx, ticket, {**carried.payload(), "version": ticket.version, "tries": 0})
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

    async def _rate(
        self,
        tx: Tx,
        ticket: Ticket,
        rating: int,
        solved: bool | None,
        text: str,
        survey: Survey | None = None,
        *,
        recommend: int | None = None,
    ) -> Ticket:
        """Take an answer to the survey. The same answer again changes nothing; another one replaces it.

        Without `survey` it is about the last conclusion. An answer about an earlier one is kept and moves nothing.
        """
        if not 1 <= rating <= 4:
            raise Invalid("rating")
        if recommend is not None and recommend not in _RECOMMEND:
            raise Invalid("recommend")
        standing = await self._standing(tx, ticket)
        if survey is None:
            survey = standing or await self._to_rate(tx, ticket)
            standing = standing or (None if is_open(ticket.state) and ticket.tier > 1 else survey)
        if solved is None and rating >= surveys.CONTENT:
            solved = True
        words = text.strip() or None
        answered = (rating, solved, words)
        if (survey.rating, survey.solved, survey.text) == answered and recommend in (None, survey.recommend):
            return ticket
        await surveys.answer(
            tx, survey.id, rating=rating, solved=solved, text=words, now=self._clock.now(), recommend=recommend
        )
        if (survey.rating, survey.solved, survey.text) == answered:
            # Only how likely they recommend us came later, as a second step of the page.
            return ticket
        ticket = await self._change(tx, ticket, "rated", CUSTOMER, text=self._rating_text(rating, words))
        if standing is None or standing.id != survey.id:
            return ticket
        await self._voice.survey(tx, ticket, stands=False)
        if rating == surveys.UNHAPPY or solved is False:
            return await self._unhappy(tx, ticket, survey.staff_id)
        if solved and (ticket.state == State.RESOLVED or (ticket.tier == 1 and ticket.state == State.NEW)):
            return await self._confirmed(tx, ticket)
        return ticket

    async def _refused(self, tx: Tx, ticket: Ticket, text: str) -> Ticket:
        """「没解决」, said outside the four faces: it counts as the answer to what stands open."""
        words = text.strip() or None
        if ticket.tier == 1 or is_open(ticket.state):
            asked = ticket.tier == 1 and await self._was_asked_if_solved(tx, ticket)
            ticket = await self._change(tx, ticket, "not_solved", CUSTOMER, text=words)
            if asked:
                await self._light_answer(tx, ticket, solved=False)
                return await self._unhappy(tx, ticket)
            return ticket
        if not self._is_fresh(ticket):
            raise IllegalMove("too late to reopen", text_id="error.reopen_too_late")
        ticket = await self._change(tx, ticket, "not_solved", CUSTOMER, text=words)
        standing = await self._standing(tx, ticket)
        if standing is not None and standing.answered_at is None:
            now = self._clock.now()
            await surveys.answer(tx, standing.id, rating=None, solved=False, text=words, now=now)
        return await self._unhappy(tx, ticket, standing.staff_id if standing else None)

    async def _to_rate(self, tx: Tx, ticket: Ticket) -> Survey:
        """What an unasked answer is about: a conclusion without survey, or the last survey of a reopened ticket."""
        rounds = await surveys.of_ticket(tx, ticket.id)
        ended = ticket.state in (State.RESOLVED, State.CLOSED, State.SELF_SOLVED)
        if ended or (ticket.tier == 1 and await self._was_asked_if_solved(tx, ticket)):
            return await self._new_round(tx, ticket)
        if not rounds:
            raise IllegalMove("nothing to rate yet", text_id="error.nothing_to_rate")
        return rounds[-1]

    def _rating_text(self, rating: int, words: str | None) -> str:
        label = self._texts.get(f"ticket.rating.{rating}")
        return f"{label}:{words}" if words else label

    async def _unhappy(self, tx: Tx, ticket: Ticket, concluded_by: str | None = None) -> Ticket:
        """The customer is not content: back to work, more urgent, under the supervisor's eyes, and for an expert other
        than whoever concluded it. The second time it goes one step up by itself, and the next time one more."""
        count = (ticket.unhappy_count or 0) + 1
        if ticket.tier == 1:
            return await self._to_person(tx, ticket, reason="unhappy", actor=CUSTOMER, unhappy_count=count)
        if not may(ticket.state, Move.REOPEN, Party.CUSTOMER):
            # It is being worked on already; what changes is who looks at it.
            return await self._change(
                tx, ticket, "review_wanted", SYSTEM, review_wanted=True, unhappy_count=ticket.unhappy_count or 1
            )
        ticket = await self._reopen(
            tx,
            ticket,
            "reopened",
            CUSTOMER,
            tier=_UNHAPPY_TIER,
            team_id=EXPERTS,
            escalated_to="expert",
            unhappy_count=count,
            assignee_id=await least_busy_expert(tx, self._people, (concluded_by, ticket.assignee_id)),
        )
        return await self._goes_up(tx, ticket, count) if count > 1 else ticket

    async def _goes_up(self, tx: Tx, ticket: Ticket, count: int) -> Ticket:
        """One step up the chain without anybody's doing: the supervisor, then the head of service."""
        to, role = ("supervisor", Role.SUPERVISOR) if count == _SUPERVISORS_TURN else ("head", Role.MANAGER)
        ticket = await self._change(
            tx,
            ticket,
            "went_up",
            SYSTEM,
            text=self._texts.get("loop.went_up", count=count),
            escalated_to=to,
            priority=1,
            review_wanted=True,
        )
        for staff_id in await of_role(tx, role):
            topic, event = f"staff:{staff_id}", {"type": "due", "serial": ticket.serial}
            tx.after_commit(lambda topic=topic, event=event: self._notifier.publish(topic, event))  # type: ignore[misc]  # defaults bind the loop's values
        return ticket

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
            if await self._was_asked_if_solved(tx, ticket):
                await self._light_answer(tx, ticket, solved=True)
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
