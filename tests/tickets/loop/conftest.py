"""`world` with hooks named, a head of the house, and who is let in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert

from bot.types import Speaker
from core.db import Database
from core.ids import StaffId
from core.people.tables import staff
from tests.tickets.world import START, World, build

YU = Speaker(StaffId("stf_yu"), "郁清川")
HOOKS = {
    "mail_hook_url": "http://127.0.0.1:9/mail",
    "sms_hook_url": "http://127.0.0.1:9/sms",
    "hook_secret": "s3cret",
    "executive_email": "head@xingyu.example",
}


async def add_head(world: World) -> None:
    """Name the head of the house."""
    async with world.db.begin() as tx:
        await tx.execute(
            insert(staff).values(
                id=YU.staff_id, name="head", display_name=YU.name, roles=["executive"], created_at=START
            )
        )


@pytest.fixture
async def world(db: Database) -> World:
    made = await build(db)
    await add_head(made)
    return made


@pytest.fixture
async def hooked(db: Database) -> World:
    """The same, with hooks for mail and short messages."""
    made = await build(db)
    await add_head(made)
    with_hooks = replace(made.tickets._settings, **HOOKS)  # type: ignore[arg-type]  # names of settings with strings
    made.tickets._settings = with_hooks
    kit = replace(made.tickets.kit, settings=with_hooks)
    made.tickets.kit = kit
    for part in made.tickets._parts:
        part.kit = kit
    return made
