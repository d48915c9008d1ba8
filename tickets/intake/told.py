"""What somebody told elsewhere than in a chat, as values; and the words in which places are named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import Invalid

# Where a matter may come from that was not written in a chat.
SOURCES = (
    "phone",
    "mail",
    "wechat_group",
    "qq_group",
    "social",
    "forum",
    "live_room",
    "in_person",
    "app",
    "page",
    "import",
    "other",
)
# Those that an agent writes down.
BY_HAND = tuple(each for each in SOURCES if each not in ("app", "page", "import"))
MAX_FILES = 9
MAX_SOURCE_TEXT = 8_000
MAX_URL = 2_000
_URL = re.compile(r"https?://[^\s<>\"']+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Person:
    """Who it is about. With a `customer_id` the rest is only added where it was unknown."""

    customer_id: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The matter itself. `fields` are those of `tickets.fields`; times are the customer's own."""

    text: str
    title: str = ""
    source: str = "other"
    source_url: str | None = None
    source_text: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    received_at: datetime | None = None


def phone_of(text: str | None) -> str | None:
    """A phone number without decoration, as it is kept."""
    digits = re.sub(r"[^\d+]", "", text or "")
    if digits.startswith("+86"):
        digits = digits[3:]
    return digits or None


def checked(told: Told, *, now: datetime) -> Told:
    """The same, or Invalid for what cannot be: an unknown source, no address, a time to come."""
    if told.source not in SOURCES:
        raise Invalid("source")
    url = (told.source_url or "").strip() or None
    if url is not None and (len(url) > MAX_URL or not _URL.fullmatch(url)):
        raise Invalid("source_url", text_id="error.source_url")
    if len(told.files) > MAX_FILES or len(set(told.files)) != len(told.files):
        raise Invalid("attachments", text_id="error.feedback_files")
    words = (told.source_text or "").replace("\x00", "").strip() or None
    if words is not None and len(words) > MAX_SOURCE_TEXT:
        raise Invalid("source_text", text_id="error.text_too_long")
    received = told.received_at
    if received is not None and (received.tzinfo is None or received > now):
        raise Invalid("received_at", text_id="error.time_to_come")
    return Told(
        text=told.text.replace("\x00", "").strip(),
        title=told.title.replace("\x00", "").strip(),
        source=told.source,
        source_url=url,
        source_text=words,
        fields={key: value.replace("\x00", "").strip() for key, value in told.fields.items() if value.strip()},
        files=told.files,
        received_at=received,
    )


def columns(told: Told) -> dict[str, Any]:
    """The columns that say where it came from."""
    return {"source": told.source, "source_url": told.source_url, "source_text": told.source_text}
