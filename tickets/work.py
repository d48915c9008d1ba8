"""What staff do with a ticket. Each method is one transaction of its own and one step that the history tells."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.store import conversations, customers
from bot.types import Speaker
from core.db import Tx
from core.errors import Conflict, Forbidden, IllegalMove, Invalid
from core.jobs import Job
from core.people.store import DEFAULT_TEAM
from core.people.tables import staff
from tickets import categories, store, surveys
from tickets.base import JOB_NEXT_STEP, actor_of, added_terms, raised
from tickets.book import Book, title_of
from tickets.categories import EXPERTS
from tickets.states import Move, Party, State, after, is_open, may
from tickets.store import SYSTEM, Ticket

_EXPERT_TIER = 3
PRIORITIES = range(1, 6)
MAX_FIELD = 500
_EDITABLE = frozenset({"category_id", "priority", "team_id", "assignee_id", "title", "fields"})


class Work(Book):
    """The desk's side of a ticket; `serial` names it, `by` is who acts."""

    async def confirm(self, serial: str, by: Speaker) -> Ticket:
        """Take it on: 待处理 → 处理中. What an unhappy customer reopened goes to somebody else than before."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.tier > 1:
                after(ticket.state, Move.CONFIRM, Party.STAFF)
            elif ticket.state != State.NEW:
                raise IllegalMove("tier one has ended", text_id="error.illegal_move")
            await self._check_other_hands(tx, ticket, by)
            return await self._take_on(tx, ticket, actor_of(by))

    async def _check_other_hands(self, tx: Tx, ticket: Ticket, by: Speaker) -> None:
        if ticket.team_id != EXPERTS or ticket.reopened_count == 0:
            return
        rounds = await surveys.of_ticket(tx, ticket.id)
        unhappy_with = [each.staff_id for each in rounds if each.is_unhappy]
        others = [each for each in await self._people.members(tx, EXPERTS) if each != by.staff_id]
        # With nobody else there, the same hands are better than none.
        if by.staff_id in unhappy_with[-1:] and others:
            raise Conflict("same hands", text_id="error.same_hands")

    async def answer(self, serial: str, by: Speaker, text: str, client_message_id: str) -> tuple[str, int | None]:
        """Answer on the original channel, also when the customer has been away for days. The same id again answers
        with the first message: (message id, seq). Raises Conflict when a colleague has the conversation."""
        if not text.strip():
            raise Invalid("text is empty", text_id="error.text_empty")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.conversation_id is None:
                raise IllegalMove("no conversation", text_id="error.ticket_without_conversation")
            if not (is_open(ticket.state) or ticket.state == State.RESOLVED):
                raise IllegalMove(f"answer in {ticket.state}", text_id="error.illegal_move")
            message, fresh = await self._voice.answer(
                tx, ticket, text, by=by, client_message_id=client_message_id, at=self._clock.now()
            )
            if fresh:
                await self.reply_sent(tx, ticket.id, by="agent", staff_id=by.staff_id)
            return message.id, message.seq

    async def note(self, serial: str, by: Speaker, text: str) -> None:
        """Write a note for colleagues; the customer never sees it."""
        if not text.strip():
            raise Invalid("text is empty", text_id="error.text_empty")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            await self._voice.note(tx, ticket, text, by, self._clock.now())
            await self._change(tx, ticket, "note", actor_of(by), text=text)

    async def change(self, serial: str, by: Speaker, version: int, **values: Any) -> Ticket:
        """Change category, priority, team, assignee, title, fields. Another team's people confirm anew.

        Raises Conflict when the ticket has changed since `version`, Invalid for what does not exist.
        """
        assert set(values) <= _EDITABLE
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.version != version:
                raise Conflict("stale version", text_id="error.ticket_changed")
            if ticket.state == State.MERGED:
                raise IllegalMove("merged", text_id="error.illegal_move")
            columns = await self._checked(tx, ticket, values)
            if not columns:
                return ticket
            kind = "changed"
            if "team_id" in columns and is_open(ticket.state) and ticket.tier > 1:
                kind = "handed_over"
                columns["state"] = after(ticket.state, Move.HAND_OVER, Party.STAFF).value
                columns.setdefault("assignee_id", None)
            return await self._change(tx, ticket, kind, actor_of(by), **columns)

    async def _checked(self, tx: Tx, ticket: Ticket, values: dict[str, Any]) -> dict[str, Any]:
        tree = await categories.load(tx)
        columns: dict[str, Any] = {}
        if (category_id := values.get("category_id")) is not None:
            category = tree.get(category_id)
            columns["category_id"] = category.id
            # Sorting sends it to the category's team, unless somebody named another one, or an expert has it.
            if "team_id" not in values and ticket.tier < _EXPERT_TIER and ticket.state == State.NEW:
                columns["team_id"] = category.team_id
        if (priority := values.get("priority")) is not None:
            if priority not in PRIORITIES:
                raise Invalid("priority")
            columns["priority"] = priority
        if (team_id := values.get("team_id")) is not None:
            if await self._people.team(tx, team_id) is None:
                raise Invalid("unknown team")
            columns["team_id"] = team_id
        if "assignee_id" in values:
            columns["assignee_id"] = await self._assignee(tx, values["assignee_id"])
        if (title := values.get("title")) is not None:
            if not title.strip():
                raise Invalid("title is empty", text_id="error.text_empty")
            columns["title"] = title.strip()[:200]
            columns["terms"] = added_terms(ticket.terms, title)
        if (fields := values.get("fields")) is not None:
            if any(len(key) > 40 or len(str(value)) > MAX_FIELD for key, value in fields.items()):
                raise Invalid("fields")
            kept = {**ticket.fields, **fields}
            columns["fields"] = {key: value for key, value in kept.items() if value != ""}
        return {name: value for name, value in columns.items() if value != getattr(ticket, name)}

    async def _assignee(self, tx: Tx, staff_id: str | None) -> str | None:
        if staff_id is None:
            return None
        row = await tx.first(select(staff.c.disabled_at).where(staff.c.id == staff_id))
        if row is None or row.disabled_at is not None:
            raise Invalid("unknown assignee")
        return staff_id

    async def set_next_step(self, serial: str, by: Speaker, *, text: str, who: str | None, at: datetime) -> Ticket:
        """Say what happens next, by whom and by when. It is reminded of when its time has come."""
        if not text.strip():
            raise Invalid("text is empty", text_id="error.text_empty")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not is_open(ticket.state):
                raise IllegalMove("ended", text_id="error.illegal_move")
            ticket = await self._taken(tx, ticket, by)
            ticket = await self._change(
                tx,
                ticket,
                "next_step",
                actor_of(by),
                text=text.strip(),
                next_step=text.strip(),
                next_step_by=await self._assignee(tx, who or by.staff_id),
                next_step_at=at,
            )
            await self._jobs.put(tx, JOB_NEXT_STEP, ticket.id, at)
            return ticket

    async def _on_next_step(self, tx: Tx, job: Job) -> None:
        """The time of a next step has come and it still stands."""
        ticket = await self._lock(tx, job.key)
        if ticket.next_step_at is None or not is_open(ticket.state) or ticket.next_step_at > self._clock.now():
            return
        await self._change(tx, ticket, "next_step_overdue", SYSTEM, text=ticket.next_step)
        for staff_id in {ticket.next_step_by, ticket.assignee_id} - {None}:
            topic, event = f"staff:{staff_id}", {"type": "due", "serial": ticket.serial}
            tx.after_commit(lambda topic=topic, event=event: self._notifier.publish(topic, event))  # type: ignore[misc]  # defaults bind the loop's values

    async def wait_customer(self, serial: str, by: Speaker, text: str, client_message_id: str) -> Ticket:
        """Ask the customer for something on the original channel and wait for it."""
        if not text.strip():
            raise Invalid("text is empty", text_id="error.text_empty")
        await self.answer(serial, by, text, client_message_id)
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            state = after(ticket.state, Move.WAIT_CUSTOMER, Party.STAFF)
            if ticket.state == state:
                return ticket
            return await self._change(tx, ticket, "asked_customer", actor_of(by), text=text, state=state.value)

    async def escalate(self, serial: str, by: Speaker, *, to: str, summary: str) -> Ticket:
        """Hand it up with a summary, so that nobody has to ask again: to experts, or to the supervisor's list."""
        if to not in ("expert", "supervisor"):
            raise Invalid("to")
        if len(summary.strip()) < 4:
            raise Invalid("summary", text_id="error.summary_wanted")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.tier == 1:
                ticket = await self._to_person(tx, ticket, reason="escalated", actor=actor_of(by))
            values: dict[str, Any] = {"team_id": EXPERTS} if to == "expert" else {"review_wanted": True}
            return await self._change(
                tx,
                ticket,
                "escalated",
                actor_of(by),
                text=summary.strip(),
                state=after(ticket.state, Move.ESCALATE, Party.STAFF).value,
                tier=_EXPERT_TIER,
                priority=raised(ticket.priority),
                escalated_to=to,
                escalation_summary=summary.strip(),
                assignee_id=None,
                **values,
            )

    async def resolve_serial(
        self, serial: str, by: Speaker, *, solution: str, result_kind: str = "solved", category_id: str | None = None
    ) -> Ticket:
        """`resolve` in a transaction of its own."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            return await self.resolve(
                tx, ticket.id, solution=solution, by=by, result_kind=result_kind, category_id=category_id
            )

    async def reopen(self, serial: str, by: Speaker, reason: str) -> Ticket:
        """Open an ended ticket again, with the reason; what the bot ended becomes a person's matter."""
        if not reason.strip():
            raise Invalid("reason", text_id="error.text_empty")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if ticket.state == State.SELF_SOLVED:
                return await self._to_person(tx, ticket, reason="reopened", actor=actor_of(by), text=reason)
            return await self._reopen(tx, ticket, "reopened", actor_of(by), text=reason.strip())

    async def review(self, serial: str, by: Speaker, *, finding: str, agree: bool) -> Ticket:
        """The supervisor's finding; the ticket leaves the 待复核 list."""
        if not finding.strip():
            raise Invalid("finding", text_id="error.text_empty")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            kind = "reviewed" if agree else "review_disagreed"
            return await self._change(tx, ticket, kind, actor_of(by), text=finding.strip(), review_wanted=False)

    async def close(self, serial: str, by: Speaker) -> Ticket:
        """Close on the customer's word given elsewhere, such as on the telephone. Never against their last word."""
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            last = await surveys.last_answered(tx, ticket.id)
            if ticket.state != State.RESOLVED or (last is not None and last.is_unhappy):
                raise IllegalMove("the customer has not agreed", text_id="error.customer_not_content")
            return await self._confirmed(tx, ticket, actor_of(by))

    async def merge(self, serial: str, into: str, by: Speaker) -> Ticket:
        """Put a double under the ticket that goes on. Both must be the same customer's."""
        async with self._db.begin() as tx:
            pair = {each: await store.by_serial(tx, each) for each in (serial, into)}
            for conversation_id in sorted(each.conversation_id for each in pair.values() if each.conversation_id):
                await conversations.get(tx, conversation_id, lock=True)
            pair = {each: await store.by_serial(tx, each, lock=True) for each in sorted(pair)}
            ticket, target = pair[serial], pair[into]
            if ticket.id == target.id or ticket.customer_id != target.customer_id:
                raise Forbidden("merge")
            if target.state == State.MERGED:
                raise IllegalMove("target is merged", text_id="error.illegal_move")
            await self._change(tx, target, "took_in", actor_of(by), text=ticket.serial)
            return await self._merge_into(tx, ticket, target, actor_of(by))

    async def create(
        self,
        by: Speaker,
        *,
        channel_id: str,
        title: str,
        description: str,
        channel_kind: str = "phone",
        category_id: str | None = None,
        team_id: str | None = None,
        priority: int = 3,
        customer_name: str | None = None,
        phone: str | None = None,
    ) -> Ticket:
        """A ticket by hand, for somebody who spoke or wrote elsewhere; a customer is made for it."""
        if not title.strip():
            raise Invalid("title is empty", text_id="error.text_empty")
        if priority not in PRIORITIES:
            raise Invalid("priority")
        now = self._clock.now()
        async with self._db.begin() as tx:
            tree = await categories.load(tx)
            category = tree.get(category_id or tree.sort(f"{title} {description}"))
            if team_id is not None and await self._people.team(tx, team_id) is None:
                raise Invalid("unknown team")
            identity = await customers.create(
                tx,
                channel_id=channel_id,
                external_id=f"hand:{now.timestamp():.6f}:{by.staff_id}",
                now=now,
                name=customer_name,
            )
            if phone:
                await customers.leave_contact(tx, identity.customer_id, phone=phone, email=None, consent_at=now)
            return await self._new(
                tx,
                actor_of(by),
                customer_id=identity.customer_id,
                channel_id=channel_id,
                channel_kind=channel_kind,
                tier=2,
                priority=priority,
                title=title_of(title),
                description=description,
                category_id=category.id,
                team_id=team_id or category.team_id or DEFAULT_TEAM,
                reason="by_hand",
                person_wanted_at=now,
                terms=added_terms(None, f"{title} {description}"),
            )

    def allowed(self, ticket: Ticket, permissions: Collection[str]) -> list[str]:
        """What this ticket lets somebody with these permissions do now, as the desk names it."""
        moves: list[str] = []
        if "ticket.write" in permissions:
            moves += self._writers_moves(ticket)
        if "ticket.escalate" in permissions and may(ticket.state, Move.ESCALATE, Party.STAFF):
            moves.append("escalate")
        if "ticket.review" in permissions and ticket.review_wanted:
            moves.append("review")
        if ticket.state != State.MERGED and {"ticket.write", "ticket.classify"} & set(permissions):
            moves.append("change")
        return moves

    def _writers_moves(self, ticket: Ticket) -> list[str]:
        open_now = is_open(ticket.state)
        speaks = ticket.conversation_id is not None
        moves = ["notes"]
        if ticket.state == State.NEW:
            moves.append("confirm")
        if speaks and (open_now or ticket.state == State.RESOLVED):
            moves.append("messages")
        if open_now:
            moves += ["next-step", "resolve"]
            if speaks and ticket.state != State.TO_REPORT:
                moves.append("wait-customer")
        if may(ticket.state, Move.REOPEN, Party.STAFF) or ticket.state == State.SELF_SOLVED:
            moves.append("reopen")
        if ticket.state == State.RESOLVED:
            moves.append("close")
        return moves
