"""The one way a request goes: ids → limits → who is asking → is it allowed → handler → error text.

A route names its access; a route without access cannot be written, so everything is closed unless said. The
same table makes the OpenAPI document.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from core.errors import BadJson, BadRequest, Forbidden, FrontlineError, Invalid, RateLimited, TooLarge, Unauthorized
from core.ids import new_id
from core.people.roles import Permission
from gateway.auth.viewer import Viewer, Visitor
from gateway.http.gate import admit_to_records
from gateway.services import Services, services

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 256 * 1024
MAX_TEXT = 4_000
T = TypeVar("T")


class Access(Enum):
    """Who may call a route, besides those who hold a permission."""

    OPEN = "open"  # anybody
    VISITOR = "visitor"  # a customer with a chat token
    STAFF = "staff"  # anybody who is logged in
    LINK = "link"  # whoever holds the signed link; the handler checks it
    PLATFORM = "platform"  # a platform's signed call; the connector checks it
    ASSISTANT = "assistant"  # Rasa, on the loopback port only
    SOCKET = "socket"  # a WebSocket, whose handler checks token and Origin before it answers


OPEN, VISITOR, STAFF, LINK, PLATFORM = Access.OPEN, Access.VISITOR, Access.STAFF, Access.LINK, Access.PLATFORM
SOCKET = Access.SOCKET

VIEWER = web.RequestKey("viewer", Viewer)
VISITOR_KEY = web.RequestKey("visitor", Visitor)
REQUEST_ID = web.RequestKey("request_id", str)
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


FILE = object()
"""In place of a type: one file, multipart as a body, its content as a result."""


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the URL table. `body` and `result` are msgspec types (or FILE), for parsing and for OpenAPI."""

    method: str
    path: str
    handler: Handle
    access: Access | Permission
    body: Any = None
    result: Any = None
    summary: str = ""
    status: int = 200


def viewer(request: web.Request) -> Viewer:
    """The member of staff (or program) who asks; only behind STAFF or a permission."""
    return request[VIEWER]


def visitor(request: web.Request) -> Visitor:
    """The customer who asks; only behind VISITOR."""
    return request[VISITOR_KEY]


async def body(request: web.Request, kind: type[T]) -> T:
    """Parse the body. Raises TooLarge, BadJson (not JSON, not UTF-8) or Invalid (unknown or wrong field)."""
    raw = await read_limited(request, MAX_BODY_BYTES)
    try:
        raw.decode("utf-8")
        return msgspec.json.decode(raw, type=kind)
    except UnicodeDecodeError as exc:
        raise BadJson("not UTF-8") from exc
    except msgspec.ValidationError as exc:
        # The decoder stops at the first thing that does not fit, so what follows may still be no JSON at all.
        if not _is_json(raw):
            raise BadJson("not JSON") from exc
        # msgspec names the field and the type, never the value.
        raise Invalid(str(exc)) from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise BadJson("not JSON") from exc


def _is_json(raw: bytes) -> bool:
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


async def read_limited(request: web.Request, limit: int) -> bytes:
    """Read the whole body, at most `limit` bytes. Raises TooLarge as soon as that is known."""
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"more than {limit} bytes")
    parts = bytearray()
    async for part in request.content.iter_chunked(65_536):
        parts += part
        if len(parts) > limit:
            raise TooLarge(f"more than {limit} bytes")
    return bytes(parts)


def reply(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        body=msgspec.json.encode(data), status=status, content_type="application/json", charset="utf-8", headers=headers
    )


def no_content() -> web.Response:
    """Answer 204."""
    return web.Response(status=204)


def number(request: web.Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number from the query, within bounds. Raises Invalid."""
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as exc:
        raise Invalid(f"{name} is not a number") from exc
    if not low <= value <= high:
        raise Invalid(f"{name} is not between {low} and {high}")
    return value


def address(request: web.BaseRequest) -> str:
    """The caller's address; X-Forwarded-For counts only behind a trusted proxy, and only its last untrusted hop."""
    assert isinstance(request, web.Request)
    remote = request.remote or ""
    trusted = services(request).settings.trusted_proxies
    if not trusted or not _within(remote, trusted):
        return remote
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _within(hop, trusted):
            return hop
    return remote


def _within(text: str, networks: Sequence[str]) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)


def own_address(parts: Services) -> str:
    """Where this gateway reaches itself: loopback when it listens on everything."""
    host = parts.settings.bind_host
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{parts.settings.port}"  # noqa: S104


def same_origin(request: web.Request) -> bool:
    """Whether the browser says the call comes from our own pages (no Origin at all: not a browser's cross call)."""
    origin = request.headers.get("Origin")
    if origin is None:
        return True
    parts = urlsplit(origin)
    public = urlsplit(services(request).settings.base_url)
    return parts.netloc in (request.host, public.netloc)


def guarded(route: Route) -> Handle:
    """Put the access check in front of a route's handler."""

    async def handle(request: web.Request) -> web.StreamResponse:
        await _admit(request, route)
        return await route.handler(request)

    return handle


async def _admit(request: web.Request, route: Route) -> None:
    match route.access:
        case Access.VISITOR:
            found = await services(request).auth.visitor(_bearer(request))
            request[VISITOR_KEY] = found
            structlog.contextvars.bind_contextvars(conversation_id=found.conversation_id)
        case Access.STAFF:
            who = await _staff(request)
            await admit_to_records(request, route.path, route.access, who)
            request[VIEWER] = who
        case Permission():
            who = await _staff(request)
            if route.access not in who.permissions:
                raise Forbidden(route.access.value)
            await admit_to_records(request, route.path, route.access, who)
            request[VIEWER] = who
        case _:
            pass


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized("bearer token missing")
    return token.strip()


async def _staff(request: web.Request) -> Viewer:
    auth = services(request).auth
    if "Authorization" in request.headers:
        return await auth.by_key(_bearer(request))
    who = await auth.by_cookie(request)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        if not same_origin(request):
            raise Forbidden("origin")
        auth.check_csrf(request, who)
    return who


@web.middleware
async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind ids, count, log one line, and turn every exception into the error shape."""
    started = time.perf_counter()
    request_id = new_id("req")
    request[REQUEST_ID] = request_id
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    status = 500
    try:
        response = await handler(request)
        status = response.status
    except asyncio.CancelledError:
        status = 499
        raise
    except web.HTTPException as exc:
        response = _http_exception(request, exc)
        status = response.status
    except FrontlineError as exc:
        response = error_response(request, exc)
        status = response.status
    except Exception:
        log.exception("http.failed", path=_pattern(request))
        response = error_response(request, FrontlineError())
    finally:
        elapsed = time.perf_counter() - started
        services(request).health.served(request.method, _pattern(request), status, elapsed)
        log.info(
            "http.served", method=request.method, path=_pattern(request), status=status, ms=round(elapsed * 1000, 1)
        )
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        for name, value in _SECURITY.items():
            response.headers.setdefault(name, value)
    return response


_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"


def error_response(request: web.Request, error: FrontlineError) -> web.Response:
    """Write an error in the contract's shape, with words for a person."""
    headers = {}
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    message = services(request).texts.get(error.text_id, language(request), **error.params)
    return reply(
        {"error": {"code": error.code, "message": message, "request_id": request[REQUEST_ID], **_detail(error)}},
        error.status,
        headers,
    )


def _detail(error: FrontlineError) -> dict[str, str]:
    # Only what helps a programmer to mend the request; nothing of other kinds leaves the house.
    return {"detail": error.detail} if isinstance(error, BadRequest | Invalid | TooLarge) and error.detail else {}


def _http_exception(request: web.Request, exc: web.HTTPException) -> web.StreamResponse:
    if exc.status < 400:
        return exc
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_request"}
    code = codes.get(exc.status, "bad_request" if exc.status < 500 else "internal")
    message = services(request).texts.get(f"error.{code}", language(request))
    headers = {"Allow": exc.headers["Allow"]} if "Allow" in exc.headers else {}
    return reply({"error": {"code": code, "message": message, "request_id": request[REQUEST_ID]}}, exc.status, headers)


def language(request: web.Request) -> str:
    """zh-CN unless the caller clearly prefers English."""
    preferred = request.headers.get("Accept-Language", "").split(",")[0].strip().lower()
    return "en" if preferred.startswith("en") else "zh-CN"
