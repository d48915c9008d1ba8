"""The public contract's shapes: what the widget sends and gets. Unknown fields are refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from bot.store.messages import Message
from bot.types import Author, Kind
from core.clock import rfc3339
from core.errors import Invalid

MAX_TEXT = 4_000
_ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Short = Annotated[str, msgspec.Meta(max_length=300)]
# Prefix of dedupe keys of messages that the customer's own program numbered.
CLIENT_KEY = "web:"

PROFILE_KEYS = frozenset(
    {
        "page_url",
        "page_title",
        "language",
        "timezone",
        "screen",
        "browser",
        "device_model",
        "system_version",
        "app_version",
        "network_kind",
        "network_provider",
        "city",
        "speed",
    }
)


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/chat/sessions`."""

    channel_key: _Short | None = None
    visitor_id: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    identity: Annotated[str, msgspec.Meta(max_length=4000)] | None = None
    profile: dict[_Short, _Short] = {}


class SessionMade(msgspec.Struct):
    """Its answer."""

    token: str
    visitor_id: str
    conversation_id: str
    last_seq: int


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Body of `POST /api/v1/chat/messages`: exactly one of text, choice, attachment_id."""

    client_message_id: _ClientId
    text: str | None = None
    choice: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    attachment_id: Annotated[str, msgspec.Meta(max_length=40)] | None = None

    def check(self) -> None:
        """Raise Invalid unless exactly one kind of content is there and within its bounds."""
        if sum(part is not None for part in (self.text, self.choice, self.attachment_id)) != 1:
            raise Invalid("exactly one of text, choice, attachment_id")
        if self.text is not None:
            if not self.text.strip():
                raise Invalid("text is empty", text_id="error.text_empty")
            if len(self.text) > MAX_TEXT:
                raise Invalid(f"text has more than {MAX_TEXT} characters", text_id="error.text_too_long")


class MessageStored(msgspec.Struct):
    """Answer to a stored message."""

    seq: int


class Contact(msgspec.Struct, forbid_unknown_fields=True):
    """How to reach the customer; `consent` must be true."""

    consent: bool
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()-]{5,24}$")] | None = None
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}$")] | None = None


class Helpful(msgspec.Struct, forbid_unknown_fields=True):
    """A thumb under an answer."""

    helpful: bool


class TicketWords(msgspec.Struct, forbid_unknown_fields=True):
    """Words of a customer on a ticket, or a file that they uploaded, or both."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] = ""
    attachment_id: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class TicketReopen(msgspec.Struct, forbid_unknown_fields=True):
    """The customer says that it is not solved."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] | None = None


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty body."""


class SurveyAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """The four faces: 4 is 非常满意."""

    rating: Annotated[int, msgspec.Meta(ge=1, le=4)]
    solved: bool
    text: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    recommend: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None


class HeadWish(msgspec.Struct, forbid_unknown_fields=True):
    """One sentence for the head of the house."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


def message_view(message: Message) -> dict[str, Any]:
    """One message as the customer sees it."""
    payload = message.payload
    view: dict[str, Any] = {
        "seq": message.seq,
        "author": message.author.value,
        "kind": message.kind.value,
        "text": message.text,
        "choices": list(payload.get("choices", ())),
        "articles": list(payload.get("articles", ())),
        "attachment": payload.get("attachment"),
        "at": rfc3339(message.at),
    }
    if message.author is Author.CUSTOMER:
        if message.dedupe_key and message.dedupe_key.startswith(CLIENT_KEY):
            view["client_message_id"] = message.dedupe_key.removeprefix(CLIENT_KEY)
        return view
    if payload.get("html"):
        view["html"] = payload["html"]
    if payload.get("card") and message.kind is Kind.CARD:
        view["payload"] = payload["card"]
    if payload.get("answer"):
        view["answer"] = True
        view["helpful"] = message.helpful
    if message.staff_name and message.author is Author.AGENT:
        view["agent_name"] = message.staff_name
    return view
