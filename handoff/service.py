"""The queue of human agent sessions. Redis admits, SQL decides.

    bot ──request──▶ waiting ──accept──▶ active ──give_back, finish──▶ ended
                      ▲   │                │
                      │   └─leave, abandon─┼──▶ abandoned
                      └─────put_back───────┘

Each step is one transaction (`steps.py`). The line in Redis is told afterwards: `sync` reads the row again and
settles the line by it. It may be told late, twice or never; the keeper compares both and lets SQL win.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
from redis.asyncio import Redis

from bot.ports import Notifier, Texts, TicketBook
from bot.store import conversations, episodes
from bot.store.conversations import Conversation
from bot.types import HandoffReason, HandoffRequest, Mode, Placed, Speaker
from core.clock import Clock, millis
from core.counters import Counters
from core.db import Database, Tx
from core.errors import Conflict, DatabaseUnavailable, Forbidden, FrontlineError, OfferGone, QueueUnavailable
from core.ids import ConversationId, TicketId
from core.people.store import DEFAULT_TEAM, PeopleStore
from handoff import store
from handoff.keeper import Keeper
from handoff.keys import Keys
from handoff.line import Admission, Line, Place, Standing
from handoff.outlook import Bounds, Outlook
from handoff.presence import Presence
from handoff.routing import may_take
from handoff.steps import Steps, Watcher
from handoff.store import Handoff

log = structlog.get_logger(__name__)
T = TypeVar("T")

# An agent's slot is free again after this when their gateway died between admission and decision. It must be
# longer than any decision takes.
LEASE_S = 10.0
_DECIDE_S = 6.0


class HandoffService:
    """Keeps `bot.ports.Handoffs`, and does what the desk does with conversations."""

    def __init__(
        self,
        db: Database,
        redis: Redis,
        clock: Clock,
        notifier: Notifier,
        people: PeopleStore,
        texts: Texts,
        tickets: TicketBook,
        counters: Counters,
        *,
        keys: Keys | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        keys = keys or Keys()
        bounds = bounds or Bounds()
        self._db = db
        self._clock = clock
        self._tickets = tickets
        self._people = people
        self._counters = counters
        self._notifier = notifier
        self._steps = Steps(clock, notifier, texts)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.line = Line(redis, keys)
        self.presence = Presence(redis, keys, clock)
        self.prospects = Outlook(db, clock, people, self.line, self.presence, bounds)
        self.keeper = Keeper(self, db, clock, notifier, counters, bounds)

    def watched_by(self, watcher: Watcher) -> None:
        """Name who is told of each move in its transaction."""
        self._steps.watcher = watcher

    # What a conversation asks (bot.ports.Handoffs).

    async def outlook(self, team_id: str | None) -> str:
        """What a request would meet now: open, nobody_online, after_hours, full or queue_down."""
        return await self.prospects.of(team_id)

    async def request(self, tx: Tx, wish: HandoffRequest, outlook: str) -> Placed:
        """Make the handoff, change the conversation to waiting, and stand in line once the transaction stands.

        With an outlook other than open makes none and returns that state. Asking twice returns the first.
        """
        conversation = await conversations.get(tx, wish.conversation_id, lock=True)
        known = await store.open_of(tx, conversation.id)
        if known is not None:
            return await self.prospects.placed(tx, known)
        if conversation.mode is Mode.AGENT:
            return Placed("active")
        if outlook != "open":
            return Placed(outlook)
        one = await self._steps.enter(tx, conversation, wish, self.prospects.line_for(wish.team_id))
        tx.after_commit(lambda: self._detach(self._join(one)))
        self._counters.count("handoff_requested", reason=str(wish.reason))
        log.info("handoff.requested", handoff_id=one.id, conversation_id=conversation.id, team_id=one.team_id)
        return await self.prospects.placed(tx, one)

    async def leave(self, tx: Tx, conversation_id: ConversationId, reason: str) -> bool:
        """Take the conversation out of the line; False when it was not in it. The ticket stays."""
        conversation = await conversations.get(tx, conversation_id, lock=True)
        one = await store.open_of(tx, conversation.id)
        if one is None or one.state != store.WAITING:
            return False
        await self._end(tx, conversation, reason)
        return True

    async def place(self, conversation_id: ConversationId) -> Placed | None:
        """The place in line now (the number strictly ahead), or None when not waiting."""
        return await self.prospects.place(conversation_id)

    # What the desk does.

    async def accept(self, handoff_id: str, agent: Speaker, *, watches: bool = False) -> ConversationId:
        """Give the handoff to this agent. Accepting twice is harmless.

        Raises OfferGone when somebody else was quicker or the customer left, Conflict when the agent is not online
        or has no room, Forbidden for another team's line, QueueUnavailable when nobody can be admitted now.
        """
        # Once admitted, it must come to a decision although the browser may hang up meanwhile.
        return await asyncio.shield(self._begin(self._accept(handoff_id, agent, watches)))

    async def decline(self, handoff_id: str, agent: Speaker, reason: str) -> None:
        """Note that this agent does not want it; it stays in line for the others. Raises OfferGone."""
        async with self._db.begin() as tx:
            one = await store.get(tx, handoff_id)
            if one.state != store.WAITING:
                raise OfferGone(handoff_id)
            said = {"agent_id": agent.staff_id, "reason": reason, "at_ms": millis(self._clock.now())}
            others = [each for each in one.why_agent.get("declined", ()) if each["agent_id"] != agent.staff_id]
            await store.note_why(tx, one, {"declined": [*others, said]})
        self._counters.count("handoff_declined")

    async def take(self, conversation_id: str, agent: Speaker, *, watches: bool = False) -> ConversationId:
        """Take a conversation by one's own hand: out of the line, from the bot, or (who watches) from a colleague.

        Raises Conflict when a colleague has it, nobody wrote yet, or there is no room. Taking one's own is harmless.
        """
        async with self._db.read() as tx:
            one = await store.open_of(tx, conversation_id)
        if one is not None and one.state == store.WAITING:
            return await self.accept(one.id, agent, watches=watches)
        return await self._take(conversation_id, agent, watches)

    async def hold(self, tx: Tx, conversation_id: str, agent: Speaker) -> bool:
        """Speak outside the line (an answer from the ticket): mode agent, without needing presence or room.

        False when a colleague has the conversation: nothing changes then. One's own is kept as it is.
        """
        conversation = await conversations.get(tx, conversation_id, lock=True)
        if conversation.mode is Mode.AGENT:
            return conversation.agent_id == agent.staff_id
        one = await self._steps.speak(tx, conversation, agent)
        if one is not None:
            self._after(tx, one)
        return True

    async def give_back(self, conversation_id: str, agent: Speaker, reason: str, *, watches: bool = False) -> None:
        """Return the conversation to the bot and tell the customer. Raises Conflict and Forbidden."""
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            check_owner(conversation, agent, watches=watches)
            one = await self._end(tx, conversation, "returned")
            if one is not None and reason:
                await store.note_why(tx, one, {"returned": {"agent_id": agent.staff_id, "reason": reason}})
            await self._steps.say(tx, conversation, "handoff.returned")
        self._counters.count("handoff_returned")

    async def finish(self, tx: Tx, conversation_id: str, reason: str = "resolved") -> bool:
        """End what a person has to do with the conversation, in the transaction of a conclusion.

        Mode is bot afterwards. False when it was the bot's already. Says nothing to the customer.
        """
        conversation = await conversations.get(tx, conversation_id, lock=True)
        if conversation.mode is Mode.BOT:
            return False
        await self._end(tx, conversation, reason)
        return True

    # What the keeper does when time passes.

    async def put_back(self, one: Handoff) -> bool:
        """The agent is gone: back to the old place in line, the customer is told once. False when it moved on."""
        async with self._db.begin() as tx:
            if not await self._steps.put_back(tx, one):
                return False
            self._after(tx, one)
        self._counters.count("handoff_put_back")
        log.warning("handoff.put_back", handoff_id=one.id, agent_id=one.agent_id)
        return True

    async def release_agent(self, agent_id: str) -> int:
        """Put back everything that an agent holds; returns how much."""
        async with self._db.read() as tx:
            held = await store.active_of(tx, agent_id)
        return sum([await self.put_back(each) for each in held])

    async def abandon(self, one: Handoff, reason: str, text_id: str) -> bool:
        """Nobody came: the bot has the conversation again, the ticket waits for its team. False when it moved on."""
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, one.conversation_id, lock=True)
            fresh = await store.get(tx, one.id)
            if fresh.state != store.WAITING or fresh.epoch != one.epoch:
                return False
            await self._end(tx, conversation, reason)
            packet = await store.packet(tx, one.id)
            await self._tickets.person_wanted(
                tx, TicketId(one.ticket_id), reason=one.reason, packet=packet, queued=False
            )
            await self._steps.say(tx, conversation, text_id)
        self._counters.count("handoff_abandoned", reason=reason)
        log.warning("handoff.abandoned", handoff_id=one.id, reason=reason)
        return True

    async def move_line(self, one: Handoff, team_id: str) -> bool:
        """Stand in another team's line with the old time of arrival. False when it moved on."""
        async with self._db.begin() as tx:
            if not await store.move_line(tx, one, team_id):
                return False
            self._after(tx, one)
        self.keeper.line_changed(team_id)
        log.info("handoff.moved", handoff_id=one.id, from_team=one.team_id, team_id=team_id)
        return True

    async def sync(self, handoff_id: str) -> None:
        """Put the line as SQL says about this handoff. Never raises: what fails is found and repaired later."""
        try:
            async with self._db.read() as tx:
                one = (await store.find(tx, [handoff_id])).get(handoff_id)
            await self.line.settle(one.standing if one else Standing(handoff_id, DEFAULT_TEAM, Place.NONE))
        except FrontlineError as exc:
            log.warning("handoff.line_not_told", handoff_id=handoff_id, code=exc.code)

    async def run(self) -> None:
        """Keep the line true for ever. Ends only by cancellation."""
        await self.keeper.run()

    async def settled(self) -> None:
        """Wait until what was begun in the background is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # How.

    async def _accept(self, handoff_id: str, agent: Speaker, watches: bool) -> ConversationId:
        async with self._db.read() as tx:
            one = await store.get(tx, handoff_id)
            teams = [team.id for team in await self._people.teams_of(tx, agent.staff_id)]
        conversation_id = ConversationId(one.conversation_id)
        if one.state == store.ACTIVE and one.agent_id == agent.staff_id:
            return conversation_id
        if one.state != store.WAITING:
            raise OfferGone(handoff_id)
        if not may_take(one.team_id, teams, watches=watches):
            raise Forbidden("team")
        capacity = (await self.presence.of(agent.staff_id)).capacity
        await self._admit(one, agent)
        try:
            async with asyncio.timeout(_DECIDE_S), self._db.begin() as tx:
                await self._steps.give(tx, one, agent, capacity)
        except TimeoutError as exc:
            raise DatabaseUnavailable("decision") from exc
        finally:
            # Decided, refused or broken off: the line is put as SQL says, which frees the lease if it was refused.
            await asyncio.shield(self._begin(self.sync(handoff_id)))
        self.keeper.line_changed(one.team_id)
        self._counters.count("handoff_accepted")
        self._counters.observe(
            "handoff_wait_seconds", (self._clock.now() - one.waiting_since).total_seconds(), team=one.team_id
        )
        log.info("handoff.accepted", handoff_id=one.id, agent_id=agent.staff_id)
        return conversation_id

    async def _admit(self, one: Handoff, agent: Speaker) -> None:
        """Ask the line. Raises what the agent should hear when it says no."""
        if not self.prospects.in_time:
            raise QueueUnavailable("clock", text_id="handoff.error.clock")
        said = await self._take_from_line(one, agent)
        if (
            said is Admission.GONE
            and await self.line.join(one.id, one.team_id, one.priority, millis(one.waiting_since)) is not None
        ):
            # SQL says that it waits and the line had never heard of it: the server lost its data.
            self._counters.count("handoff_repaired", kind="lost")
            said = await self._take_from_line(one, agent)
        match said:
            case Admission.TAKEN | Admission.YOURS:
                return
            case Admission.FULL:
                self._counters.count("handoff_refused", reason="full")
                raise Conflict("capacity", text_id="handoff.error.no_room")
            case Admission.OFFLINE:
                self._counters.count("handoff_refused", reason="offline")
                raise Conflict("presence", text_id="handoff.error.not_online")
            case Admission.GONE:
                self._counters.count("handoff_refused", reason="gone")
                raise OfferGone(one.id)

    async def _take_from_line(self, one: Handoff, agent: Speaker) -> Admission:
        return await self.line.take(
            one.id,
            one.team_id,
            agent.staff_id,
            until_ms=millis(self._clock.now()) + int(LEASE_S * 1000),
            seen_after_ms=self.presence.alive_since_ms,
        )

    async def _take(self, conversation_id: str, agent: Speaker, watches: bool) -> ConversationId:
        present = await self.presence.of(agent.staff_id)
        if not present.takes_work:
            raise Conflict("presence", text_id="handoff.error.not_online")
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            if conversation.mode is Mode.AGENT and conversation.agent_id == agent.staff_id:
                return conversation.id
            if conversation.mode is Mode.AGENT and not watches:
                raise Conflict("colleague", text_id="handoff.error.colleague", name=conversation.agent_name or "")
            if conversation.mode is Mode.WAITING:
                raise OfferGone(conversation_id)
            if conversation.episode_id is None:
                raise Conflict("no open episode", text_id="handoff.error.no_episode")
            former = await store.open_of(tx, conversation.id)
            wish = await self._own_wish(tx, conversation)
            team = former.team_id if former else DEFAULT_TEAM
            one = await self._steps.give_unasked(tx, conversation, wish, agent, present.capacity, team)
            for each in (former, one):
                if each is not None:
                    self._after(tx, each)
        self._counters.count("handoff_taken")
        return conversation.id

    async def _own_wish(self, tx: Tx, conversation: Conversation) -> HandoffRequest:
        assert conversation.episode_id is not None
        episode = await episodes.get(tx, conversation.episode_id)
        return HandoffRequest(
            conversation_id=conversation.id,
            episode_id=episode.id,
            ticket_id=episode.ticket_id,
            customer_id=conversation.customer_id,
            reason=HandoffReason.TRANSFER,
            packet={"version": 1, "reason": HandoffReason.TRANSFER.value, "form": dict(episode.memory.answers)},
        )

    async def _end(self, tx: Tx, conversation: Conversation, reason: str) -> Handoff | None:
        one = await self._steps.finish(tx, conversation, reason)
        if one is not None:
            self._after(tx, one)
        return one

    def _after(self, tx: Tx, one: Handoff) -> None:
        """Once the transaction stands, put the line as SQL says and tell those behind."""

        def later() -> None:
            self._detach(self.sync(one.id))
            self.keeper.line_changed(one.team_id)

        tx.after_commit(later)

    async def _join(self, one: Handoff) -> None:
        try:
            await self.line.join(one.id, one.team_id, one.priority, millis(one.waiting_since))
        except QueueUnavailable:
            log.warning("handoff.line_not_told", handoff_id=one.id)

    def _detach(self, work: Coroutine[Any, Any, None]) -> None:
        self._begin(work)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def check_owner(conversation: Conversation, agent: Speaker, *, watches: bool) -> None:
    """Raise Conflict when no person has the conversation, Forbidden when a colleague has it."""
    if conversation.mode is not Mode.AGENT:
        raise Conflict("not with a person", text_id="handoff.error.not_yours")
    if conversation.agent_id != agent.staff_id and not watches:
        raise Forbidden("colleague", text_id="handoff.error.colleague", name=conversation.agent_name or "")
