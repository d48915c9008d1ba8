"""What happened to a ticket, as its clocks see it: out of its history and of who wrote when.

The history is read by states, not by names of events, so a new kind of step needs no word here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.tables import messages
from bot.types import Author, Kind
from core.db import Tx
from tickets.sla.clocks import Fact, What
from tickets.states import OPEN, State
from tickets.tables import ticket_events

_NOT_STAFF = frozenset({"customer", "bot", "system"})
# Who receives it confirms anew, even when it was 待处理 before.
_PASSED_ON = frozenset({"handed_over", "escalated"})
_OPEN = frozenset(each.value for each in OPEN)
_ENDED = {State.RESOLVED: What.RESOLVED, State.CLOSED: What.ENDED, State.SELF_SOLVED: What.ENDED}


@dataclass(frozen=True, slots=True)
class Line:
    """One event of a history, as far as clocks are concerned."""

    at: datetime
    actor: str
    kind: str
    new: Mapping[str, Any]


def from_history(lines: Iterable[Line]) -> list[Fact]:
    """The facts of a history, oldest first. Tier one has none: nobody promised a person's time there."""
    found: list[Fact] = []
    state, tier, told = "", 1, False
    for line in lines:
        new = line.new
        before, was_tier = state, tier
        state, tier = new.get("state", state), new.get("tier", tier)
        told = bool(new.get("next_step_told", told))
        if tier > 1:
            if was_tier == 1:
                found += _raised(line, state)
            else:
                found += _moved(line, before, state)
        elif state == State.MERGED:
            found.append(Fact(line.at, What.MERGED))
        if "next_step_at" in new:
            found.append(_step(line.at, new["next_step_at"], told))
    return found


def _raised(line: Line, state: str) -> list[Fact]:
    by_staff = line.actor not in _NOT_STAFF
    began = Fact(line.at, What.TAKEN if by_staff else What.WANTED)
    match state:
        case State.NEW:
            return [began]
        case State.IN_PROGRESS:
            return [began, Fact(line.at, What.CONFIRMED)]
        case _:
            return []


def _moved(line: Line, before: str, state: str) -> list[Fact]:
    at = line.at
    if before not in _OPEN and state == State.NEW:
        return [Fact(at, What.REOPENED)]
    if state == State.NEW and (before != state or line.kind in _PASSED_ON or "team_id" in line.new):
        return [Fact(at, What.HANDED_ON)]
    if before == state and line.kind != "result_written":
        return []
    match state:
        case State.IN_PROGRESS:
            if before == State.TO_REPORT:
                return [Fact(at, What.HANDED_ON), Fact(at, What.CONFIRMED)]
            return [Fact(at, What.CONFIRMED if before == State.NEW else What.RESUMED)]
        case State.WAITING_CUSTOMER:
            return [Fact(at, What.CONFIRMED), Fact(at, What.WAITING)]
        case State.TO_REPORT:
            return [Fact(at, What.RESULT)]
        case State.RESOLVED | State.CLOSED | State.SELF_SOLVED:
            return [Fact(at, _ENDED[State(state)])]
        case State.MERGED:
            return [Fact(at, What.MERGED)]
        case _:
            return []


def _step(at: datetime, due: str | None, told: bool) -> Fact:
    if due is None:
        return Fact(at, What.STEP_GONE)
    return Fact(at, What.STEP, datetime.fromisoformat(due), told)


def merged(*parts: Iterable[Fact]) -> list[Fact]:
    """Facts of several sources in the order of time; of one moment, those of the first source first."""
    return sorted((fact for part in parts for fact in part), key=lambda fact: fact.at)


async def read(tx: Tx, ticket_ids: Sequence[str]) -> dict[str, list[Fact]]:
    """The facts of some tickets, in two statements."""
    histories: dict[str, list[Line]] = {each: [] for each in ticket_ids}
    events = await tx.all(
        select(
            ticket_events.c.ticket_id,
            ticket_events.c.at,
            ticket_events.c.actor,
            ticket_events.c.kind,
            ticket_events.c.new,
        )
        .where(ticket_events.c.ticket_id.in_(ticket_ids))
        .order_by(ticket_events.c.ticket_id, ticket_events.c.number)
    )
    for row in events:
        histories[row.ticket_id].append(Line(row.at, row.actor, row.kind, row.new or {}))
    words: dict[str, list[Fact]] = {each: [] for each in ticket_ids}
    said = await tx.all(
        select(messages.c.ticket_id, messages.c.author, messages.c.at)
        .where(
            messages.c.ticket_id.in_(ticket_ids),
            messages.c.author.in_([Author.CUSTOMER.value, Author.AGENT.value]),
            messages.c.kind != Kind.NOTE.value,
            messages.c.seq.is_not(None),
        )
        .order_by(messages.c.ticket_id, messages.c.seq)
    )
    for row in said:
        what = What.WROTE if row.author == Author.CUSTOMER.value else What.ANSWERED
        words[row.ticket_id].append(Fact(row.at, what))
    return {each: merged(from_history(histories[each]), words[each]) for each in ticket_ids}


__all__ = ["Line", "from_history", "merged", "read"]
