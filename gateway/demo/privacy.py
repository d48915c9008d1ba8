"""Least privilege in the demo: everybody has accepted the agreement, somebody opened a colleague's matter by a reason,
somebody looked at a number, and a few views are saved and shared."""

from __future__ import annotations

from sqlalchemy import select

from core.people.store import DEFAULT_TEAM
from core.people.tables import staff
from gateway.services import Services
from tickets.privacy.scope import Reader
from tickets.tables import tickets
from tickets.views import Views

_VIEWS = (
    # (whose, shared with, name, filters, order)
    ("agent1", "payment", "退款与扣费争议", {"view": "team", "category": "payment/refund"}, "due"),
    ("agent1", None, "微信来的播放问题", {"view": "open", "category": "technical/playback", "channel": "wechat"}, ""),
    ("supervisor1", "experts", "紧急未结", {"view": "open", "priority": "1"}, "oldest"),
)


async def seed_privacy(parts: Services) -> None:
    """Runs once, at the end of the history."""
    async with parts.db.read() as tx:
        people = {row.name: row.id for row in await tx.all(select(staff.c.name, staff.c.id).where(staff.c.demo))}
        teams = await parts.people.memberships(tx)
        other = await tx.first(
            select(tickets.c.serial).where(tickets.c.team_id == "merchant", tickets.c.tier > 1).limit(1)
        )
        own = await tx.first(
            select(tickets.c.serial).where(tickets.c.team_id == "payment", tickets.c.tier > 1).limit(1)
        )
    for staff_id in people.values():
        await parts.privacy.agreements.accept_for_demo(staff_id)
    views = Views(parts.db, parts.clock)
    for name, team_id, title, filters, sort in _VIEWS:
        owner = people[name]
        await views.save(
            owner, teams.get(owner, frozenset()), name=title, filters=filters, sort=sort, columns=(), team_id=team_id
        )
    agent = Reader(people["agent1"], (DEFAULT_TEAM, "technical", "payment"), common=True)
    if other is not None:
        await parts.privacy.openings.open(agent, other.serial, "用户同时反馈了支付和发货，需要核对订单")
    if own is not None:
        await parts.privacy.reveals.show(agent.staff_id, own.serial, what="title", key="", reason="核对用户原话后回电")
