"""Sorting: the classifier's queue, a ticket's category, the tree and its editor, versions of the classifier."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import func, select

from core.clock import UTC
from core.errors import Invalid, NotFound
from core.people.roles import Permission
from gateway.http.gate import reader
from gateway.http.kit import STAFF, Route, body, no_content, number, reply, viewer
from gateway.http.tickets import speaker
from gateway.services import Services, services
from tickets import categories
from tickets.privacy.scope import in_scope
from tickets.sorting import queue
from tickets.sorting.decision import Known, decide
from tickets.sorting.features import clean
from tickets.sorting.service import suggestions
from tickets.tables import tickets

_PAGE, _MAX_PAGE = 20, 50
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=categories.MAX_NAME)]
_Words = Annotated[list[str], msgspec.Meta(max_length=categories.MAX_KEYWORDS)]
_Signs = Annotated[list[str], msgspec.Meta(max_length=categories.MAX_SIGNS)]


class Sorted(msgspec.Struct, forbid_unknown_fields=True):
    """A person's word. `version` is the one that was read."""

    version: int
    category_id: str


class NewCategory(msgspec.Struct, forbid_unknown_fields=True):
    """A category under a branch, or (without `parent_id`) a branch."""

    name: _Name
    team_id: str
    parent_id: str | None = None
    keywords: _Words = []
    signs: _Signs = []


class CategoryChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is absent stays. The id never changes."""

    name: _Name | msgspec.UnsetType = msgspec.UNSET
    team_id: str | msgspec.UnsetType = msgspec.UNSET
    keywords: _Words | msgspec.UnsetType = msgspec.UNSET
    signs: _Signs | msgspec.UnsetType = msgspec.UNSET
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000)] | msgspec.UnsetType = msgspec.UNSET
    archived: bool | msgspec.UnsetType = msgspec.UNSET


class Trial(msgspec.Struct, forbid_unknown_fields=True):
    """Words to try."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]


async def get_queue(request: web.Request) -> web.StreamResponse:
    """What waits for a person to sort it, with what the model thinks."""
    parts, who = services(request), viewer(request)
    zone = ZoneInfo(parts.settings.timezone)
    today = datetime.combine(parts.clock.now().astimezone(zone).date(), time.min, zone).astimezone(UTC)
    async with parts.db.read() as tx:
        found = await queue.page(
            tx,
            parts.tickets.briefs,
            limit=number(request, "limit", _PAGE, 1, _MAX_PAGE),
            staff_id=who.staff_id,
            since=today,
            scope=in_scope(reader(who)),
        )
    return reply({**found, "next": None})


async def sort_ticket(request: web.Request) -> web.StreamResponse:
    """Say what a matter is about; it goes to the category's team while nobody has taken it on."""
    wish, parts = await body(request, Sorted), services(request)
    ticket = await parts.tickets.change(
        request.match_info["serial"].upper(), speaker(viewer(request)), wish.version, category_id=wish.category_id
    )
    async with parts.db.read() as tx:
        return reply(await parts.tickets.brief_of(tx, ticket.id))


async def edited_tree(request: web.Request) -> web.StreamResponse:
    """The whole tree with words, signs, archived ones, and how many tickets each has."""
    async with services(request).db.read() as tx:
        tree = (await categories.load(tx)).as_tree(archived=True, full=True)
        rows = await tx.all(select(tickets.c.category_id, func.count().label("many")).group_by(tickets.c.category_id))
    return reply({"items": _counted(tree, {row.category_id: int(row.many) for row in rows}), "next": None})


def _counted(nodes: list[dict[str, Any]], counts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {**node, "tickets": counts.get(node["id"], 0), "children": _counted(node["children"], counts)} for node in nodes
    ]


async def add_category(request: web.Request) -> web.StreamResponse:
    """Add one; its id is made here and never changes."""
    wish, parts, who = await body(request, NewCategory), services(request), viewer(request)
    async with parts.db.begin() as tx:
        await _check_team(parts, tx, wish.team_id)
        made = await categories.add(
            tx,
            parent_id=wish.parent_id,
            name=wish.name,
            team_id=wish.team_id,
            keywords=wish.keywords,
            signs=wish.signs,
        )
        await parts.audit.write(tx, who.staff_id, "category.added", made, name=wish.name)
    parts.tickets.forget_tree()
    return reply({"id": made}, 201)


async def change_category(request: web.Request) -> web.StreamResponse:
    """Rename, address, word, order, archive or bring back."""
    wish, parts, who = await body(request, CategoryChange), services(request), viewer(request)
    values = {name: getattr(wish, name) for name in wish.__struct_fields__ if getattr(wish, name) is not msgspec.UNSET}
    async with parts.db.begin() as tx:
        if "team_id" in values:
            await _check_team(parts, tx, values["team_id"])
        await categories.edit(tx, request.match_info["id"], now=parts.clock.now(), **values)
        await parts.audit.write(
            tx, who.staff_id, "category.changed", request.match_info["id"], changed=", ".join(sorted(values))
        )
    parts.tickets.forget_tree()
    return no_content()


async def _check_team(parts: Services, tx: Any, team_id: str) -> None:
    if await parts.people.team(tx, team_id) is None:
        raise Invalid("unknown team")


async def try_words(request: web.Request) -> web.StreamResponse:
    """Where a text would be sorted, and why."""
    wish, parts = await body(request, Trial), services(request)
    async with parts.db.read() as tx:
        tree = await categories.load(tx)
    guess = await parts.tickets.sorting.think(wish.text)
    decision = decide(tree, Known(wish.text, None, guess))
    by_words, strength = tree.by_words(wish.text)
    return reply(
        {
            "category_id": decision.category_id,
            "category_name": tree.name(decision.category_id),
            "way": decision.way.value,
            "words": {"category_name": tree.name(by_words), "strength": strength},
            "suggestions": suggestions(guess, tree),
            "normal_form": clean(wish.text),
        }
    )


async def get_classifiers(request: web.Request) -> web.StreamResponse:
    """All versions with what they were examined on, and what has been sorted by people since."""
    return reply(await services(request).tickets.sorting.status())


async def train_classifier(request: web.Request) -> web.StreamResponse:
    """Put a training in line; the version appears in the list when it is made."""
    await services(request).tickets.sorting.train_soon(speaker(viewer(request)))
    return reply({"training": True}, 202)


async def activate_classifier(request: web.Request) -> web.StreamResponse:
    """Let this version sort from now on; an older one brings its state back."""
    text = request.match_info["number"]
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise NotFound("classifier")
    await services(request).tickets.sorting.activate(int(text), speaker(viewer(request)))
    return no_content()


async def deactivate_classifier(request: web.Request) -> web.StreamResponse:
    """Let words alone sort until a version is chosen again."""
    await services(request).tickets.sorting.activate(None, speaker(viewer(request)))
    return no_content()


_SORT, _SETTINGS = Permission.TICKET_CLASSIFY, Permission.SETTINGS_WRITE

ROUTES = (
    Route("GET", "/api/v1/sorting/queue", get_queue, _SORT, summary="What waits to be sorted, with suggestions"),
    Route(
        "POST", "/api/v1/tickets/{serial}/category", sort_ticket, _SORT, body=Sorted, summary="Sort one ticket by hand"
    ),
    Route("POST", "/api/v1/sorting/try", try_words, STAFF, body=Trial, summary="Where a text would be sorted"),
    Route("GET", "/api/v1/categories/editor", edited_tree, _SETTINGS, summary="The tree as editors see it"),
    Route(
        "POST", "/api/v1/categories", add_category, _SETTINGS, body=NewCategory, status=201, summary="A new category"
    ),
    Route(
        "PATCH",
        "/api/v1/categories/{id}",
        change_category,
        _SETTINGS,
        body=CategoryChange,
        status=204,
        summary="Rename, address, word, order or archive a category",
    ),
    Route("GET", "/api/v1/sorting/classifiers", get_classifiers, _SORT, summary="Versions of the classifier"),
    Route("POST", "/api/v1/sorting/classifiers", train_classifier, _SETTINGS, status=202, summary="Train a version"),
    Route(
        "POST",
        "/api/v1/sorting/classifiers/{number}/activate",
        activate_classifier,
        _SETTINGS,
        status=204,
        summary="Let a version sort",
    ),
    Route(
        "DELETE",
        "/api/v1/sorting/classifiers/active",
        deactivate_classifier,
        _SETTINGS,
        status=204,
        summary="Let words alone sort",
    ),
)
