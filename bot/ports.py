"""What a turn needs from its neighbours. The only page of Protocols; the gateway hands the keepers in.

A method that must be atomic with the message takes the open `Tx`; all others must not be called inside one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bot.types import (
    ArticleView,
    Delivered,
    Fetched,
    HandoffRequest,
    Outgoing,
    Placed,
    SearchAnswer,
    Speaker,
    TicketRef,
)
from core.db import Tx
from core.ids import ConversationId, CustomerId, EpisodeId, ExchangeId, TicketId


class Answers(Protocol):
    """The knowledge base."""

    async def search(self, text: str, *, limit: int = 5) -> SearchAnswer:
        """Search the published release. Never raises: without encoder it is lexical, without index it says none."""

    async def article(self, article_id: str) -> ArticleView | None:
        """The published revision, or None when it is not (or no longer) public to search."""

    async def record_gap(
        self,
        tx: Tx,
        *,
        exchange_id: ExchangeId,
        conversation_id: ConversationId,
        customer_id: CustomerId,
        text: str,
        decision: str,
        nearest: SearchAnswer | None,
    ) -> None:
        """Remember a question without an answer. Twice for one exchange is harmless."""

    async def record_choice(self, tx: Tx, *, exchange_id: ExchangeId, query: str, article_id: str | None) -> None:
        """Remember which choice was tapped (None: 都不是); a label for later releases."""


class Handoffs(Protocol):
    """The queue of human agent sessions."""

    async def outlook(self, team_id: str | None) -> str:
        """What a request would meet now: open, nobody_online, after_hours, full or queue_down."""

    async def request(self, tx: Tx, wish: HandoffRequest, outlook: str) -> Placed:
        """Make the handoff row, change the conversation to waiting and enqueue after commit.

        With an outlook other than open, makes none and returns that state. Asking twice returns the first.
        """

    async def leave(self, tx: Tx, conversation_id: ConversationId, reason: str) -> bool:
        """Take the conversation out of the line; False when it was not in it. The ticket stays."""

    async def place(self, conversation_id: ConversationId) -> Placed | None:
        """The place in line now, or None when not waiting."""


class TicketBook(Protocol):
    """Tickets, as far as conversations need them."""

    async def open_for(
        self,
        tx: Tx,
        *,
        conversation_id: ConversationId,
        customer_id: CustomerId,
        channel_id: str,
        channel_kind: str,
        text: str,
        profile: Mapping[str, str],
        demo: bool = False,
        sent_at: datetime | None = None,
    ) -> TicketRef:
        """The ticket for a new episode: the customer's one open ticket of tier two or three, else a new one.

        `sent_at` is the platform's own time of the message, where it tells one.
        """

    async def customer_wrote(self, tx: Tx, ticket_id: TicketId, text: str) -> None:
        """Note a customer's message: search terms, waiting_customer → in_progress, last_customer_at."""

    async def reply_sent(
        self, tx: Tx, ticket_id: TicketId, *, by: str, staff_id: str | None = None, category: str = ""
    ) -> None:
        """Note that the customer was answered (by: bot or agent)."""

    async def person_wanted(
        self, tx: Tx, ticket_id: TicketId, *, reason: str, packet: Mapping[str, Any], queued: bool
    ) -> str:
        """Raise the ticket to tier two (待处理 when nobody takes it from a queue) and return its team's id."""

    async def form_done(self, tx: Tx, ticket_id: TicketId, form: str, answers: Mapping[str, Any]) -> None:
        """Write a finished form into the ticket's fields."""

    async def customer_said(self, tx: Tx, ticket_id: TicketId, what: str, *, text: str = "") -> TicketRef:
        """The customer's word: solved, not_solved, reopen, rating:1 … rating:4, new_matter (not the last one again),
        executive (one sentence for the head of the house).

        Illegal ones raise IllegalMove.
        """

    async def current(self, tx: Tx, customer_id: CustomerId) -> Sequence[TicketRef]:
        """The customer's tickets, open ones first, newest first."""

    async def way_to_top(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        """The latest ticket that entitles the customer to ask the head of the house, or None."""

    async def reopenable(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        """The latest ticket of tier two or three that was resolved or closed within 14 days."""

    async def episode_ended(self, tx: Tx, ticket_id: TicketId, episode_id: EpisodeId, reason: str) -> None:
        """The episode on this ticket ended."""


class Outbox(Protocol):
    """The connectors, seen from behind."""

    def pushes(self, channel_kind: str) -> bool:
        """Whether messages must be sent to a platform (False for the web: browsers fetch)."""

    async def deliver(self, message: Outgoing) -> Delivered:
        """Send one message by the channel's rules. Never raises; waits at most the channel's time limit."""

    def quota(self, channel_kind: str) -> int | None:
        """How many messages the platform takes after each of the customer's; None: any number."""

    async def fetch(self, channel_id: str, reference: str) -> Fetched:
        """Get a file that a customer sent there. Never raises."""


class Texts(Protocol):
    """What the product says, in the customer's language."""

    def get(self, text_id: str, language: str = "zh-CN", /, **params: object) -> str:
        """The text with its parameters; an editor's own words win over the delivered ones."""


class Notifier(Protocol):
    """Fan-out of what just happened to whoever watches. May lose; watchers also look by themselves."""

    def publish(self, topic: str, event: Mapping[str, Any]) -> None:
        """Send an event to a topic: `conversation:<id>`, `desk`, `staff:<id>`, `release`, `auth`."""


class Owners(Protocol):
    """Who may speak in a conversation, as far as an answer from a ticket needs it (kept by the hand-off)."""

    async def hold(self, tx: Tx, conversation_id: ConversationId, agent: Speaker) -> bool:
        """Give the conversation to this agent outside the line; False when a colleague has it."""

    async def finish(self, tx: Tx, conversation_id: ConversationId, reason: str = "resolved") -> bool:
        """Give it back to the bot and end what a person had to do; False when it was the bot's already."""


class Links(Protocol):
    """Signed links into one thing."""

    def link(self, purpose: str, object_id: str) -> str:
        """A token for ("ticket", ticket id) or ("survey", survey id)."""

    def read_link(self, purpose: str, token: str) -> str:
        """The id in such a token. Raises Unauthorized."""
