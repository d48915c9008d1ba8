"""What the desk's lists read: conversations by view, with the handoff that is open on each. Reads only.

Tickets are a neighbour's; rows carry their ids and the gateway adds what is shown of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row as SqlRow
from sqlalchemy import and_, func, or_, select

from bot.tables import channels, conversations, customers, episodes, messages
from bot.types import Author, Mode
from core.db import Tx
from core.errors import Invalid
from core.people.store import DEFAULT_TEAM
from handoff import store
from handoff.tables import handoffs

VIEWS = ("mine", "waiting", "team", "all")
# A desk shows this many at once; what lies further back is found by search.
PAGE = 200


@dataclass(frozen=True, slots=True)
class Row:
    """One conversation in a list."""

    conversation_id: str
    customer_id: str
    customer_name: str | None
    channel_kind: str
    mode: str
    agent_id: str | None
    agent_name: str | None
    last_text: str | None
    last_at: datetime | None
    ticket_id: str | None
    handoff_id: str | None
    team_id: str | None
    reason: str | None
    priority: int | None
    waiting_since: datetime | None
    emotion: float | None


_COLUMNS = (
    conversations.c.id.label("conversation_id"),
    conversations.c.customer_id,
    customers.c.name.label("customer_name"),
    channels.c.kind.label("channel_kind"),
    conversations.c.mode,
    conversations.c.agent_id,
    conversations.c.agent_name,
    conversations.c.last_text,
    conversations.c.last_message_at.label("last_at"),
    # The episode's, since a ticket may have been put under another one while its customer waits.
    func.coalesce(episodes.c.ticket_id, handoffs.c.ticket_id).label("ticket_id"),
    handoffs.c.id.label("handoff_id"),
    handoffs.c.team_id,
    handoffs.c.reason,
    handoffs.c.priority,
    handoffs.c.waiting_since,
)


async def line(tx: Tx, team_ids: Collection[str] | None) -> list[Row]:
    """Who waits, in the order of the lines; the lines of these teams and the common one, or all when None."""
    query = _joined().where(conversations.c.mode == Mode.WAITING.value, handoffs.c.state == store.WAITING)
    if team_ids is not None:
        query = query.where(handoffs.c.team_id.in_([*team_ids, DEFAULT_TEAM]))
    order = (handoffs.c.priority, handoffs.c.waiting_since, handoffs.c.id)
    rows = await tx.all(query.add_columns(handoffs.c.packet).order_by(*order).limit(PAGE))
    return [_value(row) for row in rows]


async def page(
    tx: Tx, view: str, *, staff_id: str, team_ids: Collection[str], before: tuple[datetime, str] | None = None
) -> list[Row]:
    """One page of a view, the liveliest first. Raises Invalid for an unknown view."""
    query = _joined().add_columns(handoffs.c.packet)
    match view:
        case "mine":
            query = query.where(conversations.c.mode == Mode.AGENT.value, conversations.c.agent_id == staff_id)
        case "team":
            with_person = conversations.c.mode != Mode.BOT.value
            own = or_(handoffs.c.team_id.in_([*team_ids, DEFAULT_TEAM]), conversations.c.agent_id == staff_id)
            query = query.where(with_person, own)
        case "all":
            query = query.where(conversations.c.last_message_at.is_not(None))
        case _:
            raise Invalid("view")
    if before is not None:
        at, conversation_id = before
        same_time = and_(conversations.c.last_message_at == at, conversations.c.id < conversation_id)
        query = query.where(or_(conversations.c.last_message_at < at, same_time))
    rows = await tx.all(query.order_by(conversations.c.last_message_at.desc(), conversations.c.id.desc()).limit(PAGE))
    return [_value(row) for row in rows]


async def positions(tx: Tx) -> dict[str, int]:
    """Handoff id → the number strictly ahead in its own line."""
    counts: dict[str, int] = {}
    found = {}
    for one in await store.waiting(tx):
        found[one.id] = counts.get(one.team_id, 0)
        counts[one.team_id] = found[one.id] + 1
    return found


async def unread(tx: Tx, conversation_ids: Iterable[str]) -> dict[str, int]:
    """Conversation id → how many of the customer's messages no agent has read; zeros are missing."""
    query = (
        select(messages.c.conversation_id, func.count().label("number"))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(
            messages.c.conversation_id.in_(list(conversation_ids)),
            messages.c.author == Author.CUSTOMER.value,
            messages.c.seq > conversations.c.agent_read_seq,
        )
        .group_by(messages.c.conversation_id)
    )
    return {row.conversation_id: row.number for row in await tx.all(query)}


def _joined() -> Any:
    open_handoff = and_(handoffs.c.id == conversations.c.handoff_id, handoffs.c.state.in_(store.OPEN))
    return (
        select(*_COLUMNS)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .join(channels, channels.c.id == conversations.c.channel_id)
        .join(handoffs, open_handoff, isouter=True)
        .join(episodes, episodes.c.id == conversations.c.episode_id, isouter=True)
    )


def _value(row: SqlRow[Any]) -> Row:
    values = dict(row._mapping)
    packet = values.pop("packet", None)
    emotion = msgspec.json.decode(packet).get("emotion") if packet else None
    return Row(**values, emotion=emotion if isinstance(emotion, int | float) else None)
