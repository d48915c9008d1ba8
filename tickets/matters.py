"""What staff do beside handling: compensation, files, tags, followers, snooze, split, links, many tickets at once."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from bot.store import conversations, messages
from bot.store.split import put_on_ticket
from bot.types import Author, Speaker
from core.clock import rfc3339
from core.db import Tx
from core.errors import FrontlineError, IllegalMove, Invalid, NotFound
from core.jobs import Job
from core.masking import mask_text
from core.people.store import DEFAULT_TEAM
from tickets import attachments, compensations, fields, followers, involved, relations, store
from tickets.attachments import Opener
from tickets.base import JOB_WAKE, actor_of
from tickets.book import title_of
from tickets.compensations import Compensation
from tickets.states import is_open
from tickets.store import SYSTEM, Ticket
from tickets.tables import tickets
from tickets.work import PRIORITIES, Work, clean_tags

MOST_AT_ONCE = 100
_SEALED = ("cause_text", "result_reason", "alternative", "source_url", "source_text")
_LONGEST_SNOOZE = timedelta(days=60)
_MOST_TAGS = 30
_TAGS_OF = 1_000
_MOST_DESCRIPTION = 4_000


class Matters(Work):
    """Each method is one transaction of its own and, where the ticket changes, one line of its history."""

    # Compensation.

    async def ask_compensation(
        self, serial: str, by: Speaker, roles: Collection[str], *, kind: str, amount: int, what: str | None, reason: str
    ) -> Compensation:
        """Give something for the trouble; above the limit of these roles it waits for a supervisor."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not is_open(ticket.state) or ticket.tier == 1:
                raise IllegalMove(f"compensation in {ticket.state}", text_id="error.compensation_state")
            made = await compensations.ask(
                tx,
                ticket.id,
                by=by,
                roles=roles,
                rules=await self._rules(tx),
                kind=kind,
                amount=amount,
                what=what,
                reason=reason,
                now=self._clock.now(),
                demo=ticket.demo,
            )
            waits = made.state == compensations.WAITING
            event = "compensation_asked" if waits else "compensation_given"
            await self._change(tx, ticket, event, actor_of(by), text=self._given(made, made.reason))
            if waits:
                news = {"type": "compensation", "serial": ticket.serial}
                tx.after_commit(lambda: self._notifier.publish("desk", news))
            return made

    async def decide_compensation(
        self, compensation_id: str, by: Speaker, *, approve: bool, words: str
    ) -> Compensation:
        """A supervisor approves, or refuses with a reason; whoever asked is told."""
        return await self._end_compensation(compensation_id, by, approve=approve, words=words)

    async def withdraw_compensation(self, compensation_id: str, by: Speaker) -> Compensation:
        """Take one's own wish back."""
        return await self._end_compensation(compensation_id, by, approve=None, words="")

    async def _end_compensation(
        self, compensation_id: str, by: Speaker, *, approve: bool | None, words: str
    ) -> Compensation:
        async with self._db.begin() as tx:
            # The ticket is held before its parts, as everywhere.
            ticket = await self._lock(tx, (await compensations.one(tx, compensation_id)).ticket_id)
            known = await compensations.one(tx, compensation_id, lock=True)
            if approve is None:
                done = await compensations.withdraw(tx, known, by=by, now=self._clock.now())
            else:
                done = await compensations.decide(tx, known, by=by, approve=approve, words=words, now=self._clock.now())
            text = self._given(done, done.decision)
            await self._change(tx, ticket, f"compensation_{done.state}", actor_of(by), text=text)
            topic, event = f"staff:{done.asked_by}", {"type": "ticket", "serial": ticket.serial}
            tx.after_commit(lambda: self._notifier.publish(topic, event))
            return done

    def _given(self, each: Compensation, words: str | None) -> str:
        what = compensations.in_words(each, self._texts)
        return f"{what}：{words}" if words else what

    async def waiting_compensations(self, staff_id: str) -> list[dict[str, Any]]:
        """What waits for a supervisor, with its ticket."""
        async with self._db.read() as tx:
            found = await compensations.waiting(tx)
            rows = await tx.all(select(tickets).where(tickets.c.id.in_([each.ticket_id for each in found])))
            briefs = {each["id"]: each for each in await self.briefs(tx, [store.value(row) for row in rows])}
        return [
            {
                **compensations.view(each, self._texts, staff_id=staff_id, may_decide=True),
                "ticket": briefs[each.ticket_id],
            }
            for each in found
        ]

    @abstractmethod
    async def briefs(self, tx: Tx, found: Iterable[Ticket]) -> list[dict[str, Any]]:
        """Tickets as lists show them; kept by `Lists`."""

    # Files.

    async def put_file(self, serial: str, by: Speaker, file_id: str, *, description: str, access: str) -> None:
        """Put an uploaded file beside the ticket; customers never see it."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            await attachments.put(
                tx,
                ticket,
                file_id,
                description=description,
                access=access,
                by=by.staff_id,
                by_name=by.name,
                now=self._clock.now(),
            )
            await self._change(tx, ticket, "file_added", actor_of(by), text=description.strip() or None)

    async def describe_file(
        self, serial: str, by: Speaker, opener: Opener, file_id: str, *, description: str | None, access: str | None
    ) -> None:
        """Say what a file shows, and who may open it. Who may not open it may not change that either."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not await attachments.may_open(tx, file_id, opener):
                raise NotFound("file")
            await attachments.describe(
                tx,
                ticket,
                await messages.of_ticket(tx, ticket.id),
                file_id,
                description=description,
                access=access,
                by=by.staff_id,
                by_name=by.name,
                now=self._clock.now(),
            )
            if access is not None:
                text = self._texts.get(f"ticket.access.{access}")
                await self._change(tx, ticket, "file_access", actor_of(by), text=text)

    async def may_open_file(self, tx: Tx, file_id: str, opener: Opener) -> bool:
        """Whether somebody of the staff may open a file."""
        return await attachments.may_open(tx, file_id, opener)

    # Following, tags, snooze.

    async def follow(self, serial: str, by: Speaker, *, on: bool) -> None:
        """Be told of every change, or not any more. Harmless twice."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            await followers.set_following(tx, ticket, by.staff_id, on=on, now=self._clock.now())
            await self._voice.refresh(tx, ticket)

    async def tag_words(self, start: str = "") -> list[str]:
        """Tags in use that begin with these characters, the most used first."""
        async with self._db.read() as tx:
            rows = await tx.all(
                select(tickets.c.tags)
                .where(tickets.c.tags.is_not(None))
                .order_by(tickets.c.updated_at.desc())
                .limit(_TAGS_OF)
            )
        counted = Counter(tag for row in rows for tag in row.tags or ())
        found = [tag for tag, _ in counted.most_common() if tag.startswith(start.strip())]
        return found[:_MOST_TAGS]

    async def snooze(self, serial: str, by: Speaker, until: datetime, reason: str = "") -> Ticket:
        """Put it out of sight until then; it wakes by itself, by the customer's words, and when its step is due."""
        now = self._clock.now()
        if not now < until <= now + _LONGEST_SNOOZE:
            raise Invalid("until", text_id="error.snooze_range")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not is_open(ticket.state) or ticket.tier == 1:
                raise IllegalMove(f"snooze in {ticket.state}", text_id="error.snooze_state")
            ticket = await self._taken(tx, ticket, by)
            await self._jobs.put(tx, JOB_WAKE, ticket.id, until)
            words = reason.strip() or None
            return await self._change(tx, ticket, "snoozed", actor_of(by), text=words, snoozed_until=until)

    async def wake(self, serial: str, by: Speaker) -> Ticket:
        """Take it back into sight. Harmless when it is."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.snoozed_until is None:
                return ticket
            await self._jobs.cancel(tx, JOB_WAKE, ticket.id)
            return await self._change(tx, ticket, "woken", actor_of(by), snoozed_until=None)

    async def _on_wake(self, tx: Tx, job: Job) -> None:
        ticket = await self._lock(tx, job.key)
        if ticket.snoozed_until is None or not is_open(ticket.state):
            return
        if ticket.snoozed_until > self._clock.now():
            await self._jobs.put(tx, job.kind, ticket.id, ticket.snoozed_until)
            return
        ticket = await self._change(tx, ticket, "woken", SYSTEM, snoozed_until=None)
        if ticket.assignee_id is not None:
            topic, event = f"staff:{ticket.assignee_id}", {"type": "ticket", "serial": ticket.serial}
            tx.after_commit(lambda: self._notifier.publish(topic, event))

    # Several tickets of one matter, several matters on one ticket.

    async def split(
        self,
        serial: str,
        by: Speaker,
        *,
        message_ids: Sequence[str],
        title: str,
        category_id: str | None = None,
        team_id: str | None = None,
    ) -> Ticket:
        """Make a ticket of its own of the chosen messages, with what answered them; the two are linked.

        The new one waits for its team; the talk goes on where it was. Raises Invalid without a customer's words,
        NotFound for messages of other tickets.
        """
        wanted = set(message_ids)
        now = self._clock.now()
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not is_open(ticket.state) or ticket.tier == 1:
                raise IllegalMove(f"split in {ticket.state}", text_id="error.split_state")
            said = await messages.of_ticket(tx, ticket.id)
            chosen = [each for each in said if each.id in wanted]
            if len(chosen) != len(wanted):
                raise NotFound("message of this ticket")
            theirs = [each for each in chosen if each.author is Author.CUSTOMER]
            if not theirs:
                raise Invalid("no words of the customer", text_id="error.split_words")
            if len(theirs) == sum(each.author is Author.CUSTOMER for each in said):
                raise Invalid("everything", text_id="error.split_all")
            tree = await self._tree(tx)
            words = "\n".join(each.text for each in theirs)[:_MOST_DESCRIPTION]
            category = tree.get(category_id or tree.sort(words))
            if team_id is not None and await self._people.team(tx, team_id) is None:
                raise Invalid("unknown team")
            made = await self._new(
                tx,
                actor_of(by),
                customer_id=ticket.customer_id,
                conversation_id=ticket.conversation_id,
                channel_id=ticket.channel_id,
                channel_kind=ticket.channel_kind,
                tier=max(2, ticket.tier),
                priority=ticket.priority,
                title=title_of(title) or title_of(words),
                description=words,
                fields=dict(ticket.fields),
                category_id=category.id,
                team_id=team_id or category.team_id or ticket.team_id or DEFAULT_TEAM,
                reason="split",
                person_wanted_at=now,
                previous_id=ticket.id,
                first_received_at=min(each.sent_at or each.at for each in theirs),
                last_customer_at=theirs[-1].at,
                demo=ticket.demo,
            )
            ids = [each.id for each in chosen]
            await put_on_ticket(tx, ids, made.id)
            await relations.draw(tx, made, ticket, "split", by=by.staff_id, now=now)
            await self._change(tx, ticket, "split_off", actor_of(by), text=made.serial)
            return made

    async def link(self, serial: str, by: Speaker, *, other: str, kind: str) -> None:
        """Draw a link to another ticket; both histories tell of it."""
        if kind not in relations.DRAWN:
            raise Invalid("kind")
        async with self._db.begin() as tx:
            pair = await self._pair(tx, serial, other)
            await relations.draw(tx, pair[serial], pair[other], kind, by=by.staff_id, now=self._clock.now())
            for here, there in ((serial, other), (other, serial)):
                await self._change(tx, pair[here], "linked", actor_of(by), text=there)

    async def unlink(self, serial: str, by: Speaker, link_id: str) -> None:
        """Take a link away that somebody drew."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            _, other_id = await relations.remove(tx, ticket, link_id)
            other = await store.get(tx, other_id)
            await self._change(tx, ticket, "unlinked", actor_of(by), text=other.serial)

    async def _pair(self, tx: Tx, *serials: str) -> dict[str, Ticket]:
        """Several tickets, held in one order by everybody: conversations first."""
        seen = {each: await store.by_serial(tx, each) for each in serials}
        for conversation_id in sorted({each.conversation_id for each in seen.values() if each.conversation_id}):
            await conversations.get(tx, conversation_id, lock=True)
        return {each: await store.by_serial(tx, each, lock=True) for each in sorted(set(serials))}

    # Many at once.

    async def bulk(self, serials: Sequence[str], by: Speaker, wish: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Do the same to many tickets: change category, priority, team, assignee, add or take tags, snooze.

        Each stands or fails by itself: (serial, ok, the error's code and words).
        """
        if not serials or len(serials) > MOST_AT_ONCE:
            raise Invalid("serials")
        if not wish:
            raise Invalid("nothing to do")
        if wish.get("priority") is not None and wish["priority"] not in PRIORITIES:
            raise Invalid("priority")
        done: list[dict[str, Any]] = []
        for serial in dict.fromkeys(serials):
            try:
                await self._bulk_one(serial, by, wish)
            except FrontlineError as exc:
                if exc.status >= 500:
                    raise
                words = self._texts.get(exc.text_id, **exc.params)
                done.append({"serial": serial, "ok": False, "error": {"code": exc.code, "message": words}})
            else:
                done.append({"serial": serial, "ok": True, "error": None})
        return done

    async def _bulk_one(self, serial: str, by: Speaker, wish: Mapping[str, Any]) -> None:
        async with self._db.read() as tx:
            ticket = await store.by_serial(tx, serial)
        if not is_open(ticket.state):
            raise IllegalMove("ended", text_id="error.bulk_ended")
        values = {name: wish[name] for name in ("category_id", "priority", "team_id", "assignee_id") if name in wish}
        if "tags_add" in wish or "tags_remove" in wish:
            gone = set(wish.get("tags_remove") or ())
            tags = [tag for tag in (*(ticket.tags or ()), *(wish.get("tags_add") or ())) if tag not in gone]
            values["tags"] = clean_tags(tags)
        if values:
            await self.change(serial, by, ticket.version, **values)
        if wish.get("snooze_until") is not None:
            await self.snooze(serial, by, wish["snooze_until"])

    # What the desk shows of all this.

    async def matter(self, serial: str, opener: Opener) -> dict[str, Any]:
        """What stands around a ticket, for the desk's page. Raises NotFound."""
        async with self._db.read() as tx:
            ticket = await store.by_serial(tx, serial)
            said = await messages.of_ticket(tx, ticket.id)
            events = await store.events_of(tx, ticket.id)
            following = await followers.of_ticket(tx, ticket.id)
            names = await self._people.names(tx, {*involved.staff_in(events), *following, *_named(ticket)})
            custom = await fields.custom_of(tx)
            given = await compensations.of_ticket(tx, ticket.id)
            related = await relations.views(tx, ticket, self._texts)
            shown_files = await attachments.views(tx, ticket, said, opener)
        may_decide = "ticket.review" in opener.permissions
        return {
            **_columns(ticket),
            "field_list": [
                *fields.known_views(self._texts),
                *(each.view() for each in custom if each.applies_to(ticket.category_id)),
            ],
            "fields_missing": fields.missing(custom, ticket.category_id, ticket.fields),
            "files": shown_files,
            "people": involved.people(events, names, self._texts),
            "followers": [{"id": each, "name": names.get(each, each)} for each in following],
            "following": opener.staff_id in following,
            "links": related,
            "compensations": [
                compensations.view(each, self._texts, staff_id=opener.staff_id, may_decide=may_decide) for each in given
            ],
            "next_step_by_name": names.get(ticket.next_step_by or ""),
            "created_by_name": names.get(ticket.created_by or ""),
        }


def _columns(ticket: Ticket) -> dict[str, Any]:
    """What only the ticket's page shows of its row."""
    return {
        **{name: getattr(ticket, name) for name in ("cause", "follow_up_team_id", "next_step_kind", "source")},
        **{name: _masked(getattr(ticket, name)) for name in _SEALED},
        **{name: _time(getattr(ticket, name)) for name in ("follow_up_at", "promised_at", "snoozed_until")},
        "next_step_told": bool(ticket.next_step_told),
        "tags": list(ticket.tags or ()),
    }


def _masked(text: str | None) -> str | None:
    return mask_text(text) if text else None


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None


def _named(ticket: Ticket) -> set[str]:
    return {each for each in (ticket.next_step_by, ticket.created_by) if each}


__all__ = ["MOST_AT_ONCE", "Matters"]
