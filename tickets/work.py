"""What staff do with a ticket. Each method is one transaction of its own and one step that the history tells."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.store import conversations
from bot.types import Kind, Speaker
from core.db import Tx
from core.errors import Conflict, Forbidden, IllegalMove, Invalid
from core.jobs import Job
from core.people.tables import staff
from tickets import categories, compensations, fields, store, surveys
from tickets.base import actor_of, raised
from tickets.book import Book
from tickets.categories import EXPERTS
from tickets.states import Move, Party, State, after, is_open, may
from tickets.steps import CHOSEN
from tickets.store import SYSTEM, Ticket

_EXPERT_TIER = 3
PRIORITIES = range(1, 6)
MAX_TAGS = 12
_MAX_TAG = 20
CAUSES = frozenset({"platform", "user", "third_party"})
_WORDS = ("cause_text", "source_url", "source_text")
_EDITABLE = frozenset(
    {"category_id", "priority", "team_id", "assignee_id", "title", "fields", "tags", "cause", "source", *_WORDS}
)


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
        """Change category, priority, team, assignee, title, fields, tags, cause, source. Another team confirms anew.

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
                columns |= _let_go(ticket)
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
        if (written := values.get("fields")) is not None:
            columns |= await self._fields(tx, ticket, columns.get("category_id", ticket.category_id), written)
        if "tags" in values:
            columns["tags"] = clean_tags(values["tags"])
        if "cause" in values:
            if values["cause"] not in (None, *CAUSES):
                raise Invalid("cause")
            columns["cause"] = values["cause"]
        if "source" in values:
            columns["source"] = (values["source"] or "").strip()[:20] or None
        for name in _WORDS:
            if name in values:
                columns[name] = (values[name] or "").strip() or None
        return {name: value for name, value in columns.items() if value != getattr(ticket, name)}

    async def _fields(self, tx: Tx, ticket: Ticket, category_id: str, written: dict[str, str]) -> dict[str, Any]:
        clean = await fields.checked(tx, category_id, written)
        kept = {key: value for key, value in {**ticket.fields, **clean}.items() if value != ""}
        return {"fields": kept, **fields.columns_of(clean)}

    async def _assignee(self, tx: Tx, staff_id: str | None) -> str | None:
        if staff_id is None:
            return None
        row = await tx.first(select(staff.c.disabled_at).where(staff.c.id == staff_id))
        if row is None or row.disabled_at is not None:
            raise Invalid("unknown assignee")
        return staff_id

    async def set_next_step(
        self,
        serial: str,
        by: Speaker,
        *,
        text: str,
        who: str | None,
        at: datetime,
        kind: str = "other",
        tell: bool = False,
        done: bool = False,
    ) -> Ticket:
        """Say what happens next, by whom and by when. It is reminded of before its time has come, and when it has.

        With `tell` it is a promise: the customer hears what and by when, on their channel. With `done` the step that
        stood before was carried out. Raises Invalid for a time that is over.
        """
        if not text.strip():
            raise Invalid("text is empty", text_id="error.text_empty")
        if kind not in CHOSEN:
            raise Invalid("kind")
        if at <= self._clock.now():
            raise Invalid("at is over", text_id="error.step_past")
        async with self._db.begin() as tx:
            ticket = await self._lock(tx, serial=serial)
            if not is_open(ticket.state):
                raise IllegalMove("ended", text_id="error.illegal_move")
            if tell and ticket.conversation_id is None:
                raise IllegalMove("no conversation", text_id="error.ticket_without_conversation")
            ticket = await self._taken(tx, ticket, by)
            if done and ticket.next_step is not None:
                ticket = await self._change(tx, ticket, "step_done", actor_of(by), text=ticket.next_step)
            promise = {"promised_at": at} if tell else {}
            ticket = await self._change(
                tx,
                ticket,
                "promised" if tell else "next_step",
                actor_of(by),
                text=text.strip(),
                next_step=text.strip(),
                next_step_by=await self._assignee(tx, who or by.staff_id),
                next_step_at=at,
                next_step_kind=kind,
                next_step_told=tell,
                **promise,
            )
            if tell:
                await self._promise(tx, ticket, by, at, kind)
            return ticket

    async def _promise(self, tx: Tx, ticket: Ticket, by: Speaker, at: datetime, kind: str) -> None:
        """Tell the customer in words of the house: a step's own words are staff's."""
        text = self._texts.get(f"ticket.promise.{kind}", serial=ticket.serial, when=self._local(at))
        await self._voice.say(tx, ticket, text, at=self._clock.now(), kind=Kind.NOTICE)
        await self._mark_unread(tx, ticket)

    async def _on_next_step(self, tx: Tx, job: Job) -> None:
        """A next step is due soon, or is due now and still stands."""
        ticket = await self._lock(tx, job.key)
        now, at = self._clock.now(), ticket.next_step_at
        if at is None or not is_open(ticket.state):
            return
        if at > now:
            self._tell_due(tx, ticket, {ticket.next_step_by}, soon=True)
            await self._jobs.put(tx, job.kind, ticket.id, at)
            return
        awake = {"snoozed_until": None} if ticket.snoozed_until else {}
        ticket = await self._change(tx, ticket, "next_step_overdue", SYSTEM, text=ticket.next_step, **awake)
        self._tell_due(tx, ticket, {ticket.next_step_by, ticket.assignee_id}, soon=False)

    def _tell_due(self, tx: Tx, ticket: Ticket, staff_ids: Collection[str | None], *, soon: bool) -> None:
        event = {"type": "due", "serial": ticket.serial, "soon": soon, "text": ticket.next_step or ""}
        for staff_id in set(staff_ids) - {None}:
            topic = f"staff:{staff_id}"
            tx.after_commit(lambda topic=topic: self._notifier.publish(topic, event))  # type: ignore[misc]  # the default binds the loop's value

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
                **_let_go(ticket),
                **values,
            )

    async def resolve_serial(self, serial: str, by: Speaker, *, solution: str, **result: Any) -> Ticket:
        """`resolve` in a transaction of its own."""
        async with self._db.begin() as tx:
            ticket = await store.by_serial(tx, serial)
            return await self.resolve(tx, ticket.id, solution=solution, by=by, **result)

    async def resolve(self, tx: Tx, ticket_id: str, *, solution: str, by: Speaker, **result: Any) -> Ticket:
        """As `Closing.resolve`. Raises Invalid while a field that an admin requires for the category is empty, and
        Conflict while a compensation waits for its supervisor: the conclusion tells the customer what they get."""
        if result.get("result_kind", "solved") != "withdrawn":
            await self._check_complete(tx, ticket_id, result.get("category_id"))
        return await super().resolve(tx, ticket_id, solution=solution, by=by, **result)

    async def _check_complete(self, tx: Tx, ticket_id: str, category_id: str | None) -> None:
        ticket = await store.get(tx, ticket_id)
        open_fields = fields.missing(await self._custom(tx), category_id or ticket.category_id, ticket.fields)
        if open_fields:
            raise Invalid("fields", text_id="error.fields_required", names="、".join(open_fields))
        if any(each.state == compensations.WAITING for each in await compensations.of_ticket(tx, ticket.id)):
            raise Conflict("compensation", text_id="error.compensation_waits")

    async def _compensations(self, tx: Tx, ticket: Ticket) -> list[str]:
        return compensations.given(await compensations.of_ticket(tx, ticket.id), self._texts)

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
        """Put a double under the ticket that goes on, which takes over the talk that is going on. Both must be the same
        customer's, and somebody must still be at work on the target: else an open matter would end unheard."""
        async with self._db.begin() as tx:
            pair = {each: await store.by_serial(tx, each) for each in (serial, into)}
            for conversation_id in sorted(each.conversation_id for each in pair.values() if each.conversation_id):
                await conversations.get(tx, conversation_id, lock=True)
            pair = {each: await store.by_serial(tx, each, lock=True) for each in sorted(pair)}
            ticket, target = pair[serial], pair[into]
            if ticket.id == target.id or ticket.customer_id != target.customer_id:
                raise Forbidden("merge")
            if not is_open(target.state):
                raise IllegalMove(f"target is {target.state}", text_id="error.illegal_move")
            await self._change(tx, target, "took_in", actor_of(by), text=ticket.serial)
            merged = await self._merge_into(tx, ticket, target, actor_of(by))
            await self._voice.survey(tx, merged, stands=False)
            await self._voice.follow(tx, merged, target)
            return merged

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
        if ticket.state != State.MERGED:
            moves += ["link", "files"]
        if may(ticket.state, Move.MERGE, Party.STAFF, tier=ticket.tier):
            moves.append("merge")
        if open_now and ticket.tier > 1:
            moves += ["wake" if ticket.snoozed_until else "snooze", "split", "compensation"]
        if open_now:
            moves += ["next-step", "resolve"]
            if speaks and ticket.state != State.TO_REPORT:
                moves.append("wait-customer")
        if may(ticket.state, Move.REOPEN, Party.STAFF) or ticket.state == State.SELF_SOLVED:
            moves.append("reopen")
        if ticket.state == State.RESOLVED:
            moves.append("close")
        return moves


def _let_go(ticket: Ticket) -> dict[str, Any]:
    """A step that the last hands held is nobody's until new ones take the ticket on."""
    return {"next_step_by": None} if ticket.next_step_by in (None, ticket.assignee_id) else {}


def clean_tags(tags: Iterable[str] | None) -> list[str] | None:
    """Tags as they are kept: each once, in the order given. Raises Invalid for too many or too long ones."""
    clean = list(dict.fromkeys(each.strip().lstrip("#") for each in tags or () if each.strip().lstrip("#")))
    if len(clean) > MAX_TAGS or any(len(each) > _MAX_TAG for each in clean):
        raise Invalid("tags", text_id="error.tags")
    return clean or None
