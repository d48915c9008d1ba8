"""The built pages: widget script, customer pages, desk. Nothing comes from elsewhere.

Kept in memory until the file changes: after a new build the pages name other files than before.
"""

from __future__ import annotations

import hashlib
import html
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from core.errors import NotFound, Unavailable
from gateway.http.kit import OPEN, Route
from gateway.services import services

DIST = Path(__file__).resolve().parents[2] / "web" / "dist"
WEB_CHANNEL = "web"

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:{data}; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PAGE_POLICY = _PAGE_POLICY.format(data="")
# Element Plus draws its check mark from a data address.
DESK_POLICY = _PAGE_POLICY.format(data=" data:")
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file, ready to send."""

    body: bytes
    content_type: str
    etag: str


class Assets:
    """The files of `web/dist`, read on first use and kept until they change."""

    def __init__(self, folder: Path = DIST) -> None:
        self._folder = folder
        self._kept: dict[str, tuple[int, Asset]] = {}

    def get(self, name: str) -> Asset:
        """A file by its path below the folder. Raises NotFound, also for a path that leads outside."""
        kept = self._kept.get(name)
        try:
            path = (self._folder / name).resolve()
            if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
                raise FileNotFoundError
            changed = path.stat().st_mtime_ns
            if kept is not None and kept[0] == changed:
                return kept[1]
            data = path.read_bytes()
        except (OSError, ValueError) as exc:  # The latter for a path with a NUL in it.
            # Open tabs still ask for what an earlier build named.
            if kept is not None:
                return kept[1]
            raise NotFound("asset") from exc
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        asset = Asset(data, kind, f'"{hashlib.sha256(data).hexdigest()[:20]}"')
        self._kept[name] = (changed, asset)
        return asset


ASSETS = web.AppKey("assets", Assets)


def send(request: web.Request, asset: Asset, headers: dict[str, str]) -> web.StreamResponse:
    """Send an asset, or 304 when the browser has it."""
    headers = {"ETag": asset.etag, **headers}
    if request.headers.get("If-None-Match") == asset.etag:
        return web.Response(status=304, headers=headers)
    text = asset.content_type.startswith("text/") or asset.content_type.endswith(("javascript", "json"))
    response = web.Response(
        body=asset.body, content_type=asset.content_type, charset="utf-8" if text else None, headers=headers
    )
    if text:
        response.enable_compression()
    return response


def page(request: web.Request, name: str, *, public_url: str, policy: str = PAGE_POLICY, **extra: str) -> web.Response:
    """Send an HTML file with our address and channel put in. Raises Unavailable while the pages are not built."""
    try:
        asset = request.app[ASSETS].get(name)
    except NotFound as exc:
        raise Unavailable("pages not built", text_id="error.pages_not_built") from exc
    text = asset.body.decode()
    for mark, value in (("__PUBLIC_URL__", public_url), ("__CHANNEL_KEY__", WEB_CHANNEL)):
        text = text.replace(mark, html.escape(value, quote=True))
    response = web.Response(
        text=text,
        content_type="text/html",
        headers={"Cache-Control": "no-cache", "Content-Security-Policy": policy, **extra},
    )
    response.enable_compression()
    return response


def own_url(request: web.Request) -> str:
    """The address under which this browser sees us: the public one, else the one it asked for."""
    settings = services(request).settings
    return settings.base_url if settings.public_url else f"{request.scheme}://{request.host}"


async def widget_script(request: web.Request) -> web.StreamResponse:
    """`/widget.js`, `/widget-more.js`: scripts for strangers' pages."""
    asset = request.app[ASSETS].get(f"widget/{request.path.rsplit('/', 1)[-1]}")
    headers = {
        "Cache-Control": _FOREVER if "v" in request.query else "public, max-age=300",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return send(request, asset, headers)


async def static(request: web.Request) -> web.StreamResponse:
    """`/static/customer/…` and `/static/desk/…`."""
    name = f"{request.match_info['part']}/{request.match_info['path']}"
    if name.endswith(".html"):
        raise NotFound("asset")
    hashed = "/assets/" in name
    return send(
        request, request.app[ASSETS].get(name), {"Cache-Control": _FOREVER if hashed else "public, max-age=300"}
    )


def _customer(name: str, **headers: str) -> Route:
    async def handler(request: web.Request) -> web.StreamResponse:
        return page(request, f"customer/{name}.html", public_url=own_url(request), **headers)

    return Route("GET", "", handler, OPEN)


_LINK = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


async def desk(request: web.Request) -> web.StreamResponse:
    """The desk is one page; its router reads the rest of the address."""
    return page(request, "desk/index.html", public_url=own_url(request), policy=DESK_POLICY)


async def desk_start(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/desk/u/0/")


async def start(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/demo" if services(request).settings.demo else "/help")


def _at(path: str, route: Route) -> Route:
    return Route("GET", path, route.handler, route.access)


ROUTES = (
    Route("GET", "/", start, OPEN),
    Route("GET", "/widget.js", widget_script, OPEN),
    Route("GET", "/widget-more.js", widget_script, OPEN),
    Route("GET", "/static/{part:customer|desk}/{path:.+}", static, OPEN),
    _at("/help", _customer("help")),
    _at("/help/{article_id}", _customer("help")),
    _at("/feedback", _customer("feedback")),
    _at("/t/{token}", _customer("ticket", **_LINK)),
    _at("/s/{token}", _customer("survey", **_LINK)),
    _at("/my/{token}", _customer("mine", **_LINK)),
    _at("/g/{token}", _customer("guest", **_LINK)),
    _at("/appeal/{token}", _customer("appeal", **_LINK)),
    Route("GET", "/desk", desk_start, OPEN),
    Route("GET", "/desk/", desk_start, OPEN),
    Route("GET", "/desk/u/{slot:\\d+}/{rest:.*}", desk, OPEN),
)
