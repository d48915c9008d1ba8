"""Guests: somebody without a desk who is let into one ticket by a link: a colleague, a partner, the head of the house.

    invited ──opens──▶ there ──▶ revoked, or the time is over

The link names the guest and is signed; whether it still opens anything is decided by the row at each call. What a
guest says goes to the ticket's people and, where that was allowed at the invitation, to the customer. Every act
stands in the history. The head's link opens nothing until the head has proven to be it (`executive.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, insert, select, update

from bot.types import Speaker
from core.clock import rfc3339
from core.db import Tx
from core.errors import Forbidden, IllegalMove, Invalid, NotFound, Unauthorized
from core.ids import StaffId, new_id
from core.masking import mask_email, mask_text
from tickets import store
from tickets.loop import notices
from tickets.loop.matter import matter
from tickets.loop.tables import guest_words, guests
from tickets.parts import Kit, Part
from tickets.states import State, is_open
from tickets.store import Actor, Ticket

GUEST, EXECUTIVE = "guest", "executive"
# The signature of a link holds for sixty days, so no guest stays longer.
DAYS = range(1, 61)
MAX_WORDS = 4_000
_MOST = 30
# A look at the page within this time is the same visit.
_VISIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Guest:
    """One invitation."""

    id: str
    ticket_id: str
    kind: str
    name: str
    organisation: str
    email: str | None
    may_answer: bool
    staff_id: str | None
    invited_by: str
    invited_name: str | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    seen_at: datetime | None
    code_hash: str | None
    code_until: datetime | None
    code_tries: int
    demo: bool

    @property
    def title(self) -> str:
        """Name and organisation, as everybody reads them."""
        return f"{self.name}({self.organisation})" if self.organisation else self.name


class Guests(Part):
    """Invites, lets in, and passes words on. Methods that name a serial or a token are one transaction each."""

    name = "guests"

    def __init__(self, kit: Kit, unread: Callable[[Tx, Ticket], Awaitable[None]]) -> None:
        super().__init__(kit)
        self._unread = unread

    # Staff.

    async def invite(
        self,
        serial: str,
        by: Speaker,
        *,
        name: str,
        organisation: str,
        text: str = "",
        email: str | None = None,
        may_answer: bool = False,
        days: int = 7,
    ) -> dict[str, Any]:
        """Let somebody into this ticket for some days; the view holds the link. Raises Invalid, IllegalMove."""
        name, organisation = name.strip(), organisation.strip()
        if not name or not organisation:
            raise Invalid("name and organisation", text_id="error.guest_name")
        if days not in DAYS:
            raise Invalid("days")
        async with self.kit.db.begin() as tx:
            ticket = await self.kit.lock(tx, serial=serial)
            if ticket.state == State.MERGED:
                raise IllegalMove("merged", text_id="error.illegal_move")
            if len(await of_ticket(tx, ticket.id)) >= _MOST:
                raise IllegalMove("too many guests", text_id="error.guests_full")
            guest = await self.let_in(
                tx,
                ticket,
                kind=GUEST,
                name=name[:64],
                organisation=organisation[:80],
                email=email,
                may_answer=may_answer,
                by=by,
                days=days,
            )
            if text.strip():
                await self._write(tx, guest, author="staff", name=by.name, text=text)
            said = self.kit.texts.get("loop.guest.may_answer" if may_answer else "loop.guest.may_read", who=guest.title)
            ticket = await self.kit.change(tx, ticket, "guest_invited", Actor(by.staff_id, by.name), text=said)
            if email and notices.enabled(self.kit.settings, notices.MAIL):
                await notices.put(
                    tx,
                    ticket.id,
                    kind="guest",
                    hook=notices.MAIL,
                    recipient=email,
                    subject=self.kit.texts.get("loop.subject.guest", serial=ticket.serial),
                    text=self.kit.texts.get(
                        "loop.mail.guest", name=guest.name, who=by.name, serial=ticket.serial, url=self.url(guest)
                    ),
                    now=self.kit.clock.now(),
                )
            return await self._view(tx, guest, linked=True)

    async def let_in(
        self,
        tx: Tx,
        ticket: Ticket,
        *,
        kind: str,
        name: str,
        organisation: str,
        email: str | None,
        may_answer: bool,
        by: Speaker,
        days: int,
        staff_id: str | None = None,
    ) -> Guest:
        """Write the invitation only; the caller tells the history."""
        now, guest_id = self.kit.clock.now(), new_id("gst")
        await tx.execute(
            insert(guests).values(
                id=guest_id,
                ticket_id=ticket.id,
                kind=kind,
                name=name,
                organisation=organisation,
                email=email,
                may_answer=may_answer,
                staff_id=staff_id,
                invited_by=by.staff_id,
                invited_name=by.name,
                created_at=now,
                expires_at=now + timedelta(days=days),
                code_tries=0,
                demo=ticket.demo,
            )
        )
        return await get(tx, guest_id)

    async def revoke(self, serial: str, guest_id: str, by: Speaker) -> None:
        """Close the link at once; twice is harmless. Raises NotFound for a guest of another ticket."""
        async with self.kit.db.begin() as tx:
            ticket, guest = await self._of(tx, serial, guest_id)
            if guest.revoked_at is not None:
                return
            await tx.execute(update(guests).where(guests.c.id == guest.id).values(revoked_at=self.kit.clock.now()))
            await self.kit.change(tx, ticket, "guest_revoked", Actor(by.staff_id, by.name), text=guest.title)

    async def tell(self, serial: str, guest_id: str, by: Speaker, text: str) -> None:
        """Words of the ticket's people to a guest."""
        async with self.kit.db.begin() as tx:
            ticket, guest = await self._of(tx, serial, guest_id)
            if not self._is_in(guest):
                raise IllegalMove("guest is gone", text_id="error.guest_gone")
            await self._write(tx, guest, author="staff", name=by.name, text=text)
            said = self.kit.texts.get("loop.guest.told", who=guest.title, text=text.strip())
            await self.kit.change(tx, ticket, "guest_told", Actor(by.staff_id, by.name), text=said)

    async def _of(self, tx: Tx, serial: str, guest_id: str) -> tuple[Ticket, Guest]:
        ticket = await self.kit.lock(tx, serial=serial)
        guest = await get(tx, guest_id)
        if guest.ticket_id != ticket.id:
            raise NotFound("guest")
        return ticket, guest

    async def guests_of(self, serial: str, permissions: Collection[str]) -> list[dict[str, Any]]:
        """All guests of a ticket with what was said, the oldest first."""
        async with self.kit.db.read() as tx:
            return await self.shown(tx, await store.by_serial(tx, serial), permissions)

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> list[dict[str, Any]]:
        views = []
        for guest in await of_ticket(tx, ticket.id):
            # The head's link is passed on by supervisors only; by itself it opens nothing.
            need = "ticket.review" if guest.kind == EXECUTIVE else "ticket.write"
            views.append(await self._view(tx, guest, linked=need in permissions))
        return views

    async def _view(self, tx: Tx, guest: Guest, *, linked: bool) -> dict[str, Any]:
        return {
            "id": guest.id,
            "kind": guest.kind,
            "name": guest.name,
            "organisation": guest.organisation,
            "email": mask_email(guest.email),
            "may_answer": guest.may_answer,
            "invited_by": guest.invited_name,
            "created_at": rfc3339(guest.created_at),
            "expires_at": rfc3339(guest.expires_at),
            "revoked_at": rfc3339(guest.revoked_at) if guest.revoked_at else None,
            "seen_at": rfc3339(guest.seen_at) if guest.seen_at else None,
            "open": self._is_in(guest),
            "url": self.url(guest) if linked and self._is_in(guest) else None,
            "words": await self._words(tx, guest, mine="staff"),
        }

    def url(self, guest: Guest) -> str:
        """The guest's page."""
        return f"{self.kit.settings.base_url}/g/{self.kit.links.link('guest', guest.id)}"

    # The guest.

    async def behind(self, tx: Tx, token: str) -> Guest:
        """The guest behind a link that is still good. Raises NotFound."""
        try:
            guest = await get(tx, self.kit.links.read_link("guest", token))
        except Unauthorized as exc:
            raise NotFound("link") from exc
        if not self._is_in(guest):
            raise NotFound("guest is gone", text_id="error.guest_gone")
        return guest

    def _is_in(self, guest: Guest) -> bool:
        return guest.revoked_at is None and guest.expires_at > self.kit.clock.now()

    async def page(self, token: str) -> dict[str, Any]:
        """What the guest sees: the matter, masked, and the talk with its people. Raises NotFound, Forbidden."""
        async with self.kit.db.begin() as tx:
            guest = await self.behind(tx, token)
            if guest.kind != GUEST:
                raise Forbidden("not proven")
            return await self.view_of(tx, guest)

    async def view_of(self, tx: Tx, guest: Guest) -> dict[str, Any]:
        """The page of a guest who may see it; the first look of a visit stands in the history."""
        now = self.kit.clock.now()
        ticket = await store.get(tx, guest.ticket_id)
        if guest.seen_at is None or now - guest.seen_at > _VISIT:
            ticket = await self.kit.lock(tx, guest.ticket_id)
            await tx.execute(update(guests).where(guests.c.id == guest.id).values(seen_at=now))
            ticket = await self.kit.change(tx, ticket, "guest_seen", self.actor(guest))
        whole = guest.kind == EXECUTIVE
        return {
            "kind": guest.kind,
            "name": guest.name,
            "organisation": guest.organisation,
            "invited_by": guest.invited_name,
            "expires_at": rfc3339(guest.expires_at),
            "may_answer": guest.may_answer and self._hears(ticket),
            "matter": await matter(tx, ticket, self.kit.texts, whole=whole),
            "words": await self._words(tx, guest, mine="guest"),
        }

    async def says(self, token: str, text: str, *, to_customer: bool) -> None:
        """Words of a guest, to the ticket's people or, where that is allowed, to the customer."""
        async with self.kit.db.begin() as tx:
            guest = await self.behind(tx, token)
            if guest.kind != GUEST:
                raise Forbidden("not proven")
            if to_customer and not guest.may_answer:
                raise Forbidden("guest may not answer")
            ticket = await self.kit.lock(tx, guest.ticket_id)
            await self._write(tx, guest, author="guest", name=guest.title, text=text, to_customer=to_customer)
            if to_customer:
                if not self._hears(ticket):
                    raise IllegalMove("cannot be answered", text_id="error.illegal_move")
                by = Speaker(StaffId(guest.id), guest.title[:64])
                await self.kit.voice.say(tx, ticket, text.strip(), at=self.kit.clock.now(), by=by)
                await self._unread(tx, ticket)
                ticket = await store.get(tx, ticket.id)
            kind = "guest_answered" if to_customer else "guest_said"
            ticket = await self.kit.change(tx, ticket, kind, self.actor(guest), text=text.strip())
            self._tell_people(tx, ticket, guest)

    def actor(self, guest: Guest) -> Actor:
        """The guest as the history names them."""
        return Actor(f"guest:{guest.id}", guest.title[:64])

    def _hears(self, ticket: Ticket) -> bool:
        return ticket.conversation_id is not None and (is_open(ticket.state) or ticket.state == State.RESOLVED)

    def _tell_people(self, tx: Tx, ticket: Ticket, guest: Guest) -> None:
        event = {"type": "ticket", "serial": ticket.serial}
        for staff_id in {ticket.assignee_id, guest.invited_by} - {None}:
            topic = f"staff:{staff_id}"
            tx.after_commit(lambda topic=topic: self.kit.notifier.publish(topic, event))  # type: ignore[misc]  # the default binds the loop's value

    async def _write(
        self, tx: Tx, guest: Guest, *, author: str, name: str, text: str, to_customer: bool = False
    ) -> None:
        words = text.replace("\x00", "").strip()
        if not words:
            raise Invalid("text is empty", text_id="error.text_empty")
        if len(words) > MAX_WORDS:
            raise Invalid("text is too long", text_id="error.text_too_long")
        await tx.execute(
            insert(guest_words).values(
                id=new_id("gwd"),
                guest_id=guest.id,
                ticket_id=guest.ticket_id,
                author=author,
                name=name[:160],
                text=words,
                to_customer=to_customer,
                at=self.kit.clock.now(),
            )
        )

    async def _words(self, tx: Tx, guest: Guest, *, mine: str) -> list[dict[str, Any]]:
        rows = await tx.all(
            select(guest_words).where(guest_words.c.guest_id == guest.id).order_by(guest_words.c.at, guest_words.c.id)
        )
        return [
            {
                "id": row.id,
                "at": rfc3339(row.at),
                "mine": row.author == mine,
                "name": row.name,
                "text": mask_text(row.text),
                "to_customer": row.to_customer,
            }
            for row in rows
        ]


async def get(tx: Tx, guest_id: str) -> Guest:
    """One guest. Raises NotFound."""
    row = await tx.first(select(guests).where(guests.c.id == guest_id))
    if row is None:
        raise NotFound("guest")
    return _value(row)


async def of_ticket(tx: Tx, ticket_id: str) -> list[Guest]:
    """All guests of a ticket, the oldest first."""
    rows = await tx.all(
        select(guests).where(guests.c.ticket_id == ticket_id).order_by(guests.c.created_at, guests.c.id)
    )
    return [_value(row) for row in rows]


def _value(row: Row[Any]) -> Guest:
    return Guest(**row._mapping)


__all__ = ["EXECUTIVE", "GUEST", "Guest", "Guests", "get", "of_ticket"]
