"""The states of a ticket, and who may move it where. One pure table; everything else asks it.

    new ──confirm──▶ in_progress ⇄ waiting_customer
     ▲                    │ write_result
     │ reopen, escalate   ▼
     │               to_report ──deliver──▶ resolved ──▶ closed   (the customer's word, or long silence)
     └────────────────────────────────────────┴───────────┘

    tier one:  new ──▶ self_solved      any open state ──▶ merged

`to_report` holds a written result that the customer has not got yet; `resolved` means that it was delivered; only
the customer, or long silence after it, makes it `closed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from core.errors import IllegalMove


class State(StrEnum):
    """Codes for all folders; their Chinese names stand in the message catalogue."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    WAITING_CUSTOMER = "waiting_customer"
    TO_REPORT = "to_report"
    RESOLVED = "resolved"
    CLOSED = "closed"
    SELF_SOLVED = "self_solved"
    MERGED = "merged"


class Ground(StrEnum):
    """Why a ticket is closed. The first two are never mixed in figures."""

    CUSTOMER_CONFIRMED = "customer_confirmed"
    CUSTOMER_SILENT = "customer_silent"
    MERGED = "merged"


class Party(StrEnum):
    """Who moves it."""

    CUSTOMER = "customer"
    STAFF = "staff"
    BOT = "bot"
    SYSTEM = "system"  # a timer, or a delivery


class Move(StrEnum):
    """What can be done to a ticket's state."""

    CONFIRM = "confirm"  # a person of the team takes it on
    WAIT_CUSTOMER = "wait-customer"  # the customer was asked for something
    CUSTOMER_ADDS = "customer_adds"  # … and gave it
    ESCALATE = "escalate"  # to experts or the supervisor; who receives it confirms anew
    HAND_OVER = "hand_over"  # another team; who receives it confirms anew
    RESOLVE = "resolve"  # the result is written
    DELIVER = "deliver"  # the conclusion reached the customer
    CUSTOMER_CONFIRMS = "customer_confirms"
    SILENCE = "silence"
    REOPEN = "reopen"
    WANT_PERSON = "want_person"
    SELF_SOLVE = "self_solve"
    MERGE = "merge"


OPEN = frozenset({State.NEW, State.IN_PROGRESS, State.WAITING_CUSTOMER, State.TO_REPORT})
ENDED = frozenset({State.CLOSED, State.SELF_SOLVED, State.MERGED})

_Row = tuple[Iterable[State], State, frozenset[Party]]
_STAFF = frozenset({Party.STAFF})
_SYSTEM = frozenset({Party.SYSTEM})

_TABLE: dict[Move, _Row] = {
    Move.CONFIRM: ((State.NEW,), State.IN_PROGRESS, _STAFF),
    Move.WAIT_CUSTOMER: ((State.IN_PROGRESS, State.WAITING_CUSTOMER), State.WAITING_CUSTOMER, _STAFF),
    Move.CUSTOMER_ADDS: ((State.WAITING_CUSTOMER,), State.IN_PROGRESS, frozenset({Party.CUSTOMER})),
    Move.ESCALATE: (OPEN, State.NEW, _STAFF),
    Move.HAND_OVER: (OPEN, State.NEW, _STAFF),
    # A result may be written anew while the first one could not be delivered.
    Move.RESOLVE: (
        (State.IN_PROGRESS, State.WAITING_CUSTOMER, State.TO_REPORT),
        State.TO_REPORT,
        frozenset({Party.STAFF, Party.SYSTEM}),
    ),
    Move.DELIVER: ((State.TO_REPORT,), State.RESOLVED, _SYSTEM),
    Move.CUSTOMER_CONFIRMS: ((*OPEN, State.RESOLVED), State.CLOSED, frozenset({Party.CUSTOMER, Party.STAFF})),
    Move.SILENCE: ((State.RESOLVED,), State.CLOSED, _SYSTEM),
    Move.REOPEN: ((State.RESOLVED, State.CLOSED), State.NEW, frozenset({Party.CUSTOMER, Party.STAFF})),
    # A bot's answer that did not help after all is no new matter, so tier one becomes a person's matter here too.
    Move.WANT_PERSON: (
        (State.NEW, State.SELF_SOLVED, State.RESOLVED, State.CLOSED),
        State.NEW,
        frozenset(Party),
    ),
    Move.SELF_SOLVE: ((State.NEW,), State.SELF_SOLVED, frozenset({Party.CUSTOMER, Party.SYSTEM})),
    Move.MERGE: ((*OPEN, State.RESOLVED), State.MERGED, frozenset({Party.STAFF, Party.SYSTEM})),
}


def after(state: State | str, move: Move, party: Party, *, tier: int = 2) -> State:
    """The state after a move. Raises IllegalMove when it is not allowed from here, or not for this party."""
    if not may(state, move, party, tier=tier):
        detail = f"{move.value} from {State(state).value} by {party.value}"
        raise IllegalMove(detail, text_id=f"error.move.{move.value.replace('-', '_')}")
    return _TABLE[move][1]


def may(state: State | str, move: Move, party: Party, *, tier: int = 2) -> bool:
    """Whether `after` would allow it."""
    sources, _, parties = _TABLE[move]
    if State(state) not in sources or party not in parties:
        return False
    # Tier one knows no person's states: it ends by itself or becomes a person's matter.
    if move is Move.SELF_SOLVE:
        return tier == 1
    if tier == 1:
        return move in (Move.WANT_PERSON, Move.MERGE)
    return True


def is_open(state: State | str) -> bool:
    """Whether somebody still has something to do."""
    return State(state) in OPEN
