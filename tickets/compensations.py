"""What a customer is given for the trouble: asked for by whoever handles the matter, with limits by role.

    ask ──▶ approved            within the asker's limit for this ticket
     └────▶ waiting ──▶ approved | refused     by a supervisor other than the asker, with words
               └──────▶ withdrawn              by the asker

What was approved on the ticket before counts against the limit, so that a big one is not given in small parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from bot.ports import Texts
from bot.types import Speaker
from core.clock import rfc3339
from core.db import Tx
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from core.masking import mask_text
from tickets.rules import COMPENSATION_KINDS, Rules
from tickets.tables import compensations

WAITING, APPROVED, REFUSED, WITHDRAWN = "waiting", "approved", "refused", "withdrawn"
_MOST = 10_000_000
_MOST_WORDS = 500


@dataclass(frozen=True, slots=True)
class Compensation:
    """One of them, as it stands. `amount` is days, or hundredths of the currency."""

    id: str
    ticket_id: str
    kind: str
    amount: int
    what: str | None
    reason: str
    state: str
    asked_by: str
    asked_name: str
    asked_at: datetime
    decided_by: str | None
    decided_name: str | None
    decided_at: datetime | None
    decision: str | None


async def of_ticket(tx: Tx, ticket_id: str) -> list[Compensation]:
    """All of a ticket, oldest first."""
    rows = await tx.all(
        select(compensations)
        .where(compensations.c.ticket_id == ticket_id)
        .order_by(compensations.c.asked_at, compensations.c.id)
    )
    return [_value(row) for row in rows]


async def waiting(tx: Tx, limit: int = 100) -> list[Compensation]:
    """All that wait for a supervisor, the oldest first."""
    rows = await tx.all(
        select(compensations)
        .where(compensations.c.state == WAITING)
        .order_by(compensations.c.asked_at, compensations.c.id)
        .limit(limit)
    )
    return [_value(row) for row in rows]


async def one(tx: Tx, compensation_id: str, *, lock: bool = False) -> Compensation:
    """One of them. Raises NotFound."""
    query = select(compensations).where(compensations.c.id == compensation_id)
    row = await tx.first(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("compensation")
    return _value(row)


async def ask(
    tx: Tx,
    ticket_id: str,
    *,
    by: Speaker,
    roles: Collection[str],
    rules: Rules,
    kind: str,
    amount: int,
    what: str | None,
    reason: str,
    now: datetime,
    demo: bool = False,
) -> Compensation:
    """Ask for one; within the asker's limit it is approved at once. The caller holds the ticket's row."""
    if kind not in COMPENSATION_KINDS:
        raise Invalid("kind")
    if not 0 < amount <= _MOST:
        raise Invalid("amount", text_id="error.compensation_amount")
    words, named = reason.strip(), (what or "").strip() or None
    if not words or len(words) > _MOST_WORDS:
        raise Invalid("reason", text_id="error.compensation_reason")
    if kind == "other" and named is None:
        raise Invalid("what", text_id="error.compensation_what")
    given = sum(each.amount for each in await of_ticket(tx, ticket_id) if each.kind == kind and each.state == APPROVED)
    within = given + amount <= rules.limit(roles, kind)
    made: dict[str, Any] = {
        "id": new_id("cmp"),
        "ticket_id": ticket_id,
        "kind": kind,
        "amount": amount,
        "what": named,
        "reason": words,
        "state": APPROVED if within else WAITING,
        "asked_by": by.staff_id,
        "asked_name": by.name,
        "asked_at": now,
        "decided_by": by.staff_id if within else None,
        "decided_name": by.name if within else None,
        "decided_at": now if within else None,
        "demo": demo,
    }
    await tx.execute(insert(compensations).values(**made))
    return await one(tx, made["id"])


async def decide(tx: Tx, known: Compensation, *, by: Speaker, approve: bool, words: str, now: datetime) -> Compensation:
    """A supervisor's word; a refusal says why. Raises Conflict when it is decided, Forbidden for one's own."""
    if known.state != WAITING:
        raise Conflict("decided", text_id="error.compensation_decided")
    if known.asked_by == by.staff_id:
        raise Forbidden("own", text_id="error.compensation_own")
    said = words.strip()[:_MOST_WORDS]
    if not approve and not said:
        raise Invalid("reason", text_id="error.compensation_refusal")
    return await _end(tx, known, APPROVED if approve else REFUSED, by, said or None, now)


async def withdraw(tx: Tx, known: Compensation, *, by: Speaker, now: datetime) -> Compensation:
    """Take one's own wish back while it waits."""
    if known.state != WAITING:
        raise Conflict("decided", text_id="error.compensation_decided")
    if known.asked_by != by.staff_id:
        raise Forbidden("somebody else's")
    return await _end(tx, known, WITHDRAWN, by, None, now)


async def _end(tx: Tx, known: Compensation, state: str, by: Speaker, words: str | None, now: datetime) -> Compensation:
    await tx.execute(
        update(compensations)
        .where(compensations.c.id == known.id)
        .values(state=state, decided_by=by.staff_id, decided_name=by.name, decided_at=now, decision=words)
    )
    return await one(tx, known.id)


def in_words(each: Compensation, texts: Texts) -> str:
    """What it is, as customers and staff read it: 会员时长 7 天, 优惠券 20 元."""
    amount = str(each.amount) if each.kind == "membership_days" else _money(each.amount)
    return texts.get(f"ticket.compensation.{each.kind}", amount=amount, what=each.what or "")


def _money(amount: int) -> str:
    whole, rest = divmod(amount, 100)
    return f"{whole}.{rest:02d}" if rest else str(whole)


def given(found: Iterable[Compensation], texts: Texts) -> list[str]:
    """What was approved, in words."""
    return [in_words(each, texts) for each in found if each.state == APPROVED]


def view(each: Compensation, texts: Texts, *, staff_id: str, may_decide: bool) -> dict[str, Any]:
    """What the desk shows, and what this person may do with it."""
    mine = each.asked_by == staff_id
    return {
        "id": each.id,
        "kind": each.kind,
        "kind_text": texts.get(f"ticket.compensation_kind.{each.kind}"),
        "amount": each.amount,
        "text": mask_text(in_words(each, texts)),
        "reason": mask_text(each.reason),
        "state": each.state,
        "state_text": texts.get(f"ticket.compensation_state.{each.state}"),
        "asked_by": each.asked_by,
        "asked_name": each.asked_name,
        "asked_at": rfc3339(each.asked_at),
        "decided_name": each.decided_name,
        "decided_at": rfc3339(each.decided_at) if each.decided_at else None,
        "decision": each.decision,
        "may_decide": may_decide and each.state == WAITING and not mine,
        "may_withdraw": mine and each.state == WAITING,
    }


def _value(row: Row[Any]) -> Compensation:
    return Compensation(
        id=row.id,
        ticket_id=row.ticket_id,
        kind=row.kind,
        amount=row.amount,
        what=row.what,
        reason=row.reason,
        state=row.state,
        asked_by=row.asked_by,
        asked_name=row.asked_name,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_name=row.decided_name,
        decided_at=row.decided_at,
        decision=row.decision,
    )
