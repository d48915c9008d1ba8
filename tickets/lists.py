"""What the desk reads: lists by view and search, one ticket with everything, in the desk's own shapes.

Phone numbers, e-mail addresses and card numbers are masked in everything that leaves here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, Text, and_, cast, or_, select

from bot.store import channels, conversations, customers, exchanges, messages
from bot.store.exchanges import Exchange
from bot.store.messages import Message
from bot.tables import customers as customers_table
from core.clock import rfc3339
from core.db import Tx
from core.errors import Invalid
from core.masking import mask_email, mask_external, mask_phone, mask_text
from core.normaliser import terms
from tickets import categories, store, surveys
from tickets.categories import Tree
from tickets.history import event_view
from tickets.states import OPEN, State, is_open
from tickets.store import Ticket
from tickets.tables import surveys as surveys_table
from tickets.tables import tickets
from tickets.work import Work

VIEWS = ("open", "mine", "team", "expert", "review", "overdue", "resolved", "all")
_OPEN_CODES = [each.value for each in OPEN]
_MOST_TERMS = 12
# Errors of platforms that the desk has words for.
_TOLD_ERRORS = frozenset({"window_closed", "quota", "unsubscribed", "unreachable", "rejected"})
# Work is ordered by urgency; what is over, by time.
_BY_TIME = frozenset({"resolved", "all"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list should hold. Empty means "any"."""

    view: str = "open"
    state: str = ""
    category: str = ""
    team: str = ""
    channel: str = ""
    priority: int | None = None
    text: str = ""
    cursor: str = ""
    limit: int = 50


class Lists(Work):
    """Reading for staff. Methods open a transaction of their own unless they take one."""

    async def page(
        self, wanted: Wanted, *, staff_id: str, team_ids: Collection[str]
    ) -> tuple[list[dict[str, Any]], str | None]:
        """One page of briefs and the cursor of the next one, or None at the end."""
        query = self._query(wanted, staff_id, team_ids)
        async with self._db.read() as tx:
            rows = [store.value(row) for row in await tx.all(query.limit(wanted.limit + 1))]
            shown = rows[: wanted.limit]
            briefs = await self.briefs(tx, shown)
        more = len(rows) > wanted.limit
        return briefs, _cursor_of(shown[-1]) if more else None

    def _query(self, wanted: Wanted, staff_id: str, team_ids: Collection[str]) -> Select[Any]:
        query = select(tickets).where(self._view(wanted.view, staff_id, team_ids))
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
        if wanted.text.strip():
            query = query.where(_matches(wanted.text))
        by_time = wanted.view in _BY_TIME
        if wanted.cursor:
            query = query.where(_after(wanted.cursor, by_time=by_time))
        order = (tickets.c.updated_at.desc(), tickets.c.id.desc())
        return query.order_by(*order) if by_time else query.order_by(tickets.c.priority, *order)

    def _view(self, view: str, staff_id: str, team_ids: Collection[str]) -> Any:
        # Tier one is the bot's: it stands in no list of work.
        work = and_(tickets.c.state.in_(_OPEN_CODES), tickets.c.tier > 1)
        match view:
            case "open":
                return work
            case "mine":
                return and_(work, tickets.c.assignee_id == staff_id)
            case "team":
                return and_(work, tickets.c.team_id.in_(list(team_ids)))
            case "expert":
                return and_(work, tickets.c.tier == 3)
            case "review":
                return tickets.c.review_wanted.is_(True)
            case "overdue":
                return and_(work, tickets.c.next_step_at < self._clock.now())
            case "resolved":
                return tickets.c.state == State.RESOLVED.value
            case "all":
                return tickets.c.state.is_not(None)
            case _:
                raise Invalid("view")

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
            "overdue": is_open(ticket.state) and ticket.next_step_at is not None and ticket.next_step_at < now,
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
                "fields": {key: mask_text(str(value)) for key, value in ticket.fields.items()},
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


def _matches(text: str) -> Any:
    """Every term of the text stands in the ticket, or its number does."""
    said = text.strip()
    words = cast(tickets.c.terms, Text)
    found = [words.contains(f" {term} ", autoescape=True) for term in terms(said)[:_MOST_TERMS]]
    serial = tickets.c.serial.contains(said.upper(), autoescape=True)
    return or_(serial, and_(*found)) if found else serial


def _cursor_of(ticket: Ticket) -> str:
    data = msgspec.json.encode([ticket.priority, ticket.updated_at, ticket.id])
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _after(cursor: str, *, by_time: bool) -> Any:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        priority, updated_at, ticket_id = msgspec.json.decode(raw, type=tuple[int, datetime, str])
    except (binascii.Error, msgspec.DecodeError, ValueError) as exc:
        raise Invalid("cursor") from exc
    later = or_(
        tickets.c.updated_at < updated_at,
        and_(tickets.c.updated_at == updated_at, tickets.c.id < ticket_id),
    )
    if by_time:
        return later
    return or_(tickets.c.priority > priority, and_(tickets.c.priority == priority, later))


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
    return [side[name] for name in ("assignee_id", "next_step_by") if side.get(name)]


def _survey(survey: surveys.Survey) -> dict[str, Any]:
    return {
        "round": survey.round,
        "sent_at": rfc3339(survey.sent_at),
        "answered_at": _time(survey.answered_at),
        "rating": survey.rating,
        "solved": survey.solved,
        "text": mask_text(survey.text) if survey.text else None,
    }


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
