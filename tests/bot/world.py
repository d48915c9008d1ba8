"""A small world around one database: the real intake, turns and conversations, with named fakes beside them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.conversation import Conversations
from bot.intake import Intake
from bot.store import channels, conversations, episodes, exchanges, messages
from bot.store.conversations import Conversation
from bot.store.exchanges import Exchange
from bot.store.messages import Message
from bot.turns import Turns
from bot.types import Accepted, Author, Incoming, Kind, Speaker
from core.clock import UTC, FakeClock
from core.counters import Counters
from core.db import Database
from core.ids import ChannelId, StaffId
from core.messages import Catalogue
from core.settings import Settings
from tests.fakes import (
    FakeAnswers,
    FakeHandoffs,
    FakeTickets,
    NullAssistant,
    RecordingNotifier,
    RecordingOutbox,
    ScriptedAssistant,
)

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LIN = Speaker(StaffId("stf_lin"), "小林")


@dataclass
class World:
    """Everything a test talks to."""

    db: Database
    clock: FakeClock
    answers: FakeAnswers
    tickets: FakeTickets
    handoffs: FakeHandoffs
    outbox: RecordingOutbox
    notifier: RecordingNotifier
    counters: Counters
    settings: Settings
    texts: Catalogue
    intake: Intake
    conversations: Conversations
    assistant: ScriptedAssistant | NullAssistant
    turns: Turns
    channel_ids: dict[str, str]
    woken: list[datetime] = field(default_factory=list)
    _keys: Any = field(default_factory=lambda: itertools.count(1))

    async def says(
        self,
        text: str = "",
        *,
        who: str = "v-1",
        channel: str = "web",
        choice: str | None = None,
        key: str | None = None,
        run: bool = True,
        **more: Any,
    ) -> Accepted:
        """A customer says something or presses a button; with `run` the turn is taken too."""
        accepted = await self.intake.accept(
            Incoming(
                channel_id=ChannelId(self.channel_ids[channel]),
                external_id=who,
                dedupe_key=key or f"k{next(self._keys)}",
                kind=more.pop("kind", Kind.TEXT),
                text=text,
                choice_id=choice,
                **more,
            )
        )
        if run:
            self.clock.advance(seconds=2)
            await self.turns.run_due()
        return accepted

    async def messages(self, conversation_id: str) -> list[Message]:
        """All that the customer sees."""
        async with self.db.read() as tx:
            return await messages.after(tx, conversation_id, 0)

    async def last(self, conversation_id: str) -> Message:
        """The newest message."""
        return (await self.messages(conversation_id))[-1]

    async def spoken(self, conversation_id: str) -> list[Message]:
        """What was said to the customer."""
        return [each for each in await self.messages(conversation_id) if each.author is not Author.CUSTOMER]

    async def hidden(self, conversation_id: str) -> list[Message]:
        """Everything, notes and dropped replies too."""
        async with self.db.read() as tx:
            return await messages.newest(tx, conversation_id, 200, hidden=True)

    async def conversation(self, conversation_id: str) -> Conversation:
        async with self.db.read() as tx:
            return await conversations.get(tx, conversation_id)

    async def exchanges(self, conversation_id: str) -> list[Exchange]:
        """All exchanges of the conversation, oldest first."""
        async with self.db.read() as tx:
            found = []
            for episode in reversed(await episodes.of_conversation(tx, conversation_id)):
                found += await exchanges.of_episode(tx, episode.id)
            return found

    async def episode(self, conversation_id: str) -> episodes.Episode:
        """The open episode."""
        async with self.db.read() as tx:
            conversation = await conversations.get(tx, conversation_id)
            assert conversation.episode_id is not None
            return await episodes.get(tx, conversation.episode_id)


async def build(db: Database, assistant: ScriptedAssistant | NullAssistant | None = None, **settings: Any) -> World:
    """A world with a web and a WeChat channel; again over one database it is another gateway of the same world."""
    clock = FakeClock(START)
    tickets, answers, handoffs = FakeTickets(), FakeAnswers(), FakeHandoffs(clock)
    notifier, counters, texts = RecordingNotifier(), Counters(), Catalogue()
    chosen = Settings(**settings)
    assistant = assistant or ScriptedAssistant()
    turns = Turns(db, clock, chosen, assistant, answers, handoffs, tickets, texts, notifier, counters, owner="gtw_test")
    woken: list[datetime] = []
    intake = Intake(db, clock, chosen, tickets, texts, notifier, woken.append, counters, assistants=2)
    ids = {}
    async with db.begin() as tx:
        for kind in ("web", "wechat"):
            known = await channels.by_key(tx, kind)
            ids[kind] = (known or await channels.create(tx, key=kind, kind=kind, name=kind, now=START)).id
    return World(
        db=db,
        clock=clock,
        answers=answers,
        tickets=tickets,
        handoffs=handoffs,
        outbox=RecordingOutbox(),
        notifier=notifier,
        counters=counters,
        settings=chosen,
        texts=texts,
        intake=intake,
        conversations=Conversations(db, clock, chosen, answers, handoffs, tickets, texts, notifier),
        assistant=assistant,
        turns=turns,
        channel_ids=dict(ids),
        woken=woken,
    )
