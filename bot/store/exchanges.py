"""Exchanges: one customer message and what answered it.

open ──the assistant is asked──▶ posted
  └──────────────┬─────────────────┘
                 ├──▶ answered   by bot, agent or system
                 └──▶ dropped    the owner changed, or nobody answered before the bot got it back
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, select, update

from bot.store.messages import SHAPE as MESSAGE
from bot.store.messages import Message
from bot.tables import exchanges, messages
from core.db import Tx
from core.ids import ConversationId, EpisodeId, ExchangeId, MessageId, TicketId, new_id
from core.statements import Changes, Insertion, Shape, Statement

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


SHAPE = Shape(Exchange, exchanges, convert={"articles": tuple, "reply": tuple})

_IS_OPEN = exchanges.c.state.in_((OPEN, POSTED))
_UNANSWERED = and_(exchanges.c.conversation_id == bindparam("of_conversation"), _IS_OPEN)
_INSERT = Insertion(exchanges)
_CLOSE = Changes(exchanges, and_(exchanges.c.id == bindparam("row_id"), _IS_OPEN))
_LEAVE = Changes(exchanges, _UNANSWERED)
_UNANSWERED_IDS = Statement(select(exchanges.c.id, exchanges.c.at).where(_UNANSWERED))
_POST = Statement(
    update(exchanges)
    .where(exchanges.c.id == bindparam("row_id"), exchanges.c.state == OPEN)
    .values(state=POSTED, posted_at=bindparam("moment"))
)
_DROP_LEFT_OVER = Changes(exchanges, and_(_UNANSWERED, exchanges.c.decision.in_(("waiting", "person"))))
_BOTH = (
    select(*SHAPE.columns, *MESSAGE.columns)
    .join(messages, messages.c.id == exchanges.c.message_id)
    .order_by(messages.c.seq)
)
_OPEN_FOR_BOT = Statement(_BOTH.where(_UNANSWERED, exchanges.c.decision.is_(None)))
_OPEN_IN_LINE = Statement(_BOTH.where(_UNANSWERED, exchanges.c.decision == "waiting"))
_IN_ORDER = (exchanges.c.at, exchanges.c.id)
_OF_EPISODE = Statement(
    select(*SHAPE.columns).where(exchanges.c.episode_id == bindparam("episode_id")).order_by(*_IN_ORDER)
)


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
    await _INSERT.write(
        tx,
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
    return exchange_id


async def open_for_bot(tx: Tx, conversation_id: str) -> list[tuple[Exchange, Message]]:
    """What the bot owes an answer, with the messages, in their order."""
    return _pairs(await _OPEN_FOR_BOT.all(tx, of_conversation=conversation_id))


async def open_in_line(tx: Tx, conversation_id: str) -> list[tuple[Exchange, Message]]:
    """What was written while waiting for a person, with the messages, in their order."""
    return _pairs(await _OPEN_IN_LINE.all(tx, of_conversation=conversation_id))


def waiting_for_bot(conversation_id: ColumnElement[str]) -> ColumnElement[bool]:
    """A condition: messages wait for a turn of the bot."""
    here = exchanges.c.conversation_id == conversation_id
    return select(exchanges.c.id).where(here, _IS_OPEN, exchanges.c.decision.is_(None)).exists()


async def mark_posted(tx: Tx, exchange_ids: Iterable[str], at: datetime) -> None:
    """Note, before asking, that the assistant is about to be asked with these messages."""
    for each in exchange_ids:
        await _POST.count(tx, row_id=each, moment=at)


async def answer(
    tx: Tx, answered: Iterable[Exchange], finding: Finding, *, reply: Iterable[str], now: datetime
) -> None:
    """Close exchanges with what answered them; the reply's message ids stand on each."""
    said = {"state": ANSWERED, **_columns(finding), "answered_at": now, "reply": list(reply)}
    for each in answered:
        await _CLOSE.write(tx, {**said, "latency_ms": _ms(each.at, now)}, row_id=each.id)


async def drop(tx: Tx, dropped: Iterable[Exchange], finding: Finding, *, reply: Iterable[str], now: datetime) -> None:
    """Record that an answer was ready and must not be said any more."""
    unsaid = {"state": DROPPED, **_columns(finding), "answered_by": "nobody", "answered_at": now, "reply": list(reply)}
    for each in dropped:
        await _CLOSE.write(tx, unsaid, row_id=each.id)


async def answer_by_agent(tx: Tx, conversation_id: str, *, message_id: str, now: datetime) -> list[ExchangeId]:
    """Close whatever is open with an agent's message; returns what was closed."""
    found = await _UNANSWERED_IDS.all(tx, of_conversation=conversation_id)
    said = {
        "state": ANSWERED,
        "answered_by": "agent",
        "decision": "person",
        "answered_at": now,
        "reply": [message_id],
    }
    for exchange_id, at in found:
        await _CLOSE.write(tx, {**said, "latency_ms": _ms(at, now)}, row_id=exchange_id)
    return [ExchangeId(exchange_id) for exchange_id, _ in found]


async def drop_left_over(tx: Tx, conversation_id: str, now: datetime) -> None:
    """Close what a person was to answer and did not."""
    left = {"state": DROPPED, "answered_by": "nobody", "answered_at": now}
    await _DROP_LEFT_OVER.write(tx, left, of_conversation=conversation_id)


async def wait_for_person(tx: Tx, conversation_id: str, decision: str) -> None:
    """Leave what is open to a person. Exchanges of a turn that is running are closed by that turn."""
    await _LEAVE.write(tx, {"decision": decision}, of_conversation=conversation_id)


async def move_to_ticket(tx: Tx, episode_id: str, ticket_id: str) -> None:
    """Put all exchanges of an episode on another ticket."""
    await tx.execute(update(exchanges).where(exchanges.c.episode_id == episode_id).values(ticket_id=ticket_id))


async def of_episode(tx: Tx, episode_id: str) -> list[Exchange]:
    """All exchanges of an episode, oldest first."""
    return [SHAPE.value(row) for row in await _OF_EPISODE.all(tx, episode_id=episode_id)]


async def of_ticket(tx: Tx, ticket_id: str) -> list[Exchange]:
    """All exchanges of a ticket, oldest first."""
    query = select(*SHAPE.columns).where(exchanges.c.ticket_id == ticket_id).order_by(*_IN_ORDER)
    return [SHAPE.value(row) for row in await tx.all(query)]


async def of_messages(tx: Tx, message_ids: Iterable[str]) -> dict[MessageId, Exchange]:
    """The exchanges that these customer messages began."""
    query = select(*SHAPE.columns).where(exchanges.c.message_id.in_(list(message_ids)))
    return {each.message_id: each for each in (SHAPE.value(row) for row in await tx.all(query))}


async def answered_with(tx: Tx, conversation_id: str, message_id: str) -> Exchange | None:
    """The exchange whose answer this message is (the last one of its turn), or None."""
    query = (
        select(*SHAPE.columns)
        .where(exchanges.c.conversation_id == conversation_id, exchanges.c.state == ANSWERED)
        .order_by(exchanges.c.answered_at.desc(), exchanges.c.at.desc())
        .limit(200)
    )
    for row in await tx.all(query):
        if message_id in row.reply:
            return SHAPE.value(row)
    return None


def _pairs(rows: Iterable[Sequence[Any]]) -> list[tuple[Exchange, Message]]:
    return [(SHAPE.value(row), MESSAGE.value(row, len(SHAPE.columns))) for row in rows]


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
