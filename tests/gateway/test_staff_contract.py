"""Log-in, sessions, permissions and accounts of staff, over HTTP."""

from __future__ import annotations

import itertools

import pyotp
import pytest

from core.people.roles import Permission
from gateway.http.kit import Access
from gateway.http.table import public_routes
from gateway.seed_demo import PASSWORD
from tests.gateway.conftest import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMES = (f"colleague{number}" for number in itertools.count(1))
SECRET = "一个够长的密码 2026"


async def _account(gateway: Gateway, roles: list[str]) -> str:
    admin = await gateway.staff("admin")
    name = next(_NAMES)
    body = {"name": name, "display_name": "新同事", "password": SECRET, "roles": roles, "teams": []}
    made = await admin.call("POST", "staff", body)
    assert made.status == 201, made.body
    return name


async def _log_in(gateway: Gateway, name: str, password: str = SECRET, **more: str):  # type: ignore[no-untyped-def]
    return await gateway.call("POST", "/api/v1/session", {"name": name, "password": password, **more})


async def test_a_session_says_who_and_what(gateway: Gateway) -> None:
    agent = await gateway.staff("agent1")
    shown = await agent.call("GET", "session")
    assert shown.status == 200
    assert shown.body["staff"]["roles"] == ["agent"]
    assert "desk.use" in shown.body["staff"]["permissions"]
    assert shown.body["csrf"] == agent.csrf


async def test_cookies_are_for_http_and_this_site_only(gateway: Gateway) -> None:
    opened = await _log_in(gateway, "agent1", PASSWORD)
    cookie = opened.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_wrong_name_and_a_wrong_password_are_told_alike(gateway: Gateway) -> None:
    one = await _log_in(gateway, "nobody-here", "x")
    other = await _log_in(gateway, "agent2", "x")
    assert (one.status, one.code) == (other.status, other.code) == (401, "unauthorized")
    assert one.body["error"]["message"] == other.body["error"]["message"]


async def test_guessing_is_slowed_down(gateway: Gateway) -> None:
    name = await _account(gateway, ["agent"])
    answers = [await _log_in(gateway, name, f"guess {number}") for number in range(12)]
    assert answers[-1].status == 429
    assert "Retry-After" in answers[-1].headers


async def test_two_people_work_in_one_browser(gateway: Gateway) -> None:
    agent, supervisor = await gateway.staff("agent1", 1), await gateway.staff("supervisor1", 2)
    both = f"{agent.cookie}; {supervisor.cookie}"
    one = await agent.call("GET", "session", Cookie=both)
    other = await supervisor.call("GET", "session", Cookie=both)
    assert one.body["staff"]["name"] == "agent1"
    assert other.body["staff"]["name"] == "supervisor1"


async def test_a_change_without_the_csrf_token_is_refused(gateway: Gateway) -> None:
    admin = await gateway.staff("admin")
    refused = await admin.call("POST", "keys", {"name": "x", "role": "agent"}, X_CSRF_Token="wrong")
    assert (refused.status, refused.code) == (403, "forbidden")
    foreign = await admin.call("POST", "keys", {"name": "x", "role": "agent"}, Origin="http://evil.example")
    assert foreign.status == 403


async def test_every_route_refuses_who_may_not(gateway: Gateway) -> None:
    """The table itself is walked, so a new route is covered the day it is written."""
    guest = await _account(gateway, ["guest"])
    opened = await _log_in(gateway, guest)
    cookie = opened.headers["Set-Cookie"].split(";", 1)[0]
    checked = 0
    for route in public_routes(True):
        path = route.path.split(":", 1)[0] if "{rest" in route.path else route.path
        for name in ("{id}", "{serial}", "{message_id}", "{seq}", "{article_id}", "{token}", "{key}"):
            path = path.replace(name, "x")
        if "{" in path or (
            route.access not in (Access.STAFF, Access.VISITOR) and not isinstance(route.access, Permission)
        ):
            continue
        nobody = await gateway.call(route.method, path)
        assert (nobody.status, nobody.code) == (401, "unauthorized"), (route.method, path)
        if isinstance(route.access, Permission):
            refused = await gateway.call(
                route.method, path, {}, Cookie=cookie, X_CSRF_Token=opened.body["csrf"], X_Desk_Slot="0"
            )
            assert (refused.status, refused.code) == (403, "forbidden"), (route.method, path)
        checked += 1
    assert checked > 60


async def test_a_changed_password_ends_the_other_sessions(gateway: Gateway) -> None:
    name = await _account(gateway, ["agent"])
    one, other = await _log_in(gateway, name), await _log_in(gateway, name)
    headers = {"Cookie": one.headers["Set-Cookie"].split(";", 1)[0], "X_CSRF_Token": one.body["csrf"]}
    wrong = await gateway.call("POST", "/api/v1/session/password", {"old": "x", "new": "另一个长密码 1"}, **headers)
    assert wrong.status == 422
    done = await gateway.call("POST", "/api/v1/session/password", {"old": SECRET, "new": "另一个长密码 1"}, **headers)
    assert done.status == 204
    assert (await gateway.call("GET", "/api/v1/session", Cookie=headers["Cookie"])).status == 200
    old = other.headers["Set-Cookie"].split(";", 1)[0]
    assert (await gateway.call("GET", "/api/v1/session", Cookie=old)).status == 401
    assert (await _log_in(gateway, name)).status == 401
    assert (await _log_in(gateway, name, "另一个长密码 1")).status == 201


async def test_a_disabled_account_is_out_at_once(gateway: Gateway) -> None:
    name = await _account(gateway, ["agent"])
    opened = await _log_in(gateway, name)
    cookie = opened.headers["Set-Cookie"].split(";", 1)[0]
    admin = await gateway.staff("admin")
    staff_id = opened.body["staff"]["id"]
    assert (await admin.call("PATCH", f"staff/{staff_id}", {"disabled": True})).status == 204
    assert (await gateway.call("GET", "/api/v1/session", Cookie=cookie)).status == 401
    assert (await _log_in(gateway, name)).status == 401


async def test_admins_cannot_lock_themselves_out(gateway: Gateway) -> None:
    admin = await gateway.staff("admin")
    own = admin.session["staff"]["id"]
    assert (await admin.call("PATCH", f"staff/{own}", {"disabled": True})).status == 409
    assert (await admin.call("PATCH", f"staff/{own}", {"roles": ["agent"]})).status == 409


async def test_a_second_factor_is_asked_for_and_works_once(gateway: Gateway) -> None:
    name = await _account(gateway, ["agent"])
    opened = await _log_in(gateway, name)
    headers = {"Cookie": opened.headers["Set-Cookie"].split(";", 1)[0], "X_CSRF_Token": opened.body["csrf"]}
    started = await gateway.call("POST", "/api/v1/session/totp/start", {}, **headers)
    assert started.body["svg"].startswith("<svg")
    clock = gateway.services.clock
    totp = pyotp.TOTP(started.body["secret"])
    present = int(clock.now().timestamp()) // 30
    body = {"secret": started.body["secret"], "code": totp.at((present - 1) * 30)}
    assert (await gateway.call("POST", "/api/v1/session/totp/confirm", body, **headers)).status == 204
    asked = await _log_in(gateway, name)
    assert (asked.status, asked.code) == (401, "totp_required")
    code = totp.at(present * 30)
    assert (await _log_in(gateway, name, totp=code)).status == 201
    again = await _log_in(gateway, name, totp=code)
    assert (again.status, again.code) == (401, "unauthorized")


async def test_a_program_has_a_key_with_a_role(gateway: Gateway) -> None:
    admin = await gateway.staff("admin")
    made = await admin.call("POST", "keys", {"name": "报表程序", "role": "manager"})
    assert made.status == 201
    bearer = f"Bearer {made.body['key']}"
    assert (await gateway.call("GET", "/api/v1/tickets", Authorization=bearer)).status == 403
    assert (await gateway.call("GET", "/api/v1/figures/overview", Authorization=bearer)).status == 200
    listed = (await admin.call("GET", "keys")).body["items"]
    assert made.body["key"] not in str(listed)
    assert (await admin.call("DELETE", f"keys/{made.body['id']}")).status == 204
    assert (await gateway.call("GET", "/api/v1/figures/overview", Authorization=bearer)).status == 401


async def test_secrets_of_channels_never_come_out(gateway: Gateway) -> None:
    admin = await gateway.staff("admin")
    body = {"kind": "wechat", "name": "测试号", "key": "test-oa", "config": {"token": "顶级机密", "app_id": "wx1"}}
    made = await admin.call("POST", "channels", body)
    assert made.status == 201
    assert made.body["secrets"] == {"token": True, "aes_key": False, "secret": False}
    listed = await admin.call("GET", "channels")
    assert "顶级机密" not in str(listed.body)
    changed = await admin.call("PATCH", f"channels/{made.body['id']}", {"config": {"token": "", "app_id": "wx2"}})
    assert changed.status == 204
    again = next(each for each in (await admin.call("GET", "channels")).body["items"] if each["key"] == "test-oa")
    assert again["config"]["app_id"] == "wx2"
    assert again["secrets"]["token"] is True
    assert (await admin.call("POST", "channels", body)).status == 409
    for site in ("https://shop.example/path", "shop.example", "javascript:alert(1)"):
        bad = {"kind": "web", "name": "站", "key": "site-x", "sites": [site]}
        assert (await admin.call("POST", "channels", bad)).status == 422


async def test_what_was_done_stands_in_the_audit(gateway: Gateway) -> None:
    admin = await gateway.staff("admin")
    name = await _account(gateway, ["agent"])
    records = (await admin.call("GET", "audit?limit=5")).body["items"]
    assert "account.added" in [each["action"] for each in records]
    assert SECRET not in str(records)
    assert name
    assert await gateway.services.audit.first_bad(gateway.services.db) is None
