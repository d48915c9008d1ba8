"""The next step of a ticket: what, by whom, by when. Every open ticket past 待处理 has one.

Whoever takes a ticket on and names no step gets one made for them: 跟进, by them, within the promise of their team.
Steps that are made by the house change with the state; a step that a person wrote stays until a person changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.calendar import Calendar, after_open_seconds
from tickets.states import OPEN, State
from tickets.store import Ticket

REMIND_BEFORE = timedelta(minutes=15)
# The conclusion is with the customer within a day of the solution; so long may a platform take it.
REPORT_WITHIN = timedelta(hours=24)
# A customer who was asked for something is asked again after two days.
CUSTOMER_WITHIN = timedelta(hours=48)
# A team that never opens must not make a step that never comes.
_WITHOUT_HOURS = timedelta(hours=24)


class StepKind(StrEnum):
    """What kind of thing happens next. The first five are a person's choice, the others are made by the house."""

    CALLBACK = "callback"
    MERCHANT = "merchant"
    VISIT = "visit"
    RETEST = "retest"
    OTHER = "other"
    FOLLOW = "follow"
    CUSTOMER = "customer"
    REPORT = "report"


CHOSEN = frozenset({StepKind.CALLBACK, StepKind.MERCHANT, StepKind.VISIT, StepKind.RETEST, StepKind.OTHER})
_MADE = {
    State.IN_PROGRESS: StepKind.FOLLOW,
    State.WAITING_CUSTOMER: StepKind.CUSTOMER,
    State.TO_REPORT: StepKind.REPORT,
}
# Working hours of the team until a step of the house is due, by priority. Delivered; an admin may change them.
DEFAULT_HOURS: Mapping[str, float] = {"1": 1, "2": 4, "3": 8, "4": 16, "5": 24}
_COLUMNS = ("next_step", "next_step_by", "next_step_at", "next_step_kind", "next_step_told")


def to_make(ticket: Ticket, values: Mapping[str, Any]) -> StepKind | None:
    """The step that must come with this change, or None when there is one that fits the state after it."""
    state = State(values.get("state", ticket.state))
    made = _MADE.get(state)
    if made is None or values.get("next_step_at") is not None:
        return None
    if values.get("next_step_at", ticket.next_step_at) is None:
        return made
    known = ticket.next_step_kind
    return made if known != made and known in set(_MADE.values()) else None


def cleared(ticket: Ticket, values: Mapping[str, Any]) -> dict[str, Any]:
    """What has ended has no next step."""
    if State(values.get("state", ticket.state)) in OPEN or ticket.next_step_at is None:
        return {}
    return dict.fromkeys(_COLUMNS)


def due(kind: StepKind, now: datetime, hours: float, calendar: Calendar | None) -> datetime:
    """When a step of the house is due."""
    match kind:
        case StepKind.REPORT:
            return now + REPORT_WITHIN
        case StepKind.CUSTOMER:
            return now + CUSTOMER_WITHIN
        case _:
            at = after_open_seconds(calendar, now, hours * 3_600) if calendar else None
            return at or now + _WITHOUT_HOURS


def timer(at: datetime, now: datetime) -> datetime:
    """When to look at a step next: shortly before it is due, then when it is."""
    return at - REMIND_BEFORE if at - REMIND_BEFORE > now else at


__all__ = ["CHOSEN", "DEFAULT_HOURS", "REMIND_BEFORE", "StepKind", "cleared", "due", "timer", "to_make"]
