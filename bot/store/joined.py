"""What belongs together in one statement: who writes, where, in which conversation and episode."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import bindparam, select

from bot.store import episodes as episode_store
from bot.store.channels import SHAPE as CHANNEL
from bot.store.channels import Channel
from bot.store.conversations import SHAPE as CONVERSATION
from bot.store.conversations import Conversation
from bot.store.customers import SHAPE as CUSTOMER
from bot.store.customers import Customer
from bot.store.episodes import SHAPE as EPISODE
from bot.store.episodes import Episode
from bot.tables import channels, conversations, customers, episodes, identities
from core.db import Tx
from core.errors import NotFound
from core.statements import Statement


@dataclass(frozen=True, slots=True)
class Thread:
    """An identity's conversation with everything around it. `episode` is the open one, if any."""

    channel: Channel
    customer: Customer
    conversation: Conversation
    episode: Episode | None


_AROUND = (*CHANNEL.columns, *CUSTOMER.columns, *EPISODE.columns)
_CUSTOMER_AT = len(CHANNEL.columns)
_EPISODE_AT = _CUSTOMER_AT + len(CUSTOMER.columns)
_CONVERSATION_AT = _EPISODE_AT + len(EPISODE.columns)

_THREAD = Statement(
    select(*_AROUND, *CONVERSATION.columns)
    .select_from(identities)
    .join(conversations, conversations.c.identity_id == identities.c.id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    .join(channels, channels.c.id == conversations.c.channel_id)
    .outerjoin(episodes, episodes.c.id == conversations.c.episode_id)
    .where(identities.c.channel_id == bindparam("channel_id"), identities.c.external_id == bindparam("external_id"))
    .with_for_update(of=conversations)
)
_SURROUNDINGS = Statement(
    select(*_AROUND)
    .select_from(episodes)
    .join(conversations, conversations.c.id == episodes.c.conversation_id)
    .join(customers, customers.c.id == conversations.c.customer_id)
    .join(channels, channels.c.id == conversations.c.channel_id)
    .where(episodes.c.id == bindparam("episode_id"), conversations.c.id == bindparam("conversation_id"))
)


async def thread(tx: Tx, channel_id: str, external_id: str) -> Thread | None:
    """The thread of a known identity, its conversation locked until the transaction ends; None before first contact."""
    row = await _THREAD.first(tx, channel_id=channel_id, external_id=external_id)
    if row is None:
        return None
    conversation = CONVERSATION.value(row, _CONVERSATION_AT)
    # The first of its columns is its id.
    episode = EPISODE.value(row, _EPISODE_AT) if row[_EPISODE_AT] is not None else None
    if conversation.episode_id is not None and episode is None:
        # PostgreSQL waited for the lock and then saw a newer conversation beside the older rows of the join.
        episode = await episode_store.get(tx, conversation.episode_id)
    return Thread(CHANNEL.value(row), CUSTOMER.value(row, _CUSTOMER_AT), conversation, episode)


async def surroundings(tx: Tx, conversation: Conversation, episode_id: str) -> tuple[Channel, Customer, Episode]:
    """Channel, customer and one episode of a conversation. Raises NotFound."""
    row = await _SURROUNDINGS.first(tx, episode_id=episode_id, conversation_id=conversation.id)
    if row is None:
        raise NotFound("episode")
    return CHANNEL.value(row), CUSTOMER.value(row, _CUSTOMER_AT), EPISODE.value(row, _EPISODE_AT)
