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

from sqlalchemy import Integer, and_, bindparam, case, func, or_, select, update

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
from core.statements import Insertion, Shape, Statement


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
    sends: int | None
    demo: bool
    created_at: datetime


SHAPE = Shape(Conversation, conversations, convert={"mode": Mode})

_THIS = conversations.c.id == bindparam("row_id")
_NEXT_STATE = {"state_version": conversations.c.state_version + 1}
_BY_ID = select(*SHAPE.columns).where(_THIS)
_GET = Statement(_BY_ID)
_LOCK = Statement(_BY_ID.with_for_update())
_NEWS = Statement(select(conversations.c.last_seq, conversations.c.state_version).where(_THIS))
_INSERT = Insertion(conversations)
_CHANGE_OWNER = Statement(
    update(conversations)
    .where(_THIS, conversations.c.epoch == bindparam("expected_epoch"))
    .values(
        epoch=conversations.c.epoch + 1,
        turn_due_at=None,
        **{name: bindparam(name) for name in ("mode", "handoff_id", "agent_id", "agent_name")},
        **_NEXT_STATE,
    )
    .returning(conversations.c.epoch)
)
_BUMP = Statement(update(conversations).where(_THIS).values(_NEXT_STATE))
_SET_EPISODE = Statement(update(conversations).where(_THIS).values(episode_id=bindparam("episode_id"), **_NEXT_STATE))
_SET_SURVEY = Statement(
    update(conversations).where(_THIS).values(survey_ticket_id=bindparam("survey_ticket_id"), **_NEXT_STATE)
)
_FREE = or_(conversations.c.turn_until.is_(None), conversations.c.turn_until <= bindparam("now"))
_CLAIMABLE = and_(conversations.c.turn_due_at <= bindparam("now"), _FREE)
_DUE = Statement(select(conversations.c.id).where(_CLAIMABLE).limit(1))
_CLAIM = Statement(
    update(conversations)
    .where(
        conversations.c.id.in_(
            select(conversations.c.id)
            .where(_CLAIMABLE)
            .order_by(conversations.c.turn_due_at)
            .limit(bindparam("limit", type_=Integer()))
            .with_for_update(skip_locked=True)
        )
    )
    .values(turn_owner=bindparam("token"), turn_until=bindparam("until"))
    .returning(*SHAPE.columns)
)
_FREED = {"turn_owner": None, "turn_until": None}
_END_TURN = Statement(update(conversations).where(_THIS).values(turn_due_at=bindparam("due_at"), **_FREED))
_END_TURN_AND_LOOK = Statement(
    update(conversations)
    .where(_THIS)
    .values(
        turn_due_at=case(
            (exchanges.waiting_for_bot(bindparam("row_id")), bindparam("now", type_=UtcTime())), else_=None
        ),
        **_FREED,
    )
)


async def get(tx: Tx, conversation_id: str, *, lock: bool = False) -> Conversation:
    """The conversation. With `lock` nobody else changes it until the transaction ends. Raises NotFound."""
    row = await (_LOCK if lock else _GET).first(tx, row_id=conversation_id)
    if row is None:
        raise NotFound("conversation")
    return SHAPE.value(row)


async def moved_on(tx: Tx, conversation_id: str, after_seq: int, after_state: int) -> bool:
    """Whether the customer has not seen everything: one look at one row, for those who wait for news."""
    row = await _NEWS.first(tx, row_id=conversation_id)
    if row is None:
        raise NotFound("conversation")
    return bool(row[0] > after_seq or row[1] > after_state)


async def of_customer(tx: Tx, customer_id: str) -> list[Conversation]:
    """All conversations of a customer, the liveliest first."""
    query = select(*SHAPE.columns).where(conversations.c.customer_id == customer_id)
    rows = await tx.all(query.order_by(conversations.c.last_message_at.desc()))
    return [SHAPE.value(row) for row in rows]


async def create(
    tx: Tx, *, identity_id: str, customer_id: str, channel_id: str, now: datetime, demo: bool = False
) -> Conversation:
    """Make the conversation of an identity. A second one for the same identity raises IntegrityError."""
    conversation_id = new_id("cnv")
    await _INSERT.write(
        tx,
        id=conversation_id,
        identity_id=identity_id,
        customer_id=customer_id,
        channel_id=channel_id,
        mode=Mode.BOT.value,
        demo=demo,
        created_at=now,
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
    row = await _CHANGE_OWNER.first(
        tx,
        row_id=conversation_id,
        expected_epoch=expected_epoch,
        mode=mode.value,
        handoff_id=handoff_id,
        agent_id=agent.staff_id if agent else None,
        agent_name=agent.name if agent else None,
    )
    if row is None:
        raise StaleEpoch("conversation")
    if mode is Mode.BOT:
        await exchanges.drop_left_over(tx, conversation_id, clock.now())
    else:
        await exchanges.wait_for_person(tx, conversation_id, "waiting" if mode is Mode.WAITING else "person")
    return int(row[0])


async def bump_state(tx: Tx, conversation_id: str) -> None:
    """Say that something the customer sees beside the messages has changed (place, agent, ticket, survey …)."""
    await _BUMP.count(tx, row_id=conversation_id)


async def set_episode(tx: Tx, conversation_id: str, episode_id: str | None) -> None:
    """Name the open episode, or none. The customer's state shows its ticket, so the state changes too."""
    await _SET_EPISODE.count(tx, row_id=conversation_id, episode_id=episode_id)


async def set_survey(tx: Tx, conversation_id: str, ticket_id: str | None) -> None:
    """Open the survey about a ticket here, or close it."""
    await _SET_SURVEY.count(tx, row_id=conversation_id, survey_ticket_id=ticket_id)


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


async def anything_due(tx: Tx, now: datetime) -> bool:
    """Whether a claim would find work. Reads only, so that idle gateways never take the write lock."""
    return await _DUE.first(tx, now=now) is not None


async def claim_turns(tx: Tx, *, now: datetime, token: str, until: datetime, limit: int) -> list[Conversation]:
    """Take up to `limit` due turns for the holder of `token` until `until`; nobody else gets them before that.

    A turn whose holder did not finish it in time is claimed again.
    """
    rows = await _CLAIM.all(tx, now=now, token=token, until=until, limit=limit)
    return sorted((SHAPE.value(row) for row in rows), key=lambda each: each.turn_due_at or now)


async def end_turn(tx: Tx, conversation_id: str, *, now: datetime, more: bool | None = None) -> None:
    """Let go of a turn; when `more` messages wait, the next one is due at once. None: look for some of the bot's."""
    if more is None:
        await _END_TURN_AND_LOOK.count(tx, row_id=conversation_id, now=now)
    else:
        await _END_TURN.count(tx, row_id=conversation_id, due_at=now if more else None)


async def release_claims(tx: Tx, owners: Iterable[str] | None = None) -> int:
    """Let go of the claims of `owners`, or of everybody when None: only for a gateway that is alone."""
    query = update(conversations).where(conversations.c.turn_owner.is_not(None))
    if owners is not None:
        query = query.where(conversations.c.turn_owner.in_(list(owners)))
    return await tx.count(query.values(turn_owner=None, turn_until=None))


async def count_sends(tx: Tx, conversation_id: str, number: int) -> None:
    """Note calls of the platform that it counts until the customer writes again."""
    await tx.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(sends=func.coalesce(conversations.c.sends, 0) + number)
    )
