"""One conversation at the desk: reading it, and what an agent does in it: `/api/v1/desk/conversations/{id}/*`.

Reading is for everybody who works at the desk; writing to a customer is for the one who has the conversation, and
concluding also for who watches over all.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from bot.episodes import end_episode
from bot.store import conversations, episodes, messages
from bot.store.conversations import Conversation
from bot.types import Author, Delivery, Mode
from core.clock import rfc3339
from core.db import Tx
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.chat import read_upload, send_file
from gateway.http.desk_common import confirm_ticket, desk_route, speaker, watches
from gateway.http.desk_views import conversation_detail, message_page, ticket_of
from gateway.http.gate import reader
from gateway.http.kit import MAX_TEXT, Route, body, no_content, number, reply, viewer
from gateway.services import Services, services
from handoff import store
from handoff.service import check_owner
from tickets import store as ticket_store
from tickets.attachments import Opener
from tickets.playbooks.plan import MAX_STEPS, MAX_VALUE

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TEXT)]
_Short = Annotated[str, msgspec.Meta(max_length=200)]
_Value = Annotated[str, msgspec.Meta(max_length=MAX_VALUE)]
_ClientId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


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
    reason: _Text | None = None
    alternative: _Text | None = None
    follow_up_team_id: _Short | None = None
    follow_up_at: datetime | None = None
    cause: Literal["platform", "user", "third_party"] | None = None
    cause_text: _Text | None = None
    playbook: dict[str, _Value] | None = None  # field of the category's playbook → value
    steps_done: Annotated[list[str], msgspec.Meta(max_length=MAX_STEPS)] = []  # its steps that are done by now


class Opening(msgspec.Struct, forbid_unknown_fields=True):
    """Why somebody else's conversation is needed."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class Read(msgspec.Struct, forbid_unknown_fields=True):
    """How far the agent has read."""

    seq: Annotated[int, msgspec.Meta(ge=0)]


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    """What was begun; empty removes it."""

    text: Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]


class Typing(msgspec.Struct, forbid_unknown_fields=True):
    """Whether the agent is typing."""

    on: bool = True


async def get_conversation(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    async with parts.db.read() as tx:
        found = await conversations.get(tx, request.match_info["id"])
        return reply(await conversation_detail(parts, tx, found, who))


async def open_by_reason(request: web.Request) -> web.StreamResponse:
    """Open the conversation's matter for a while, when it is outside one's teams; the reason is audited."""
    parts, wish = services(request), await body(request, Opening)
    async with parts.db.read() as tx:
        ticket_id = await ticket_of(tx, await conversations.get(tx, request.match_info["id"]))
        if ticket_id is None:
            raise NotFound("ticket")
        serial = (await ticket_store.get(tx, ticket_id)).serial
    until = await parts.privacy.openings.open(reader(viewer(request)), serial, wish.reason)
    return reply({"serial": serial, "until": rfc3339(until) if until else None}, 201)


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
            reason=wish.reason,
            alternative=wish.alternative,
            follow_up_team_id=wish.follow_up_team_id,
            follow_up_at=wish.follow_up_at,
            cause=wish.cause,
            cause_text=wish.cause_text,
            playbook=wish.playbook,
            steps_done=wish.steps_done,
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
    await parts.tickets.set_next_step(ticket.serial, by, text=step.text, who=step.by or None, at=step.at, tell=True)
    text = parts.texts.get("ticket.conclusion.follow_up", serial=ticket.serial, solution=wish.solution)
    key = f"follow-up:{found.episode_id}"
    await parts.conversations.agent_says(conversation_id, by, client_message_id=key, text=text)
    async with parts.db.begin() as tx:
        await parts.handoffs.finish(tx, conversation_id, "resolved")
        episode = await episodes.get(tx, found.episode_id)
        await end_episode(tx, parts.tickets, episode, reason="left", now=parts.clock.now())


async def _mine(parts: Services, tx: Tx, conversation_id: str, who: Viewer) -> Conversation:
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
        await confirm_ticket(parts, ticket_id, who)
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
    """A file that a customer or a colleague sent, for whom its ticket lets open it."""
    parts, who = services(request), viewer(request)
    permissions = {each.value for each in who.permissions}
    async with parts.db.read() as tx:
        stored = await parts.files.find(tx, request.match_info["id"])
        if not await parts.tickets.may_open_file(tx, stored.id, Opener(who.staff_id, who.team_ids, permissions)):
            raise Forbidden("file", text_id="error.file_closed")
    return send_file(parts, stored)


_ONE = "/conversations/{id}"

ROUTES = (
    desk_route("GET", _ONE, get_conversation, "One conversation with everything."),
    desk_route("POST", f"{_ONE}/open", open_by_reason, "Open others' by a reason.", wish=Opening, status=201),
    desk_route("GET", f"{_ONE}/messages", older_messages, "Older messages."),
    desk_route("POST", f"{_ONE}/messages", send_message, "Write to the customer.", wish=NewMessage, status=202),
    desk_route("POST", f"{_ONE}/messages/{{message_id}}/retry", retry_message, "Send again.", status=204),
    desk_route("POST", f"{_ONE}/notes", note, "Note something for colleagues.", wish=Note, status=201),
    desk_route("POST", f"{_ONE}/return", give_back, "Return it to the bot.", wish=Return, status=204),
    desk_route("POST", f"{_ONE}/resolve", resolve, "Send the conclusion and end.", wish=Resolve, status=204),
    desk_route("POST", f"{_ONE}/take", take, "Take it by hand."),
    desk_route("POST", f"{_ONE}/typing", typing, "Show that I am typing.", wish=Typing, status=204),
    desk_route("POST", f"{_ONE}/read", read, "Note how far I have read.", wish=Read, status=204),
    desk_route("PUT", f"{_ONE}/draft", put_draft, "Keep what I have begun.", wish=Draft, status=204),
    desk_route("POST", "/attachments", upload, "Upload a file.", status=201),
    Route("GET", "/api/v1/desk/attachments/{id}", download, Permission.TICKET_READ, summary="A file."),
)
