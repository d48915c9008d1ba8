"""The URL table: every route of the public server, and those of the loopback-only ones."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from gateway.http import (
    actions,
    channels,
    chat,
    chat_stream,
    customer_links,
    demo,
    desk,
    desk_stream,
    feedback,
    figures,
    guests,
    help_centre,
    intake,
    knowledge,
    matters,
    pages,
    platforms,
    playbooks,
    privacy,
    sla,
    sorting,
    staff,
    system,
    tickets,
    webhooks,
)
from gateway.http.kit import Route, guarded

# Routes that the channel's sites call from their own pages.
_CROSSING = (*chat.ROUTES, *feedback.CROSSING_ROUTES)


def public_routes(demo_mode: bool) -> tuple[Route, ...]:
    """All routes of the public server."""
    always = (
        *system.ROUTES,
        *_CROSSING,
        *chat_stream.ROUTES,
        *customer_links.ROUTES,
        *guests.ROUTES,
        *help_centre.ROUTES,
        *staff.ROUTES,
        *channels.ROUTES,
        *desk.ROUTES,
        *desk_stream.ROUTES,
        *matters.ROUTES,
        *tickets.ROUTES,
        *intake.ROUTES,
        *webhooks.ROUTES,
        *privacy.ROUTES,
        *sla.ROUTES,
        *sorting.ROUTES,
        *playbooks.ROUTES,
        *figures.ROUTES,
        *knowledge.ROUTES,
        *platforms.ROUTES,
        *pages.ROUTES,
    )
    return (*always, *demo.ROUTES) if demo_mode else always


def add_routes(app: web.Application, routes: Sequence[Route]) -> None:
    """Put routes into an application, each behind its access check."""
    for route in routes:
        handler = guarded(route)
        if route in _CROSSING and route.method != "OPTIONS":
            handler = chat.crossing(handler)
        app.router.add_route(route.method, route.path, handler)


def action_routes() -> tuple[Route, ...]:
    """The loopback-only server that Rasa calls."""
    return actions.ROUTES


def shop_routes() -> tuple[Route, ...]:
    """The demo shop: another origin, as a customer's site would be."""
    return demo.SHOP_ROUTES
