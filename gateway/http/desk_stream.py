"""The desk's one socket. A frame is a hint: whoever shows something reads it again.

Hints that say the same are told once per tick. The socket is what keeps an agent present; it closes as soon as the
session behind it is over.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from core.errors import FrontlineError, NotFound, Unauthorized
from core.people.roles import Permission
from core.tasks import end
from gateway.auth.viewer import Viewer
from gateway.http.desk_talk import tell_typing
from gateway.http.kit import SOCKET, Route, same_origin
from gateway.services import Services, services
from handoff import inbox

log = structlog.get_logger(__name__)

PROTOCOL = "frontline.desk.v1"
UNAUTHORIZED, FORBIDDEN, TOO_SLOW = 4401, 4403, 4408
# Hints within this time become one frame each; nobody sees the difference.
_TICK_S = 0.05
# The session is looked at this often even if no hint of its end arrives (another gateway, Redis down).
_LOOK_AGAIN_S = 5.0
# One's own conversations are read again at most this often, however fast the line moves.
_OWN_EVERY_S = 1.0
# The browser answers protocol pings by itself: a cut line is noticed well within the grace of presence.
_HEARTBEAT_S = 10.0
_SEND_LIMIT_S = 10.0
_SILENCE_S = 60.0
_MAX_FRAME = 4_096
# Hints of these types are frames as they are; all others stay inside.
_PASSED = frozenset(
    {"queue", "presence", "ticket", "conversation", "offer", "due", "followed", "sla", "assigned", "release"}
)


class _Frame(msgspec.Struct):
    """What a desk may send."""

    type: str
    conversation_id: str = ""
    on: bool = True


async def stream(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    socket = web.WebSocketResponse(
        protocols=(PROTOCOL,), heartbeat=_HEARTBEAT_S, max_msg_size=_MAX_FRAME, compress=False
    )
    await socket.prepare(request)
    if not same_origin(request):
        await socket.close(code=FORBIDDEN, message=b"origin")
        return socket
    try:
        who = await parts.auth.by_cookie(request)
    except Unauthorized:
        await socket.close(code=UNAUTHORIZED, message=b"session")
        return socket
    with parts.health.sockets.labels("staff").track_inprogress():
        await _Desk(parts, socket, who).serve()
    return socket


class _Desk:
    """One open socket: a reader, a writer of hints, and a watch over who types in one's own conversations."""

    def __init__(self, parts: Services, socket: web.WebSocketResponse, who: Viewer) -> None:
        self._parts = parts
        self._socket = socket
        self._who = who
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}
        self._news = asyncio.Event()

    async def serve(self) -> None:
        presence = self._parts.handoffs.presence
        at_desk = Permission.DESK_USE in self._who.permissions
        if at_desk:
            await presence.arrive(self._who.staff_id)
        tasks = [
            asyncio.create_task(work, name="desk-stream") for work in (self._hints(), self._write(), self._typing())
        ]
        try:
            await self._read()
        finally:
            await end(tasks)
            if at_desk:
                presence.disconnect(self._who.staff_id)
            if not self._socket.closed:
                await self._socket.close()

    async def _read(self) -> None:
        while True:
            try:
                received = await self._socket.receive(timeout=_SILENCE_S)
            except TimeoutError:
                return
            if received.type is not WSMsgType.TEXT:
                return
            try:
                frame = msgspec.json.decode(received.data, type=_Frame)
            except (msgspec.MsgspecError, UnicodeError):
                continue
            if frame.type == "ping":
                self._put({"type": "pong"})
            elif frame.type == "typing":
                with contextlib.suppress(NotFound):
                    await tell_typing(self._parts, frame.conversation_id, self._who, on=frame.on)

    async def _hints(self) -> None:
        with self._parts.fanout.watch("desk", "auth", "release", f"staff:{self._who.staff_id}") as watch:
            if not await self._still_in():
                return
            while True:
                hint = await watch.next(_LOOK_AGAIN_S)
                if hint is None or hint.get("topic") == "auth":
                    if not await self._still_in():
                        return
                    continue
                self._take(hint)

    def _take(self, hint: dict[str, Any]) -> None:
        kind = str(hint["type"])
        if kind == "behind":
            self._put({"type": "resync"})
            return
        if hint.get("topic") == "release":
            kind = "release"
        if kind in _PASSED:
            self._put({key: value for key, value in hint.items() if key != "topic"} | {"type": kind})

    async def _still_in(self) -> bool:
        """Whether the session goes on; if not, say so and close."""
        try:
            await self._parts.auth.by_session(self._who.session_id)
        except Unauthorized:
            with contextlib.suppress(ConnectionError, RuntimeError, TimeoutError):
                async with asyncio.timeout(_SEND_LIMIT_S):
                    await self._socket.send_str('{"type":"logout"}')
            await self._socket.close(code=UNAUTHORIZED, message=b"session over", drain=False)
            return False
        except FrontlineError as exc:
            log.warning("desk.session_not_looked_at", code=exc.code)
        return True

    async def _typing(self) -> None:
        """Tell that a customer types or has read, for the conversations one has; they change with the line."""
        loop = asyncio.get_running_loop()
        while True:
            looked_at = loop.time()
            topics = [f"conversation:{each}" for each in await self._own()]
            with self._parts.fanout.watch("desk", *topics) as watch:
                changed = False
                while not changed or loop.time() - looked_at < _OWN_EVERY_S:
                    hint = await watch.next(_OWN_EVERY_S if changed else None)
                    if hint is None:
                        continue
                    if hint.get("topic", "desk") == "desk":
                        changed = changed or hint["type"] in ("queue", "behind")
                    elif hint["type"] in ("typing", "read") and hint.get("author") == "customer":
                        conversation_id = hint["topic"].removeprefix("conversation:")
                        on = hint.get("on", True)
                        self._put({"type": hint["type"], "conversation_id": conversation_id, "on": on})

    async def _own(self) -> list[str]:
        try:
            async with self._parts.db.read() as tx:
                rows = await inbox.page(tx, "mine", staff_id=self._who.staff_id, team_ids=())
            return [row.conversation_id for row in rows]
        except FrontlineError:
            return []

    def _put(self, frame: dict[str, Any]) -> None:
        key = str(frame.get("id") or frame.get("serial") or frame.get("conversation_id") or "")
        self._pending[frame["type"], key] = frame
        self._news.set()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_TICK_S)
            self._news.clear()
            frames, self._pending = list(self._pending.values()), {}
            try:
                async with asyncio.timeout(_SEND_LIMIT_S):
                    for frame in frames:
                        await self._socket.send_str(msgspec.json.encode(frame).decode())
            except TimeoutError:
                await self._socket.close(code=TOO_SLOW, message=b"slow", drain=False)
                return
            except (ConnectionError, RuntimeError):
                return


ROUTES = (Route("GET", "/api/v1/desk/stream", stream, SOCKET, summary="Hints for the desk."),)
