"""Promises in the demo: the past's clocks counted at once, what broke told in its history, robots that hear of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from core.db import Tx
from core.ids import new_id
from core.robots.robots import Robot
from core.robots.tables import robot_messages, robots
from core.robots.wire import RobotKind
from core.tables import jobs
from gateway.demo.stage import Stage
from gateway.services import Services
from tickets.sla.keeper import JOB_BREACH, JOB_CHAIN, JOB_WARN
from tickets.sla.tables import sla_clocks
from tickets.tables import tickets

ROBOT_KEY = "demo-robot"
_TIMERS = (JOB_WARN, JOB_BREACH, JOB_CHAIN)
_MOST_TOLD = 12
_ROBOTS = (
    (RobotKind.WECOM, "客服值班群", ("warning", "breach", "alarm"), ()),
    (RobotKind.DINGTALK, "技术支持值班", ("breach",), ("technical",)),
    (RobotKind.FEISHU, "主管群", ("breach", "alarm"), ()),
)


async def seed_sla(parts: Services, stage: Stage, now: datetime) -> None:
    """Count every clock of the past, and let what is still broken have been told at its time."""
    sla = stage.tickets.sla
    sla.asleep = False
    async with stage.db.batch() as tx:
        stage.clock.set(now)
        await sla.catch_up()
        first = await tx.scalar(select(jobs.c.due_at).where(jobs.c.kind.in_(_TIMERS)).order_by(jobs.c.due_at).limit(1))
        if first is not None and first < now:
            stage.clock.set(first)
            await stage.timers(now)
        stage.clock.set(now)
        await sla.recount()
        await stage.mark()
    await _robots(parts, now)


async def _robots(parts: Services, now: datetime) -> None:
    """Robots in three groups, played by this gateway itself, and what the first of them heard lately."""
    async with parts.db.begin() as tx:
        if await tx.first(select(robots.c.id).where(robots.c.demo.is_(True)).limit(1)):
            return
        made: list[Robot] = []
        for kind, name, topics, team_ids in _ROBOTS:
            secret = None if kind is RobotKind.WECOM else parts.secrets.key(f"demo:robot:{kind}").hex()
            robot = Robot(new_id("rbt"), name, kind, address(parts, kind), secret, topics, team_ids, demo=True)
            await parts.tickets.sla.robots.save(tx, robot)
            made.append(robot)
        broken = await tx.all(
            select(sla_clocks.c.kind, sla_clocks.c.due_at, tickets.c.serial)
            .join(tickets, tickets.c.id == sla_clocks.c.ticket_id)
            .where(sla_clocks.c.noted_at.is_not(None), sla_clocks.c.due_at < now, tickets.c.demo.is_(True))
            .order_by(sla_clocks.c.due_at.desc())
            .limit(_MOST_TOLD)
        )
        for row in broken:
            at = row.due_at + timedelta(seconds=2)
            clock = parts.texts.get(f"sla.clock.{row.kind}")
            await tx.execute(
                insert(robot_messages).values(
                    id=new_id("rbm"),
                    robot_id=made[0].id,
                    topic="breach",
                    title=parts.texts.get("sla.robot.breach", clocks=clock),
                    lines=[parts.texts.get("sla.robot.serial", serial=row.serial)],
                    state="sent",
                    attempts=1,
                    created_at=at,
                    sent_at=at,
                )
            )


async def refresh_robots(parts: Services, tx: Tx) -> None:
    """The demo's robots live at this gateway's port, which may be another one than last time."""
    for robot in await parts.tickets.sla.robots.all_of(tx):
        if robot.demo:
            await parts.tickets.sla.robots.save(tx, replace(robot, url=address(parts, robot.kind)))


def address(parts: Services, kind: RobotKind) -> str:
    """Where the demo's own gateway plays a group of this platform."""
    return f"http://127.0.0.1:{parts.settings.port}/demo/platform/robots/{kind}?key={ROBOT_KEY}"
