"""The desk's lists: presence, my day, the line, conversations by view, and taking a handoff: `/api/v1/desk/*`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from aiohttp import web

from core.clock import rfc3339
from core.errors import Invalid, QueueUnavailable
from gateway.http import desk_talk
from gateway.http.desk_common import confirm_ticket, desk_route, speaker, watches
from gateway.http.desk_views import conversation_rows, presence_view, queue_items
from gateway.http.gate import reader
from gateway.http.kit import body, no_content, reply, viewer
from gateway.services import Services, services
from handoff import inbox, store
from handoff.presence import MAX_CAPACITY, Status
from tickets.lists import Wanted

# My day is what fits on a page; the rest is in the lists.
_DAY = 50
_Short = Annotated[str, msgspec.Meta(max_length=200)]


class PresenceWish(msgspec.Struct, forbid_unknown_fields=True):
    """What an agent says of themselves; an absent capacity stays."""

    status: Status
    reason: _Short | None = None
    capacity: Annotated[int, msgspec.Meta(ge=1, le=MAX_CAPACITY)] | None = None


class Decline(msgspec.Struct, forbid_unknown_fields=True):
    """Why not."""

    reason: _Short = ""


async def get_presence(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    try:
        found = await parts.handoffs.presence.of(who.staff_id)
    except QueueUnavailable:
        # The page goes on showing what was said last; it comes true again with the line.
        found = parts.handoffs.presence.said_last(who.staff_id)
    return reply(presence_view(found))


async def put_presence(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, PresenceWish)
    found = await parts.handoffs.presence.say(who.staff_id, wish.status, wish.reason or "", wish.capacity)
    parts.fanout.publish("desk", {"type": "presence", "id": who.staff_id})
    return reply(presence_view(found))


async def day(request: web.Request) -> web.StreamResponse:
    """My day: what is due, what came back to me, who waits for my answer."""
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        rows = await inbox.page(tx, "mine", staff_id=who.staff_id, team_ids=who.team_ids)
        unread = await inbox.unread(tx, [row.conversation_id for row in rows])
        waiting = [row for row in rows if unread.get(row.conversation_id)]
        shown = await conversation_rows(parts, tx, waiting, unread)
        in_line = len(await inbox.line(tx, None if watches(who) else who.team_ids))
    mine, _ = await parts.tickets.page(Wanted(view="mine", limit=_DAY), reader=reader(who))
    soon = rfc3339(parts.clock.now().replace(hour=23, minute=59, second=59))
    due = [each for each in mine if each["next_step_at"] and each["next_step_at"] <= soon]
    reopened = [each for each in mine if each["reopened_count"]]
    counts = {
        "conversations": len(rows),
        "waiting_for_me": len(waiting),
        "line": in_line,
        "tickets": len(mine),
        "due": len(due),
        "overdue": sum(each["overdue"] for each in mine),
        "reopened": len(reopened),
    }
    return reply({"counts": counts, "due": due, "reopened": reopened, "waiting": shown})


async def queue(request: web.Request) -> web.StreamResponse:
    """Who waits, in order, in the lines that the viewer may take from."""
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        rows = await inbox.line(tx, None if watches(who) else who.team_ids)
        items = await queue_items(parts, tx, rows, await inbox.positions(tx))
    now = parts.clock.now()
    waits = [(now - row.waiting_since).total_seconds() for row in rows if row.waiting_since]
    return reply({"items": items, "online": await _online(parts), "longest_wait_s": round(max(waits, default=0))})


async def _online(parts: Services) -> int:
    try:
        return sum(agent.takes_work for agent in (await parts.handoffs.presence.roster()).values())
    except QueueUnavailable:
        return 0


async def list_conversations(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    view = request.query.get("view", "mine")
    if view not in inbox.VIEWS:
        raise Invalid("view")
    if view == "all" and not watches(who):
        view = "team"
    async with parts.db.read() as tx:
        if view == "waiting":
            rows = await inbox.line(tx, None if watches(who) else who.team_ids)
        else:
            before = _cursor(request.query.get("cursor"))
            rows = await inbox.page(tx, view, staff_id=who.staff_id, team_ids=who.team_ids, before=before)
        unread = await inbox.unread(tx, [row.conversation_id for row in rows])
        items = await conversation_rows(parts, tx, rows, unread)
    more = len(rows) == inbox.PAGE and view != "waiting"
    return reply({"items": items, "next": f"{items[-1]['last_at']}|{items[-1]['conversation_id']}" if more else None})


def _cursor(text: str | None) -> tuple[datetime, str] | None:
    if not text:
        return None
    at, _, conversation_id = text.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as exc:
        raise Invalid("cursor") from exc
    if moment.tzinfo is None:
        raise Invalid("cursor")
    return moment, conversation_id


async def accept(request: web.Request) -> web.StreamResponse:
    """Take a handoff; its ticket is confirmed with it."""
    parts, who = services(request), viewer(request)
    handoff_id = request.match_info["id"]
    conversation_id = await parts.handoffs.accept(handoff_id, speaker(who), watches=watches(who))
    async with parts.db.read() as tx:
        await confirm_ticket(parts, (await store.get(tx, handoff_id)).ticket_id, who)
    return reply({"conversation_id": conversation_id})


async def decline(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, Decline)
    await parts.handoffs.decline(request.match_info["id"], speaker(who), wish.reason)
    return no_content()


ROUTES = (
    desk_route("GET", "/presence", get_presence, "What I say of myself."),
    desk_route("PUT", "/presence", put_presence, "Go online, busy, away or offline.", wish=PresenceWish),
    desk_route("GET", "/day", day, "My day."),
    desk_route("GET", "/queue", queue, "Who waits."),
    desk_route("POST", "/handoffs/{id}/accept", accept, "Take a handoff."),
    desk_route("POST", "/handoffs/{id}/decline", decline, "Leave it to the others.", wish=Decline, status=204),
    desk_route("GET", "/conversations", list_conversations, "Conversations by view: mine, waiting, team, all."),
    *desk_talk.ROUTES,
)
