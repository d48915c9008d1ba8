"""A matter as somebody sees it who has no desk: a guest of one ticket, or the head of the house.

Everything is masked. A guest sees the matter, its facts and the talk; the head sees also how it went: the history
with its people, what the customer answered to surveys, and notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.ports import Texts
from bot.store import customers, messages
from bot.store.messages import Message
from bot.types import Author, Kind
from core.clock import rfc3339
from core.db import Tx
from core.masking import mask_text
from tickets import categories, fields, store, surveys
from tickets.store import Ticket

_WHO = {Author.CUSTOMER: "customer", Author.BOT: "bot", Author.AGENT: "agent", Author.SYSTEM: "system"}
# How we sort and count is no news for somebody who wants to understand what happened.
_NOT_TOLD = frozenset({"sorted", "asked_if_solved", "form_done", "guest_seen", "changed"})
# Values that the forms keep as codes.
_CODES = frozenset({"unknown", "wifi", "mobile", "wired", "4g", "5g", "yes", "no"})


async def matter(tx: Tx, ticket: Ticket, texts: Texts, *, whole: bool) -> dict[str, Any]:
    """The masked view; `whole` adds history, notes and surveys."""
    tree = await categories.load(tx)
    customer = await customers.get(tx, ticket.customer_id)
    said = await messages.of_ticket(tx, ticket.id)
    view: dict[str, Any] = {
        "serial": ticket.serial,
        "title": mask_text(ticket.title),
        "state": ticket.state,
        "state_text": texts.get(f"ticket.state.{ticket.state}"),
        "category": tree.name(ticket.category_id),
        "description": mask_text(ticket.description or ""),
        "customer": _short(customer.name, texts),
        "channel": texts.get(f"ticket.channel.{ticket.channel_kind}"),
        "created_at": rfc3339(ticket.first_received_at),
        "facts": [
            {"label": _label(key, texts), "value": _value(fields.masked(key, value), texts)}
            for key, value in ticket.fields.items()
            if value and fields.BY_KEY.get(key) and fields.BY_KEY[key].group != "person"
        ],
        "talk": list(_talk(said, texts, notes=whole)),
        "solution": mask_text(ticket.solution or "") or None,
    }
    if whole:
        view["history"] = await _history(tx, ticket, texts)
        view["surveys"] = [
            {
                "at": rfc3339(each.answered_at),
                "rating": texts.get(f"ticket.rating.{each.rating}") if each.rating else None,
                "solved": each.solved,
                "text": mask_text(each.text or "") or None,
            }
            for each in await surveys.of_ticket(tx, ticket.id)
            if each.answered_at is not None
        ]
    return view


def _talk(said: Iterable[Message], texts: Texts, *, notes: bool) -> Iterable[dict[str, Any]]:
    for each in said:
        note = each.kind is Kind.NOTE
        if (each.seq is None and not note) or (note and not notes):
            continue
        author = "note" if note else _WHO[each.author]
        name = each.staff_name or texts.get(f"loop.who.{author}")
        yield {"at": rfc3339(each.at), "author": author, "name": name, "text": mask_text(each.text)}


async def _history(tx: Tx, ticket: Ticket, texts: Texts) -> list[dict[str, Any]]:
    lines = []
    for event in await store.events_of(tx, ticket.id):
        if event.kind in _NOT_TOLD:
            continue
        known = event.actor in ("customer", "bot", "system")
        who = event.actor_name or (texts.get(f"ticket.actor.{event.actor}") if known else "")
        text = mask_text(event.text or "")
        lines.append(
            {"at": rfc3339(event.at), "who": who, "what": texts.get(f"ticket.event.{event.kind}"), "text": text}
        )
    return lines


def _label(key: str, texts: Texts) -> str:
    return texts.get(f"ticket.field.{key}")


def _value(value: str, texts: Texts) -> str:
    """What the forms keep as a code, in words."""
    return texts.get(f"ticket.value.{value}") if value in _CODES else value


def _short(name: str | None, texts: Texts) -> str:
    """A name with its first character only."""
    return f"{name[0]}**" if name else texts.get("loop.who.customer")


__all__ = ["matter"]
