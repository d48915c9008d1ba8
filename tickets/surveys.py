"""Surveys in SQL: one round per conclusion, answered once or answered again; never two of one round."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from core.db import Tx
from core.ids import new_id
from core.statements import Changes, Insertion, Shape, Statement
from tickets.tables import surveys

UNHAPPY = 1
CONTENT = 3  # 满意 and 非常满意


@dataclass(frozen=True, slots=True)
class Survey:
    """One round."""

    id: str
    ticket_id: str
    round: int
    sent_at: datetime
    answered_at: datetime | None
    rating: int | None
    solved: bool | None
    text: str | None
    staff_id: str | None
    recommend: int | None = None
    sent_by: str | None = None

    @property
    def is_unhappy(self) -> bool:
        """Whether it says 不满意, or that nothing is solved."""
        return self.rating == UNHAPPY or self.solved is False


_SHAPE = Shape(Survey, surveys)

_THIS = surveys.c.id == bindparam("row_id")
_ROUNDS = select(*_SHAPE.columns).where(surveys.c.ticket_id == bindparam("ticket_id"))
_INSERT = Insertion(surveys)
_CHANGE = Changes(surveys, _THIS)
_GET = Statement(select(*_SHAPE.columns).where(_THIS))
_OF_TICKET = Statement(_ROUNDS.order_by(surveys.c.round))
_LAST_ANSWERED = Statement(
    _ROUNDS.where(surveys.c.answered_at.is_not(None))
    .order_by(surveys.c.answered_at.desc(), surveys.c.round.desc())
    .limit(1)
)


async def open_round(tx: Tx, ticket_id: str, *, now: datetime, staff_id: str | None, demo: bool) -> Survey:
    """Begin the next round. The caller holds the ticket's row, so that a conclusion has one round."""
    known = await of_ticket(tx, ticket_id)
    survey_id = new_id("svy")
    await _INSERT.write(
        tx,
        id=survey_id,
        ticket_id=ticket_id,
        round=len(known) + 1,
        # Links are signed and name the survey; the column's hash is of a value that was never given out.
        token_hash=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
        sent_at=now,
        staff_id=staff_id,
        demo=demo,
    )
    made = await get(tx, survey_id)
    assert made is not None
    return made


async def answer(
    tx: Tx,
    survey_id: str,
    *,
    rating: int | None,
    solved: bool | None,
    text: str | None,
    now: datetime,
    recommend: int | None = None,
) -> None:
    """Write the answer; a second one replaces the first. Without a rating it is only whether it is solved."""
    values: dict[str, Any] = {"rating": rating, "solved": solved, "text": text, "answered_at": now}
    if recommend is not None:
        values["recommend"] = recommend
    await _CHANGE.write(tx, values, row_id=survey_id)


async def sent_by(tx: Tx, survey_id: str, way: str) -> None:
    """Write which way carried it: channel, other, mail, sms, or none, when it waits for the next contact."""
    await _CHANGE.write(tx, {"sent_by": way}, row_id=survey_id)


async def get(tx: Tx, survey_id: str) -> Survey | None:
    """One survey, or None."""
    row = await _GET.first(tx, row_id=survey_id)
    return None if row is None else _SHAPE.value(row)


async def of_ticket(tx: Tx, ticket_id: str) -> list[Survey]:
    """All rounds, oldest first."""
    return [_SHAPE.value(row) for row in await _OF_TICKET.all(tx, ticket_id=ticket_id)]


async def last_answered(tx: Tx, ticket_id: str) -> Survey | None:
    """The customer's last answer, in whichever round it was."""
    row = await _LAST_ANSWERED.first(tx, ticket_id=ticket_id)
    return None if row is None else _SHAPE.value(row)
