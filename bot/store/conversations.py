"""Conversations: the thread of one identity, who owns it, and whose turn it is.

    bot ──request──▶ waiting ──accept──▶ agent
     ▲                  │                   │
     └──────leave───────┴──────return───────┘

`change_owner` is the only way along these arrows. Each step grows `epoch`; whoever decided under an older epoch
gets StaleEpoch and must not speak.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, case, insert, literal, or_, select, update

from bot.store import exchanges
from bot.tables import conversations
from bot.types import Mode, Speaker
from core.clock import Clock
from core.columns import UtcTime
from core.db import Tx
from core.errors import NotFound, StaleEpoch
from core.ids import (
    ChannelId,
    ConversationId,
    CustomerId,
    EpisodeId,
    HandoffId,
    IdentityId,
    StaffId,
    TicketId,
    new_id,
)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row, as it stood when it was read."""

    id: ConversationId
    identity_id: IdentityId
    customer_id: CustomerId
    channel_id: ChannelId
    mode: Mode
    epoch: int
    last_seq: int
    state_version: int
    episode_id: EpisodeId | None
    handoff_id: HandoffId | None
    agent_id: StaffId | None
    agent_name: str | None
    survey_ticket_id: TicketId | None
    customer_read_seq: int
    agent_read_seq: int
    last_customer_at: datetime | None
    last_message_at: datetime | None
    last_text: str | None
    turn_due_at: datetime | None
    turn_owner: str | None
    turn_until: datetime | None
    demo: bool
    created_at: datetime


async def get(tx: Tx, conversation_id: str, *, lock: bool = False) -> Conversation:
    """The conversation. With `lock` nobody else changes it until the transaction ends. Raises NotFound."""
    query = select(conversations).where(conversations.c.id == conversation_id)
    row = await tx.first(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("conversation")
    return _value(row)


async def moved_on(tx: Tx, conversation_id: str, after_seq: int, after_state: int) -> bool:
    """Whether the customer has not seen everything: one look at one row, for those who wait for news."""
    query = select(conversations.c.last_seq, conversations.c.state_version)
    row = await tx.first(query.where(conversations.c.id == conversation_id))
    if row is None:
        raise NotFound("conversation")
    return bool(row.last_seq > after_seq or row.state_version > after_state)


async def of_customer(tx: Tx, customer_id: str) -> list[Conversation]:
    """All conversations of a customer, the liveliest first."""
    query = select(conversations).where(conversations.c.customer_id == customer_id)
    rows = await tx.all(query.order_by(conversations.c.last_message_at.desc()))
    return [_value(row) for row in rows]


async def create(
    tx: Tx, *, identity_id: str, customer_id: str, channel_id: str, now: datetime, demo: bool = False
) -> Conversation:
    """Make the conversation of an identity. A second one for the same identity raises IntegrityError."""
    conversation_id = new_id("cnv")
    await tx.execute(
        insert(conversations).values(
            id=conversation_id,
            identity_id=identity_id,
            customer_id=customer_id,
            channel_id=channel_id,
            mode=Mode.BOT.value,
            demo=demo,
            created_at=now,
        )
    )
    return await get(tx, conversation_id)


async def change_owner(
    tx: Tx,
    conversation_id: str,
    *,
    expected_epoch: int,
    mode: Mode,
    clock: Clock,
    handoff_id: str | None = None,
    agent: Speaker | None = None,
) -> int:
    """Give the conversation to the bot, to the line (waiting) or to `agent`, and return the new epoch.

    Raises StaleEpoch, changing nothing, when somebody else changed it since `expected_epoch` was read. No turn
    of the bot is open afterwards. Going back to the bot, what nobody answered is recorded as dropped: the bot
    does not answer days later what was said to a person. Otherwise open exchanges now wait for a person.
    """
    row = await tx.first(
        update(conversations)
        .where(conversations.c.id == conversation_id, conversations.c.epoch == expected_epoch)
        .values(
            mode=mode.value,
            epoch=conversations.c.epoch + 1,
            state_version=conversations.c.state_version + 1,
            handoff_id=handoff_id,
            agent_id=agent.staff_id if agent else None,
            agent_name=agent.name if agent else None,
            turn_due_at=None,
        )
        .returning(conversations.c.epoch)
    )
    if row is None:
        raise StaleEpoch("conversation")
    if mode is Mode.BOT:
        await exchanges.drop_left_over(tx, conversation_id, clock.now())
    else:
        await exchanges.wait_for_person(tx, conversation_id, "waiting" if mode is Mode.WAITING else "person")
    return int(row.epoch)


async def bump_state(tx: Tx, conversation_id: str) -> None:
    """Say that something the customer sees beside the messages has changed (place, agent, ticket, survey …)."""
    await _set(tx, conversation_id, state_version=conversations.c.state_version + 1)


async def set_episode(tx: Tx, conversation_id: str, episode_id: str | None) -> None:
    """Name the open episode, or none. The customer's state shows its ticket, so the state changes too."""
    await _set(tx, conversation_id, episode_id=episode_id, state_version=conversations.c.state_version + 1)


async def set_survey(tx: Tx, conversation_id: str, ticket_id: str | None) -> None:
    """Open the survey about a ticket here, or close it."""
    await _set(tx, conversation_id, survey_ticket_id=ticket_id, state_version=conversations.c.state_version + 1)


async def read_up_to(tx: Tx, conversation_id: str, seq: int, *, by_agent: bool) -> bool:
    """Note how far somebody has read; never backwards. True when that was news."""
    column = conversations.c.agent_read_seq if by_agent else conversations.c.customer_read_seq
    values: dict[str, Any] = {column.name: seq}
    if by_agent:
        values["state_version"] = conversations.c.state_version + 1
    changed = await tx.count(
        update(conversations)
        .where(conversations.c.id == conversation_id, column < seq, conversations.c.last_seq >= seq)
        .values(**values)
    )
    return changed > 0


def earlier_turn(due_at: datetime) -> Any:
    """The value of `turn_due_at` that opens a turn at `due_at` and leaves an earlier one as it is."""
    due = conversations.c.turn_due_at
    return case((and_(due.is_not(None), due < due_at), due), else_=literal(due_at, UtcTime()))


async def anything_due(tx: Tx, now: datetime) -> bool:
    """Whether a claim would find work. Reads only, so that idle gateways never take the write lock."""
    return await tx.first(select(conversations.c.id).where(_claimable(now)).limit(1)) is not None


async def claim_turns(tx: Tx, *, now: datetime, token: str, until: datetime, limit: int) -> list[Conversation]:
    """Take up to `limit` due turns for the holder of `token` until `until`; nobody else gets them before that.

    A turn whose holder did not finish it in time is claimed again.
    """
    due = (
        select(conversations.c.id)
        .where(_claimable(now))
        .order_by(conversations.c.turn_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = await tx.execute(
        update(conversations)
        .where(conversations.c.id.in_(due))
        .values(turn_owner=token, turn_until=until)
        .returning(conversations)
    )
    return sorted((_value(row) for row in rows.all()), key=lambda each: each.turn_due_at or now)


async def end_turn(tx: Tx, conversation_id: str, *, now: datetime, more: bool | None = None) -> None:
    """Let go of a turn; when `more` messages wait, the next one is due at once. None: look for some of the bot's."""
    due: Any = now if more else None
    if more is None:
        due = case((exchanges.waiting_for_bot(conversation_id), literal(now, UtcTime())), else_=None)
    await _set(tx, conversation_id, turn_owner=None, turn_until=None, turn_due_at=due)


async def release_claims(tx: Tx, owners: Iterable[str] | None = None) -> int:
    """Let go of the claims of `owners`, or of everybody when None: only for a gateway that is alone."""
    query = update(conversations).where(conversations.c.turn_owner.is_not(None))
    if owners is not None:
        query = query.where(conversations.c.turn_owner.in_(list(owners)))
    return await tx.count(query.values(turn_owner=None, turn_until=None))


def _claimable(now: datetime) -> Any:
    free = or_(conversations.c.turn_until.is_(None), conversations.c.turn_until <= now)
    return and_(conversations.c.turn_due_at <= now, free)


async def _set(tx: Tx, conversation_id: str, **values: Any) -> None:
    await tx.execute(update(conversations).where(conversations.c.id == conversation_id).values(**values))


def _value(row: Row[Any]) -> Conversation:
    return of_values(dict(row._mapping))


def of_values(values: dict[str, Any]) -> Conversation:
    """A conversation from its columns."""
    values["mode"] = Mode(values["mode"])
    return Conversation(**values)
