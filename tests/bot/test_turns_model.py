"""Random interleavings of messages, repeats, owner changes, crashes and second gateways.

Whatever the order: seqs grow without gaps, each exchange is answered exactly once or dropped, the assistant never
hears an exchange twice, and nothing of the bot appears after a person took over.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.assistant import AssistantTurn, Question
from bot.turns import LEASE_S
from bot.types import Author, Incoming, Kind, Mode
from core.db import Database, metadata
from core.errors import FrontlineError
from core.ids import ChannelId
from tests.bot.world import LIN, World, build
from tests.fakes import ScriptedAssistant

TEXTS = [
    "密码忘了",
    "退款",
    "转人工",
    "月球上能看吗",
    "你好",
    "取消排队",
    "不用转人工",
    "1",
    "前面还有几个人",
    "/restart",
]


class _Crash(BaseException):
    """The process is gone."""


class ConversationModel(RuleBasedStateMachine):
    """One customer, one agent, up to two gateways over one database."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.sent: list[tuple[str, str]] = []
        self.taken_at: list[int] = []

    def go(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.go(self._begin())

    async def _begin(self) -> None:
        self.db = Database(f"sqlite+aiosqlite:///{Path(self.folder.name) / 'm.db'}")
        async with self.db.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        self.world: World = await build(self.db, turn_gather_s=0.0)
        assert isinstance(self.world.assistant, ScriptedAssistant)
        self.assistant: ScriptedAssistant = self.world.assistant
        self.world.answers.known["密码"] = ("answer", False, ("忘记密码",))
        self.world.answers.known["退款"] = ("ask", False, ("会员退款", "商品退款"))
        met = await self.world.intake.meet(self.world.channel_ids["web"], "v-1")
        self.conversation_id = met.conversation_id

    @rule(text=st.sampled_from(TEXTS))
    def the_customer_writes(self, text: str) -> None:
        key = f"k{len(self.sent)}"
        self.sent.append((key, text))
        assert not self._accept(key, text).repeated

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_message_arrives_again(self, data: st.DataObject) -> None:
        key, text = data.draw(st.sampled_from(self.sent))
        assert self._accept(key, text).repeated

    def _accept(self, key: str, text: str) -> Any:
        return self.go(
            self.world.intake.accept(Incoming(ChannelId(self.world.channel_ids["web"]), "v-1", key, Kind.TEXT, text))
        )

    @rule(seconds=st.sampled_from([0.1, 2.0, LEASE_S + 1, 1900.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.advance(seconds=seconds)

    @rule()
    def turns_are_taken(self) -> None:
        self.go(self.world.turns.run_due())

    @rule(
        text=st.sampled_from(TEXTS),
        where=st.sampled_from(["before the post", "after the post", "before the apply", "after the claim"]),
        again=st.booleans(),
    )
    def the_gateway_crashes_in_a_turn(self, text: str, where: str, again: bool) -> None:
        self.the_customer_writes(text)
        self.go(self._crash(where))
        if again:
            self.world.clock.advance(seconds=LEASE_S + 1)
            self.turns_are_taken()

    async def _crash(self, where: str) -> None:
        world, assistant = self.world, self.assistant
        answer, apply, think = assistant.answer, world.turns._hand.apply, world.turns._mind.think

        def before(_text: str) -> AssistantTurn | None:
            raise _Crash

        async def after(_question: Question) -> None:
            raise _Crash

        async def anywhere(*_: Any) -> Any:
            raise _Crash

        match where:
            case "before the post":
                assistant.answer = before
            case "after the post":
                assistant.before_answer = after
            case "before the apply":
                world.turns._hand.apply = anywhere  # type: ignore[method-assign, assignment]
            case _:
                world.turns._mind.think = anywhere  # type: ignore[method-assign, assignment]
        try:
            await world.turns.run_due()
        except _Crash:
            pass
        finally:
            assistant.answer, assistant.before_answer = answer, None
            world.turns._hand.apply = apply  # type: ignore[method-assign]
            world.turns._mind.think = think  # type: ignore[method-assign]

    @rule(text=st.sampled_from(TEXTS))
    def a_turn_outlives_its_lease(self, text: str) -> None:
        self.the_customer_writes(text)
        self.go(self._outlive())

    async def _outlive(self) -> None:
        async def sleep(_question: Question) -> None:
            self.assistant.before_answer = None
            self.world.clock.advance(seconds=LEASE_S + 1)
            await self._beside()

        self.assistant.before_answer = sleep
        await self.world.turns.run_due()
        self.assistant.before_answer = None

    @rule(while_thinking=st.booleans(), text=st.sampled_from(TEXTS))
    def an_agent_takes_over(self, while_thinking: bool, text: str) -> None:
        self.the_customer_writes(text)
        self.go(self._take(while_thinking))

    async def _take(self, while_thinking: bool) -> None:
        async def take(*_: Any) -> None:
            self.assistant.before_answer = None
            async with self.db.begin() as tx:
                await self.world.handoffs.take(tx, self.conversation_id, LIN)
            self.taken_at.append((await self.world.conversation(self.conversation_id)).last_seq)

        conversation = await self.world.conversation(self.conversation_id)
        if conversation.mode is Mode.AGENT:
            return
        if while_thinking:
            self.assistant.before_answer = take
            await self.world.turns.run_due()
            self.assistant.before_answer = None
        else:
            await take()

    @rule()
    def the_agent_speaks(self) -> None:
        number = len(self.taken_at) * 1000 + len(self.sent)
        try:
            self.go(
                self.world.conversations.agent_says(
                    self.conversation_id, LIN, client_message_id=f"a{number}", text="我来看看"
                )
            )
        except FrontlineError:
            assert self.go(self.world.conversation(self.conversation_id)).mode is not Mode.AGENT

    @rule()
    def the_agent_lets_go(self) -> None:
        self.go(self._give_back())

    async def _give_back(self) -> None:
        if (await self.world.conversation(self.conversation_id)).mode is Mode.AGENT:
            async with self.db.begin() as tx:
                await self.world.handoffs.give_back(tx, self.conversation_id)

    @rule()
    def another_gateway_takes_turns_beside(self) -> None:
        self.go(self._beside())

    async def _beside(self) -> None:
        other = await build(self.db, self.assistant, turn_gather_s=0.0)
        other.clock.set(self.world.clock.now())
        other.handoffs.line = self.world.handoffs.line
        other.turns._hand._tickets = self.world.tickets
        other.turns._mind._tickets = self.world.tickets
        other.answers.known.update(self.world.answers.known)
        await asyncio.gather(self.world.turns.run_due(), other.turns.run_due())

    @invariant()
    def seqs_grow_without_gaps(self) -> None:
        messages = self.go(self.world.messages(self.conversation_id))
        assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
        assert self.go(self.world.conversation(self.conversation_id)).last_seq == len(messages)

    @invariant()
    def each_message_stands_once(self) -> None:
        messages = self.go(self.world.messages(self.conversation_id))
        own = [message.dedupe_key for message in messages if message.author is Author.CUSTOMER]
        assert own == [key for key, _ in self.sent]

    @invariant()
    def each_reply_answers_one_turn(self) -> None:
        exchanges = self.go(self.world.exchanges(self.conversation_id))
        assert len(exchanges) == len(self.sent)
        turns = Counter(exchange.reply for exchange in exchanges if exchange.reply)
        replies = Counter(reply for turn in turns for reply in turn)
        assert not [reply for reply, count in replies.items() if count > 1], "a reply in two turns"
        hidden = {message.id: message for message in self.go(self.world.hidden(self.conversation_id))}
        named = {reply for exchange in exchanges for reply in exchange.reply}
        for message in hidden.values():
            if message.author is Author.BOT:
                assert message.id in named, "a bot message that answers nothing"
        for exchange in exchanges:
            if exchange.answered_by == "bot":
                assert exchange.reply
            if exchange.state == "dropped":
                assert all(hidden[reply].seq is None for reply in exchange.reply)

    @invariant()
    def the_assistant_hears_nothing_twice(self) -> None:
        heard = Counter(key for key in self.assistant.tracker)
        assert all(count == 1 for count in heard.values())
        recorded = [question.exchange_id for question in self.assistant.asked]
        answered = {exchange_id for _, exchange_id in self.assistant.tracker}
        twice = [each for each, count in Counter(recorded).items() if count > 1]
        # Asked again only where the first post never arrived.
        assert not [each for each in twice if recorded.count(each) > 1 + self._lost(each)], (twice, answered)

    def _lost(self, exchange_id: str) -> int:
        return sum(1 for question in self.assistant.lost if question.exchange_id == exchange_id)

    @invariant()
    def nobody_talks_over_a_person(self) -> None:
        conversation = self.go(self.world.conversation(self.conversation_id))
        if conversation.mode is not Mode.AGENT:
            return
        since = [m for m in self.go(self.world.messages(self.conversation_id)) if (m.seq or 0) > self.taken_at[-1]]
        assert not [message for message in since if message.author is Author.BOT]

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.go(self._settle())
        self.loop.close()
        self.folder.cleanup()

    async def _settle(self) -> None:
        """In the end, with time enough, nothing that the bot owes is left open."""
        await self._give_back()
        for _ in range(6):
            self.world.clock.advance(seconds=LEASE_S + 1)
            await self.world.turns.run_due()
        conversation = await self.world.conversation(self.conversation_id)
        for exchange in await self.world.exchanges(self.conversation_id):
            if conversation.mode is Mode.BOT:
                assert exchange.state in ("answered", "dropped"), exchange
        assert conversation.turn_due_at is None
        await self.db.close()


ConversationModel.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestConversationModel = ConversationModel.TestCase
