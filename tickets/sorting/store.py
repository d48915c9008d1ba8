"""SQL of sorting: the line of work, guesses, corrections, versions of the classifier, and what it learns from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.db import Tx
from core.errors import NotFound
from core.ids import new_id
from core.tables import jobs
from tickets.sorting.model import Guess
from tickets.sorting.tables import classifiers, corrections, guesses, sort_work
from tickets.states import OPEN
from tickets.store import UNSORTED, Actor, Ticket, value
from tickets.tables import tickets

MACHINES = frozenset({"customer", "bot", "system"})
_OPEN_CODES = [each.value for each in OPEN]
_ENDED_CODES = ["resolved", "closed"]
_CLAIMED_FOR = timedelta(minutes=2)
_TRAINING_CLAIMED_FOR = timedelta(minutes=20)
TRAIN = "train"
# More of a person's silent agreement is no more knowledge.
_MOST_AGREED = 6_000
_KEPT_VERSIONS = 8


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the line."""

    key: str
    due_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Version:
    """A classifier without its weights."""

    number: int
    made_at: datetime
    made_by: str
    encoder: str
    report: Mapping[str, Any]
    active: bool
    activated_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """A matter whose category a person named (`corrected`), or let stand when they resolved it."""

    ticket_id: str
    customer_id: str
    channel_kind: str
    title: str
    description: str | None
    fields: Mapping[str, Any]
    category_id: str
    corrected: bool


def is_person(actor: Actor) -> bool:
    """Whether a member of staff (or a program that acts for one) did it."""
    return actor.id not in MACHINES


# The line of work.


async def put(tx: Tx, key: str, due_at: datetime) -> None:
    """Look at this ticket (or train) then; moves what is in line already."""
    values = {"due_at": due_at, "claimed_until": None, "attempts": 0}
    statement = sqlite.insert(sort_work) if tx.connection.dialect.name == "sqlite" else postgresql.insert(sort_work)
    await tx.execute(statement.values(key=key, **values).on_conflict_do_update(index_elements=["key"], set_=values))


async def due(tx: Tx, now: datetime, limit: int) -> bool:
    """Whether anything is to be done. Costs a look into an index."""
    return await tx.first(select(sort_work.c.key).where(_free(now)).limit(limit)) is not None


def _free(now: datetime) -> Any:
    return and_(sort_work.c.due_at <= now, or_(sort_work.c.claimed_until.is_(None), sort_work.c.claimed_until < now))


async def claim(tx: Tx, now: datetime, limit: int) -> list[Work]:
    """Take what is due; nobody else does for a while. Training is taken alone."""
    rows = await tx.all(select(sort_work).where(_free(now)).order_by(sort_work.c.due_at).limit(limit))
    taken = [Work(row.key, row.due_at, row.attempts) for row in rows]
    if any(each.key == TRAIN for each in taken):
        taken = [each for each in taken if each.key == TRAIN]
    kept = []
    for each in taken:
        until = now + (_TRAINING_CLAIMED_FOR if each.key == TRAIN else _CLAIMED_FOR)
        changed = await tx.count(
            update(sort_work)
            .where(sort_work.c.key == each.key, sort_work.c.due_at == each.due_at, _free(now))
            .values(claimed_until=until, attempts=each.attempts + 1)
        )
        if changed:
            kept.append(each)
    return kept


async def finish(tx: Tx, work: Work) -> None:
    """It is done, unless newer words have put it in line again meanwhile."""
    await tx.execute(delete(sort_work).where(sort_work.c.key == work.key, sort_work.c.due_at == work.due_at))


# Guesses and corrections.


async def keep_guess(tx: Tx, ticket_id: str, number: int, guess: Guess, now: datetime) -> None:
    """Remember what the model says of a ticket; the last word counts."""
    values = {
        "number": number,
        "category_id": guess.category_id,
        "probability": guess.probability,
        "ranking": [list(each) for each in guess.items],
        "sure": guess.sure,
        "at": now,
    }
    statement = sqlite.insert(guesses) if tx.connection.dialect.name == "sqlite" else postgresql.insert(guesses)
    await tx.execute(
        statement.values(ticket_id=ticket_id, **values).on_conflict_do_update(index_elements=["ticket_id"], set_=values)
    )


async def guesses_of(tx: Tx, ticket_ids: Collection[str]) -> dict[str, Guess]:
    """What the model said last of these tickets."""
    rows = await tx.all(
        select(guesses.c.ticket_id, guesses.c.ranking, guesses.c.sure).where(guesses.c.ticket_id.in_(list(ticket_ids)))
    )
    return {row.ticket_id: Guess(tuple((str(a), float(b)) for a, b in row.ranking), row.sure) for row in rows}


async def correct(tx: Tx, before: Ticket, now: Ticket, actor: Actor, at: datetime) -> None:
    """A person named the category: training data, beside what the model had thought."""
    guess = await tx.scalar(select(guesses.c.category_id).where(guesses.c.ticket_id == now.id))
    await tx.execute(
        insert(corrections).values(
            id=new_id("cor"),
            ticket_id=now.id,
            at=at,
            staff_id=actor.id,
            category_id=now.category_id,
            before_id=before.category_id,
            guess_id=guess,
            demo=now.demo,
        )
    )


async def corrections_since(tx: Tx, moment: datetime | None) -> int:
    """How many tickets people have sorted since."""
    query = select(func.count()).select_from(corrections).where(corrections.c.category_id != UNSORTED)
    return int(await tx.scalar(query if moment is None else query.where(corrections.c.at > moment)) or 0)


async def sorted_by_person(tx: Tx, ticket_id: str) -> bool:
    """Whether a person has ever named this ticket's category."""
    return await tx.first(select(corrections.c.id).where(corrections.c.ticket_id == ticket_id).limit(1)) is not None


async def several(tx: Tx, ticket_ids: Collection[str]) -> list[Ticket]:
    """These tickets, as far as they exist."""
    return [value(row) for row in await tx.all(select(tickets).where(tickets.c.id.in_(list(ticket_ids))))]


async def first_training_is_set(tx: Tx, kind: str) -> bool:
    """Whether the weekly training has its timer, or has ever made a version."""
    timer = await tx.first(select(jobs.c.id).where(jobs.c.kind == kind))
    return timer is not None or await tx.first(select(classifiers.c.number).limit(1)) is not None


async def examples(tx: Tx) -> list[Sorted]:
    """All tickets whose category a person named, and the newest of those that a person resolved under it."""
    named = {row.ticket_id for row in await tx.all(select(corrections.c.ticket_id).distinct())}
    columns = (
        tickets.c.id,
        tickets.c.customer_id,
        tickets.c.channel_kind,
        tickets.c.title,
        tickets.c.description,
        tickets.c.fields,
        tickets.c.category_id,
    )
    told = await tx.all(
        select(*columns).where(tickets.c.id.in_(select(corrections.c.ticket_id)), tickets.c.category_id != UNSORTED)
    )
    agreed = await tx.all(
        select(*columns)
        .where(
            tickets.c.state.in_(_ENDED_CODES),
            tickets.c.tier > 1,
            tickets.c.confirmed_at.is_not(None),
            tickets.c.category_id != UNSORTED,
        )
        .order_by(tickets.c.updated_at.desc())
        .limit(_MOST_AGREED)
    )
    found = [_sorted(row, corrected=True) for row in told]
    return found + [_sorted(row, corrected=False) for row in agreed if row.id not in named]


def _sorted(row: Any, *, corrected: bool) -> Sorted:
    return Sorted(
        ticket_id=row.id,
        customer_id=row.customer_id,
        channel_kind=row.channel_kind,
        title=row.title,
        description=row.description,
        fields=row.fields,
        category_id=row.category_id,
        corrected=corrected,
    )


# The classifier's queue.


def waiting() -> Any:
    """Tickets that nobody and nothing has sorted and a person has to work on."""
    return and_(tickets.c.category_id == UNSORTED, tickets.c.state.in_(_OPEN_CODES), tickets.c.tier > 1)


# Versions.

_LISTED = [each for each in classifiers.c if each.name != "model"]


async def versions(tx: Tx) -> list[Version]:
    """All versions, the newest first, without their weights."""
    rows = await tx.all(select(*_LISTED).order_by(classifiers.c.number.desc()))
    return [_version(row) for row in rows]


def _version(row: Any) -> Version:
    return Version(
        row.number, row.made_at, row.made_by, row.encoder, row.report, row.active, row.activated_at, row.reason
    )


async def active(tx: Tx) -> Version | None:
    """The version that sorts now."""
    row = await tx.first(select(*_LISTED).where(classifiers.c.active.is_(True)).limit(1))
    return None if row is None else _version(row)


async def weights(tx: Tx, number: int) -> bytes:
    """The weights of a version. Raises NotFound."""
    found = await tx.scalar(select(classifiers.c.model).where(classifiers.c.number == number))
    if found is None:
        raise NotFound("classifier")
    return bytes(found)


async def save(
    tx: Tx, model: bytes, *, encoder: str, report: Mapping[str, Any], made_by: str, reason: str, now: datetime
) -> int:
    """Write a new version, which is not active yet; forget the oldest that nobody uses. Returns its number."""
    number = int(await tx.scalar(select(func.max(classifiers.c.number))) or 0) + 1
    await tx.execute(
        insert(classifiers).values(
            number=number,
            made_at=now,
            made_by=made_by,
            model=model,
            encoder=encoder,
            report=dict(report),
            active=False,
            reason=reason,
        )
    )
    await tx.execute(
        delete(classifiers).where(classifiers.c.number <= number - _KEPT_VERSIONS, classifiers.c.active.is_(False))
    )
    return number


async def activate(tx: Tx, number: int, now: datetime) -> None:
    """Let this version sort from now on, in every gateway. Raises NotFound."""
    await tx.execute(update(classifiers).where(classifiers.c.active.is_(True)).values(active=False))
    changed = await tx.count(
        update(classifiers).where(classifiers.c.number == number).values(active=True, activated_at=now)
    )
    if changed == 0:
        raise NotFound("classifier")


async def deactivate(tx: Tx) -> None:
    """Let words alone sort."""
    await tx.execute(update(classifiers).where(classifiers.c.active.is_(True)).values(active=False))


async def is_in_line(tx: Tx, key: str) -> bool:
    """Whether this is still to be done."""
    return await tx.first(select(sort_work.c.key).where(sort_work.c.key == key)) is not None
