"""The customer side of the public contract: `/api/v1/chat/*` and the config the widget reads first."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

from aiohttp import BodyPartReader, web

from bot.store import channels, conversations, messages
from bot.store.conversations import Conversation
from connectors.web.connector import check_origin
from connectors.web.wire import (
    Contact,
    HeadWish,
    Helpful,
    MessageStored,
    NewMessage,
    NewSession,
    Nothing,
    SessionMade,
    SurveyAnswer,
    TicketReopen,
    TicketWords,
    message_view,
)
from core.db import Tx
from core.errors import BadRequest, FrontlineError, Invalid, NotFound, TooLarge
from core.files import VIDEO_LIMIT, StoredFile
from gateway.auth.viewer import Visitor
from gateway.http.kit import (
    OPEN,
    VISITOR,
    Handle,
    Route,
    address,
    body,
    error_response,
    no_content,
    number,
    reply,
    visitor,
)
from gateway.limits import Limit
from gateway.services import Services, services

# A browser that missed a hint (another process, Redis down) is never behind for longer than this.
_LOOK_AGAIN_S = 2.0
_PAGE = 200
_SPEED_LIMIT = 4_000_000
_UPLOAD_SLACK = 64 * 1024
# Uploads are held in memory while they are checked; more at once than this wait.
_UPLOADS = asyncio.Semaphore(4)
_SPEED_BLOCK = os.urandom(65_536)


async def _limit_address(request: web.Request) -> None:
    parts = services(request)
    per_minute = parts.settings.address_requests_per_min
    await parts.limits.take(Limit("requests", per_minute, per_minute / 60), address(request))


def _cors(request: web.Request, response: web.StreamResponse) -> None:
    origin = request.headers.get("Origin")
    if origin is None or response.prepared:
        return
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers.add("Vary", "Origin")


def crossing(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handle:
    """Let the channel's sites call a handler from their pages; others get 403 and no CORS headers."""

    async def handle(request: web.Request) -> web.StreamResponse:
        parts = services(request)
        await _limit_address(request)
        origin = request.headers.get("Origin")
        if origin is not None:
            check_origin(origin, await parts.web.allowed_origins(), f"{request.scheme}://{request.host}")
        try:
            response = await handler(request)
        except FrontlineError as exc:
            # The page must be able to read why it failed.
            response = error_response(request, exc)
        _cors(request, response)
        return response

    handle.__name__ = handler.__name__
    return handle


async def preflight(request: web.Request) -> web.StreamResponse:
    """Answer a browser's question whether it may call."""
    own = f"{request.scheme}://{request.host}"
    check_origin(request.headers.get("Origin"), await services(request).web.allowed_origins(), own)
    response = no_content()
    _cors(request, response)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = "7200"
    return response


async def config(request: web.Request) -> web.StreamResponse:
    """What the widget shows before a session is made."""
    channel = await services(request).web.channel(request.query.get("channel_key"))
    profile = channel.profile
    return reply(
        {
            "name": channel.name,
            "greeting": profile.get("greeting", ""),
            "hot": profile.get("hot", []),
            "privacy_url": profile.get("privacy_url"),
            "languages": ["zh-CN", "en"],
        }
    )


async def open_session(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    per_minute = parts.settings.address_sessions_per_min
    await parts.limits.take(Limit("sessions", per_minute, per_minute / 60), address(request))
    made = await parts.web.open(await body(request, NewSession))
    return reply(SessionMade(made.token, made.visitor_id, made.conversation_id, made.last_seq), 201)


async def send_message(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    wish = await body(request, NewMessage)
    await _limit_visitor(parts, who)
    accepted = await parts.web.accept(
        wish,
        channel_id=who.channel_id,
        external_id=who.external_id,
        customer_id=who.customer_id,
        proven=who.proven,
    )
    return reply(MessageStored(accepted.seq), 202)


async def _limit_visitor(parts: Services, who: Visitor) -> None:
    settings = parts.settings
    await parts.limits.take(Limit("visitor", settings.visitor_burst, settings.visitor_per_s), who.conversation_id)


async def list_messages(request: web.Request) -> web.StreamResponse:
    """Messages after a seq and the state; waits for news up to `wait_s`."""
    parts, who = services(request), visitor(request)
    after_seq = number(request, "after_seq", 0, 0, 2**53)
    after_state = number(request, "after_state", 0, 0, 2**53)
    wait_s = number(request, "wait_s", 0, 0, 25)
    until = asyncio.get_running_loop().time() + wait_s
    with parts.fanout.watch(f"conversation:{who.conversation_id}") as watch:
        while True:
            left = until - asyncio.get_running_loop().time()
            if left <= 0 or await is_news(parts, who.conversation_id, after_seq, after_state):
                found, more, state = await read_news(parts, who.conversation_id, after_seq)
                return reply({"messages": found, "has_more": more, "state": state})
            await watch.next(min(left, _LOOK_AGAIN_S))


async def is_news(parts: Services, conversation_id: str, after_seq: int, after_state: int) -> bool:
    """Whether `read_news` would have something. Waiting customers look often, so this costs next to nothing."""
    async with parts.db.read() as tx:
        return await conversations.moved_on(tx, conversation_id, after_seq, after_state)


async def read_news(
    parts: Services, conversation_id: str, after_seq: int
) -> tuple[list[dict[str, Any]], bool, dict[str, Any]]:
    """Messages after `after_seq` (at most 200), whether there are more, and the state, all of one moment."""
    async with parts.db.read() as tx:
        found = await messages.after(tx, conversation_id, after_seq, _PAGE + 1)
        state = await _state(parts, tx, await conversations.get(tx, conversation_id))
    await _add_place(parts, conversation_id, state)
    return [message_view(each) for each in found[:_PAGE]], len(found) > _PAGE, state


async def _state(parts: Services, tx: Tx, found: Conversation) -> dict[str, Any]:
    about = await parts.tickets.customer_state(tx, found)
    channel = await channels.get(tx, found.channel_id)
    return {
        "version": found.state_version,
        "mode": found.mode.value,
        "queue_position": None,
        "eta_s": None,
        "agent_name": found.agent_name,
        "ticket_serial": about.serial,
        "survey": {"ticket_serial": about.survey_serial} if about.survey_serial else None,
        "contact_wanted": await parts.conversations.contact_wanted(tx, found),
        "unread_tickets": about.unread,
        "executive": {"ticket_serial": about.head_serial} if about.head_serial else None,
        "privacy_url": channel.profile.get("privacy_url"),
        "read_seq": found.agent_read_seq,
    }


async def _add_place(parts: Services, conversation_id: str, state: dict[str, Any]) -> None:
    if state["mode"] != "waiting":
        return
    place = await parts.handoffs.place(conversation_id)  # type: ignore[arg-type]  # an id from SQL
    if place is not None:
        state["queue_position"], state["eta_s"] = place.queue_position, place.eta_s


async def upload(request: web.Request) -> web.StreamResponse:
    """Take one file, checked by its content."""
    parts, who = services(request), visitor(request)
    await _limit_visitor(parts, who)
    name, data = await read_upload(request)
    stored = await parts.files.store(data, name=name, owner=who.customer_id)
    return reply({"attachment_id": stored.id, "kind": stored.kind, "name": stored.name, "bytes": stored.bytes}, 201)


async def read_upload(request: web.Request) -> tuple[str, bytes]:
    """The one file of a multipart body: (name, content). Raises Invalid, TooLarge, BadRequest."""
    if request.content_length is not None and request.content_length > VIDEO_LIMIT + _UPLOAD_SLACK:
        raise TooLarge("upload", text_id="error.file_too_large")
    if not request.content_type.startswith("multipart/"):
        raise Invalid("multipart wanted")
    async with _UPLOADS:
        try:
            reader = await request.multipart()
            part = await reader.next()
            while part is not None and not (isinstance(part, BodyPartReader) and part.filename):
                part = await reader.next()
        except (ValueError, AssertionError, web.HTTPException) as exc:
            raise BadRequest("multipart") from exc
        if not isinstance(part, BodyPartReader):
            raise Invalid("no file", text_id="error.file_empty")
        data = bytearray()
        while chunk := await part.read_chunk(65_536):
            data += chunk
            if len(data) > VIDEO_LIMIT:
                raise TooLarge("upload", text_id="error.file_too_large")
    return part.filename or "file", bytes(data)


async def download(request: web.Request) -> web.StreamResponse:
    """A file of this conversation: one's own, or one that was sent here."""
    parts, who = services(request), visitor(request)
    async with parts.db.read() as tx:
        stored = await parts.files.find(tx, request.match_info["id"])
        if stored.owner != who.customer_id and not await messages.carries(tx, who.conversation_id, stored.id):
            raise NotFound("file")
    return send_file(parts, stored)


def send_file(parts: Services, stored: StoredFile) -> web.StreamResponse:
    """Send a stored file; whatever it is, it cannot act as a page of ours."""
    return web.FileResponse(
        parts.files.path(stored),
        headers={
            "Content-Type": stored.content_type,
            "Content-Disposition": f"inline; filename*=UTF-8''{quote(stored.name)}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
        },
    )


async def leave_contact(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    wish = await body(request, Contact)
    if not wish.consent:
        raise Invalid("consent", text_id="error.consent")
    if not wish.phone and not wish.email:
        raise Invalid("phone or email", text_id="error.contact_empty")
    await parts.conversations.leave_contact(who.conversation_id, phone=wish.phone, email=wish.email)
    return no_content()


async def leave_queue(request: web.Request) -> web.StreamResponse:
    """Leave the line; the ticket stays. Harmless when not in it."""
    parts, who = services(request), visitor(request)
    await parts.conversations.leave_queue(who.conversation_id)
    return no_content()


async def helpful(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    seq = _seq(request)
    wish = await body(request, Helpful)
    await parts.conversations.helpful(who.conversation_id, seq, wish.helpful)
    return no_content()


def _seq(request: web.Request) -> int:
    text = request.match_info["seq"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NotFound("message")
    return int(text)


async def speed_test(request: web.Request) -> web.StreamResponse:
    """Bytes that do not compress, for the widget's measurement."""
    await _limit_visitor(services(request), visitor(request))
    wanted = number(request, "bytes", 500_000, 1, _SPEED_LIMIT)
    blocks, rest = divmod(wanted, len(_SPEED_BLOCK))
    return web.Response(
        body=_SPEED_BLOCK * blocks + _SPEED_BLOCK[:rest],
        content_type="application/octet-stream",
        headers={"Cache-Control": "no-store", "Content-Encoding": "identity"},
    )


async def list_tickets(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    async with parts.db.read() as tx:
        found = await parts.tickets.customer_list(tx, who.customer_id)
    return reply({"tickets": found})


async def get_ticket(request: web.Request) -> web.StreamResponse:
    """One ticket in the customer's words; reading it clears its unread mark."""
    parts, who = services(request), visitor(request)
    return reply(await parts.tickets.customer_detail(who.customer_id, request.match_info["serial"]))


async def ticket_words(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    wish = await body(request, TicketWords)
    await _limit_visitor(parts, who)
    await parts.tickets.customer_words(who.customer_id, request.match_info["serial"], wish.text, wish.attachment_id)
    return no_content()


async def ticket_reopen(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    wish = await body(request, TicketReopen)
    await parts.tickets.customer_reopens(who.customer_id, request.match_info["serial"], wish.text or "")
    return no_content()


async def ticket_close(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    await body(request, Nothing)
    await parts.tickets.customer_closes(who.customer_id, request.match_info["serial"])
    return no_content()


async def ticket_survey(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), visitor(request)
    wish = await body(request, SurveyAnswer)
    await parts.tickets.customer_rates(
        who.customer_id,
        request.match_info["serial"],
        wish.rating,
        wish.solved,
        wish.text or "",
        recommend=wish.recommend,
    )
    return no_content()


async def ticket_head(request: web.Request) -> web.StreamResponse:
    """直接找负责人: one sentence; answers with the time that is promised."""
    parts, who = services(request), visitor(request)
    wish = await body(request, HeadWish)
    await _limit_visitor(parts, who)
    return reply(await parts.tickets.customer_asks_head(who.customer_id, request.match_info["serial"], wish.text), 201)


def _route(method: str, path: str, handler: Any, access: Any = VISITOR, **more: Any) -> Route:
    return Route(method, f"/api/v1/chat/{path}", handler, access, **more)


ROUTES = (
    _route("OPTIONS", "{rest:.*}", preflight, OPEN),
    _route("GET", "config", config, OPEN, summary="What the widget shows first"),
    _route("POST", "sessions", open_session, OPEN, body=NewSession, result=SessionMade, status=201),
    _route("POST", "messages", send_message, body=NewMessage, result=MessageStored, status=202),
    _route("GET", "messages", list_messages),
    _route("POST", "messages/{seq}/helpful", helpful, body=Helpful, status=204),
    _route("POST", "attachments", upload, status=201),
    _route("GET", "attachments/{id}", download),
    _route("POST", "contact", leave_contact, body=Contact, status=204),
    _route("DELETE", "queue", leave_queue, status=204),
    _route("GET", "speedtest", speed_test),
    _route("GET", "tickets", list_tickets),
    _route("GET", "tickets/{serial}", get_ticket),
    _route("POST", "tickets/{serial}/messages", ticket_words, body=TicketWords, status=204),
    _route("POST", "tickets/{serial}/reopen", ticket_reopen, body=TicketReopen, status=204),
    _route("POST", "tickets/{serial}/close", ticket_close, body=Nothing, status=204),
    _route("POST", "tickets/{serial}/survey", ticket_survey, body=SurveyAnswer, status=204),
    _route("POST", "tickets/{serial}/executive", ticket_head, body=HeadWish, status=201),
)
