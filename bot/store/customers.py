"""Customers and their identities: a person, and one account of theirs on one channel account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update

from bot.tables import customers, identities
from core.db import Tx
from core.errors import NotFound
from core.ids import ChannelId, CustomerId, IdentityId, new_id
from core.statements import Changes, Insertion, Shape, Statement


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
    left_at: datetime | None
    created_at: datetime


SHAPE = Shape(Customer, customers, convert={"tags": tuple})
_IDENTITY = Shape(Identity, identities)

_THIS = customers.c.id == bindparam("row_id")
_GET = Statement(select(*SHAPE.columns).where(_THIS))
_INSERT = Insertion(customers)
_CHANGE = Changes(customers, _THIS)
_GET_IDENTITY = Statement(select(*_IDENTITY.columns).where(identities.c.id == bindparam("id")))
_FIND_IDENTITY = Statement(
    select(*_IDENTITY.columns).where(
        identities.c.channel_id == bindparam("channel_id"), identities.c.external_id == bindparam("external_id")
    )
)
_IDENTITIES_OF = Statement(
    select(*_IDENTITY.columns)
    .where(identities.c.customer_id == bindparam("customer_id"))
    .order_by(identities.c.created_at)
)
_INSERT_IDENTITY = Insertion(identities)


async def get(tx: Tx, customer_id: str) -> Customer:
    """The customer. Raises NotFound."""
    row = await _GET.first(tx, row_id=customer_id)
    if row is None:
        raise NotFound("customer")
    return SHAPE.value(row)


async def find_identity(tx: Tx, channel_id: str, external_id: str) -> Identity | None:
    """The identity of that name on that channel account, or None."""
    row = await _FIND_IDENTITY.first(tx, channel_id=channel_id, external_id=external_id)
    return None if row is None else _IDENTITY.value(row)


async def identity(tx: Tx, identity_id: str) -> Identity:
    """The identity. Raises NotFound."""
    row = await _GET_IDENTITY.first(tx, id=identity_id)
    if row is None:
        raise NotFound("identity")
    return _IDENTITY.value(row)


async def identities_of(tx: Tx, customer_id: str) -> list[Identity]:
    """All accounts of a customer, oldest first."""
    return [_IDENTITY.value(row) for row in await _IDENTITIES_OF.all(tx, customer_id=customer_id)]


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
    await _INSERT.write(
        tx,
        id=customer_id,
        name=name,
        level=(level or "") if proven else "",
        account=external_id.removeprefix("user:") if proven else None,
        profile=dict(profile or {}),
        tags=[],
        demo=demo,
        created_at=now,
    )
    made = Identity(IdentityId(new_id("idn")), customer_id, ChannelId(channel_id), external_id, proven, None, now)
    await _INSERT_IDENTITY.write(
        tx,
        id=made.id,
        customer_id=customer_id,
        channel_id=channel_id,
        external_id=external_id,
        proven=proven,
        created_at=now,
    )
    return made


async def another(
    tx: Tx, customer_id: str, *, channel_id: str, external_id: str, now: datetime, proven: bool = False
) -> Identity:
    """Give a known customer one more identity. A known (channel, external id) raises IntegrityError."""
    made = Identity(
        IdentityId(new_id("idn")), CustomerId(customer_id), ChannelId(channel_id), external_id, proven, None, now
    )
    await _INSERT_IDENTITY.write(
        tx,
        id=made.id,
        customer_id=made.customer_id,
        channel_id=made.channel_id,
        external_id=external_id,
        proven=proven,
        created_at=now,
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
    await _CHANGE.write(tx, values, row_id=known.id)
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
    await _CHANGE.write(tx, values, row_id=customer_id)


async def set_tags(tx: Tx, customer_id: str, tags: list[dict[str, str]]) -> None:
    """Replace the tags: `[{tag, reason}]`."""
    await _CHANGE.write(tx, {"tags": tags}, row_id=customer_id)


async def set_left(tx: Tx, identity_id: str, at: datetime | None) -> None:
    """Note that they unfollowed the account, or (None) that they are back."""
    await tx.execute(update(identities).where(identities.c.id == identity_id).values(left_at=at))
