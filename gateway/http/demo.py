"""The demo's own routes: start page, one-click log-ins, and the shop that stands for a customer's site."""

from __future__ import annotations

from datetime import timedelta

import jwt
import msgspec
from aiohttp import web
from sqlalchemy import select

from core.errors import Forbidden, Invalid, NotFound, Unauthorized
from core.people.roles import Role
from core.people.tables import staff
from gateway.demo.platforms.robots import ROUTES as ROBOT_ROUTES
from gateway.demo.platforms.routes import ROUTES as PLATFORM_ROUTES
from gateway.http.kit import OPEN, Route, address, body, reply, same_origin
from gateway.http.pages import PAGE_POLICY, own_url, page, static
from gateway.http.staff import cookie_name, set_session_cookie
from gateway.services import services

# The roles of the start page, in its order.
_ROLES = (Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.EDITOR, Role.ADMIN, Role.EXECUTIVE)
_IDENTITY_LIFE = timedelta(minutes=10)
# Invented members of the shop: account → (name, level).
MEMBERS = {
    "u-1001": ("林小满", "家庭会员"),
    "u-1002": ("周未晚", "普通会员"),
    "u-1003": ("陈安澜", "学生会员"),
}


class DemoLogIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a one-click log-in."""

    role: Role


async def start_page(request: web.Request) -> web.StreamResponse:
    return page(request, "customer/demo.html", public_url=own_url(request))


async def info(request: web.Request) -> web.StreamResponse:
    """Addresses and roles for the start page."""
    parts = services(request)
    host = request.host.rsplit(":", 1)[0]
    async with parts.db.read() as tx:
        people = await tx.all(
            select(staff).where(staff.c.demo.is_(True), staff.c.disabled_at.is_(None)).order_by(staff.c.created_at)
        )
    roles = [
        {
            "role": role.value,
            "title": parts.texts.get(f"role.{role.value}"),
            "names": [each.display_name for each in people if role.value in each.roles],
        }
        for role in _ROLES
    ]
    return reply(
        {
            "shop_url": f"http://{host}:{parts.settings.shop_port}/",
            "wechat_url": "/demo/wechat",
            "weibo_url": "/demo/weibo",
            "roles": roles,
        }
    )


async def log_in(request: web.Request) -> web.StreamResponse:
    """Open a session as the next demo person of a role, in a slot of its own, so that nobody is logged out."""
    parts = services(request)
    if not same_origin(request):
        raise Forbidden("origin")
    wish = await body(request, DemoLogIn)
    taken = {slot for slot in range(50) if cookie_name(slot) in request.cookies}
    async with parts.db.read() as tx:
        people = await tx.all(
            select(staff).where(staff.c.demo.is_(True), staff.c.disabled_at.is_(None)).order_by(staff.c.created_at)
        )
    fitting = [each for each in people if wish.role.value in each.roles]
    if not fitting:
        raise NotFound("demo account")
    present = set()
    for number in tuple(taken):
        try:
            present.add((await parts.auth.by_slot(request, number)).staff_id)
        except Unauthorized:
            taken.discard(number)  # That session is over; its slot is free again.
    slot = next((number for number in range(1, 50) if number not in taken), None)
    if slot is None:
        raise Invalid("slots", text_id="error.demo_slots")
    person = next((each for each in fitting if each.id not in present), fitting[0])
    session = await parts.auth.open_session(
        person.id, address=address(request), agent=request.headers.get("User-Agent", "")
    )
    await parts.privacy.agreements.accept_for_demo(person.id)
    response = reply({"url": f"/desk/u/{slot}/"})
    set_session_cookie(request, response, slot, session.secret)
    return response


def _gateway_url(request: web.Request) -> str:
    """Our public address as this browser reaches it: the shop's host with the public port."""
    settings = services(request).settings
    if settings.public_url:
        return settings.base_url
    host = request.host.rsplit(":", 1)[0]
    return f"http://{host}:{settings.port}"


async def shop_page(request: web.Request) -> web.StreamResponse:
    """A customer's site: another origin, with a strict policy that names us where the widget needs it."""
    public = _gateway_url(request)
    socket = public.replace("http", "ws", 1)
    policy = (
        PAGE_POLICY.replace("script-src 'self'", f"script-src 'self' {public}")
        .replace("connect-src 'self'", f"connect-src 'self' {public} {socket}")
        .replace("img-src 'self'", f"img-src 'self' {public}")
    )
    return page(request, "customer/shop.html", public_url=public, policy=policy)


async def identity(request: web.Request) -> web.StreamResponse:
    """What a site's own server does: sign the identity of its logged-in user."""
    parts = services(request)
    account = request.query.get("user", "")
    if account not in MEMBERS:
        account = next((key for key, (name, _) in MEMBERS.items() if name == account), "u-1001")
    name, level = MEMBERS[account]
    channel = await parts.web.channel(None)
    claims = {
        "sub": account,
        "aud": channel.key,
        "exp": int((parts.clock.now() + _IDENTITY_LIFE).timestamp()),
        "name": name,
        "level": level,
    }
    return reply({"identity": jwt.encode(claims, str(channel.config["identity_key"]), "HS256")})


ROUTES = (
    Route("GET", "/demo", start_page, OPEN),
    Route("GET", "/demo/info", info, OPEN),
    Route("POST", "/demo/login", log_in, OPEN, body=DemoLogIn),
    *PLATFORM_ROUTES,
    *ROBOT_ROUTES,
)
SHOP_ROUTES = (
    Route("GET", "/", shop_page, OPEN),
    Route("GET", "/static/{part:customer}/{path:.+}", static, OPEN),
    Route("GET", "/demo/identity", identity, OPEN),
)
