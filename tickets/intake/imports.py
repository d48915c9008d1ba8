"""Sheets on their way in: looked at first, then taken in a few rows at a time, so that nobody has to wait for it.

    ready ──start──▶ running ──▶ done
                       │ ▲
                       ▼ │ start
                     stopped

A few rows, their tickets and how far it came are one transaction: whoever goes on after a crash, here or in another
gateway, goes on at the right row. Each row is taken in once, however often its sheet comes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import and_, delete, insert, or_, select, update

from bot.store import channels
from bot.types import Speaker
from core.clock import Clock, rfc3339
from core.db import Database, Tx
from core.errors import Conflict, DatabaseUnavailable, FrontlineError, NotFound
from core.ids import new_id
from core.masking import mask_email, mask_phone, mask_text
from core.people.store import PeopleStore
from tickets import categories
from tickets.categories import Tree
from tickets.intake import keys, sheet
from tickets.intake.layer import Intake
from tickets.intake.sheet import Fault, Row, Sheet
from tickets.intake.tables import ticket_imports

log = structlog.get_logger(__name__)

# A few tens of milliseconds of writing; then others have their turn.
_ROWS_AT_ONCE = 10
_PAUSE_S = 0.01
_CLAIM = timedelta(seconds=60)
_POLL_S = 5.0
_LOOKED_AT = timedelta(days=1)
_SHOWN_FAULTS = 300
_SHOWN_ROWS = 8
_KEPT_SHEETS = 2


@dataclass(frozen=True, slots=True)
class Import:
    """One sheet, as it stood when it was read."""

    id: str
    name: str
    encoding: str
    state: str
    total: int
    position: int
    made: int
    known: int
    refused: int
    faults: list[dict[str, Any]]
    created_by: str
    created_by_name: str
    created_at: datetime
    started_at: datetime | None
    done_at: datetime | None


_COLUMNS = [ticket_imports.c[name] for name in Import.__dataclass_fields__]


class Imports:
    """One per gateway. `run` takes in what was started; a command may call `finish` instead."""

    def __init__(self, db: Database, clock: Clock, intake: Intake, people: PeopleStore, timezone: str) -> None:
        self._db = db
        self._clock = clock
        self._intake = intake
        self._people = people
        self._zone = ZoneInfo(timezone)
        self._wake = asyncio.Event()
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()

    async def look(self, data: bytes) -> tuple[str, str, Sheet, set[str]]:
        """(text, encoding, what it says, keys that were taken in before); nothing is written. Raises Invalid."""
        text, encoding = await asyncio.to_thread(sheet.decode, data)
        found = await self._read(text, self._clock.now())
        async with self._db.read() as tx:
            known = await keys.known(tx, "import", {row.key for row in found.rows})
        return text, encoding, found, known

    async def _read(self, text: str, now: datetime) -> Sheet:
        async with self._db.read() as tx:
            names = _names(await categories.load(tx))
            teams = {name: team.id for team in await self._people.teams(tx) for name in (team.id, team.name)}
        return await asyncio.to_thread(sheet.read, text, now=now, zone=self._zone, categories=names, teams=teams)

    def view_of(self, found: Sheet, known: set[str], encoding: str) -> dict[str, Any]:
        """What would happen, for a person to look at: columns, counts, what is wrong, and the first rows masked."""
        seen: set[str] = set()
        fresh = 0
        for row in found.rows:
            fresh += row.key not in known and row.key not in seen
            seen.add(row.key)
        return {
            "encoding": encoding,
            "total": found.total,
            "ready": fresh,
            "known": len(found.rows) - fresh,
            "refused": found.total - len(found.rows),
            "columns": [{"header": header, "field": name} for header, name in found.columns],
            "faults": [_fault(each) for each in found.faults[:_SHOWN_FAULTS]],
            "faults_total": len(found.faults),
            "rows": [_shown(row) for row in found.rows[:_SHOWN_ROWS]],
        }

    async def add(self, name: str, data: bytes, by: Speaker, *, demo: bool = False) -> tuple[Import, dict[str, Any]]:
        """Keep a sheet that was looked at, ready to be started. Raises Invalid."""
        text, encoding, found, known = await self.look(data)
        import_id, now = new_id("imp"), self._clock.now()
        async with self._db.begin() as tx:
            # What was only looked at is full of people; it does not lie around.
            old = and_(ticket_imports.c.state == "ready", ticket_imports.c.created_at < now - _LOOKED_AT)
            await tx.execute(delete(ticket_imports).where(old))
            await tx.execute(
                insert(ticket_imports).values(
                    id=import_id,
                    name=name[:200],
                    content=text,
                    encoding=encoding,
                    state="ready",
                    total=found.total,
                    position=0,
                    made=0,
                    known=0,
                    refused=found.total - len(found.rows),
                    faults=[_fault(each) for each in found.faults[:_SHOWN_FAULTS]],
                    created_by=by.staff_id,
                    created_by_name=by.name,
                    demo=demo,
                    created_at=now,
                )
            )
            made = await self.get(tx, import_id)
        return made, self.view_of(found, known, encoding)

    async def get(self, tx: Tx, import_id: str) -> Import:
        """One import. Raises NotFound."""
        row = await tx.first(select(*_COLUMNS).where(ticket_imports.c.id == import_id))
        if row is None:
            raise NotFound("import")
        return Import(**row._mapping)

    async def latest(self, tx: Tx, limit: int = 20) -> list[Import]:
        """The last imports, newest first."""
        query = select(*_COLUMNS).order_by(ticket_imports.c.created_at.desc(), ticket_imports.c.id).limit(limit)
        return [Import(**row._mapping) for row in await tx.all(query)]

    async def start(self, tx: Tx, import_id: str) -> Import:
        """Begin, or go on after a stop. Harmless while it runs; Conflict when it is done."""
        one = await self.get(tx, import_id)
        if one.state == "done":
            raise Conflict("done", text_id="error.import_done")
        if one.state == "running":
            return one
        await tx.execute(
            update(ticket_imports)
            .where(ticket_imports.c.id == one.id)
            .values(state="running", started_at=one.started_at or self._clock.now(), claimed_until=None)
        )
        tx.after_commit(self._wake.set)
        return await self.get(tx, import_id)

    async def stop(self, tx: Tx, import_id: str) -> Import:
        """Let it rest after the rows at hand. What was taken in stays."""
        await tx.execute(
            update(ticket_imports)
            .where(ticket_imports.c.id == import_id, ticket_imports.c.state == "running")
            .values(state="stopped")
        )
        return await self.get(tx, import_id)

    async def finish(self, import_id: str) -> Import:
        """Take in everything that is left; returns how it ended."""
        more = True
        while more:
            more = await self._step(import_id)
            await asyncio.sleep(_PAUSE_S)
        async with self._db.read() as tx:
            return await self.get(tx, import_id)

    async def run_due(self) -> int:
        """Take in what was started and nobody else is at; return how many sheets."""
        now = self._clock.now()
        async with self._db.read() as tx:
            rows = await tx.all(
                select(ticket_imports.c.id).where(
                    ticket_imports.c.state == "running",
                    or_(ticket_imports.c.claimed_until.is_(None), ticket_imports.c.claimed_until < now),
                )
            )
        for row in rows:
            await self.finish(row.id)
        return len(rows)

    async def run(self) -> None:
        """The loop. Ends only by cancellation."""
        while True:
            self._wake.clear()
            try:
                await self.run_due()
            except DatabaseUnavailable:
                log.warning("imports.database_unavailable")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL_S):
                    await self._wake.wait()

    async def _step(self, import_id: str) -> bool:
        """Take in a few rows; False when there is nothing more to do."""
        found = await self._sheet(import_id)
        if found is None:
            return False
        channel_id = await self._channel()
        now = self._clock.now()
        async with self._db.begin() as tx:
            row = await tx.first(select(ticket_imports).where(ticket_imports.c.id == import_id).with_for_update())
            if row is None or row.state != "running":
                return False
            batch = found.rows[row.position : row.position + _ROWS_AT_ONCE]
            counts = {"made": row.made, "known": row.known, "refused": row.refused}
            faults = list(row.faults)
            for each in batch:
                what = await self._take(tx, each, channel_id, row.created_by, faults, demo=row.demo)
                counts[what] += 1
            position = row.position + len(batch)
            over = position >= len(found.rows)
            await tx.execute(
                update(ticket_imports)
                .where(ticket_imports.c.id == import_id)
                .values(
                    position=position,
                    faults=faults[:_SHOWN_FAULTS],
                    claimed_until=None if over else now + _CLAIM,
                    **counts,
                    **({"state": "done", "done_at": now, "content": None} if over else {}),
                )
            )
        if over:
            self._sheets.pop(import_id, None)
        return not over

    async def _take(
        self, tx: Tx, row: Row, channel_id: str, by: str, faults: list[dict[str, Any]], *, demo: bool
    ) -> str:
        """One row: `made`, `known`, or `refused` with the reason. Nothing of a refused row stays."""
        try:
            async with tx.connection.begin_nested():
                made = await self._intake.take_row(
                    tx,
                    key=row.key,
                    told=row.told,
                    person=row.person,
                    channel_id=channel_id,
                    channel_kind=row.told.source,
                    category_id=row.category_id,
                    team_id=row.team_id,
                    priority=row.priority,
                    created_by=by,
                    demo=demo,
                )
        except DatabaseUnavailable:
            raise
        except FrontlineError as exc:
            log.info("imports.refused", row=row.number, code=exc.code)
            faults.append(_fault(Fault(row.number, "", "import.fault.refused")))
            return "refused"
        return "known" if made is None else "made"

    async def _sheet(self, import_id: str) -> Sheet | None:
        known = self._sheets.get(import_id)
        if known is not None:
            return known
        async with self._db.read() as tx:
            row = await tx.first(
                select(ticket_imports.c.content, ticket_imports.c.created_at).where(ticket_imports.c.id == import_id)
            )
        if row is None or row.content is None:
            return None
        # Judged by the moment at which it was looked at: rows must not move while they are counted.
        self._sheets[import_id] = await self._read(row.content, row.created_at)
        if len(self._sheets) > _KEPT_SHEETS:
            self._sheets.popitem(last=False)
        return self._sheets.get(import_id)

    async def _channel(self) -> str:
        async with self._db.read() as tx:
            found = await channels.all_of(tx, "web")
        if not found:
            raise NotFound("web channel")
        return found[0].id


def import_view(one: Import) -> dict[str, Any]:
    """An import as the desk shows it."""
    return {
        "id": one.id,
        "name": one.name,
        "encoding": one.encoding,
        "state": one.state,
        "total": one.total,
        "position": one.position,
        "made": one.made,
        "known": one.known,
        "refused": one.refused,
        "faults": one.faults,
        "created_by_name": one.created_by_name,
        "created_at": rfc3339(one.created_at),
        "done_at": rfc3339(one.done_at) if one.done_at else None,
    }


def _names(tree: Tree) -> dict[str, str]:
    """Category ids by everything they may be called: id, whole path, and own name where only one has it."""
    names: dict[str, str] = {}
    doubles: set[str] = set()

    def walk(nodes: list[dict[str, Any]]) -> None:
        for node in nodes:
            names[node["id"]] = names[tree.name(node["id"])] = node["id"]
            if names.setdefault(node["name"], node["id"]) != node["id"]:
                doubles.add(node["name"])
            walk(node["children"])

    walk(tree.as_tree())
    return {name: found for name, found in names.items() if name not in doubles}


def _fault(found: Fault) -> dict[str, Any]:
    return {
        "row": found.row,
        "column": found.column,
        "text_id": found.text_id,
        "value": mask_text(found.value),
        "is_error": found.is_error,
    }


def _shown(row: Row) -> Mapping[str, Any]:
    return {
        "row": row.number,
        "title": mask_text(row.told.title or row.told.text)[:80],
        "name": mask_text(row.person.name) if row.person.name else None,
        "phone_masked": mask_phone(row.person.phone),
        "email_masked": mask_email(row.person.email),
        "source": row.told.source,
        "category_id": row.category_id,
        "priority": row.priority,
        "received_at": rfc3339(row.told.received_at) if row.told.received_at else None,
    }


__all__ = ["Import", "Imports", "import_view"]
