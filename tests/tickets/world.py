"""Tickets around one database: the real intake, turns, delivery and timers, with named fakes beside them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from bot.intake import Intake
from bot.outbox import DeliveryLoop
from bot.store import channels, conversations, messages
from bot.store.conversations import Conversation
from bot.store.messages import Message
from bot.turns import Turns
from bot.types import Accepted, Incoming, Kind, Mode, Speaker
from core.audit import Audit
from core.clock import UTC, FakeClock
from core.counters import Counters
from core.db import Database, Tx
from core.ids import ChannelId, ConversationId, StaffId
from core.jobs import Jobs
from core.messages import Catalogue
from core.people.store import PeopleStore, delivered_calendars
from core.people.tables import staff
from core.secrets import Secrets
from core.settings import Settings
from gateway.auth.tokens import Tokens
from tests.fakes import FakeAnswers, FakeHandoffs, RecordingNotifier, RecordingOutbox, ScriptedAssistant
from tickets import categories, store
from tickets.replay import replay
from tickets.service import Tickets
from tickets.store import Ticket

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LIN = Speaker(StaffId("stf_lin"), "林小岛")
ZHOU = Speaker(StaffId("stf_zhou"), "周晨光")
QIN = Speaker(StaffId("stf_qin"), "秦望舒")
SHEN = Speaker(StaffId("stf_shen"), "沈明澈")


@dataclass
class HoldingHandoffs(FakeHandoffs):
    """The line in memory, which also lets an agent speak from a ticket."""

    async def hold(self, tx: Tx, conversation_id: ConversationId, agent: Speaker) -> bool:
        conversation = await conversations.get(tx, conversation_id, lock=True)
        if conversation.mode is Mode.AGENT:
            return conversation.agent_id == agent.staff_id
        await self.take(tx, conversation_id, agent)
        return True

    async def finish(self, tx: Tx, conversation_id: ConversationId, reason: str = "resolved") -> bool:
        conversation = await conversations.get(tx, conversation_id, lock=True)
        if conversation.mode is Mode.BOT:
            return False
        await self.give_back(tx, conversation_id)
        return True


@dataclass
class World:
    """Everything a test talks to."""

    db: Database
    clock: FakeClock
    tickets: Tickets
    jobs: Jobs
    intake: Intake
    turns: Turns
    handoffs: HoldingHandoffs
    outbox: RecordingOutbox
    delivery: DeliveryLoop
    notifier: RecordingNotifier
    people: PeopleStore
    texts: Catalogue
    links: Tokens
    channel_ids: dict[str, str]
    _keys: Any = field(default_factory=lambda: itertools.count(1))

    async def says(
        self, text: str = "", *, who: str = "v-1", channel: str = "web", choice: str | None = None
    ) -> Accepted:
        """A customer says something or presses a button, and the turn is taken."""
        accepted = await self.intake.accept(
            Incoming(
                channel_id=ChannelId(self.channel_ids[channel]),
                external_id=who,
                dedupe_key=f"k{next(self._keys)}",
                kind=Kind.TEXT,
                text=text,
                choice_id=choice,
            )
        )
        self.clock.advance(seconds=2)
        await self.turns.run_due()
        return accepted

    async def pass_time(self, **delta: float) -> None:
        """Let time go by; what falls due is carried out, and what must be sent is sent."""
        self.clock.advance(**delta)
        while await self.delivery.run_due() + await self.jobs.run_due():
            pass

    async def ticket(self, serial: str) -> Ticket:
        async with self.db.read() as tx:
            return await store.by_serial(tx, serial)

    async def newest(self, conversation_id: str) -> Ticket:
        """The customer's ticket that was made last."""
        async with self.db.read() as tx:
            conversation = await conversations.get(tx, conversation_id)
            found = await store.of_customer(tx, conversation.customer_id)
        return max(found, key=lambda each: each.serial)

    async def conversation(self, conversation_id: str) -> Conversation:
        async with self.db.read() as tx:
            return await conversations.get(tx, conversation_id)

    async def seen(self, conversation_id: str) -> list[Message]:
        """All that the customer sees."""
        async with self.db.read() as tx:
            return await messages.after(tx, conversation_id, 0)

    async def kinds(self, ticket: Ticket) -> list[str]:
        """What happened to the ticket, in order."""
        async with self.db.read() as tx:
            return [each.kind for each in await store.events_of(tx, ticket.id)]

    async def check_history(self, ticket_id: str) -> None:
        """The history replays to the present state."""
        async with self.db.read() as tx:
            ticket = await store.get(tx, ticket_id)
            events = await store.events_of(tx, ticket_id)
        assert replay(events) == store.tracked(ticket)
        assert ticket.version == len(events)

    async def human(self, *, who: str = "v-1", channel: str = "web", text: str = "支付失败了 怎么办") -> Ticket:
        """A matter that waits for a person, nobody being online."""
        self.handoffs.state = "nobody_online"
        await self.says(text, who=who, channel=channel)
        accepted = await self.says("转人工", who=who, channel=channel)
        return await self.newest(accepted.conversation_id)

    async def resolved(self, *, who: str = "v-1", channel: str = "web") -> Ticket:
        """A matter that an agent answered and resolved; the survey stands open."""
        ticket = await self.human(who=who, channel=channel)
        await self.tickets.answer(ticket.serial, LIN, "我来看一下", f"m-{next(self._keys)}")
        await self.tickets.resolve_serial(ticket.serial, LIN, solution="已经为您补上会员时长。")
        await self.pass_time(minutes=2)
        return await self.ticket(ticket.serial)


async def build(db: Database) -> World:
    """A world with a web and a WeChat channel, the delivered teams, two agents, an expert and a supervisor."""
    ids: dict[str, str] = {}
    people = PeopleStore()
    async with db.begin() as tx:
        for kind in ("web", "wechat"):
            ids[kind] = (await channels.create(tx, key=kind, kind=kind, name=kind, now=START)).id
        for calendar in delivered_calendars(2026):
            await people.save_calendar(tx, calendar)
        for team in categories.DELIVERED_TEAMS:
            await people.save_team(tx, team)
        await categories.seed(tx)
        for who, team_id in ((LIN, "payment"), (ZHOU, "payment"), (QIN, "experts"), (SHEN, "experts")):
            await tx.execute(
                insert(staff).values(
                    id=who.staff_id, name=who.staff_id, display_name=who.name, roles=["agent"], created_at=START
                )
            )
            await people.set_teams(tx, who.staff_id, [team_id])
    return gateway(db, FakeClock(START), ids)


def gateway(db: Database, clock: FakeClock, channel_ids: dict[str, str], name: str = "gtw_test") -> World:
    """The services of one gateway over a database that `build` has filled: a second one, or one started again."""
    settings = Settings()
    notifier, counters, texts = RecordingNotifier(), Counters(), Catalogue()
    people, jobs = PeopleStore(), Jobs(db, clock, name)
    links = Tokens(Secrets(b"0" * 32), clock)
    answers, outbox, handoffs = FakeAnswers(), RecordingOutbox(), HoldingHandoffs(clock)
    answers.known["密码"] = ("answer", False, ("忘记密码",))
    tickets = Tickets(db, clock, notifier, jobs, texts, Audit(clock), links, people, settings)
    tickets.join(owners=handoffs, outbox=outbox)
    turns = Turns(
        db, clock, settings, ScriptedAssistant(), answers, handoffs, tickets, texts, notifier, counters, owner=name
    )
    intake = Intake(db, clock, settings, tickets, texts, notifier, lambda due: None, counters)
    return World(
        db=db,
        clock=clock,
        tickets=tickets,
        jobs=jobs,
        intake=intake,
        turns=turns,
        handoffs=handoffs,
        outbox=outbox,
        delivery=DeliveryLoop(db, clock, outbox, notifier, counters),
        notifier=notifier,
        people=people,
        texts=texts,
        links=links,
        channel_ids=channel_ids,
    )
