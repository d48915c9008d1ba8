"""The seam: what a platform's connector is, as data and four verbs.

A connector turns a signed wire message into `Incoming`, and an `Outgoing` into calls of the platform. It keeps no
state of conversations, opens no transaction, and decides nothing about who may speak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.store.channels import Channel
from bot.types import Delivered, Fetched, Happened, Incoming, Kind, Outgoing

MAX_PUSH_BYTES = 64 * 1024
"""No platform sends more in one push; media travel by id."""


MEDIA_LIMIT = 50 * 1024 * 1024
"""Larger files are not fetched; what a kind may have is the file store's to say."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can carry. `text_limit` counts UTF-8 bytes when `in_bytes`, else characters.

    `window` is how long after the customer's last words we may write; `quota` how many messages in it (None: no limit).
    """

    kinds: frozenset[Kind]
    text_limit: int
    in_bytes: bool
    buttons: bool
    window: timedelta | None = None
    quota: int | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """A file on its way out: its content, and the hash by which a platform's copy of it is known."""

    data: bytes
    name: str
    content_type: str
    sha256: str


class Connector(Protocol):
    """One kind of platform."""

    kind: str
    capabilities: Capabilities

    def check(self, channel: Channel, query: Mapping[str, str]) -> str:
        """Answer the platform's URL check with its echo. Raises NotFromThisChannel."""

    def parse(self, channel: Channel, query: Mapping[str, str], raw: bytes) -> Incoming | Happened:
        """Read one push: words (or a file), or an act without words.

        Raises NotFromThisChannel (signature or shape), UnsupportedEvent (known, not used).
        """

    def acknowledgement(self) -> str:
        """The body that tells the platform that we have it."""

    async def send(self, channel: Channel, message: Outgoing, attached: Attached | None = None) -> Delivered:
        """Send one message, split where the platform wants it, with its file where the channel carries that kind.
        Never raises for what the platform answers."""

    async def fetch(self, channel: Channel, reference: str) -> Fetched:
        """Get a file that a customer sent. Never raises for what the platform answers."""


def length(text: str, *, in_bytes: bool) -> int:
    """Length as the platform counts it."""
    return len(text.encode()) if in_bytes else len(text)


# Where a text may be cut, the best places first: paragraphs, sentences, clauses, spaces.
_CUTS = (r"\n\s*\n", r"\n", r"(?<=[。！？!?…])", r"(?<=[；;，,、])", r"(?<=\s)")


def split_text(text: str, limit: int, *, in_bytes: bool) -> list[str]:
    """Cut a text into parts of at most `limit`, at the best place there is; nothing but white space is lost.

    A part is cut inside a word only when the word alone is longer than the limit, never inside a character.
    """
    text = text.strip()
    if not text:
        return []
    if length(text, in_bytes=in_bytes) <= limit:
        return [text]
    for pattern in _CUTS:
        pieces = [piece for piece in re.split(pattern, text) if piece and piece.strip()]
        if len(pieces) > 1:
            return _join(
                pieces, "\n\n" if pattern == _CUTS[0] else "\n" if pattern == _CUTS[1] else "", limit, in_bytes
            )
    return _hard(text, limit, in_bytes)


def _join(pieces: list[str], glue: str, limit: int, in_bytes: bool) -> list[str]:
    """Put pieces together as long as they fit; what is too long alone is cut by a finer rule."""
    parts: list[str] = []
    current = ""
    for piece in pieces:
        candidate = f"{current}{glue}{piece}" if current else piece
        if length(candidate.strip(), in_bytes=in_bytes) <= limit:
            current = candidate
            continue
        if current.strip():
            parts.append(current.strip())
        if length(piece.strip(), in_bytes=in_bytes) <= limit:
            current = piece
        else:
            *whole, current = split_text(piece, limit, in_bytes=in_bytes)
            parts += whole
    return [*parts, current.strip()] if current.strip() else parts


def _hard(text: str, limit: int, in_bytes: bool) -> list[str]:
    parts, current, size = [], "", 0
    for character in text:
        weight = length(character, in_bytes=in_bytes)
        if size + weight > limit:
            parts.append(current)
            current, size = "", 0
        current += character
        size += weight
    return [*parts, current]


def with_numbers(text: str, labels: list[str]) -> str:
    """Choices as a numbered list, for channels without buttons; the customer answers with the number."""
    return "\n".join([text, *(f"{number}. {label}" for number, label in enumerate(labels, 1))]) if labels else text
