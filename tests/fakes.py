"""Named stand-ins for neighbours of a conversation: small, honest, shared. Each keeps the promises of its port."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.assistant import AssistantTurn, Question, Said
from bot.store import conversations
from bot.types import (
    ArticleView,
    Delivered,
    Fetched,
    Found,
    HandoffRequest,
    Mode,
    Outgoing,
    Placed,
    SearchAnswer,
    Speaker,
    TicketRef,
)
from core.clock import Clock
from core.db import Tx
from core.errors import AssistantUnavailable, IllegalMove
from core.ids import ConversationId, CustomerId, EpisodeId, ExchangeId, HandoffId, TicketId, new_id


def turn_of(*said: Said, intent: str = "faq", confidence: float = 0.95, **more: Any) -> AssistantTurn:
    """What an assistant made of a message."""
    return AssistantTurn(said, intent, confidence, **more)


class NullAssistant:
    """An assistant that is down."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    def up(self, slot: int) -> bool:
        return True

    async def ask(self, question: Question) -> AssistantTurn | None:
        self.asked.append(question)
        raise AssistantUnavailable("down")

    async def recall(self, slot: int, episode_id: str, exchange_id: str) -> AssistantTurn | None:
        raise AssistantUnavailable("down")


class ScriptedAssistant:
    """Answers by a function of the text and remembers by exchange, as the real one's tracker does."""

    def __init__(self, answer: Callable[[str], AssistantTurn | None] | None = None) -> None:
        self.answer = answer or (lambda text: turn_of(Said("unknown"), intent="nlu_fallback", confidence=0.3))
        self.asked: list[Question] = []
        self.lost: list[Question] = []  # what never arrived there
        self.recalled: list[str] = []
        self.tracker: dict[tuple[str, str], AssistantTurn | None] = {}
        self.before_answer: Callable[[Question], Any] | None = None

    def up(self, slot: int) -> bool:
        return True

    async def ask(self, question: Question) -> AssistantTurn | None:
        self.asked.append(question)
        try:
            turn = self.answer(question.text)
        except BaseException:
            self.lost.append(question)
            raise
        self.tracker[question.episode_id, question.exchange_id] = turn
        if self.before_answer is not None:
            await self.before_answer(question)
        return turn

    async def recall(self, slot: int, episode_id: str, exchange_id: str) -> AssistantTurn | None:
        self.recalled.append(exchange_id)
        return self.tracker.get((episode_id, exchange_id))


@dataclass
class FakeAnswers:
    """A knowledge base of a few articles: `{words: (zone, exact, [titles])}`; words are looked for in the text."""

    known: dict[str, tuple[str, bool, tuple[str, ...]]] = field(default_factory=dict)
    gaps: list[tuple[str, str]] = field(default_factory=list)
    choices: list[tuple[str, str | None]] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    broken: bool = False

    async def search(self, text: str, *, limit: int = 5) -> SearchAnswer:
        self.searched.append(text)
        if self.broken:
            raise RuntimeError("the index is on fire")
        for words, (zone, exact, titles) in self.known.items():
            if words in text:
                results = tuple(
                    Found(f"art_{title}", number, title, title, 0.9, 0.95 - number / 10)
                    for number, title in enumerate(titles)
                )
                return SearchAnswer(zone, results, "rel_1", exact=exact)
        return SearchAnswer("none", (), "rel_1")

    async def article(self, article_id: str) -> ArticleView | None:
        title = article_id.removeprefix("art_")
        if not any(title in titles for _, _, titles in self.known.values()):
            return None
        return ArticleView(
            article_id, 1, title, title, f"{title}的答案", f"<p>{title}的答案</p>", f"/help/{article_id}"
        )

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
        self.gaps.append((text, decision))

    async def record_choice(self, tx: Tx, *, exchange_id: ExchangeId, query: str, article_id: str | None) -> None:
        self.choices.append((query, article_id))


@dataclass
class FakeTickets:
    """A ticket book in memory. A rolled-back transaction leaves an orphan here, which nobody asks for."""

    tickets: dict[str, TicketRef] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    written: list[tuple[str, str]] = field(default_factory=list)
    replies: list[tuple[str, str]] = field(default_factory=list)
    wanted: list[dict[str, Any]] = field(default_factory=list)
    forms: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    ended: list[tuple[str, str]] = field(default_factory=list)
    again: TicketRef | None = None
    to_top: TicketRef | None = None
    broken: bool = False
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def add(self, customer_id: str, *, state: str = "new", tier: int = 1, title: str = "问题") -> TicketRef:
        """A ticket of a customer."""
        serial = f"FL-20261121-{next(self._numbers):06d}"
        ref = TicketRef(TicketId(new_id("tkt")), serial, state, tier, title)
        self.tickets[ref.ticket_id] = ref
        self.owners[ref.ticket_id] = customer_id
        return ref

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
        for ref in await self.current(tx, customer_id):
            if ref.tier > 1 and ref.state in ("new", "in_progress", "waiting_customer"):
                return ref
        return self.add(customer_id, title=text[:20])

    async def customer_wrote(self, tx: Tx, ticket_id: TicketId, text: str) -> None:
        if self.broken:
            raise RuntimeError("the ticket book is on fire")
        self.written.append((ticket_id, text))

    async def reply_sent(
        self, tx: Tx, ticket_id: TicketId, *, by: str, staff_id: str | None = None, category: str = ""
    ) -> None:
        if self.broken:
            raise RuntimeError("the ticket book is on fire")
        self.replies.append((ticket_id, by))

    async def person_wanted(
        self, tx: Tx, ticket_id: TicketId, *, reason: str, packet: Mapping[str, Any], queued: bool
    ) -> str:
        self.wanted.append({"ticket_id": ticket_id, "reason": reason, "packet": dict(packet), "queued": queued})
        self.tickets[ticket_id] = replace(self.tickets[ticket_id], tier=2)
        return "team_support"

    async def form_done(self, tx: Tx, ticket_id: TicketId, form: str, answers: Mapping[str, Any]) -> None:
        self.forms.append((form, dict(answers)))

    async def way_to_top(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        return self.to_top

    async def customer_said(self, tx: Tx, ticket_id: TicketId, what: str, *, text: str = "") -> TicketRef:
        ref = self.tickets[ticket_id]
        if what == "reopen" and ref.state not in ("resolved", "closed"):
            raise IllegalMove("reopen")
        self.said.append((ticket_id, what))
        if what == "new_matter":
            return ref
        state = {"reopen": "in_progress", "rating:1": "in_progress"}.get(what, "closed")
        self.tickets[ticket_id] = replace(ref, state=state)
        return self.tickets[ticket_id]

    async def current(self, tx: Tx, customer_id: CustomerId) -> Sequence[TicketRef]:
        return [ref for ref in reversed(self.tickets.values()) if self.owners[ref.ticket_id] == customer_id]

    async def reopenable(self, tx: Tx, customer_id: CustomerId) -> TicketRef | None:
        return self.again

    async def episode_ended(self, tx: Tx, ticket_id: TicketId, episode_id: EpisodeId, reason: str) -> None:
        self.ended.append((ticket_id, reason))


@dataclass
class FakeHandoffs:
    """A line in memory over the real owner changes."""

    clock: Clock
    state: str = "open"
    line: list[str] = field(default_factory=list)
    requests: list[HandoffRequest] = field(default_factory=list)
    broken: bool = False

    async def outlook(self, team_id: str | None) -> str:
        if self.broken:
            raise RuntimeError("redis is on fire")
        return self.state

    async def request(self, tx: Tx, wish: HandoffRequest, outlook: str) -> Placed:
        if outlook != "open":
            return Placed(outlook)
        conversation = await conversations.get(tx, wish.conversation_id)
        handoff_id = HandoffId(new_id("hnd"))
        await conversations.change_owner(
            tx,
            conversation.id,
            expected_epoch=conversation.epoch,
            mode=Mode.WAITING,
            clock=self.clock,
            handoff_id=handoff_id,
        )
        self.requests.append(wish)
        self.line.append(conversation.id)
        return Placed("waiting", handoff_id, len(self.line) - 1, 60)

    async def leave(self, tx: Tx, conversation_id: ConversationId, reason: str) -> bool:
        conversation = await conversations.get(tx, conversation_id)
        if conversation.mode is not Mode.WAITING:
            return False
        self.line.remove(conversation_id)
        await conversations.change_owner(
            tx, conversation_id, expected_epoch=conversation.epoch, mode=Mode.BOT, clock=self.clock
        )
        return True

    async def place(self, conversation_id: ConversationId) -> Placed | None:
        if conversation_id not in self.line:
            return None
        ahead = self.line.index(conversation_id)
        return Placed("waiting", None, ahead, 60 * ahead)

    async def take(self, tx: Tx, conversation_id: str, agent: Speaker) -> int:
        """An agent takes the conversation, from wherever it is."""
        conversation = await conversations.get(tx, conversation_id, lock=True)
        if conversation_id in self.line:
            self.line.remove(conversation_id)
        return await conversations.change_owner(
            tx, conversation_id, expected_epoch=conversation.epoch, mode=Mode.AGENT, clock=self.clock, agent=agent
        )

    async def give_back(self, tx: Tx, conversation_id: str) -> int:
        """The agent lets go; the bot has it again."""
        conversation = await conversations.get(tx, conversation_id, lock=True)
        return await conversations.change_owner(
            tx, conversation_id, expected_epoch=conversation.epoch, mode=Mode.BOT, clock=self.clock
        )


@dataclass
class RecordingOutbox:
    """Connectors that write down what they would send; `answers` says what the platform replies, in turn."""

    sent: list[Outgoing] = field(default_factory=list)
    answers: list[Delivered] = field(default_factory=list)
    fetched: list[Fetched] = field(default_factory=list)

    def pushes(self, channel_kind: str) -> bool:
        return channel_kind != "web"

    async def deliver(self, message: Outgoing) -> Delivered:
        self.sent.append(message)
        return self.answers.pop(0) if self.answers else Delivered("sent", platform_id=f"p{len(self.sent)}")

    def quota(self, channel_kind: str) -> int | None:
        return None

    async def fetch(self, channel_id: str, reference: str) -> Fetched:
        return self.fetched.pop(0) if self.fetched else Fetched("failed", error="gone")


@dataclass
class RecordingNotifier:
    """Fan-out that writes down what was published."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def publish(self, topic: str, event: Mapping[str, Any]) -> None:
        self.events.append((topic, dict(event)))
