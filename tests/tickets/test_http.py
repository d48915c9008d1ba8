"""Tickets by HTTP on a whole gateway: staff, a customer in the chat, pages behind links, feedback from a site."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import insert

from bot.store import channels
from core.clock import rfc3339
from core.ids import new_id
from core.people.tables import staff
from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from gateway.services import Services
from tests.fixtures.staff import accept_agreement
from tickets import surveys

Json = dict[str, Any]
SITE = "http://shop.example"
REDIS_NUMBERS = itertools.cycle(range(1, 16))


@dataclass
class House:
    """One gateway and its doors."""

    services: Services
    client: TestClient[Any, Any]

    async def call(
        self, method: str, path: str, status: int, headers: dict[str, str], body: Json | None = None
    ) -> Json:
        async with self.client.request(method, f"/api/v1{path}", json=body, headers=headers) as response:
            assert response.status == status, await response.text()
            found: Json = {} if status == 204 else await response.json()
            return found

    async def person(self, name: str, role: str, team: str = "general") -> dict[str, str]:
        """The headers of somebody who is logged in."""
        parts, staff_id = self.services, new_id("stf")
        async with parts.db.begin() as tx:
            values = {"id": staff_id, "name": name, "display_name": name, "roles": [role]}
            await tx.execute(insert(staff).values(created_at=parts.clock.now(), **values))
            await parts.people.set_teams(tx, staff_id, [team])
        await accept_agreement(parts, staff_id)
        session = await parts.auth.open_session(staff_id, address="", agent="")
        return {"Cookie": f"fl_s1={session.secret}", "X-Desk-Slot": "1", "X-CSRF-Token": session.viewer.csrf}

    async def customer(self, *texts: str) -> tuple[dict[str, str], str]:
        """The headers of a customer who wrote these texts, and the number of their ticket."""
        made = await self.call("POST", "/chat/sessions", 201, {}, {})
        headers = {"Authorization": f"Bearer {made['token']}"}
        for number, text in enumerate(texts):
            await self.call("POST", "/chat/messages", 202, headers, {"client_message_id": f"c{number}", "text": text})
        async with asyncio.timeout(20):
            while True:
                page = await self.call("GET", "/chat/messages?after_seq=0&wait_s=1", 200, headers)
                if page["messages"][-1]["author"] != "customer":
                    return headers, page["state"]["ticket_serial"]


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite with a logical Redis database of its own."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


async def test_the_whole_life_of_a_matter_that_nobody_was_there_for(house: House) -> None:
    """Number given, answered from the ticket, resolved, 不满意, an expert, content, closed."""
    customer, serial = await house.customer("支付失败了 钱扣了会员没到账", "转人工")
    agent = await house.person("agent-a", "agent", "payment")
    expert, supervisor = await house.person("expert-a", "expert", "experts"), await house.person("boss", "supervisor")

    (item,) = (await house.call("GET", "/tickets?view=open&q=没到账", 200, agent))["items"]
    assert (item["serial"], item["state_text"], item["team_name"]) == (serial, "待处理", "支付组")
    said = {"client_message_id": "a1", "text": "您好,我来处理"}
    first = await house.call("POST", f"/tickets/{serial}/messages", 202, agent, said)
    assert await house.call("POST", f"/tickets/{serial}/messages", 202, agent, said) == first
    at = rfc3339(house.services.clock.now() + timedelta(hours=2))
    brief = await house.call("POST", f"/tickets/{serial}/next-step", 200, agent, {"text": "核对订单", "at": at})
    assert (brief["state"], brief["next_step"], brief["next_step_at"]) == ("in_progress", "核对订单", at)
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, {"solution": "已补发会员。"})
    page = await house.call("GET", "/chat/messages?after_seq=0", 200, customer)
    assert page["state"]["survey"] == {"ticket_serial": serial}
    assert page["state"]["mode"] == "bot"
    rating = {"rating": 1, "solved": False, "text": "没有到账"}
    for _ in range(2):
        await house.call("POST", f"/chat/tickets/{serial}/survey", 204, customer, rating)

    (top, *_) = (await house.call("GET", "/tickets?view=expert", 200, expert))["items"]
    assert (top["serial"], top["tier"], top["reopened_count"], top["rating"]) == (serial, 3, 1, 1)
    (wanted,) = (await house.call("GET", "/tickets?view=review", 200, supervisor))["items"]
    assert wanted["serial"] == serial
    await house.call("POST", f"/tickets/{serial}/review", 403, agent, {"finding": "x", "agree": True})
    await house.call("POST", f"/tickets/{serial}/review", 200, supervisor, {"finding": "漏查了渠道单", "agree": True})
    await house.call("POST", f"/tickets/{serial}/confirm", 200, expert)
    await house.call("POST", f"/tickets/{serial}/resolve", 200, expert, {"solution": "渠道已补单,现在可以观看。"})
    await house.call("POST", f"/chat/tickets/{serial}/survey", 204, customer, {"rating": 4, "solved": True})

    detail = await house.call("GET", f"/tickets/{serial}", 200, expert)
    assert (detail["state"], detail["close_ground"], detail["rating"]) == ("closed", "customer_confirmed", 4)
    assert [each["number"] for each in detail["events"]] == list(range(1, detail["version"] + 1))
    assert {"reopen", "notes"} <= set(detail["allowed"])
    mine = (await house.call("GET", "/chat/tickets", 200, customer))["tickets"]
    assert [(each["serial"], each["state"]) for each in mine] == [(serial, "closed")]
    told = str(await house.call("GET", f"/chat/tickets/{serial}", 200, customer))
    assert "已补发会员" in told
    assert "核对订单" not in told
    assert "漏查" not in told


async def test_changes_need_the_version_that_was_read_and_the_right_hands(house: House) -> None:
    _, serial = await house.customer("视频黑屏没声音", "转人工")
    agent = await house.person("agent-a", "agent", "technical")
    classifier = await house.person("sorter", "classifier", "sorting")
    manager = await house.person("chief", "manager")
    version = (await house.call("GET", f"/tickets/{serial}", 200, agent))["version"]
    path = f"/tickets/{serial}"
    changed = await house.call("PATCH", path, 200, classifier, {"version": version, "category_id": "technical/client"})
    assert (changed["category_name"], changed["version"]) == ("技术/客户端", version + 1)
    await house.call("PATCH", path, 409, agent, {"version": version, "priority": 1})
    await house.call("PATCH", path, 403, classifier, {"version": version + 1, "priority": 1})
    await house.call("PATCH", path, 422, agent, {"version": version + 1, "colour": "red"})
    await house.call("PATCH", path, 422, agent, {"version": version + 1, "category_id": "no/such"})
    await house.call("GET", path, 403, manager)
    await house.call("GET", path, 401, {})
    await house.call("GET", "/tickets/FL-20200101-000001", 404, agent)
    refused = await house.call("POST", f"{path}/reopen", 409, agent, {"reason": "x"})
    assert refused["error"]["code"] == "conflict"
    assert "可以重新打开" in refused["error"]["message"]
    await house.call("POST", f"{path}/escalate", 422, agent, {"to": "expert", "summary": " "})
    await house.call("GET", "/tickets?view=nonsense", 422, agent)
    house.services.figures.forget_looking()
    figures = await house.call("GET", "/figures/overview?days=7", 200, manager)
    assert figures["volume"][-1]["tier_2"] == 1
    names = [each["name"] for each in (await house.call("GET", "/categories", 200, manager))["items"]]
    assert names[:2] == ["技术", "会员与支付"]


async def test_pages_behind_links_need_nothing_but_the_link(house: House) -> None:
    _, serial = await house.customer("发票开错抬头了", "转人工")
    agent = await house.person("agent-a", "agent", "payment")
    parts = house.services
    found = await parts.tickets.detail(serial, set())
    token = parts.tickets.ticket_link(found["id"]).rpartition("/")[2]
    assert (await house.call("GET", f"/t/{token}", 200, {}))["serial"] == serial
    await house.call("POST", f"/t/{token}/messages", 204, {}, {"text": "抬头应为星屿一号"})
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, {"solution": "已重开。"})
    async with parts.db.read() as tx:
        (survey,) = await surveys.of_ticket(tx, found["id"])
    survey_token = parts.auth.tokens.link("survey", survey.id)
    shown = await house.call("GET", f"/s/{survey_token}", 200, {})
    assert (shown["serial"], shown["survey"]) == (serial, None)
    await house.call("POST", f"/s/{survey_token}", 204, {}, {"rating": 3, "solved": True})
    assert (await house.call("GET", f"/t/{token}", 200, {}))["state"] == "closed"
    await house.call("POST", f"/t/{token}/reopen", 204, {}, {"text": "还是错的"})
    assert (await house.call("GET", f"/t/{token}", 200, {}))["state"] == "new"
    for bad in ("nonsense", survey_token, token[:-4] + "AAAA"):
        await house.call("GET", f"/t/{bad}", 404, {})


async def test_feedback_crosses_origins_and_asks_consent_for_a_contact(house: House) -> None:
    parts = house.services
    channel = await parts.web.channel(None)
    async with parts.db.begin() as tx:
        await channels.change(tx, channel.id, sites=(SITE,))
    wish: Json = {"channel_key": "web", "kind": "problem", "text": "播放一直转圈", "phone": "13812345678"}
    await house.call("POST", "/feedback", 422, {"Origin": SITE}, wish)
    await house.call("POST", "/feedback", 403, {"Origin": "http://evil.example"}, wish)
    made = await house.call("POST", "/feedback", 201, {"Origin": SITE}, {**wish, "consent": True})
    token = made["url"].rpartition("/")[2]
    shown = await house.call("GET", f"/t/{token}", 200, {})
    assert (shown["serial"], shown["title"]) == (made["serial"], "播放一直转圈")
    agent = await house.person("agent-a", "agent", "technical")
    detail = await house.call("GET", f"/tickets/{made['serial']}", 200, agent)
    assert (detail["customer"]["phone_masked"], detail["reason"]) == ("138****5678", "feedback")
    async with house.client.options("/api/v1/feedback", headers={"Origin": SITE}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == SITE
