"""What customers see of their tickets, and what they may do: 我的工单, the page behind a link, the survey.

States go out as codes; the pages have the words. Notes, next steps and summaries are staff's words and never do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from bot.intake import attachment
from bot.store import episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, Kind, TicketRef
from core.clock import rfc3339
from core.db import Tx
from core.errors import IllegalMove, Invalid, NotFound, Unauthorized
from core.ids import CustomerId, TicketId
from core.tables import files
from tickets import fields, store, surveys
from tickets.base import About, ref_of
from tickets.book import Book
from tickets.loop.reach import Carried, News
from tickets.states import Move, Party, State, after, is_open
from tickets.store import CUSTOMER, SYSTEM, Event, Ticket
from tickets.surveys import Survey
from tickets.tables import tickets

if TYPE_CHECKING:
    from tickets.executive import Executive

MAX_WORDS = 4_000
_LIST = 50
# Steps of the history that concern the customer; the rest is how we work.
_TOLD = {"opened", "confirmed", "escalated", "handed_over", "reopened", "closed", "self_solved", "merged"}
_KINDS = {Author.CUSTOMER: "customer", Author.BOT: "bot", Author.AGENT: "agent", Author.SYSTEM: "system"}


class CustomerSide(Book):
    """Every method names the customer; somebody else's ticket is not found."""

    top: Executive
    """The way to the head of the house; set when all parts are there."""

    async def customer_state(self, tx: Tx, conversation: Conversation) -> About:
        """What the chat shows about tickets."""
        rows = await tx.all(
            select(
                tickets.c.id,
                tickets.c.serial,
                tickets.c.state,
                tickets.c.tier,
                tickets.c.customer_unread,
                tickets.c.unhappy_count,
                tickets.c.sla_breached,
                tickets.c.executive_asked_at,
            )
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
        # The chat looks at columns only, many times a minute; the ticket's page knows the rarer grounds too.
        down = next((row for row in rows if row.unhappy_count or row.sla_breached), None)
        head = down is not None and down.executive_asked_at is None and await self.top.head(tx) is not None
        unread = sum(1 for row in rows if row.customer_unread > 0)
        return About(serial, survey, unread, down.serial if down is not None and head else None)

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
        if self._is_promised(ticket):
            assert ticket.next_step_at is not None
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
        await self._seen(tx, ticket)
        lines = [self._told(event, ticket) for event in await store.events_of(tx, ticket.id) if event.kind in _TOLD]
        for message in await messages.of_ticket(tx, ticket.id):
            if message.seq is not None and message.kind is not Kind.NOTE:
                kind = "system" if message.kind is Kind.NOTICE else _KINDS[message.author]
                line: dict[str, Any] = {"at": rfc3339(message.at), "kind": kind, "text": message.text}
                if message.author is Author.AGENT and message.staff_name:
                    line["name"] = message.staff_name
                if message.payload.get("attachment"):
                    line["attachment"] = message.payload["attachment"]
                lines.append(line)
        survey = await self._standing(tx, ticket)
        rated = survey is not None and survey.answered_at is not None
        return {
            **self._item(ticket),
            "unread": 0,
            "promised_at": rfc3339(ticket.next_step_at)
            if ticket.next_step_at is not None and self._is_promised(ticket)
            else None,
            # Sorting keeps the order of lines of one moment: what was written stands before what became of it.
            "history": sorted(lines, key=lambda line: line["at"]),
            "survey": {"rating": survey.rating, "solved": survey.solved, "recommend": survey.recommend}
            if survey is not None and rated
            else None,
            "executive": await self.top.state_of(tx, ticket),
            # An admin's fields, where the admin lets customers see them.
            "fields": fields.told(await self._custom(tx), ticket.category_id, ticket.fields),
        }

    async def _seen(self, tx: Tx, ticket: Ticket) -> None:
        """The customer is here: nothing is unread, and later news may be told of again."""
        if ticket.customer_unread:
            await store.note(tx, ticket.id, customer_unread=0)
            await self._voice.refresh(tx, ticket)
        told = (tickets.c.customer_id == ticket.customer_id, tickets.c.told_at.is_not(None))
        await tx.execute(update(tickets).where(*told).values(told_at=None))

    def _is_promised(self, ticket: Ticket) -> bool:
        """Whether the customer was told when they hear from us; a step of our own work is none of their business."""
        at = ticket.next_step_at
        working = ticket.state in (State.NEW, State.IN_PROGRESS)
        return working and bool(ticket.next_step_told) and at is not None and at > self._clock.now()

    def _told(self, event: Event, ticket: Ticket) -> dict[str, Any]:
        text_id = f"ticket.history.{event.kind}"
        if event.kind == "closed":
            text_id = f"ticket.history.closed.{event.new.get('close_ground', 'customer_confirmed')}"
        return {"at": rfc3339(event.at), "kind": "system", "text": self._texts.get(text_id, serial=ticket.serial)}

    async def customer_words(self, customer_id: str, serial: str, text: str, attachment_id: str | None = None) -> None:
        """Add words, or a file of their own, to a ticket; its people read it and answer.

        Raises IllegalMove when the ticket has ended, NotFound for somebody else's file.
        """
        words = text.replace("\x00", "").strip()
        if not words and attachment_id is None:
            raise Invalid("text is empty", text_id="error.text_empty")
        if len(words) > MAX_WORDS:
            raise Invalid("text is too long", text_id="error.text_too_long")
        async with self._db.begin() as tx:
            ticket = await self._theirs(tx, customer_id, serial)
            if not (is_open(ticket.state) or ticket.state == State.RESOLVED):
                raise IllegalMove("words on an ended ticket", text_id="error.ticket_ended")
            if attachment_id is not None:
                file = await self._own_file(tx, customer_id, attachment_id)
                await self._voice.hear(tx, ticket, file["name"], self._clock.now(), file=file)
            if words:
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

    async def _own_file(self, tx: Tx, customer_id: str, file_id: str) -> dict[str, Any]:
        owner = await tx.scalar(select(files.c.owner).where(files.c.id == file_id))
        if owner != customer_id:
            raise NotFound("file")
        return await attachment(tx, file_id)

    async def may_see_file(self, customer_id: str, serial: str, file_id: str) -> bool:
        """Whether a file stands in what the customer sees of their ticket."""
        async with self._db.read() as tx:
            ticket = await store.by_serial(tx, serial)
            said = await messages.of_ticket(tx, ticket.id) if ticket.customer_id == customer_id else []
        return any(each.file_id == file_id and each.seq is not None for each in said)

    def _tell_assignee(self, tx: Tx, ticket: Ticket) -> None:
        if ticket.assignee_id is not None:
            topic, event = f"staff:{ticket.assignee_id}", {"type": "ticket", "serial": ticket.serial}
            tx.after_commit(lambda: self._notifier.publish(topic, event))

    async def customer_reopens(self, customer_id: str, serial: str, text: str) -> None:
        """The customer says that it is not over. Raises IllegalMove when it is open, or when it is too late; that it
        was refused is remembered, since it opens the way to the head of the house."""
        try:
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
        except IllegalMove:
            async with self._db.begin() as tx:
                ticket = await self._theirs(tx, customer_id, serial)
                late = ticket.state in (State.RESOLVED, State.CLOSED) and ticket.tier > 1
                known = await store.last_event(tx, ticket.id, ("reopened", "reopen_refused"))
                if late and known != "reopen_refused":
                    await self._change(tx, ticket, "reopen_refused", SYSTEM)
            raise

    async def customer_closes(self, customer_id: str, serial: str) -> None:
        """The customer says that it is solved. Harmless when it has ended already."""
        async with self._db.begin() as tx:
            await self._solved(tx, await self._theirs(tx, customer_id, serial))

    async def customer_rates(
        self,
        customer_id: str,
        serial: str,
        rating: int,
        solved: bool | None,
        text: str,
        *,
        recommend: int | None = None,
    ) -> None:
        """Answer the survey. The same answer again is harmless, another one replaces it."""
        async with self._db.begin() as tx:
            await self._rates(
                tx, await self._theirs(tx, customer_id, serial), rating, solved, text, recommend=recommend
            )

    async def _rates(
        self,
        tx: Tx,
        ticket: Ticket,
        rating: int,
        solved: bool | None,
        text: str,
        survey: Survey | None = None,
        *,
        recommend: int | None = None,
    ) -> None:
        fresh = await self._rate(tx, ticket, rating, solved, text, survey, recommend=recommend)
        if fresh.reopened_count > ticket.reopened_count or (fresh.tier > 1 and ticket.tier == 1):
            again = (fresh.unhappy_count or 0) > 1
            await self._tell(tx, fresh, "loop.told.unhappy_again" if again else "ticket.told.unhappy")

    # 直接找负责人.

    async def customer_asks_head(self, customer_id: str, serial: str, text: str) -> dict[str, Any] | None:
        """One sentence for the head of the house: the promise. Raises IllegalMove for who is not entitled."""
        async with self._db.begin() as tx:
            ticket = await self.top.ask(tx, await self._theirs(tx, customer_id, serial), text)
            return await self.top.state_of(tx, ticket)

    async def way_to_top(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        """The customer's latest ticket that entitles them to ask the head, or None."""
        for each in await store.of_customer(tx, customer_id, _LIST):
            if await self.top.is_entitled(tx, each):
                return ref_of(each)
        return None

    async def customer_said(self, tx: Tx, ticket_id: TicketId, what: str, *, text: str = "") -> TicketRef:
        """The customer's word, as in `Book`; `executive`: one sentence for the head, said in the conversation."""
        if what != "executive":
            return await super().customer_said(tx, ticket_id, what, text=text)
        return ref_of(await self.top.ask(tx, await self._lock(tx, ticket_id), text, heard=True))

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of what customers read."""
        return self._zone

    async def reopen_for_head(self, tx: Tx, ticket: Ticket) -> Ticket:
        """Open an ended ticket for the head's answer, within the time for it; a later one stays as it is."""
        return await self._reopen(tx, ticket, "reopened", CUSTOMER) if self._is_fresh(ticket) else ticket

    async def carry_answer(self, tx: Tx, ticket: Ticket, news: News) -> Carried | None:
        """Send the head's answer on the way that reaches the customer."""
        carried = await self._carry(tx, ticket, news)
        await self._mark_unread(tx, await store.get(tx, ticket.id))
        return carried

    async def _tell(self, tx: Tx, ticket: Ticket, text_id: str) -> None:
        if ticket.conversation_id is not None:
            text = self._texts.get(text_id, serial=ticket.serial)
            await self._voice.say(tx, ticket, text, at=self._clock.now(), kind=Kind.NOTICE)

    # Pages by link.

    async def mine_by_link(self, token: str) -> list[dict[str, Any]]:
        """All tickets of the customer behind a link, each with the address of its page. Raises NotFound."""
        async with self._db.read() as tx:
            customer_id = self._read("mine", token)
            found = await store.of_customer(tx, customer_id, _LIST)
            if not found:
                raise NotFound("customer")
        return [{**self._item(each), "url": self.ticket_link(each.id)} for each in found if each.state != State.MERGED]

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
            "solution": ticket.solution,
            "resolved_at": rfc3339(ticket.resolved_at) if ticket.resolved_at else None,
            "url": self.ticket_link(ticket.id),
            "survey": {
                "rating": survey.rating,
                "solved": survey.solved,
                "text": survey.text,
                "recommend": survey.recommend,
            }
            if answered
            else None,
        }

    async def _survey(self, tx: Tx, token: str) -> tuple[Survey, Ticket]:
        survey = await surveys.get(tx, self._read("survey", token))
        if survey is None:
            raise NotFound("survey")
        return survey, await store.get(tx, survey.ticket_id)

    async def rate_by_link(
        self, token: str, rating: int, solved: bool, text: str, *, recommend: int | None = None
    ) -> None:
        """Answer the survey on its page. Raises NotFound."""
        async with self._db.begin() as tx:
            survey, seen = await self._survey(tx, token)
            await self._rates(tx, await self._lock(tx, seen.id), rating, solved, text, survey, recommend=recommend)

    async def _theirs(self, tx: Tx, customer_id: str, serial: str) -> Ticket:
        ticket = await self._lock(tx, serial=serial)
        if ticket.customer_id != customer_id:
            raise NotFound("ticket")
        return ticket


__all__ = ["CustomerSide"]
