"""The desk: presence, the line, conversations and what an agent does in them: `/api/v1/desk/*`.

Reading is for everybody who works at the desk; writing to a customer is for the one who has the conversation, or
who watches over all.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from bot.episodes import end_episode
from bot.store import conversations, episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, Delivery, Mode, Speaker
from core.clock import rfc3339
from core.errors import Conflict, IllegalMove, Invalid, NotFound, QueueUnavailable
from core.ids import StaffId
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.chat import read_upload, send_file
from gateway.http.desk_views import (
    conversation_detail,
    conversation_rows,
    message_page,
    presence_view,
    queue_items,
    ticket_of,
)
from gateway.http.kit import MAX_TEXT, Handle, Route, body, no_content, number, reply, viewer
from gateway.services import Services, services
from handoff import inbox, store
from handoff.presence import MAX_CAPACITY, Status
from handoff.service import check_owner
from tickets import store as ticket_store
from tickets.lists import Wanted

_DAY = 50
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_Short = Annotated[str, msgspec.Meta(max_length=200)]
_ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class PresenceWish(msgspec.Struct, forbid_unknown_fields=True):
    """What an agent says of themselves; an absent capacity stays."""

    status: Status
    reason: _Short | None = None
    capacity: Annotated[int, msgspec.Meta(ge=1, le=MAX_CAPACITY)] | None = None


class Decline(msgspec.Struct, forbid_unknown_fields=True):
    """Why not."""

    reason: _Short = ""


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    """Words, a file, or both."""

    client_message_id: _ClientId
    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)] = ""
    attachment_id: _Short | None = None


class Note(msgspec.Struct, forbid_unknown_fields=True):
    """A note for colleagues."""

    text: _Text


class Return(msgspec.Struct, forbid_unknown_fields=True):
    """Why the bot goes on."""

    reason: _Short = ""


class NextStep(msgspec.Struct, forbid_unknown_fields=True):
    """What happens next, by whom, by when."""

    text: _Text
    at: datetime
    by: _Short = ""


class Resolve(msgspec.Struct, forbid_unknown_fields=True):
    """The conclusion in words. With a next step the matter stays open and only the conversation ends."""

    solution: _Text
    category_id: _Short | None = None
    result_kind: Literal["solved", "unsolvable", "follow_up", "withdrawn"] = "solved"
    next_step: NextStep | None = None


class Read(msgspec.Struct, forbid_unknown_fields=True):
    """How far the agent has read."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    """What was begun; empty removes it."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class Typing(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the agent is typing."""

    on: bool = True


def speaker(who: Viewer) -> Speaker:
    """The viewer as others see them."""
    return Speaker(StaffId(who.staff_id), who.display_name)


def watches(who: Viewer) -> bool:
    """Whether the viewer watches over all."""
    return Permission.DESK_WATCH in who.permissions


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
    mine, _ = await parts.tickets.page(Wanted(view="mine", limit=_DAY), staff_id=who.staff_id, team_ids=who.team_ids)
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
        await _confirm(parts, (await store.get(tx, handoff_id)).ticket_id, who)
    return reply({"conversation_id": conversation_id})


async def _confirm(parts: Services, ticket_id: str, who: Viewer) -> None:
    async with parts.db.read() as tx:
        serial = (await ticket_store.get(tx, ticket_id)).serial
    try:
        await parts.tickets.confirm(serial, speaker(who))
    except (IllegalMove, Conflict):
        # It was confirmed before, or belongs into other hands: the conversation can be held all the same.
        return


async def decline(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, Decline)
    await parts.handoffs.decline(request.match_info["id"], speaker(who), wish.reason)
    return no_content()


async def get_conversation(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        found = await conversations.get(tx, request.match_info["id"])
        return reply(await conversation_detail(parts, tx, found, who))


async def older_messages(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    before_seq = number(request, "before_seq", 2**53, 1, 2**53)
    async with parts.db.read() as tx:
        found = await conversations.get(tx, request.match_info["id"])
        items, more = await message_page(parts, tx, found.id, before_seq if before_seq < 2**53 else None)
    return reply({"items": items, "has_more": more})


async def send_message(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, NewMessage)
    conversation_id = request.match_info["id"]
    written = await parts.conversations.agent_says(
        conversation_id,
        speaker(who),
        client_message_id=wish.client_message_id,
        text=wish.text,
        file_id=wish.attachment_id,
    )
    async with parts.db.begin() as tx:
        await store.save_draft(tx, who.staff_id, conversation_id, "", parts.clock.now())
    return reply({"message_id": written.message.id, "seq": written.message.seq}, 202)


async def note(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    written = await parts.conversations.note(request.match_info["id"], speaker(who), (await body(request, Note)).text)
    return reply({"message_id": written.id}, 201)


async def give_back(request: web.Request) -> web.StreamResponse:
    """The bot goes on, with what it knew."""
    parts, who = services(request), viewer(request)
    wish = await body(request, Return)
    await parts.handoffs.give_back(request.match_info["id"], speaker(who), wish.reason, watches=watches(who))
    return no_content()


async def resolve(request: web.Request) -> web.StreamResponse:
    """Send the conclusion and end the conversation; with a next step the ticket stays open."""
    parts, who = services(request), viewer(request)
    wish = await body(request, Resolve)
    if wish.next_step is not None:
        await _promise(parts, request.match_info["id"], who, wish, wish.next_step)
        return no_content()
    async with parts.db.begin() as tx:
        found = await _mine(parts, tx, request.match_info["id"], who)
        ticket_id = await ticket_of(tx, found)
        if ticket_id is None:
            raise Conflict("no ticket", text_id="handoff.error.no_episode")
        await parts.tickets.resolve(
            tx,
            ticket_id,
            solution=wish.solution,
            by=speaker(who),
            result_kind=wish.result_kind,
            category_id=wish.category_id,
        )
        # A conclusion on another ticket than the open episode's leaves the conversation where it was.
        await parts.handoffs.finish(tx, found.id)
        await store.save_draft(tx, who.staff_id, found.id, "", parts.clock.now())
    return no_content()


async def _promise(parts: Services, conversation_id: str, who: Viewer, wish: Resolve, step: NextStep) -> None:
    """Tell the customer how it stands, write down what follows, and let go of the conversation."""
    if step.at.tzinfo is None:
        raise Invalid("next_step.at has no zone")
    async with parts.db.read() as tx:
        found = await _mine(parts, tx, conversation_id, who)
        ticket_id = await ticket_of(tx, found)
        if ticket_id is None or found.episode_id is None:
            raise Conflict("no ticket", text_id="handoff.error.no_episode")
        ticket = await ticket_store.get(tx, ticket_id)
    by = speaker(who)
    if wish.category_id is not None and wish.category_id != ticket.category_id:
        await parts.tickets.change(ticket.serial, by, ticket.version, category_id=wish.category_id)
    await parts.tickets.set_next_step(ticket.serial, by, text=step.text, who=step.by or None, at=step.at)
    text = parts.texts.get("ticket.conclusion.follow_up", serial=ticket.serial, solution=wish.solution)
    key = f"follow-up:{found.episode_id}"
    await parts.conversations.agent_says(conversation_id, by, client_message_id=key, text=text)
    async with parts.db.begin() as tx:
        await parts.handoffs.finish(tx, conversation_id, "resolved")
        episode = await episodes.get(tx, found.episode_id)
        await end_episode(tx, parts.tickets, episode, reason="left", now=parts.clock.now())


async def _mine(parts: Services, tx: Any, conversation_id: str, who: Viewer) -> Conversation:
    found = await conversations.get(tx, conversation_id, lock=True)
    check_owner(found, speaker(who), watches=watches(who))
    return found


async def take(request: web.Request) -> web.StreamResponse:
    """Take a conversation that nobody has; who watches over all may take a colleague's."""
    parts, who = services(request), viewer(request)
    conversation_id = await parts.handoffs.take(request.match_info["id"], speaker(who), watches=watches(who))
    async with parts.db.read() as tx:
        ticket_id = await ticket_of(tx, await conversations.get(tx, conversation_id))
    if ticket_id is not None:
        await _confirm(parts, ticket_id, who)
    return reply({"conversation_id": conversation_id})


async def typing(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, Typing)
    await tell_typing(parts, request.match_info["id"], who, on=wish.on)
    return no_content()


async def tell_typing(parts: Services, conversation_id: str, who: Viewer, *, on: bool) -> None:
    """Let the customer see that their agent is typing; anybody else's typing is not shown."""
    async with parts.db.read() as tx:
        found = await conversations.get(tx, conversation_id)
    if found.mode is Mode.AGENT and found.agent_id == who.staff_id:
        parts.conversations.typing(conversation_id, Author.AGENT, on=on)


async def read(request: web.Request) -> web.StreamResponse:
    """Note how far the owner has read; a colleague's look changes nothing."""
    parts, who = services(request), viewer(request)
    wish = await body(request, Read)
    async with parts.db.read() as tx:
        found = await conversations.get(tx, request.match_info["id"])
    if found.agent_id == who.staff_id:
        await parts.conversations.read(found.id, wish.seq, by_agent=True)
    return no_content()


async def put_draft(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, Draft)
    async with parts.db.begin() as tx:
        found = await conversations.get(tx, request.match_info["id"])
        await store.save_draft(tx, who.staff_id, found.id, wish.text, parts.clock.now())
    return no_content()


async def retry_message(request: web.Request) -> web.StreamResponse:
    """Send again what a platform did not take."""
    parts, who = services(request), viewer(request)
    async with parts.db.begin() as tx:
        found = await _mine(parts, tx, request.match_info["id"], who)
        message = await messages.get(tx, request.match_info["message_id"])
        if message.conversation_id != found.id:
            raise NotFound("message")
        if message.delivery is not Delivery.FAILED:
            raise Conflict("not failed")
        now = parts.clock.now()
        await messages.set_delivery(tx, message.id, Delivery.PENDING, due_at=now, attempts=0)
        tx.after_commit(lambda: parts.fanout.publish("desk", {"type": "conversation", "id": found.id}))
    return no_content()


async def upload(request: web.Request) -> web.StreamResponse:
    """Take one file for a message, checked by its content."""
    parts, who = services(request), viewer(request)
    name, data = await read_upload(request)
    stored = await parts.files.store(data, name=name, owner=f"staff:{who.staff_id}")
    return reply({"attachment_id": stored.id, "kind": stored.kind, "name": stored.name, "bytes": stored.bytes}, 201)


async def download(request: web.Request) -> web.StreamResponse:
    """A file that a customer or a colleague sent."""
    parts = services(request)
    async with parts.db.read() as tx:
        stored = await parts.files.find(tx, request.match_info["id"])
    return send_file(parts, stored)


def _heard(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handle:
    """Whoever asks for something is there: programs without a socket stay present by asking."""

    async def handle(request: web.Request) -> web.StreamResponse:
        await services(request).handoffs.presence.heard(viewer(request).staff_id, time.monotonic())
        return await handler(request)

    handle.__name__ = handler.__name__
    return handle


def _route(
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


_ONE = "/conversations/{id}"

ROUTES = (
    _route("GET", "/presence", get_presence, "What I say of myself."),
    _route("PUT", "/presence", put_presence, "Go online, busy, away or offline.", wish=PresenceWish),
    _route("GET", "/day", day, "My day."),
    _route("GET", "/queue", queue, "Who waits."),
    _route("POST", "/handoffs/{id}/accept", accept, "Take a handoff."),
    _route("POST", "/handoffs/{id}/decline", decline, "Leave it to the others.", wish=Decline, status=204),
    _route("GET", "/conversations", list_conversations, "Conversations by view: mine, waiting, team, all."),
    _route("GET", _ONE, get_conversation, "One conversation with everything."),
    _route("GET", f"{_ONE}/messages", older_messages, "Older messages."),
    _route("POST", f"{_ONE}/messages", send_message, "Write to the customer.", wish=NewMessage, status=202),
    _route("POST", f"{_ONE}/messages/{{message_id}}/retry", retry_message, "Send again.", status=204),
    _route("POST", f"{_ONE}/notes", note, "Note something for colleagues.", wish=Note, status=201),
    _route("POST", f"{_ONE}/return", give_back, "Return it to the bot.", wish=Return, status=204),
    _route("POST", f"{_ONE}/resolve", resolve, "Send the conclusion and end.", wish=Resolve, status=204),
    _route("POST", f"{_ONE}/take", take, "Take it by hand."),
    _route("POST", f"{_ONE}/typing", typing, "Show that I am typing.", wish=Typing, status=204),
    _route("POST", f"{_ONE}/read", read, "Note how far I have read.", wish=Read, status=204),
    _route("PUT", f"{_ONE}/draft", put_draft, "Keep what I have begun.", wish=Draft, status=204),
    _route("POST", "/attachments", upload, "Upload a file.", status=201),
    Route("GET", "/api/v1/desk/attachments/{id}", download, Permission.TICKET_READ, summary="A file."),
)
