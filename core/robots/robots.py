"""The robots themselves: whom to tell, and the loop that tells them.

    pending ──▶ sent
       │  ▲
       │  └── a later try, after a growing wait
       └────▶ failed      the platform says that it never will, or too many tries

`tell` writes rows in the caller's transaction and waits for nobody. A message whose sender vanished in the middle of
the call is sent once more after the lease: a group that reads a warning twice is better off than one that never does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from sqlalchemy import Row, delete, insert, select, update

from core.clock import Clock, SystemClock, rfc3339
from core.db import Database, Tx
from core.errors import DatabaseUnavailable, Invalid, NotFound
from core.ids import new_id
from core.robots.tables import robot_messages, robots
from core.robots.wire import RobotKind, call, refusal

log = structlog.get_logger(__name__)

TOPICS = ("warning", "breach", "alarm")
TEST = "test"
# After a failure; platforms allow about twenty messages a minute and shut a noisy robot out for ten minutes.
WAITS_S = (15.0, 60.0, 240.0, 720.0, 1800.0, 3600.0, 3600.0)
_CALL_LIMIT_S = 8.0
_LEASE_S = 30.0
_POLL_S = 1.0
_BATCH = 20
_MOST_ANSWER_BYTES = 8_192
_LOG_LINES = 50


@dataclass(frozen=True, slots=True)
class Robot:
    """One robot in one group. `topics` and `team_ids` say what it is told; no teams means all."""

    id: str
    name: str
    kind: RobotKind
    url: str
    secret: str | None
    topics: tuple[str, ...]
    team_ids: tuple[str, ...]
    enabled: bool = True
    demo: bool = False


@dataclass(frozen=True, slots=True)
class _Due:
    id: str
    attempts: int
    title: str
    lines: tuple[str, ...]
    url: str | None
    robot: Robot


class Robots:
    """Store and sender. Several gateways may run the loop; each message is claimed by one."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def all_of(self, tx: Tx) -> list[Robot]:
        """Every robot, by age."""
        return [_robot(row) for row in await tx.all(select(robots).order_by(robots.c.created_at, robots.c.id))]

    async def get(self, tx: Tx, robot_id: str) -> Robot:
        """One robot. Raises NotFound."""
        row = await tx.first(select(robots).where(robots.c.id == robot_id))
        if row is None:
            raise NotFound("robot")
        return _robot(row)

    async def save(self, tx: Tx, robot: Robot) -> None:
        """Write a robot, new or known."""
        values = {
            "name": robot.name,
            "kind": robot.kind.value,
            "url": robot.url,
            "secret": robot.secret,
            "topics": list(robot.topics),
            "team_ids": list(robot.team_ids),
            "enabled": robot.enabled,
            "demo": robot.demo,
        }
        if not await tx.count(update(robots).where(robots.c.id == robot.id).values(**values)):
            await tx.execute(insert(robots).values(id=robot.id, created_at=self._clock.now(), **values))

    async def remove(self, tx: Tx, robot_id: str) -> None:
        """Remove a robot with its log. Raises NotFound."""
        if not await tx.count(delete(robots).where(robots.c.id == robot_id)):
            raise NotFound("robot")

    async def tell(
        self,
        tx: Tx,
        topic: str,
        *,
        title: str,
        lines: Sequence[str],
        url: str | None = None,
        team_id: str | None = None,
    ) -> int:
        """Leave a message for every robot of this topic and team; returns for how many.

        `lines` hold facts of our own, such as a serial number: never customers' words, names or contacts.
        """
        told = 0
        for robot in await self.all_of(tx):
            fits_team = not robot.team_ids or team_id is None or team_id in robot.team_ids
            if robot.enabled and topic in robot.topics and fits_team:
                await self._leave(tx, robot, topic, title, lines, url)
                told += 1
        return told

    async def _leave(self, tx: Tx, robot: Robot, topic: str, title: str, lines: Sequence[str], url: str | None) -> str:
        message_id, now = new_id("rbm"), self._clock.now()
        await tx.execute(
            insert(robot_messages).values(
                id=message_id,
                robot_id=robot.id,
                topic=topic,
                title=title,
                lines=list(lines),
                url=url,
                state="pending",
                attempts=0,
                due_at=now,
                created_at=now,
            )
        )
        return message_id

    async def journal(self, tx: Tx, robot_id: str) -> list[dict[str, Any]]:
        """What a robot was told lately, newest first."""
        query = select(robot_messages).where(robot_messages.c.robot_id == robot_id)
        rows = await tx.all(query.order_by(robot_messages.c.created_at.desc()).limit(_LOG_LINES))
        return [
            {
                "id": row.id,
                "topic": row.topic,
                "title": row.title,
                "lines": row.lines,
                "state": row.state,
                "attempts": row.attempts,
                "error": row.error,
                "created_at": rfc3339(row.created_at),
                "sent_at": rfc3339(row.sent_at) if row.sent_at else None,
                "next_at": rfc3339(row.due_at) if row.due_at else None,
            }
            for row in rows
        ]

    async def try_now(self, session: aiohttp.ClientSession, robot_id: str, *, title: str, lines: Sequence[str]) -> Any:
        """Send a test message at once and return its line of the journal; it is not tried again."""
        async with self._db.begin() as tx:
            robot = await self.get(tx, robot_id)
            message_id = await self._leave(tx, robot, TEST, title, lines, None)
            await tx.execute(update(robot_messages).where(robot_messages.c.id == message_id).values(due_at=None))
        due = _Due(message_id, len(WAITS_S), title, tuple(lines), None, robot)
        await self._deliver(session, due)
        async with self._db.read() as tx:
            return next(line for line in await self.journal(tx, robot_id) if line["id"] == message_id)

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Deliver for ever. Ends only by cancellation."""
        while True:
            sent = 0
            try:
                sent = await self.run_due(session)
            except DatabaseUnavailable:
                log.warning("robots.database_unavailable")
            except Exception:
                log.exception("robots.failed")
            await asyncio.sleep(0 if sent == _BATCH else _POLL_S)

    def loop(self, session: aiohttp.ClientSession) -> Callable[[], Any]:
        """`run` for whoever starts loops."""
        return lambda: self.run(session)

    async def run_due(self, session: aiohttp.ClientSession) -> int:
        """Deliver what is due now; returns how many were tried."""
        claimed = await self._claim()
        await asyncio.gather(*(self._deliver(session, each) for each in claimed))
        return len(claimed)

    async def _claim(self) -> list[_Due]:
        now = self._clock.now()
        wanted = (robot_messages.c.state == "pending", robot_messages.c.due_at <= now)
        async with self._db.read() as tx:
            rows = await tx.all(select(robot_messages).where(*wanted).order_by(robot_messages.c.due_at).limit(_BATCH))
        if not rows:
            return []
        claimed: list[_Due] = []
        async with self._db.begin() as tx:
            known = {robot.id: robot for robot in await self.all_of(tx)}
            for row in rows:
                # Moving the due time is the claim: who finds it moved already gets zero rows.
                lease = now + timedelta(seconds=_LEASE_S)
                mine = update(robot_messages).where(
                    robot_messages.c.id == row.id, robot_messages.c.due_at == row.due_at
                )
                if row.robot_id in known and await tx.count(mine.values(due_at=lease, attempts=row.attempts + 1)):
                    robot = known[row.robot_id]
                    claimed.append(_Due(row.id, row.attempts + 1, row.title, tuple(row.lines), row.url, robot))
        return claimed

    async def _deliver(self, session: aiohttp.ClientSession, due: _Due) -> None:
        error, again = await self._send(session, due)
        now = self._clock.now()
        values: dict[str, Any] = {"state": "sent", "sent_at": now, "due_at": None, "error": None}
        if error is not None:
            last = not again or due.attempts >= len(WAITS_S)
            next_at = None if last else now + timedelta(seconds=WAITS_S[due.attempts - 1])
            values = {"state": "failed" if last else "pending", "due_at": next_at, "error": error[:200]}
            log.warning("robots.not_told", robot_id=due.robot.id, message_id=due.id, error=error, last=last)
        async with self._db.begin() as tx:
            await tx.execute(update(robot_messages).where(robot_messages.c.id == due.id).values(**values))

    async def _send(self, session: aiohttp.ClientSession, due: _Due) -> tuple[str | None, bool]:
        robot = due.robot
        # Platforms refuse stamps that are an hour old, so the machine's time is signed, not the moved one.
        request = call(
            robot.kind, robot.url, robot.secret, title=due.title, lines=due.lines, link=due.url, now=_wall_clock()
        )
        try:
            async with asyncio.timeout(_CALL_LIMIT_S):
                async with session.post(request.url, json=request.body, allow_redirects=False) as response:
                    raw = await response.content.read(_MOST_ANSWER_BYTES)
                    status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            return type(exc).__name__, not isinstance(exc, aiohttp.InvalidURL | ValueError)
        try:
            answer = json.loads(raw)
        except ValueError:
            answer = None
        refused = refusal(robot.kind, status, answer)
        return refused if refused is not None else (None, False)


def checked(robot: Robot) -> Robot:
    """The robot, cleaned. Raises Invalid for an address that no platform has, or a robot that is told nothing."""
    url, name = robot.url.strip(), robot.name.strip()
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    local = host.partition(":")[0] in ("127.0.0.1", "localhost")
    if not name:
        raise Invalid("name is empty", text_id="error.text_empty")
    if not host or "@" in host or any(each.isspace() for each in url) or not (scheme == "https" or local):
        raise Invalid("url", text_id="error.robot_url")
    if not robot.topics or not set(robot.topics) <= set(TOPICS):
        raise Invalid("topics", text_id="error.robot_topics")
    return replace(robot, name=name, url=url, secret=(robot.secret or "").strip() or None)


def _robot(row: Row[Any]) -> Robot:
    return Robot(
        id=row.id,
        name=row.name,
        kind=RobotKind(row.kind),
        url=row.url,
        secret=row.secret,
        topics=tuple(row.topics),
        team_ids=tuple(row.team_ids),
        enabled=row.enabled,
        demo=row.demo,
    )


def _wall_clock() -> datetime:
    return SystemClock().now()


__all__ = ["TEST", "TOPICS", "WAITS_S", "Robot", "Robots", "checked"]
