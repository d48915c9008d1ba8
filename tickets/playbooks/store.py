"""SQL of playbooks: plans, what was done on a ticket, watches over released fixes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update

from core.db import Tx
from core.errors import Conflict, NotFound
from tickets.playbooks.plan import Playbook, delivered, field_data, parse, step_data
from tickets.playbooks.tables import fault_watches, playbooks, steps_done


@dataclass(frozen=True, slots=True)
class Done:
    """One step that was done, by whom and when."""

    step_id: str
    at: datetime
    staff_id: str
    staff_name: str | None


@dataclass(frozen=True, slots=True)
class Watch:
    """A released fix: the same signature until then is the same fault."""

    ticket_id: str
    signature: str
    released_at: datetime
    until: datetime
    returned_at: datetime | None


async def seed(tx: Tx, now: datetime) -> None:
    """Put delivered playbooks where they are missing; edited ones stay as they are."""
    known = {row.id for row in await tx.all(select(playbooks.c.id))}
    for position, each in enumerate(delivered()):
        if each.id not in known:
            await add(tx, each, position=position, by="system", now=now)


async def add(tx: Tx, playbook: Playbook, *, position: int, by: str, now: datetime) -> None:
    """Write a new one."""
    await tx.execute(
        insert(playbooks).values(
            id=playbook.id, position=position, version=1, updated_at=now, updated_by=by, **_columns(playbook)
        )
    )


async def save(tx: Tx, playbook: Playbook, *, by: str, now: datetime) -> None:
    """Write it in place of the version that was read. Raises NotFound, or Conflict when it changed meanwhile."""
    found = await tx.first(select(playbooks.c.version).where(playbooks.c.id == playbook.id))
    if found is None:
        raise NotFound("playbook")
    changed = await tx.count(
        update(playbooks)
        .where(playbooks.c.id == playbook.id, playbooks.c.version == playbook.version)
        .values(
            version=playbook.version + 1,
            archived_at=now if playbook.archived else None,
            updated_at=now,
            updated_by=by,
            **_columns(playbook),
        )
    )
    if changed == 0:
        raise Conflict("playbook changed meanwhile", text_id="error.playbook_changed")


def _columns(playbook: Playbook) -> dict[str, Any]:
    return {
        "name": playbook.name,
        "categories": list(playbook.categories),
        "steps": [step_data(each) for each in playbook.steps],
        "required": [field_data(each) for each in playbook.fields],
    }


async def load(tx: Tx) -> list[Playbook]:
    """All of them, archived ones too, in order."""
    return [
        parse(
            {
                "id": row.id,
                "name": row.name,
                "categories": row.categories,
                "steps": row.steps,
                "fields": row.required,
                "version": row.version,
                "archived": row.archived_at is not None,
            }
        )
        for row in await tx.all(select(playbooks).order_by(playbooks.c.position, playbooks.c.id))
    ]


async def done(tx: Tx, ticket_id: str, playbook_id: str) -> list[Done]:
    """What was done of this playbook on this ticket."""
    rows = await tx.all(
        select(steps_done)
        .where(steps_done.c.ticket_id == ticket_id, steps_done.c.playbook_id == playbook_id)
        .order_by(steps_done.c.at)
    )
    return [Done(row.step_id, row.at, row.staff_id, row.staff_name) for row in rows]


async def mark(
    tx: Tx, ticket_id: str, playbook_id: str, step_id: str, *, staff_id: str, staff_name: str | None, now: datetime
) -> None:
    """Note a step that is not noted yet."""
    await tx.execute(
        insert(steps_done).values(
            ticket_id=ticket_id,
            playbook_id=playbook_id,
            step_id=step_id,
            at=now,
            staff_id=staff_id,
            staff_name=staff_name,
        )
    )


async def unmark(tx: Tx, ticket_id: str, playbook_id: str, step_ids: Collection[str]) -> int:
    """Take notes back; how many there were."""
    return await tx.count(
        delete(steps_done).where(
            steps_done.c.ticket_id == ticket_id,
            steps_done.c.playbook_id == playbook_id,
            steps_done.c.step_id.in_(list(step_ids)),
        )
    )


async def watch(tx: Tx, ticket_id: str, signature: str, *, released_at: datetime, until: datetime) -> None:
    """Watch a released fix from now on; anew when it was released again."""
    await unwatch(tx, ticket_id)
    await tx.execute(
        insert(fault_watches).values(
            ticket_id=ticket_id, signature=signature, released_at=released_at, until=until, returned_at=None
        )
    )


async def unwatch(tx: Tx, ticket_id: str) -> None:
    """Stop watching; harmless when nothing is watched."""
    await tx.execute(delete(fault_watches).where(fault_watches.c.ticket_id == ticket_id))


async def watch_of(tx: Tx, ticket_id: str) -> Watch | None:
    """The watch over this ticket's fix."""
    row = await tx.first(select(fault_watches).where(fault_watches.c.ticket_id == ticket_id))
    return None if row is None else _watch(row)


async def watched(tx: Tx, signature: str, now: datetime, *, besides: str) -> Watch | None:
    """The fix that is being watched under this signature, the last released one."""
    row = await tx.first(
        select(fault_watches)
        .where(
            fault_watches.c.signature == signature,
            fault_watches.c.until > now,
            fault_watches.c.released_at <= now,
            fault_watches.c.ticket_id != besides,
        )
        .order_by(fault_watches.c.released_at.desc())
        .limit(1)
    )
    return None if row is None else _watch(row)


async def returned(tx: Tx, ticket_id: str, now: datetime) -> None:
    """The fault came back."""
    await tx.execute(update(fault_watches).where(fault_watches.c.ticket_id == ticket_id).values(returned_at=now))


def _watch(row: Any) -> Watch:
    return Watch(row.ticket_id, row.signature, row.released_at, row.until, row.returned_at)
