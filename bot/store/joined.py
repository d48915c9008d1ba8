"""What belongs together in one statement: who writes, where, in which conversation and episode."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from bot.store import channels as channel_store
from bot.store import conversations as conversation_store
from bot.store import customers as customer_store
from bot.store import episodes as episode_store
from bot.store.channels import Channel
from bot.store.conversations import Conversation
from bot.store.customers import Customer
from bot.store.episodes import Episode
from bot.store.rows import columns, part
from bot.tables import channels, conversations, customers, episodes, identities
from core.db import Tx
from core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Thread:
    """An identity's conversation with everything around it. `episode` is the open one, if any."""

    channel: Channel
    customer: Customer
    conversation: Conversation
    episode: Episode | None


async def thread(tx: Tx, channel_id: str, external_id: str) -> Thread | None:
    """The thread of a known identity, its conversation locked until the transaction ends; None before first contact."""
    query = (
        select(*columns(channels, "h"), *columns(customers, "u"), *columns(conversations, "c"), *columns(episodes, "e"))
        .select_from(identities)
        .join(conversations, conversations.c.identity_id == identities.c.id)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .join(channels, channels.c.id == conversations.c.channel_id)
        .outerjoin(episodes, episodes.c.id == conversations.c.episode_id)
        .where(identities.c.channel_id == channel_id, identities.c.external_id == external_id)
        .with_for_update(of=conversations)
    )
    row = await tx.first(query)
    if row is None:
        return None
    conversation = conversation_store.of_values(part(row, conversations, "c"))
    values = part(row, episodes, "e")
    episode = episode_store.of_values(values) if values["id"] is not None else None
    if conversation.episode_id is not None and episode is None:
        # PostgreSQL waited for the lock and then saw a newer conversation beside the older rows of the join.
        episode = await episode_store.get(tx, conversation.episode_id)
    return Thread(
        channel=channel_store.of_values(part(row, channels, "h")),
        customer=customer_store.of_values(part(row, customers, "u")),
        conversation=conversation,
        episode=episode,
    )


async def surroundings(tx: Tx, conversation: Conversation, episode_id: str) -> tuple[Channel, Customer, Episode]:
    """Channel, customer and one episode of a conversation. Raises NotFound."""
    query = (
        select(*columns(channels, "h"), *columns(customers, "u"), *columns(episodes, "e"))
        .select_from(episodes)
        .join(conversations, conversations.c.id == episodes.c.conversation_id)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .join(channels, channels.c.id == conversations.c.channel_id)
        .where(episodes.c.id == episode_id, conversations.c.id == conversation.id)
    )
    row = await tx.first(query)
    if row is None:
        raise NotFound("episode")
    return (
        channel_store.of_values(part(row, channels, "h")),
        customer_store.of_values(part(row, customers, "u")),
        episode_store.of_values(part(row, episodes, "e")),
    )
