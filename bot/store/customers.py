"""Customers and their identities: a person, and one account of theirs on one channel account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from bot.tables import customers, identities
from core.db import Tx
from core.errors import NotFound
from core.ids import ChannelId, CustomerId, IdentityId, new_id


@dataclass(frozen=True, slots=True)
class Customer:
    """A person. `level` and `account` are set only on proof."""

    id: CustomerId
    name: str | None
    level: str
    account: str | None
    phone: str | None
    email: str | None
    contact_consent_at: datetime | None
    profile: Mapping[str, str]
    tags: tuple[Mapping[str, str], ...]
    demo: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """One account of a customer on one channel account."""

    id: IdentityId
    customer_id: CustomerId
    channel_id: ChannelId
    external_id: str
    proven: bool
    created_at: datetime


async def get(tx: Tx, customer_id: str) -> Customer:
    """The customer. Raises NotFound."""
    row = await tx.first(select(customers).where(customers.c.id == customer_id))
    if row is None:
        raise NotFound("customer")
    return _customer(row)


async def find_identity(tx: Tx, channel_id: str, external_id: str) -> Identity | None:
    """The identity of that name on that channel account, or None."""
    row = await tx.first(
        select(identities).where(identities.c.channel_id == channel_id, identities.c.external_id == external_id)
    )
    return None if row is None else Identity(**row._mapping)


async def identity(tx: Tx, identity_id: str) -> Identity:
    """The identity. Raises NotFound."""
    row = await tx.first(select(identities).where(identities.c.id == identity_id))
    if row is None:
        raise NotFound("identity")
    return Identity(**row._mapping)


async def identities_of(tx: Tx, customer_id: str) -> list[Identity]:
    """All accounts of a customer, oldest first."""
    query = select(identities).where(identities.c.customer_id == customer_id).order_by(identities.c.created_at)
    return [Identity(**row._mapping) for row in await tx.all(query)]


async def create(
    tx: Tx,
    *,
    channel_id: str,
    external_id: str,
    now: datetime,
    proven: bool = False,
    name: str | None = None,
    level: str | None = None,
    profile: Mapping[str, str] | None = None,
    demo: bool = False,
) -> Identity:
    """Make a customer with a first identity. A known (channel, external id) raises IntegrityError: read again."""
    customer_id = CustomerId(new_id("cus"))
    await tx.execute(
        insert(customers).values(
            id=customer_id,
            name=name,
            level=(level or "") if proven else "",
            account=external_id.removeprefix("user:") if proven else None,
            profile=dict(profile or {}),
            tags=[],
            demo=demo,
            created_at=now,
        )
    )
    made = Identity(IdentityId(new_id("idn")), customer_id, ChannelId(channel_id), external_id, proven, now)
    await tx.execute(
        insert(identities).values(
            id=made.id,
            customer_id=customer_id,
            channel_id=channel_id,
            external_id=external_id,
            proven=proven,
            created_at=now,
        )
    )
    return made


async def learn(
    tx: Tx,
    known: Customer,
    *,
    name: str | None = None,
    level: str | None = None,
    profile: Mapping[str, str] | None = None,
) -> Customer:
    """Add what was learnt about a customer; empty values never overwrite known ones. No change costs no write."""
    values: dict[str, Any] = {}
    if name and name != known.name:
        values["name"] = name
    if level and level != known.level:
        values["level"] = level
    news = {key: value for key, value in (profile or {}).items() if value and known.profile.get(key) != value}
    if news:
        values["profile"] = {**known.profile, **news}
    if not values:
        return known
    await tx.execute(update(customers).where(customers.c.id == known.id).values(**values))
    return await get(tx, known.id)


async def leave_contact(
    tx: Tx, customer_id: str, *, phone: str | None, email: str | None, consent_at: datetime
) -> None:
    """Write down how to reach a customer who agreed to it; what is not given stays as it is."""
    values: dict[str, Any] = {"contact_consent_at": consent_at}
    if phone:
        values["phone"] = phone
    if email:
        values["email"] = email
    await tx.execute(update(customers).where(customers.c.id == customer_id).values(**values))


async def set_tags(tx: Tx, customer_id: str, tags: list[dict[str, str]]) -> None:
    """Replace the tags: `[{tag, reason}]`."""
    await tx.execute(update(customers).where(customers.c.id == customer_id).values(tags=tags))


def _customer(row: Row[Any]) -> Customer:
    return of_values(dict(row._mapping))


def of_values(values: dict[str, Any]) -> Customer:
    """A customer from the columns."""
    values["tags"] = tuple(values["tags"])
    return Customer(**values)
