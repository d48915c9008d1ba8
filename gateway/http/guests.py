"""Guests of one ticket: the desk's side, and the page behind a guest's own link, also that of the head."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from connectors.web.wire import Nothing
from core.errors import Forbidden, Unauthorized
from core.people.roles import Permission
from gateway.auth.service import SLOTS
from gateway.http.kit import LINK, Route, address, body, no_content, reply, same_origin, viewer
from gateway.http.tickets import speaker
from gateway.limits import Limit
from gateway.services import services
from tickets.guests import EXECUTIVE

_BY_ADDRESS = Limit("guests", burst=120, per_s=2.0)
# Codes are six digits; whoever guesses is slow here and out after a few tries of one code.
_PROOFS = Limit("guest_proofs", burst=10, per_s=10 / 600)
# Where the head's page shows that it has proven itself.
_PASS = "X-Guest-Pass"  # noqa: S105 - the name of a header
_COOKIE = "fl_s"

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]


class Invitation(msgspec.Struct, forbid_unknown_fields=True):
    """Who is let into the ticket, for how long, and whether they may answer the customer."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    organisation: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    text: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}$")] | None = None
    may_answer: bool = False
    days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 7


class Told(msgspec.Struct, forbid_unknown_fields=True):
    """Words to a guest."""

    text: _Text


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """Words of a guest: to the ticket's people, or to the customer."""

    text: _Text
    to_customer: bool = False


class Proof(msgspec.Struct, forbid_unknown_fields=True):
    """The code from the mail; empty for who is logged in here."""

    code: Annotated[str, msgspec.Meta(max_length=12)] = ""


# The desk.


def _serial(request: web.Request) -> str:
    return request.match_info["serial"].upper()


async def list_guests(request: web.Request) -> web.StreamResponse:
    """The guests of a ticket and what was said with them."""
    permissions = {each.value for each in viewer(request).permissions}
    return reply({"items": await services(request).tickets.guests.guests_of(_serial(request), permissions)})


async def invite(request: web.Request) -> web.StreamResponse:
    """Let somebody in; the answer holds their link."""
    wish, who = await body(request, Invitation), viewer(request)
    made = await services(request).tickets.guests.invite(
        _serial(request),
        speaker(who),
        name=wish.name,
        organisation=wish.organisation,
        text=wish.text,
        email=wish.email,
        may_answer=wish.may_answer,
        days=wish.days,
    )
    return reply(made, 201)


async def revoke(request: web.Request) -> web.StreamResponse:
    """Close a guest's link at once."""
    await services(request).tickets.guests.revoke(_serial(request), request.match_info["id"], speaker(viewer(request)))
    return no_content()


async def tell(request: web.Request) -> web.StreamResponse:
    """Words to a guest."""
    wish = await body(request, Told)
    guests = services(request).tickets.guests
    await guests.tell(_serial(request), request.match_info["id"], speaker(viewer(request)), wish.text)
    return no_content()


# The guest's page.


async def _take(request: web.Request) -> str:
    await services(request).limits.take(_BY_ADDRESS, address(request))
    return request.match_info["token"]


async def _kind(request: web.Request, token: str) -> str:
    parts = services(request)
    async with parts.db.read() as tx:
        return (await parts.tickets.guests.behind(tx, token)).kind


async def page(request: web.Request) -> web.StreamResponse:
    """The ticket as the guest may see it; the head's page tells first how to prove who opens it."""
    tickets, token = services(request).tickets, await _take(request)
    if await _kind(request, token) == EXECUTIVE:
        return reply(await tickets.top.page(token, request.headers.get(_PASS, "")))
    return reply(await tickets.guests.page(token))


async def say(request: web.Request) -> web.StreamResponse:
    """Words of a guest."""
    wish, token = await body(request, Said), await _take(request)
    tickets = services(request).tickets
    if await _kind(request, token) == EXECUTIVE:
        await tickets.top.answer(token, request.headers.get(_PASS, ""), wish.text)
    else:
        await tickets.guests.says(token, wish.text, to_customer=wish.to_customer)
    return no_content()


async def send_code(request: web.Request) -> web.StreamResponse:
    """Mail a code to the head of the house."""
    await body(request, Nothing)
    parts, token = services(request), await _take(request)
    await parts.limits.take(_PROOFS, address(request))
    await parts.tickets.top.send_code(token)
    return no_content()


async def prove(request: web.Request) -> web.StreamResponse:
    """Prove to be the head, by the code or by being logged in on this browser; answers with a pass for some hours."""
    wish, token = await body(request, Proof), await _take(request)
    parts = services(request)
    if not same_origin(request):
        raise Forbidden("origin")
    await parts.limits.take(_PROOFS, address(request))
    if wish.code:
        return reply({"pass": await parts.tickets.top.prove(token, code=wish.code)})
    for staff_id in await _here(request):
        try:
            return reply({"pass": await parts.tickets.top.prove(token, staff_id=staff_id)})
        except Unauthorized:
            continue
    raise Unauthorized("not the head", text_id="error.executive_not_proven")


async def _here(request: web.Request) -> list[str]:
    """Who is logged in on this browser, in whichever tab."""
    found = []
    for name in request.cookies:
        slot = name.removeprefix(_COOKIE)
        if name.startswith(_COOKIE) and slot.isascii() and slot.isdigit() and int(slot) < SLOTS:
            try:
                found.append((await services(request).auth.by_slot(request, int(slot))).staff_id)
            except Unauthorized:
                continue
    return found


_OF_TICKET = "/api/v1/tickets/{serial}/guests"
ROUTES = (
    Route("GET", _OF_TICKET, list_guests, Permission.TICKET_READ, summary="Guests of a ticket"),
    Route("POST", _OF_TICKET, invite, Permission.TICKET_WRITE, body=Invitation, status=201, summary="Let a guest in"),
    Route("DELETE", _OF_TICKET + "/{id}", revoke, Permission.TICKET_WRITE, status=204, summary="Close a guest's link"),
    Route("POST", _OF_TICKET + "/{id}/messages", tell, Permission.TICKET_WRITE, body=Told, status=204),
    Route("GET", "/api/v1/g/{token}", page, LINK, summary="A ticket as its guest sees it"),
    Route("POST", "/api/v1/g/{token}/messages", say, LINK, body=Said, status=204),
    Route("POST", "/api/v1/g/{token}/code", send_code, LINK, body=Nothing, status=204),
    Route("POST", "/api/v1/g/{token}/proof", prove, LINK, body=Proof),
)
