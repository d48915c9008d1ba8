"""The ticket book of conversations (`bot.ports.TicketBook`): one ticket per episode, from the first word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import wish
from bot.store import episodes
from bot.types import TicketRef
from core.audit import next_number
from core.db import Tx
from core.errors import IllegalMove, Invalid
from core.ids import ConversationId, CustomerId, EpisodeId, TicketId
from core.people.store import DEFAULT_TEAM
from tickets import fields, store
from tickets.base import (
    JOB_SELF_SOLVED,
    JOB_SILENCE,
    JOB_WAKE,
    PRESENT_WITHIN,
    SELF_SOLVED_AFTER,
    ref_of,
)
from tickets.closing import Closing
from tickets.states import OPEN, Ground, Move, Party, State, after, is_open, may
from tickets.store import BOT, CUSTOMER, SYSTEM, UNSORTED, Actor, Ticket

MAX_TITLE = 40
_UNKNOWN = "unknown"
_COMPLAINT_PRIORITY = 2
_COMPLAINTS = frozenset({"complaint", "emotion"})
_OPEN_CODES = frozenset(each.value for each in OPEN)


class Book(Closing):
    """Keeps `bot.ports.TicketBook`."""

    async def open_for(
        self,
        tx: Tx,
        *,
        conversation_id: ConversationId,
        customer_id: CustomerId,
        channel_id: str,
        channel_kind: str,
        text: str,
        profile: Mapping[str, str],
        demo: bool = False,
        sent_at: datetime | None = None,
    ) -> TicketRef:
        """The ticket for a new episode: the customer's one open ticket of tier two or three, else a new one.

        `sent_at` is the platform's own time of the message: the first receipt is exact, also when it came late.
        """
        theirs = [each for each in await store.of_customer(tx, customer_id) if each.tier > 1 and is_open(each.state)]
        if len(theirs) == 1:
            return ref_of(theirs[0])
        tree = await self._tree(tx)
        category_id = tree.sort(text)
        made = await self._new(
            tx,
            CUSTOMER,
            customer_id=customer_id,
            conversation_id=conversation_id,
            channel_id=channel_id,
            channel_kind=channel_kind,
            title=title_of(text),
            description=text,
            fields={key: profile[key] for key in fields.TECHNICAL if profile.get(key)},
            category_id=category_id,
            team_id=tree.team_of(category_id),
            last_customer_at=self._clock.now(),
            first_received_at=min(sent_at or self._clock.now(), self._clock.now()),
            demo=demo,
        )
        return ref_of(made)

    async def _new(self, tx: Tx, actor: Actor, **values: Any) -> Ticket:
        now = self._clock.now()
        day = now.astimezone(self._zone).strftime("%Y%m%d")
        number = await next_number(tx, f"ticket:{day}")
        made = await store.create(
            tx, actor=actor, at=now, **{"first_received_at": now, "serial": f"FL-{day}-{number:06d}", **values}
        )
        if made.next_step_at is not None:
            await self._time_step(tx, made)
        await self._voice.refresh(tx, made)
        for part in self._parts:
            await part.changed(tx, None, made, "opened", actor, None)
        return made

    async def customer_wrote(self, tx: Tx, ticket_id: TicketId, text: str) -> None:
        """Note a customer's message: search terms, waiting_customer → in_progress, last_customer_at."""
        ticket = await store.get(tx, ticket_id, lock=True)
        news: dict[str, Any] = {"last_customer_at": self._clock.now(), "customer_unread": 0}
        if is_weak(ticket.title) and not is_weak(title_of(text)):
            news["title"], news["description"] = title_of(text), text
        await store.note(tx, ticket.id, **news)
        for part in self._parts:
            await part.customer_wrote(tx, ticket, text, news["last_customer_at"])
        await self._came_back(tx, ticket)
        if ticket.tier == 1:
            await self._jobs.cancel(tx, JOB_SELF_SOLVED, ticket.id)
        if may(ticket.state, Move.CUSTOMER_ADDS, Party.CUSTOMER):
            state = after(ticket.state, Move.CUSTOMER_ADDS, Party.CUSTOMER)
            ticket = await self._change(tx, ticket, "customer_added", CUSTOMER, state=state.value)
        if ticket.snoozed_until is not None:
            await self._jobs.cancel(tx, JOB_WAKE, ticket.id)
            ticket = await self._change(tx, ticket, "woken", CUSTOMER, snoozed_until=None)
        if ticket.category_id == UNSORTED and is_open(ticket.state):
            await self._sort(tx, ticket, (await self._tree(tx)).sort(text))

    async def _sort(self, tx: Tx, ticket: Ticket, category_id: str) -> Ticket:
        """Sort what nobody has sorted. A person's matter keeps its team: somebody may be at it already."""
        if category_id == UNSORTED:
            return ticket
        values: dict[str, Any] = {"category_id": category_id}
        if ticket.tier == 1:
            values["team_id"] = (await self._tree(tx)).team_of(category_id)
        return await self._change(tx, ticket, "sorted", BOT, **values)

    async def reply_sent(
        self, tx: Tx, ticket_id: TicketId, *, by: str, staff_id: str | None = None, category: str = ""
    ) -> None:
        """Note that the customer was answered (by: bot or agent). A person's first answer confirms the ticket.

        `category` is that of the article that answered; it sorts a ticket whose words sorted nothing.
        """
        ticket = await store.get(tx, ticket_id, lock=True)
        if category and ticket.category_id == UNSORTED:
            ticket = await self._sort(tx, ticket, (await self._tree(tx)).find(category) or UNSORTED)
        now = self._clock.now()
        news: dict[str, Any] = {"last_reply_at": now}
        if by == "agent" and ticket.first_human_reply_at is None:
            news["first_human_reply_at"] = now
        await store.note(tx, ticket.id, **news)
        for part in self._parts:
            await part.answered(tx, ticket, by, staff_id, now)
        if by != "agent" or staff_id is None:
            return
        await self._mark_unread(tx, ticket)
        if ticket.state == State.NEW:
            names = await self._people.names(tx, [staff_id])
            await self._take_on(tx, ticket, Actor(staff_id, names.get(staff_id)))

    async def _take_on(self, tx: Tx, ticket: Ticket, actor: Actor) -> Ticket:
        """A person of the team confirms; what was the bot's becomes tier two."""
        now = self._clock.now()
        if ticket.tier == 1:
            ticket = await self._to_person(tx, ticket, reason=ticket.reason or "taken", actor=actor)
        return await self._change(
            tx,
            ticket,
            "confirmed",
            actor,
            state=after(ticket.state, Move.CONFIRM, Party.STAFF).value,
            assignee_id=actor.id,
            confirmed_at=ticket.confirmed_at or now,
        )

    async def _mark_unread(self, tx: Tx, ticket: Ticket) -> None:
        """Count news on the ticket, unless the customer sits in front of the chat."""
        last = ticket.last_customer_at
        if last is None or self._clock.now() - last > PRESENT_WITHIN:
            await store.note(tx, ticket.id, customer_unread=ticket.customer_unread + 1)
            await self._voice.refresh(tx, ticket)
            await self._news_later(tx, ticket)

    async def person_wanted(
        self, tx: Tx, ticket_id: TicketId, *, reason: str, packet: Mapping[str, Any], queued: bool
    ) -> str:
        """Raise the ticket to tier two and return its team's id. Twice is harmless.

        With `queued` false nobody takes it from a line: it stands as 待处理 in its team's list.
        """
        ticket = await store.get(tx, ticket_id, lock=True)
        summary = packet.get("summary")
        text = summary if isinstance(summary, str) and summary else None
        if ticket.tier > 1 and is_open(ticket.state):
            if ticket.person_wanted_at is None or ticket.reason != reason or not queued:
                await self._change(
                    tx,
                    ticket,
                    "person_wanted" if queued else "waits_for_team",
                    CUSTOMER,
                    text=text,
                    reason=reason,
                    person_wanted_at=ticket.person_wanted_at or self._clock.now(),
                    **self._more_urgent(ticket, reason),
                )
            return ticket.team_id or DEFAULT_TEAM
        if ticket.state == State.MERGED:
            return ticket.team_id or DEFAULT_TEAM
        await self._jobs.cancel(tx, JOB_SILENCE, ticket.id)
        ticket = await self._to_person(
            tx, ticket, reason=reason, actor=CUSTOMER, text=text, **self._more_urgent(ticket, reason)
        )
        return ticket.team_id or DEFAULT_TEAM

    def _more_urgent(self, ticket: Ticket, reason: str) -> dict[str, Any]:
        if reason in _COMPLAINTS and ticket.priority > _COMPLAINT_PRIORITY:
            return {"priority": _COMPLAINT_PRIORITY}
        return {}

    async def _to_person(
        self, tx: Tx, ticket: Ticket, *, reason: str, actor: Actor, text: str | None = None, **values: Any
    ) -> Ticket:
        """Make it a person's matter, 待处理 in its team's list."""
        await self._jobs.cancel(tx, JOB_SELF_SOLVED, ticket.id)
        now = self._clock.now()
        again = {} if is_open(ticket.state) else {"reopened_count": ticket.reopened_count + 1, "resolved_at": None}
        return await self._change(
            tx,
            ticket,
            "person_wanted",
            actor,
            text=text,
            **{
                "state": after(ticket.state, Move.WANT_PERSON, Party.SYSTEM, tier=ticket.tier).value,
                "tier": max(2, ticket.tier),
                "reason": reason,
                "person_wanted_at": ticket.person_wanted_at or now,
                "team_id": ticket.team_id or DEFAULT_TEAM,
                "close_ground": None,
                "closed_at": None,
                **again,
                **values,
            },
        )

    async def form_done(self, tx: Tx, ticket_id: TicketId, form: str, answers: Mapping[str, Any]) -> None:
        """Write a finished form into the ticket's fields; what the customer could not say stays open."""
        ticket = await store.get(tx, ticket_id, lock=True)
        said = {key: value for key, value in answers.items() if value not in (None, "", _UNKNOWN)}
        problem = str(said.get("problem") or "")
        news: dict[str, Any] = {"fields": {**ticket.fields, **said}, **fields.columns_of(said)}
        if problem:
            news["title"], news["description"] = title_of(problem), problem
        ticket = await self._change(tx, ticket, "form_done", CUSTOMER, **news)
        if ticket.category_id == UNSORTED and problem:
            await self._sort(tx, ticket, (await self._tree(tx)).sort(problem))

    async def customer_said(self, tx: Tx, ticket_id: TicketId, what: str, *, text: str = "") -> TicketRef:
        """The customer's word: solved, not_solved, reopen, rating:1 … rating:4, or new_matter: not the last one again.

        Illegal ones raise IllegalMove.
        """
        ticket = await store.get(tx, ticket_id, lock=True)
        if what.startswith("rating:") and what[7:].isdigit():
            return ref_of(await self._rate(tx, ticket, int(what[7:]), None, text))
        match what:
            case "solved":
                return ref_of(await self._solved(tx, ticket))
            case "not_solved":
                return ref_of(await self._not_solved(tx, ticket, text))
            case "reopen":
                return ref_of(await self._reopen_by_customer(tx, ticket, text))
            case "new_matter":
                return ref_of(await self._new_matter(tx, ticket))
            case _:
                raise Invalid("unknown word")

    async def _new_matter(self, tx: Tx, ticket: Ticket) -> Ticket:
        """「还是上次的问题吗?」 No: the two are linked all the same, since the customer came back so soon."""
        last = await self.reopenable(tx, CustomerId(ticket.customer_id))
        if last is None or last.ticket_id == ticket.id or ticket.previous_id is not None:
            return ticket
        return await self._change(tx, ticket, "new_matter", CUSTOMER, text=last.serial, previous_id=last.ticket_id)

    async def _solved(self, tx: Tx, ticket: Ticket) -> Ticket:
        if ticket.state in (State.CLOSED, State.SELF_SOLVED):
            return ticket
        if ticket.state == State.MERGED:
            raise IllegalMove("merged")
        return await self._confirmed(tx, ticket)

    async def _not_solved(self, tx: Tx, ticket: Ticket, text: str) -> Ticket:
        return await self._refused(tx, ticket, text)

    async def current(self, tx: Tx, customer_id: CustomerId) -> Sequence[TicketRef]:
        """The customer's tickets, open ones first, newest first."""
        theirs = await store.of_customer(tx, customer_id)
        theirs.sort(key=lambda each: (each.state not in _OPEN_CODES, -each.created_at.timestamp()))
        return [ref_of(each) for each in theirs if each.state != State.MERGED]

    async def reopenable(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        """The latest ticket of tier two or three that was resolved or closed within 14 days."""
        for each in await store.of_customer(tx, customer_id):
            if each.tier > 1 and may(each.state, Move.REOPEN, Party.CUSTOMER) and self._is_fresh(each):
                return ref_of(each)
        return None

    async def episode_ended(self, tx: Tx, ticket_id: TicketId, episode_id: EpisodeId, reason: str) -> None:
        """The episode on this ticket ended. A bot's matter is solved when the customer stays away for a day."""
        ticket = await store.get(tx, ticket_id, lock=True)
        if ticket.tier != 1 or ticket.state != State.NEW:
            return
        now = self._clock.now()
        if reason == "merged":
            # The customer said that it is the old matter; the episode stands on that one's ticket by now.
            into = await store.get(tx, (await episodes.get(tx, episode_id)).ticket_id)
            await self._merge_into(tx, ticket, into, SYSTEM)
            return
        if reason == "silence":
            await self.ask_if_solved(tx, ticket)
        due = (ticket.last_customer_at or now) + SELF_SOLVED_AFTER
        await self._jobs.put(tx, JOB_SELF_SOLVED, ticket.id, max(due, now + timedelta(seconds=1)))

    async def _merge_into(self, tx: Tx, ticket: Ticket, target: Ticket, actor: Actor) -> Ticket:
        party = Party.SYSTEM if actor is SYSTEM else Party.STAFF
        await self._jobs.cancel(tx, JOB_SELF_SOLVED, ticket.id)
        await self._jobs.cancel(tx, JOB_SILENCE, ticket.id)
        return await self._change(
            tx,
            ticket,
            "merged",
            actor,
            text=target.serial,
            state=after(ticket.state, Move.MERGE, party, tier=ticket.tier).value,
            merged_into=target.id,
            close_ground=Ground.MERGED.value,
            closed_at=self._clock.now(),
        )


def title_of(text: str) -> str:
    """The first line of what the customer wrote, short enough for a list."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"


def is_weak(title: str) -> bool:
    """Whether a title says nothing about the matter: a greeting, thanks, or just the wish for a person."""
    if not title.strip():
        return True
    return len(title) <= 12 and (wish.greets(title) or wish.thanks(title) or wish.detect(title) is wish.Wish.PERSON)


__all__ = ["MAX_TITLE", "Book", "is_weak", "title_of"]
