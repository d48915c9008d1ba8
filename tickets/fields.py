"""What a ticket holds beside its columns: the known fields, each once, and those that an admin adds.

Labels stand in the catalogue (`ticket.field.<key>`), those of an admin's fields in SQL. A field says how it is masked
in everything that staff see; who may see more asks for it by name, with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, insert, select, update

from bot.ports import Texts
from core.db import Tx
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.masking import mask_external, mask_phone, mask_text
from tickets.tables import custom_fields

MAX_VALUE = 500
_MOST_FIELDS = 100
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?")


class Mask(StrEnum):
    """How a value is shown."""

    TEXT = "text"  # as free text: phones, cards and addresses in it are masked
    ACCOUNT = "account"
    PHONE = "phone"


class FieldKind(StrEnum):
    """What may be written into a field."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Known:
    """A field that the house knows. `group` is where it stands on the page."""

    key: str
    group: str
    kind: FieldKind = FieldKind.TEXT
    mask: Mask = Mask.TEXT


KNOWN: tuple[Known, ...] = (
    Known("account", "person", mask=Mask.ACCOUNT),
    Known("phone", "person", mask=Mask.PHONE),
    Known("device_model", "technical"),
    Known("system_version", "technical"),
    Known("app_version", "technical"),
    Known("network_kind", "technical"),
    Known("network_provider", "technical"),
    Known("city", "technical"),
    Known("speed", "technical"),
    Known("since", "technical"),
    Known("page_url", "technical", FieldKind.LINK),
    Known("live_room", "live"),
    Known("stream_time", "live"),
    Known("host", "live"),
    Known("reporter", "live"),
    Known("quoted", "live"),
    Known("goods_url", "trade", FieldKind.LINK),
    Known("order_number", "trade"),
    Known("merchant", "trade"),
)
BY_KEY: Mapping[str, Known] = {each.key: each for each in KNOWN}
# What a browser or app tells about itself and a technical matter needs.
TECHNICAL = tuple(each.key for each in KNOWN if each.group == "technical" and each.key != "since")
# Values that figures count by stand in columns of their own too.
_COLUMNS = ("live_room", "merchant")
_COLUMN_LENGTH = 80


def columns_of(values: Mapping[str, Any]) -> dict[str, str | None]:
    """The columns that go with these fields."""
    return {
        key: (str(values[key]).strip()[:_COLUMN_LENGTH] or None) if values.get(key) else None
        for key in _COLUMNS
        if key in values
    }


def masked(key: str, value: object) -> str:
    """The value as staff see it without asking for more."""
    text = str(value)
    match BY_KEY[key].mask if key in BY_KEY else Mask.TEXT:
        case Mask.ACCOUNT:
            return mask_external(text)
        case Mask.PHONE:
            return mask_phone(text) or ""
        case Mask.TEXT:
            return mask_text(text)


@dataclass(frozen=True, slots=True)
class Custom:
    """A field that an admin added."""

    id: str
    name: str
    kind: FieldKind
    choices: tuple[str, ...]
    categories: tuple[str, ...]
    required: bool
    shown: bool
    position: int
    disabled: bool

    def applies_to(self, category_id: str) -> bool:
        """Whether tickets of this category have it; a category brings its children."""
        return not self.categories or any(
            category_id == each or category_id.startswith(f"{each}/") for each in self.categories
        )

    def clean(self, value: str) -> str:
        """The value as it is kept. Raises Invalid when it does not fit the kind."""
        text = value.strip()
        fits = True
        match self.kind:
            case FieldKind.NUMBER:
                fits = _NUMBER.fullmatch(text) is not None
            case FieldKind.CHOICE:
                fits = text in self.choices
            case FieldKind.DATE:
                fits = _is_date(text)
            case FieldKind.TEXT | FieldKind.LINK:
                fits = len(text) <= MAX_VALUE
        if text and not fits:
            raise Invalid("field", text_id=f"error.field_{self.kind.value}", name=self.name)
        return text

    def view(self) -> dict[str, Any]:
        """What the desk needs to show and to change it."""
        return {
            "key": self.id,
            "label": self.name,
            "kind": self.kind.value,
            "mask": Mask.TEXT.value,
            "group": "custom",
            "custom": True,
            "choices": list(self.choices),
            "categories": list(self.categories),
            "required": self.required,
            "shown": self.shown,
            "position": self.position,
            "disabled": self.disabled,
        }


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def known_views(texts: Texts) -> list[dict[str, Any]]:
    """The known fields for the desk, in the order in which they are shown."""
    return [
        {
            "key": each.key,
            "label": texts.get(f"ticket.field.{each.key}"),
            "kind": each.kind.value,
            "mask": each.mask.value,
            "group": each.group,
            "custom": False,
            "choices": [],
            "categories": [],
            "required": False,
            "shown": False,
            "position": at,
            "disabled": False,
        }
        for at, each in enumerate(KNOWN)
    ]


async def custom_of(tx: Tx, *, all_of_them: bool = False) -> list[Custom]:
    """An admin's fields in their order; those that were put away only with `all_of_them`."""
    query = select(custom_fields).order_by(custom_fields.c.position, custom_fields.c.created_at)
    if not all_of_them:
        query = query.where(custom_fields.c.disabled_at.is_(None))
    return [_value(row) for row in await tx.all(query)]


async def add(
    tx: Tx,
    *,
    name: str,
    kind: str,
    choices: Iterable[str],
    categories: Iterable[str],
    required: bool,
    shown: bool,
    by: str,
    now: datetime,
) -> Custom:
    """Add a field at the end. Raises Invalid."""
    count = await tx.scalar(select(func.count()).select_from(custom_fields))
    if int(count or 0) >= _MOST_FIELDS:
        raise Invalid("too many fields", text_id="error.too_many_fields")
    field_id = new_id("cf").lower()
    values = _checked(name=name, kind=kind, choices=choices, categories=categories)
    await tx.execute(
        insert(custom_fields).values(
            id=field_id,
            **values,
            required=required,
            shown=shown,
            position=int(count or 0),
            created_by=by,
            created_at=now,
        )
    )
    return await one(tx, field_id)


async def one(tx: Tx, field_id: str) -> Custom:
    """One field. Raises NotFound."""
    row = await tx.first(select(custom_fields).where(custom_fields.c.id == field_id))
    if row is None:
        raise NotFound("field")
    return _value(row)


async def change(tx: Tx, field_id: str, *, now: datetime, **values: Any) -> Custom:
    """Change a field; its kind stays, since values of it stand in tickets. `disabled` puts it away or back."""
    known = await one(tx, field_id)
    columns: dict[str, Any] = {name: values[name] for name in ("required", "shown", "position") if name in values}
    columns |= _checked(
        name=values.get("name", known.name),
        kind=known.kind.value,
        choices=values.get("choices", known.choices),
        categories=values.get("categories", known.categories),
    )
    if "disabled" in values:
        columns["disabled_at"] = now if values["disabled"] else None
    await tx.execute(update(custom_fields).where(custom_fields.c.id == field_id).values(**columns))
    return await one(tx, field_id)


def _checked(*, name: str, kind: str, choices: Iterable[str], categories: Iterable[str]) -> dict[str, Any]:
    clean_name = name.strip()
    if not clean_name or len(clean_name) > 40:
        raise Invalid("name", text_id="error.field_name")
    if kind not in (FieldKind.TEXT, FieldKind.NUMBER, FieldKind.CHOICE, FieldKind.DATE):
        raise Invalid("kind")
    words = list(dict.fromkeys(each.strip() for each in choices if each.strip()))
    if kind == FieldKind.CHOICE and len(words) < 2:
        raise Invalid("choices", text_id="error.field_choices")
    return {"name": clean_name, "kind": kind, "choices": words, "categories": list(dict.fromkeys(categories))}


async def checked(tx: Tx, category_id: str, values: Mapping[str, str]) -> dict[str, str]:
    """Values as they are kept; an empty one takes the field away. Raises Invalid for what does not fit."""
    custom = {each.id: each for each in await custom_of(tx)} if any(key.startswith("cf") for key in values) else {}
    kept: dict[str, str] = {}
    for key, value in values.items():
        if not _KEY.fullmatch(key) or len(str(value)) > MAX_VALUE:
            raise Invalid("fields")
        own = custom.get(key)
        if own is not None and not own.applies_to(category_id):
            raise Invalid("field of another category")
        kept[key] = own.clean(value) if own else value.strip()
    return kept


def missing(custom: Iterable[Custom], category_id: str, values: Mapping[str, Any]) -> list[str]:
    """Names of fields that must be filled before a result is written and are not."""
    return [
        each.name
        for each in custom
        if each.required and each.applies_to(category_id) and not str(values.get(each.id) or "").strip()
    ]


def told(custom: Iterable[Custom], category_id: str, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """An admin's fields that the customer may see, with their values."""
    return [
        {"label": each.name, "value": str(values[each.id])}
        for each in custom
        if each.shown and each.applies_to(category_id) and values.get(each.id)
    ]


def _value(row: Any) -> Custom:
    return Custom(
        id=row.id,
        name=row.name,
        kind=FieldKind(row.kind),
        choices=tuple(row.choices),
        categories=tuple(row.categories),
        required=row.required,
        shown=row.shown,
        position=row.position,
        disabled=row.disabled_at is not None,
    )


__all__ = [
    "BY_KEY",
    "KNOWN",
    "MAX_VALUE",
    "TECHNICAL",
    "Custom",
    "FieldKind",
    "Mask",
    "add",
    "change",
    "checked",
    "columns_of",
    "custom_of",
    "known_views",
    "masked",
    "missing",
    "one",
    "told",
]
