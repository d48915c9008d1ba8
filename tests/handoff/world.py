"""A desk with a real line: the hand-off over a real database and a real Redis, customers who have written, agents."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import insert

from bot.store import channels, conversations, customers, episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, HandoffReason, HandoffRequest, Kind, Placed, Speaker
from core.clock import FakeClock
from core.counters import Counters
from core.db import Database
from core.ids import ConversationId, StaffId
from core.messages import Catalogue
from core.people.store import ALWAYS, OFFICE, PeopleStore, Team, delivered_calendars
from core.people.tables import staff
from handoff import store
from handoff.keys import Keys
from handoff.line import Snapshot
from handoff.outlook import Bounds
from handoff.presence import Status
from handoff.service import HandoffService
from handoff.store import Handoff
from tests.fakes import FakeTickets, RecordingNotifier
from tests.handoff.times import START

LIN, CHEN, ZHOU = (
    Speaker(StaffId(f"stf_{name}"), shown) for name, shown in (("lin", "小林"), ("chen", "小陈"), ("zhou", "小周"))
)
TEAMS = {"stf_lin": ["general"], "stf_chen": ["payment"], "stf_zhou": ["payment", "general"]}


@dataclass
class World:
    """Everything a test talks to."""

    db: Database
    redis: Redis
    keys: Keys
    clock: FakeClock
    people: PeopleStore
    tickets: FakeTickets
    notifier: RecordingNotifier
    counters: Counters
    service: HandoffService
    channel_ids: dict[str, str]
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def another_gateway(self, redis: Redis | None = None, bounds: Bounds | None = None) -> HandoffService:
        """A second hand-off over the same database and line."""
        people, tickets, counters = self.people, self.tickets, self.counters
        redis = redis or self.redis
        return _service(self.db, redis, self.clock, self.notifier, people, tickets, counters, self.keys, bounds)

    async def customer(self, channel: str = "web", text: str = "你好") -> ConversationId:
        """A customer who has just written, and is with the bot."""
        number = next(self._numbers)
        now = self.clock.now()
        async with self.db.begin() as tx:
            identity = await customers.create(
                tx, channel_id=self.channel_ids[channel], external_id=f"v-{number}", proven=False, now=now
            )
            conversation = await conversations.create(
                tx, identity_id=identity.id, customer_id=identity.customer_id, channel_id=identity.channel_id, now=now
            )
            ticket = self.tickets.add(identity.customer_id)
            episode = await episodes.begin(
                tx, conversation_id=conversation.id, ticket_id=ticket.ticket_id, now=now, slots=1
            )
            await conversations.set_episode(tx, conversation.id, episode.id)
            await messages.append(
                tx,
                conversation_id=conversation.id,
                author=Author.CUSTOMER,
                kind=Kind.TEXT,
                text=text,
                at=now,
                episode_id=episode.id,
                ticket_id=ticket.ticket_id,
            )
        return conversation.id

    async def wish(self, conversation_id: str, *, team: str | None = None, priority: int = 3) -> HandoffRequest:
        """That customer's wish for a person."""
        async with self.db.read() as tx:
            conversation = await conversations.get(tx, conversation_id)
            assert conversation.episode_id is not None
            episode = await episodes.get(tx, conversation.episode_id)
        return HandoffRequest(
            conversation_id=conversation.id,
            episode_id=episode.id,
            ticket_id=episode.ticket_id,
            customer_id=conversation.customer_id,
            reason=HandoffReason.EXPLICIT_WISH,
            packet={"version": 1, "reason": "explicit_wish", "summary": "登录不上"},
            priority=priority,
            team_id=team,
        )

    async def asks(self, conversation_id: str, *, team: str | None = None, priority: int = 3) -> Placed:
        """Ask for a person as a turn does: look, then request in the transaction of the reply."""
        wish = await self.wish(conversation_id, team=team, priority=priority)
        outlook = await self.service.outlook(team)
        async with self.db.begin() as tx:
            placed = await self.service.request(tx, wish, outlook)
        await self.service.settled()
        return placed

    async def waiting_customer(self, *, team: str | None = None, priority: int = 3, channel: str = "web") -> Handoff:
        """A customer in line; the time moves on by a second."""
        conversation_id = await self.customer(channel)
        placed = await self.asks(conversation_id, team=team, priority=priority)
        assert placed.state == "waiting", placed
        self.clock.advance(seconds=1)
        return await self.handoff(str(placed.handoff_id))

    async def online(self, *agents: Speaker, capacity: int = 5, status: Status = Status.ONLINE) -> None:
        """These agents are at the desk."""
        for agent in agents:
            await self.service.presence.say(agent.staff_id, status, "", capacity)

    async def handoff(self, handoff_id: str) -> Handoff:
        async with self.db.read() as tx:
            return await store.get(tx, handoff_id)

    async def conversation(self, conversation_id: str) -> Conversation:
        async with self.db.read() as tx:
            return await conversations.get(tx, conversation_id)

    async def told(self, conversation_id: str) -> list[str]:
        """What the house has said to the customer."""
        async with self.db.read() as tx:
            found = await messages.after(tx, conversation_id, 0)
        return [each.text for each in found if each.author is Author.SYSTEM]

    async def place(self, conversation_id: str) -> int | None:
        placed = await self.service.place(ConversationId(conversation_id))
        return placed.queue_position if placed else None

    async def snapshot(self) -> Snapshot:
        await self.service.settled()
        return await self.service.line.snapshot(["general", "payment"])

    async def lose_redis(self) -> None:
        """The server forgets everything of ours."""
        async for key in self.redis.scan_iter(f"{self.keys.prefix}:*"):
            await self.redis.delete(key)

    async def line_is_as_sql_says(self) -> None:
        """Fail unless Redis holds exactly what SQL holds."""
        snapshot = await self.snapshot()
        async with self.db.read() as tx:
            rows = await store.all_open(tx)
        waiting: dict[str, list[str]] = {}
        for one in rows:
            if one.state == store.WAITING:
                waiting.setdefault(one.team_id, []).append(one.id)
        assert {team: ids for team, ids in snapshot.waiting.items() if ids} == waiting
        active = {one.id: one.agent_id for one in rows if one.state == store.ACTIVE}
        assert snapshot.holder == active
        assert set(snapshot.active) == set(active)
        assert not snapshot.offered
        agents = [agent for agent in active.values() if agent]
        assert snapshot.load == {agent: agents.count(agent) for agent in agents}


async def build(db: Database, redis: Redis, *, bounds: Bounds | None = None) -> World:
    """Two teams, three agents, a web and a WeChat channel; nobody is online yet."""
    clock, keys, people = FakeClock(START), Keys(f"t{secrets.token_hex(4)}"), PeopleStore()
    tickets, notifier, counters = FakeTickets(), RecordingNotifier(), Counters()
    ids: dict[str, str] = {}
    async with db.begin() as tx:
        for row in delivered_calendars(START.year):
            await people.save_calendar(tx, row)
        await people.save_team(tx, Team("general", "综合", ALWAYS))
        await people.save_team(tx, Team("payment", "支付组", OFFICE))
        await add_agents(tx, people, [LIN, CHEN, ZHOU])
        for kind in ("web", "wechat"):
            ids[kind] = (await channels.create(tx, key=kind, kind=kind, name=kind, now=START)).id
    service = _service(db, redis, clock, notifier, people, tickets, counters, keys, bounds)
    await service.keeper.rebuild()
    return World(db, redis, keys, clock, people, tickets, notifier, counters, service, ids)


async def add_agents(tx: Any, people: PeopleStore, agents: Sequence[Speaker]) -> None:
    """Accounts that may use the desk."""
    for agent in agents:
        await tx.execute(
            insert(staff).values(
                id=agent.staff_id, name=agent.staff_id, display_name=agent.name, roles=["agent"], created_at=START
            )
        )
        await people.set_teams(tx, agent.staff_id, TEAMS.get(agent.staff_id, ["general"]))


def _service(
    db: Database,
    redis: Redis,
    clock: FakeClock,
    notifier: RecordingNotifier,
    people: PeopleStore,
    tickets: FakeTickets,
    counters: Counters,
    keys: Keys,
    bounds: Bounds | None,
) -> HandoffService:
    texts = Catalogue()
    return HandoffService(db, redis, clock, notifier, people, texts, tickets, counters, keys=keys, bounds=bounds)
