"""The stage of the past: the real services over one batch and a moved clock, with recorded neighbours."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, select, update

from bot.assistant import AssistantTurn, Question, Said
from bot.conversation import Conversations
from bot.feedback import Feedback
from bot.intake import Intake
from bot.markdown import to_html, to_text
from bot.store import channels, conversations
from bot.tables import conversations as conversation_table
from bot.tables import customers, exchanges, messages
from bot.turns import Turns
from bot.types import (
    ArticleView,
    Delivered,
    Fetched,
    Found,
    HandoffRequest,
    Outgoing,
    Placed,
    SearchAnswer,
    Speaker,
)
from core.clock import FakeClock
from core.counters import Counters
from core.db import Tx
from core.fanout import Fanout
from core.ids import ConversationId, CustomerId, ExchangeId, HandoffId, StaffId
from core.jobs import Jobs
from core.people.tables import staff, team_members
from core.statements import Changes, Statement
from core.tables import jobs as job_table
from gateway.demo.batch import BatchDatabase
from gateway.services import Services
from handoff import store as handoff_store
from handoff.steps import Steps
from handoff.tables import handoffs
from knowledge_base import store as knowledge_store
from knowledge_base.tables import gaps
from tickets.service import Tickets
from tickets.tables import surveys, ticket_events, tickets

_ROOM = 1_000

_UNSENT = and_(messages.c.conversation_id == bindparam("of_conversation"), messages.c.delivery == "pending")
_SEND = Changes(messages, _UNSENT)
_WITH_UNSENT = Statement(select(messages.c.conversation_id).where(messages.c.delivery == "pending").distinct())
_NEXT_TIMER = Statement(
    select(job_table.c.due_at)
    .where(job_table.c.due_at <= bindparam("until"), job_table.c.claimed_until.is_(None))
    .order_by(job_table.c.due_at)
    .limit(1)
)


class RecordedAssistant:
    """Every message is a question for the knowledge base; that is what the recorded outcomes say."""

    def up(self, slot: int) -> bool:
        return True

    async def ask(self, question: Question) -> AssistantTurn | None:
        return AssistantTurn((Said("faq"),), "faq", 0.97, model="recorded")

    async def recall(self, slot: int, episode_id: str, exchange_id: str) -> AssistantTurn | None:
        return None


@dataclass
class RecordedAnswers:
    """Answers by the customer's words: which article it was, or that nobody knew."""

    articles: Mapping[str, ArticleView]
    release_id: str
    clock: FakeClock
    by_text: dict[str, str | None] = field(default_factory=dict)

    async def search(self, text: str, *, limit: int = 5) -> SearchAnswer:
        view = self.articles.get(self.by_text.get(text) or "")
        if view is None:
            return SearchAnswer("none", (), self.release_id)
        found = Found(view.article_id, 0, view.title, view.question, 0.9, 0.97)
        return SearchAnswer("answer", (found,), self.release_id)

    async def article(self, article_id: str) -> ArticleView | None:
        return self.articles.get(article_id)

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
        await knowledge_store.add_gap(
            tx,
            text=text,
            conversation_id=conversation_id,
            customer_id=customer_id,
            exchange_id=exchange_id,
            decision=decision,
            nearest_article_id=None,
            nearest_probability=None,
            now=self.clock.now(),
        )

    async def record_choice(self, tx: Tx, *, exchange_id: ExchangeId, query: str, article_id: str | None) -> None:
        return None


class RecordedHandoffs:
    """The line of the past: open, unless the stage says that nobody was there."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.somebody_there = True

    async def outlook(self, team_id: str | None) -> str:
        return "open" if self.somebody_there else "nobody_online"

    async def request(self, tx: Tx, wish: HandoffRequest, outlook: str) -> Placed:
        if outlook != "open":
            return Placed(outlook)
        conversation = await conversations.get(tx, wish.conversation_id)
        one = await self.steps.enter(tx, conversation, wish, wish.team_id or "general")
        return Placed("waiting", HandoffId(one.id), 0, None)

    async def leave(self, tx: Tx, conversation_id: ConversationId, reason: str) -> bool:
        return False

    async def place(self, conversation_id: ConversationId) -> Placed | None:
        return None

    async def hold(self, tx: Tx, conversation_id: str, agent: Speaker) -> bool:
        conversation = await conversations.get(tx, conversation_id)
        if conversation.agent_id is None:
            await self.steps.speak(tx, conversation, agent)
        return True

    async def finish(self, tx: Tx, conversation_id: str, reason: str = "resolved") -> bool:
        conversation = await conversations.get(tx, conversation_id)
        if conversation.mode.value == "bot":
            return False
        await self.steps.finish(tx, conversation, reason)
        return True


class Silent:
    """Platforms of the past: everything was sent long ago, nothing is sent now."""

    def pushes(self, channel_kind: str) -> bool:
        return channel_kind != "web"

    async def deliver(self, message: Outgoing) -> Delivered:
        return Delivered("sent")

    def quota(self, channel_kind: str) -> int | None:
        return None

    async def fetch(self, channel_id: str, reference: str) -> Fetched:
        return Fetched("failed", error="past")


class Stage:
    """Services over one batch. Methods move the clock themselves only where they say so."""

    def __init__(self, parts: Services, articles: Mapping[str, ArticleView], release_id: str, start: datetime) -> None:
        self.db = BatchDatabase(parts.db)
        self.clock = FakeClock(start)
        fanout = Fanout(None, "past", "past")
        counters = Counters()
        self.jobs = Jobs(self.db, self.clock, "past")
        self.answers = RecordedAnswers(articles, release_id, self.clock)
        steps = Steps(self.clock, fanout, parts.texts)
        self.handoffs = RecordedHandoffs(steps)
        self.tickets = Tickets(
            self.db,
            self.clock,
            fanout,
            self.jobs,
            parts.texts,
            parts.audit,
            parts.auth.tokens,
            parts.people,
            parts.settings,
        )
        self.tickets.join(owners=self.handoffs, outbox=Silent())
        # The past is timed at its end, all at once, and nobody is told of it now.
        self.tickets.sla.asleep = self.tickets.sla.bells.muted = True
        self.tickets.sorting.asleep = self.tickets.playbooks.asleep = True
        self.turns = Turns(
            self.db,
            self.clock,
            parts.settings,
            RecordedAssistant(),
            self.answers,
            self.handoffs,
            self.tickets,
            parts.texts,
            fanout,
            counters,
            owner="past",
        )
        self.intake = Intake(
            self.db,
            self.clock,
            parts.settings,
            self.tickets,
            parts.texts,
            fanout,
            lambda due_at: None,
            counters,
        )
        self.conversations = Conversations(
            self.db, self.clock, parts.settings, self.answers, self.handoffs, self.tickets, parts.texts, fanout
        )
        self.feedback = Feedback(self.db, self.clock, self.answers, parts.texts, fanout)
        self.numbers = itertools.count(1)
        self.touched: set[str] = set()
        self._played: set[str] = set()

    async def accept(self, conversation_id: str, agent: Speaker) -> None:
        """An agent takes the conversation out of the line."""
        async with self.db.begin() as tx:
            one = await handoff_store.open_of(tx, conversation_id)
            assert one is not None, "nobody waits here"
            await self.handoffs.steps.give(tx, one, agent, _ROOM)

    async def sent(self, conversation_id: str) -> None:
        """What platforms were to be told was told."""
        async with self.db.begin() as tx:
            await _SEND.write(tx, {"delivery": "sent", "delivery_due_at": None}, of_conversation=conversation_id)

    async def timers(self, until: datetime) -> None:
        """Carry out what fell due before `until`, each at its own time; the clock ends there."""
        while True:
            async with self.db.read() as tx:
                row = await _NEXT_TIMER.first(tx, until=until)
            if row is None:
                break
            if row[0] > self.clock.now():
                self.clock.set(row[0])
            if await self.jobs.run_due() == 0:
                break
        if until > self.clock.now():
            self.clock.set(until)

    async def mark(self) -> None:
        """Mark everything that this batch made as the demo's; what timers said meanwhile was sent long ago, too."""
        ids = list(self.touched)
        self._played |= self.touched
        self.touched.clear()
        async with self.db.begin() as tx:
            for (conversation_id,) in await _WITH_UNSENT.all(tx):
                # Beside us there may be a gateway with messages of its own to send.
                if conversation_id in self._played:
                    await self.sent(conversation_id)
            for at in range(0, len(ids), 200):
                some = ids[at : at + 200]
                own = select(conversation_table.c.customer_id).where(conversation_table.c.id.in_(some))
                await tx.execute(update(customers).where(customers.c.id.in_(own)).values(demo=True))
                for table in (messages, exchanges, handoffs, gaps, tickets):
                    await tx.execute(update(table).where(table.c.conversation_id.in_(some)).values(demo=True))
                await tx.execute(update(conversation_table).where(conversation_table.c.id.in_(some)).values(demo=True))
                matters = select(tickets.c.id).where(tickets.c.conversation_id.in_(some))
                for part in (ticket_events, surveys):
                    await tx.execute(update(part).where(part.c.ticket_id.in_(matters)).values(demo=True))


async def speakers(parts: Services) -> dict[str, list[Speaker]]:
    """The demo's people by team."""
    found: dict[str, list[Speaker]] = {}
    async with parts.db.read() as tx:
        for row in await tx.all(
            select(team_members.c.team_id, staff.c.id, staff.c.display_name, staff.c.roles)
            .join(staff, staff.c.id == team_members.c.staff_id)
            .where(staff.c.demo.is_(True))
            .order_by(staff.c.created_at, staff.c.name)
        ):
            if {"agent", "expert"} & set(row.roles):
                found.setdefault(row.team_id, []).append(Speaker(StaffId(row.id), row.display_name))
    return found


async def channel_ids(parts: Services) -> dict[str, str]:
    """The demo's channel of each kind."""
    async with parts.db.read() as tx:
        return {each.kind: each.id for each in await channels.all_of(tx)}


def views(
    contents: Mapping[str, tuple[int, knowledge_store.Content, bool]], categories: Mapping[str, str]
) -> dict[str, ArticleView]:
    """Published articles, ready to show."""
    return {
        article_id: ArticleView(
            article_id,
            revision,
            content.title,
            content.question,
            to_text(content.answer),
            to_html(content.answer),
            f"/help/{article_id}",
            categories.get(article_id, ""),
        )
        for article_id, (revision, content, _) in contents.items()
    }


def soon(low_s: float, high_s: float, share: float) -> timedelta:
    """A time between two bounds."""
    return timedelta(seconds=low_s + (high_s - low_s) * share)
