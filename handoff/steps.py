"""The steps of a handoff inside an open transaction: rows, owner and what the customer is told change together.

The conversation's row is locked first, then the agent's, then the handoff's: everybody in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bot.ports import Notifier, Texts
from bot.signals import tell_message, tell_state
from bot.store import channels, conversations, episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, HandoffRequest, Kind, Mode, Speaker
from core.clock import Clock
from core.db import Tx
from core.errors import Conflict, Forbidden, OfferGone, StaleEpoch
from core.ids import HandoffId, new_id
from handoff import store
from handoff.store import Handoff


class Watcher(Protocol):
    """Who is told of each move, in its transaction."""

    async def emit(self, tx: Tx, kind: str, *, subject: str, data: Mapping[str, Any]) -> None: ...


class Steps:
    """SQL of each move. Raises OfferGone, Conflict or Forbidden, which roll everything back."""

    watcher: Watcher | None = None

    def __init__(self, clock: Clock, notifier: Notifier, texts: Texts) -> None:
        self._clock = clock
        self._notifier = notifier
        self._texts = texts

    async def enter(self, tx: Tx, conversation: Conversation, wish: HandoffRequest, team_id: str) -> Handoff:
        """The conversation waits in a line."""
        handoff_id = HandoffId(new_id("hnd"))
        epoch = await self._change(tx, conversation, Mode.WAITING, handoff_id=handoff_id)
        one = await store.create(
            tx, handoff_id, wish, team_id=team_id, epoch=epoch, now=self._clock.now(), demo=conversation.demo
        )
        await self._tell(tx, "requested", one)
        return one

    async def give(self, tx: Tx, one: Handoff, agent: Speaker, capacity: int) -> None:
        """Out of the line to an agent. Accepting one's own again changes nothing."""
        conversation = await conversations.get(tx, one.conversation_id, lock=True)
        fresh = await store.get(tx, one.id)
        if fresh.state == store.ACTIVE and fresh.agent_id == agent.staff_id:
            return
        await self._check_room(tx, agent, capacity)
        if fresh.state != store.WAITING or not await store.activate(tx, fresh, agent, self._clock.now()):
            raise OfferGone(one.id)
        try:
            await self._change(tx, conversation, Mode.AGENT, handoff_id=one.id, agent=agent, epoch=fresh.epoch)
        except StaleEpoch as exc:
            raise OfferGone(one.id) from exc
        await self._tell(tx, "accepted", fresh, agent_id=agent.staff_id)
        await self.say(tx, conversation, "handoff.accepted", agent=agent.name)

    async def give_unasked(
        self, tx: Tx, conversation: Conversation, wish: HandoffRequest, agent: Speaker, capacity: int, team_id: str
    ) -> Handoff:
        """To an agent who took it by their own hand, from the bot or from a colleague."""
        await self._check_room(tx, agent, capacity)
        former = await store.open_of(tx, conversation.id)
        if former is not None:
            await store.end(tx, former, "transferred", self._clock.now())
            await self._tell(tx, "ended", former, reason="transferred")
        handoff_id = HandoffId(new_id("hnd"))
        epoch = await self._change(tx, conversation, Mode.AGENT, handoff_id=handoff_id, agent=agent)
        one = await store.create(
            tx,
            handoff_id,
            wish,
            team_id=team_id,
            epoch=epoch,
            now=self._clock.now(),
            agent_id=agent.staff_id,
            demo=conversation.demo,
        )
        await self._tell(tx, "accepted", one, agent_id=agent.staff_id)
        await self.say(tx, conversation, "handoff.accepted", agent=agent.name)
        return one

    async def speak(self, tx: Tx, conversation: Conversation, agent: Speaker) -> Handoff | None:
        """To an agent who answers from the ticket. Who waited in line waits no more; returns that handoff."""
        one = await store.open_of(tx, conversation.id)
        if one is not None:
            await store.end(tx, one, "answered", self._clock.now())
            await self._tell(tx, "ended", one, reason="answered")
        await self._change(tx, conversation, Mode.AGENT, agent=agent)
        return one

    async def put_back(self, tx: Tx, one: Handoff) -> bool:
        """From an agent who is gone to the old place in line; the customer is told once. False: it moved on."""
        conversation = await conversations.get(tx, one.conversation_id, lock=True)
        if conversation.handoff_id != one.id or not await store.put_back(tx, one):
            return False
        await self._change(tx, conversation, Mode.WAITING, handoff_id=one.id)
        await self._tell(tx, "returned", one)
        await self.say(tx, conversation, "handoff.agent_gone", once=f"handoff.agent_gone:{one.id}")
        return True

    async def finish(self, tx: Tx, conversation: Conversation, reason: str) -> Handoff | None:
        """To the bot, whoever had it; returns the handoff that ended, if there was one."""
        one = await store.open_of(tx, conversation.id)
        if one is not None:
            await store.end(tx, one, reason, self._clock.now())
            await self._tell(tx, "ended", one, reason=reason)
        await self._change(tx, conversation, Mode.BOT)
        return one

    async def _tell(self, tx: Tx, move: str, one: Handoff, **more: Any) -> None:
        if self.watcher is not None:
            about = {"handoff_id": one.id, "conversation_id": one.conversation_id, "ticket_id": one.ticket_id}
            data = {**about, "team_id": one.team_id, "priority": one.priority, **more}
            await self.watcher.emit(tx, f"handoff.{move}", subject=f"handoff:{one.id}", data=data)

    async def say(
        self, tx: Tx, conversation: Conversation, text_id: str, *, once: str | None = None, **params: Any
    ) -> None:
        """Tell the customer something in the house's name; with `once` never a second time under that key."""
        if once is not None and await messages.by_dedupe_key(tx, conversation.id, once) is not None:
            return
        channel = await channels.get(tx, conversation.channel_id)
        episode = await episodes.get(tx, conversation.episode_id) if conversation.episode_id else None
        message = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.SYSTEM,
            kind=Kind.NOTICE,
            text=self._texts.get(text_id, **params),
            at=self._clock.now(),
            episode_id=conversation.episode_id,
            ticket_id=episode.ticket_id if episode else None,
            dedupe_key=once,
            delivery=messages.first_delivery(channel.kind),
            demo=conversation.demo,
        )
        tell_message(tx, self._notifier, message)

    async def _check_room(self, tx: Tx, agent: Speaker, capacity: int) -> None:
        """The last word on capacity: Redis admits by what it knows, this counts what is so."""
        if not await store.lock_agent(tx, agent.staff_id):
            raise Forbidden("account closed")
        if await store.count_active(tx, agent.staff_id) >= capacity:
            raise Conflict("capacity", text_id="handoff.error.no_room", capacity=capacity)

    async def _change(
        self,
        tx: Tx,
        conversation: Conversation,
        mode: Mode,
        *,
        handoff_id: str | None = None,
        agent: Speaker | None = None,
        epoch: int | None = None,
    ) -> int:
        changed = await conversations.change_owner(
            tx,
            conversation.id,
            expected_epoch=conversation.epoch if epoch is None else epoch,
            mode=mode,
            clock=self._clock,
            handoff_id=handoff_id,
            agent=agent,
        )
        tell_state(tx, self._notifier, conversation.id)
        tx.after_commit(lambda: self._notifier.publish("desk", {"type": "queue"}))
        return changed
