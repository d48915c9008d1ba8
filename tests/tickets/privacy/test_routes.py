"""Every route of the public server against every role: what is not allowed is refused before anything happens."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from core.people.roles import Permission, Role, permissions_of
from gateway.http.gate import RECORDS
from gateway.http.kit import STAFF, Route
from gateway.http.table import public_routes
from tests.tickets.test_http import House, house
from tickets.privacy.tables import reveals
from tickets.tables import tickets

assert house
STAFFS_ROUTES = [each for each in public_routes(True) if each.access is STAFF or isinstance(each.access, Permission)]


def _path(route: Route, serial: str) -> str:
    path = route.path.removeprefix("/api/v1").replace("{serial}", serial)
    return re.sub(r"\{[^{}:]+(:[^{}]*)?\}", "x", path)


async def _answer(house: House, route: Route, serial: str, headers: dict[str, str]) -> tuple[int, str]:
    url = f"/api/v1{_path(route, serial)}"
    async with house.client.request(route.method, url, json={}, headers=headers) as response:
        told = await response.json() if response.content_type == "application/json" else {}
        return response.status, told["error"]["code"] if response.status >= 400 else ""


async def test_nobody_comes_in_without_a_session(house: House) -> None:
    for route in STAFFS_ROUTES:
        assert await _answer(house, route, "FL-20260101-000001", {}) == (401, "unauthorized"), route.path


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_is_refused_what_it_has_no_permission_for(house: House, role: Role) -> None:
    headers = await house.person("somebody", role.value)
    for route in STAFFS_ROUTES:
        if isinstance(route.access, Permission) and route.access not in permissions_of([role]):
            status, code = await _answer(house, route, "FL-20260101-000001", headers)
            assert (status, code) == (403, "forbidden"), f"{route.method} {route.path}"


@pytest.mark.parametrize("role", [Role.AGENT, Role.EXPERT, Role.CLASSIFIER, Role.ADMIN])
async def test_every_route_of_a_ticket_asks_for_a_reason_outside_the_teams(house: House, role: Role) -> None:
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    async with house.services.db.begin() as tx:
        # Taken on, so that it is not the classifiers' either.
        await tx.execute(update(tickets).values(state="in_progress", assignee_id="stf_other"))
    headers = await house.person("somebody", role.value, "community")
    walked = 0
    for route in STAFFS_ROUTES:
        if not route.path.startswith("/api/v1/tickets/{serial}") or route.path.endswith("/open"):
            continue
        if isinstance(route.access, Permission) and route.access not in permissions_of([role]):
            continue
        assert await _answer(house, route, serial, headers) == (403, "reason_required"), f"{route.method} {route.path}"
        walked += 1
    assert walked > 1


async def test_a_reason_opens_for_a_shift_and_stands_in_the_audit(house: House) -> None:
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    agent = await house.person("agent-a", "agent", "community")
    assert (await house.call("GET", f"/tickets/{serial}", 403, agent))["error"]["code"] == "reason_required"
    assert (await house.call("GET", "/tickets?view=all", 200, agent))["items"] == []
    (found,) = (await house.call("GET", "/tickets?view=all&outside=1&q=没到账", 200, agent))["items"]
    assert (found["serial"], found["state"], found["title"]) == (serial, "new", "支付失败****")
    assert found["customer_name"] is found["assignee_name"] is found["next_step"] is None
    await house.call("GET", "/tickets?view=all&outside=1", 422, agent)
    await house.call("POST", f"/tickets/{serial}/open", 422, agent, {"reason": "看看"})
    await house.call("POST", "/tickets/FL-20260101-000001/open", 404, agent, {"reason": "用户在社区里追问"})
    opened = await house.call("POST", f"/tickets/{serial}/open", 201, agent, {"reason": "用户在社区里追问进度"})
    assert opened["until"] is not None
    conversation_id = (await house.call("GET", f"/tickets/{serial}", 200, agent))["conversation_id"]
    await house.call("GET", f"/desk/conversations/{conversation_id}", 200, agent)
    other = await house.person("agent-b", "agent", "community")
    await house.call("GET", f"/tickets/{serial}", 403, other)
    refused = await house.call("GET", f"/desk/conversations/{conversation_id}", 403, other)
    assert refused["error"]["code"] == "reason_required"

    async with house.services.db.begin() as tx:
        records = await house.services.audit.page(tx)
    (record,) = [each for each in records if each.action == "ticket.opened_outside"]
    assert (record.object, record.data["reason"]) == (serial, "用户在社区里追问进度")


async def test_a_program_reads_what_its_role_may_in_every_team(house: House) -> None:
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    for role, status in ((Role.AGENT, 200), (Role.ADMIN, 200), (Role.MANAGER, 403)):
        _, key = await house.services.auth.add_key("reports", role, by="test")
        await house.call("GET", f"/tickets/{serial}", status, {"Authorization": f"Bearer {key}"})


async def test_records_wait_for_the_agreement_and_for_each_new_version(house: House) -> None:
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    agent = await house.person("agent-a", "agent", "payment")
    admin = await house.person("chief", "admin")
    await house.call("GET", f"/tickets/{serial}", 200, agent)
    await house.call("PUT", "/agreement", 403, agent, {"text": "新" * 30})
    await house.call("PUT", "/agreement", 422, admin, {"text": "太短"})
    assert await house.call("PUT", "/agreement", 200, admin, {"text": "新版协议。" * 10}) == {"version": 2}
    await house.call("PUT", "/agreement", 409, admin, {"text": "新版协议。" * 10})

    for route in STAFFS_ROUTES:
        if route.access in RECORDS and route.access in permissions_of(["agent"]):
            answer = await _answer(house, route, serial, agent)
            assert answer == (403, "agreement_required"), f"{route.method} {route.path}"
    assert (await house.call("GET", "/session", 200, agent))["staff"]["must_accept_agreement"] is True
    shown = await house.call("GET", "/agreement", 200, agent)
    assert (shown["version"], shown["accepted"]) == (2, False)
    await house.call("POST", "/agreement/accept", 409, agent, {"version": 1})
    for _ in range(2):
        await house.call("POST", "/agreement/accept", 204, agent, {"version": 2})
    await house.call("GET", f"/tickets/{serial}", 200, agent)
    accepted = await house.call("GET", "/agreement/acceptances", 200, admin)
    assert {each["name"]: each["how"] for each in accepted["items"]} == {"agent-a": "desk", "chief": None}


async def test_a_masked_value_is_shown_for_a_minute_to_who_says_why(house: House) -> None:
    customer, serial = await house.customer("支付失败了 手机13812345678 会员没到账", "转人工")
    await house.call("POST", "/chat/contact", 204, customer, {"phone": "13987654321", "consent": True})
    agent = await house.person("agent-a", "agent", "payment")
    other = await house.person("agent-b", "agent", "payment")
    inspector = await house.person("reader", "inspector")
    path = f"/tickets/{serial}/reveals"
    detail = str(await house.call("GET", f"/tickets/{serial}", 200, agent))
    assert "13812345678" not in detail
    assert "13987654321" not in detail
    await house.call("POST", path, 422, agent, {"what": "phone", "reason": " "})
    await house.call("POST", path, 422, agent, {"what": "password_hash", "reason": "核对用户身份"})
    await house.call("POST", path, 404, agent, {"what": "email", "reason": "核对用户身份"})
    await house.call("POST", path, 403, inspector, {"what": "phone", "reason": "核对用户身份"})
    shown = await house.call("POST", path, 201, agent, {"what": "phone", "reason": "回电核对订单"})
    assert shown["value"] == "13987654321"
    again = f"{path}/{shown['id']}"
    assert (await house.call("GET", again, 200, agent))["value"] == "13987654321"
    await house.call("GET", again, 404, other)
    words = await house.call("POST", path, 201, agent, {"what": "description", "reason": "回电核对订单"})
    assert "13812345678" in words["value"]

    async with house.services.db.begin() as tx:
        past = house.services.clock.now() - timedelta(seconds=1)
        await tx.execute(update(reveals).values(until=past))
        records = await house.services.audit.page(tx)
    assert (await house.call("GET", again, 404, agent))["error"]["code"] == "reveal_over"
    told = [each.data for each in records if each.action == "value.revealed"]
    assert [each["what"] for each in told] == ["description", "phone"]
    assert "1398765" not in str(told)


async def test_views_are_saved_shared_and_counted(house: House) -> None:
    await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    lin, zhou = await house.person("lin", "agent", "payment"), await house.person("zhou", "agent", "payment")
    wish = {"name": "没到账", "filters": {"view": "team", "q": "没到账"}, "sort": "", "columns": ["title"]}
    own = await house.call("POST", "/ticket-views", 201, lin, wish)
    shared = await house.call("POST", "/ticket-views", 201, lin, {**wish, "name": "组内", "team_id": "payment"})
    await house.call("POST", "/ticket-views", 403, lin, {**wish, "team_id": "community"})
    await house.call("POST", "/ticket-views", 422, lin, {**wish, "filters": {"colour": "red"}})
    seen = (await house.call("GET", "/ticket-views", 200, zhou))["items"]
    assert [(each["name"], each["mine"], each["owner_name"]) for each in seen] == [("组内", False, "lin")]
    await house.call("PUT", f"/ticket-views/{shared['id']}", 404, zhou, wish)
    await house.call("DELETE", f"/ticket-views/{shared['id']}", 404, zhou)
    counts = (await house.call("GET", "/ticket-views/counts", 200, lin))["counts"]
    assert (counts["team"], counts["mine"], counts[own["id"]], counts[shared["id"]]) == (1, 0, 1, 1)
    await house.call("PUT", f"/ticket-views/{own['id']}", 204, lin, {**wish, "name": "改名", "sort": "oldest"})
    await house.call("DELETE", f"/ticket-views/{shared['id']}", 204, lin)
    (left,) = (await house.call("GET", "/ticket-views", 200, lin))["items"]
    assert (left["name"], left["sort"], left["filters"]) == ("改名", "oldest", {"view": "team", "q": "没到账"})
