"""Matters from pages and programs without a chat: the feedback page, apps, live rooms, forums."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from core.errors import Forbidden, Invalid, NotFound
from core.people.roles import Permission
from gateway.http.chat import preflight, read_upload
from gateway.http.kit import OPEN, Route, address, body, reply
from gateway.limits import Limit
from gateway.services import Services, services
from tickets.intake.keys import hash_of
from tickets.intake.layer import uploaded_for
from tickets.intake.told import MAX_FILES, Told, phone_of

_BY_ADDRESS = Limit("feedback", burst=20, per_s=20 / 600)
_UPLOADS = Limit("feedback_uploads", burst=40, per_s=40 / 600)
# A program that shows its key speaks for many people at once.
_BY_KEY = Limit("feedback_key", burst=120, per_s=10.0)
_MOST_QUOTES = 20

_Short = Annotated[str, msgspec.Meta(max_length=80)]
_Line = Annotated[str, msgspec.Meta(max_length=200)]
_Url = Annotated[str, msgspec.Meta(max_length=2_000, pattern=r"^https?://")]


class Named(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody as the sending program knows them."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    id: _Short | None = None

    def __str__(self) -> str:
        return f"{self.name}（{self.id}）" if self.id else self.name


class Quote(msgspec.Struct, forbid_unknown_fields=True):
    """One line of the talk in a live room (弹幕), with its time in the stream."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
    name: _Short | None = None
    at: Annotated[str, msgspec.Meta(max_length=12, pattern=r"^[0-9:.]*$")] | None = None

    def __str__(self) -> str:
        said = f"{self.name}：{self.text}" if self.name else self.text
        return f"[{self.at}] {said}" if self.at else said


class Feedback(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a feedback. `consent` must be true when a contact is given; the same `idempotency_key` gives one ticket;
    `identity` is the site's own proof of who is signed in, as for a chat session."""

    channel_key: Annotated[str, msgspec.Meta(max_length=100)]
    kind: Literal["problem", "suggestion", "report", "praise"]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
    title: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()-]{5,24}$")] | None = None
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}$")] | None = None
    consent: bool = False
    name: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    identity: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    idempotency_key: Annotated[str, msgspec.Meta(min_length=8, max_length=100)] | None = None
    attachments: Annotated[list[_Short], msgspec.Meta(max_length=MAX_FILES)] = []
    source: Literal["page", "app", "live_room", "forum"] = "page"
    source_url: _Url | None = None
    occurred_at: datetime | None = None
    live_room: _Short | None = None
    stream_time: Annotated[str, msgspec.Meta(max_length=12, pattern=r"^[0-9:.]*$")] | None = None
    quotes: Annotated[list[Quote], msgspec.Meta(max_length=_MOST_QUOTES)] = []
    reporter: Named | None = None
    host: Named | None = None
    author: Named | None = None
    order_number: _Short | None = None
    goods_url: _Url | None = None
    merchant: _Short | None = None
    account: _Short | None = None
    device_model: _Line | None = None
    system_version: _Line | None = None
    app_version: _Line | None = None
    network_kind: _Line | None = None
    network_provider: _Line | None = None
    city: _Line | None = None

    def fields(self) -> dict[str, str]:
        """What belongs into the ticket's fields."""
        who = self.reporter or self.author
        said = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        said |= {
            "host": str(self.host) if self.host else None,
            "reporter": str(who) if who else None,
            "quoted": " / ".join(each.text for each in self.quotes)[:300] or None,
        }
        return {name: value for name, value in said.items() if value}


_PLAIN_FIELDS = (
    "live_room",
    "stream_time",
    "order_number",
    "goods_url",
    "merchant",
    "account",
    "device_model",
    "system_version",
    "app_version",
    "network_kind",
    "network_provider",
    "city",
)


class FeedbackMade(msgspec.Struct):
    """The number to ask by, and the page where it goes on."""

    serial: str
    url: str


class Uploaded(msgspec.Struct):
    """A file that waits for the feedback it belongs to."""

    attachment_id: str
    kind: str
    name: str
    bytes: int


async def _limit(request: web.Request, parts: Services) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        await parts.limits.take(_BY_ADDRESS, address(request))
        return
    program = await parts.auth.by_key(key.strip())
    if Permission.TICKET_WRITE not in program.permissions:
        raise Forbidden("ticket.write")
    await parts.limits.take(_BY_KEY, program.staff_id)


async def _channel_id(parts: Services, key: str | None) -> str:
    channel = await parts.web.channel(key)
    if channel.disabled_at is not None:
        raise NotFound("channel")
    return channel.id


async def _proven(parts: Services, wish: Feedback) -> str | None:
    """The customer whom the site's own proof names, if it gave one."""
    if wish.identity is None:
        return None
    channel = await parts.web.channel(wish.channel_key)
    external_id, name, level = parts.web.proven(channel, wish.identity)
    met = await parts.intake.meet(channel.id, external_id, proven=True, name=name, level=level, profile={})
    return met.customer_id


async def feedback(request: web.Request) -> web.StreamResponse:
    """A person's matter; answers with its number and the page where it goes on. Sent twice under one key it is one."""
    parts, wish = services(request), await body(request, Feedback)
    if not wish.text.strip():
        raise Invalid("text is empty", text_id="error.text_empty")
    if (wish.phone or wish.email) and not wish.consent:
        raise Invalid("consent", text_id="error.consent")
    await _limit(request, parts)
    told = Told(
        text=wish.text,
        title=wish.title or "",
        source=wish.source,
        source_url=wish.source_url,
        source_text="\n".join(map(str, wish.quotes)) or None,
        fields=wish.fields(),
        files=tuple(wish.attachments),
        received_at=wish.occurred_at,
    )
    same = {**msgspec.to_builtins(wish), "idempotency_key": None, "identity": None}
    ticket = await parts.tickets.feedback(
        channel_id=await _channel_id(parts, wish.channel_key),
        channel_kind="web",
        kind=wish.kind,
        text=wish.text,
        phone=phone_of(wish.phone),
        email=wish.email,
        name=(wish.name or "").strip() or None,
        customer_id=await _proven(parts, wish),
        told=told,
        key=wish.idempotency_key,
        told_hash=hash_of(same),
    )
    return reply(FeedbackMade(ticket.serial, parts.tickets.ticket_link(ticket.id)), 201)


async def upload(request: web.Request) -> web.StreamResponse:
    """One picture or video for a feedback that is yet to be sent; the channel is named in the query."""
    parts = services(request)
    channel_id = await _channel_id(parts, request.query.get("channel_key"))
    await parts.limits.take(_UPLOADS, address(request))
    name, data = await read_upload(request)
    stored = await parts.files.store(data, name=name, owner=uploaded_for(channel_id))
    return reply(Uploaded(stored.id, stored.kind, stored.name, stored.bytes), 201)


CROSSING_ROUTES = (
    Route("OPTIONS", "/api/v1/feedback", preflight, OPEN, summary="May a site's page call"),
    Route("OPTIONS", "/api/v1/feedback/attachments", preflight, OPEN, summary="May a site's page call"),
    Route(
        "POST",
        "/api/v1/feedback",
        feedback,
        OPEN,
        body=Feedback,
        result=FeedbackMade,
        status=201,
        summary="Feedback without a chat: from a page, an app, a live room or a forum",
    ),
    Route(
        "POST",
        "/api/v1/feedback/attachments",
        upload,
        OPEN,
        result=Uploaded,
        status=201,
        summary="A picture or video for a feedback (multipart, one file)",
    ),
)
