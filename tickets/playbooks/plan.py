"""A playbook as a value: its steps, what must be known, and what is still missing before a matter may be resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from core.errors import Invalid
from tickets.store import Ticket

_DATA = Path(__file__).parents[1] / "data" / "playbooks.yaml"
KINDS = frozenset({"choice", "text", "date"})
# A step that begins the watch over a released fix.
RELEASED = "released"
RESULTS = frozenset({"solved", "unsolvable", "follow_up", "withdrawn"})
# What stands in a column of the ticket; everything else stands among its fields.
COLUMNS = frozenset({"cause", "cause_text", "merchant", "live_room", "promised_at"})
MAX_STEPS, MAX_FIELDS, MAX_TEMPLATE, MAX_WORDS, MAX_VALUE = 20, 20, 1_000, 200, 500


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. `wanted` before the matter is resolved, under `only` when fields have these values."""

    id: str
    title: str
    hint: str = ""
    template: str = ""
    marks: str = ""
    wanted: bool = False
    only: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to know before the matter is resolved with one of `results`."""

    key: str
    title: str
    kind: str = "text"
    results: tuple[str, ...] = ("solved",)
    options: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """How matters of some categories (or whole branches) are handled."""

    id: str
    name: str
    categories: tuple[str, ...]
    steps: tuple[Step, ...]
    fields: tuple[Field, ...]
    version: int = 1
    archived: bool = False

    def step(self, step_id: str) -> Step | None:
        """One step; None when there is none of that id."""
        return next((each for each in self.steps if each.id == step_id), None)

    def field(self, key: str) -> Field | None:
        """One field; None when there is none of that key."""
        return next((each for each in self.fields if each.key == key), None)


def delivered() -> tuple[Playbook, ...]:
    """The delivered playbooks."""
    found: list[dict[str, Any]] = yaml.safe_load(_DATA.read_text(encoding="utf-8"))
    return tuple(parse(each) for each in found)


def parse(data: Mapping[str, Any]) -> Playbook:
    """A playbook from plain values. Raises Invalid for what makes no sense."""
    steps = tuple(_step(each) for each in data["steps"])
    fields = tuple(_field(each) for each in data.get("fields", ()))
    if not 0 < len(steps) <= MAX_STEPS or len(fields) > MAX_FIELDS:
        raise Invalid("steps", text_id="error.playbook_steps")
    if len({each.id for each in steps}) < len(steps) or len({each.key for each in fields}) < len(fields):
        raise Invalid("an id stands twice", text_id="error.playbook_twice")
    name = str(data["name"]).strip()
    if not name or len(name) > 64:
        raise Invalid("name", text_id="error.playbook_name")
    return Playbook(
        id=str(data["id"]),
        name=name,
        categories=tuple(dict.fromkeys(data["categories"])),
        steps=steps,
        fields=fields,
        version=int(data.get("version", 1)),
        archived=bool(data.get("archived", False)),
    )


def _step(data: Mapping[str, Any]) -> Step:
    step = Step(
        id=str(data["id"]),
        title=str(data["title"]).strip(),
        hint=str(data.get("hint", "")).strip(),
        template=str(data.get("template", "")).strip(),
        marks=str(data.get("marks", "")),
        wanted=bool(data.get("wanted", False)),
        only={str(key): [str(each) for each in values] for key, values in (data.get("only") or {}).items()} or None,
    )
    if not step.id or not step.title or len(step.title) > MAX_WORDS or len(step.template) > MAX_TEMPLATE:
        raise Invalid("step", text_id="error.playbook_steps")
    return step


def _field(data: Mapping[str, Any]) -> Field:
    options = {str(key): str(value) for key, value in (data.get("options") or {}).items()}
    field = Field(
        key=str(data["key"]),
        title=str(data["title"]).strip(),
        kind=str(data.get("kind", "text")),
        results=tuple(data.get("results", ("solved",))),
        options=options or None,
    )
    wrong = field.kind not in KINDS or set(field.results) - RESULTS or (field.kind == "choice") != bool(options)
    if wrong or not field.key or len(field.key) > 40 or not field.title or len(field.title) > MAX_WORDS:
        raise Invalid("field", text_id="error.playbook_fields")
    return field


def to_data(playbook: Playbook) -> dict[str, Any]:
    """Plain values that `parse` takes."""
    return {
        "id": playbook.id,
        "name": playbook.name,
        "categories": list(playbook.categories),
        "steps": [step_data(each) for each in playbook.steps],
        "fields": [field_data(each) for each in playbook.fields],
        "version": playbook.version,
        "archived": playbook.archived,
    }


def step_data(step: Step) -> dict[str, Any]:
    """A step as plain values."""
    return {
        "id": step.id,
        "title": step.title,
        "hint": step.hint,
        "template": step.template,
        "marks": step.marks,
        "wanted": step.wanted,
        "only": {key: list(values) for key, values in step.only.items()} if step.only else None,
    }


def field_data(field: Field) -> dict[str, Any]:
    """A field as plain values."""
    return {
        "key": field.key,
        "title": field.title,
        "kind": field.kind,
        "results": list(field.results),
        "options": dict(field.options) if field.options else None,
    }


def choose(playbooks: Sequence[Playbook], category_id: str) -> Playbook | None:
    """The playbook of a category: its own before its branch's."""
    branch = category_id.partition("/")[0]
    live = [each for each in playbooks if not each.archived]
    for wanted in (category_id, branch):
        found = next((each for each in live if wanted in each.categories), None)
        if found is not None:
            return found
    return None


def value_of(ticket: Ticket, key: str) -> str:
    """What a ticket says under a field's key; empty when nothing."""
    found = getattr(ticket, key) if key in COLUMNS else ticket.fields.get(key)
    if isinstance(found, datetime):
        return found.isoformat()
    return "" if found is None else str(found).strip()


def applies(step: Step, ticket: Ticket) -> bool:
    """Whether the step concerns this ticket at all."""
    return all(value_of(ticket, key) in values for key, values in (step.only or {}).items())


def missing(playbook: Playbook, ticket: Ticket, done: Collection[str], result_kind: str) -> list[str]:
    """Titles of what has to be known or done before this result may be written, in the playbook's order."""
    if result_kind == "withdrawn":
        return []
    known = [
        each.title
        for each in playbook.fields
        if result_kind in each.results and not _is_given(each, value_of(ticket, each.key))
    ]
    if result_kind != "solved":
        return known
    steps = [each.title for each in playbook.steps if each.wanted and applies(each, ticket) and each.id not in done]
    return [*known, *steps]


def _is_given(field: Field, value: str) -> bool:
    return bool(value) and (field.options is None or value in field.options)


__all__ = [
    "COLUMNS",
    "RELEASED",
    "Field",
    "Playbook",
    "Step",
    "applies",
    "choose",
    "delivered",
    "missing",
    "parse",
    "to_data",
    "value_of",
]
