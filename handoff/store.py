"""SQL of the hand-off: who waits, who was given to whom, and unsent drafts. This is what decides.

    waiting ──activate──▶ active ──end──▶ ended
       ▲ │                  │
       │ └──────────────────┼──end──▶ abandoned        (left, nobody, waited too long)
       └───────put_back─────┘

Each change names the state and epoch that it was decided on; a row that moved on meanwhile is not touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, delete, func, insert, or_, select

from bot.tables import channels, conversations
from bot.types import HandoffRequest, Speaker
from core.clock import millis
from core.db import Tx
from core.errors import NotFound
from core.people.tables import staff
from core.statements import Changes, Insertion, Shape, Statement
from handoff.line import Place, Standing
from handoff.tables import drafts, handoffs

WAITING, ACTIVE, ENDED, ABANDONED = "waiting", "active", "ended", "abandoned"
OPEN = (WAITING, ACTIVE)


@dataclass(frozen=True, slots=True)
class Handoff:
    """One row without its packet."""

    id: str
    conversation_id: str
    episode_id: str
    ticket_id: str
    team_id: str
    reason: str
    priority: int
    state: str
    epoch: int
    agent_id: str | None
    why_agent: Mapping[str, Any]
    requested_at: datetime
    waiting_since: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    demo: bool

    @property
    def standing(self) -> Standing:
        """Where Redis should have it."""
        match self.state:
            case "waiting":
                place = Place.WAITING
            case "active":
                place = Place.ACTIVE
            case _:
                place = Place.NONE
        return Standing(
            handoff_id=self.id,
            team_id=self.team_id,
            place=place,
            priority=self.priority,
            since_ms=millis(self.waiting_since),
            agent_id=self.agent_id or "" if place is Place.ACTIVE else "",
            accepted_ms=millis(self.accepted_at or self.waiting_since),
        )


def _why(stored: dict[str, Any] | None) -> dict[str, Any]:
    return stored or {}


SHAPE = Shape(Handoff, handoffs, convert={"why_agent": _why})

_INSERT = Insertion(handoffs)
_GET = Statement(select(*SHAPE.columns).where(handoffs.c.id == bindparam("id")))
_OPEN_OF = Statement(
    select(*SHAPE.columns).where(handoffs.c.conversation_id == bindparam("conversation_id"), handoffs.c.state.in_(OPEN))
)
# As it was when the change was decided.
_SAME = and_(
    handoffs.c.id == bindparam("row_id"),
    handoffs.c.state == bindparam("known_state"),
    handoffs.c.epoch == bindparam("known_epoch"),
)
_MOVE = Changes(handoffs, _SAME)
_NOTE = Changes(handoffs, handoffs.c.id == bindparam("row_id"))
_LOCK_AGENT = Statement(select(staff.c.disabled_at).where(staff.c.id == bindparam("id")).with_for_update())
_COUNT_ACTIVE = Statement(
    select(func.count())
    .select_from(handoffs)
    .where(handoffs.c.agent_id == bindparam("agent_id"), handoffs.c.state == ACTIVE)
)


async def create(
    tx: Tx,
    handoff_id: str,
    wish: HandoffRequest,
    *,
    team_id: str,
    epoch: int,
    now: datetime,
    agent_id: str | None = None,
    demo: bool = False,
) -> Handoff:
    """Write the wish: waiting, or active at once when an agent took the conversation by their own hand."""
    await _INSERT.write(
        tx,
        id=handoff_id,
        conversation_id=wish.conversation_id,
        episode_id=wish.episode_id,
        ticket_id=wish.ticket_id,
        team_id=team_id,
        reason=str(wish.reason),
        priority=wish.priority,
        state=ACTIVE if agent_id else WAITING,
        epoch=epoch,
        packet=msgspec.json.encode(wish.packet).decode(),
        agent_id=agent_id,
        why_agent={},
        requested_at=now,
        waiting_since=now,
        accepted_at=now if agent_id else None,
        demo=demo,
    )
    return await get(tx, handoff_id)


async def get(tx: Tx, handoff_id: str) -> Handoff:
    """The handoff. Raises NotFound."""
    row = await _GET.first(tx, id=handoff_id)
    if row is None:
        raise NotFound("handoff")
    return SHAPE.value(row)


async def find(tx: Tx, handoff_ids: Iterable[str]) -> dict[str, Handoff]:
    """Those that exist, by id."""
    rows = await tx.all(select(*SHAPE.columns).where(handoffs.c.id.in_(list(handoff_ids))))
    return {row.id: SHAPE.value(row) for row in rows}


async def packet(tx: Tx, handoff_id: str) -> dict[str, Any]:
    """The context packet."""
    raw = await tx.scalar(select(handoffs.c.packet).where(handoffs.c.id == handoff_id))
    decoded: dict[str, Any] = msgspec.json.decode(raw) if raw else {}
    return decoded


async def open_of(tx: Tx, conversation_id: str) -> Handoff | None:
    """The one open handoff of a conversation, or None."""
    row = await _OPEN_OF.first(tx, conversation_id=conversation_id)
    return None if row is None else SHAPE.value(row)


async def last_of(tx: Tx, conversation_id: str) -> Handoff | None:
    """The newest handoff of a conversation, open or not."""
    query = select(*SHAPE.columns).where(handoffs.c.conversation_id == conversation_id)
    row = await tx.first(query.order_by(handoffs.c.requested_at.desc(), handoffs.c.id.desc()).limit(1))
    return SHAPE.value(row) if row else None


async def all_open(tx: Tx) -> list[Handoff]:
    """Everything that waits or is active, in the order of the line."""
    query = select(*SHAPE.columns).where(handoffs.c.state.in_(OPEN))
    rows = await tx.all(query.order_by(handoffs.c.priority, handoffs.c.waiting_since, handoffs.c.id))
    return [SHAPE.value(row) for row in rows]


async def waiting(tx: Tx, team_ids: Iterable[str] | None = None) -> list[Handoff]:
    """The lines of some teams (of all when None), each in its order."""
    query = select(*SHAPE.columns).where(handoffs.c.state == WAITING)
    if team_ids is not None:
        query = query.where(handoffs.c.team_id.in_(list(team_ids)))
    rows = await tx.all(query.order_by(handoffs.c.priority, handoffs.c.waiting_since, handoffs.c.id))
    return [SHAPE.value(row) for row in rows]


async def waiting_on_the_web(tx: Tx, team_id: str) -> list[str]:
    """Ids of waiting handoffs whose customers see their place."""
    rows = await tx.all(
        select(handoffs.c.id)
        .join(conversations, conversations.c.id == handoffs.c.conversation_id)
        .join(channels, channels.c.id == conversations.c.channel_id)
        .where(handoffs.c.state == WAITING, handoffs.c.team_id == team_id, channels.c.kind == "web")
    )
    return [row.id for row in rows]


async def active_of(tx: Tx, agent_id: str) -> list[Handoff]:
    """What an agent holds, oldest first."""
    query = select(*SHAPE.columns).where(handoffs.c.agent_id == agent_id, handoffs.c.state == ACTIVE)
    return [SHAPE.value(row) for row in await tx.all(query.order_by(handoffs.c.accepted_at, handoffs.c.id))]


async def ahead_of(tx: Tx, one: Handoff) -> int:
    """The number strictly ahead in the same line, by SQL alone."""
    later_id = and_(handoffs.c.waiting_since == one.waiting_since, handoffs.c.id < one.id)
    earlier = and_(handoffs.c.priority == one.priority, or_(handoffs.c.waiting_since < one.waiting_since, later_id))
    query = (
        select(func.count())
        .select_from(handoffs)
        .where(
            handoffs.c.state == WAITING,
            handoffs.c.team_id == one.team_id,
            or_(handoffs.c.priority < one.priority, earlier),
        )
    )
    return int(await tx.scalar(query) or 0)


async def lock_agent(tx: Tx, agent_id: str) -> bool:
    """Let nobody else give work to this agent until the transaction ends; False when the account is closed."""
    row = await _LOCK_AGENT.first(tx, id=agent_id)
    return row is not None and row[0] is None


async def count_active(tx: Tx, agent_id: str) -> int:
    """How many an agent holds."""
    row = await _COUNT_ACTIVE.first(tx, agent_id=agent_id)
    return int(row[0]) if row else 0


async def closed_accounts(tx: Tx, agent_ids: Iterable[str]) -> list[str]:
    """Those of these agents whose account is disabled."""
    query = select(staff.c.id).where(staff.c.id.in_(list(agent_ids)), staff.c.disabled_at.is_not(None))
    return [row.id for row in await tx.all(query)]


async def activate(tx: Tx, one: Handoff, agent: Speaker, now: datetime) -> bool:
    """Give a waiting handoff to an agent; False when it is not waiting under that epoch any more."""
    return await _move(tx, one, state=ACTIVE, agent_id=agent.staff_id, accepted_at=now, epoch=one.epoch + 1)


async def put_back(tx: Tx, one: Handoff) -> bool:
    """Back into the line with the old time of arrival; False when it moved on meanwhile."""
    return await _move(tx, one, state=WAITING, agent_id=None, accepted_at=None, epoch=one.epoch + 1)


async def move_line(tx: Tx, one: Handoff, team_id: str) -> bool:
    """Stand in another team's line, the time of arrival kept."""
    return await _move(tx, one, team_id=team_id)


async def end(tx: Tx, one: Handoff, reason: str, now: datetime) -> bool:
    """End it: what was active has ended, what waited was abandoned. False when it moved on meanwhile."""
    state = ENDED if one.state == ACTIVE else ABANDONED
    return await _move(tx, one, state=state, ended_at=now, end_reason=reason, epoch=one.epoch + 1)


async def note_why(tx: Tx, one: Handoff, why: Mapping[str, Any]) -> None:
    """Keep why this agent, and who declined."""
    await _NOTE.write(tx, {"why_agent": {**one.why_agent, **why}}, row_id=one.id)


async def service_times_s(tx: Tx, team_id: str, since: datetime, limit: int) -> list[float]:
    """How long the latest conversations of a team took, from acceptance to end."""
    query = (
        select(handoffs.c.accepted_at, handoffs.c.ended_at)
        .where(
            handoffs.c.team_id == team_id,
            handoffs.c.state == ENDED,
            handoffs.c.accepted_at.is_not(None),
            handoffs.c.ended_at >= since,
        )
        .order_by(handoffs.c.ended_at.desc())
        .limit(limit)
    )
    return [(row.ended_at - row.accepted_at).total_seconds() for row in await tx.all(query)]


async def draft(tx: Tx, staff_id: str, conversation_id: str) -> str | None:
    """What a member of staff has begun to write, or None."""
    query = select(drafts.c.text).where(drafts.c.staff_id == staff_id, drafts.c.conversation_id == conversation_id)
    found: str | None = await tx.scalar(query)
    return found


async def save_draft(tx: Tx, staff_id: str, conversation_id: str, text: str, now: datetime) -> None:
    """Keep what was begun; an empty text removes it."""
    one = and_(drafts.c.staff_id == staff_id, drafts.c.conversation_id == conversation_id)
    await tx.execute(delete(drafts).where(one))
    if text:
        await tx.execute(
            insert(drafts).values(staff_id=staff_id, conversation_id=conversation_id, text=text, updated_at=now)
        )


async def _move(tx: Tx, one: Handoff, **values: Any) -> bool:
    return await _MOVE.write(tx, values, row_id=one.id, known_state=one.state, known_epoch=one.epoch) == 1
