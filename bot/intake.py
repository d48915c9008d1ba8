"""Intake: the one door through which customers' messages come in.

One transaction stores the message with its `seq` and makes identity, customer, conversation, episode and ticket
where they are missing. When `accept` returns, the message stands and a turn is open; when it raises, nothing
happened. The same message again changes nothing and is answered as the first time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot import taps, wish
from bot.episodes import end_episode
from bot.ports import Notifier, Texts, TicketBook
from bot.signals import tell_message, tell_state
from bot.store import channels, conversations, customers, episodes, exchanges, joined, media, messages
from bot.store.channels import Channel
from bot.store.conversations import Conversation
from bot.store.episodes import Episode
from bot.store.joined import Thread
from bot.store.messages import Message
from bot.types import Accepted, Author, Happened, Incoming, Kind, Mode
from core.clock import Clock
from core.counters import Counters
from core.db import Database, Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import ChannelId, ConversationId, CustomerId, FileId, IdentityId
from core.settings import Settings
from core.tables import files

log = structlog.get_logger(__name__)

MAX_CHARACTERS = 4_000

# Two first messages of one identity meet at most once; the second try finds what the first one made.
_TRIES = 4
# Silence is counted in minutes; a row update for each second of a lively talk would tell nobody anything.
_TOUCH_EVERY = timedelta(seconds=5)
_KINDS = frozenset({Kind.TEXT, Kind.CHOICE, Kind.IMAGE, Kind.VIDEO, Kind.FILE})


@dataclass(frozen=True, slots=True)
class Met:
    """Who somebody is, before they have said anything."""

    conversation_id: ConversationId
    customer_id: CustomerId
    identity_id: IdentityId
    last_seq: int


class Intake:
    """`accept` and `meet`. `wake` is told when the turn of an accepted message is due."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        settings: Settings,
        tickets: TicketBook,
        texts: Texts,
        notifier: Notifier,
        wake: Callable[[datetime], None],
        counters: Counters,
        *,
        assistants: int = 1,
    ) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._tickets = tickets
        self._texts = texts
        self._notifier = notifier
        self._wake = wake
        self._counters = counters
        self._assistants = assistants

    async def meet(
        self,
        channel_id: str,
        external_id: str,
        *,
        proven: bool = False,
        name: str | None = None,
        level: str | None = None,
        profile: Mapping[str, str] | None = None,
    ) -> Met:
        """Make identity, customer and conversation where missing, without a message. Twice gives the same."""
        incoming = Incoming(
            channel_id=ChannelId(channel_id),
            external_id=external_id,
            dedupe_key="",
            kind=Kind.TEXT,
            text="",
            proven=proven,
            name=name,
            level=level,
            profile=profile or {},
        )
        for attempt in range(_TRIES):
            try:
                async with self._db.begin() as tx:
                    known = await self._know(tx, incoming)
                    conversation = known.conversation
                    return Met(conversation.id, known.customer.id, conversation.identity_id, conversation.last_seq)
            except IntegrityError:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def happened(self, event: Happened) -> bool:
        """Take in what a customer did without a word; False when it was known already.

        Who follows is greeted with the channel's own words and its most asked questions, once per time they follow;
        who left is not written to until they are back.
        """
        met = await self.meet(event.channel_id, event.external_id)
        now = self._clock.now()
        async with self._db.begin() as tx:
            conversation = await conversations.get(tx, met.conversation_id, lock=True)
            channel = await channels.get(tx, conversation.channel_id)
            await customers.set_left(tx, conversation.identity_id, now if event.what == "left" else None)
            greeting = str(channel.profile.get("greeting") or "").strip()
            if event.what != "followed" or not greeting:
                return True
            if await messages.by_dedupe_key(tx, conversation.id, event.key) is not None:
                return False
            hot = [each for each in channel.profile.get("hot", []) if each.get("article_id") and each.get("label")]
            choices = [{"id": f"{taps.ARTICLE}{each['article_id']}", "label": each["label"]} for each in hot]
            message = await messages.append(
                tx,
                conversation_id=conversation.id,
                author=Author.BOT,
                kind=Kind.TEXT,
                text=greeting,
                at=now,
                payload={"choices": choices} if choices else {},
                dedupe_key=event.key,
                delivery=messages.first_delivery(channel.kind),
                demo=channel.demo,
            )
            tell_message(tx, self._notifier, message)
        self._counters.count("customers_greeted", channel=channel.kind)
        return True

    async def accept(self, incoming: Incoming) -> Accepted:
        """Store one message and open its turn.

        Raises Conflict when the dedupe key came before with another body, Invalid when there is nothing in it or
        too much, NotFound for an unknown or closed channel, DatabaseUnavailable when it cannot be stored.
        """
        incoming = replace(incoming, text=_clean(incoming.text))
        _check(incoming)
        for attempt in range(_TRIES):
            try:
                async with self._db.begin() as tx:
                    accepted = await self._accept(tx, incoming)
                break
            except IntegrityError:
                # Somebody else stored the same identity or message in the same moment; now it is there to read.
                if attempt == _TRIES - 1:
                    raise
        self._counters.count("messages_in", repeated=str(accepted.repeated).lower())
        return accepted

    async def _accept(self, tx: Tx, incoming: Incoming) -> Accepted:
        thread = await self._know(tx, incoming)
        channel, conversation = thread.channel, thread.conversation
        body_hash = _hash(incoming)
        known = await messages.by_dedupe_key(tx, conversation.id, incoming.dedupe_key)
        if known is not None:
            if known.body_hash != body_hash:
                raise Conflict("same id, other body")
            return Accepted(conversation.id, known.id, known.seq or 0, repeated=True)
        now = self._clock.now()
        incoming = await self._label(tx, conversation, incoming)
        rates = await self._rates(tx, conversation, incoming)
        episode = await self._episode(tx, thread, incoming, now, rates)
        due_at = self._due(conversation, incoming, now)
        message = await messages.append(
            tx,
            conversation_id=conversation.id,
            author=Author.CUSTOMER,
            kind=incoming.kind,
            text=incoming.text,
            at=now,
            payload=await self._payload(tx, incoming),
            episode_id=episode.id,
            ticket_id=episode.ticket_id,
            dedupe_key=incoming.dedupe_key,
            body_hash=body_hash,
            sent_at=incoming.sent_at,
            demo=channel.demo,
            turn_at=due_at,
        )
        if incoming.media is not None:
            await media.want(
                tx,
                message_id=message.id,
                channel_id=channel.id,
                customer_id=thread.customer.id,
                ref=incoming.media,
                now=now,
            )
        await exchanges.begin(
            tx,
            message_id=message.id,
            conversation_id=conversation.id,
            episode_id=episode.id,
            ticket_id=episode.ticket_id,
            epoch=conversation.epoch,
            at=now,
            decision={Mode.WAITING: "waiting", Mode.AGENT: "person"}.get(conversation.mode),
            demo=channel.demo,
        )
        if channel.kind != "web":
            await messages.release_held(tx, conversation.id, now)
        if now - episode.last_at > _TOUCH_EVERY:
            await episodes.touch(tx, episode.id, now)
        if not rates:
            await self._tickets.customer_wrote(tx, episode.ticket_id, incoming.text)
        if due_at is not None:
            due = due_at
            tx.after_commit(lambda: self._wake(due))
        tell_message(tx, self._notifier, message)
        return Accepted(conversation.id, message.id, message.seq or 0, repeated=False)

    async def _know(self, tx: Tx, incoming: Incoming) -> Thread:
        """The thread of this identity, locked until the transaction ends; made where it is missing."""
        profile = {key: _clean(value)[:300] for key, value in incoming.profile.items()}
        thread = await joined.thread(tx, incoming.channel_id, incoming.external_id)
        if thread is None:
            thread = await self._make(tx, incoming, profile)
        if thread.channel.disabled_at is not None:
            raise NotFound("channel is closed")
        level = incoming.level if incoming.proven else None
        customer = await customers.learn(tx, thread.customer, name=incoming.name, level=level, profile=profile)
        return replace(thread, customer=customer)

    async def _make(self, tx: Tx, incoming: Incoming, profile: Mapping[str, str]) -> Thread:
        """First contact. Raises IntegrityError when somebody else makes the same at this moment."""
        now = self._clock.now()
        channel = await channels.get(tx, incoming.channel_id)
        identity = await customers.find_identity(tx, channel.id, incoming.external_id)
        if identity is None:
            identity = await customers.create(
                tx,
                channel_id=channel.id,
                external_id=incoming.external_id,
                now=now,
                proven=incoming.proven,
                name=incoming.name,
                level=incoming.level,
                profile=profile,
                demo=channel.demo,
            )
        conversation = await conversations.create(
            tx,
            identity_id=identity.id,
            customer_id=identity.customer_id,
            channel_id=channel.id,
            now=now,
            demo=channel.demo,
        )
        return Thread(channel, await customers.get(tx, identity.customer_id), conversation, None)

    async def _label(self, tx: Tx, conversation: Conversation, incoming: Incoming) -> Incoming:
        """Give a pressed button the words that stood on it. A button that was never shown is refused."""
        if incoming.choice_id is None:
            return incoming
        offered = {
            choice.id: choice.label
            for message in await messages.newest(tx, conversation.id, 40)
            if message.author is not Author.CUSTOMER
            for choice in message.choices
        }
        choice_id = taps.canonical(incoming.choice_id)
        label = offered.get(choice_id) or taps.standing_label(choice_id, self._texts)
        if label is None:
            raise Invalid("unknown choice")
        return replace(incoming, kind=Kind.CHOICE, choice_id=choice_id, text=label)

    async def _rates(self, tx: Tx, conversation: Conversation, incoming: Incoming) -> bool:
        """Whether this answers a survey: by its button or, where channels have none, by its words or number."""
        if incoming.choice_id is not None:
            return taps.is_survey_answer(incoming.choice_id)
        if incoming.kind is not Kind.TEXT or conversation.survey_ticket_id is None or conversation.mode is not Mode.BOT:
            return False
        if taps.rating_in(incoming.text) is not None or taps.verdict_in(incoming.text) is not None:
            return True
        newest = await messages.newest(tx, conversation.id, 5)
        offered = next((each.choices for each in reversed(newest) if each.choices), ())
        choice = taps.named(incoming.text, offered)
        return choice is not None and taps.is_survey_answer(choice.id)

    async def _episode(self, tx: Tx, thread: Thread, incoming: Incoming, now: datetime, rates: bool) -> Episode:
        """The open episode; one that fell silent is ended first, and a new one begun with its ticket."""
        channel, conversation, customer = thread.channel, thread.conversation, thread.customer
        if thread.episode is not None:
            silent = now - thread.episode.last_at > self.silence_of(channel)
            if thread.episode.ended_at is None and not (silent and conversation.mode is Mode.BOT):
                return thread.episode
            await end_episode(tx, self._tickets, thread.episode, reason="silence", now=now)
        if rates and conversation.survey_ticket_id is not None:
            # One of the four words is a word on the old matter, not a new one.
            ticket_id = conversation.survey_ticket_id
        else:
            ticket = await self._tickets.open_for(
                tx,
                conversation_id=conversation.id,
                customer_id=customer.id,
                channel_id=channel.id,
                channel_kind=channel.kind,
                text=incoming.text,
                profile=customer.profile,
                demo=channel.demo,
                sent_at=incoming.sent_at,
            )
            ticket_id = ticket.ticket_id
        episode = await episodes.begin(
            tx, conversation_id=conversation.id, ticket_id=ticket_id, now=now, slots=self._assistants
        )
        await conversations.set_episode(tx, conversation.id, episode.id)
        tell_state(tx, self._notifier, conversation.id)
        return episode

    def silence_of(self, channel: Channel) -> timedelta:
        """How long nobody must have said anything on this channel for an episode to be over."""
        web = channel.kind == "web"
        return timedelta(seconds=self._settings.episode_silence_web_s if web else self._settings.episode_silence_s)

    async def _payload(self, tx: Tx, incoming: Incoming) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        if incoming.choice_id is not None:
            payload["choice"] = incoming.choice_id
        if incoming.file_id is not None:
            payload["attachment"] = await attachment(tx, incoming.file_id)
        if incoming.media is not None:
            payload["media"] = "pending"
        return payload

    def _due(self, conversation: Conversation, incoming: Incoming, now: datetime) -> datetime | None:
        """When the bot should take its turn, or None when it has none."""
        match conversation.mode:
            case Mode.BOT:
                at_once = incoming.choice_id is not None
                return now if at_once else now + timedelta(seconds=self._settings.turn_gather_s)
            case Mode.WAITING:
                # In the line the bot answers one thing only: how long it will take, and how to leave.
                asked = wish.asks_place(incoming.text) or wish.leaves_line(incoming.text)
                return now if asked or incoming.choice_id == taps.LEAVE_LINE else None
            case Mode.AGENT:
                return None


async def attachment(tx: Tx, file_id: str) -> dict[str, Any]:
    """What a message says about its file. Raises NotFound."""
    row = await tx.first(select(files).where(files.c.id == file_id))
    if row is None:
        raise NotFound("attachment")
    return {"attachment_id": FileId(row.id), "kind": row.kind, "name": row.name, "bytes": row.bytes}


def _clean(text: str) -> str:
    # NUL cannot be stored by PostgreSQL, a lone surrogate by nobody.
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def _check(incoming: Incoming) -> None:
    if incoming.kind not in _KINDS:
        raise Invalid("kind")
    if len(incoming.text) > MAX_CHARACTERS:
        raise Invalid("too long", text_id="error.text_too_long")
    if not incoming.dedupe_key or len(incoming.dedupe_key) > 160:
        raise Invalid("dedupe key")
    if not incoming.external_id or len(incoming.external_id) > 128:
        raise Invalid("external id")
    if not incoming.text.strip() and incoming.choice_id is None and incoming.file_id is None:
        raise Invalid("empty", text_id="error.text_empty")


def _hash(incoming: Incoming) -> str:
    body = [incoming.choice_id or incoming.text, incoming.choice_id, incoming.file_id]
    if incoming.media is not None:
        body.append(incoming.media.reference)
    return hashlib.sha256(msgspec.json.encode(body)).hexdigest()


__all__ = ["MAX_CHARACTERS", "Intake", "Message", "Met", "attachment"]
