"""What the desk reads: lists by view and search, one ticket with everything, in the desk's own shapes.

Phone numbers, e-mail addresses and card numbers are masked in everything that leaves here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Integer, Row, Select, and_, bindparam, false, func, literal, or_, select
from sqlalchemy import text as sql

from bot.store import channels, conversations, customers, exchanges, messages
from bot.store.exchanges import Exchange
from bot.store.messages import Message
from bot.tables import customers as customers_table
from core.clock import UTC, rfc3339
from core.columns import UtcTime
from core.db import Tx
from core.errors import Invalid
from core.masking import mask_email, mask_external, mask_phone, mask_text
from tickets import categories, store, surveys
from tickets.categories import Tree
from tickets.fields import masked
from tickets.history import PEOPLE, event_view
from tickets.privacy.scope import Reader, in_scope
from tickets.search import Search, asked_terms, marks, snippet, ticket_terms
from tickets.sla.mark import sla_mark
from tickets.states import State, is_open
from tickets.store import UNSORTED, Ticket
from tickets.tables import REVIEW, WORK, ticket_followers, tickets
from tickets.tables import surveys as surveys_table
from tickets.work import Work

VIEWS = (
    "open",
    "mine",
    "team",
    "expert",
    "review",
    "overdue",
    "following",
    "sorting",
    "snoozed",
    "resolved",
    "all",
)
# Word for word as the partial indexes have it, so that the databases see that these indexes hold what is asked for.
_WORK, _REVIEW = sql(WORK), sql(REVIEW)
# Errors of platforms that the desk has words for.
_TOLD_ERRORS = frozenset(
    {"window_closed", "quota", "unsubscribed", "unreachable", "rejected", "file_not_carried", "file_gone"}
)
# Work is ordered by urgency; what is over, by time.
_BY_TIME = frozenset({"resolved", "all", "following", "snoozed"})
# Long texts that a list does not show and should not carry.
_HEAVY = frozenset(
    {
        "description",
        "fields",
        "solution",
        "escalation_summary",
        "terms",
        "cause_text",
        "result_reason",
        "alternative",
        "source_url",
        "source_text",
    }
)
_LIGHT = tuple(column for column in tickets.c if column.name not in _HEAVY)
_NOT_READ: dict[str, Any] = {**dict.fromkeys(_HEAVY), "fields": {}}
# Nobody reads further than "more than this many" in a number beside a view.
COUNTED = 100
# What a ticket outside one's teams shows of its title.
_TITLE_OUTSIDE = 4
SORTS = ("priority", "updated", "created", "oldest", "due")
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_due = func.coalesce(tickets.c.sla_due_at, tickets.c.next_step_at, bindparam("never", _NEVER, UtcTime()))
_ORDERS: dict[str, tuple[tuple[Any, bool], ...]] = {
    # (column, whether it falls); the id makes every order a complete one.
    "priority": ((tickets.c.priority, False), (tickets.c.updated_at, True), (tickets.c.id, True)),
    "updated": ((tickets.c.updated_at, True), (tickets.c.id, True)),
    "created": ((tickets.c.created_at, True), (tickets.c.id, True)),
    "oldest": ((tickets.c.created_at, False), (tickets.c.id, False)),
    "due": ((_due, False), (tickets.c.id, False)),
    "found": ((ticket_terms.c.id, True),),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list should hold. Empty means "any"; `sort` empty: the view's own order.

    `outside` looks where the reader may not: it wants words to look for and tells serial, state and little else.
    """

    view: str = "open"
    state: str = ""
    category: str = ""
    team: str = ""
    channel: str = ""
    priority: int | None = None
    text: str = ""
    sort: str = ""
    outside: bool = False
    cursor: str = ""
    limit: int = 50


class Lists(Work):
    """Reading for staff. Methods open a transaction of their own unless they take one."""

    search: Search

    async def page(self, wanted: Wanted, *, reader: Reader) -> tuple[list[dict[str, Any]], str | None]:
        """One page of briefs and the cursor of the next one, or None at the end. What is found by words says where."""
        if wanted.outside and not wanted.text.strip():
            raise Invalid("outside wants q")
        order = self._order(wanted)
        async with self._db.read() as tx:
            rare = bool(wanted.text.strip()) and await self.search.index.is_rare(tx, wanted.text)
            query = self._query(wanted, reader, order, rare=rare)
            rows = await tx.all(query.limit(wanted.limit + 1))
            shown = [light(row) for row in rows[: wanted.limit]]
            briefs = await self.briefs(tx, shown)
            if wanted.outside:
                briefs = [_outside(each) for each in briefs]
            elif wanted.text.strip():
                await self._mark(tx, briefs, wanted.text)
        more = len(rows) > wanted.limit
        return briefs, _cursor_of(rows[wanted.limit - 1], order) if more else None

    async def counts(self, reader: Reader, views: Sequence[Wanted]) -> list[int]:
        """How many tickets each list holds, counted no further than `COUNTED`."""
        found: list[int] = []
        async with self._db.read() as tx:
            for wanted in views:
                rare = bool(wanted.text.strip()) and await self.search.index.is_rare(tx, wanted.text)
                rows = self._filtered(select(literal(1)).select_from(tickets), wanted, reader, rare).limit(COUNTED)
                found.append(await tx.scalar(select(func.count()).select_from(rows.subquery())))
        return found

    def _order(self, wanted: Wanted) -> str:
        """What is found by words comes newest first; else the wish, else the view's own order."""
        if wanted.sort and wanted.sort not in SORTS:
            raise Invalid("sort")
        if wanted.text.strip() and asked_terms(wanted.text):
            return "found"
        return wanted.sort or ("updated" if wanted.view in _BY_TIME else "priority")

    def _query(self, wanted: Wanted, reader: Reader, order: str, *, rare: bool) -> Select[Any]:
        keys = _ORDERS[order]
        query = self._filtered(
            select(*_LIGHT, *(key.label(f"key_{n}") for n, (key, _) in enumerate(keys))), wanted, reader, rare
        )
        if wanted.cursor:
            query = query.where(_after(wanted.cursor, order))
        return query.order_by(*(key.desc() if falls else key for key, falls in keys))

    def _filtered(self, query: Select[Any], wanted: Wanted, reader: Reader, rare: bool) -> Select[Any]:
        query = query.where(*self._view(wanted.view, reader))
        scope = in_scope(reader)
        query = query.where(scope.is_not(True) if wanted.outside else scope)
        for column, value in (
            (tickets.c.state, wanted.state),
            (tickets.c.team_id, wanted.team),
            (tickets.c.channel_kind, wanted.channel),
        ):
            if value:
                query = query.where(column == value)
        if wanted.category:
            query = query.where(
                or_(
                    tickets.c.category_id == wanted.category,
                    tickets.c.category_id.startswith(f"{wanted.category}/", autoescape=True),
                )
            )
        if wanted.priority is not None:
            query = query.where(tickets.c.priority == wanted.priority)
        return self._found(query, wanted.text.strip(), rare)

    def _found(self, query: Select[Any], words: str, rare: bool) -> Select[Any]:
        if not words:
            return query
        matches = self.search.index.matches(words, sqlite=self._db.sqlite, rare=rare)
        if matches is None:
            # Nothing but signs: no ticket is found by them.
            return query.where(false())
        return query.join(ticket_terms, ticket_terms.c.ticket_id == tickets.c.id).where(matches)

    def _view(self, view: str, reader: Reader) -> tuple[Any, ...]:
        now = self._clock.now()
        awake = or_(tickets.c.snoozed_until.is_(None), tickets.c.snoozed_until <= now)
        match view:
            case "open":
                return (_WORK, awake)
            case "mine":
                return (_WORK, awake, tickets.c.assignee_id == reader.staff_id)
            case "team":
                return (_WORK, awake, tickets.c.team_id.in_(reader.team_ids))
            case "expert":
                return (_WORK, awake, tickets.c.tier == 3)
            case "sorting":
                return (_WORK, awake, tickets.c.category_id == UNSORTED)
            case "review":
                return (_REVIEW,)
            case "overdue":
                return (_WORK, or_(tickets.c.next_step_at < now, tickets.c.sla_due_at < now))
            case "snoozed":
                return (_WORK, tickets.c.snoozed_until > now)
            case "following":
                mine = ticket_followers.c.staff_id == reader.staff_id
                return (tickets.c.id.in_(select(ticket_followers.c.ticket_id).where(mine)),)
            case "resolved":
                return (tickets.c.state == State.RESOLVED.value,)
            case "all":
                return ()
            case _:
                raise Invalid("view")

    async def _mark(self, tx: Tx, briefs: list[dict[str, Any]], words: str) -> None:
        """Where the words stand: in the title, else in a piece of the description."""
        ids = [each["id"] for each in briefs]
        query = select(tickets.c.id, tickets.c.description).where(tickets.c.id.in_(ids))
        said = {row.id: row.description for row in await tx.all(query)}
        for each in briefs:
            each["marks"] = marks(each["title"], words)
            each["snippet"] = None if each["marks"] else snippet(mask_text(said.get(each["id"]) or ""), words)

    async def briefs(self, tx: Tx, found: Iterable[Ticket]) -> list[dict[str, Any]]:
        """Tickets as the desk's lists show them."""
        page = tuple(found)
        if not page:
            return []
        tree = await categories.load(tx)
        teams = {team.id: team.name for team in await self._people.teams(tx)}
        people = await self._people.names(tx, [each.assignee_id for each in page if each.assignee_id])
        names = await _customer_names(tx, {each.customer_id for each in page})
        ratings = await _ratings(tx, [each.id for each in page])
        return [
            self._brief(
                each,
                tree=tree,
                team_name=teams.get(each.team_id or ""),
                assignee_name=people.get(each.assignee_id or ""),
                customer_name=self._customer_name(names.get(each.customer_id), each.customer_id),
                rating=ratings.get(each.id),
            )
            for each in page
        ]

    async def brief_of(self, tx: Tx, ticket_id: str) -> dict[str, Any]:
        """One ticket as a list shows it. Raises NotFound."""
        return (await self.briefs(tx, [await store.get(tx, ticket_id)]))[0]

    def _customer_name(self, name: str | None, customer_id: str) -> str:
        return mask_text(name) if name else self._texts.get("ticket.customer.unnamed", tail=customer_id[-4:])

    def _brief(
        self,
        ticket: Ticket,
        *,
        tree: Tree,
        team_name: str | None,
        assignee_name: str | None,
        customer_name: str,
        rating: int | None,
    ) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "id": ticket.id,
            "serial": ticket.serial,
            "title": mask_text(ticket.title),
            "state": ticket.state,
            "state_text": self._texts.get(f"ticket.state.{ticket.state}"),
            "tier": ticket.tier,
            "priority": ticket.priority,
            "category_id": ticket.category_id,
            "category_name": tree.name(ticket.category_id),
            "team_id": ticket.team_id,
            "team_name": team_name,
            "assignee_id": ticket.assignee_id,
            "assignee_name": assignee_name,
            "channel_kind": ticket.channel_kind,
            "customer_name": customer_name,
            "updated_at": rfc3339(ticket.updated_at),
            "created_at": rfc3339(ticket.created_at),
            "next_step": ticket.next_step,
            "next_step_at": _time(ticket.next_step_at),
            "overdue": is_open(ticket.state) and _earliest(ticket.next_step_at, ticket.sla_due_at, now) < now,
            "sla": sla_mark(ticket, now),
            "review_wanted": ticket.review_wanted,
            "reopened_count": ticket.reopened_count,
            "rating": rating,
            "version": ticket.version,
        }

    async def detail(self, serial: str, permissions: Collection[str]) -> dict[str, Any]:
        """Everything about one ticket. Raises NotFound."""
        async with self._db.read() as tx:
            ticket = await store.by_serial(tx, serial)
            mode = None
            if ticket.conversation_id is not None:
                mode = (await conversations.get(tx, ticket.conversation_id)).mode.value
            found = await messages.of_ticket(tx, ticket.id)
            exchanged = await exchanges.of_ticket(tx, ticket.id)
            return {
                **(await self.briefs(tx, [ticket]))[0],
                "description": mask_text(ticket.description or ""),
                "fields": {key: masked(key, value) for key, value in ticket.fields.items()},
                "solution": ticket.solution,
                "escalated_to": ticket.escalated_to,
                "escalation_summary": ticket.escalation_summary,
                "reason": ticket.reason,
                "person_wanted_at": _time(ticket.person_wanted_at),
                "first_received_at": rfc3339(ticket.first_received_at),
                "first_human_reply_at": _time(ticket.first_human_reply_at),
                "confirmed_at": _time(ticket.confirmed_at),
                "resolved_at": _time(ticket.resolved_at),
                "closed_at": _time(ticket.closed_at),
                "close_ground": ticket.close_ground,
                "result_kind": ticket.result_kind,
                "next_step_by": ticket.next_step_by,
                "merged_into": ticket.merged_into,
                "customer": await self.customer_view(tx, ticket.customer_id),
                "conversation_id": ticket.conversation_id,
                "conversation_mode": mode,
                "events": await self._events(tx, ticket),
                "exchanges": await self._exchanges(tx, exchanged, found),
                "messages": self.message_views(found, exchanged),
                "surveys": [_survey(each) for each in await surveys.of_ticket(tx, ticket.id)],
                "allowed": self.allowed(ticket, permissions),
                **{part.name: await part.shown(tx, ticket, permissions) for part in self._parts if part.name},
            }

    async def customer_view(self, tx: Tx, customer_id: str) -> dict[str, Any]:
        customer = await customers.get(tx, customer_id)
        kinds = {channel.id: channel.kind for channel in await channels.all_of(tx)}
        return {
            "id": customer.id,
            "name": self._customer_name(customer.name, customer.id),
            "level": customer.level,
            "profile": {key: mask_text(str(value)) for key, value in customer.profile.items()},
            "tags": list(customer.tags),
            "phone_masked": mask_phone(customer.phone),
            "email_masked": mask_email(customer.email),
            "identities": [
                {
                    "channel_kind": kinds.get(each.channel_id, ""),
                    "external_masked": mask_external(each.external_id),
                    "proven": each.proven,
                }
                for each in await customers.identities_of(tx, customer_id)
            ],
        }

    async def _events(self, tx: Tx, ticket: Ticket) -> list[dict[str, Any]]:
        events = await store.events_of(tx, ticket.id)
        tree = await categories.load(tx)
        teams = {team.id: team.name for team in await self._people.teams(tx)}
        ids = {str(value) for each in events for side in (each.old, each.new) for value in _people_in(side)}
        people = await self._people.names(tx, ids)
        return [event_view(each, self._texts, tree, teams, people, self._local) for each in events]

    async def _exchanges(self, tx: Tx, found: list[Exchange], said: list[Message]) -> list[dict[str, Any]]:
        texts: dict[str, str] = {each.id: each.text for each in said}
        missing = [each.message_id for each in found if each.message_id not in texts]
        if missing:
            texts.update(await messages.texts_of(tx, missing))
        return [
            {
                "id": each.id,
                "at": rfc3339(each.at),
                "text": mask_text(texts.get(each.message_id, "")),
                "intent": each.intent,
                "confidence": each.confidence,
                "decision": each.decision,
                "answered_by": each.answered_by,
                "latency_ms": each.latency_ms,
                "articles": list(each.articles),
            }
            for each in found
        ]

    def message_views(self, found: list[Message], exchanged: list[Exchange]) -> list[dict[str, Any]]:
        about = {each.message_id: each for each in exchanged}
        return [self._message(each, about.get(each.id)) for each in found]

    def _message(self, message: Message, exchange: Exchange | None) -> dict[str, Any]:
        payload = message.payload
        return {
            "id": message.id,
            "seq": message.seq,
            "author": message.author.value,
            "kind": message.kind.value,
            "text": mask_text(message.text),
            "html": payload.get("html"),
            "payload": {key: payload[key] for key in ("choices", "articles", "attachment", "card") if key in payload},
            "staff_name": message.staff_name,
            "delivery": message.delivery.value,
            "delivery_error_text": self._delivery_error(message.delivery_error),
            "at": rfc3339(message.at),
            "helpful": message.helpful,
            "exchange": {
                "intent": exchange.intent,
                "confidence": exchange.confidence,
                "decision": exchange.decision,
                "articles": list(exchange.articles),
            }
            if exchange
            else None,
        }

    def _delivery_error(self, code: str | None) -> str | None:
        if not code:
            return None
        known = code if code in _TOLD_ERRORS else "other"
        return self._texts.get(f"delivery.error.{known}", code=code)


def light(row: Row[Any]) -> Ticket:
    """A row of a list as a value, without its long texts."""
    known = {name: row._mapping[name] for name in (column.name for column in _LIGHT)}
    return Ticket(**_NOT_READ, **known)


def _outside(brief: dict[str, Any]) -> dict[str, Any]:
    """What a ticket outside one's teams tells: enough to know whether it is the one."""
    kept = ("serial", "state", "state_text", "team_id", "team_name", "channel_kind", "created_at", "updated_at", "tier")
    title = str(brief["title"])
    shown = title if len(title) <= _TITLE_OUTSIDE else f"{title[:_TITLE_OUTSIDE]}****"
    return {**dict.fromkeys(brief), **{name: brief[name] for name in kept}, "title": shown, "outside": True}


def _cursor_of(row: Row[Any], order: str) -> str:
    values = [row._mapping[f"key_{number}"] for number in range(len(_ORDERS[order]))]
    return base64.urlsafe_b64encode(msgspec.json.encode([order, *values])).decode().rstrip("=")


def _after(cursor: str, order: str) -> Any:
    """What comes after the cursor in an order. Raises Invalid for one of another order."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        named, *told = msgspec.json.decode(raw, type=list[str | int])
        keys = _ORDERS[order]
        if named != order or len(told) != len(keys):
            raise Invalid("cursor")
        values = [_key(key, value) for (key, _), value in zip(keys, told, strict=True)]
    except (binascii.Error, msgspec.DecodeError, ValueError) as exc:
        raise Invalid("cursor") from exc
    later: Any = None
    for (key, falls), value in zip(reversed(keys), reversed(values), strict=True):
        further = key < value if falls else key > value
        later = further if later is None else or_(further, and_(key == value, later))
    first, falls = keys[0]
    # Said once more for the index: nothing before the first key is even looked at.
    return and_(first <= values[0] if falls else first >= values[0], later)


def _key(key: Any, value: str | int) -> Any:
    if isinstance(key.type, UtcTime):
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise ValueError("no zone")
        return literal(moment, UtcTime())
    if isinstance(value, int) != isinstance(key.type, Integer):
        raise ValueError("another kind of key")
    return value


async def _customer_names(tx: Tx, customer_ids: Collection[str]) -> dict[str, str | None]:
    query = select(customers_table.c.id, customers_table.c.name).where(customers_table.c.id.in_(list(customer_ids)))
    return {row.id: row.name for row in await tx.all(query)}


async def _ratings(tx: Tx, ticket_ids: list[str]) -> dict[str, int]:
    """Ticket id → the customer's last answer."""
    rows = await tx.all(
        select(surveys_table.c.ticket_id, surveys_table.c.rating)
        .where(surveys_table.c.ticket_id.in_(ticket_ids), surveys_table.c.rating.is_not(None))
        .order_by(surveys_table.c.answered_at)
    )
    return {row.ticket_id: row.rating for row in rows}


def _people_in(side: Mapping[str, Any]) -> list[Any]:
    return [side[name] for name in PEOPLE if side.get(name)]


def _survey(survey: surveys.Survey) -> dict[str, Any]:
    return {
        "round": survey.round,
        "sent_at": rfc3339(survey.sent_at),
        "answered_at": _time(survey.answered_at),
        "rating": survey.rating,
        "solved": survey.solved,
        "text": mask_text(survey.text) if survey.text else None,
    }


def _earliest(*moments: datetime | None) -> datetime:
    return min(each for each in moments if each is not None)


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
