"""What customers see of their tickets, and what they may do: 我的工单, the page behind a link, the survey.

States go out as codes; the pages have the words. Notes, next steps and summaries are staff's words and never do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from bot.store import episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, Kind
from core.clock import rfc3339
from core.db import Tx
from core.errors import IllegalMove, Invalid, NotFound, Unauthorized
from tickets import store, surveys
from tickets.base import About
from tickets.book import Book
from tickets.states import Move, Party, State, after, is_open
from tickets.store import CUSTOMER, Event, Ticket
from tickets.surveys import Survey
from tickets.tables import tickets

MAX_WORDS = 4_000
_LIST = 50
# Steps of the history that concern the customer; the rest is how we work.
_TOLD = {"opened", "confirmed", "escalated", "handed_over", "reopened", "closed", "self_solved", "merged"}
_KINDS = {Author.CUSTOMER: "customer", Author.BOT: "bot", Author.AGENT: "agent", Author.SYSTEM: "system"}


class CustomerSide(Book):
    """Every method names the customer; somebody else's ticket is not found."""

    async def customer_state(self, tx: Tx, conversation: Conversation) -> About:
        """What the chat shows about tickets."""
        rows = await tx.all(
            select(tickets.c.id, tickets.c.serial, tickets.c.state, tickets.c.tier, tickets.c.customer_unread)
            .where(tickets.c.customer_id == conversation.customer_id)
            .order_by(tickets.c.created_at.desc())
            .limit(_LIST)
        )
        serials = {row.id: row.serial for row in rows}
        serial: str | None = None
        if conversation.episode_id is not None:
            serial = serials.get((await episodes.get(tx, conversation.episode_id)).ticket_id)
        if serial is None:
            serial = next((row.serial for row in rows if row.tier > 1 and is_open(row.state)), None)
        # 「解决了吗」 of the bot's matters stands under its message; the four faces are for what people concluded.
        asked = {row.id: row.serial for row in rows if row.tier > 1}
        survey = asked.get(conversation.survey_ticket_id) if conversation.survey_ticket_id else None
        return About(serial, survey, sum(1 for row in rows if row.customer_unread > 0))

    async def customer_list(self, tx: Tx, customer_id: str) -> list[dict[str, Any]]:
        """Their tickets, the last touched first."""
        found = await store.of_customer(tx, customer_id, _LIST)
        return [self._item(each) for each in found if each.state != State.MERGED]

    def _item(self, ticket: Ticket) -> dict[str, Any]:
        return {
            "serial": ticket.serial,
            "title": ticket.title,
            "state": ticket.state,
            "next_step": self._sentence(ticket),
            "updated_at": rfc3339(ticket.updated_at),
            "unread": ticket.customer_unread,
        }

    def _sentence(self, ticket: Ticket) -> str | None:
        """What happens next, in a sentence for the customer."""
        if ticket.tier == 1 and ticket.state == State.NEW:
            return self._texts.get("ticket.next.bot")
        if ticket.state == State.IN_PROGRESS and ticket.next_step_at and ticket.next_step_at > self._clock.now():
            return self._texts.get("ticket.next.promised", when=self._local(ticket.next_step_at))
        if ticket.state in (State.NEW, State.IN_PROGRESS, State.WAITING_CUSTOMER, State.TO_REPORT, State.RESOLVED):
            reopened = ticket.state == State.NEW and ticket.reopened_count > 0
            return self._texts.get("ticket.next.reopened" if reopened else f"ticket.next.{ticket.state}")
        return None

    async def customer_detail(self, customer_id: str, serial: str) -> dict[str, Any]:
        """One ticket in the customer's words; reading it clears its unread mark. Raises NotFound."""
        async with self._db.begin() as tx:
            return await self._customer_detail(tx, await self._theirs(tx, customer_id, serial))

    async def _customer_detail(self, tx: Tx, ticket: Ticket) -> dict[str, Any]:
        if ticket.customer_unread:
            await store.note(tx, ticket.id, customer_unread=0)
            await self._voice.refresh(tx, ticket)
        lines = [self._told(event, ticket) for event in await store.events_of(tx, ticket.id) if event.kind in _TOLD]
        for message in await messages.of_ticket(tx, ticket.id):
            if message.seq is not None and message.kind is not Kind.NOTE:
                kind = "system" if message.kind is Kind.NOTICE else _KINDS[message.author]
                lines.append({"at": rfc3339(message.at), "kind": kind, "text": message.text})
        survey = await self._standing(tx, ticket)
        rated = survey is not None and survey.answered_at is not None
        return {
            **self._item(ticket),
            "unread": 0,
            # Sorting keeps the order of lines of one moment: what was written stands before what became of it.
            "history": sorted(lines, key=lambda line: line["at"]),
            "survey": {"rating": survey.rating, "solved": survey.solved} if survey is not None and rated else None,
        }

    def _told(self, event: Event, ticket: Ticket) -> dict[str, Any]:
        text_id = f"ticket.history.{event.kind}"
        if event.kind == "closed":
            text_id = f"ticket.history.closed.{event.new.get('close_ground', 'customer_confirmed')}"
        return {"at": rfc3339(event.at), "kind": "system", "text": self._texts.get(text_id, serial=ticket.serial)}

    async def customer_words(self, customer_id: str, serial: str, text: str) -> None:
        """Add words to a ticket; its people read them and answer. Raises IllegalMove when it has ended."""
        words = text.replace("\x00", "").strip()
        if not words:
            raise Invalid("text is empty", text_id="error.text_empty")
        if len(words) > MAX_WORDS:
            raise Invalid("text is too long", text_id="error.text_too_long")
        async with self._db.begin() as tx:
            ticket = await self._theirs(tx, customer_id, serial)
            if not (is_open(ticket.state) or ticket.state == State.RESOLVED):
                raise IllegalMove("words on an ended ticket", text_id="error.ticket_ended")
            await self._voice.hear(tx, ticket, words, self._clock.now())
            await self.customer_wrote(tx, ticket.id, words)
            ticket = await store.get(tx, ticket.id)
            if ticket.tier == 1:
                # Words on the ticket page have no bot to answer them.
                ticket = await self._to_person(tx, ticket, reason="words_on_ticket", actor=CUSTOMER)
            elif ticket.state == State.RESOLVED:
                # Whoever still has something to say is not silent.
                await self._expect_silence(tx, ticket)
                ticket = await self._change(tx, ticket, "customer_added", CUSTOMER)
            self._tell_assignee(tx, ticket)

    def _tell_assignee(self, tx: Tx, ticket: Ticket) -> None:
        if ticket.assignee_id is not None:
            topic, event = f"staff:{ticket.assignee_id}", {"type": "ticket", "serial": ticket.serial}
            tx.after_commit(lambda: self._notifier.publish(topic, event))

    async def customer_reopens(self, customer_id: str, serial: str, text: str) -> None:
        """The customer says that it is not over. Raises IllegalMove when it is open, or when it is too late."""
        async with self._db.begin() as tx:
            ticket = await self._theirs(tx, customer_id, serial)
            after(ticket.state, Move.REOPEN, Party.CUSTOMER, tier=ticket.tier)
            words = text.replace("\x00", "").strip()[:MAX_WORDS]
            if words and self._is_fresh(ticket):
                await self._voice.hear(tx, ticket, words, self._clock.now())
                await self.customer_wrote(tx, ticket.id, words)
                ticket = await store.get(tx, ticket.id)
            ticket = await self._reopen_by_customer(tx, ticket, words)
            await self._tell(tx, ticket, "ticket.told.reopened")

    async def customer_closes(self, customer_id: str, serial: str) -> None:
        """The customer says that it is solved. Harmless when it has ended already."""
        async with self._db.begin() as tx:
            await self._solved(tx, await self._theirs(tx, customer_id, serial))

    async def customer_rates(self, customer_id: str, serial: str, rating: int, solved: bool | None, text: str) -> None:
        """Answer the survey. The same answer again is harmless, another one replaces it."""
        async with self._db.begin() as tx:
            await self._rates(tx, await self._theirs(tx, customer_id, serial), rating, solved, text)

    async def _rates(
        self, tx: Tx, ticket: Ticket, rating: int, solved: bool | None, text: str, survey: Survey | None = None
    ) -> None:
        fresh = await self._rate(tx, ticket, rating, solved, text, survey)
        if fresh.reopened_count > ticket.reopened_count or (fresh.tier > 1 and ticket.tier == 1):
            await self._tell(tx, fresh, "ticket.told.unhappy")

    async def _tell(self, tx: Tx, ticket: Ticket, text_id: str) -> None:
        if ticket.conversation_id is not None:
            text = self._texts.get(text_id, serial=ticket.serial)
            await self._voice.say(tx, ticket, text, at=self._clock.now(), kind=Kind.NOTICE)

    # Pages by link.

    async def by_link(self, token: str) -> tuple[str, str]:
        """(customer id, serial) behind a ticket link. Raises NotFound for a link that ran out or never was."""
        async with self._db.read() as tx:
            ticket = await store.get(tx, self._read("ticket", token))
        return ticket.customer_id, ticket.serial

    def _read(self, purpose: str, token: str) -> str:
        try:
            return self._links.read_link(purpose, token)
        except Unauthorized as exc:
            raise NotFound("link") from exc

    async def survey_by_link(self, token: str) -> dict[str, Any]:
        """What the survey page shows. Raises NotFound."""
        async with self._db.read() as tx:
            survey, ticket = await self._survey(tx, token)
        answered = survey.answered_at is not None
        return {
            "serial": ticket.serial,
            "title": ticket.title,
            "resolved_at": rfc3339(ticket.resolved_at) if ticket.resolved_at else None,
            "survey": {"rating": survey.rating, "solved": survey.solved, "text": survey.text} if answered else None,
        }

    async def _survey(self, tx: Tx, token: str) -> tuple[Survey, Ticket]:
        survey = await surveys.get(tx, self._read("survey", token))
        if survey is None:
            raise NotFound("survey")
        return survey, await store.get(tx, survey.ticket_id)

    async def rate_by_link(self, token: str, rating: int, solved: bool, text: str) -> None:
        """Answer the survey on its page. Raises NotFound."""
        async with self._db.begin() as tx:
            survey, seen = await self._survey(tx, token)
            await self._rates(tx, await self._lock(tx, seen.id), rating, solved, text, survey)

    async def _theirs(self, tx: Tx, customer_id: str, serial: str) -> Ticket:
        ticket = await self._lock(tx, serial=serial)
        if ticket.customer_id != customer_id:
            raise NotFound("ticket")
        return ticket


__all__ = ["CustomerSide"]
