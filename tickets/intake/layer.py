"""How matters come in beside chat: written down by an agent, sent by a page or a program, read from a sheet.

Each gets a conversation of its own, so that whatever is answered stands on the page behind its link, and the
customer can write there; it never appears in a chat that somebody has elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import update

from bot.intake import attachment
from bot.signals import tell_message
from bot.store import conversations, customers, messages
from bot.store.conversations import Conversation
from bot.types import Author, Kind, Speaker
from core.db import Tx
from core.errors import Invalid, NotFound
from core.ids import TicketId, new_id
from core.people.store import DEFAULT_TEAM
from core.tables import files
from tickets import attachments, fields, store
from tickets.base import actor_of
from tickets.book import title_of
from tickets.intake import keys, people
from tickets.intake.told import Person, Told, checked, columns
from tickets.store import CUSTOMER, UNSORTED, Actor, Ticket
from tickets.work import PRIORITIES, Work

_SUGGESTION = "advice/feature"
_MAX_TITLE = 200
_MAX_WORDS = 4_000
_IMPORTER = Actor("system")


class Intake(Work):
    """The ways in beside chat."""

    async def create(
        self,
        by: Speaker,
        *,
        channel_id: str,
        title: str,
        description: str = "",
        channel_kind: str = "phone",
        category_id: str | None = None,
        team_id: str | None = None,
        priority: int = 3,
        customer_name: str | None = None,
        phone: str | None = None,
        email: str | None = None,
        customer_id: str | None = None,
        told: Told | None = None,
        take: bool = False,
        demo: bool = False,
    ) -> Ticket:
        """A ticket by hand, for somebody who spoke or wrote elsewhere. A customer is made unless one was found.

        Screenshots stay beside the ticket, for staff: they often show others too. `take` confirms it at once.
        """
        if not title.strip():
            raise Invalid("title is empty", text_id="error.text_empty")
        told = told or Told(text=description, source=channel_kind)
        async with self._db.begin() as tx:
            ticket = await self._take_in(
                tx,
                actor_of(by),
                told=replace(told, title=title, text=description),
                person=Person(customer_id, customer_name, phone, email),
                channel_id=channel_id,
                channel_kind=channel_kind,
                category_id=category_id,
                team_id=team_id,
                priority=priority,
                created_by=by.staff_id,
                demo=demo,
            )
            for file_id in told.files:
                await attachments.put(
                    tx,
                    ticket,
                    file_id,
                    description="",
                    access=attachments.Access.STAFF.value,
                    by=by.staff_id,
                    by_name=by.name,
                    now=self._clock.now(),
                )
            return await self._take_on(tx, ticket, actor_of(by)) if take else ticket

    async def take_row(self, tx: Tx, *, key: str, told: Told, person: Person, **about: Any) -> Ticket | None:
        """A ticket out of a row of a sheet; None when that row was taken in before."""
        ticket_id = new_id("tck")
        if await keys.claim(tx, "import", key, "", ticket_id, self._clock.now()) is not None:
            return None
        if person.customer_id is None:
            found = await people.by_contact(tx, person.phone, person.email)
            person = Person(found, person.name, person.phone, person.email)
        return await self._take_in(tx, _IMPORTER, told=told, person=person, id=ticket_id, **about)

    async def _take_in(
        self,
        tx: Tx,
        actor: Actor,
        *,
        told: Told,
        person: Person,
        channel_id: str,
        channel_kind: str,
        category_id: str | None,
        team_id: str | None,
        priority: int,
        demo: bool = False,
        **values: Any,
    ) -> Ticket:
        """A person's matter, 待处理 in its team's list, with what the customer said as their first words."""
        now = self._clock.now()
        told = checked(told, now=now)
        if priority not in PRIORITIES:
            raise Invalid("priority")
        said = " ".join(filter(None, (told.title, told.text, told.source_text)))
        tree = await self._tree(tx)
        category = tree.get(category_id or tree.sort(said))
        if team_id is not None and await self._people.team(tx, team_id) is None:
            raise Invalid("unknown team")
        kept = await fields.checked(tx, category.id, told.fields)
        conversation = await self._meet(tx, person, channel_id, now, demo=demo)
        received = told.received_at or now
        ticket = await self._new(
            tx,
            actor,
            customer_id=conversation.customer_id,
            conversation_id=conversation.id,
            channel_id=channel_id,
            channel_kind=channel_kind,
            tier=2,
            priority=priority,
            title=(told.title or title_of(told.text))[:_MAX_TITLE],
            description=told.text,
            fields=kept,
            category_id=category.id,
            team_id=team_id or category.team_id or DEFAULT_TEAM,
            reason="by_hand",
            person_wanted_at=now,
            first_received_at=received,
            last_customer_at=received,
            demo=demo,
            **fields.columns_of(kept),
            **columns(told),
            **values,
        )
        words = told.source_text or told.text or told.title
        if words:
            # Said elsewhere and heard there: no answer in the chat is due for it, so it stands before the episode.
            await self._voice.hear(tx, ticket, words[:_MAX_WORDS], received)
        await self._voice.begin(tx, conversation, ticket.id, now)
        return await store.get(tx, ticket.id)

    async def _meet(
        self, tx: Tx, person: Person, channel_id: str, now: datetime, *, demo: bool = False
    ) -> Conversation:
        """A conversation of its own for one matter, of the customer who is known or of a new one."""
        external_id = new_id("matter")
        if person.customer_id is None:
            identity = await customers.create(
                tx, channel_id=channel_id, external_id=external_id, now=now, name=person.name, demo=demo
            )
        else:
            known = await customers.get(tx, person.customer_id)
            if known.name is None and person.name:
                await customers.learn(tx, known, name=person.name)
            identity = await customers.another(tx, known.id, channel_id=channel_id, external_id=external_id, now=now)
        if person.phone or person.email:
            await customers.leave_contact(
                tx, identity.customer_id, phone=person.phone, email=person.email, consent_at=now
            )
        return await conversations.create(
            tx, identity_id=identity.id, customer_id=identity.customer_id, channel_id=channel_id, now=now, demo=demo
        )

    async def feedback(
        self,
        *,
        channel_id: str,
        channel_kind: str,
        kind: str,
        text: str,
        phone: str | None = None,
        email: str | None = None,
        name: str | None = None,
        customer_id: str | None = None,
        told: Told | None = None,
        key: str | None = None,
        told_hash: str = "",
        demo: bool = False,
    ) -> Ticket:
        """A matter from a page or a program. The same `key` again gives the first ticket, with another `told_hash`
        Conflict. Files must have been uploaded for this channel and belong to nobody yet; else NotFound."""
        now, ticket_id = self._clock.now(), TicketId(new_id("tck"))
        told = checked(told or Told(text=text, source="page"), now=now)
        async with self._db.begin() as tx:
            if key is not None:
                first = await keys.claim(tx, channel_id, key, told_hash, ticket_id, now)
                if first is not None:
                    return await store.get(tx, first)
            person = Person(customer_id, name, phone, email)
            conversation = await self._meet(tx, person, channel_id, now, demo=demo)
            ticket = await self._feedback_ticket(
                tx, told, kind, conversation, ticket_id, channel_id=channel_id, channel_kind=channel_kind, demo=demo
            )
            await self._voice.begin(tx, conversation, ticket.id, now)
            ticket = await self._lock(tx, ticket.id)
            await self._voice.hear(tx, ticket, told.text, now)
            await self._hear_files(tx, ticket, told.files, uploaded_for(channel_id), now)
            values: dict[str, Any] = {"fields": {**ticket.fields, "feedback_kind": kind}}
            if kind == "suggestion" and ticket.category_id == UNSORTED:
                values |= {"category_id": _SUGGESTION, "team_id": (await self._tree(tx)).team_of(_SUGGESTION)}
            return await self._to_person(tx, ticket, reason="feedback", actor=CUSTOMER, **values)

    async def _feedback_ticket(
        self,
        tx: Tx,
        told: Told,
        kind: str,
        conversation: Conversation,
        ticket_id: str,
        **about: Any,
    ) -> Ticket:
        said = " ".join(filter(None, (told.title, told.text, told.source_text)))
        tree = await self._tree(tx)
        category_id = tree.sort(said)
        kept = await fields.checked(tx, category_id, told.fields)
        now = self._clock.now()
        return await self._new(
            tx,
            CUSTOMER,
            id=ticket_id,
            customer_id=conversation.customer_id,
            conversation_id=conversation.id,
            title=(told.title or title_of(told.text))[:_MAX_TITLE],
            description=told.text,
            fields={**kept, "feedback_kind": kind},
            category_id=category_id,
            team_id=tree.team_of(category_id),
            first_received_at=told.received_at or now,
            last_customer_at=now,
            **fields.columns_of(kept),
            **columns(told),
            **about,
        )

    async def _hear_files(self, tx: Tx, ticket: Ticket, file_ids: tuple[str, ...], owner: str, now: datetime) -> None:
        """Pictures and videos as the customer's own messages; from now on the files are theirs."""
        assert ticket.conversation_id is not None
        for file_id in file_ids:
            mine = update(files).where(files.c.id == file_id, files.c.owner == owner)
            if await tx.count(mine.values(owner=ticket.customer_id)) == 0:
                raise NotFound("file", text_id="error.file_gone")
            found = await attachment(tx, file_id)
            message = await messages.append(
                tx,
                conversation_id=ticket.conversation_id,
                author=Author.CUSTOMER,
                kind=Kind(found["kind"]),
                text=found["name"],
                payload={"attachment": found},
                at=now,
                ticket_id=ticket.id,
                demo=ticket.demo,
            )
            tell_message(tx, self._notifier, message)

    async def find_customers(self, asked: str) -> list[dict[str, Any]]:
        """Who a matter by hand may be about, each with what is open for them. Masked."""
        async with self._db.read() as tx:
            found = await people.search(tx, asked)
            return [
                people.view(
                    each,
                    await people.open_matters(tx, each.id),
                    lambda state: self._texts.get(f"ticket.state.{state}"),
                    self._texts.get("ticket.customer.unnamed", tail=each.id[-4:]),
                )
                for each in found
            ]

    async def suggest(self, text: str) -> tuple[str, str, str, str | None]:
        """What the words speak for: (category id, its name, team id, its name)."""
        async with self._db.read() as tx:
            tree = await self._tree(tx)
            category_id = tree.sort(text)
            team = await self._people.team(tx, tree.team_of(category_id))
        return category_id, tree.name(category_id), tree.team_of(category_id), team.name if team else None


def uploaded_for(channel_id: str) -> str:
    """The owner of files that were uploaded for a channel and belong to nobody yet."""
    return f"feedback:{channel_id}"


__all__ = ["Intake", "uploaded_for"]
