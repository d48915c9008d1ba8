"""The people of a matter, made from its history: who did what, first and last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bot.ports import Texts
from core.clock import rfc3339
from tickets.store import Event

_HOUSE = ("bot", "system")
_NAMED_IN = ("assignee_id", "next_step_by", "executive_id")
_MOST_DEEDS = 4


def staff_in(events: Iterable[Event]) -> set[str]:
    """Staff ids that the history names, as actors or in what changed."""
    found: set[str] = set()
    for event in events:
        if event.actor not in (*_HOUSE, "customer"):
            found.add(event.actor)
        found |= {str(event.new[name]) for name in _NAMED_IN if event.new.get(name)}
    return found


def people(events: Iterable[Event], names: Mapping[str, str], texts: Texts) -> list[dict[str, Any]]:
    """The customer and everybody of the staff, in the order in which they came in. Machines are nobody."""
    found: dict[str, dict[str, Any]] = {}

    def meet(who: str, event: Event, name: str | None) -> dict[str, Any]:
        person = found.setdefault(
            who, {"id": who, "name": name or who, "first_at": rfc3339(event.at), "last_at": "", "did": []}
        )
        person["last_at"] = rfc3339(event.at)
        return person

    for event in events:
        if event.actor not in _HOUSE:
            customer = event.actor == "customer"
            name = texts.get("ticket.actor.customer") if customer else names.get(event.actor, event.actor_name)
            did = meet(event.actor, event, name)["did"]
            deed = texts.get(f"ticket.event.{event.kind}")
            if deed not in did and len(did) < _MOST_DEEDS:
                did.append(deed)
        for column in _NAMED_IN:
            who = event.new.get(column)
            if who and str(who) not in found:
                meet(str(who), event, names.get(str(who)))
    return list(found.values())
