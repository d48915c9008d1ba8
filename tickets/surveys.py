"""Surveys in SQL: one round per conclusion, answered once or answered again; never two of one round."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from core.db import Tx
from core.ids import new_id
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


async def open_round(tx: Tx, ticket_id: str, *, now: datetime, staff_id: str | None, demo: bool) -> Survey:
    """Begin the next round. The caller holds the ticket's row, so that a conclusion has one round."""
    known = await of_ticket(tx, ticket_id)
    survey_id = new_id("svy")
    await tx.execute(
        insert(surveys).values(
            id=survey_id,
            ticket_id=ticket_id,
            round=len(known) + 1,
            # Links are signed and name the survey; the column's hash is of a value that was never given out.
            token_hash=hashlib.sha256(secrets.token_bytes(32)).hexdigest(),
            sent_at=now,
            staff_id=staff_id,
            demo=demo,
        )
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
    await tx.execute(update(surveys).where(surveys.c.id == survey_id).values(**values))


async def sent_by(tx: Tx, survey_id: str, way: str) -> None:
    """Write which way carried it: channel, other, mail, sms, or none, when it waits for the next contact."""
    await tx.execute(update(surveys).where(surveys.c.id == survey_id).values(sent_by=way))


async def get(tx: Tx, survey_id: str) -> Survey | None:
    """One survey, or None."""
    row = await tx.first(select(surveys).where(surveys.c.id == survey_id))
    return None if row is None else _value(row)


async def of_ticket(tx: Tx, ticket_id: str) -> list[Survey]:
    """All rounds, oldest first."""
    rows = await tx.all(select(surveys).where(surveys.c.ticket_id == ticket_id).order_by(surveys.c.round))
    return [_value(row) for row in rows]


async def last_answered(tx: Tx, ticket_id: str) -> Survey | None:
    """The customer's last answer, in whichever round it was."""
    row = await tx.first(
        select(surveys)
        .where(surveys.c.ticket_id == ticket_id, surveys.c.answered_at.is_not(None))
        .order_by(surveys.c.answered_at.desc(), surveys.c.round.desc())
        .limit(1)
    )
    return None if row is None else _value(row)


def _value(row: Row[Any]) -> Survey:
    return Survey(
        id=row.id,
        ticket_id=row.ticket_id,
        round=row.round,
        sent_at=row.sent_at,
        answered_at=row.answered_at,
        rating=row.rating,
        solved=row.solved,
        text=row.text,
        staff_id=row.staff_id,
        recommend=row.recommend,
        sent_by=row.sent_by,
    )
