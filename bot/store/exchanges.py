"""Exchanges: one customer message and what answered it.

open ──the assistant is asked──▶ posted
  └──────────────┬─────────────────┘
                 ├──▶ answered   by bot, agent or system
                 └──▶ dropped    the owner changed, or nobody answered before the bot got it back
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select, update

from bot.store.messages import Message
from bot.store.messages import of_values as message_of
from bot.store.rows import columns, part
from bot.tables import exchanges, messages
from core.db import Tx
from core.ids import ConversationId, EpisodeId, ExchangeId, MessageId, TicketId, new_id

OPEN = "open"
POSTED = "posted"
ANSWERED = "answered"
DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One row. `decision` is None until a turn decided; `waiting` and `person` are not the bot's to answer."""

    id: ExchangeId
    message_id: MessageId
    conversation_id: ConversationId
    episode_id: EpisodeId
    ticket_id: TicketId
    epoch: int
    state: str
    answered_by: str | None
    intent: str | None
    confidence: float | None
    decision: str | None
    articles: tuple[Mapping[str, Any], ...]
    release_id: str | None
    model: str | None
    failed: bool
    emotion: float | None
    latency_ms: int | None
    at: datetime
    posted_at: datetime | None
    answered_at: datetime | None
    reply: tuple[str, ...]
    demo: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a turn found out about its exchanges."""

    decision: str
    answered_by: str = "bot"
    intent: str | None = None
    confidence: float | None = None
    articles: tuple[Mapping[str, Any], ...] = ()
    release_id: str | None = None
    model: str | None = None
    failed: bool = False
    emotion: float | None = None


async def begin(
    tx: Tx,
    *,
    message_id: str,
    conversation_id: str,
    episode_id: str,
    ticket_id: str,
    epoch: int,
    at: datetime,
    decision: str | None = None,
    demo: bool = False,
) -> ExchangeId:
    """Open the exchange of a customer message. `decision` is given when the bot must not answer it."""
    exchange_id = ExchangeId(new_id("exc"))
    await tx.execute(
        insert(exchanges).values(
            id=exchange_id,
            message_id=message_id,
            conversation_id=conversation_id,
            episode_id=episode_id,
            ticket_id=ticket_id,
            epoch=epoch,
            state=OPEN,
            decision=decision,
            articles=[],
            reply=[],
            at=at,
            demo=demo,
        )
    )
    return exchange_id


async def open_for_bot(tx: Tx, conversation_id: str) -> list[tuple[Exchange, Message]]:
    """What the bot owes an answer, with the messages, in their order."""
    return await _with_messages(tx, _unanswered(conversation_id), exchanges.c.decision.is_(None))


async def open_in_line(tx: Tx, conversation_id: str) -> list[tuple[Exchange, Message]]:
    """What was written while waiting for a person, with the messages, in their order."""
    return await _with_messages(tx, _unanswered(conversation_id), exchanges.c.decision == "waiting")


def waiting_for_bot(conversation_id: str) -> Any:
    """A condition: messages wait for a turn of the bot."""
    return select(exchanges.c.id).where(_unanswered(conversation_id), exchanges.c.decision.is_(None)).exists()


async def mark_posted(tx: Tx, exchange_ids: Iterable[str], at: datetime) -> None:
    """Note, before asking, that the assistant is about to be asked with these messages."""
    await tx.execute(
        update(exchanges)
        .where(exchanges.c.id.in_(list(exchange_ids)), exchanges.c.state == OPEN)
        .values(state=POSTED, posted_at=at)
    )


async def answer(
    tx: Tx, answered: Iterable[Exchange], finding: Finding, *, reply: Iterable[str], now: datetime
) -> None:
    """Close exchanges with what answered them; the reply's message ids stand on each."""
    ids = list(reply)
    for each in answered:
        await tx.execute(
            update(exchanges)
            .where(exchanges.c.id == each.id, exchanges.c.state.in_((OPEN, POSTED)))
            .values(state=ANSWERED, **_columns(finding), latency_ms=_ms(each.at, now), answered_at=now, reply=ids)
        )


async def drop(tx: Tx, dropped: Iterable[Exchange], finding: Finding, *, reply: Iterable[str], now: datetime) -> None:
    """Record that an answer was ready and must not be said any more."""
    ids = list(reply)
    for each in dropped:
        await tx.execute(
            update(exchanges)
            .where(exchanges.c.id == each.id, exchanges.c.state.in_((OPEN, POSTED)))
            .values(state=DROPPED, **{**_columns(finding), "answered_by": "nobody"}, reply=ids, answered_at=now)
        )


async def answer_by_agent(tx: Tx, conversation_id: str, *, message_id: str, now: datetime) -> list[ExchangeId]:
    """Close whatever is open with an agent's message; returns what was closed."""
    rows = await tx.all(select(exchanges.c.id, exchanges.c.at).where(_unanswered(conversation_id)))
    for row in rows:
        await tx.execute(
            update(exchanges)
            .where(exchanges.c.id == row.id)
            .values(
                state=ANSWERED,
                answered_by="agent",
                decision="person",
                latency_ms=_ms(row.at, now),
                answered_at=now,
                reply=[message_id],
            )
        )
    return [ExchangeId(row.id) for row in rows]


async def drop_left_over(tx: Tx, conversation_id: str, now: datetime) -> None:
    """Close what a person was to answer and did not."""
    await tx.execute(
        update(exchanges)
        .where(_unanswered(conversation_id), exchanges.c.decision.in_(("waiting", "person")))
        .values(state=DROPPED, answered_by="nobody", answered_at=now)
    )


async def wait_for_person(tx: Tx, conversation_id: str, decision: str) -> None:
    """Leave what is open to a person. Exchanges of a turn that is running are closed by that turn."""
    await tx.execute(update(exchanges).where(_unanswered(conversation_id)).values(decision=decision))


async def move_to_ticket(tx: Tx, episode_id: str, ticket_id: str) -> None:
    """Put all exchanges of an episode on another ticket."""
    await tx.execute(update(exchanges).where(exchanges.c.episode_id == episode_id).values(ticket_id=ticket_id))


async def of_episode(tx: Tx, episode_id: str) -> list[Exchange]:
    """All exchanges of an episode, oldest first."""
    query = select(exchanges).where(exchanges.c.episode_id == episode_id).order_by(exchanges.c.at, exchanges.c.id)
    return [_value(row) for row in await tx.all(query)]


async def of_ticket(tx: Tx, ticket_id: str) -> list[Exchange]:
    """All exchanges of a ticket, oldest first."""
    query = select(exchanges).where(exchanges.c.ticket_id == ticket_id).order_by(exchanges.c.at, exchanges.c.id)
    return [_value(row) for row in await tx.all(query)]


async def of_messages(tx: Tx, message_ids: Iterable[str]) -> dict[MessageId, Exchange]:
    """The exchanges that these customer messages began."""
    query = select(exchanges).where(exchanges.c.message_id.in_(list(message_ids)))
    return {each.message_id: each for each in (_value(row) for row in await tx.all(query))}


async def answered_with(tx: Tx, conversation_id: str, message_id: str) -> Exchange | None:
    """The exchange whose answer this message is (the last one of its turn), or None."""
    query = (
        select(exchanges)
        .where(exchanges.c.conversation_id == conversation_id, exchanges.c.state == ANSWERED)
        .order_by(exchanges.c.answered_at.desc(), exchanges.c.at.desc())
        .limit(200)
    )
    for row in await tx.all(query):
        if message_id in row.reply:
            return _value(row)
    return None


async def _with_messages(tx: Tx, *conditions: Any) -> list[tuple[Exchange, Message]]:
    query = (
        select(*columns(exchanges, "x"), *columns(messages, "m"))
        .join(messages, messages.c.id == exchanges.c.message_id)
        .where(*conditions)
        .order_by(messages.c.seq)
    )
    return [(of_values(part(row, exchanges, "x")), message_of(part(row, messages, "m"))) for row in await tx.all(query)]


def _unanswered(conversation_id: str) -> Any:
    return and_(exchanges.c.conversation_id == conversation_id, exchanges.c.state.in_((OPEN, POSTED)))


def _columns(finding: Finding) -> dict[str, Any]:
    return {
        "decision": finding.decision,
        "answered_by": finding.answered_by,
        "intent": finding.intent,
        "confidence": finding.confidence,
        "articles": [dict(each) for each in finding.articles],
        "release_id": finding.release_id,
        "model": finding.model,
        "failed": finding.failed,
        "emotion": finding.emotion,
    }


def _ms(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds() * 1000))


def _value(row: Row[Any]) -> Exchange:
    return of_values(dict(row._mapping))


def of_values(values: dict[str, Any]) -> Exchange:
    """An exchange from its columns."""
    values["articles"] = tuple(values["articles"])
    values["reply"] = tuple(values["reply"])
    return Exchange(**values)
