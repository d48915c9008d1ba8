"""Playbooks: the plans for editors, and on a ticket its steps, what it asks for, the fault's name, appeals."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from core.errors import Conflict, Invalid
from core.ids import new_id
from core.people.roles import Permission
from gateway.http.kit import LINK, STAFF, Route, address, body, no_content, reply, viewer
from gateway.http.tickets import speaker
from gateway.limits import Limit
from gateway.services import Services, services
from tickets import categories
from tickets.playbooks import plan, store
from tickets.playbooks.plan import Playbook

_BY_ADDRESS = Limit("appeal", burst=30, per_s=30 / 600)
_Title = Annotated[str, msgspec.Meta(min_length=1, max_length=plan.MAX_WORDS)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]


class StepBody(msgspec.Struct, forbid_unknown_fields=True):
    """One step. `only` names values of fields under which it is wanted."""

    id: _Id
    title: _Title
    hint: Annotated[str, msgspec.Meta(max_length=500)] = ""
    template: Annotated[str, msgspec.Meta(max_length=plan.MAX_TEMPLATE)] = ""
    marks: Annotated[str, msgspec.Meta(max_length=20)] = ""
    wanted: bool = False
    only: dict[str, list[str]] | None = None


class FieldBody(msgspec.Struct, forbid_unknown_fields=True):
    """One thing to know. `options` are for `choice`: id → label."""

    key: _Id
    title: _Title
    kind: str = "text"
    results: list[str] = msgspec.field(default_factory=lambda: ["solved"])
    options: dict[str, str] | None = None


class PlaybookBody(msgspec.Struct, forbid_unknown_fields=True):
    """A whole playbook. `version` is the one that was read; a new one has none."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    categories: Annotated[list[str], msgspec.Meta(max_length=100)]
    steps: Annotated[list[StepBody], msgspec.Meta(max_length=plan.MAX_STEPS)]
    fields: Annotated[list[FieldBody], msgspec.Meta(max_length=plan.MAX_FIELDS)] = []
    version: int = 1
    archived: bool = False


class StepDone(msgspec.Struct, forbid_unknown_fields=True):
    """Done, or not after all."""

    done: bool
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""


class Values(msgspec.Struct, forbid_unknown_fields=True):
    """Field → value; an empty value takes it back."""

    values: dict[str, Annotated[str, msgspec.Meta(max_length=plan.MAX_VALUE)]]


class Signature(msgspec.Struct, forbid_unknown_fields=True):
    """The fault's name."""

    signature: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class AppealByLink(msgspec.Struct, forbid_unknown_fields=True):
    """The ground of the person concerned, and how to call them."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Appeal(msgspec.Struct, forbid_unknown_fields=True):
    """The ground, and whose it is: `reporter` (the same customer) or `concerned` (somebody else, by name)."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    of: str = "reporter"
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""


async def list_playbooks(request: web.Request) -> web.StreamResponse:
    """All playbooks in order, archived ones last."""
    async with services(request).db.read() as tx:
        found = await store.load(tx)
    found.sort(key=lambda each: each.archived)
    return reply({"items": [plan.to_data(each) for each in found], "next": None})


async def add_playbook(request: web.Request) -> web.StreamResponse:
    """Add one; its id is made here."""
    wish, parts, who = await body(request, PlaybookBody), services(request), viewer(request)
    made = _parsed(wish, new_id("pbk"))
    async with parts.db.begin() as tx:
        known = await store.load(tx)
        await _check_categories(tx, made, known)
        await store.add(tx, made, position=len(known), by=who.staff_id, now=parts.clock.now())
        await parts.audit.write(tx, who.staff_id, "playbook.added", made.id, name=made.name)
    return reply({"id": made.id}, 201)


async def save_playbook(request: web.Request) -> web.StreamResponse:
    """Write one in place of the version that was read; tickets keep the steps they have done."""
    wish, parts, who = await body(request, PlaybookBody), services(request), viewer(request)
    wanted = _parsed(wish, request.match_info["id"])
    async with parts.db.begin() as tx:
        await _check_categories(tx, wanted, await store.load(tx))
        await store.save(tx, wanted, by=who.staff_id, now=parts.clock.now())
        await parts.audit.write(tx, who.staff_id, "playbook.changed", wanted.id, name=wanted.name)
    return no_content()


def _parsed(wish: PlaybookBody, playbook_id: str) -> Playbook:
    data: dict[str, Any] = msgspec.to_builtins(wish)
    return plan.parse({**data, "id": playbook_id})


async def _check_categories(tx: Any, wanted: Playbook, known: list[Playbook]) -> None:
    tree = await categories.load(tx)
    for each in wanted.categories:
        if tree.node(each) is None:
            raise Invalid(f"unknown category {each}", text_id="error.category_unknown")
        other = next(
            (one for one in known if one.id != wanted.id and not one.archived and each in one.categories), None
        )
        if other is not None and not wanted.archived:
            raise Conflict("two playbooks", text_id="error.playbook_category", name=tree.name(each), other=other.name)


def _serial(request: web.Request) -> str:
    return request.match_info["serial"].upper()


async def do_step(request: web.Request) -> web.StreamResponse:
    """Mark a step done or not done; the answer is the ticket's playbook as it stands then."""
    wish, parts, who = await body(request, StepDone), services(request), viewer(request)
    await parts.tickets.playbooks.do(
        _serial(request), request.match_info["step"], speaker(who), is_done=wish.done, note=wish.note
    )
    return await _shown(parts, request)


async def fill_fields(request: web.Request) -> web.StreamResponse:
    """Write down what the playbook asks for."""
    wish, parts, who = await body(request, Values), services(request), viewer(request)
    await parts.tickets.playbooks.fill(_serial(request), wish.values, speaker(who))
    return await _shown(parts, request)


async def sign_fault(request: web.Request) -> web.StreamResponse:
    """Name the fault by hand; the same name is the same fault."""
    wish, parts, who = await body(request, Signature), services(request), viewer(request)
    await parts.tickets.playbooks.sign(_serial(request), wish.signature, speaker(who))
    return await _shown(parts, request)


async def appeal(request: web.Request) -> web.StreamResponse:
    """Open the appeal against a decision; it is somebody else's to handle."""
    wish, parts, who = await body(request, Appeal), services(request), viewer(request)
    if wish.of not in ("reporter", "concerned"):
        raise Invalid("of")
    made = await parts.tickets.playbooks.appeal(
        _serial(request), speaker(who), text=wish.text, name=wish.name, same_customer=wish.of == "reporter"
    )
    async with parts.db.read() as tx:
        return reply(await parts.tickets.brief_of(tx, made.id), 201)


async def appeal_page(request: web.Request) -> web.StreamResponse:
    """What the person concerned sees behind their link."""
    parts = services(request)
    await parts.limits.take(_BY_ADDRESS, address(request))
    return reply(await parts.tickets.playbooks.appeal_page(request.match_info["token"]))


async def appeal_by_link(request: web.Request) -> web.StreamResponse:
    """The person concerned appeals; the answer will stand behind the address that comes back."""
    parts, wish = services(request), await body(request, AppealByLink)
    await parts.limits.take(_BY_ADDRESS, address(request))
    serial, url = await parts.tickets.playbooks.appeal_by_link(
        request.match_info["token"], text=wish.text, name=wish.name
    )
    return reply({"serial": serial, "url": url}, 201)


async def _shown(parts: Services, request: web.Request) -> web.StreamResponse:
    found = await parts.tickets.playbooks.now(_serial(request), {each.value for each in viewer(request).permissions})
    return reply(found)


_WRITE, _SETTINGS = Permission.TICKET_WRITE, Permission.SETTINGS_WRITE

ROUTES = (
    Route("GET", "/api/v1/playbooks", list_playbooks, STAFF, summary="How matters of each kind are handled"),
    Route("POST", "/api/v1/playbooks", add_playbook, _SETTINGS, body=PlaybookBody, status=201, summary="Add one"),
    Route(
        "PUT",
        "/api/v1/playbooks/{id}",
        save_playbook,
        _SETTINGS,
        body=PlaybookBody,
        status=204,
        summary="Change or archive a playbook",
    ),
    Route(
        "POST",
        "/api/v1/tickets/{serial}/playbook/steps/{step}",
        do_step,
        _WRITE,
        body=StepDone,
        summary="Mark a step done or not done",
    ),
    Route(
        "PUT",
        "/api/v1/tickets/{serial}/playbook/fields",
        fill_fields,
        _WRITE,
        body=Values,
        summary="Fill in what the playbook asks for",
    ),
    Route(
        "PUT",
        "/api/v1/tickets/{serial}/playbook/signature",
        sign_fault,
        _WRITE,
        body=Signature,
        summary="Name the fault",
    ),
    Route("GET", "/api/v1/appeals/{token}", appeal_page, LINK, summary="A decision that may be appealed"),
    Route(
        "POST",
        "/api/v1/appeals/{token}",
        appeal_by_link,
        LINK,
        body=AppealByLink,
        status=201,
        summary="Appeal as the person concerned",
    ),
    Route(
        "POST",
        "/api/v1/tickets/{serial}/appeal",
        appeal,
        _WRITE,
        body=Appeal,
        status=201,
        summary="Open an appeal, for somebody else to handle",
    ),
)
