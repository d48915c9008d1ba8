"""What an empty installation starts with: calendars, teams, categories, the website channel, the first administrator.

Runs at every start and only adds what is missing; what somebody changed stays changed.
"""

from __future__ import annotations

import secrets
from typing import Any

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.store import channels
from bot.store.channels import Channel
from connectors.web.connector import DEFAULT_KEY
from connectors.web.connector import KIND as WEB
from core.db import Tx
from core.ids import new_id
from core.people.roles import Role
from core.people.store import delivered_calendars
from core.people.tables import staff
from gateway.auth.passwords import Passwords
from gateway.seed_demo import seed_demo
from gateway.services import Services
from tickets import categories

log = structlog.get_logger(__name__)

ADMIN = "admin"
# Two gateways that start together may both find a thing missing; the second try finds what the first one made.
_TRIES = 3


async def seed_defaults(services: Services) -> None:
    """Add what is missing. Safe to run in several gateways at once and at every start."""
    for attempt in range(_TRIES):
        try:
            async with services.db.begin() as tx:
                await _people(services, tx)
                await categories.seed(tx)
                await services.tickets.sla.seed(tx)
                await services.tickets.sorting.seed(tx)
                await services.tickets.playbooks.seed(tx)
                await web_channel(services, tx)
                await _agreement(services, tx)
            await _administrator(services)
            if services.settings.demo:
                await seed_demo(services)
            return
        except IntegrityError:
            if attempt == _TRIES - 1:
                raise
            log.info("seed.again")


async def _people(services: Services, tx: Tx) -> None:
    people = services.people
    known_calendars = {row.id for row in await people.calendars(tx)}
    for calendar in delivered_calendars(services.clock.now().year):
        if calendar.id not in known_calendars:
            await people.save_calendar(tx, calendar)
    known_teams = {team.id for team in await people.teams(tx)}
    for team in categories.DELIVERED_TEAMS:
        if team.id not in known_teams:
            await people.save_team(tx, team)


async def _agreement(services: Services, tx: Tx) -> None:
    """The delivered confidentiality agreement, until an administrator writes the house's own."""
    agreements = services.privacy.agreements
    if await agreements.current(tx) is None:
        await agreements.publish_in(tx, services.texts.get("agreement.delivered"), by="settings")


async def web_channel(services: Services, tx: Tx) -> Channel:
    """The website channel that `/widget.js` and the help centre use unless told otherwise."""
    known = next((each for each in await channels.all_of(tx, WEB) if each.key == DEFAULT_KEY), None)
    if known is not None:
        return known
    config: dict[str, Any] = {"identity_key": secrets.token_hex(32)}
    return await channels.create(
        tx,
        key=DEFAULT_KEY,
        kind=WEB,
        name=services.texts.get("seed.web.name"),
        now=services.clock.now(),
        config=config,
        profile={"greeting": services.texts.get("seed.web.greeting"), "hot": [], "privacy_url": None},
    )


async def _administrator(services: Services) -> None:
    """Give `admin` the password that the settings name; the account is made when there is none."""
    password = services.settings.admin_password
    if not password:
        return
    async with services.db.read() as tx:
        known = await tx.first(select(staff.c.id, staff.c.password_hash).where(staff.c.name == ADMIN))
    if known is not None and await Passwords().verify(known.password_hash, password):
        return
    hashed = await services.auth.hash(password)
    async with services.db.begin() as tx:
        if known is not None:
            await services.auth.set_password(tx, known.id, hashed, by="settings")
            # The operator chose it knowingly, so nobody is asked to change it.
            await tx.execute(update(staff).where(staff.c.id == known.id).values(must_change_password=False))
            return
        await add_account(
            services,
            tx,
            name=ADMIN,
            display_name=services.texts.get("role.admin"),
            hashed=hashed,
            roles=(Role.ADMIN,),
            demo=services.settings.demo,
        )


async def add_account(
    services: Services,
    tx: Tx,
    *,
    name: str,
    display_name: str,
    hashed: str,
    roles: tuple[Role, ...],
    demo: bool = False,
) -> str:
    """Write an account with a password that was hashed before; returns its id."""
    staff_id = new_id("stf")
    await tx.execute(
        insert(staff).values(
            id=staff_id,
            name=name,
            display_name=display_name,
            password_hash=hashed,
            roles=[role.value for role in roles],
            must_change_password=False,
            demo=demo,
            created_at=services.clock.now(),
        )
    )
    await services.audit.write(tx, "settings", "account.added", staff_id, roles=[role.value for role in roles])
    return staff_id
