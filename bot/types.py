"""What crosses borders: frozen values that connectors, the desk and the turn hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.ids import (
    ChannelId,
    ConversationId,
    CustomerId,
    EpisodeId,
    ExchangeId,
    FileId,
    HandoffId,
    IdentityId,
    MessageId,
    StaffId,
    TicketId,
)


class Mode(StrEnum):
    """Who owns a conversation."""

    BOT = "bot"
    WAITING = "waiting"
    AGENT = "agent"


class Author(StrEnum):
    """Who said it."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Kind(StrEnum):
    """What a message is. `note` is internal and never has a seq."""

    TEXT = "text"
    CHOICE = "choice"
    IMAGE = "image"
    VIDEO = "video"
    FILE = "file"
    CARD = "card"
    NOTICE = "notice"
    NOTE = "note"


class Delivery(StrEnum):
    """How far an outgoing message has come. Web messages are `none`: browsers fetch what they lack."""

    NONE = "none"
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DROPPED = "dropped"
    HELD = "held"  # the platform's count is kept for a person; it goes when the customer writes again


class HandoffReason(StrEnum):
    """Why a person is wanted."""

    EXPLICIT_WISH = "explicit_wish"
    FAILED_TURNS = "failed_turns"
    COMPLAINT = "complaint"
    EMOTION = "emotion"
    RULE = "rule"
    TRANSFER = "transfer"
    PROBLEM_REPORT = "problem_report"


@dataclass(frozen=True, slots=True)
class Choice:
    """One button. `id` is what comes back: `article:<id>`, `human`, `none` (都不是), the ids of nlu/README.md,
    `solved:<yes|no>`, `rating:<1-4>`, `reopen:<ticket id>`, `new_matter`."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class ArticleCard:
    """An article under an answer."""

    article_id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file that the platform holds for us: how it is asked for there, and a name for it here."""

    reference: str
    name: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One utterance from a channel, already authenticated by its connector.

    `dedupe_key` is unique per identity and stable over the platform's repeats. `external_id` names the
    identity on that channel account. `profile` holds what the wire told of device, system, network and place.
    """

    channel_id: ChannelId
    external_id: str
    dedupe_key: str
    kind: Kind
    text: str
    choice_id: str | None = None
    file_id: FileId | None = None
    media: MediaRef | None = None
    sent_at: datetime | None = None
    proven: bool = False
    name: str | None = None
    level: str | None = None
    profile: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happened:
    """What a customer did on a channel without a word: `what` is followed or left. `key` is stable over repeats."""

    channel_id: ChannelId
    external_id: str
    key: str
    what: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of an Incoming. `repeated` means that it was known already and nothing changed."""

    conversation_id: ConversationId
    message_id: MessageId
    seq: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """One thing to say. `html` is sanitised on the server; `answer` puts thumbs under it."""

    text: str
    kind: Kind = Kind.TEXT
    html: str | None = None
    choices: tuple[Choice, ...] = ()
    articles: tuple[ArticleCard, ...] = ()
    card: Mapping[str, Any] | None = None
    file_id: FileId | None = None
    answer: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One search result."""

    article_id: str
    question_id: int
    title: str
    question: str
    score: float
    probability: float


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """What the knowledge base says: `decision` is answer, ask or none; `exact` when an alias matched word for word."""

    decision: str
    results: tuple[Found, ...]
    release_id: str | None
    exact: bool = False
    lexical_only: bool = False


@dataclass(frozen=True, slots=True)
class ArticleView:
    """A published article, ready to show."""

    article_id: str
    revision: int
    title: str
    question: str
    text: str
    html: str
    url: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class HandoffRequest:
    """The wish for a person, with all that is known so far. `packet` is the versioned context packet."""

    conversation_id: ConversationId
    episode_id: EpisodeId
    ticket_id: TicketId
    customer_id: CustomerId
    reason: HandoffReason
    packet: Mapping[str, Any]
    priority: int = 3
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of a wish: `state` is waiting (in line), active (already with a person), nobody_online,
    after_hours, full or queue_down. In the last four no handoff was made and the ticket waits for its team."""

    state: str
    handoff_id: HandoffId | None = None
    queue_position: int | None = None
    eta_s: int | None = None


@dataclass(frozen=True, slots=True)
class TicketRef:
    """A ticket as the conversation sees it. `team_id` is the team it belongs to now, where that is known."""

    ticket_id: TicketId
    serial: str
    state: str
    tier: int
    title: str
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A stored message on its way to a platform."""

    message_id: MessageId
    conversation_id: ConversationId
    channel_id: ChannelId
    channel_kind: str
    external_id: str
    author: Author
    kind: Kind
    text: str
    choices: tuple[Choice, ...]
    articles: tuple[ArticleCard, ...]
    file_id: FileId | None
    last_customer_at: datetime | None
    staff_name: str | None = None
    staff_id: StaffId | None = None
    parts_sent: int = 0
    """A long message goes out in parts; so many of them have arrived before and are not sent again."""
    left: bool = False
    """The customer unfollowed the account."""
    budget: int | None = None
    """How many calls the platform's count leaves for it; None: it does not matter."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the platform said. `state` is sent, retry (after `retry_after_s`) or failed; `error` is a short code
    such as `window_closed`, `quota`, `unsubscribed`, shown to the agent in words. `parts` have arrived by now, also
    those of earlier tries."""

    state: str
    error: str | None = None
    retry_after_s: float = 0.0
    platform_id: str | None = None
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of fetching a file: `state` is here, retry (after `retry_after_s`) or failed."""

    state: str
    data: bytes | None = None
    name: str = ""
    error: str | None = None
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Speaker:
    """A member of staff who acts, as others see them."""

    staff_id: StaffId
    name: str


__all__ = [
    "Accepted",
    "ArticleCard",
    "ArticleView",
    "Author",
    "ChannelId",
    "Choice",
    "Delivered",
    "Delivery",
    "ExchangeId",
    "Fetched",
    "Found",
    "HandoffReason",
    "HandoffRequest",
    "Happened",
    "IdentityId",
    "Incoming",
    "Kind",
    "MediaRef",
    "Mode",
    "Outgoing",
    "Placed",
    "Reply",
    "SearchAnswer",
    "Speaker",
    "TicketRef",
]
