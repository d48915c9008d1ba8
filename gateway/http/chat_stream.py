"""The customer's WebSocket: everything after the last seq the browser has, then what happens.

The token travels as a subprotocol, never in the address. A frame is made from SQL, woken by hints; a browser
that reads too slowly is closed and comes back with its last seq, so nothing is ever missing.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from bot.store import conversations
from connectors.web.connector import origin_allowed
from core.errors import FrontlineError, Unauthorized
from core.tasks import end
from gateway.auth.viewer import Visitor
from gateway.http.chat import is_news, read_news
from gateway.http.kit import SOCKET, Route, number
from gateway.services import Services, services

log = structlog.get_logger(__name__)

PROTOCOL = "frontline.v1"
_BEARER = "bearer."
_LOOK_AGAIN_S = 2.0
_SEND_LIMIT_S = 10.0
_SILENCE_S = 60.0
_MAX_FRAME = 4_096
UNAUTHORIZED, FORBIDDEN, TOO_SLOW = 4401, 4403, 4408


class _Frame(msgspec.Struct):
    """What a browser may send."""

    type: str
    seq: int = 0
    on: bool = True


def bearer_of(request: web.Request, prefix: str = _BEARER) -> str:
    """The token among the offered subprotocols, or ""."""
    offered = [part.strip() for part in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    return next((part.removeprefix(prefix) for part in offered if part.startswith(prefix)), "")


async def stream(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    after_seq = number(request, "after_seq", 0, 0, 2**53)
    socket = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=None, max_msg_size=_MAX_FRAME, compress=False)
    origin = request.headers.get("Origin")
    own = f"{request.scheme}://{request.host}"
    allowed = origin is None or origin_allowed(origin, await parts.web.allowed_origins(), own)
    await socket.prepare(request)
    if not allowed:
        await socket.close(code=FORBIDDEN, message=b"origin")
        return socket
    try:
        who = await parts.auth.visitor(bearer_of(request))
    except Unauthorized:
        await socket.close(code=UNAUTHORIZED, message=b"token")
        return socket
    structlog.contextvars.bind_contextvars(conversation_id=who.conversation_id)
    with parts.health.sockets.labels("customer").track_inprogress():
        await _serve(parts, socket, who, after_seq)
    return socket


async def _serve(parts: Services, socket: web.WebSocketResponse, who: Visitor, after_seq: int) -> None:
    topic = f"conversation:{who.conversation_id}"
    with parts.fanout.watch(topic) as watch:
        writer = asyncio.create_task(_write(parts, socket, who, after_seq, watch), name="chat-stream-writer")
        try:
            await _read(parts, socket, who)
        finally:
            await end([writer])
            if not socket.closed:
                await socket.close()


async def _write(parts: Services, socket: web.WebSocketResponse, who: Visitor, last_seq: int, watch: Any) -> None:
    version = -1
    while True:
        try:
            found, more, state = await read_news(parts, who.conversation_id, last_seq)
        except FrontlineError as exc:
            log.warning("chat.stream_read_failed", code=exc.code)
            await asyncio.sleep(_LOOK_AGAIN_S)
            continue
        frames: list[dict[str, Any]] = [{"type": "message", "message": each} for each in found]
        if found:
            last_seq = found[-1]["seq"]
        if not more and state["version"] != version:
            version = state["version"]
            frames.append({"type": "state", "state": state})
        if not await _send(socket, frames):
            return
        if more:
            continue
        while True:
            hint = await watch.next(_LOOK_AGAIN_S)
            if hint is None:
                if await _behind(parts, who, last_seq, version):
                    break
                continue
            if hint["type"] not in ("typing", "read"):
                break
            passing = _passing(hint)
            if passing is not None and not await _send(socket, [passing]):
                return


async def _behind(parts: Services, who: Visitor, last_seq: int, version: int) -> bool:
    try:
        return await is_news(parts, who.conversation_id, last_seq, version)
    except FrontlineError:
        return True  # Reading anew will say what is wrong.


def _passing(hint: dict[str, Any]) -> dict[str, Any] | None:
    """Hints that are frames by themselves; what the customer did is not told back."""
    if hint.get("author") == "customer":
        return None
    if hint["type"] == "typing":
        return {"type": "typing", "author": hint.get("author", "agent"), "on": hint.get("on", True)}
    return {"type": "read", "seq": hint.get("seq", 0)}


async def _send(socket: web.WebSocketResponse, frames: list[dict[str, Any]]) -> bool:
    """Send frames; False when the browser is gone or too slow."""
    try:
        async with asyncio.timeout(_SEND_LIMIT_S):
            for frame in frames:
                await socket.send_str(msgspec.json.encode(frame).decode())
    except TimeoutError:
        await socket.close(code=TOO_SLOW, message=b"slow", drain=False)
        return False
    except (ConnectionError, RuntimeError):
        return False
    return True


async def _read(parts: Services, socket: web.WebSocketResponse, who: Visitor) -> None:
    while True:
        try:
            received = await socket.receive(timeout=_SILENCE_S)
        except TimeoutError:
            return
        if received.type is not WSMsgType.TEXT:
            return
        try:
            frame = msgspec.json.decode(received.data, type=_Frame)
        except (msgspec.MsgspecError, UnicodeError):
            continue
        await _handle(parts, socket, who, frame)


async def _handle(parts: Services, socket: web.WebSocketResponse, who: Visitor, frame: _Frame) -> None:
    topic = f"conversation:{who.conversation_id}"
    match frame.type:
        case "ping":
            await _send(socket, [{"type": "pong"}])
        case "typing":
            parts.fanout.publish(topic, {"type": "typing", "author": "customer", "on": frame.on})
        case "read":
            async with parts.db.begin() as tx:
                news = await conversations.read_up_to(tx, who.conversation_id, frame.seq, by_agent=False)
            if news:
                parts.fanout.publish(topic, {"type": "read", "author": "customer", "seq": frame.seq})
        case _:
            pass


ROUTES = (Route("GET", "/api/v1/chat/stream", stream, SOCKET),)
