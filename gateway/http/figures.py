"""Figures: overview, cuts, playback faults, what is behind a figure, targets, files. `/api/v1/figures/*`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
from aiohttp import web

from core.db import Tx
from core.errors import Forbidden, Invalid
from core.people.roles import Permission
from gateway.http.gate import reader
from gateway.http.kit import Route, body, language, no_content, number, reply, viewer
from gateway.services import Services, services
from knowledge_base import store as articles
from tickets import store as ticket_store
from tickets.figures import export
from tickets.figures.asking import Asked
from tickets.figures.export import Sheet
from tickets.figures.service import Figures
from tickets.privacy.scope import in_scope

_MAX_DAYS = 366
_CSV, _XLSX = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NewTarget(msgspec.Struct, forbid_unknown_fields=True):
    """A target of our own: shares between 0 and 1, times in seconds; null: the figure shall have none."""

    target: float | None


def _figures(request: web.Request) -> Figures:
    return services(request).figures


def _asked(request: web.Request) -> Asked:
    """The period and filters of the query; `days=30` is short for the last thirty days."""
    query = dict(request.query)
    figures = _figures(request)
    if "days" in query:
        days = number(request, "days", 30, 1, _MAX_DAYS)
        today = services(request).clock.now().astimezone(figures.zone).date()
        query |= {"period": "custom", "from": (today - timedelta(days=days - 1)).isoformat(), "to": today.isoformat()}
    return figures.asked(query)


async def _titles(tx: Tx, ids: Sequence[str]) -> Mapping[str, str]:
    """Articles by the question that they answer."""
    wanted = set(ids)
    return {
        row.id: (row.live or row.draft).question
        for row in await articles.all_articles(tx, archived=True)
        if row.id in wanted
    }


async def get_overview(request: web.Request) -> web.StreamResponse:
    return reply(await _figures(request).overview(_asked(request), _titles, language(request)))


async def get_cut(request: web.Request) -> web.StreamResponse:
    """Every figure by one dimension; without `by` per channel."""
    by = request.query.get("by") or "channel"
    return reply({"items": await _figures(request).cut(_asked(request), by, language(request)), "next": None})


async def get_faults(request: web.Request) -> web.StreamResponse:
    return reply({"items": await _figures(request).faults(_asked(request)), "next": None})


async def get_choices(request: web.Request) -> web.StreamResponse:
    return reply(await _figures(request).choices(language(request)))


async def get_definitions(request: web.Request) -> web.StreamResponse:
    return reply({"items": await _figures(request).definitions(language(request)), "next": None})


async def get_tickets(request: web.Request) -> web.StreamResponse:
    """The newest tickets behind a figure; `misses=1` those that it missed. One sees those that one may see anyway."""
    who, parts = viewer(request), services(request)
    if Permission.TICKET_READ not in who.permissions:
        raise Forbidden(Permission.TICKET_READ.value)
    if not who.key:
        await parts.privacy.agreements.check(who.staff_id)

    async def briefs(tx: Tx, ids: list[str]) -> list[dict[str, Any]]:
        return await parts.tickets.briefs(tx, [await ticket_store.get(tx, each) for each in ids])

    figure, misses = request.query.get("figure", ""), request.query.get("misses") == "1"
    return reply(
        await parts.figures.behind(_asked(request), figure, misses=misses, scope=in_scope(reader(who)), briefs=briefs)
    )


async def put_target(request: web.Request) -> web.StreamResponse:
    parts, wish = services(request), await body(request, NewTarget)
    await parts.figures.set_target(
        request.match_info["figure"], wish.target, viewer(request).staff_id, parts.audit.write
    )
    return no_content()


async def delete_target(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    await parts.figures.reset_target(request.match_info["figure"], viewer(request).staff_id, parts.audit.write)
    return no_content()


async def get_file(request: web.Request) -> web.StreamResponse:
    """A CSV of one table (`table`, by default the figures) or an XLSX of all; who took it is in the audit."""
    parts, asked, kind = services(request), _asked(request), request.query.get("format", "csv")
    table = request.query.get("table") or "figures"
    if kind not in ("csv", "xlsx") or table not in (*export.TABLES, *export.MORE):
        raise Invalid("format or table")
    said = language(request)
    wanted = (table,) if kind == "csv" else (*export.TABLES, *export.MORE)
    sheets = [await _sheet(parts, asked, each, said) for each in wanted]
    async with parts.db.begin() as tx:
        period = f"{asked.days.first}/{asked.days.last}"
        await parts.audit.write(
            tx,
            viewer(request).staff_id,
            "figures.exported",
            table if kind == "csv" else "all",
            format=kind,
            period=period,
            filters=sorted(asked.filters),
        )
    if kind == "csv":
        content, media = await asyncio.to_thread(export.as_csv, sheets[0]), _CSV
    else:
        content, media = await asyncio.to_thread(export.as_xlsx, sheets), _XLSX
    name = f"{parts.texts.get('figure.file', said)}-{asked.days.first}-{asked.days.last}.{kind}"
    return web.Response(
        body=content,
        content_type=media,
        charset="utf-8" if kind == "csv" else None,
        headers={
            "Content-Disposition": f"attachment; filename=\"figures.{kind}\"; filename*=UTF-8''{quote(name)}",
            "Cache-Control": "no-store",
        },
    )


async def _sheet(parts: Services, asked: Asked, table: str, said: str) -> Sheet:
    match table:
        case "figures" | "hours" | "questions":
            told = await parts.figures.overview(asked, _titles, said)
            if table == "figures":
                return export.overview_sheet(told, parts.texts, said)
            if table == "hours":
                return export.hours_sheet(told["hours"], parts.texts, said)
            return export.questions_sheet(told["questions"], parts.texts, said)
        case "faults":
            return export.faults_sheet(await parts.figures.faults(asked), parts.texts, said)
        case _:
            return export.cut_sheet(table, await parts.figures.cut(asked, table, said), parts.texts, said)


def _route(method: str, path: str, handler: Any, access: Permission = Permission.FIGURES_READ, **more: Any) -> Route:
    return Route(method, f"/api/v1/figures{path}", handler, access, **more)


ROUTES = (
    _route("GET", "/overview", get_overview, summary="All figures of a period, with targets and course"),
    _route("GET", "/cut", get_cut, summary="All figures by channel, team, agent, category and the like"),
    _route("GET", "/faults", get_faults, summary="Playback faults by city, provider, device and app version"),
    _route("GET", "/choices", get_choices, summary="What figures can be filtered by"),
    _route("GET", "/definitions", get_definitions, summary="What each figure means, and its target"),
    _route("GET", "/tickets", get_tickets, summary="The tickets behind a figure"),
    _route("GET", "/file", get_file, summary="Figures as CSV or XLSX"),
    _route(
        "PUT",
        "/targets/{figure}",
        put_target,
        Permission.FIGURES_TARGET,
        body=NewTarget,
        status=204,
        summary="Set a figure's target",
    ),
    _route(
        "DELETE",
        "/targets/{figure}",
        delete_target,
        Permission.FIGURES_TARGET,
        status=204,
        summary="Go back to the delivered target",
    ),
)
