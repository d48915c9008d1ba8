"""Keeping facts up with their tickets: find what has fallen behind, read what happened, write the facts.

Nothing is written while customers and staff work; a ticket that has changed is found by comparing its version and its
last words with those its facts were counted at. Whoever counts an older state than somebody else leaves a row that
still differs, so it is counted again: two gateways may do this at once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import case, false, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from bot.tables import exchanges, messages
from core.db import Database, Tx
from core.normaliser import terms
from tickets.figures.facts import BACK_WITHIN, KINDS, Happened, Round, Story, Talk, edition, fact_of, words_of
from tickets.figures.tables import ticket_facts
from tickets.sla.tables import sla_clocks
from tickets.tables import surveys, ticket_events, tickets

log = structlog.get_logger(__name__)

# So many at a time: a tenth of a second of work, and statements of a length that every database takes.
CHUNK = 200
_TICKET = (
    "id",
    "customer_id",
    "channel_kind",
    "tier",
    "state",
    "close_ground",
    "result_kind",
    "category_id",
    "team_id",
    "assignee_id",
    "fields",
    "reopened_count",
    "reason",
    "person_wanted_at",
    "first_received_at",
    "first_human_reply_at",
    "confirmed_at",
    "resolved_at",
    "closed_at",
    "last_customer_at",
    "last_reply_at",
    "merchant",
    "live_room",
    "executive_asked_at",
    "executive_due_at",
    "executive_answered_at",
    "sla_breached",
    "version",
    "updated_at",
)
_votes = func.sum(case((messages.c.helpful.is_(True), 1_000), else_=1))


async def behind(tx: Tx, zone: ZoneInfo) -> list[str]:
    """Ids of the tickets whose facts are missing or tell of an earlier state, in a fixed order."""
    facts = ticket_facts.c
    query = (
        select(tickets.c.id)
        .outerjoin(ticket_facts, facts.ticket_id == tickets.c.id)
        .where(
            or_(
                facts.ticket_id.is_(None),
                facts.edition != edition(zone),
                facts.version != tickets.c.version,
                facts.last_customer_at.is_distinct_from(tickets.c.last_customer_at),
                facts.last_reply_at.is_distinct_from(tickets.c.last_reply_at),
                facts.breached != func.coalesce(tickets.c.sla_breached, false()),
            )
        )
    )
    found = {str(row.id) for row in await tx.all(query)}
    # A thumb changes no ticket.
    voted = (
        select(messages.c.ticket_id, _votes.label("votes"))
        .where(messages.c.helpful.is_not(None), messages.c.ticket_id.is_not(None))
        .group_by(messages.c.ticket_id)
        .subquery()
    )
    more = select(voted.c.ticket_id).join(ticket_facts, facts.ticket_id == voted.c.ticket_id)
    found |= {str(row.ticket_id) for row in await tx.all(more.where(facts.votes != voted.c.votes))}
    # A survey that goes out later, or a word on recommending us that comes after the rating, changes none either.
    told = surveys.c.recommend
    net = func.sum(case((told >= 9, 1), (told <= 6, -1), else_=0))
    counted = {
        "asked": func.count(),
        "given": func.count(surveys.c.answered_at),
        "rated": func.count(case((surveys.c.answered_at.is_not(None), surveys.c.rating))),
        "recommend_rated": func.count(told),
        "recommend_net": net,
    }
    rounds = (
        select(surveys.c.ticket_id, *(value.label(name) for name, value in counted.items()))
        .group_by(surveys.c.ticket_id)
        .subquery()
    )
    other = or_(*(facts[name] != rounds.c[name] for name in counted))
    late = select(rounds.c.ticket_id).join(ticket_facts, facts.ticket_id == rounds.c.ticket_id)
    found |= {str(row.ticket_id) for row in await tx.all(late.where(other, facts.matters == 1))}
    return sorted(found)


async def count(db: Database, ticket_ids: Sequence[str], zone: ZoneInfo) -> None:
    """Count the facts of these tickets, at most `CHUNK`, and of earlier ones that look different now."""
    async with db.read() as tx:
        fresh = await _without_facts(tx, ticket_ids)
        ids = sorted({*ticket_ids, *await _before(tx, fresh)})
        stories = await read(tx, ids)
    facts = await asyncio.to_thread(lambda: [fact_of(each, zone) for each in stories])
    try:
        await _write(db, facts)
    except IntegrityError:
        # A ticket was deleted meanwhile; the next look does not find it any more.
        log.info("figures.again", tickets=len(facts))


async def forget_all(db: Database) -> None:
    """Let every fact count as fallen behind; the old ones stand until the new ones are there."""
    async with db.begin() as tx:
        await tx.execute(update(ticket_facts).values(edition=""))


async def _write(db: Database, facts: list[dict[str, Any]]) -> None:
    if not facts:
        return
    statement = sqlite.insert(ticket_facts) if db.sqlite else postgresql.insert(ticket_facts)
    columns = {name: statement.excluded[name] for name in facts[0] if name != "ticket_id"}
    async with db.begin() as tx:
        await tx.execute(statement.on_conflict_do_update(index_elements=["ticket_id"], set_=columns), facts)


async def _without_facts(tx: Tx, ticket_ids: Collection[str]) -> set[str]:
    query = select(ticket_facts.c.ticket_id).where(ticket_facts.c.ticket_id.in_(list(ticket_ids)))
    return set(ticket_ids) - {row.ticket_id for row in await tx.all(query)}


async def _before(tx: Tx, ticket_ids: Collection[str]) -> set[str]:
    """The tickets after which these customers came back: what is new changes what was."""
    if not ticket_ids:
        return set()
    mine = select(tickets.c.customer_id, tickets.c.first_received_at).where(tickets.c.id.in_(list(ticket_ids)))
    arrivals: dict[str, list[datetime]] = defaultdict(list)
    for row in await tx.all(mine):
        arrivals[row.customer_id].append(row.first_received_at)
    theirs = select(tickets.c.id, tickets.c.customer_id, tickets.c.last_customer_at, tickets.c.first_received_at)
    found = set()
    for row in await tx.all(theirs.where(tickets.c.customer_id.in_(list(arrivals)))):
        left = row.last_customer_at or row.first_received_at
        if any(left < moment <= left + BACK_WITHIN for moment in arrivals[row.customer_id]):
            found.add(str(row.id))
    return found


async def read(tx: Tx, ticket_ids: Sequence[str]) -> list[Story]:
    """What happened on these tickets."""
    ids = list(ticket_ids)
    query = select(*(tickets.c[name] for name in _TICKET)).where(tickets.c.id.in_(ids))
    rows = [dict(row._mapping) for row in await tx.all(query)]
    human = [row["id"] for row in rows if row["tier"] > 1]
    events = await _events(tx, ids)
    rounds = await _rounds(tx, ids)
    talks = await _talks(tx, ids, await _words(tx, human))
    votes = await _thumbs(tx, ids)
    back = await _came_back(tx, rows)
    late = await _clocks(tx, human)
    return [
        Story(
            ticket=row,
            events=events[row["id"]],
            rounds=rounds[row["id"]],
            talks=talks[row["id"]],
            ups=votes.get(row["id"], 0) // 1_000,
            downs=votes.get(row["id"], 0) % 1_000,
            came_back=row["id"] in back,
            clocks=row["id"] in late,
            late=late.get(row["id"], False),
        )
        for row in rows
    ]


async def _events(tx: Tx, ids: list[str]) -> Mapping[str, list[Happened]]:
    found: dict[str, list[Happened]] = defaultdict(list)
    query = (
        select(ticket_events.c.ticket_id, ticket_events.c.at, ticket_events.c.actor, ticket_events.c.kind)
        .where(ticket_events.c.ticket_id.in_(ids), ticket_events.c.kind.in_(KINDS))
        .order_by(ticket_events.c.ticket_id, ticket_events.c.number)
    )
    for row in await tx.all(query):
        found[row.ticket_id].append(Happened(row.at, row.actor, row.kind))
    return found


async def _rounds(tx: Tx, ids: list[str]) -> Mapping[str, list[Round]]:
    found: dict[str, list[Round]] = defaultdict(list)
    columns = [surveys.c[name] for name in ("sent_at", "answered_at", "rating", "solved", "recommend")]
    query = select(surveys.c.ticket_id, *columns).where(surveys.c.ticket_id.in_(ids)).order_by(surveys.c.round)
    for row in await tx.all(query):
        found[row.ticket_id].append(Round(row.sent_at, row.answered_at, row.rating, row.solved, row.recommend))
    return found


async def _talks(tx: Tx, ids: list[str], words: Mapping[str, frozenset[str]]) -> Mapping[str, list[Talk]]:
    found: dict[str, list[Talk]] = defaultdict(list)
    names = ("at", "state", "answered_by", "decision", "failed", "latency_ms", "answered_at", "articles", "message_id")
    query = (
        select(exchanges.c.ticket_id, *(exchanges.c[name] for name in names))
        .where(exchanges.c.ticket_id.in_(ids))
        .order_by(exchanges.c.ticket_id, exchanges.c.at, exchanges.c.id)
    )
    for row in await tx.all(query):
        found[row.ticket_id].append(
            Talk(
                at=row.at,
                state=row.state,
                answered_by=row.answered_by,
                decision=row.decision,
                failed=row.failed,
                latency_ms=row.latency_ms,
                answered_at=row.answered_at,
                article=row.articles[0].get("article_id") if row.articles else None,
                words=words.get(row.message_id, frozenset()),
            )
        )
    return found


async def _words(tx: Tx, ids: list[str]) -> dict[str, frozenset[str]]:
    """What customers said on tickets of people, by message."""
    if not ids:
        return {}
    query = select(messages.c.id, messages.c.text).where(
        messages.c.ticket_id.in_(ids), messages.c.author == "customer", messages.c.kind == "text"
    )
    rows = await tx.all(query)
    return await asyncio.to_thread(lambda: {row.id: words_of(terms(row.text)) for row in rows})


async def _thumbs(tx: Tx, ids: list[str]) -> dict[str, int]:
    query = (
        select(messages.c.ticket_id, _votes.label("votes"))
        .where(messages.c.ticket_id.in_(ids), messages.c.helpful.is_not(None))
        .group_by(messages.c.ticket_id)
    )
    return {row.ticket_id: int(row.votes) for row in await tx.all(query)}


async def _clocks(tx: Tx, ids: list[str]) -> dict[str, bool]:
    """Whether a promise was broken, for tickets that had any."""
    query = (
        select(sla_clocks.c.ticket_id, func.count(sla_clocks.c.breached_at).label("late"))
        .where(sla_clocks.c.ticket_id.in_(ids))
        .group_by(sla_clocks.c.ticket_id)
    )
    return {row.ticket_id: row.late > 0 for row in await tx.all(query)} if ids else {}


async def _came_back(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Those whose customer began another matter within a day after their last words on this one."""
    known = list(rows)
    moments: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    query = select(tickets.c.id, tickets.c.customer_id, tickets.c.first_received_at).where(
        tickets.c.customer_id.in_({row["customer_id"] for row in known})
    )
    for row in await tx.all(query):
        moments[row.customer_id].append((row.id, row.first_received_at))
    found = set()
    for each in known:
        left = each["last_customer_at"] or each["first_received_at"]
        if any(left < at <= left + BACK_WITHIN for other, at in moments[each["customer_id"]] if other != each["id"]):
            found.add(each["id"])
    return found
