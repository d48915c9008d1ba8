"""Figures of the demo: merchants and live rooms where matters have them, targets of its own, and all facts counted."""

from __future__ import annotations

import random

from sqlalchemy import or_, select, update

from gateway.demo.plan import SEED
from gateway.services import Services
from tickets.figures import targets
from tickets.tables import tickets

_MERCHANTS = ("云上百货", "清风数码", "晨光图书", "小满零食铺")
_ROOMS = ("直播间 1001 周末有好书", "直播间 1024 数码开箱", "直播间 1088 亲子手工")
# What the demo's supervisor asks of the team beside the delivered targets.
_TARGETS = {"csat": 0.90, "person_in_time": 0.90, "first_contact": 0.75, "sla": 0.95, "reopen": 0.05, "nps": 30.0}


async def seed_figures(parts: Services) -> None:
    """Fill what cuts need and count every fact, so that no table of the page is empty when it is first opened."""
    chance = random.Random(SEED + 7)  # noqa: S311 - invents a past, guards nothing
    async with parts.db.begin() as tx:
        for column, category, names in (
            (tickets.c.merchant, "commerce", _MERCHANTS),
            (tickets.c.live_room, "technical/live", _ROOMS),
        ):
            rows = await tx.all(
                select(tickets.c.id)
                .where(
                    tickets.c.demo.is_(True),
                    column.is_(None),
                    or_(tickets.c.category_id == category, tickets.c.category_id.startswith(f"{category}/")),
                )
                .order_by(tickets.c.serial)
            )
            for row in rows:
                await tx.execute(update(tickets).where(tickets.c.id == row.id).values({column: chance.choice(names)}))
        for figure, value in _TARGETS.items():
            await targets.put(tx, figure, value, by="demo", now=parts.clock.now())
    await parts.figures.catch_up()
