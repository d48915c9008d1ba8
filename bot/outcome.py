"""What a turn yields. Made outside of any transaction, applied in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.store.episodes import Memory
from bot.store.exchanges import Finding
from bot.types import HandoffReason, Reply, SearchAnswer
from core.ids import TicketId


@dataclass(frozen=True, slots=True)
class FormDone:
    """Answers to write on the ticket; with `wants_person` its team takes it up."""

    form: str
    answers: Mapping[str, Any]
    wants_person: bool = False


@dataclass(frozen=True, slots=True)
class CustomerSaid:
    """The customer's word on a ticket: solved, not_solved, reopen, new_matter, rating:1 … rating:4, or executive, which
    is the one that comes with a `text`."""

    ticket_id: TicketId
    what: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tapped:
    """Which of the offered articles was meant (None: 都不是), for the question that was asked."""

    question: str
    article_id: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A question without an answer."""

    question: str
    nearest: SearchAnswer | None


@dataclass(frozen=True, slots=True)
class LeaveLine:
    """The customer does not want to wait."""


@dataclass(frozen=True, slots=True)
class ContactLeft:
    """How to reach the customer, typed in answer to our asking for it."""

    phone: str | None
    email: str | None


Move = ContactLeft | FormDone | CustomerSaid | Tapped | Gap | LeaveLine


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person is wanted. `outlook` was asked beforehand; `team_id` is the ticket's."""

    reason: HandoffReason
    outlook: str
    team_id: str | None = None
    detail: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a turn wants done. `memory` None leaves what the bot keeps in mind as it is.

    `category` is that of the article that answered; it sorts a ticket that no words have sorted.
    """

    finding: Finding
    replies: tuple[Reply, ...] = ()
    moves: tuple[Move, ...] = ()
    handover: HandOver | None = None
    memory: Memory | None = None
    category: str = ""
