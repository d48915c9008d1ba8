"""Find the customer whom a matter by hand is about. What is shown is enough to tell two people apart, never to call.

Names and contacts are sealed columns: where encryption with a key per customer is on, only tickets' numbers and
exact accounts lead to somebody.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Text, cast, or_, select

from bot.store import customers
from bot.store.customers import Customer
from bot.tables import customers as people
from bot.tables import identities
from core.clock import rfc3339
from core.db import Tx
from core.masking import mask_email, mask_external, mask_phone, mask_text
from tickets import store
from tickets.states import OPEN, State
from tickets.store import Ticket
from tickets.tables import tickets

MIN_ASKED = 2
_MIN_DIGITS = 4
_MOST = 8
_MOST_OPEN = 3
_DIGITS = re.compile(r"[\d\s()+-]+")
_OPEN_CODES = [each.value for each in OPEN]


async def search(tx: Tx, asked: str) -> list[Customer]:
    """Customers by a ticket's number, the end of a phone number, an account, an e-mail or a part of a name."""
    said = asked.strip()
    if len(said) < MIN_ASKED:
        return []
    owner = await tx.scalar(select(tickets.c.customer_id).where(tickets.c.serial == said.upper()))
    if owner is not None:
        return [await customers.get(tx, owner)]
    digits = re.sub(r"\D", "", said)
    conditions = []
    if _DIGITS.fullmatch(said) and len(digits) >= _MIN_DIGITS:
        conditions.append(cast(people.c.phone, Text).endswith(digits, autoescape=True))
    if not _DIGITS.fullmatch(said) or len(digits) >= _MIN_DIGITS:
        owners = select(identities.c.customer_id).where(identities.c.external_id.in_([said, f"user:{said}"]))
        conditions += [people.c.account == said, people.c.id.in_(owners)]
    if not _DIGITS.fullmatch(said):
        conditions.append(cast(people.c.name, Text).contains(said, autoescape=True))
    if "@" in said:
        conditions.append(people.c.email == said.lower())
    if not conditions:
        return []
    query = select(people.c.id).where(or_(*conditions)).order_by(people.c.created_at.desc()).limit(_MOST)
    return [await customers.get(tx, row.id) for row in await tx.all(query)]


async def by_contact(tx: Tx, phone: str | None, email: str | None) -> str | None:
    """The customer who left exactly this contact, the latest one when there are several."""
    conditions = []
    if phone:
        conditions.append(people.c.phone == phone)
    if email:
        conditions.append(people.c.email == email)
    if not conditions:
        return None
    found = await tx.scalar(select(people.c.id).where(or_(*conditions)).order_by(people.c.created_at.desc()).limit(1))
    return None if found is None else str(found)


async def open_matters(tx: Tx, customer_id: str) -> list[Ticket]:
    """What a person is at for this customer, the last touched first: a new matter may be one of these."""
    rows = await tx.all(
        select(tickets)
        .where(tickets.c.customer_id == customer_id, tickets.c.tier > 1)
        .where(tickets.c.state.in_([*_OPEN_CODES, State.RESOLVED.value]))
        .order_by(tickets.c.updated_at.desc())
        .limit(_MOST_OPEN)
    )
    return [store.value(row) for row in rows]


def view(customer: Customer, matters: list[Ticket], state_text: Any, unnamed: str) -> dict[str, Any]:
    """A customer as a list of found ones shows them."""
    return {
        "id": customer.id,
        "name": mask_text(customer.name) if customer.name else unnamed,
        "level": customer.level,
        "account_masked": mask_external(customer.account) if customer.account else None,
        "phone_masked": mask_phone(customer.phone),
        "email_masked": mask_email(customer.email),
        "since": rfc3339(customer.created_at),
        "open": [
            {
                "serial": each.serial,
                "title": mask_text(each.title),
                "state": each.state,
                "state_text": state_text(each.state),
                "updated_at": rfc3339(each.updated_at),
            }
            for each in matters
        ],
    }
