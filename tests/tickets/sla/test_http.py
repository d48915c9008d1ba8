"""Promises by HTTP on a whole gateway: settings, calendars, robots, and timers that survive a restart."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from tests.tickets.test_http import House

Json = dict[str, Any]
_REDIS_NUMBERS = itertools.cycle(range(1, 16))


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[House]:
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


@pytest.fixture
async def settings(tmp_path: Path, redis_url: str) -> Settings:
    url = f"{redis_url}?db={next(_REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    return Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with started(settings) as found:
        yield found


def _policy(**more: Any) -> Json:
    return {"name": "会员加急", "limits": {"resolution": {"limit_s": 3600, "warn_s": None}}, **more}


async def test_the_delivered_promises_are_those_of_the_service(house: House) -> None:
    agent = await house.person("reader", "agent")
    shown = await house.call("GET", "/sla", 200, agent)
    limits = {each["id"]: each["limits"] for each in shown["policies"]}
    assert limits["chat"]["first_response"]["limit_s"] == 180
    assert limits["social"]["first_response"]["limit_s"] == 3600
    assert limits["mail"]["first_response"]["limit_s"] == 7200
    assert limits["technical"]["confirm"] == {"limit_s": 14_400, "warn_s": 7_200}
    assert limits["content-report"]["resolution"]["limit_s"] == 86_400
    assert limits["everything"]["conclusion"]["limit_s"] == 86_400
    assert [step["who"] for step in shown["chain"]] == ["agent", "senior", "supervisor", "expert", "head"]


async def test_only_who_may_edit_edits_and_each_edit_is_in_the_audit(house: House) -> None:
    admin, agent = await house.person("boss", "admin"), await house.person("helper", "agent")
    await house.call("POST", "/sla/policies", 403, agent, _policy())
    made = await house.call("POST", "/sla/policies", 201, admin, _policy(match={"levels": ["vip"]}))
    changed = _policy(name="会员加急 2", match={"levels": ["vip"]}, enabled=False)
    await house.call("PUT", f"/sla/policies/{made['id']}", 200, admin, changed)
    ids = [each["id"] for each in (await house.call("GET", "/sla", 200, admin))["policies"]]
    assert ids[0] == made["id"], "what is added is special, so it stands in front"
    await house.call("PUT", "/sla/order", 204, admin, {"ids": [*ids[1:], ids[0]]})
    await house.call("PUT", "/sla/order", 422, admin, {"ids": ids[1:]})
    await house.call("DELETE", f"/sla/policies/{made['id']}", 204, admin)
    await house.call("DELETE", f"/sla/policies/{made['id']}", 404, admin)
    actions = [each["action"] for each in (await house.call("GET", "/audit", 200, admin))["items"]]
    for action in ("added", "changed", "removed"):
        assert f"sla.policy_{action}" in actions
    assert "sla.policies_ordered" in actions


@pytest.mark.parametrize(
    "wrong",
    [
        {"limits": {}},
        {"limits": {"resolution": {"limit_s": 0}}},
        {"limits": {"resolution": {"limit_s": 100, "warn_s": 100}}},
        {"limits": {"lunch": {"limit_s": 100}}},
        {"limits": {"next_step": {"limit_s": 100}}},
        {"calendar_id": "nowhere"},
        {"name": ""},
    ],
)
async def test_promises_that_no_clock_can_measure_are_refused(house: House, wrong: Json) -> None:
    admin = await house.person("boss", "admin")
    await house.call("POST", "/sla/policies", 422, admin, _policy(**wrong))


async def test_an_edit_holds_for_running_clocks_at_once(house: House) -> None:
    admin = await house.person("boss", "admin")
    agent = await house.person("helper", "agent", "payment")
    _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    (before,) = await _running(house, agent, serial, "first_response")
    body = {"name": "慢一点", "limits": {"first_response": {"limit_s": 5_400}}, "match": {"channels": ["web"]}}
    await house.call("POST", "/sla/policies", 201, admin, body)
    (after,) = await _running(house, agent, serial, "first_response")
    assert _at(after["due_at"]) - _at(before["due_at"]) == timedelta(seconds=5_400 - 180)
    assert after["policy"] == "慢一点"
    brief = (await house.call("GET", f"/tickets?view=all&q={serial}", 200, agent))["items"][0]
    assert brief["sla"]["state"] == "running"
    # Another calendar bears on it as well.
    hours = {"mon": [["09:00", "12:00"], ["13:30", "18:00"]]}
    calendar = {"name": "只有周一", "timezone": "Asia/Shanghai", "hours": hours}
    made = await house.call("POST", "/calendars", 201, admin, calendar)
    await house.call("PUT", f"/teams/{brief['team_id']}/calendar", 204, admin, {"calendar_id": made["id"]})
    (moved,) = await _running(house, agent, serial, "resolution")
    assert _at(moved["due_at"]).weekday() == 0
    await house.call("DELETE", f"/calendars/{made['id']}", 409, admin)


async def _running(house: House, who: dict[str, str], serial: str, kind: str) -> list[Json]:
    detail = await house.call("GET", f"/tickets/{serial}", 200, who)
    return [each for each in detail["sla"]["clocks"] if each["kind"] == kind and each["runs"]]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_trial_says_what_would_be_promised(house: House) -> None:
    agent = await house.person("helper", "agent")
    query = "category=technical/playback&channel=mail&team=technical&at=2026-11-23T01:00:00Z"
    items = (await house.call("GET", f"/sla/try?{query}", 200, agent))["items"]
    found = {each["kind"]: each for each in items}
    assert found["confirm"]["policy_id"] == "technical"
    assert found["confirm"]["due_at"] == "2026-11-23T05:00:00.000Z"
    assert found["confirm"]["warn_at"] == "2026-11-23T03:00:00.000Z"
    assert found["first_response"]["due_at"] == "2026-11-23T03:00:00.000Z"
    assert set(found) == {"confirm", "first_response", "next_response", "resolution", "conclusion"}


async def test_the_chain_is_edited_and_nobody_stands_in_it_twice(house: House) -> None:
    admin = await house.person("boss", "admin")
    chain = [{"who": "agent", "after_s": 0}, {"who": "head", "after_s": 600}]
    await house.call("PUT", "/sla/chain", 204, admin, {"chain": chain, "tell": ["resolution"]})
    shown = await house.call("GET", "/sla", 200, admin)
    assert (shown["chain"], shown["tell"], shown["head_id"]) == (chain, ["resolution"], None)
    await house.call("PUT", "/sla/chain", 422, admin, {"chain": chain * 2, "tell": []})
    await house.call("PUT", "/sla/chain", 422, admin, {"chain": chain, "head_id": "stf_nobody"})


async def test_a_years_days_are_imported_by_lines(house: House) -> None:
    admin = await house.person("boss", "admin")
    text = "2027-01-01 休\n2027-02-05~2027-02-11 休\n2027-01-30,班\n"
    found = await house.call("POST", "/calendars/office/days", 200, admin, {"year": 2027, "text": text})
    assert "2027-02-07" in found["holidays"]
    assert "2026-10-01" in found["holidays"], "other years stay"
    assert "2027-01-30" in found["workdays"]
    again = await house.call("POST", "/calendars/office/days", 200, admin, {"year": 2027, "text": "2027-01-01 休"})
    assert [day for day in again["holidays"] if day.startswith("2027")] == ["2027-01-01"]
    await house.call("POST", "/calendars/office/days", 422, admin, {"year": 2027, "text": "2027-13-01 休"})
    await house.call("POST", "/calendars/office/days", 422, admin, {"year": 2031})
    await house.call("POST", "/calendars/nowhere/days", 404, admin, {"year": 2027, "text": text})


async def test_hours_that_overlap_are_refused(house: House) -> None:
    admin = await house.person("boss", "admin")
    hours = {"mon": [["09:00", "12:00"], ["11:00", "18:00"]]}
    await house.call("POST", "/calendars", 422, admin, {"name": "x", "timezone": "Asia/Shanghai", "hours": hours})
    await house.call("POST", "/calendars", 422, admin, {"name": "x", "timezone": "Mars/Olympus", "hours": {}})


async def test_robots_show_no_key_and_are_tested_at_once(house: House) -> None:
    admin, agent = await house.person("boss", "admin"), await house.person("helper", "agent")
    heard: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        heard.append(await request.json())
        return web.json_response({"errcode": 0, "errmsg": "ok"})

    app = web.Application()
    app.router.add_post("/cgi-bin/webhook/send", take)
    async with TestServer(app) as server:
        url = f"http://127.0.0.1:{server.port}/cgi-bin/webhook/send?key=very-secret"
        body = {"name": "值班群", "kind": "wecom", "url": url, "topics": ["breach"]}
        await house.call("POST", "/robots", 403, agent, body)
        made = await house.call("POST", "/robots", 201, admin, body)
        assert "very-secret" not in str(await house.call("GET", "/robots", 200, admin))
        line = await house.call("POST", f"/robots/{made['id']}/test", 200, admin)
        assert line["state"] == "sent"
        assert len(heard) == 1
        changed = await house.call("PATCH", f"/robots/{made['id']}", 200, admin, {"topics": ["alarm"]})
        assert changed["topics"] == ["alarm"]
        line = await house.call("POST", f"/robots/{made['id']}/test", 200, admin)
        assert line["state"] == "sent", "an address that was not named stays"
    journal = await house.call("GET", f"/robots/{made['id']}/log", 200, admin)
    assert [each["topic"] for each in journal["items"]] == ["test", "test"]
    await house.call("POST", "/robots", 422, admin, {**body, "url": "http://example.org/"})
    await house.call("POST", "/robots", 422, admin, {**body, "topics": []})
    await house.call("DELETE", f"/robots/{made['id']}", 204, admin)
    await house.call("GET", f"/robots/{made['id']}/log", 404, admin)


async def test_promises_survive_three_hours_without_a_process(settings: Settings) -> None:
    """Everything is stopped, three hours pass, it starts again: each warning and breach happens once, then never."""
    async with started(settings) as house:
        _, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")

    later = replace(settings, clock_offset_s=3 * 3600.0)
    for start in ("first", "second"):
        async with started(later) as house:
            while await house.services.jobs.run_due():
                pass
            agent = await house.person(start, "agent", "payment")
            detail = await house.call("GET", f"/tickets/{serial}", 200, agent)
    kinds = [each["kind"] for each in detail["events"]]
    assert kinds.count("sla_warning") == 2, "first words, confirmation"
    assert kinds.count("sla_breached") == 2
    assert {each["text"][:4] for each in detail["events"] if each["kind"] == "sla_breached"} == {"首次人工", "确认接手"}
    assert detail["sla"]["state"] == "broken"
    notices = [each for each in detail["messages"] if "最晚" in each["text"]]
    assert len(notices) == 1
