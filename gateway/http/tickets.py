"""Tickets for staff and programs: lists, one ticket, what may be done with it, categories."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from bot.types import Speaker
from core.clock import rfc3339
from core.errors import Forbidden, Invalid, NotFound
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.gate import reader
from gateway.http.kit import STAFF, Route, body, no_content, number, reply, viewer
from gateway.services import services
from tickets import categories
from tickets.attachments import Opener
from tickets.lists import Wanted
from tickets.playbooks.plan import MAX_STEPS, MAX_VALUE
from tickets.store import Ticket

_PAGE = 50
_MAX_PAGE = 100
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
_Value = Annotated[str, msgspec.Meta(max_length=MAX_VALUE)]
_Long = Annotated[str, msgspec.Meta(max_length=2_000)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class TicketChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Changes by hand; what is absent stays. `version` is the one that was read."""

    version: int
    category_id: str | msgspec.UnsetType = msgspec.UNSET
    priority: int | msgspec.UnsetType = msgspec.UNSET
    team_id: str | msgspec.UnsetType = msgspec.UNSET
    assignee_id: str | msgspec.UnsetType | None = msgspec.UNSET
    title: Annotated[str, msgspec.Meta(max_length=200)] | msgspec.UnsetType = msgspec.UNSET
    fields: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    cause: str | msgspec.UnsetType | None = msgspec.UNSET
    cause_text: Annotated[str, msgspec.Meta(max_length=2_000)] | msgspec.UnsetType = msgspec.UNSET
    source: Annotated[str, msgspec.Meta(max_length=20)] | msgspec.UnsetType | None = msgspec.UNSET
    source_url: Annotated[str, msgspec.Meta(max_length=1_000)] | msgspec.UnsetType = msgspec.UNSET
    source_text: Annotated[str, msgspec.Meta(max_length=4_000)] | msgspec.UnsetType = msgspec.UNSET


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """Words to the customer."""

    client_message_id: _Id
    text: _Text


class Words(msgspec.Struct, forbid_unknown_fields=True):
    """Words for colleagues, or a question to the customer."""

    text: _Text
    client_message_id: _Id | None = None


class NextStep(msgspec.Struct, forbid_unknown_fields=True):
    """What happens next, by whom (a staff id; absent: whoever asks) and by when."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    at: datetime
    by: str | None = None
    kind: str = "other"  # callback, merchant, visit, retest, other
    tell: bool = False  # a promise: the customer is told what and by when
    done: bool = False  # the step that stood before was carried out


class Escalation(msgspec.Struct, forbid_unknown_fields=True):
    """Up, with a summary so that nobody asks again."""

    to: str
    summary: _Text


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """The result in words for the customer. 无法解决 needs reason and alternative, 转后续 a team and a time."""

    solution: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    result_kind: str = "solved"
    category_id: str | None = None
    reason: _Long | None = None
    alternative: _Long | None = None
    follow_up_team_id: str | None = None
    follow_up_at: datetime | None = None
    cause: str | None = None
    cause_text: _Long | None = None
    playbook: dict[str, _Value] | None = None  # field of the category's playbook → value
    steps_done: Annotated[list[str], msgspec.Meta(max_length=MAX_STEPS)] = []  # its steps that are done by now


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    """Why it is opened again."""

    reason: _Text


class Finding(msgspec.Struct, forbid_unknown_fields=True):
    """The supervisor's finding."""

    finding: _Text
    agree: bool = True


class Into(msgspec.Struct, forbid_unknown_fields=True):
    """The ticket that goes on."""

    serial: str


def speaker(who: Viewer) -> Speaker:
    """The member of staff (or program) as tickets name them."""
    return Speaker(who.staff_id, who.display_name)  # type: ignore[arg-type]  # an id from SQL


def serial_of(request: web.Request) -> str:
    """The ticket that the address names."""
    return request.match_info["serial"].upper()


def _permissions(who: Viewer) -> set[str]:
    return {each.value for each in who.permissions}


async def _after(request: web.Request, ticket: Ticket, status: int = 200) -> web.StreamResponse:
    async with services(request).db.read() as tx:
        return reply(await services(request).tickets.brief_of(tx, ticket.id), status)


async def list_tickets(request: web.Request) -> web.StreamResponse:
    """One page of a view, filtered and searched; with `outside=1` what is found beyond one's teams, by number only."""
    who, query = viewer(request), request.query
    wanted = Wanted(
        view=query.get("view") or "open",
        state=query.get("state", ""),
        category=query.get("category", ""),
        team=query.get("team", ""),
        channel=query.get("channel", ""),
        priority=number(request, "priority", 3, 1, 5) if query.get("priority") else None,
        text=query.get("q", "")[:200],
        sort=query.get("sort", ""),
        outside=query.get("outside") == "1",
        cursor=query.get("cursor", ""),
        limit=number(request, "limit", _PAGE, 1, _MAX_PAGE),
    )
    items, after = await services(request).tickets.page(wanted, reader=reader(who))
    return reply({"items": items, "next": after})


async def get_ticket(request: web.Request) -> web.StreamResponse:
    """Everything about one ticket, and what stands around it."""
    parts, who, serial = services(request), viewer(request), serial_of(request)
    found = await parts.tickets.detail(serial, _permissions(who))
    return reply({**found, **await parts.tickets.matter(serial, Opener(who.staff_id, who.team_ids, _permissions(who)))})


async def change_ticket(request: web.Request) -> web.StreamResponse:
    """Change by hand. Classifiers may sort and address, writers may change everything."""
    who, wish = viewer(request), await body(request, TicketChange)
    values: dict[str, Any] = {
        name: getattr(wish, name)
        for name in wish.__struct_fields__
        if name != "version" and getattr(wish, name) is not msgspec.UNSET
    }
    if Permission.TICKET_WRITE not in who.permissions and (
        Permission.TICKET_CLASSIFY not in who.permissions or set(values) - {"category_id", "team_id"}
    ):
        raise Forbidden("change")
    return await _after(
        request, await services(request).tickets.change(serial_of(request), speaker(who), wish.version, **values)
    )


async def confirm(request: web.Request) -> web.StreamResponse:
    return await _after(request, await services(request).tickets.confirm(serial_of(request), speaker(viewer(request))))


async def answer(request: web.Request) -> web.StreamResponse:
    """Answer on the original channel, whether or not the customer is there. The same id again changes nothing."""
    wish = await body(request, Answer)
    message_id, seq = await services(request).tickets.answer(
        serial_of(request), speaker(viewer(request)), wish.text, wish.client_message_id
    )
    return reply({"message_id": message_id, "seq": seq}, 202)


async def note(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Words)
    await services(request).tickets.note(serial_of(request), speaker(viewer(request)), wish.text)
    return no_content()


async def next_step(request: web.Request) -> web.StreamResponse:
    wish = await body(request, NextStep)
    if wish.at.tzinfo is None:
        raise Invalid("at has no time zone")
    return await _after(
        request,
        await services(request).tickets.set_next_step(
            serial_of(request),
            speaker(viewer(request)),
            text=wish.text,
            who=wish.by,
            at=wish.at,
            kind=wish.kind,
            tell=wish.tell,
            done=wish.done,
        ),
    )


async def escalate(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Escalation)
    return await _after(
        request,
        await services(request).tickets.escalate(
            serial_of(request), speaker(viewer(request)), to=wish.to, summary=wish.summary
        ),
    )


async def wait_customer(request: web.Request) -> web.StreamResponse:
    """Ask the customer for something; the clock waits for them."""
    wish = await body(request, Words)
    parts, serial = services(request), serial_of(request)
    # Without an id of the caller's own the same question again counts as the same message.
    key = wish.client_message_id or f"ask:{serial}:{rfc3339(parts.clock.now())}"
    return await _after(request, await parts.tickets.wait_customer(serial, speaker(viewer(request)), wish.text, key))


async def resolve(request: web.Request) -> web.StreamResponse:
    """Write the result; the conclusion goes out on the original channel and the survey follows."""
    wish = await body(request, Resolution)
    if wish.follow_up_at is not None and wish.follow_up_at.tzinfo is None:
        raise Invalid("follow_up_at has no time zone")
    said = {name: getattr(wish, name) for name in wish.__struct_fields__}
    return await _after(
        request, await services(request).tickets.resolve_serial(serial_of(request), speaker(viewer(request)), **said)
    )


async def reopen(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Reason)
    return await _after(
        request, await services(request).tickets.reopen(serial_of(request), speaker(viewer(request)), wish.reason)
    )


async def review(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Finding)
    return await _after(
        request,
        await services(request).tickets.review(
            serial_of(request), speaker(viewer(request)), finding=wish.finding, agree=wish.agree
        ),
    )


async def close(request: web.Request) -> web.StreamResponse:
    return await _after(request, await services(request).tickets.close(serial_of(request), speaker(viewer(request))))


async def merge(request: web.Request) -> web.StreamResponse:
    """Put this ticket under another one of the same customer."""
    wish = await body(request, Into)
    if wish.serial.upper() == serial_of(request):
        raise NotFound("ticket")
    await services(request).privacy.openings.check(reader(viewer(request)), wish.serial)
    return await _after(
        request,
        await services(request).tickets.merge(serial_of(request), wish.serial.upper(), speaker(viewer(request))),
    )


async def get_categories(request: web.Request) -> web.StreamResponse:
    async with services(request).db.read() as tx:
        return reply({"items": (await categories.load(tx)).as_tree(), "next": None})


def _route(method: str, path: str, handler: Any, access: Any = Permission.TICKET_WRITE, **more: Any) -> Route:
    return Route(method, f"/api/v1/tickets{path}", handler, access, **more)


_READ, _ESCALATE, _REVIEW = Permission.TICKET_READ, Permission.TICKET_ESCALATE, Permission.TICKET_REVIEW

ROUTES = (
    _route("GET", "", list_tickets, _READ, summary="A view of tickets, filtered and searched"),
    _route("GET", "/{serial}", get_ticket, _READ, summary="One ticket with its history and exchanges"),
    _route("PATCH", "/{serial}", change_ticket, _READ, body=TicketChange),
    _route("POST", "/{serial}/confirm", confirm),
    _route("POST", "/{serial}/messages", answer, body=Answer, status=202),
    _route("POST", "/{serial}/notes", note, body=Words, status=204),
    _route("POST", "/{serial}/next-step", next_step, body=NextStep),
    _route("POST", "/{serial}/escalate", escalate, _ESCALATE, body=Escalation),
    _route("POST", "/{serial}/wait-customer", wait_customer, body=Words),
    _route("POST", "/{serial}/resolve", resolve, body=Resolution),
    _route("POST", "/{serial}/reopen", reopen, body=Reason),
    _route("POST", "/{serial}/review", review, _REVIEW, body=Finding),
    _route("POST", "/{serial}/close", close),
    _route("POST", "/{serial}/merge", merge, body=Into),
    Route("GET", "/api/v1/categories", get_categories, STAFF, summary="The tree of categories"),
)
