"""Log-in of staff, their accounts, API keys, the audit: `/api/v1/session`, `/staff`, `/teams`, `/keys`, `/audit`."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pyotp
import segno
from aiohttp import web
from sqlalchemy import insert, select, update

from core.clock import rfc3339
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from core.people.roles import Permission, Role
from core.people.tables import api_keys, staff, staff_skills, team_members, teams
from gateway.auth.service import SESSION_LIFE, SLOTS
from gateway.auth.viewer import Viewer
from gateway.http.kit import OPEN, STAFF, Route, address, body, no_content, number, reply, same_origin, viewer
from gateway.limits import Limit
from gateway.services import services
from gateway.version import VERSION

_BY_ADDRESS = Limit("login_address", burst=30, per_s=30 / 60)
_BY_NAME = Limit("login_name", burst=10, per_s=10 / 900)


class LogIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a log-in."""

    name: str
    password: str
    totp: str | None = None


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change of one's own password."""

    old: str
    new: str


class TotpCode(msgspec.Struct, forbid_unknown_fields=True):
    """Body that turns the second factor on: the secret shown at its start, and a first code."""

    secret: str
    code: str


class Password(msgspec.Struct, forbid_unknown_fields=True):
    """One's own password, to prove the wish."""

    password: str


class NewStaff(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a new account."""

    name: str
    display_name: str
    password: str
    roles: list[Role]
    teams: list[str] = []
    skills: list[str] = []


class StaffChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a change to an account; what is absent stays."""

    display_name: str | None = None
    roles: list[Role] | None = None
    teams: list[str] | None = None
    skills: list[str] | None = None
    disabled: bool | None = None
    password: str | None = None


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a new API key."""

    name: str
    role: Role


def cookie_name(slot: int) -> str:
    """The cookie of one tab's slot."""
    return f"fl_s{slot}"


def set_session_cookie(request: web.Request, response: web.StreamResponse, slot: int, secret: str) -> None:
    """Give the browser a session; `Secure` wherever customers reach us by TLS."""
    response.set_cookie(
        cookie_name(slot),
        secret,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=services(request).settings.base_url.startswith("https:"),
        path="/",
    )


def _slot(request: web.Request) -> int:
    text = request.headers.get("X-Desk-Slot", "0")
    if not (text.isascii() and text.isdigit() and int(text) < SLOTS):
        raise Invalid("slot")
    return int(text)


async def _describe(request: web.Request, who: Viewer) -> dict[str, Any]:
    parts = services(request)
    async with parts.db.read() as tx:
        agreed = who.key or await parts.privacy.agreements.is_accepted(tx, who.staff_id)
        rows = await tx.all(select(teams.c.id, teams.c.name).where(teams.c.id.in_(who.team_ids)))
        row = await tx.first(
            select(staff.c.totp_secret, staff.c.must_change_password).where(staff.c.id == who.staff_id)
        )
    return {
        "staff": {
            "id": who.staff_id,
            "name": who.name,
            "display_name": who.display_name,
            "roles": who.roles,
            "permissions": sorted(p.value for p in who.permissions),
            "teams": [{"id": each.id, "name": each.name} for each in rows],
            "totp": row is not None and row.totp_secret is not None,
            "must_change_password": row is not None and row.must_change_password,
            "must_accept_agreement": not agreed,
        },
        "csrf": who.csrf,
        "slot": _slot(request),
        "demo": parts.settings.demo,
        "version": VERSION,
    }


async def get_session(request: web.Request) -> web.StreamResponse:
    return reply(await _describe(request, viewer(request)))


async def log_in(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    if not same_origin(request):
        raise Forbidden("origin")
    wish = await body(request, LogIn)
    slot = _slot(request)
    name = wish.name.strip().lower()[:64]
    await parts.limits.take(_BY_ADDRESS, address(request))
    await parts.limits.take(_BY_NAME, name)
    session = await parts.auth.log_in(
        wish.name, wish.password, wish.totp, address=address(request), agent=request.headers.get("User-Agent", "")
    )
    await parts.privacy.agreements.accept_for_demo(session.viewer.staff_id)
    # Only what failed counts, so that a whole office can begin its day behind one address.
    await parts.limits.give_back(_BY_ADDRESS, address(request))
    await parts.limits.give_back(_BY_NAME, name)
    response = reply(await _describe(request, session.viewer), 201)
    set_session_cookie(request, response, slot, session.secret)
    return response


async def log_out(request: web.Request) -> web.StreamResponse:
    await services(request).auth.log_out(viewer(request), everywhere=False)
    response = no_content()
    response.del_cookie(cookie_name(_slot(request)), path="/")
    return response


async def log_out_everywhere(request: web.Request) -> web.StreamResponse:
    await services(request).auth.log_out(viewer(request), everywhere=True)
    response = no_content()
    response.del_cookie(cookie_name(_slot(request)), path="/")
    return response


async def change_password(request: web.Request) -> web.StreamResponse:
    wish = await body(request, NewPassword)
    await services(request).limits.take(_BY_NAME, f"change:{viewer(request).staff_id}")
    await services(request).auth.change_password(viewer(request), wish.old, wish.new)
    return no_content()


async def start_totp(request: web.Request) -> web.StreamResponse:
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret, name=viewer(request).name, issuer="Frontline").provisioning_uri()
    out = io.BytesIO()
    segno.make(uri, error="m").save(out, kind="svg", scale=5, xmldecl=False, svgns=True)
    return reply({"secret": secret, "uri": uri, "svg": out.getvalue().decode()})


async def confirm_totp(request: web.Request) -> web.StreamResponse:
    wish = await body(request, TotpCode)
    await services(request).limits.take(_BY_NAME, f"totp:{viewer(request).staff_id}")
    await services(request).auth.set_totp(viewer(request), wish.secret, wish.code)
    return no_content()


async def remove_totp(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Password)
    await services(request).limits.take(_BY_NAME, f"totp:{viewer(request).staff_id}")
    await services(request).auth.remove_totp(viewer(request), wish.password)
    return no_content()


async def list_staff(request: web.Request) -> web.StreamResponse:
    async with services(request).db.read() as tx:
        people = await tx.all(select(staff).order_by(staff.c.display_name))
        members = await tx.all(select(team_members))
        skills = await tx.all(select(staff_skills))
    return reply(
        {
            "items": [
                {
                    "id": each.id,
                    "name": each.name,
                    "display_name": each.display_name,
                    "roles": each.roles,
                    "teams": [m.team_id for m in members if m.staff_id == each.id],
                    "skills": [s.skill for s in skills if s.staff_id == each.id],
                    "disabled": each.disabled_at is not None,
                    "totp": each.totp_secret is not None,
                    "created_at": rfc3339(each.created_at),
                }
                for each in people
            ],
            "next": None,
        }
    )


async def add_staff(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, NewStaff)
    staff_id = await create_account(
        parts,
        name=wish.name,
        display_name=wish.display_name,
        password=wish.password,
        roles=[role.value for role in wish.roles],
        team_ids=wish.teams,
        skills=wish.skills,
        by=who.staff_id,
    )
    return reply({"id": staff_id}, 201)


async def create_account(
    parts: Any,
    *,
    name: str,
    display_name: str,
    password: str,
    roles: list[str],
    team_ids: list[str],
    skills: list[str],
    by: str,
    must_change: bool = True,
    demo: bool = False,
) -> str:
    """Make an account. Raises Conflict when the name is taken, Invalid for a bad name, password or team."""
    name = name.strip().lower()
    if not (2 <= len(name) <= 64 and name.replace("-", "").replace("_", "").replace(".", "").isalnum()):
        raise Invalid("name", text_id="error.staff_name")
    if not 1 <= len(display_name.strip()) <= 64:
        raise Invalid("display_name", text_id="error.staff_name")
    hashed = await parts.auth.hash(password)
    staff_id = new_id("stf")
    async with parts.db.begin() as tx:
        if await tx.first(select(staff.c.id).where(staff.c.name == name)) is not None:
            raise Conflict("name taken", text_id="error.staff_exists")
        await tx.execute(
            insert(staff).values(
                id=staff_id,
                name=name,
                display_name=display_name.strip(),
                password_hash=hashed,
                roles=roles,
                must_change_password=must_change,
                demo=demo,
                created_at=parts.clock.now(),
            )
        )
        await _set_memberships(tx, staff_id, team_ids, skills)
        await parts.audit.write(tx, by, "account.added", staff_id, roles=roles)
    return staff_id


async def _set_memberships(tx: Any, staff_id: str, team_ids: list[str] | None, skills: list[str] | None) -> None:
    if team_ids is not None:
        known = {row.id for row in await tx.all(select(teams.c.id))}
        if not set(team_ids) <= known:
            raise Invalid("unknown team")
        await tx.execute(team_members.delete().where(team_members.c.staff_id == staff_id))
        for team_id in dict.fromkeys(team_ids):
            await tx.execute(insert(team_members).values(team_id=team_id, staff_id=staff_id))
    if skills is not None:
        await tx.execute(staff_skills.delete().where(staff_skills.c.staff_id == staff_id))
        for skill in dict.fromkeys(skill.strip()[:40] for skill in skills if skill.strip()):
            await tx.execute(insert(staff_skills).values(staff_id=staff_id, skill=skill))


async def change_staff(request: web.Request) -> web.StreamResponse:
    parts, who, staff_id = services(request), viewer(request), request.match_info["id"]
    wish = await body(request, StaffChange)
    hashed = await parts.auth.hash(wish.password) if wish.password is not None else None
    async with parts.db.begin() as tx:
        if await tx.first(select(staff.c.id).where(staff.c.id == staff_id)) is None:
            raise NotFound("staff")
        if wish.display_name is not None:
            if not 1 <= len(wish.display_name.strip()) <= 64:
                raise Invalid("display_name", text_id="error.staff_name")
            await tx.execute(update(staff).where(staff.c.id == staff_id).values(display_name=wish.display_name.strip()))
        if wish.roles is not None:
            if staff_id == who.staff_id and Role.ADMIN not in wish.roles:
                raise Conflict("own role", text_id="error.own_account")
            await tx.execute(update(staff).where(staff.c.id == staff_id).values(roles=[r.value for r in wish.roles]))
        await _set_memberships(tx, staff_id, wish.teams, wish.skills)
        if wish.disabled is not None:
            await parts.auth.set_disabled(tx, staff_id, wish.disabled, by=who.staff_id)
        if hashed is not None:
            await parts.auth.set_password(tx, staff_id, hashed, by=who.staff_id)
        changed = [name for name in wish.__struct_fields__ if getattr(wish, name) is not None]
        await parts.audit.write(tx, who.staff_id, "account.changed", staff_id, fields=changed)
    return no_content()


async def list_teams(request: web.Request) -> web.StreamResponse:
    async with services(request).db.read() as tx:
        rows = await tx.all(select(teams).order_by(teams.c.position, teams.c.name))
        members = await tx.all(
            select(team_members.c.team_id, staff.c.id, staff.c.display_name).join(
                staff, staff.c.id == team_members.c.staff_id
            )
        )
    return reply(
        {
            "items": [
                {
                    "id": each.id,
                    "name": each.name,
                    "members": [{"id": m.id, "name": m.display_name} for m in members if m.team_id == each.id],
                }
                for each in rows
            ],
            "next": None,
        }
    )


async def list_keys(request: web.Request) -> web.StreamResponse:
    async with services(request).db.read() as tx:
        rows = await tx.all(select(api_keys).order_by(api_keys.c.created_at.desc()))
    return reply(
        {
            "items": [
                {
                    "id": each.id,
                    "name": each.name,
                    "role": each.role,
                    "created_at": rfc3339(each.created_at),
                    "used_at": rfc3339(each.used_at) if each.used_at else None,
                    "revoked": each.revoked_at is not None,
                }
                for each in rows
            ],
            "next": None,
        }
    )


async def add_key(request: web.Request) -> web.StreamResponse:
    wish = await body(request, NewKey)
    if not 1 <= len(wish.name.strip()) <= 64:
        raise Invalid("name")
    key_id, shown = await services(request).auth.add_key(wish.name.strip(), wish.role, by=viewer(request).staff_id)
    return reply({"id": key_id, "key": shown}, 201)


async def revoke_key(request: web.Request) -> web.StreamResponse:
    await services(request).auth.revoke_key(request.match_info["id"], by=viewer(request).staff_id)
    return no_content()


async def list_audit(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    before = number(request, "cursor", 0, 0, 2**53) or None
    limit = number(request, "limit", 100, 1, 200)
    async with parts.db.read() as tx:
        records = await parts.audit.page(tx, before=before, limit=limit)
        names = {row.id: row.display_name for row in await tx.all(select(staff.c.id, staff.c.display_name))}
    items = [
        {
            "number": each.number,
            "at": rfc3339(each.at),
            "actor": each.actor,
            "actor_name": names.get(each.actor, each.actor),
            "action": each.action,
            "object": each.object,
            "data": each.data,
        }
        for each in records
    ]
    return reply({"items": items, "next": records[-1].number if len(records) == limit else None})


ROUTES = (
    Route("GET", "/api/v1/session", get_session, STAFF, summary="Who am I"),
    Route("POST", "/api/v1/session", log_in, OPEN, body=LogIn, summary="Log in", status=201),
    Route("DELETE", "/api/v1/session", log_out, STAFF, summary="Log out", status=204),
    Route("DELETE", "/api/v1/session/all", log_out_everywhere, STAFF, summary="Sign out everywhere", status=204),
    Route("POST", "/api/v1/session/password", change_password, STAFF, body=NewPassword, status=204),
    Route("POST", "/api/v1/session/totp/start", start_totp, STAFF),
    Route("POST", "/api/v1/session/totp/confirm", confirm_totp, STAFF, body=TotpCode, status=204),
    Route("POST", "/api/v1/session/totp/remove", remove_totp, STAFF, body=Password, status=204),
    Route("GET", "/api/v1/staff", list_staff, Permission.PEOPLE_WRITE),
    Route("POST", "/api/v1/staff", add_staff, Permission.PEOPLE_WRITE, body=NewStaff, status=201),
    Route("PATCH", "/api/v1/staff/{id}", change_staff, Permission.PEOPLE_WRITE, body=StaffChange, status=204),
    Route("GET", "/api/v1/teams", list_teams, STAFF),
    Route("GET", "/api/v1/keys", list_keys, Permission.PEOPLE_WRITE),
    Route("POST", "/api/v1/keys", add_key, Permission.PEOPLE_WRITE, body=NewKey, status=201),
    Route("DELETE", "/api/v1/keys/{id}", revoke_key, Permission.PEOPLE_WRITE, status=204),
    Route("GET", "/api/v1/audit", list_audit, Permission.AUDIT_READ),
)
