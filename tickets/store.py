"""Tickets and their history in SQL. `change` is the only way to alter what the history tells.

Every change is one event and one version, so `version` is the number of the last event, and the events of a ticket
replay to its present state (`tickets/replay.py`). What is only bookkeeping (search terms, times of the last words)
goes through `note` and has no event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, and_, bindparam, select

from core.clock import rfc3339
from core.db import Tx
from core.errors import Conflict, NotFound
from core.ids import TicketId, new_id
from core.statements import Changes, Insertion, Shape, Statement
from tickets.tables import ticket_events, tickets

# Nobody and no words have sorted it yet.
UNSORTED = "unsorted"

# What events tell by old and new value. Words of customers and staff are sealed, so they stand in the event's text.
TRACKED = (
    "state",
    "close_ground",
    "result_kind",
    "tier",
    "priority",
    "category_id",
    "team_id",
    "assignee_id",
    "escalated_to",
    "review_wanted",
    "reopened_count",
    "reason",
    "person_wanted_at",
    "next_step_by",
    "next_step_at",
    "merged_into",
    "cause",
    "follow_up_team_id",
    "follow_up_at",
    "promised_at",
    "next_step_kind",
    "next_step_told",
    "snoozed_until",
    "tags",
    "source",
    "created_by",
    "unhappy_count",
    "executive_id",
    "executive_asked_at",
    "executive_due_at",
    "executive_answered_at",
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """One row, as it stood when it was read."""

    id: TicketId
    serial: str
    customer_id: str
    conversation_id: str | None
    channel_id: str | None
    channel_kind: str
    tier: int
    state: str
    close_ground: str | None
    result_kind: str | None
    priority: int
    category_id: str
    team_id: str | None
    assignee_id: str | None
    title: str
    description: str | None
    fields: Mapping[str, Any]
    solution: str | None
    next_step: str | None
    next_step_by: str | None
    next_step_at: datetime | None
    escalated_to: str | None
    escalation_summary: str | None
    review_wanted: bool
    reopened_count: int
    reason: str | None
    person_wanted_at: datetime | None
    first_received_at: datetime
    first_human_reply_at: datetime | None
    confirmed_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    last_customer_at: datetime | None
    last_reply_at: datetime | None
    customer_unread: int
    terms: str | None
    merged_into: str | None
    previous_id: str | None
    cause: str | None
    cause_text: str | None
    result_reason: str | None
    alternative: str | None
    follow_up_team_id: str | None
    follow_up_at: datetime | None
    promised_at: datetime | None
    next_step_kind: str | None
    next_step_told: bool | None
    snoozed_until: datetime | None
    tags: list[str] | None
    source: str | None
    source_url: str | None
    source_text: str | None
    created_by: str | None
    live_room: str | None
    merchant: str | None
    signature: str | None
    unhappy_count: int | None
    executive_id: str | None
    executive_asked_at: datetime | None
    executive_due_at: datetime | None
    executive_answered_at: datetime | None
    told_at: datetime | None
    sla_clock: str | None
    sla_due_at: datetime | None
    sla_warn_at: datetime | None
    sla_breached: bool | None
    followers: int | None
    version: int
    demo: bool
    created_at: datetime
    updated_at: datetime


_COLUMNS = tuple(each.name for each in fields(Ticket))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: `customer`, `bot`, `system`, or a staff id with the name of that moment."""

    id: str
    name: str | None = None


CUSTOMER = Actor("customer")
BOT = Actor("bot")
SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history."""

    number: int
    at: datetime
    actor: str
    actor_name: str | None
    kind: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    text: str | None


SHAPE = Shape(Ticket, tickets)

_THIS = tickets.c.id == bindparam("row_id")
_BY_ID = select(*SHAPE.columns).where(_THIS)
_GET, _LOCK = Statement(_BY_ID), Statement(_BY_ID.with_for_update())
_BY_SERIAL = select(*SHAPE.columns).where(tickets.c.serial == bindparam("serial"))
_GET_SERIAL, _LOCK_SERIAL = Statement(_BY_SERIAL), Statement(_BY_SERIAL.with_for_update())
_OF_CUSTOMER = Statement(
    select(*SHAPE.columns)
    .where(tickets.c.customer_id == bindparam("customer_id"))
    .order_by(tickets.c.updated_at.desc(), tickets.c.id.desc())
    .limit(bindparam("limit"))
)
_INSERT = Insertion(tickets)
_CHANGE = Changes(tickets, and_(_THIS, tickets.c.version == bindparam("known_version")))
_NOTE = Changes(tickets, _THIS)
_INSERT_EVENT = Insertion(ticket_events)
_EVENTS_OF = Statement(
    select(*(ticket_events.c[each.name] for each in fields(Event)))
    .where(ticket_events.c.ticket_id == bindparam("ticket_id"))
    .order_by(ticket_events.c.number)
)


async def get(tx: Tx, ticket_id: str, *, lock: bool = False) -> Ticket:
    """The ticket. With `lock` nobody else changes it until the transaction ends. Raises NotFound."""
    return _found(await (_LOCK if lock else _GET).first(tx, row_id=ticket_id))


async def by_serial(tx: Tx, serial: str, *, lock: bool = False) -> Ticket:
    """The ticket with this number. Raises NotFound."""
    return _found(await (_LOCK_SERIAL if lock else _GET_SERIAL).first(tx, serial=serial))


async def of_customer(tx: Tx, customer_id: str, limit: int = 50) -> list[Ticket]:
    """A customer's tickets, the last touched first."""
    return [SHAPE.value(row) for row in await _OF_CUSTOMER.all(tx, customer_id=customer_id, limit=limit)]


async def create(tx: Tx, *, actor: Actor, at: datetime, text: str | None = None, **values: Any) -> Ticket:
    """Write a new ticket and its first event. `values` are columns; what is not named has its default."""
    row: dict[str, Any] = {
        "id": new_id("tck"),
        "state": "new",
        "tier": 1,
        "priority": 3,
        "category_id": UNSORTED,
        "review_wanted": False,
        "reopened_count": 0,
        "customer_unread": 0,
        "fields": {},
        "version": 1,
        "demo": False,
        "created_at": at,
        "updated_at": at,
        **values,
    }
    await _INSERT.write(tx, **row)
    made = Ticket(**{**dict.fromkeys(_COLUMNS), **row})
    first = {name: known for name, known in tracked(made).items() if known is not None}
    await _write_event(tx, made, 1, actor, "opened", at, old={}, new=first, text=text)
    return made


async def change(
    tx: Tx, ticket: Ticket, kind: str, *, actor: Actor, at: datetime, text: str | None = None, **values: Any
) -> Ticket:
    """Change columns and write the one event that tells of it. Raises Conflict when `ticket` is not the present row."""
    number = ticket.version + 1
    news = {**values, "version": number, "updated_at": at}
    if await _CHANGE.write(tx, news, row_id=ticket.id, known_version=ticket.version) == 0:
        raise Conflict("ticket changed meanwhile", text_id="error.ticket_changed")
    fresh = replace(ticket, **news)
    told = [name for name in TRACKED if name in values]
    before, now = _told(ticket, told), _told(fresh, told)
    differing = [name for name in told if before[name] != now[name]]
    await _write_event(
        tx,
        fresh,
        number,
        actor,
        kind,
        at,
        old={name: before[name] for name in differing},
        new={name: now[name] for name in differing},
        text=text,
    )
    return fresh


async def note(tx: Tx, ticket_id: str, **values: Any) -> None:
    """Write bookkeeping columns, which the history does not tell."""
    assert not set(values) & set(TRACKED)
    await _NOTE.write(tx, values, row_id=ticket_id)


async def events_of(tx: Tx, ticket_id: str) -> list[Event]:
    """The whole history, oldest first."""
    return [
        Event(number, at, actor, name, kind, old or {}, new or {}, text)
        for number, at, actor, name, kind, old, new, text in await _EVENTS_OF.all(tx, ticket_id=ticket_id)
    ]


async def last_event(tx: Tx, ticket_id: str, kinds: Iterable[str]) -> str | None:
    """Which of these kinds happened last, or None when none did."""
    row = await _last_of(tuple(kinds)).first(tx, ticket_id=ticket_id)
    return None if row is None else str(row[0])


@cache
def _last_of(kinds: tuple[str, ...]) -> Statement:
    return Statement(
        select(ticket_events.c.kind)
        .where(ticket_events.c.ticket_id == bindparam("ticket_id"), ticket_events.c.kind.in_(kinds))
        .order_by(ticket_events.c.number.desc())
        .limit(1)
    )


def tracked(ticket: Ticket) -> dict[str, Any]:
    """The part of a ticket that its history tells, as JSON."""
    return _told(ticket, TRACKED)


def _told(ticket: Ticket, names: Iterable[str]) -> dict[str, Any]:
    return {name: _json(getattr(ticket, name)) for name in names}


def value(row: Row[Any]) -> Ticket:
    """A row of `select(tickets)` as a value."""
    return Ticket(**row._mapping)


def _json(found: Any) -> Any:
    return rfc3339(found) if isinstance(found, datetime) else found


def _found(row: Sequence[Any] | None) -> Ticket:
    if row is None:
        raise NotFound("ticket")
    return SHAPE.value(row)


async def _write_event(
    tx: Tx,
    ticket: Ticket,
    number: int,
    actor: Actor,
    kind: str,
    at: datetime,
    *,
    old: dict[str, Any],
    new: dict[str, Any],
    text: str | None,
) -> None:
    await _INSERT_EVENT.write(
        tx,
        id=new_id("tev"),
        ticket_id=ticket.id,
        number=number,
        at=at,
        actor=actor.id,
        actor_name=actor.name,
        kind=kind,
        old=old,
        new=new,
        text=text,
        demo=ticket.demo,
    )
