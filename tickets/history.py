"""One line of a ticket's history in words for the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from bot.ports import Texts
from core.clock import rfc3339
from core.masking import mask_text
from tickets.categories import Tree
from tickets.store import Event

# In the order in which they are read; bookkeeping such as `reopened_count` needs no words.
_SHOWN = (
    "state",
    "tier",
    "priority",
    "category_id",
    "team_id",
    "assignee_id",
    "escalated_to",
    "result_kind",
    "close_ground",
    "next_step_by",
    "next_step_at",
)
_WHO = ("customer", "bot", "system")


def event_view(
    event: Event,
    texts: Texts,
    tree: Tree,
    teams: Mapping[str, str],
    people: Mapping[str, str],
    local: Callable[[datetime], str],
) -> dict[str, Any]:
    """The event as the desk shows it: who, what, from which value to which."""

    def words(name: str, value: Any) -> str:
        if value is None:
            return texts.get("ticket.value.none")
        match name:
            case "state" | "tier" | "priority" | "escalated_to" | "result_kind" | "close_ground":
                return texts.get(f"ticket.{name}.{value}")
            case "category_id":
                return tree.name(str(value))
            case "team_id":
                return teams.get(str(value), str(value))
            case "next_step_at":
                return local(datetime.fromisoformat(str(value)))
            case _:
                return people.get(str(value), str(value))

    def side(values: Mapping[str, Any]) -> str | None:
        said = [words(name, values[name]) for name in _SHOWN if name in values and name in shown]
        return " · ".join(said) or None

    # The first event tells all values; only what differs from "nothing" is worth reading there.
    shown = [name for name in _SHOWN if name in event.new and (event.kind != "opened" or event.new[name] is not None)]
    actor = event.actor_name or (texts.get(f"ticket.actor.{event.actor}") if event.actor in _WHO else event.actor)
    return {
        "number": event.number,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "actor_name": actor,
        "kind": event.kind,
        "kind_text": texts.get(f"ticket.event.{event.kind}"),
        "text": mask_text(event.text or ""),
        "old": side(event.old),
        "new": side(event.new),
    }
