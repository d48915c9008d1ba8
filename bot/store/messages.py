"""Messages: one utterance each. What the customer sees takes the next `seq` of its conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, update

from bot.tables import conversations, messages
from bot.types import ArticleCard, Author, Choice, Delivery, Kind, Speaker
from core.db import Tx
from core.errors import NotFound
from core.ids import ConversationId, EpisodeId, FileId, MessageId, StaffId, TicketId, new_id

# Enough of the last words for a row in a list.
_PREVIEW_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Message:
    """One row. `payload` may hold html, choices, articles, attachment, card, choice, answer."""

    id: MessageId
    conversation_id: ConversationId
    episode_id: EpisodeId | None
    ticket_id: TicketId | None
    seq: int | None
    author: Author
    kind: Kind
    text: str
    payload: Mapping[str, Any]
    staff_id: StaffId | None
    staff_name: str | None
    dedupe_key: str | None
    body_hash: str | None
    delivery: Delivery
    delivery_error: str | None
    delivery_attempts: int
    delivery_due_at: datetime | None
    platform_id: str | None
    helpful: bool | None
    at: datetime
    sent_at: datetime | None
    demo: bool

    @property
    def choices(self) -> tuple[Choice, ...]:
        """The buttons under it."""
        return tuple(Choice(each["id"], each["label"]) for each in self.payload.get("choices", ()))

    @property
    def articles(self) -> tuple[ArticleCard, ...]:
        """The articles it answers with."""
        return tuple(
            ArticleCard(each["article_id"], each["title"], each["url"]) for each in self.payload.get("articles", ())
        )

    @property
    def choice_id(self) -> str | None:
        """The button that the customer pressed to say this."""
        return self.payload.get("choice")

    @property
    def file_id(self) -> FileId | None:
        """The file that it carries."""
        attachment = self.payload.get("attachment")
        return FileId(attachment["attachment_id"]) if attachment else None


def first_delivery(channel_kind: str) -> Delivery:
    """How a message to the customer begins: browsers fetch what they lack, platforms must be called."""
    return Delivery.NONE if channel_kind == "web" else Delivery.PENDING


async def append(
    tx: Tx,
    *,
    conversation_id: str,
    author: Author,
    kind: Kind,
    text: str,
    at: datetime,
    payload: Mapping[str, Any] | None = None,
    episode_id: str | None = None,
    ticket_id: str | None = None,
    staff: Speaker | None = None,
    dedupe_key: str | None = None,
    body_hash: str | None = None,
    delivery: Delivery = Delivery.NONE,
    sent_at: datetime | None = None,
    demo: bool = False,
    turn: Any = None,
) -> Message:
    """Write a message. Visible ones get the next `seq` by an update of the conversation's row in this transaction,
    so seqs follow the order of acceptance without gaps; notes and dropped replies get none.

    A dedupe key that the conversation knows already raises IntegrityError. `turn` is the new `turn_due_at` of the
    conversation, for a message that opens one (`conversations.earlier_turn`).
    """
    seq: int | None = None
    if kind is not Kind.NOTE and delivery is not Delivery.DROPPED:
        seq = await _next_seq(tx, conversation_id, author, text, at, turn)
    values: dict[str, Any] = {
        "id": new_id("msg"),
        "conversation_id": conversation_id,
        "episode_id": episode_id,
        "ticket_id": ticket_id,
        "seq": seq,
        "author": author.value,
        "kind": kind.value,
        "text": text,
        "payload": dict(payload or {}),
        "staff_id": staff.staff_id if staff else None,
        "staff_name": staff.name if staff else None,
        "dedupe_key": dedupe_key,
        "body_hash": body_hash,
        "delivery": delivery.value,
        "delivery_error": None,
        "delivery_attempts": 0,
        "delivery_due_at": at if delivery is Delivery.PENDING else None,
        "platform_id": None,
        "helpful": None,
        "at": at,
        "sent_at": sent_at,
        "demo": demo,
    }
    await tx.execute(insert(messages).values(**values))
    return Message(**{**values, "author": author, "kind": kind, "delivery": delivery})


async def get(tx: Tx, message_id: str) -> Message:
    """The message. Raises NotFound."""
    row = await tx.first(select(messages).where(messages.c.id == message_id))
    if row is None:
        raise NotFound("message")
    return _value(row)


async def by_seq(tx: Tx, conversation_id: str, seq: int) -> Message | None:
    """The message with this seq in that conversation, or None."""
    row = await tx.first(select(messages).where(messages.c.conversation_id == conversation_id, messages.c.seq == seq))
    return None if row is None else _value(row)


async def by_dedupe_key(tx: Tx, conversation_id: str, key: str) -> Message | None:
    """The message that was accepted under this key, or None."""
    row = await tx.first(
        select(messages).where(messages.c.conversation_id == conversation_id, messages.c.dedupe_key == key)
    )
    return None if row is None else _value(row)


async def after(tx: Tx, conversation_id: str, seq: int, limit: int = 200) -> list[Message]:
    """What the customer sees after `seq`, in order."""
    query = select(messages).where(messages.c.conversation_id == conversation_id, messages.c.seq > seq)
    return [_value(row) for row in await tx.all(query.order_by(messages.c.seq).limit(limit))]


async def newest(
    tx: Tx, conversation_id: str, limit: int, *, before_seq: int | None = None, hidden: bool = False
) -> list[Message]:
    """The last messages, oldest first; with `hidden` also notes and dropped replies (for staff), by time."""
    query = select(messages).where(messages.c.conversation_id == conversation_id)
    if before_seq is not None:
        first = select(messages.c.at).where(messages.c.conversation_id == conversation_id, messages.c.seq == before_seq)
        query = query.where(
            or_(messages.c.seq < before_seq, messages.c.seq.is_(None) & (messages.c.at < first.scalar_subquery()))
        )
    if hidden:
        query = query.order_by(messages.c.at.desc(), messages.c.seq.desc(), messages.c.id.desc())
    else:
        query = query.where(messages.c.seq.is_not(None)).order_by(messages.c.seq.desc())
    rows = await tx.all(query.limit(limit))
    return [_value(row) for row in reversed(rows)]


async def of_ticket(tx: Tx, ticket_id: str, limit: int = 500) -> list[Message]:
    """All messages of a ticket, notes too, by time."""
    query = select(messages).where(messages.c.ticket_id == ticket_id)
    rows = await tx.all(query.order_by(messages.c.at.desc(), messages.c.seq.desc()).limit(limit))
    return [_value(row) for row in reversed(rows)]


async def last_spoken(tx: Tx, conversation_id: str, before_seq: int | None = None) -> Message | None:
    """The newest message that the customer sees and did not write: its buttons are the ones that count."""
    query = select(messages).where(
        messages.c.conversation_id == conversation_id,
        messages.c.seq.is_not(None),
        messages.c.author != Author.CUSTOMER.value,
        messages.c.kind != Kind.NOTICE.value,
    )
    if before_seq is not None:
        query = query.where(messages.c.seq < before_seq)
    row = await tx.first(query.order_by(messages.c.seq.desc()).limit(1))
    return None if row is None else _value(row)


async def set_helpful(tx: Tx, message_id: str, helpful: bool) -> None:
    """Note the customer's thumb; the last word counts."""
    await tx.execute(update(messages).where(messages.c.id == message_id).values(helpful=helpful))


async def move_to_ticket(tx: Tx, episode_id: str, ticket_id: str) -> None:
    """Put all messages of an episode on another ticket."""
    await tx.execute(update(messages).where(messages.c.episode_id == episode_id).values(ticket_id=ticket_id))


async def set_delivery(
    tx: Tx,
    message_id: str,
    state: Delivery,
    *,
    error: str | None = None,
    due_at: datetime | None = None,
    platform_id: str | None = None,
    attempts: int | None = None,
) -> None:
    """Write how far an outgoing message has come."""
    values: dict[str, Any] = {"delivery": state.value, "delivery_error": error, "delivery_due_at": due_at}
    if platform_id is not None:
        values["platform_id"] = platform_id
    if attempts is not None:
        values["delivery_attempts"] = attempts
    await tx.execute(update(messages).where(messages.c.id == message_id).values(**values))


async def deliverable(tx: Tx, now: datetime, limit: int) -> list[Message]:
    """Outgoing messages whose time has come, each the first unsent one of its conversation.

    A message that is being sent by somebody holds up those after it until its lease (`delivery_due_at`) ends.
    """
    earlier = messages.alias("earlier")
    unsent = (Delivery.PENDING.value, Delivery.SENDING.value)
    blocked = (
        select(earlier.c.id)
        .where(
            earlier.c.conversation_id == messages.c.conversation_id,
            earlier.c.delivery.in_(unsent),
            earlier.c.seq < messages.c.seq,
        )
        .exists()
    )
    query = (
        select(messages)
        .where(messages.c.delivery.in_(unsent), messages.c.delivery_due_at <= now, ~blocked)
        .order_by(messages.c.delivery_due_at)
        .limit(limit)
    )
    return [_value(row) for row in await tx.all(query)]


async def claim_delivery(tx: Tx, message: Message, *, until: datetime, error: str | None = None) -> bool:
    """Take a message for sending until `until`; False when another gateway was quicker."""
    changed = await tx.count(
        update(messages)
        .where(
            messages.c.id == message.id,
            messages.c.delivery == message.delivery.value,
            messages.c.delivery_attempts == message.delivery_attempts,
        )
        .values(
            delivery=Delivery.SENDING.value,
            delivery_due_at=until,
            delivery_error=error,
            delivery_attempts=messages.c.delivery_attempts + 1,
        )
    )
    return changed == 1


async def carries(tx: Tx, conversation_id: str, file_id: str) -> bool:
    """Whether a message that the customer sees in this conversation carries the file."""
    query = select(messages.c.payload).where(
        messages.c.conversation_id == conversation_id,
        messages.c.seq.is_not(None),
        messages.c.kind.in_((Kind.IMAGE.value, Kind.VIDEO.value, Kind.FILE.value)),
    )
    attachments = ((row.payload or {}).get("attachment") or {} for row in await tx.all(query))
    return any(each.get("attachment_id") == file_id for each in attachments)


async def texts_of(tx: Tx, message_ids: Iterable[str]) -> dict[str, str]:
    """The texts of some messages by id."""
    query = select(messages.c.id, messages.c.text).where(messages.c.id.in_(list(message_ids)))
    return {row.id: row.text for row in await tx.all(query)}


async def _next_seq(tx: Tx, conversation_id: str, author: Author, text: str, at: datetime, turn: Any) -> int:
    values: dict[str, Any] = {
        "last_seq": conversations.c.last_seq + 1,
        "last_message_at": at,
        "last_text": text[:_PREVIEW_CHARACTERS],
    }
    if author is Author.CUSTOMER:
        values["last_customer_at"] = at
    if turn is not None:
        values["turn_due_at"] = turn
    row = await tx.first(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(**values)
        .returning(conversations.c.last_seq)
    )
    if row is None:
        raise NotFound("conversation")
    return int(row.last_seq)


def _value(row: Row[Any]) -> Message:
    return of_values(dict(row._mapping))


def of_values(values: dict[str, Any]) -> Message:
    """A message from its columns."""
    values["author"] = Author(values["author"])
    values["kind"] = Kind(values["kind"])
    values["delivery"] = Delivery(values["delivery"])
    return Message(**values)
