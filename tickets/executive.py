"""直接找负责人: the way to the head of the house, for a customer who was let down.

    entitled ──asks──▶ promised ──▶ answered       under the head's own name, on the customer's channel
                          └──late──▶ overdue       on the supervisor's list; the head still may answer

Entitled is who was not content once, whose promise was broken once, or who was refused a reopening. One sentence is
asked; an answer is promised within one working day. The head sees the whole matter on one page behind a personal
link, which opens only for the head: logged in, or with a code that was mailed there. Used, in time and answered are
counted from `executive_asked_at`, `executive_due_at`, `executive_answered_at` and the events of the same names.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from bot.types import Kind, Speaker
from core.calendar import after_open_seconds
from core.clock import rfc3339
from core.db import Tx
from core.errors import Forbidden, IllegalMove, Invalid, NotFound, RateLimited, Unauthorized
from core.ids import StaffId
from core.jobs import Handler, Job
from core.people.roles import Role
from core.people.store import OFFICE
from core.people.tables import staff
from tickets import guests, store, surveys
from tickets.guests import EXECUTIVE, Guest, Guests
from tickets.loop import notices
from tickets.loop.conclusion import local
from tickets.loop.experts import of_role
from tickets.loop.reach import News
from tickets.loop.tables import guests as guests_table
from tickets.parts import Kit, Part
from tickets.states import Move, Party, State, may
from tickets.store import CUSTOMER, SYSTEM, Actor, Ticket

if TYPE_CHECKING:
    from tickets.service import Tickets

JOB_DUE = "ticket.executive"
MAX_WISH = 500
MAX_ANSWER = 4_000
_LINK_DAYS = 30
# A working day as the office calendar has it, when that calendar is gone.
_WITHOUT_CALENDAR = timedelta(days=1)
_CODE_MINUTES = 15
_CODE_TRIES = 5
_CODE_PAUSE = timedelta(minutes=1)
_PASS_HOURS = 12
_REFUSED = "reopen_refused"
_OVERDUE = "next_step_overdue"


@dataclass(frozen=True, slots=True)
class Head:
    """Who answers."""

    staff_id: str
    name: str


class Executive(Part):
    """Asks, promises, proves and answers. Methods that name a token are one transaction each."""

    name = "executive"

    def __init__(self, kit: Kit, service: Tickets, seats: Guests) -> None:
        super().__init__(kit)
        self._service = service
        self._seats = seats

    def jobs(self) -> Mapping[str, Handler]:
        return {JOB_DUE: self._on_due}

    # The customer.

    async def head(self, tx: Tx) -> Head | None:
        """The named head, else the first who has the role; None when the house has named nobody."""
        query = select(staff.c.id, staff.c.display_name).where(staff.c.disabled_at.is_(None))
        named = self.kit.settings.executive
        if named:
            row = await tx.first(query.where(staff.c.name == named.lower()))
        else:
            found = await of_role(tx, Role.EXECUTIVE)
            row = await tx.first(query.where(staff.c.id == found[0])) if found else None
        return None if row is None else Head(row.id, row.display_name)

    async def is_entitled(self, tx: Tx, ticket: Ticket) -> bool:
        """Whether the customer of this ticket may ask the head now; nobody asks twice while an answer is owed."""
        if ticket.state == State.MERGED or await self.head(tx) is None:
            return False
        if ticket.executive_asked_at is not None:
            if ticket.executive_answered_at is None:
                return False
            last = await surveys.last_answered(tx, ticket.id)
            after = (
                last is not None and last.answered_at is not None and last.answered_at > ticket.executive_answered_at
            )
            return bool(last and last.is_unhappy and after)
        if (ticket.unhappy_count or 0) > 0 or ticket.sla_breached:
            return True
        return await _was_let_down(tx, ticket)

    async def state_of(self, tx: Tx, ticket: Ticket) -> dict[str, Any] | None:
        """What the customer's pages show; None while there is nothing to show."""
        allowed = await self.is_entitled(tx, ticket)
        if not allowed and ticket.executive_asked_at is None:
            return None
        name = None
        if ticket.executive_id:
            name = (await self.kit.people.names(tx, [ticket.executive_id])).get(ticket.executive_id)
        return {
            "allowed": allowed,
            "name": name,
            "asked_at": _time(ticket.executive_asked_at),
            "due_at": _time(ticket.executive_due_at),
            "answered_at": _time(ticket.executive_answered_at),
        }

    async def ask(self, tx: Tx, ticket: Ticket, text: str, *, heard: bool = False) -> Ticket:
        """Take the customer's sentence to the head and promise an answer. The caller holds the ticket's row.

        `heard`: the sentence stands in the conversation already. Raises IllegalMove for who is not entitled.
        """
        words = text.replace("\x00", "").strip()
        if not words:
            raise Invalid("text is empty", text_id="error.text_empty")
        if len(words) > MAX_WISH:
            raise Invalid("text is too long", text_id="error.text_too_long")
        head = await self.head(tx)
        if head is None or not await self.is_entitled(tx, ticket):
            raise IllegalMove("not entitled", text_id="error.executive_not_now")
        now = self.kit.clock.now()
        if not heard:
            await self.kit.voice.hear(tx, ticket, words, now)
        if may(ticket.state, Move.REOPEN, Party.CUSTOMER, tier=ticket.tier):
            ticket = await self._service.reopen_for_head(tx, ticket)
        due = await self._due(tx, now)
        ticket = await self.kit.change(
            tx,
            ticket,
            "executive_asked",
            CUSTOMER,
            text=words,
            executive_id=head.staff_id,
            executive_asked_at=now,
            executive_due_at=due,
            executive_answered_at=None,
            review_wanted=True,
            priority=1,
        )
        await self._invite(tx, ticket, head)
        await self.kit.jobs.put(tx, JOB_DUE, ticket.id, due)
        await self._promise(tx, ticket, head, due)
        return ticket

    async def _promise(self, tx: Tx, ticket: Ticket, head: Head, due: datetime) -> None:
        if ticket.conversation_id is None:
            return
        when = local(due, self._service.zone)
        text = self.kit.texts.get("loop.executive.promised", name=head.name, when=when, serial=ticket.serial)
        await self.kit.voice.say(tx, ticket, text, at=self.kit.clock.now(), kind=Kind.NOTICE)

    async def _due(self, tx: Tx, now: datetime) -> datetime:
        """One working day from now by the office's calendar."""
        row = await self.kit.people.calendar(tx, OFFICE)
        if row is None:
            return now + _WITHOUT_CALENDAR
        calendar = row.parsed()
        day_s = max((sum(each.end - each.start for each in hours) * 60 for hours in calendar.hours.values()), default=0)
        return after_open_seconds(calendar, now, day_s) or now + _WITHOUT_CALENDAR

    async def _invite(self, tx: Tx, ticket: Ticket, head: Head) -> None:
        """The head's own page of this ticket, and a word to those who should know."""
        known = [
            each
            for each in await guests.of_ticket(tx, ticket.id)
            if each.kind == EXECUTIVE and each.staff_id == head.staff_id and each.revoked_at is None
        ]
        seat = known[-1] if known else None
        if seat is None or seat.expires_at <= self.kit.clock.now():
            seat = await self._seats.let_in(
                tx,
                ticket,
                kind=EXECUTIVE,
                name=head.name,
                organisation=self.kit.texts.get("loop.executive.title"),
                email=self.kit.settings.executive_email or None,
                may_answer=True,
                by=Speaker(StaffId("system"), self.kit.texts.get("ticket.actor.customer")),
                days=_LINK_DAYS,
                staff_id=head.staff_id,
            )
        if seat.email and notices.enabled(self.kit.settings, notices.MAIL):
            await notices.put(
                tx,
                ticket.id,
                kind="executive",
                hook=notices.MAIL,
                recipient=seat.email,
                subject=self.kit.texts.get("loop.subject.executive", serial=ticket.serial),
                text=self.kit.texts.get("loop.mail.executive", name=head.name, url=self._seats.url(seat)),
                now=self.kit.clock.now(),
            )
        event = {"type": "due", "serial": ticket.serial}
        for staff_id in {head.staff_id, *await of_role(tx, Role.SUPERVISOR)}:
            topic = f"staff:{staff_id}"
            tx.after_commit(lambda topic=topic: self.kit.notifier.publish(topic, event))  # type: ignore[misc]  # the default binds the loop's value

    async def _on_due(self, tx: Tx, job: Job) -> None:
        """The promised time has come without an answer."""
        ticket = await self.kit.lock(tx, job.key)
        due = ticket.executive_due_at
        if due is None or ticket.executive_answered_at is not None or due > self.kit.clock.now():
            return
        await self.kit.change(tx, ticket, "executive_overdue", SYSTEM, review_wanted=True)

    # The head.

    async def page(self, token: str, proof: str) -> dict[str, Any]:
        """The whole matter, or what is needed to prove who asks for it. Raises NotFound."""
        async with self.kit.db.begin() as tx:
            seat = await self._seats.behind(tx, token)
            if seat.kind != EXECUTIVE:
                raise NotFound("link")
            if not self._is_proven(seat, proof):
                return {"kind": EXECUTIVE, "locked": True, "name": seat.name, "by_code": self._can_mail(seat)}
            view = await self._seats.view_of(tx, seat)
            ticket = await store.get(tx, seat.ticket_id)
            return {**view, "locked": False, "asked": await self._asked(tx, ticket), **_times(ticket)}

    async def _asked(self, tx: Tx, ticket: Ticket) -> str:
        said = [each.text for each in await store.events_of(tx, ticket.id) if each.kind == "executive_asked"]
        return said[-1] or "" if said else ""

    def _can_mail(self, seat: Guest) -> bool:
        return bool(seat.email) and notices.enabled(self.kit.settings, notices.MAIL)

    async def send_code(self, token: str) -> None:
        """Mail a code that works once, for a few minutes. Raises Forbidden where there is no mail, RateLimited."""
        async with self.kit.db.begin() as tx:
            seat = await self._seats.behind(tx, token)
            if seat.kind != EXECUTIVE or not self._can_mail(seat) or seat.email is None:
                raise Forbidden("no mail", text_id="error.executive_log_in")
            now, until = self.kit.clock.now(), timedelta(minutes=_CODE_MINUTES)
            if seat.code_until is not None and now < seat.code_until - until + _CODE_PAUSE:
                raise RateLimited(_CODE_PAUSE.total_seconds())
            code = f"{secrets.randbelow(1_000_000):06d}"
            await tx.execute(
                update(guests_table)
                .where(guests_table.c.id == seat.id)
                .values(code_hash=_hash(seat.id, code), code_until=now + until, code_tries=0)
            )
            await notices.put(
                tx,
                seat.ticket_id,
                kind="code",
                hook=notices.MAIL,
                recipient=seat.email,
                subject=self.kit.texts.get("loop.subject.code"),
                text=self.kit.texts.get("loop.mail.code", code=code, minutes=_CODE_MINUTES),
                now=now,
            )

    async def prove(self, token: str, *, code: str = "", staff_id: str | None = None) -> str:
        """A pass for some hours, for who is logged in as the head or knows the code. Raises Unauthorized.

        A wrong code counts; after a few the code is void.
        """
        async with self.kit.db.begin() as tx:
            seat = await self._seats.behind(tx, token)
            good = seat.kind == EXECUTIVE and await self._is_good(tx, seat, code, staff_id)
        if not good:
            raise Unauthorized("not the head", text_id="error.executive_not_proven")
        ends = self.kit.clock.now() + timedelta(hours=_PASS_HOURS)
        return self.kit.links.link("guest-pass", f"{seat.id}~{int(ends.timestamp())}")

    async def _is_good(self, tx: Tx, seat: Guest, code: str, staff_id: str | None) -> bool:
        if staff_id is not None and staff_id == seat.staff_id:
            return True
        if not code or seat.code_hash is None or seat.code_until is None or seat.code_until < self.kit.clock.now():
            return False
        same = hmac.compare_digest(seat.code_hash, _hash(seat.id, code.strip()))
        void = same or seat.code_tries + 1 >= _CODE_TRIES
        await tx.execute(
            update(guests_table)
            .where(guests_table.c.id == seat.id)
            .values(code_tries=seat.code_tries + 1, code_hash=None if void else seat.code_hash)
        )
        return same

    def _is_proven(self, seat: Guest, proof: str) -> bool:
        try:
            seat_id, _, ends = self.kit.links.read_link("guest-pass", proof).partition("~")
        except Unauthorized:
            return False
        return seat_id == seat.id and int(ends) > self.kit.clock.now().timestamp()

    async def answer(self, token: str, proof: str, text: str) -> None:
        """The head's answer goes to the customer under the head's name. Raises Unauthorized, NotFound, Invalid."""
        words = text.replace("\x00", "").strip()
        if not words:
            raise Invalid("text is empty", text_id="error.text_empty")
        if len(words) > MAX_ANSWER:
            raise Invalid("text is too long", text_id="error.text_too_long")
        async with self.kit.db.begin() as tx:
            seat = await self._seats.behind(tx, token)
            if seat.kind != EXECUTIVE or not self._is_proven(seat, proof):
                raise Unauthorized("not the head", text_id="error.executive_not_proven")
            ticket = await self.kit.lock(tx, seat.ticket_id)
            by = Speaker(StaffId(seat.staff_id or seat.id), seat.title[:64])
            ticket = await self.kit.change(
                tx,
                ticket,
                "executive_answered",
                Actor(by.staff_id, seat.name),
                text=words,
                executive_answered_at=ticket.executive_answered_at or self.kit.clock.now(),
            )
            await self.kit.jobs.cancel(tx, JOB_DUE, ticket.id)
            # What was merged meanwhile goes on in another ticket, and there the customer reads.
            while ticket.merged_into is not None:
                ticket = await self.kit.lock(tx, ticket.merged_into)
            await self._service.carry_answer(tx, ticket, self._news(ticket, words, by))

    def _news(self, ticket: Ticket, words: str, by: Speaker) -> News:
        url = self._service.ticket_link(ticket.id)
        return News(
            "answer",
            words,
            self.kit.texts.get("loop.sms.answer", who=by.name, serial=ticket.serial, url=url),
            self.kit.texts.get("loop.subject.answer", who=by.name, serial=ticket.serial),
            by=by,
        )

    # Staff.

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> Any:
        if ticket.executive_asked_at is None:
            return None
        names = await self.kit.people.names(tx, [ticket.executive_id] if ticket.executive_id else [])
        late = ticket.executive_answered_at or self.kit.clock.now()
        return {
            "name": names.get(ticket.executive_id or ""),
            "asked": await self._asked(tx, ticket),
            "overdue": ticket.executive_due_at is not None and late > ticket.executive_due_at,
            **_times(ticket),
        }


async def _was_let_down(tx: Tx, ticket: Ticket) -> bool:
    """Whether a reopening was refused, or a step passed its time that the customer had been told of."""
    if await store.last_event(tx, ticket.id, (_REFUSED, _OVERDUE)) is None:
        return False
    told = False
    for event in await store.events_of(tx, ticket.id):
        told = bool(event.new.get("next_step_told", told))
        if event.kind == _REFUSED or (event.kind == _OVERDUE and told):
            return True
    return False


def _times(ticket: Ticket) -> dict[str, str | None]:
    return {
        "asked_at": _time(ticket.executive_asked_at),
        "due_at": _time(ticket.executive_due_at),
        "answered_at": _time(ticket.executive_answered_at),
    }


def _hash(seat_id: str, code: str) -> str:
    return hashlib.sha256(f"{seat_id}:{code}".encode()).hexdigest()


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


__all__ = ["JOB_DUE", "Executive", "Head"]
