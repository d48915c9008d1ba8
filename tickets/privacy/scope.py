"""Who may open which ticket. One rule, as a condition for SQL, so that lists and single tickets agree.

Everything        who watches over all (supervisors, inspectors) and programs that may read tickets
Teams             tickets of one's teams; those who work at the desk also take from the common line
Own               assigned, next step, written down by oneself, followed, invited, in conversation right now
Tier three        experts
待细化, 待处理    classifiers: what nobody has sorted, and what nobody has taken on yet
Worked on         opened, not listed: what became of a matter that one handed on
By a reason       anything else, after saying why, for a limited time (`openings.py`)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from bot.tables import conversations, episodes
from bot.types import Mode
from core.people.roles import Permission, Role, permissions_of
from core.people.store import DEFAULT_TEAM
from tickets.loop.tables import guests
from tickets.privacy.tables import ticket_openings
from tickets.states import State
from tickets.store import UNSORTED
from tickets.tables import ticket_events, ticket_followers, tickets

_EXPERT_TIER = 3


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, as far as it matters here."""

    staff_id: str
    team_ids: tuple[str, ...] = ()
    common: bool = False
    """Takes from the line of everybody too."""
    everything: bool = False
    tier_three: bool = False
    unsorted: bool = False

    @property
    def lines(self) -> tuple[str, ...]:
        """The teams whose tickets are theirs."""
        return (*self.team_ids, DEFAULT_TEAM) if self.common else self.team_ids


# For the service's own use: what no member of staff looks at needs no limit.
ALL = Reader("", everything=True)


def reader_of(staff_id: str, roles: Iterable[str], team_ids: Collection[str], *, program: bool = False) -> Reader:
    """The reader with these roles. A program has no team: its key covers what its role may read in any.

    Administrators hold every permission in order to hand it out; customers' matters are theirs by another role only.
    """
    held = permissions_of(roles)
    if program:
        return Reader(staff_id, everything=Permission.TICKET_READ in held)
    held = permissions_of(role for role in roles if role != Role.ADMIN)
    return Reader(
        staff_id=staff_id,
        team_ids=tuple(team_ids),
        common=Permission.DESK_USE in held,
        everything=Permission.TICKET_READ_ALL in held,
        tier_three=Permission.TICKET_EXPERT in held,
        unsorted=Permission.TICKET_CLASSIFY in held,
    )


def in_scope(reader: Reader) -> ColumnElement[bool]:
    """The condition on `tickets` for what this reader sees in lists and opens without a word."""
    if reader.everything:
        return true()
    if not reader.staff_id:
        return false()
    own: list[ColumnElement[bool]] = [
        tickets.c.assignee_id == reader.staff_id,
        tickets.c.next_step_by == reader.staff_id,
        tickets.c.created_by == reader.staff_id,
        tickets.c.executive_id == reader.staff_id,
        tickets.c.id.in_(select(ticket_followers.c.ticket_id).where(ticket_followers.c.staff_id == reader.staff_id)),
        tickets.c.id.in_(
            select(guests.c.ticket_id).where(guests.c.staff_id == reader.staff_id, guests.c.revoked_at.is_(None))
        ),
        tickets.c.id.in_(
            select(episodes.c.ticket_id)
            .join(conversations, conversations.c.episode_id == episodes.c.id)
            .where(conversations.c.mode == Mode.AGENT.value, conversations.c.agent_id == reader.staff_id)
        ),
    ]
    if reader.lines:
        own.append(tickets.c.team_id.in_(reader.lines))
    if reader.tier_three:
        own.append(tickets.c.tier == _EXPERT_TIER)
    if reader.unsorted:
        own.append(or_(tickets.c.category_id == UNSORTED, and_(tickets.c.tier > 1, tickets.c.state == State.NEW.value)))
    return or_(*own)


def may_open(reader: Reader, now: datetime) -> ColumnElement[bool]:
    """The condition for what this reader opens: their scope, what they worked on, and what they gave a reason for a
    while ago."""
    opened = select(ticket_openings.c.ticket_id).where(
        and_(ticket_openings.c.staff_id == reader.staff_id, ticket_openings.c.until > now)
    )
    # Whoever handed a matter on may look what became of it; it stands in none of their lists.
    worked_on = (
        select(ticket_events.c.id)
        .where(ticket_events.c.ticket_id == tickets.c.id, ticket_events.c.actor == reader.staff_id)
        .exists()
    )
    return or_(in_scope(reader), tickets.c.id.in_(opened), worked_on)


__all__ = ["ALL", "Reader", "in_scope", "may_open", "reader_of"]
