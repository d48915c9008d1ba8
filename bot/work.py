"""The work of one turn: everything that is read from SQL before anybody is asked."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from bot import mood, taps, top, wish
from bot.store import conversations, exchanges, messages
from bot.store.channels import Channel
from bot.store.conversations import Conversation
from bot.store.customers import Customer
from bot.store.episodes import Episode
from bot.store.exchanges import Exchange
from bot.store.joined import surroundings
from bot.store.messages import Message
from bot.types import Choice, Kind, Mode
from core.db import Tx
from core.ids import ExchangeId

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_FILES = frozenset({Kind.IMAGE, Kind.VIDEO, Kind.FILE})


@dataclass(frozen=True, slots=True)
class Item:
    """One customer message and its exchange."""

    exchange: Exchange
    message: Message


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed turn. `token` proves the claim; `posted` says that the assistant is (or was) asked, `posted_before`
    that it was asked before a crash."""

    token: str
    conversation: Conversation
    channel: Channel
    customer: Customer
    episode: Episode
    items: tuple[Item, ...]
    offered: tuple[Choice, ...]
    posted_before: bool
    first_turn: bool
    posted: bool = False

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What this turn answers."""
        return tuple(item.exchange for item in self.items)

    @property
    def key(self) -> ExchangeId:
        """The exchange under which the assistant knows this turn."""
        return self.items[-1].exchange.id

    @property
    def text(self) -> str:
        """What the customer said, as one text; names of files are not words of theirs."""
        said = [item.message.text.strip() for item in self.items if item.message.kind not in _FILES]
        return ",".join(text.rstrip(",") for text in said if text)

    @property
    def language(self) -> str:
        """`en` for a visitor with an English browser who writes no Chinese, else Chinese."""
        return "zh-CN" if _CHINESE.search(self.text) else language_of(self.customer)

    @property
    def tap(self) -> str | None:
        """The button that was pressed, or named in words or by its number; the last word counts."""
        last = self.items[-1].message
        if last.choice_id is not None:
            return taps.canonical(last.choice_id)
        if last.kind is not Kind.TEXT or len(self.items) > 1:
            return None
        survey = self.conversation.survey_ticket_id is not None
        rating = taps.rating_in(last.text) if survey else None
        if rating is not None:
            return f"{taps.RATING}{rating}"
        verdict = taps.verdict_in(last.text) if survey else None
        if verdict is not None:
            return f"{taps.SOLVED}{verdict}"
        choice = taps.named(last.text, self.offered)
        return None if choice is None else taps.canonical(choice.id)

    @property
    def only_files(self) -> bool:
        """Whether nothing was said in words."""
        return all(item.message.kind in _FILES for item in self.items)

    @property
    def asks(self) -> bool:
        """Whether knowledge base and assistant are asked: not when the words or the button decide alone."""
        if self.conversation.mode is not Mode.BOT:
            return False
        if self.tap is not None:
            return not taps.is_ours(self.tap)
        if top.wants_head(self.text) or (self.episode.memory.asked or "").startswith(top.ASKED):
            return False
        decided = wish.detect(self.text) in (wish.Wish.PERSON, wish.Wish.IS_THIS_ONE)
        return not decided and mood.rule(self.text) != "legal" and (not self.only_files or self.form_open)

    @property
    def drop_form(self) -> bool:
        """Whether the assistant's form belongs to a talk that the customer did not see or that a person continued."""
        memory = self.episode.memory
        return memory.stale or (memory.form is not None and memory.epoch != self.conversation.epoch)

    @property
    def form_open(self) -> bool:
        """Whether the customer was asked something by a form."""
        return self.episode.memory.form is not None and not self.drop_form


def language_of(customer: Customer) -> str:
    """The language to speak to a customer in, by their browser: `en`, else Chinese."""
    return "en" if customer.profile.get("language", "").lower().startswith("en") else "zh-CN"


async def load(tx: Tx, conversation: Conversation, token: str) -> Work | None:
    """Read the work of a claimed turn, or None when nothing is open any more.

    Messages with which the assistant was asked before a crash are a turn of their own: its answer is to them, and
    those that came later begin the next turn.
    """
    if conversation.mode is Mode.BOT:
        found = await exchanges.open_for_bot(tx, conversation.id)
    else:
        found = await _asking(tx, conversation)
    posted = [each for each in found if each[0].state == exchanges.POSTED]
    found = posted or found
    if not found:
        return None
    # An episode that ended between two messages takes the turn of the older one first.
    episode_id = found[0][0].episode_id
    items = [Item(exchange, message) for exchange, message in found if exchange.episode_id == episode_id]
    channel, customer, episode = await surroundings(tx, conversation, episode_id)
    spoken = await messages.last_spoken(tx, conversation.id, items[0].message.seq)
    return Work(
        token=token,
        conversation=conversation,
        channel=channel,
        customer=customer,
        episode=episode,
        items=tuple(items),
        offered=spoken.choices if spoken is not None else (),
        posted_before=bool(posted),
        # The message that began an episode bears the same moment.
        first_turn=items[0].exchange.at == episode.started_at,
    )


async def _asking(tx: Tx, conversation: Conversation) -> list[tuple[Exchange, Message]]:
    """In the line the bot answers those who ask for their place or want to leave; the rest is for the person."""
    found = []
    for exchange, message in await exchanges.open_in_line(tx, conversation.id):
        leaves = message.choice_id == taps.LEAVE_LINE or wish.leaves_line(message.text)
        if leaves or wish.asks_place(message.text):
            found.append((exchange, message))
    return found


async def claim(
    tx: Tx,
    *,
    now: datetime,
    token: str,
    until: datetime,
    limit: int,
    may_ask: Callable[[int], bool],
) -> list[Work]:
    """Claim due turns and read their work; a turn without work is closed at once.

    Where the assistant is going to be asked (`may_ask` says whether the one of a slot is up), this stands in SQL
    before it is: a crash after this transaction never leads to a second post without a look.
    """
    works: list[Work] = []
    for conversation in await conversations.claim_turns(tx, now=now, token=token, until=until, limit=limit):
        work = await load(tx, conversation, token)
        if work is None:
            await conversations.end_turn(tx, conversation.id, now=now, more=False)
            continue
        if work.posted_before or (work.asks and may_ask(work.episode.slot)):
            await exchanges.mark_posted(tx, [each.id for each in work.exchanges], now)
            work = replace(work, posted=True)
        works.append(work)
    return works
