"""Least privilege for staff: opening by a reason, revealing for a minute, the agreement; and the views of the list."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from core.clock import rfc3339
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.gate import reader
from gateway.http.kit import STAFF, Route, body, no_content, reply, viewer
from gateway.services import services
from tickets.lists import COUNTED, Wanted
from tickets.privacy.reveals import Reveal
from tickets.views import SavedView

_Reason = Annotated[str, msgspec.Meta(max_length=400)]
# Views that the desk numbers; what has ended is not counted.
_COUNTED_VIEWS = ("mine", "team", "open", "expert", "review", "overdue", "following", "sorting", "snoozed")


class Opening(msgspec.Struct, forbid_unknown_fields=True):
    """Why a ticket of others is opened."""

    reason: _Reason


class Look(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be seen, and why. `key` names the field, message or identity where `what` has several."""

    what: str
    reason: _Reason
    key: Annotated[str, msgspec.Meta(max_length=80)] = ""


class Acceptance(msgspec.Struct, forbid_unknown_fields=True):
    """The version that was read."""

    version: int


class NewAgreement(msgspec.Struct, forbid_unknown_fields=True):
    """A new text, in Markdown."""

    text: str


class View(msgspec.Struct, forbid_unknown_fields=True):
    """A saved view as a whole."""

    name: str
    filters: dict[str, str] = {}
    sort: str = ""
    columns: list[str] = []
    team_id: str | None = None


async def open_ticket(request: web.Request) -> web.StreamResponse:
    """Open a ticket outside one's teams for a while; within them nothing is needed and nothing recorded."""
    wish, serial = await body(request, Opening), request.match_info["serial"].upper()
    until = await services(request).privacy.openings.open(reader(viewer(request)), serial, wish.reason)
    return reply({"serial": serial, "until": rfc3339(until) if until else None}, 201)


async def reveal(request: web.Request) -> web.StreamResponse:
    """Show one masked value for a minute."""
    wish, serial = await body(request, Look), request.match_info["serial"].upper()
    shown = await services(request).privacy.reveals.show(
        viewer(request).staff_id, serial, what=wish.what, key=wish.key, reason=wish.reason
    )
    return reply(_reveal(shown), 201)


async def reveal_again(request: web.Request) -> web.StreamResponse:
    """The same value within its minute."""
    serial, reveal_id = request.match_info["serial"].upper(), request.match_info["id"]
    return reply(_reveal(await services(request).privacy.reveals.again(viewer(request).staff_id, serial, reveal_id)))


def _reveal(shown: Reveal) -> dict[str, str]:
    return {"id": shown.id, "value": shown.value, "until": rfc3339(shown.until)}


async def get_agreement(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        current = await parts.privacy.agreements.current(tx)
        accepted = who.key or await parts.privacy.agreements.is_accepted(tx, who.staff_id)
    if current is None:
        return reply({"version": 0, "text": "", "published_at": None, "accepted": True})
    published = rfc3339(current.published_at)
    return reply({"version": current.version, "text": current.text, "published_at": published, "accepted": accepted})


async def accept_agreement(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Acceptance)
    await services(request).privacy.agreements.accept(viewer(request).staff_id, wish.version)
    return no_content()


async def put_agreement(request: web.Request) -> web.StreamResponse:
    """A new version, which everybody is asked to accept."""
    wish = await body(request, NewAgreement)
    version = await services(request).privacy.agreements.publish(wish.text, by=viewer(request).staff_id)
    return reply({"version": version})


async def list_acceptances(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        rows = await parts.privacy.agreements.accepted_by(tx)
    items = [
        {
            "id": row["id"],
            "name": row["display_name"],
            "at": rfc3339(row["at"]) if row["at"] else None,
            "how": row["how"],
        }
        for row in rows
    ]
    return reply({"items": items, "next": None})


async def list_views(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        found = await parts.views.of(tx, who.staff_id, who.team_ids)
        names = await parts.people.names(tx, {each.staff_id for each in found})
    return reply({"items": [_view(each, who, names.get(each.staff_id)) for each in found], "next": None})


def _view(view: SavedView, who: Viewer, owner: str | None) -> dict[str, object]:
    return {
        "id": view.id,
        "name": view.name,
        "filters": view.filters,
        "sort": view.sort,
        "columns": view.columns,
        "team_id": view.team_id,
        "mine": view.staff_id == who.staff_id,
        "owner_name": owner,
    }


async def add_view(request: web.Request) -> web.StreamResponse:
    parts, who, wish = services(request), viewer(request), await body(request, View)
    view_id = await parts.views.save(who.staff_id, who.team_ids, **msgspec.structs.asdict(wish))
    return reply({"id": view_id}, 201)


async def change_view(request: web.Request) -> web.StreamResponse:
    parts, who, wish = services(request), viewer(request), await body(request, View)
    await parts.views.change(who.staff_id, who.team_ids, request.match_info["id"], **msgspec.structs.asdict(wish))
    return no_content()


async def remove_view(request: web.Request) -> web.StreamResponse:
    await services(request).views.remove(viewer(request).staff_id, request.match_info["id"])
    return no_content()


async def count_views(request: web.Request) -> web.StreamResponse:
    """How many tickets the delivered views and one's saved ones hold, no further than `most`."""
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        saved = await parts.views.of(tx, who.staff_id, who.team_ids)
    wanted = [Wanted(view=name) for name in _COUNTED_VIEWS] + [each.wanted() for each in saved]
    found = await parts.tickets.counts(reader(who), wanted)
    names = [*_COUNTED_VIEWS, *(each.id for each in saved)]
    return reply({"counts": dict(zip(names, found, strict=True)), "most": COUNTED})


_READ, _WRITE, _SETTINGS = Permission.TICKET_READ, Permission.TICKET_WRITE, Permission.SETTINGS_WRITE
_TICKET = "/api/v1/tickets/{serial}"
_VIEWS = "/api/v1/ticket-views"

ROUTES = (
    Route("POST", f"{_TICKET}/open", open_ticket, _READ, body=Opening, status=201, summary="Open others' by a reason"),
    Route("POST", f"{_TICKET}/reveals", reveal, _WRITE, body=Look, status=201, summary="Show a masked value once"),
    Route("GET", f"{_TICKET}/reveals/{{id}}", reveal_again, _WRITE, summary="The same value within its minute"),
    Route("GET", "/api/v1/agreement", get_agreement, STAFF, summary="The confidentiality agreement in force"),
    Route(
        "POST", "/api/v1/agreement/accept", accept_agreement, STAFF, body=Acceptance, status=204, summary="Accept it"
    ),
    Route("PUT", "/api/v1/agreement", put_agreement, _SETTINGS, body=NewAgreement, summary="A new version of it"),
    Route("GET", "/api/v1/agreement/acceptances", list_acceptances, _SETTINGS, summary="Who has accepted it, and when"),
    Route("GET", _VIEWS, list_views, _READ, summary="Saved views: one's own and those of one's teams"),
    Route("POST", _VIEWS, add_view, _READ, body=View, status=201, summary="Save a view"),
    Route("GET", f"{_VIEWS}/counts", count_views, _READ, summary="How many tickets each view holds"),
    Route("PUT", f"{_VIEWS}/{{id}}", change_view, _READ, body=View, status=204, summary="Change one's own view"),
    Route("DELETE", f"{_VIEWS}/{{id}}", remove_view, _READ, status=204, summary="Delete one's own view"),
)
