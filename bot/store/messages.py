"""Messages: one utterance each. What the customer sees takes the next `seq` of its conversation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, func, or_, select, update

from bot.tables import conversations, messages
from bot.types import ArticleCard, Author, Choice, Delivery, Kind, Speaker
from core.columns import UtcTime
from core.db import Tx
from core.errors import NotFound
from core.ids import ConversationId, EpisodeId, FileId, MessageId, StaffId, TicketId, new_id
from core.statements import Insertion, Shape, Statement

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
    delivery_parts: int | None
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


_HOUSE = frozenset({Author.BOT, Author.SYSTEM})

SHAPE = Shape(Message, messages, convert={"author": Author, "kind": Kind, "delivery": Delivery})

_INSERT = Insertion(messages)
_THESE = messages.c.conversation_id == bindparam("conversation_id")
_SPOKEN = select(*SHAPE.columns).where(
    _THESE,
    messages.c.seq.is_not(None),
    messages.c.author != Author.CUSTOMER.value,
    messages.c.kind != Kind.NOTICE.value,
)
_GET = Statement(select(*SHAPE.columns).where(messages.c.id == bindparam("id")))
_BY_SEQ = Statement(select(*SHAPE.columns).where(_THESE, messages.c.seq == bindparam("seq")))
_BY_KEY = Statement(select(*SHAPE.columns).where(_THESE, messages.c.dedupe_key == bindparam("key")))
_AFTER = Statement(
    select(*SHAPE.columns)
    .where(_THESE, messages.c.seq > bindparam("seq"))
    .order_by(messages.c.seq)
    .limit(bindparam("limit"))
)
_NEWEST = Statement(
    select(*SHAPE.columns)
    .where(_THESE, messages.c.seq.is_not(None))
    .order_by(messages.c.seq.desc())
    .limit(bindparam("limit"))
)
_LAST_SPOKEN = Statement(_SPOKEN.order_by(messages.c.seq.desc()).limit(1))
_SPOKEN_BEFORE = Statement(_SPOKEN.where(messages.c.seq < bindparam("seq")).order_by(messages.c.seq.desc()).limit(1))
_NEXT: dict[str, Any] = {
    "last_seq": conversations.c.last_seq + 1,
    "last_message_at": bindparam("at"),
    "last_text": bindparam("text"),
}


def _next(**values: Any) -> Statement:
    this = conversations.c.id == bindparam("row_id")
    return Statement(update(conversations).where(this).values(**_NEXT, **values).returning(conversations.c.last_seq))


def _earlier_turn() -> Any:
    """Opens a turn at `turn_at`, and leaves an earlier one as it is."""
    due, wanted = conversations.c.turn_due_at, bindparam("turn_at", type_=UtcTime())
    return case((and_(due.is_not(None), due < wanted), due), else_=wanted)


_NEXT_SEQ = _next()
_NEXT_SEQ_OF_CUSTOMER = _next(last_customer_at=bindparam("at"), sends=0)
_NEXT_SEQ_AND_TURN = _next(last_customer_at=bindparam("at"), sends=0, turn_due_at=_earlier_turn())


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
    turn_at: datetime | None = None,
) -> Message:
    """Write a message. Visible ones get the next `seq` by an update of the conversation's row in this transaction,
    so seqs follow the order of acceptance without gaps; notes and dropped replies get none.

    A dedupe key that the conversation knows already raises IntegrityError. A customer's message opens a turn at
    `turn_at`, unless an earlier one is open.
    """
    seq: int | None = None
    if kind is not Kind.NOTE and delivery is not Delivery.DROPPED:
        seq = await _next_seq(tx, conversation_id, author, text, at, turn_at)
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
        "delivery_parts": None,
        "platform_id": None,
        "helpful": None,
        "at": at,
        "sent_at": sent_at,
        "demo": demo,
    }
    await _INSERT.write(tx, **values)
    return Message(**{**values, "author": author, "kind": kind, "delivery": delivery})


async def get(tx: Tx, message_id: str) -> Message:
    """The message. Raises NotFound."""
    row = await _GET.first(tx, id=message_id)
    if row is None:
        raise NotFound("message")
    return SHAPE.value(row)


async def by_seq(tx: Tx, conversation_id: str, seq: int) -> Message | None:
    """The message with this seq in that conversation, or None."""
    row = await _BY_SEQ.first(tx, conversation_id=conversation_id, seq=seq)
    return None if row is None else SHAPE.value(row)


async def by_dedupe_key(tx: Tx, conversation_id: str, key: str) -> Message | None:
    """The message that was accepted under this key, or None."""
    row = await _BY_KEY.first(tx, conversation_id=conversation_id, key=key)
    return None if row is None else SHAPE.value(row)


async def after(tx: Tx, conversation_id: str, seq: int, limit: int = 200) -> list[Message]:
    """What the customer sees after `seq`, in order."""
    rows = await _AFTER.all(tx, conversation_id=conversation_id, seq=seq, limit=limit)
    return [SHAPE.value(row) for row in rows]


async def newest(
    tx: Tx, conversation_id: str, limit: int, *, before_seq: int | None = None, hidden: bool = False
) -> list[Message]:
    """The last messages, oldest first; with `hidden` also notes and dropped replies (for staff), by time."""
    if before_seq is None and not hidden:
        found = await _NEWEST.all(tx, conversation_id=conversation_id, limit=limit)
        return [SHAPE.value(row) for row in reversed(found)]
    query = select(*SHAPE.columns).where(messages.c.conversation_id == conversation_id)
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
    return [SHAPE.value(row) for row in reversed(rows)]


async def of_ticket(tx: Tx, ticket_id: str, limit: int = 500) -> list[Message]:
    """All messages of a ticket, notes too, by time."""
    query = select(*SHAPE.columns).where(messages.c.ticket_id == ticket_id)
    rows = await tx.all(query.order_by(messages.c.at.desc(), messages.c.seq.desc()).limit(limit))
    return [SHAPE.value(row) for row in reversed(rows)]


async def last_spoken(tx: Tx, conversation_id: str, before_seq: int | None = None) -> Message | None:
    """The newest message that the customer sees and did not write: its buttons are the ones that count."""
    if before_seq is None:
        row = await _LAST_SPOKEN.first(tx, conversation_id=conversation_id)
    else:
        row = await _SPOKEN_BEFORE.first(tx, conversation_id=conversation_id, seq=before_seq)
    return None if row is None else SHAPE.value(row)


async def set_helpful(tx: Tx, message_id: str, helpful: bool) -> None:
    """Note the customer's thumb; the last word counts."""
    await tx.execute(update(messages).where(messages.c.id == message_id).values(helpful=helpful))


async def move_to_ticket(tx: Tx, episode_id: str, ticket_id: str) -> None:
    """Put all messages of an episode on another ticket."""
    await tx.execute(update(messages).where(messages.c.episode_id == episode_id).values(ticket_id=ticket_id))


async def attach(tx: Tx, message_id: str, attachment: Mapping[str, Any] | None) -> Message:
    """Give a message the file that it announced, or none: it could not be fetched. Raises NotFound."""
    message = await get(tx, message_id)
    payload = {key: value for key, value in message.payload.items() if key != "media"}
    if attachment is not None:
        payload["attachment"] = dict(attachment)
    else:
        payload["media"] = "failed"
    await tx.execute(update(messages).where(messages.c.id == message_id).values(payload=payload))
    return replace(message, payload=payload)


async def set_delivery(
    tx: Tx,
    message_id: str,
    state: Delivery,
    *,
    error: str | None = None,
    due_at: datetime | None = None,
    platform_id: str | None = None,
    attempts: int | None = None,
    parts: int | None = None,
) -> None:
    """Write how far an outgoing message has come; `parts` of it have arrived."""
    values: dict[str, Any] = {"delivery": state.value, "delivery_error": error, "delivery_due_at": due_at}
    if platform_id is not None:
        values["platform_id"] = platform_id
    if attempts is not None:
        values["delivery_attempts"] = attempts
    if parts is not None:
        values["delivery_parts"] = parts
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
        select(*SHAPE.columns)
        .where(messages.c.delivery.in_(unsent), messages.c.delivery_due_at <= now, ~blocked)
        .order_by(messages.c.delivery_due_at)
        .limit(limit)
    )
    return [SHAPE.value(row) for row in await tx.all(query)]


async def claim_followers(tx: Tx, message: Message, *, until: datetime, limit: int = 8) -> list[Message]:
    """What the house says directly after `message` and still waits to be sent: taken for sending together with it."""
    query = (
        select(*SHAPE.columns)
        .where(messages.c.conversation_id == message.conversation_id, messages.c.seq > message.seq)
        .order_by(messages.c.seq)
        .limit(limit)
    )
    taken: list[Message] = []
    for row in await tx.all(query):
        follower = SHAPE.value(row)
        joins = follower.author in _HOUSE and follower.delivery is Delivery.PENDING and follower.file_id is None
        if not joins or not await claim_delivery(tx, follower, until=until):
            break
        taken.append(follower)
    return taken


async def answered_by_person(tx: Tx, conversation_id: str) -> bool:
    """Whether a person's answer went out since the customer last wrote."""
    theirs = messages.c.conversation_id == conversation_id
    last = select(func.max(messages.c.seq)).where(theirs, messages.c.author == Author.CUSTOMER.value)
    query = select(messages.c.id).where(
        theirs,
        messages.c.author == Author.AGENT.value,
        messages.c.delivery == Delivery.SENT.value,
        messages.c.seq > func.coalesce(last.scalar_subquery(), 0),
    )
    return await tx.first(query.limit(1)) is not None


async def release_held(tx: Tx, conversation_id: str, now: datetime) -> None:
    """The customer wrote again, so the platform counts anew: what waited for that goes out."""
    await tx.execute(
        update(messages)
        .where(messages.c.conversation_id == conversation_id, messages.c.delivery == Delivery.HELD.value)
        .values(delivery=Delivery.PENDING.value, delivery_due_at=now)
    )


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


async def _next_seq(
    tx: Tx, conversation_id: str, author: Author, text: str, at: datetime, turn_at: datetime | None
) -> int:
    known = {"row_id": conversation_id, "at": at, "text": text[:_PREVIEW_CHARACTERS]}
    if turn_at is not None:
        row = await _NEXT_SEQ_AND_TURN.first(tx, **known, turn_at=turn_at)
    else:
        row = await (_NEXT_SEQ_OF_CUSTOMER if author is Author.CUSTOMER else _NEXT_SEQ).first(tx, **known)
    if row is None:
        raise NotFound("conversation")
    return int(row[0])
