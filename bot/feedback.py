"""Thumbs under answers: the customer's reaction, counted where it helps."""

from __future__ import annotations

from bot import taps
from bot.ports import Answers, Notifier, Texts
from bot.replies import Replies, payload
from bot.signals import tell_message
from bot.store import channels, conversations, customers, episodes, exchanges, messages
from bot.store.messages import Message
from bot.types import Author, Mode
from bot.work import language_of
from core.clock import Clock
from core.db import Database, Tx
from core.errors import NotFound


class Feedback:
    """Notes thumbs. The last word counts; a thumb down is a failed turn, once per answer."""

    def __init__(self, db: Database, clock: Clock, answers: Answers, texts: Texts, notifier: Notifier) -> None:
        self._db = db
        self._clock = clock
        self._answers = answers
        self._texts = texts
        self._notifier = notifier

    async def helpful(self, conversation_id: str, seq: int, helpful: bool) -> None:
        """Note the thumb under the answer with this seq. Raises NotFound when that is no answer of the bot.

        On the first thumb down the bot, if it still owns the conversation, says that a person is one tap away.
        """
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, conversation_id, lock=True)
            message = await messages.by_seq(tx, conversation.id, seq)
            if message is None or not message.payload.get("answer"):
                raise NotFound("answer")
            first = not helpful and await messages.by_dedupe_key(tx, conversation.id, _key(message)) is None
            await messages.set_helpful(tx, message.id, helpful)
            if not first or message.episode_id is None:
                return
            await episodes.count_failure(tx, message.episode_id)
            await self._gap(tx, message)
            if conversation.mode is Mode.BOT and conversation.episode_id == message.episode_id:
                await self._offer(tx, message)

    async def _gap(self, tx: Tx, message: Message) -> None:
        asked = await exchanges.answered_with(tx, message.conversation_id, message.id)
        if asked is None:
            return
        question = await messages.get(tx, asked.message_id)
        conversation = await conversations.get(tx, message.conversation_id)
        await self._answers.record_gap(
            tx,
            exchange_id=asked.id,
            conversation_id=conversation.id,
            customer_id=conversation.customer_id,
            text=question.text,
            decision="not_helpful",
            nearest=None,
        )

    async def _offer(self, tx: Tx, message: Message) -> None:
        conversation = await conversations.get(tx, message.conversation_id)
        channel = await channels.get(tx, conversation.channel_id)
        customer = await customers.get(tx, conversation.customer_id)
        reply = Replies(self._texts, language_of(customer)).text("bot.offer_person_too", (taps.HUMAN,))
        offer = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.BOT,
            kind=reply.kind,
            text=reply.text,
            at=self._clock.now(),
            payload=payload(reply),
            episode_id=message.episode_id,
            ticket_id=message.ticket_id,
            dedupe_key=_key(message),
            delivery=messages.first_delivery(channel.kind),
            demo=conversation.demo,
        )
        tell_message(tx, self._notifier, offer)


def _key(message: Message) -> str:
    return f"thumb:{message.id}"
