"""Matters that staff bring in: by hand, with the customer found, and whole sheets of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import msgspec
from aiohttp import BodyPartReader, web

from core.errors import BadRequest, Invalid, TooLarge
from core.people.roles import Permission
from gateway.http.kit import Route, body, reply, viewer
from gateway.http.tickets import speaker
from gateway.limits import Limit
from gateway.services import services
from tickets import store as ticket_store
from tickets.intake import sheet
from tickets.intake.imports import import_view
from tickets.intake.told import BY_HAND, MAX_FILES, MAX_SOURCE_TEXT, Told, phone_of

# Whoever looks for people one after the other is not writing a ticket.
_SEARCHES = Limit("customer_search", burst=40, per_s=1.0)
_SLACK = 64 * 1024
# Names that earlier releases used for a place.
_OLDER = {"wechat": "wechat_group", "wecom": "wechat_group", "weibo": "social", "web": "other"}

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class NewTicket(msgspec.Struct, forbid_unknown_fields=True):
    """A ticket by hand, for somebody who spoke or wrote elsewhere. `consent` must be true when a contact is given."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    description: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    category_id: _Id | None = None
    team_id: _Id | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] = 3
    customer_id: _Id | None = None
    customer_name: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()-]{5,24}$")] | None = None
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}$")] | None = None
    consent: bool = False
    channel_kind: str = "phone"
    source_url: Annotated[str, msgspec.Meta(max_length=2_000)] | None = None
    source_text: Annotated[str, msgspec.Meta(max_length=MAX_SOURCE_TEXT)] | None = None
    fields: dict[str, Annotated[str, msgspec.Meta(max_length=500)]] = {}
    attachments: Annotated[list[_Id], msgspec.Meta(max_length=MAX_FILES)] = []
    received_at: datetime | None = None
    take: bool = False


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of a matter so far."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_SOURCE_TEXT)]


class Suggestion(msgspec.Struct):
    """The category that the words speak for, and the team that would receive it."""

    category_id: str
    category_name: str
    team_id: str
    team_name: str | None


class CustomerLink(msgspec.Struct):
    """Where the customer reads the answer and writes more, for sixty days."""

    url: str


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """What an import should do."""

    action: Literal["start", "stop"]


async def create_ticket(request: web.Request) -> web.StreamResponse:
    """A ticket by hand, 待处理 in its team's list; `take` confirms it for whoever asks."""
    parts, wish = services(request), await body(request, NewTicket)
    source = _OLDER.get(wish.channel_kind, wish.channel_kind)
    if source not in BY_HAND:
        raise Invalid("channel_kind")
    if (wish.phone or wish.email) and not wish.consent:
        raise Invalid("consent", text_id="error.consent")
    made = await parts.tickets.create(
        speaker(viewer(request)),
        channel_id=(await parts.web.channel(None)).id,
        title=wish.title,
        description=wish.description,
        channel_kind=source,
        category_id=wish.category_id,
        team_id=wish.team_id,
        priority=wish.priority,
        customer_id=wish.customer_id,
        customer_name=(wish.customer_name or "").strip() or None,
        phone=phone_of(wish.phone),
        email=(wish.email or "").strip().lower() or None,
        told=Told(
            text=wish.description,
            source=source,
            source_url=wish.source_url,
            source_text=wish.source_text,
            fields=wish.fields,
            files=tuple(wish.attachments),
            received_at=wish.received_at,
        ),
        take=wish.take,
    )
    async with parts.db.read() as tx:
        return reply(await parts.tickets.brief_of(tx, made.id), 201)


async def customer_link(request: web.Request) -> web.StreamResponse:
    """The address of the customer's page of a ticket, to be sent where they spoke to us."""
    parts, who = services(request), viewer(request)
    async with parts.db.begin() as tx:
        ticket = await ticket_store.by_serial(tx, request.match_info["serial"].upper())
        await parts.audit.write(tx, who.staff_id, "ticket.link", ticket.serial)
    return reply(CustomerLink(parts.tickets.ticket_link(ticket.id)))


async def find_customers(request: web.Request) -> web.StreamResponse:
    """Who a matter by hand may be about: by name, end of the phone number, account, ticket number. Masked."""
    parts = services(request)
    await parts.limits.take(_SEARCHES, viewer(request).staff_id)
    found = await parts.tickets.find_customers(request.query.get("q", "")[:100])
    return reply({"items": found, "next": None})


async def suggest(request: web.Request) -> web.StreamResponse:
    """Which category the words speak for; `unsorted` when they say nothing clear."""
    parts, wish = services(request), await body(request, Words)
    category_id, name, team_id, team_name = await parts.tickets.suggest(wish.text)
    return reply(Suggestion(category_id, name, team_id, team_name))


async def _sheet(request: web.Request) -> tuple[str, bytes]:
    """The one file of a multipart body. Raises TooLarge, BadRequest, Invalid."""
    if request.content_length is not None and request.content_length > sheet.MAX_BYTES + _SLACK:
        raise TooLarge("sheet", text_id="error.import_large")
    if not request.content_type.startswith("multipart/"):
        raise Invalid("multipart wanted")
    try:
        reader = await request.multipart()
        part = await reader.next()
    except (ValueError, AssertionError, web.HTTPException) as exc:
        raise BadRequest("multipart") from exc
    if not isinstance(part, BodyPartReader):
        raise Invalid("no file", text_id="error.file_empty")
    data = bytearray()
    while chunk := await part.read_chunk(65_536):
        data += chunk
        if len(data) > sheet.MAX_BYTES:
            raise TooLarge("sheet", text_id="error.import_large")
    return unquote(part.filename or "sheet.csv"), bytes(data)


async def add_import(request: web.Request) -> web.StreamResponse:
    """Look at a sheet: columns, counts, what is wrong. Nothing is taken in before it is started."""
    parts = services(request)
    name, data = await _sheet(request)
    made, preview = await parts.imports.add(name, data, speaker(viewer(request)))
    return reply({**_worded(request, import_view(made)), "preview": _worded(request, preview)}, 201)


async def list_imports(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        found = await parts.imports.latest(tx)
    return reply({"items": [_worded(request, import_view(each)) for each in found], "next": None})


async def get_import(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        found = await parts.imports.get(tx, request.match_info["id"])
    return reply(_worded(request, import_view(found)))


async def move_import(request: web.Request) -> web.StreamResponse:
    """Start it, let it rest, or go on."""
    parts, wish = services(request), await body(request, Move)
    import_id = request.match_info["id"]
    async with parts.db.begin() as tx:
        step = parts.imports.start if wish.action == "start" else parts.imports.stop
        found = await step(tx, import_id)
        await parts.audit.write(tx, viewer(request).staff_id, f"import.{wish.action}", import_id)
    return reply(_worded(request, import_view(found)))


def _worded(request: web.Request, seen: dict[str, Any]) -> dict[str, Any]:
    """The same with its faults in words."""
    texts = services(request).texts
    faults = [{**each, "text": texts.get(each["text_id"])} for each in seen["faults"]]
    return {**seen, "faults": faults}


_WRITE, _SETTINGS = Permission.TICKET_WRITE, Permission.SETTINGS_WRITE

ROUTES = (
    Route("POST", "/api/v1/tickets", create_ticket, _WRITE, body=NewTicket, status=201, summary="A ticket by hand"),
    Route(
        "POST",
        "/api/v1/tickets/{serial}/link",
        customer_link,
        _WRITE,
        result=CustomerLink,
        summary="The customer's page of a ticket",
    ),
    Route("GET", "/api/v1/intake/customers", find_customers, _WRITE, summary="Find a customer, masked"),
    Route(
        "POST",
        "/api/v1/intake/suggestion",
        suggest,
        _WRITE,
        body=Words,
        result=Suggestion,
        summary="The category that words speak for",
    ),
    Route("GET", "/api/v1/imports", list_imports, _SETTINGS, summary="The last imports"),
    Route(
        "POST", "/api/v1/imports", add_import, _SETTINGS, status=201, summary="Look at a sheet (multipart, one file)"
    ),
    Route("GET", "/api/v1/imports/{id}", get_import, _SETTINGS, summary="How far an import is"),
    Route(
        "POST", "/api/v1/imports/{id}", move_import, _SETTINGS, body=Move, summary="Start, stop or continue an import"
    ),
)
