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
    "cause",
    "follow_up_team_id",
    "follow_up_at",
    "close_ground",
    "next_step_kind",
    "next_step_by",
    "next_step_at",
    "promised_at",
    "snoozed_until",
    "tags",
    "source",
    "review_wanted",
    "executive_id",
    "executive_due_at",
)
_CODES = frozenset(
    {"state", "tier", "priority", "escalated_to", "result_kind", "cause", "close_ground", "next_step_kind"}
)
_TIMES = frozenset({"next_step_at", "follow_up_at", "promised_at", "snoozed_until", "executive_due_at"})
_TEAMS = frozenset({"team_id", "follow_up_team_id"})
PEOPLE = ("assignee_id", "next_step_by", "executive_id")
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
        if value is None or value == []:
            return texts.get("ticket.value.none")
        if name in _CODES:
            return texts.get(f"ticket.{name}.{value}")
        if name in _TIMES:
            return local(datetime.fromisoformat(str(value)))
        if name in _TEAMS:
            return teams.get(str(value), str(value))
        if name in PEOPLE:
            return people.get(str(value), str(value))
        match name:
            case "category_id":
                return tree.name(str(value))
            case "tags":
                return "、".join(map(str, value))
            case "review_wanted":
                return texts.get("ticket.value.yes" if value else "ticket.value.no")
            case _:
                return str(value)

    def side(values: Mapping[str, Any]) -> str | None:
        said = [words(name, values[name]) for name in _SHOWN if name in values and name in shown]
        return " · ".join(said) or None

    def change(name: str) -> dict[str, Any]:
        return {
            "name": texts.get(f"ticket.column.{name}"),
            "old": words(name, event.old[name]) if event.old.get(name) not in (None, [], False) else None,
            "new": words(name, event.new[name]),
        }

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
        "changes": [] if event.kind == "opened" else [change(name) for name in shown if _is_news(event, name)],
    }


def _is_news(event: Event, name: str) -> bool:
    """Whether a value is worth a line: a step that somebody takes for themselves names nobody else."""
    return name != "next_step_by" or event.new[name] != event.actor
