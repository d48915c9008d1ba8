"""Files of a ticket: those in its messages and those that staff put beside it; what each shows, and who may open it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select, update

from bot.store.messages import Message
from bot.types import Author
from core.clock import rfc3339
from core.db import Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import new_id
from core.masking import mask_text
from core.tables import files
from tickets.store import Ticket
from tickets.tables import ticket_files, tickets

MAX_DESCRIPTION = 300
_MOST = 100


class Access(StrEnum):
    """Who of the staff may open a file."""

    STAFF = "staff"  # everybody who may read tickets
    TEAM = "team"  # the ticket's team, its assignee, and supervisors
    SUPERVISORS = "supervisors"


@dataclass(frozen=True, slots=True)
class Opener:
    """Who wants to open a file."""

    staff_id: str
    team_ids: Collection[str]
    permissions: Collection[str]

    def may(self, access: str, ticket: Ticket | Any) -> bool:
        """Whether this file of this ticket is for them."""
        if access == Access.STAFF or "ticket.review" in self.permissions:
            return True
        return access == Access.TEAM and (ticket.team_id in self.team_ids or ticket.assignee_id == self.staff_id)


async def may_open(tx: Tx, file_id: str, opener: Opener) -> bool:
    """Whether every ticket that holds the file back lets this person open it."""
    rows = await tx.all(
        select(ticket_files.c.access, tickets.c.team_id, tickets.c.assignee_id)
        .join(tickets, tickets.c.id == ticket_files.c.ticket_id)
        .where(ticket_files.c.file_id == file_id)
    )
    return all(opener.may(row.access, row) for row in rows)


async def describe(
    tx: Tx,
    ticket: Ticket,
    said: Iterable[Message],
    file_id: str,
    *,
    description: str | None,
    access: str | None,
    by: str,
    by_name: str,
    now: datetime,
) -> None:
    """Write what a file shows and who may open it; what is None stays. Raises NotFound for a file from elsewhere."""
    values = _checked(description, access)
    known = await _row(tx, ticket.id, file_id)
    if known is None:
        if not any(_file_of(each) == file_id for each in said):
            raise NotFound("file of this ticket")
        fresh = {"description": None, "access": Access.STAFF.value, **values}
        await _insert(tx, ticket, file_id, by=by, by_name=by_name, now=now, **fresh)
    elif values:
        await tx.execute(update(ticket_files).where(ticket_files.c.id == known.id).values(**values))


async def put(
    tx: Tx, ticket: Ticket, file_id: str, *, description: str, access: str, by: str, by_name: str, now: datetime
) -> None:
    """Put a file that this person uploaded beside the ticket. Raises NotFound for somebody else's."""
    row = await tx.first(select(files.c.owner).where(files.c.id == file_id))
    if row is None or row.owner != f"staff:{by}":
        raise NotFound("file")
    if await _row(tx, ticket.id, file_id) is not None:
        return
    known = await tx.all(select(ticket_files.c.id).where(ticket_files.c.ticket_id == ticket.id).limit(_MOST))
    if len(known) >= _MOST:
        raise Conflict("too many files", text_id="error.files_many")
    await _insert(tx, ticket, file_id, by=by, by_name=by_name, now=now, **_checked(description, access))


async def views(tx: Tx, ticket: Ticket, said: Iterable[Message], opener: Opener) -> list[dict[str, Any]]:
    """All files of the ticket, oldest first; `open` says whether this opener may open one."""
    noted = {
        row.file_id: row
        for row in await tx.all(
            select(ticket_files).where(ticket_files.c.ticket_id == ticket.id).order_by(ticket_files.c.at)
        )
    }
    found: dict[str, dict[str, Any]] = {}
    for message in said:
        file_id = _file_of(message)
        if file_id is not None:
            attachment = message.payload["attachment"]
            row = noted.pop(file_id, None)
            found[file_id] = {
                "attachment_id": file_id,
                "kind": attachment["kind"],
                "name": mask_text(str(attachment["name"])),
                "bytes": attachment["bytes"],
                "by": message.author.value,
                "by_name": message.staff_name if message.author is Author.AGENT else None,
                "at": rfc3339(message.at),
                **_noted(row, ticket, opener),
            }
    if noted:
        for each in await tx.all(select(files).where(files.c.id.in_(list(noted)))):
            row = noted[each.id]
            found[each.id] = {
                "attachment_id": each.id,
                "kind": each.kind,
                "name": mask_text(each.name),
                "bytes": each.bytes,
                "by": "agent",
                "by_name": row.added_name,
                "at": rfc3339(row.at),
                **_noted(row, ticket, opener),
            }
    return sorted(found.values(), key=lambda each: str(each["at"]))


def _noted(row: Any, ticket: Ticket, opener: Opener) -> dict[str, Any]:
    access = row.access if row is not None else Access.STAFF.value
    described = mask_text(row.description) if row is not None and row.description else None
    return {"description": described, "access": access, "open": opener.may(access, ticket)}


def _checked(description: str | None, access: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if description is not None:
        if len(description) > MAX_DESCRIPTION:
            raise Invalid("description", text_id="error.text_too_long")
        values["description"] = description.strip() or None
    if access is not None:
        if access not in list(Access):
            raise Invalid("access")
        values["access"] = access
    return values


def _file_of(message: Message) -> str | None:
    attachment = message.payload.get("attachment")
    return str(attachment["attachment_id"]) if isinstance(attachment, dict) and "attachment_id" in attachment else None


async def _row(tx: Tx, ticket_id: str, file_id: str) -> Any:
    return await tx.first(
        select(ticket_files).where(ticket_files.c.ticket_id == ticket_id, ticket_files.c.file_id == file_id)
    )


async def _insert(tx: Tx, ticket: Ticket, file_id: str, *, by: str, by_name: str, now: datetime, **values: Any) -> None:
    await tx.execute(
        insert(ticket_files).values(
            id=new_id("tfl"), ticket_id=ticket.id, file_id=file_id, added_by=by, added_name=by_name, at=now, **values
        )
    )
