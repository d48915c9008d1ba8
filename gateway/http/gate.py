"""What stands between who may use a route and a customer's record: the agreement first, then the matter at hand.

Kept in one place, so that a new route under a ticket or a conversation is behind it without a word of its own. A
route that names tickets in its body asks by itself (`reader`, `Openings.check_all`).
"""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select

from bot.store import conversations
from bot.tables import episodes
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.services import Services, services
from handoff import store as handoffs
from tickets.privacy.openings import ReasonRequired
from tickets.privacy.scope import Reader, reader_of

# Who needs one of these is about to see what customers said or who they are.
RECORDS = frozenset(
    {
        Permission.DESK_USE,
        Permission.DESK_WATCH,
        Permission.TICKET_READ,
        Permission.TICKET_READ_ALL,
        Permission.TICKET_WRITE,
        Permission.TICKET_ESCALATE,
        Permission.TICKET_EXPERT,
        Permission.TICKET_REVIEW,
        Permission.TICKET_CLASSIFY,
        Permission.QUALITY_INSPECT,
    }
)
# … and so is who calls these, whatever they need.
_RECORD_PATHS = ("/api/v1/tickets", "/api/v1/desk", "/api/v1/customers")
_ONE_TICKET = "/api/v1/tickets/{serial}"
_OPEN_TICKET = "/api/v1/tickets/{serial}/open"
_ONE_CONVERSATION = "/api/v1/desk/conversations/{id}"
_OPEN_CONVERSATION = "/api/v1/desk/conversations/{id}/open"
_ONE_CUSTOMER = "/api/v1/customers/{id}"


def reader(who: Viewer) -> Reader:
    """Who asks, as tickets see them."""
    return reader_of(who.staff_id, who.roles, who.team_ids, program=who.key)


async def admit_to_records(request: web.Request, path: str, access: object, who: Viewer) -> None:
    """Let a request through to what it names. Raises AgreementRequired, ReasonRequired, NotFound."""
    parts = services(request)
    if access not in RECORDS and not path.startswith(_RECORD_PATHS):
        return
    if not who.key:
        await parts.privacy.agreements.check(who.staff_id)
    if _under(path, _ONE_TICKET):
        if path != _OPEN_TICKET:
            await parts.privacy.openings.check(reader(who), request.match_info["serial"])
    elif _under(path, _ONE_CONVERSATION):
        if path != _OPEN_CONVERSATION:
            await _admit_to_conversation(parts, request.match_info["id"], who)
    elif _under(path, _ONE_CUSTOMER):
        async with parts.db.read() as tx:
            await parts.privacy.openings.check_customer(tx, reader(who), request.match_info["id"])


def _under(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


async def _admit_to_conversation(parts: Services, conversation_id: str, who: Viewer) -> None:
    """One's own conversation, one that waits in one's line, or one whose present matter one may open."""
    asks = reader(who)
    if asks.everything:
        return
    async with parts.db.read() as tx:
        found = await conversations.get(tx, conversation_id)
        if found.agent_id == who.staff_id:
            return
        waiting = await handoffs.last_of(tx, found.id)
        if waiting is not None and waiting.state in handoffs.OPEN and waiting.team_id in asks.lines:
            return
        query = select(episodes.c.ticket_id).where(episodes.c.conversation_id == found.id)
        if found.episode_id is not None:
            query = query.where(episodes.c.id == found.episode_id)
        ticket_id = await tx.scalar(query.order_by(episodes.c.started_at.desc()).limit(1))
        if ticket_id is None:
            raise ReasonRequired("outside the teams")
        await parts.privacy.openings.check_id(tx, asks, [ticket_id])
