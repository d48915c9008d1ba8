"""What the desk's handlers share: who speaks, who watches over all, and a route that notes who is there."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.types import Speaker
from core.errors import Conflict, IllegalMove
from core.ids import StaffId
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.kit import Handle, Route, viewer
from gateway.services import Services, services
from tickets import store as ticket_store


def speaker(who: Viewer) -> Speaker:
    """The viewer as others see them."""
    return Speaker(StaffId(who.staff_id), who.display_name)


def watches(who: Viewer) -> bool:
    """Whether the viewer watches over all."""
    return Permission.DESK_WATCH in who.permissions


async def confirm_ticket(parts: Services, ticket_id: str, who: Viewer) -> None:
    """Put the ticket into the agent's hands, as taking the conversation implies."""
    async with parts.db.read() as tx:
        ticket = await ticket_store.get(tx, ticket_id)
        if ticket.merged_into is not None:
            ticket = await ticket_store.get(tx, ticket.merged_into)
    try:
        await parts.tickets.confirm(ticket.serial, speaker(who))
    except (IllegalMove, Conflict):
        # It was confirmed before, or belongs into other hands: the conversation can be held all the same.
        return


def _heard(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handle:
    """Whoever asks for something is there: programs without a socket stay present by asking."""

    async def handle(request: web.Request) -> web.StreamResponse:
        await services(request).handoffs.presence.heard(viewer(request).staff_id, time.monotonic())
        return await handler(request)

    handle.__name__ = handler.__name__
    return handle


def desk_route(
    method: str,
    path: str,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    summary: str,
    *,
    wish: Any = None,
    status: int = 200,
) -> Route:
    full = f"/api/v1/desk{path}"
    return Route(method, full, _heard(handler), Permission.DESK_USE, body=wish, summary=summary, status=status)
